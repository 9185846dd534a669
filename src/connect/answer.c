#include "connect/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timetext.h"

#define MESSAGE_BYTES_MAX 300
#define RETRY_AFTER_S_MAX (24 * 3600)

struct action_result result_error(
    struct str code, struct str message, bool is_retryable, enum action_effect effect)
{
    return (struct action_result){
        .error = { .code = code, .message = message, .is_retryable = is_retryable }, .effect = effect
    };
}

struct action_result result_from_why(
    struct arena *arena, const struct err_info *why, enum action_effect effect)
{
    struct str message = { 0 };
    if (arena_str(arena, str_of(why->text), &message, NULL) != ERR_OK)
        message = STR("");
    bool is_retryable = why->code == ERR_UNAVAILABLE || why->code == ERR_TIMEOUT || why->code == ERR_MEMORY ||
        why->code == ERR_FULL;
    return result_error(str_of(why->name ? why->name : err_word(why->code)), message, is_retryable, effect);
}

void answer_failure(const struct http_answer *answer, struct action_result *ret)
{
    static const struct {
        const char *code;
        bool is_retryable;
    } of[] = {
        [HTTP_OK] = { "internal", false },
        [HTTP_REFUSED] = { "egress_denied", false },
        [HTTP_RESOLVE] = { "dns", true },
        [HTTP_CONNECT] = { "network", true },
        [HTTP_TLS_VERIFY] = { "tls", false },
        [HTTP_TIMEOUT] = { "timeout", true },
        [HTTP_BROKEN] = { "network", true },
        [HTTP_TOO_LARGE] = { "answer_too_large", false },
        [HTTP_CANCELLED] = { "cancelled", false },
    };
    struct str code = str_of(of[answer->failure].code);
    if (answer->failure == HTTP_REFUSED && answer->why.name && strcmp(answer->why.name, "egress") != 0)
        code = STR("bad_url");
    enum action_effect effect = answer->may_have_left ? ACTION_UNKNOWN : ACTION_NOT_SENT;
    if (answer->failure == HTTP_TOO_LARGE)
        effect = ACTION_ANSWERED;
    *ret = result_error(code, str_of(answer->why.text), of[answer->failure].is_retryable, effect);
}

bool status_is_retryable(int status)
{
    return status == 408 || status == 425 || status == 429 ||
        (status >= 500 && status != 501 && status != 505);
}

/* 503 says that the server does not serve for now, 501 and 505 that it does not understand. */
enum action_effect status_effect(int status)
{
    if (status == 429)
        return ACTION_NOT_SENT;
    return status >= 500 && status != 501 && status != 503 && status != 505 ? ACTION_UNKNOWN
                                                                            : ACTION_ANSWERED;
}

/* IMF-fixdate (RFC 9110, 5.6.7), the only form that servers may send today. */
static bool parse_http_date(struct str text, int64_t *ret_seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char buffer[40], month[4];
    struct civil_time civil = { 0 };
    long long year;
    if (text.size >= sizeof(buffer))
        return false;
    memcpy(buffer, text.data, text.size);
    buffer[text.size] = '\0';
    if (sscanf(buffer, "%*3s, %2d %3s %4lld %2d:%2d:%2d GMT", &civil.day, month, &year, &civil.hour,
            &civil.minute, &civil.second) != 6)
        return false;
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3 != 0 || civil.day < 1 || civil.day > 31 || year < 1970)
        return false;
    civil.month = (int)(found - months) / 3 + 1;
    civil.year = year;
    *ret_seconds = civil_to_seconds(&civil);
    return true;
}

int64_t answer_retry_after(const struct http_answer *answer)
{
    if (answer->status != 429 && answer->status != 503)
        return 0;
    const struct http_header *header = http_answer_header(answer, "retry-after");
    const struct http_header *date = http_answer_header(answer, "date");
    int64_t seconds, until, now;
    if (!header)
        return 0;
    if (!str_to_int(str_trim(header->value), &seconds)) {
        if (!date || !parse_http_date(header->value, &until) || !parse_http_date(date->value, &now))
            return 0;
        seconds = until - now;
    }
    if (seconds <= 0)
        return 0;
    return (seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX) * US_PER_S;
}

FALLIBLE answer_headers(
    const struct http_answer *answer, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < answer->header_count; i++) {
        const struct http_header *header = &answer->headers[i];
        AUTO(buf) struct buf text = { 0 };
        struct str name, joined;
        const struct http_header *first = NULL;
        for (uint32_t k = 0; k < i && !first; k++)
            first = str_equal(answer->headers[k].name, header->name) ? &answer->headers[k] : NULL;
        if (first)
            continue;
        for (uint32_t k = i; k < answer->header_count; k++) {
            if (!str_equal(answer->headers[k].name, header->name))
                continue;
            if (text.size)
                buf_add_text(&text, ", ");
            utf8_add_lossy(&text, answer->headers[k].value);
        }
        TRY(buf_check(&text, why));
        TRY(arena_str(arena, header->name, &name, why));
        TRY(arena_str(arena, buf_str(&text), &joined, why));
        TRY(value_map_put(&builder, value_string(name), value_outside(joined), why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static bool says_json(const struct http_answer *answer)
{
    const struct http_header *type = http_answer_header(answer, "content-type");
    return type && (str_contains(type->value, STR("json")) || str_contains(type->value, STR("JSON")));
}

static FALLIBLE parse_json(struct str body, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST,
        .copy_strings = true,
        .flags = VALUE_OUTSIDE,
        .values_max = ANSWER_VALUES_MAX };
    return json_parse(arena, body, &options, ret, why);
}

static FALLIBLE copy_text(
    struct str body, bool is_text, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct str copy;
    TRY(arena_str(arena, body, &copy, why));
    *ret = is_text ? value_string(copy) : value_bytes(copy);
    ret->flags |= VALUE_OUTSIDE;
    return ERR_OK;
}

static bool looks_like_json(struct str body)
{
    struct str text = str_trim(body);
    return text.size > 0 && (text.data[0] == '{' || text.data[0] == '[');
}

FALLIBLE answer_body(const struct http_answer *answer, enum answer_format format, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct err_info inner = { 0 };
    bool is_good_status = answer->status >= 200 && answer->status < 300;
    *ret = value_null();
    if (str_trim(answer->body).size == 0 && format != FORMAT_BYTES)
        return ERR_OK;
    if (format == FORMAT_BYTES && is_good_status)
        return copy_text(answer->body, false, arena, ret, why);
    bool must_be_json = format == FORMAT_JSON && is_good_status;
    bool may_be_json = format != FORMAT_TEXT && (says_json(answer) || looks_like_json(answer->body));
    if (must_be_json || may_be_json) {
        enum err result = parse_json(answer->body, arena, ret, &inner);
        if (result == ERR_OK || result == ERR_MEMORY)
            return result == ERR_OK ? ERR_OK : err_memory(why);
        if (inner.name && strcmp(inner.name, "json_values_max") == 0)
            return err_named(why, ERR_LIMIT, "answer_too_large",
                "the answer has more than %d values (ANSWER_VALUES_MAX)", ANSWER_VALUES_MAX);
        if (must_be_json)
            return err_named(why, ERR_INVALID, "answer_not_json",
                "the answer is no JSON, at line %u, column %u: %s", inner.line, inner.column, inner.text);
    }
    return copy_text(answer->body, utf8_is_valid(answer->body), arena, ret, why);
}

/* What the tool itself says of its refusal, in the places where most APIs put it. */
static struct str message_in(struct value body)
{
    static const struct str places[] = { STR_INIT("message"), STR_INIT("error.message"),
        STR_INIT("error_description"), STR_INIT("detail"), STR_INIT("error"), STR_INIT("title"),
        STR_INIT("reason") };
    if (body.type == VALUE_STRING)
        return value_str(body);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct value found = value_path(body, places[i]);
        if (found.type == VALUE_STRING && found.size)
            return value_str(found);
    }
    return STR("");
}

FALLIBLE answer_status_error(const struct http_answer *answer, struct value body, struct str about,
    struct arena *arena, struct action_result *ret, struct err_info *why)
{
    struct str code, message, said = utf8_cut(message_in(body), MESSAGE_BYTES_MAX);
    TRY(arena_printf(arena, &code, why, "http_%d", answer->status));
    TRY(arena_printf(arena, &message, why, "%.*s answered %d%s%.*s", STR_ARG(about), answer->status,
        said.size ? ": " : "", STR_ARG(said)));
    *ret = result_error(code, message, status_is_retryable(answer->status), status_effect(answer->status));
    ret->retry_after_us = answer_retry_after(answer);
    return ERR_OK;
}

static FALLIBLE fit_list(
    const struct type *item, struct arena *arena, struct value v, struct value *ret, struct err_info *why)
{
    struct value_list_builder builder;
    value_list_begin(&builder, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value fitted;
        TRY(answer_fit(item, arena, v.items[i], &fitted, why));
        TRY(value_list_add(&builder, fitted, why));
    }
    *ret = value_list_end(&builder);
    return ERR_OK;
}

static FALLIBLE fit_entries(
    const struct type *type, struct arena *arena, struct value v, struct value *ret, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(v);
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        const struct type *of = type->item;
        if (type->kind == TYPE_RECORD) {
            const struct type_field *field = entries[i].key.type == VALUE_STRING
                ? type_find_field(type, value_str(entries[i].key))
                : NULL;
            if (!field && !type->is_open)
                continue;
            bool is_spare = field && !field->is_required && field->type->kind != TYPE_NULLABLE &&
                field->type->kind != TYPE_DYN && field->type->kind != TYPE_NULL;
            if (is_spare && entries[i].value.type == VALUE_NULL)
                continue;
            of = field ? field->type : &type_dyn;
        }
        struct value fitted;
        TRY(answer_fit(of, arena, entries[i].value, &fitted, why));
        TRY(value_map_put(&builder, entries[i].key, fitted, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static void fit_number(const struct type *type, struct value v, struct value *ret)
{
    if (type->kind == TYPE_DOUBLE && v.type == VALUE_INT)
        *ret = value_double((double)v.integer);
    else if (type->kind == TYPE_DOUBLE && v.type == VALUE_UINT)
        *ret = value_double((double)v.uinteger);
    else if (type->kind == TYPE_INT && v.type == VALUE_UINT && v.uinteger <= INT64_MAX)
        *ret = value_int((int64_t)v.uinteger);
    else if (type->kind == TYPE_UINT && v.type == VALUE_INT && v.integer >= 0)
        *ret = value_uint((uint64_t)v.integer);
    else if (type->kind == TYPE_INT && v.type == VALUE_DOUBLE && v.number >= -9007199254740992.0 &&
        v.number <= 9007199254740992.0 && v.number == (double)(int64_t)v.number)
        *ret = value_int((int64_t)v.number);
}

static void fit_time(struct value v, struct value *ret)
{
    int64_t seconds;
    int32_t nanos;
    if (v.type == VALUE_STRING && time_parse_rfc3339(value_str(v), &seconds, &nanos))
        *ret = value_timestamp(seconds, nanos);
}

FALLIBLE answer_fit(
    const struct type *type, struct arena *arena, struct value v, struct value *ret, struct err_info *why)
{
    *ret = v;
    switch (type->kind) {
    case TYPE_NULLABLE: return v.type == VALUE_NULL ? ERR_OK : answer_fit(type->item, arena, v, ret, why);
    case TYPE_INT:
    case TYPE_UINT:
    case TYPE_DOUBLE: fit_number(type, v, ret); return ERR_OK;
    case TYPE_TIMESTAMP: fit_time(v, ret); return ERR_OK;
    case TYPE_LIST:
        return v.type == VALUE_LIST && type->item ? fit_list(type->item, arena, v, ret, why) : ERR_OK;
    case TYPE_MAP: return v.type == VALUE_MAP && type->item ? fit_entries(type, arena, v, ret, why) : ERR_OK;
    case TYPE_RECORD: return v.type == VALUE_MAP ? fit_entries(type, arena, v, ret, why) : ERR_OK;
    default: return ERR_OK;
    }
}

FALLIBLE answer_seal(const struct type *type, struct arena *arena, struct secret_source *source,
    struct value v, struct value *ret, struct err_info *why)
{
    *ret = v;
    for (uint32_t i = 0; type->kind == TYPE_RECORD && i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        const struct value *found = field->is_secret ? value_map_find(*ret, field->name) : NULL;
        if (!found || found->type == VALUE_NULL)
            continue;
        struct buf text = { 0 };
        struct value sealed;
        if (found->type == VALUE_STRING)
            buf_add(&text, value_str(*found));
        else
            json_print(&text, *found, 0);
        enum err result = buf_check(&text, why);
        if (result == ERR_OK)
            result = source->seal(source, buf_str(&text), arena, &sealed, why);
        buf_wipe(&text);
        TRY(result);
        TRY(value_map_with(arena, *ret, value_string(field->name), sealed, ret, why));
    }
    return ERR_OK;
}
