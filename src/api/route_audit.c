/* The audit chain, read and checked; and the proof that every accepted event ended somewhere. */
#include "api/answer.h"
#include "api/handlers.h"
#include "base/json.h"
#include "ingest/event.h"

/* ---- rows ---- */

static FALLIBLE add_json(struct value_map_builder *map, struct arena *arena, const char *name,
    struct str text, struct err_info *why)
{
    struct value v = value_null();
    struct json_options options = { .copy_strings = true };
    if (text.size > 0)
        TRY(json_parse(arena, text, &options, &v, why));
    return value_map_set(map, name, v, why);
}

static FALLIBLE row_value(
    struct arena *arena, const struct audit_row *row, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "seq", value_uint(row->seq), why));
    TRY(answer_instant(&map, "at", row->at, why));
    TRY(answer_text(&map, "actor_kind", row->actor_kind, why));
    TRY(answer_text(&map, "actor", row->actor_name, why));
    TRY(answer_id(&map, "actor_id", row->actor, why));
    TRY(answer_text(&map, "action", row->action, why));
    TRY(answer_text(&map, "object_kind", row->object_kind, why));
    TRY(answer_text(&map, "object", row->object, why));
    TRY(add_json(&map, arena, "before", row->before, why));
    TRY(add_json(&map, arena, "after", row->after, why));
    TRY(answer_text(&map, "reason", row->reason, why));
    TRY(answer_text(&map, "remote", row->remote, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static enum err list_rows(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct arena *arena = &request->arena;
    struct value_list_builder items;
    struct value_map_builder body;
    struct audit_page page;
    TRY(audit_list(conn, request->principal.tenant, request->context, arena, &page, why));
    value_list_begin(&items, arena);
    for (size_t i = 0; i < page.count; i++) {
        struct value item;
        TRY(row_value(arena, &page.rows[i], &item, why));
        TRY(value_list_add(&items, item, why));
    }
    value_map_begin(&body, arena);
    TRY(value_map_set(&body, "items", value_list_end(&items), why));
    TRY(value_map_set(&body, "next", page.next ? value_uint(page.next) : value_null(), why));
    *ret = value_map_end(&body);
    return ERR_OK;
}

void route_audit_list(struct request *request)
{
    struct list_query common;
    struct str text;
    int64_t before = 0;
    if (!request_list_query(request, &common))
        return;
    if (request_query(request, "before", &text) && (!str_to_int(text, &before) || before < 1)) {
        request_problem(request, 400, "query", "before must be the `next` of the page before");
        return;
    }
    struct audit_filter *filter = request_new_context(request, sizeof *filter);
    if (filter == NULL)
        return;
    *filter = (struct audit_filter){
        .since = common.since, .until = common.until, .before_seq = (uint64_t)before, .limit = common.limit
    };
    (void)request_query(request, "action", &filter->action); /* absent: any */
    (void)request_query(request, "object_kind", &filter->object_kind);
    (void)request_query(request, "object", &filter->object);
    (void)request_query(request, "actor", &filter->actor_name);
    request_read(request, list_rows);
}

/* ---- proofs ---- */

static enum err audit_events(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    return event_audit(conn, query->tenant, query->since, arena, ret, why);
}

void route_audit_events(struct request *request)
{
    request_list(request, audit_events);
}

static enum err verify_audit(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct audit_check check;
    struct value_map_builder builder;
    TRY(audit_verify(conn, request->api->options.vault, request->principal.tenant, &check, why));
    value_map_begin(&builder, &request->arena);
    TRY(value_map_set(&builder, "good", value_bool(check.is_good), why));
    TRY(value_map_set(&builder, "rows", value_uint(check.rows), why));
    TRY(value_map_set(
        &builder, "broken_seq", check.is_good ? value_null() : value_uint(check.broken_seq), why));
    if (!check.is_good) {
        TRY(answer_text(&builder, "code", str_of(check.broken_code), why));
        TRY(answer_text(&builder, "detail", str_of(check.broken_text), why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

void route_audit_verify(struct request *request)
{
    request_read(request, verify_audit);
}
