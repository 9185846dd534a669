/* Tokens, secrets, the audit chain. A token's text is shown once, a secret's never. */
#include "api/answer.h"
#include "api/handlers.h"
#include "base/timetext.h"

static enum err token_value(
    struct arena *arena, const struct token_info *info, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    AUTO(buf) struct buf scopes = { 0 };
    value_map_begin(&builder, arena);
    scopes_print(&scopes, &info->scopes);
    TRY(buf_check(&scopes, why));
    TRY(answer_id(&builder, "id", info->id, why));
    TRY(answer_text(&builder, "name", info->name, why));
    TRY(answer_text(&builder, "scopes", buf_str(&scopes), why));
    TRY(answer_instant(&builder, "created", info->created, why));
    TRY(answer_instant(&builder, "expires", info->expires, why));
    TRY(answer_instant(&builder, "last_used", info->last_used, why));
    TRY(answer_text(&builder, "created_by", info->created_by, why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static enum err tokens_page(struct request *request, struct value *ret, struct err_info *why)
{
    struct token_info *infos;
    size_t count;
    struct value_list_builder items;
    TRY(token_list(
        request->api->options.tokens, request->principal.tenant, &request->arena, &infos, &count, why));
    value_list_begin(&items, &request->arena);
    for (size_t i = 0; i < count; i++) {
        struct value item;
        TRY(token_value(&request->arena, &infos[i], &item, why));
        TRY(value_list_add(&items, item, why));
    }
    return answer_page(&request->arena, value_list_end(&items), ret, why);
}

void route_tokens_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value page = value_null();
    enum err result = tokens_page(request, &page, &why);
    request_reply_result(request, result, page, &why);
}

static enum err read_token_spec(const struct request *request, struct token_spec *ret, struct err_info *why)
{
    struct str scopes;
    struct value expires = value_get(request->body, STR("expires_in"));
    TRY(request_text(request, "name", &ret->name, why));
    TRY(request_text(request, "scopes", &scopes, why));
    TRY(scopes_parse(&ret->scopes, scopes, why));
    ret->expires = INSTANT_NEVER;
    if (expires.type == VALUE_STRING) {
        int64_t span_us;
        TRY(span_parse(value_str(expires), &span_us, why));
        ret->expires.us = clock_now(request->api->options.clock).us + span_us;
    } else if (expires.type != VALUE_NULL) {
        return err_named(why, ERR_INVALID, "body", "\"expires_in\" must be a span such as \"90d\"");
    }
    return ERR_OK;
}

static enum err create_token(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct token_spec spec = { 0 };
    struct token_made made;
    struct value_map_builder builder;
    TRY(read_token_spec(request, &spec, why));
    TRY(token_create(request->api->options.tokens, conn, &request->principal, &spec, &made, why));
    value_map_begin(&builder, &request->arena);
    TRY(answer_id(&builder, "id", made.id, why));
    TRY(answer_text(&builder, "name", spec.name, why));
    TRY(answer_text(&builder, "token", str_of(made.text.text), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

void route_token_create(struct request *request)
{
    request_write(request, 201, create_token);
}

static enum err revoke_token(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct id id;
    *ret = value_null();
    if (!id_parse(request->match.arguments[0], &id))
        return err_set(why, ERR_NOT_FOUND, "there is no such token");
    return token_revoke(request->api->options.tokens, conn, &request->principal, id, why);
}

void route_token_revoke(struct request *request)
{
    request_write(request, 200, revoke_token);
}

static enum err secrets_page(struct request *request, struct value *ret, struct err_info *why)
{
    struct secret_info *infos;
    size_t count;
    struct value_list_builder items;
    TRY(secret_list(
        request->api->options.vault, request->principal.tenant, &request->arena, &infos, &count, why));
    value_list_begin(&items, &request->arena);
    for (size_t i = 0; i < count; i++) {
        struct value_map_builder item;
        value_map_begin(&item, &request->arena);
        TRY(answer_text(&item, "name", infos[i].name, why));
        TRY(answer_text(&item, "last_four", str_of(infos[i].last_four), why));
        TRY(answer_instant(&item, "created", infos[i].created, why));
        TRY(answer_instant(&item, "updated", infos[i].updated, why));
        TRY(value_list_add(&items, value_map_end(&item), why));
    }
    return answer_page(&request->arena, value_list_end(&items), ret, why);
}

void route_secrets_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value page = value_null();
    enum err result = secrets_page(request, &page, &why);
    request_reply_result(request, result, page, &why);
}

static enum err set_secret(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct str content;
    *ret = value_null();
    TRY(request_text(request, "value", &content, why));
    return secret_set(
        request->api->options.vault, conn, &request->principal, request->match.arguments[0], content, why);
}

void route_secret_set(struct request *request)
{
    request_write(request, 200, set_secret);
}

static enum err delete_secret(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    *ret = value_null();
    return secret_delete(
        request->api->options.vault, conn, &request->principal, request->match.arguments[0], why);
}

void route_secret_delete(struct request *request)
{
    request_write(request, 200, delete_secret);
}
