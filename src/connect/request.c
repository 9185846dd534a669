#include "connect/request.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "connect/url.h"

#define URL_BYTES_MAX 8192
#define BODY_BYTES_MAX (16 * MIB)

void wire_done(struct wire *wire)
{
    buf_wipe(&wire->url);
    buf_wipe(&wire->body);
    *wire = (struct wire){ 0 };
}

void wire_cleanup(struct wire *wire)
{
    wire_done(wire);
}

/* RFC 9110, 5.6.2: tchar. */
static bool is_token_byte(char byte)
{
    return isalnum((unsigned char)byte) || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

bool header_name_is_allowed(struct str name)
{
    static const char *const framing[] = { "host", "content-length", "transfer-encoding", "connection", "te",
        "trailer", "upgrade", "keep-alive", "proxy-authorization", "expect" };
    if (name.size == 0 || name.size > 256)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (!is_token_byte(name.data[i]))
            return false;
    }
    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++) {
        if (str_equal_nocase(name, str_of(framing[i])))
            return false;
    }
    return true;
}

static FALLIBLE check_header_value(struct str name, struct str value, struct err_info *why)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return err_named(why, ERR_INVALID, "bad_input",
                "the header %.*s can't hold a line break or another control character", STR_ARG(name));
    }
    return ERR_OK;
}

FALLIBLE wire_add_header(
    struct wire *wire, struct arena *arena, struct str name, struct str value, struct err_info *why)
{
    TRY(check_header_value(name, value, why));
    if (wire->header_count == wire->header_room) {
        uint32_t room = wire->header_room ? 2 * wire->header_room : 8;
        struct http_header *headers = ARENA_ARRAY(arena, room, struct http_header);
        if (!headers)
            return err_memory(why);
        if (wire->header_count)
            memcpy(headers, wire->headers, wire->header_count * sizeof(*headers));
        wire->headers = headers;
        wire->header_room = room;
    }
    wire->headers[wire->header_count++] = (struct http_header){ .name = name, .value = value };
    return ERR_OK;
}

bool wire_has_header(const struct wire *wire, const char *name)
{
    for (uint32_t i = 0; i < wire->header_count; i++) {
        if (str_equal_nocase(wire->headers[i].name, str_of(name)))
            return true;
    }
    return false;
}

/* The text of a value that may be secret: in the arena, or among the secrets. */
static FALLIBLE text_of(struct stencil_scope *scope, struct value v, struct str *ret, struct err_info *why)
{
    if (v.type == VALUE_STRING) {
        *ret = value_str(v);
        return ERR_OK;
    }
    if (v.type == VALUE_SECRET)
        return call_secrets_bytes(scope->secrets, scope->source, v, ret, why);
    AUTO(buf) struct buf text = { 0 };
    TRY(stencil_print_text(scope, &text, v, why));
    TRY(buf_check(&text, why));
    return arena_str(scope->arena, buf_str(&text), ret, why);
}

FALLIBLE wire_add_value_header(
    struct wire *wire, struct stencil_scope *scope, struct str name, struct value v, struct err_info *why)
{
    struct str text;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    TRY(text_of(scope, v, &text, why));
    return wire_add_header(wire, scope->arena, name, text, why);
}

static FALLIBLE add_named_headers(struct wire *wire, const struct named_stencil *headers, uint32_t count,
    struct stencil_scope *scope, struct err_info *why)
{
    for (uint32_t i = 0; i < count; i++) {
        struct value v;
        bool is_present;
        TRY(stencil_eval(&headers[i].value, scope, &v, &is_present, why));
        if (is_present)
            TRY(wire_add_value_header(wire, scope, headers[i].name, v, why));
    }
    return ERR_OK;
}

FALLIBLE wire_add_query(
    struct wire *wire, struct stencil_scope *scope, struct str name, struct value v, struct err_info *why)
{
    if (v.type == VALUE_LIST) {
        for (uint32_t i = 0; i < v.size; i++)
            TRY(wire_add_query(wire, scope, name, v.items[i], why));
        return ERR_OK;
    }
    if (v.type == VALUE_MAP)
        return err_named(why, ERR_INVALID, "bad_input", "the query's %.*s can't be a map", STR_ARG(name));
    if (v.type == VALUE_NULL)
        return ERR_OK;
    struct buf text = { 0 };
    enum err result = stencil_print_text(scope, &text, v, why);
    if (result == ERR_OK)
        result = buf_check(&text, why);
    bool is_first = !wire->is_query_open;
    if (result == ERR_OK)
        url_add_query(&wire->url, &is_first, name, buf_str(&text));
    wire->is_query_open = !is_first;
    buf_wipe(&text);
    return result;
}

static FALLIBLE add_named_query(struct wire *wire, const struct named_stencil *query, uint32_t count,
    struct stencil_scope *scope, struct err_info *why)
{
    for (uint32_t i = 0; i < count; i++) {
        struct value v;
        bool is_present;
        TRY(stencil_eval(&query[i].value, scope, &v, &is_present, why));
        if (is_present)
            TRY(wire_add_query(wire, scope, query[i].name, v, why));
    }
    return ERR_OK;
}

/* A secret made of `prefix` and `bytes`; its text is borrowed from the call's secrets. */
static FALLIBLE add_secret_header(struct wire *wire, struct stencil_scope *scope, struct str name,
    const struct buf *text, struct err_info *why)
{
    struct value handle;
    struct str bytes;
    TRY(buf_check(text, why));
    TRY(call_secrets_add(scope->secrets, buf_str(text), &handle, why));
    TRY(call_secrets_bytes(scope->secrets, scope->source, handle, &bytes, why));
    return wire_add_header(wire, scope->arena, name, bytes, why);
}

static FALLIBLE eval_credential(
    const struct stencil *stencil, struct stencil_scope *scope, struct str *ret, struct err_info *why)
{
    struct value v;
    bool is_present;
    TRY(stencil_eval(stencil, scope, &v, &is_present, why));
    if (!is_present || v.type == VALUE_NULL)
        return err_named(why, ERR_INVALID, "connection_invalid",
            "the connection lacks a setting that its authentication needs");
    return text_of(scope, v, ret, why);
}

static FALLIBLE add_bearer(
    struct wire *wire, struct stencil_scope *scope, struct str token, struct err_info *why)
{
    struct buf text = { 0 };
    buf_add_text(&text, "Bearer ");
    buf_add(&text, token);
    enum err result = add_secret_header(wire, scope, STR("Authorization"), &text, why);
    buf_wipe(&text);
    return result;
}

/* RFC 7617: the user can't hold a colon. */
static FALLIBLE add_basic(struct wire *wire, struct stencil_scope *scope, struct str user,
    struct str password, struct err_info *why)
{
    if (str_find_byte(user, ':', 0) >= 0)
        return err_named(
            why, ERR_INVALID, "connection_invalid", "a user name for basic authentication has no colon");
    struct buf pair = { 0 }, text = { 0 };
    buf_add(&pair, user);
    buf_add_byte(&pair, ':');
    buf_add(&pair, password);
    buf_add_text(&text, "Basic ");
    base64_add(&text, buf_str(&pair));
    enum err result = buf_check(&pair, why);
    if (result == ERR_OK)
        result = add_secret_header(wire, scope, STR("Authorization"), &text, why);
    /* What a tool echoes may be the pair without the word before it. */
    struct value pair_only;
    if (result == ERR_OK)
        result = call_secrets_add(
            scope->secrets, str_slice(buf_str(&text), strlen("Basic "), text.size), &pair_only, why);
    buf_wipe(&pair);
    buf_wipe(&text);
    return result;
}

FALLIBLE wire_add_auth(
    struct wire *wire, const struct request_place *place, struct stencil_scope *scope, struct err_info *why)
{
    const struct auth *auth = place->auth;
    struct str name, token, user, password;
    wire->request.secret_headers = auth && auth->kind != AUTH_NONE;
    switch (auth ? auth->kind : AUTH_NONE) {
    case AUTH_NONE: return ERR_OK;
    case AUTH_BEARER:
        TRY(eval_credential(&auth->token, scope, &token, why));
        return add_bearer(wire, scope, token, why);
    case AUTH_OAUTH2:
    case AUTH_LOGIN:
        TRY(call_secrets_bytes(scope->secrets, scope->source, place->token, &token, why));
        return add_bearer(wire, scope, token, why);
    case AUTH_BASIC:
        TRY(eval_credential(&auth->user, scope, &user, why));
        TRY(eval_credential(&auth->password, scope, &password, why));
        return add_basic(wire, scope, user, password, why);
    case AUTH_HEADER:
    case AUTH_QUERY:
        TRY(eval_credential(&auth->name, scope, &name, why));
        TRY(eval_credential(&auth->token, scope, &token, why));
        if (auth->kind == AUTH_QUERY)
            return wire_add_query(wire, scope, name, value_string(token), why);
        if (!header_name_is_allowed(name))
            return err_named(
                why, ERR_INVALID, "connection_invalid", "`%.*s` is no header that can be set", STR_ARG(name));
        return wire_add_header(wire, scope->arena, name, token, why);
    }
    return err_set(why, ERR_INTERNAL, "an authentication of kind %d", (int)auth->kind);
}

FALLIBLE request_base_url(const struct connector *connector, struct stencil_scope *scope,
    struct str bound_origin, struct str *ret, struct err_info *why)
{
    struct value v;
    bool is_present;
    struct url url, bound;
    struct err_info inner = { 0 };
    TRY(stencil_eval(&connector->base_url, scope, &v, &is_present, why));
    if (!is_present || v.type != VALUE_STRING)
        return err_named(why, ERR_INVALID, "connection_invalid", "the connection gives no base URL");
    if (url_parse(value_str(v), &url, &inner) != ERR_OK || url.query.size ||
        url_check_path(url.path, &inner) != ERR_OK)
        return err_named(why, ERR_INVALID, "connection_invalid", "the base URL is wrong: %s",
            inner.text[0] ? inner.text : "it has a query");
    if (bound_origin.size) {
        TRY(url_parse(bound_origin, &bound, why));
        if (!url_same_origin(&url, &bound))
            return err_named(why, ERR_DENIED, "other_origin",
                "the connection is bound to %.*s, but its settings lead to %.*s", STR_ARG(bound_origin),
                STR_ARG(url.origin));
    }
    size_t size = url.origin.size + url.path.size;
    while (size > url.origin.size && value_str(v).data[size - 1] == '/')
        size--;
    *ret = str_slice(value_str(v), 0, size);
    return ERR_OK;
}

const struct auth *request_auth(const struct connector *connector, struct stencil_scope *scope)
{
    for (uint32_t i = 0; i < connector->auth_count; i++) {
        const struct auth *auth = &connector->auths[i];
        if (!auth->when || stencil_is_true(scope, auth->when))
            return auth;
    }
    return NULL;
}

static FALLIBLE add_form_field(
    struct buf *body, struct stencil_scope *scope, struct str name, struct value v, struct err_info *why)
{
    if (v.type == VALUE_NULL)
        return ERR_OK;
    struct buf text = { 0 };
    enum err result = stencil_print_text(scope, &text, v, why);
    if (result == ERR_OK)
        result = buf_check(&text, why);
    if (result == ERR_OK) {
        if (body->size)
            buf_add_byte(body, '&');
        percent_add(body, name);
        buf_add_byte(body, '=');
        percent_add(body, buf_str(&text));
    }
    buf_wipe(&text);
    return result;
}

/* application/x-www-form-urlencoded; a list repeats its key. */
static FALLIBLE add_form(
    struct buf *body, struct stencil_scope *scope, struct value fields, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(fields);
    for (uint32_t i = 0; fields.type == VALUE_MAP && i < fields.size; i++) {
        struct str name = value_str(entries[i].key);
        struct value v = entries[i].value;
        if (v.type != VALUE_LIST)
            TRY(add_form_field(body, scope, name, v, why));
        for (uint32_t k = 0; v.type == VALUE_LIST && k < v.size; k++)
            TRY(add_form_field(body, scope, name, v.items[k], why));
    }
    return ERR_OK;
}

static FALLIBLE add_body(
    struct wire *wire, const struct request_form *form, struct stencil_scope *scope, struct err_info *why)
{
    static const char *const types[] = { NULL, "application/json", "application/x-www-form-urlencoded",
        "text/plain; charset=utf-8" };
    struct value v;
    bool is_present;
    if (form->body_kind == BODY_NONE)
        return ERR_OK;
    TRY(stencil_eval(&form->body, scope, &v, &is_present, why));
    if (!is_present)
        return ERR_OK;
    if (form->body_kind == BODY_JSON)
        TRY(stencil_print_json(scope, &wire->body, v, why));
    else if (form->body_kind == BODY_FORM)
        TRY(add_form(&wire->body, scope, v, why));
    else if (v.type == VALUE_BYTES)
        buf_add(&wire->body, value_str(v));
    else
        TRY(stencil_print_text(scope, &wire->body, v, why));
    wire->request.has_body = true;
    struct str type = form->content_type.size ? form->content_type : str_of(types[form->body_kind]);
    return wire_has_header(wire, "content-type")
        ? ERR_OK
        : wire_add_header(wire, scope->arena, STR("Content-Type"), type, why);
}

FALLIBLE wire_finish(struct wire *wire, struct err_info *why)
{
    TRY(buf_check(&wire->url, why));
    TRY(buf_check(&wire->body, why));
    if (wire->url.size > URL_BYTES_MAX)
        return err_named(
            why, ERR_INVALID, "bad_input", "the URL would be longer than %d bytes", URL_BYTES_MAX);
    wire->request.url = buf_str(&wire->url);
    wire->request.headers = wire->headers;
    wire->request.header_count = wire->header_count;
    wire->request.body = buf_str(&wire->body);
    return ERR_OK;
}

static FALLIBLE add_common(struct wire *wire, const struct request_form *form,
    const struct request_place *place, struct stencil_scope *scope, struct err_info *why)
{
    const struct connector *connector = place->connector;
    wire->request.method = form->method;
    TRY(add_named_headers(wire, form->headers, form->header_count, scope, why));
    TRY(add_named_headers(wire, connector->headers, connector->header_count, scope, why));
    TRY(wire_add_auth(wire, place, scope, why));
    return wire_has_header(wire, "accept")
        ? ERR_OK
        : wire_add_header(wire, scope->arena, STR("Accept"), STR("application/json"), why);
}

static FALLIBLE build(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct wire *wire, struct err_info *why)
{
    buf_add(&wire->url, place->base_url);
    TRY(stencil_print_path(&form->path, scope, &wire->url, why));
    TRY(buf_check(&wire->url, why));
    TRY(url_check_path(str_slice(buf_str(&wire->url), place->base_url.size, wire->url.size), why));
    TRY(add_named_query(wire, form->query, form->query_count, scope, why));
    TRY(add_common(wire, form, place, scope, why));
    TRY(add_body(wire, form, scope, why));
    return wire_finish(wire, why);
}

FALLIBLE request_build(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct wire *ret, struct err_info *why)
{
    struct wire wire = { .body = { .bytes_max = BODY_BYTES_MAX } };
    enum err result = build(form, place, scope, &wire, why);
    if (result == ERR_OK)
        *ret = wire;
    else
        wire_done(&wire);
    return result;
}

static FALLIBLE build_url(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct wire *wire, struct err_info *why)
{
    struct str url = wire->request.url, name;
    if (place->auth &&
        place->auth->kind == AUTH_QUERY) { /* some tools repeat the key, which is masked here */
        TRY(eval_credential(&place->auth->name, scope, &name, why));
        TRY(url_without_query(scope->arena, url, name, &url, why));
    }
    buf_add(&wire->url, url);
    wire->is_query_open = str_find_byte(url, '?', 0) >= 0;
    TRY(add_common(wire, form, place, scope, why));
    return wire_finish(wire, why);
}

FALLIBLE request_build_url(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct str url, struct wire *ret, struct err_info *why)
{
    struct wire wire = { .request = { .url = url } };
    enum err result = build_url(form, place, scope, &wire, why);
    if (result == ERR_OK)
        *ret = wire;
    else
        wire_done(&wire);
    return result;
}

static FALLIBLE add_grant(
    struct wire *wire, const struct auth *auth, struct stencil_scope *scope, struct err_info *why)
{
    struct str id, secret;
    struct value form;
    bool is_present;
    TRY(eval_credential(&auth->user, scope, &id, why));
    TRY(eval_credential(&auth->password, scope, &secret, why));
    TRY(stencil_eval(&auth->form, scope, &form, &is_present, why));
    TRY(add_form_field(&wire->body, scope, STR("grant_type"), value_string(STR("client_credentials")), why));
    TRY(add_form(&wire->body, scope, form, why));
    if (!auth->is_client_in_body)
        return add_basic(wire, scope, id, secret, why);
    TRY(add_form_field(&wire->body, scope, STR("client_id"), value_string(id), why));
    return add_form_field(&wire->body, scope, STR("client_secret"), value_string(secret), why);
}

static FALLIBLE add_login(
    struct wire *wire, const struct auth *auth, struct stencil_scope *scope, struct err_info *why)
{
    struct str user, password;
    struct value body;
    bool is_present;
    if (auth->has_user) {
        TRY(eval_credential(&auth->user, scope, &user, why));
        TRY(eval_credential(&auth->password, scope, &password, why));
        TRY(add_basic(wire, scope, user, password, why));
    }
    TRY(stencil_eval(auth->has_json ? &auth->json : &auth->form, scope, &body, &is_present, why));
    return auth->has_json ? stencil_print_json(scope, &wire->body, body, why)
                          : add_form(&wire->body, scope, body, why);
}

static FALLIBLE build_token(
    const struct auth *auth, struct stencil_scope *scope, struct wire *wire, struct err_info *why)
{
    struct str url;
    struct url parsed;
    TRY(eval_credential(&auth->token_url, scope, &url, why));
    TRY(url_parse(url, &parsed, why));
    buf_add(&wire->url, url);
    wire->request.method = STR("POST");
    wire->request.has_body = true;
    wire->request.secret_headers = true;
    TRY(wire_add_header(wire, scope->arena, STR("Accept"), STR("application/json"), why));
    TRY(wire_add_header(wire, scope->arena, STR("Content-Type"),
        auth->has_json ? STR("application/json") : STR("application/x-www-form-urlencoded"), why));
    TRY(auth->kind == AUTH_LOGIN ? add_login(wire, auth, scope, why) : add_grant(wire, auth, scope, why));
    return wire_finish(wire, why);
}

FALLIBLE request_build_token(
    const struct auth *auth, struct stencil_scope *scope, struct wire *ret, struct err_info *why)
{
    struct wire wire = { 0 };
    enum err result = build_token(auth, scope, &wire, why);
    if (result == ERR_OK)
        *ret = wire;
    else
        wire_done(&wire);
    return result;
}
