#include "connect/stencil.h"

#include <arpa/inet.h>

#include "access/connection.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/timetext.h"
#include "connect/url.h"

struct stencil_activation {
    struct expr_activation activation;
    const struct stencil_scope *scope;
};

static bool activation_get(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    const struct stencil_scope *scope = ((const struct stencil_activation *)activation)->scope;
    if (slot >= scope->count || !(scope->present & (1u << slot)))
        return false;
    *ret = scope->values[slot];
    return true;
}

FALLIBLE stencil_eval_expr(
    struct stencil_scope *scope, const struct expr *expr, struct value *ret, struct err_info *why)
{
    struct stencil_activation activation = { .activation = { .get = activation_get }, .scope = scope };
    struct expr_limits limits = { 0 };
    return expr_eval(expr, scope->arena, &activation.activation, &limits, ret, why);
}

bool stencil_is_true(struct stencil_scope *scope, const struct expr *expr)
{
    struct value v;
    return stencil_eval_expr(scope, expr, &v, NULL) == ERR_OK && v.type == VALUE_BOOL && v.boolean;
}

static bool follow(const struct stencil_scope *scope, const struct piece *piece, struct value *ret)
{
    if (!(scope->present & (1u << piece->slot)))
        return false;
    struct value v = scope->values[piece->slot];
    for (uint32_t i = 0; i < piece->field_count; i++) {
        const struct value *inner = value_map_find(v, piece->fields[i]);
        if (!inner)
            return false;
        v = *inner;
    }
    *ret = v;
    return true;
}

static FALLIBLE open_setting(struct stencil_scope *scope, const struct piece *piece, struct value *ret,
    bool *ret_present, struct err_info *why)
{
    struct str name;
    struct value reference = value_get(scope->references, piece->text);
    if (reference.type == VALUE_NULL) {
        *ret_present = false;
        return ERR_OK;
    }
    if (!connection_secret_reference(reference, &name))
        return err_named(why, ERR_INVALID, "connection_invalid",
            "the connection's setting `%.*s` must name a secret, as ${secret:NAME}", STR_ARG(piece->text));
    AUTO(secret) struct secret opened = { 0 };
    struct err_info inner = { 0 };
    enum err result = scope->source->open(scope->source, name, &opened, &inner);
    if (result != ERR_OK)
        return err_named(
            why, result, result == ERR_NOT_FOUND ? "secret_missing" : inner.name, "%s", inner.text);
    return call_secrets_take(scope->secrets, &opened, ret, why);
}

static FALLIBLE eval_piece(const struct piece *piece, struct stencil_scope *scope, struct value *ret,
    bool *ret_present, struct err_info *why)
{
    *ret_present = true;
    switch (piece->kind) {
    case PIECE_TEXT: *ret = value_string(piece->text); return ERR_OK;
    case PIECE_PATH: *ret_present = follow(scope, piece, ret); return ERR_OK;
    case PIECE_SECRET: return open_setting(scope, piece, ret, ret_present, why);
    case PIECE_EXPR: break;
    }
    TRY(stencil_eval_expr(scope, piece->expr, ret, why));
    if (ret->type == VALUE_OPTIONAL) {
        *ret_present = ret->inside != NULL;
        *ret = ret->inside ? *ret->inside : value_null();
    }
    return ERR_OK;
}

static FALLIBLE print_net(struct buf *buf, struct value v, struct err_info *why)
{
    char text[INET6_ADDRSTRLEN];
    const struct value_net *net = v.net;
    if (!inet_ntop(net->size == 4 ? AF_INET : AF_INET6, net->bytes, text, sizeof(text)))
        return err_set(why, ERR_INTERNAL, "an address has %d bytes", net->size);
    buf_add_text(buf, text);
    if (v.type == VALUE_CIDR)
        buf_printf(buf, "/%u", net->prefix);
    return ERR_OK;
}

FALLIBLE stencil_print_text(
    struct stencil_scope *scope, struct buf *buf, struct value v, struct err_info *why)
{
    struct str secret;
    switch (v.type) {
    case VALUE_NULL: return err_named(why, ERR_INVALID, "bad_input", "null has no text");
    case VALUE_STRING: buf_add(buf, value_str(v)); return ERR_OK;
    case VALUE_IP:
    case VALUE_CIDR: return print_net(buf, v, why);
    case VALUE_TIMESTAMP: time_print_rfc3339(buf, v.seconds, value_nanos(v)); return ERR_OK;
    case VALUE_DURATION: duration_print(buf, v.seconds, value_nanos(v)); return ERR_OK;
    case VALUE_SECRET:
        if (!scope->secrets)
            return err_named(why, ERR_INVALID, "bad_input", "a secret can't stand here");
        TRY(call_secrets_bytes(scope->secrets, scope->source, v, &secret, why));
        buf_add(buf, secret);
        return ERR_OK;
    default: return stencil_print_json(scope, buf, v, why);
    }
}

static FALLIBLE print_json(
    struct stencil_scope *scope, struct buf *buf, struct value v, unsigned depth, struct err_info *why);

static FALLIBLE print_json_map(
    struct stencil_scope *scope, struct buf *buf, struct value v, unsigned depth, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(v);
    buf_add_byte(buf, '{');
    for (uint32_t i = 0; i < v.size; i++) {
        AUTO(buf) struct buf key = { 0 };
        if (i)
            buf_add_byte(buf, ',');
        TRY(stencil_print_text(scope, &key, entries[i].key, why));
        json_print_string(buf, buf_str(&key));
        buf_add_byte(buf, ':');
        TRY(print_json(scope, buf, entries[i].value, depth + 1, why));
    }
    buf_add_byte(buf, '}');
    return ERR_OK;
}

static FALLIBLE print_json(
    struct stencil_scope *scope, struct buf *buf, struct value v, unsigned depth, struct err_info *why)
{
    if (depth > VALUE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "VALUE_DEPTH_MAX", "the value is nested too deeply");
    if (v.type == VALUE_MAP)
        return print_json_map(scope, buf, v, depth, why);
    if (v.type == VALUE_LIST) {
        buf_add_byte(buf, '[');
        for (uint32_t i = 0; i < v.size; i++) {
            if (i)
                buf_add_byte(buf, ',');
            TRY(print_json(scope, buf, v.items[i], depth + 1, why));
        }
        buf_add_byte(buf, ']');
        return ERR_OK;
    }
    if (v.type == VALUE_SECRET && scope->secrets) {
        struct str secret;
        TRY(call_secrets_bytes(scope->secrets, scope->source, v, &secret, why));
        json_print_string(buf, secret);
        return ERR_OK;
    }
    if (v.type == VALUE_IP || v.type == VALUE_CIDR) {
        buf_add_byte(buf, '"');
        TRY(print_net(buf, v, why));
        buf_add_byte(buf, '"');
        return ERR_OK;
    }
    json_print(buf, v, 0);
    return ERR_OK;
}

FALLIBLE stencil_print_json(
    struct stencil_scope *scope, struct buf *buf, struct value v, struct err_info *why)
{
    return print_json(scope, buf, v, 0, why);
}

static FALLIBLE absent_piece(const struct piece *piece, struct err_info *why)
{
    if (piece->kind == PIECE_SECRET)
        return err_named(why, ERR_INVALID, "connection_invalid", "the connection lacks the setting `%.*s`",
            STR_ARG(piece->text));
    return err_named(why, ERR_INVALID, "bad_input", "`%.*s` has no value here", STR_ARG(piece->text));
}

/* Puts the expression before what was wrong with it. */
static FALLIBLE about(
    const struct piece *piece, enum err code, const struct err_info *inner, struct err_info *why)
{
    return err_named(why, code, inner->name, "`%.*s`: %s", STR_ARG(piece->text), inner->text);
}

static FALLIBLE print_piece(
    const struct piece *piece, struct stencil_scope *scope, struct buf *buf, struct err_info *why)
{
    struct value v;
    bool is_present;
    struct err_info inner = { 0 };
    if (piece->kind == PIECE_TEXT) {
        buf_add(buf, piece->text);
        return ERR_OK;
    }
    enum err result = eval_piece(piece, scope, &v, &is_present, &inner);
    if (result == ERR_OK && !is_present)
        return absent_piece(piece, why);
    if (result == ERR_OK)
        result = stencil_print_text(scope, buf, v, &inner);
    return result == ERR_OK ? ERR_OK : about(piece, result, &inner, why);
}

FALLIBLE stencil_print_path(
    const struct stencil *stencil, struct stencil_scope *scope, struct buf *buf, struct err_info *why)
{
    if (stencil->kind == STENCIL_CONSTANT) {
        buf_add(buf, value_str(stencil->constant));
        return ERR_OK;
    }
    struct stencil_scope without = *scope;
    without.secrets = NULL; /* paths end up in logs of proxies */
    for (uint32_t i = 0; i < stencil->count; i++) {
        const struct piece *piece = &stencil->pieces[i];
        AUTO(buf) struct buf text = { 0 };
        struct err_info inner = { 0 };
        TRY(print_piece(piece, &without, &text, why));
        TRY(buf_check(&text, why));
        if (piece->kind == PIECE_TEXT)
            buf_add(buf, buf_str(&text));
        else if (url_add_segment(buf, buf_str(&text), &inner) != ERR_OK)
            return about(piece, inner.code, &inner, why);
    }
    return ERR_OK;
}

/* Mixed text with a secret in it is itself a secret. */
static FALLIBLE eval_text(
    const struct stencil *stencil, struct stencil_scope *scope, struct value *ret, struct err_info *why)
{
    struct buf text = { .bytes_max = EXPR_STRING_BYTES_MAX };
    struct str copy;
    uint32_t opened = scope->secrets ? scope->secrets->count : 0;
    enum err result = ERR_OK;
    for (uint32_t i = 0; i < stencil->count && result == ERR_OK; i++)
        result = print_piece(&stencil->pieces[i], scope, &text, why);
    if (result == ERR_OK)
        result = buf_check(&text, why);
    bool is_secret = scope->secrets && scope->secrets->count > opened;
    if (result == ERR_OK && is_secret)
        result = call_secrets_add(scope->secrets, buf_str(&text), ret, why);
    else if (result == ERR_OK)
        result = arena_str(scope->arena, buf_str(&text), &copy, why);
    if (result == ERR_OK && !is_secret)
        *ret = value_string(copy);
    buf_wipe(&text);
    return result;
}

static FALLIBLE eval_list(
    const struct stencil *stencil, struct stencil_scope *scope, struct value *ret, struct err_info *why)
{
    struct value_list_builder builder;
    value_list_begin(&builder, scope->arena);
    for (uint32_t i = 0; i < stencil->count; i++) {
        struct value item;
        bool is_present;
        TRY(stencil_eval(&stencil->parts[i], scope, &item, &is_present, why));
        if (is_present)
            TRY(value_list_add(&builder, item, why));
    }
    *ret = value_list_end(&builder);
    return ERR_OK;
}

static FALLIBLE eval_map(
    const struct stencil *stencil, struct stencil_scope *scope, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, scope->arena);
    for (uint32_t i = 0; i < stencil->count; i++) {
        struct value item;
        bool is_present;
        TRY(stencil_eval(&stencil->parts[i], scope, &item, &is_present, why));
        if (is_present)
            TRY(value_map_put(&builder, value_string(stencil->keys[i]), item, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static FALLIBLE eval_whole(const struct piece *piece, struct stencil_scope *scope, struct value *ret,
    bool *ret_present, struct err_info *why)
{
    struct err_info inner = { 0 };
    enum err result = eval_piece(piece, scope, ret, ret_present, &inner);
    return result == ERR_OK ? ERR_OK : about(piece, result, &inner, why);
}

FALLIBLE stencil_eval(const struct stencil *stencil, struct stencil_scope *scope, struct value *ret,
    bool *ret_present, struct err_info *why)
{
    *ret_present = true;
    switch (stencil->kind) {
    case STENCIL_CONSTANT: *ret = stencil->constant; return ERR_OK;
    case STENCIL_WHOLE: return eval_whole(&stencil->pieces[0], scope, ret, ret_present, why);
    case STENCIL_TEXT: return eval_text(stencil, scope, ret, why);
    case STENCIL_LIST: return eval_list(stencil, scope, ret, why);
    case STENCIL_MAP: return eval_map(stencil, scope, ret, why);
    }
    return err_set(why, ERR_INTERNAL, "a stencil of kind %d", (int)stencil->kind);
}
