/* Policies: so far rules that suppress alerts for a while. */
#include "api/handlers.h"
#include "base/timetext.h"
#include "ingest/ingest.h"

static struct suppressions *suppressions_of(const struct request *request)
{
    return ingest_suppressions(request->api->options.ingest);
}

static enum err optional_text(
    const struct request *request, const char *name, struct str *ret, struct err_info *why)
{
    struct value v = value_get(request->body, str_of(name));
    *ret = v.type == VALUE_STRING ? value_str(v) : (struct str){ 0 };
    if (v.type != VALUE_STRING && v.type != VALUE_NULL)
        return err_named(why, ERR_INVALID, "body", "\"%s\" must be a text", name);
    return ERR_OK;
}

/* `expires` is a time, `expires_in` a span from now. */
static enum err read_expiry(const struct request *request, struct instant *ret, struct err_info *why)
{
    struct str at, in;
    int64_t span_us;
    TRY(optional_text(request, "expires", &at, why));
    TRY(optional_text(request, "expires_in", &in, why));
    if ((at.size > 0) == (in.size > 0))
        return err_named(why, ERR_INVALID, "body",
            "the body needs one of \"expires\", a time as in RFC 3339, and \"expires_in\", a span such as "
            "\"7d\"");
    if (in.size > 0) {
        TRY(span_parse(in, &span_us, why));
        ret->us = clock_now(request->api->options.clock).us + span_us;
        return ERR_OK;
    }
    if (!instant_parse(at, ret))
        return err_named(why, ERR_INVALID, "body", "\"expires\" must be a time as in RFC 3339");
    return ERR_OK;
}

static enum err check_fields(const struct request *request, struct err_info *why)
{
    static const char *const known[] = { "kind", "name", "source", "when", "reason", "expires", "expires_in",
        NULL };
    const struct value_entry *entries = value_map_entries(request->body);
    for (uint32_t i = 0; i < request->body.size; i++) {
        const char *const *word = known;
        while (*word && !value_is_text(entries[i].key, str_of(*word)))
            word++;
        if (!*word)
            return err_named(why, ERR_INVALID, "body", "a policy has no field \"%.*s\"",
                STR_ARG(value_str(entries[i].key)));
    }
    return ERR_OK;
}

static enum err create_policy(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct suppression_spec spec = { 0 };
    struct str kind;
    TRY(check_fields(request, why));
    TRY(optional_text(request, "kind", &kind, why));
    if (kind.size > 0 && !str_equal(kind, STR("suppression")))
        return err_named(why, ERR_INVALID, "body", "\"kind\" must be \"suppression\"");
    TRY(request_text(request, "name", &spec.name, why));
    TRY(request_text(request, "when", &spec.when, why));
    TRY(request_text(request, "reason", &spec.reason, why));
    TRY(optional_text(request, "source", &spec.source, why));
    TRY(read_expiry(request, &spec.expires, why));
    return suppression_create(
        suppressions_of(request), conn, &request->principal, &spec, &request->arena, ret, why);
}

void route_policy_create(struct request *request)
{
    request_write(request, 201, create_policy);
}

static enum err end_policy(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct id id;
    if (!id_parse(request->match.arguments[0], &id))
        return err_named(why, ERR_NOT_FOUND, "policy", "there is no such policy");
    return suppression_end(
        suppressions_of(request), conn, &request->principal, id, &request->arena, ret, why);
}

void route_policy_end(struct request *request)
{
    request_write(request, 200, end_policy);
}

void route_policy_show(struct request *request)
{
    request_show(request, suppression_show);
}

static enum err list_policies(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    return suppression_list(conn, query->tenant, query->after, query->limit, arena, ret, why);
}

void route_policies_list(struct request *request)
{
    request_list(request, list_policies);
}
