#include "mask.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

/* Parts of names whose values are secrets, whatever stands around them: "db_password", "X-Api-Key". */
static const struct str secret_names[] = {
    STR_INIT("password"),
    STR_INIT("passwd"),
    STR_INIT("passphrase"),
    STR_INIT("pwd"),
    STR_INIT("secret"),
    STR_INIT("token"),
    STR_INIT("apikey"),
    STR_INIT("accesskey"),
    STR_INIT("privatekey"),
    STR_INIT("authorization"),
    STR_INIT("cookie"),
    STR_INIT("credential"),
};

/* How well-known tokens begin. */
static const struct str token_prefixes[] = {
    STR_INIT("toc_"), STR_INIT("AKIA"), STR_INIT("ASIA"), STR_INIT("ghp_"), STR_INIT("gho_"),
    STR_INIT("ghs_"), STR_INIT("github_pat_"), STR_INIT("glpat-"), STR_INIT("xoxb-"), STR_INIT("xoxp-"),
    STR_INIT("xoxa-"), STR_INIT("sk_live_"), STR_INIT("rk_live_"),
    STR_INIT("eyJ"), /* a JSON Web Token's header */
};
#define TOKEN_BYTES_MIN 16
/* What stands in front of a credential in a header. */
static const struct str schemes[] = { STR_INIT("Bearer "), STR_INIT("Basic ") };

/* What stood under a secret's name is masked wherever else it stands; shorter ones would hit words. */
#define KNOWN_BYTES_MIN 6
#define KNOWN_MAX 256

struct masking {
    struct arena *arena;
    struct str known[KNOWN_MAX];
    uint32_t known_count;
    unsigned count; /* of what was masked */
    struct err_info *why;
};

/* In lower case without '-', '_', ' ': "X-Api-Key" has "apikey". */
static bool has_part(struct str name, struct str part)
{
    for (size_t begin = 0; begin < name.size; begin++) {
        size_t at = begin, matched = 0;
        for (; at < name.size && matched < part.size; at++) {
            char c = (char)tolower((unsigned char)name.data[at]);
            if (c == '-' || c == '_' || c == ' ')
                continue;
            if (c != part.data[matched])
                break;
            matched++;
        }
        if (matched == part.size)
            return true;
    }
    return false;
}

static bool is_secret_name(struct value key)
{
    for (size_t i = 0; key.type == VALUE_STRING && i < sizeof secret_names / sizeof secret_names[0]; i++)
        if (has_part(value_str(key), secret_names[i]))
            return true;
    return false;
}

/* ---- inside a text ---- */

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_token_byte(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("_-./+=~", c) != NULL);
}

static size_t token_end(struct str text, size_t at)
{
    while (at < text.size && is_token_byte(text.data[at]))
        at++;
    return at;
}

static bool has_at(struct str text, size_t at, struct str part)
{
    return part.size <= text.size - at && memcmp(text.data + at, part.data, part.size) == 0;
}

/* Where a secret that starts at `at` ends; `at` when none does. */
static size_t known_end(const struct masking *m, struct str text, size_t at)
{
    size_t end = at;
    for (uint32_t i = 0; i < m->known_count; i++)
        if (at + m->known[i].size > end && m->known[i].size <= text.size - at &&
            str_equal_nocase(str_slice(text, at, at + m->known[i].size), m->known[i]))
            end = at + m->known[i].size;
    return end;
}

static size_t formed_end(struct str text, size_t at)
{
    if (has_at(text, at, STR("-----BEGIN "))) {
        ptrdiff_t end = str_find(text, STR("-----END "), at);
        ptrdiff_t last = end < 0 ? -1 : str_find(text, STR("-----"), (size_t)end + 9);
        return last < 0 ? text.size : (size_t)last + 5;
    }
    size_t end = token_end(text, at);
    for (size_t i = 0; i < sizeof token_prefixes / sizeof token_prefixes[0]; i++)
        if (end - at >= TOKEN_BYTES_MIN && has_at(text, at, token_prefixes[i]))
            return end;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        end = at + schemes[i].size;
        if (has_at(text, at, schemes[i]) && token_end(text, end) - at >= TOKEN_BYTES_MIN)
            return token_end(text, end);
    }
    return at;
}

/* "https://user:word@host/": the end of the word behind a "//" that ends at `at`; `*ret_begin`: its start. */
static bool find_userinfo(struct str text, size_t at, size_t *ret_begin, size_t *ret_end)
{
    size_t begin = 0, end = at;
    for (; end < text.size && text.data[end] != '@'; end++) {
        if (text.data[end] == '/' || isspace((unsigned char)text.data[end]))
            return false;
        if (text.data[end] == ':' && begin == 0)
            begin = end + 1;
    }
    *ret_begin = begin;
    *ret_end = end;
    return end < text.size && begin > 0 && end > begin;
}

/* "password=x", "Authorization: Bearer x", "--token x", "\"secret\":\"x\"": whether the name in front of the
 * mark at `at` is a secret's; then where its value stands. */
static bool find_named(struct str text, size_t at, size_t *ret_begin, size_t *ret_end)
{
    size_t name_end = at, begin = at + 1;
    if (name_end > 0 && (text.data[name_end - 1] == '"' || text.data[name_end - 1] == '\''))
        name_end--;
    size_t name = name_end;
    while (name > 0 && is_name_byte(text.data[name - 1]))
        name--;
    bool is_option = name + 2 < name_end && text.data[name] == '-' && text.data[name + 1] == '-';
    if ((text.data[at] == ' ' && !is_option) ||
        !is_secret_name(value_string(str_slice(text, name, name_end))))
        return false;
    while (
        begin < text.size && (text.data[begin] == ' ' || text.data[begin] == '"' || text.data[begin] == '\''))
        begin++;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        begin += has_at(text, begin, schemes[i]) ? schemes[i].size : 0;
    size_t end = begin;
    while (end < text.size && !isspace((unsigned char)text.data[end]) &&
        strchr("&;,\"'<>)}]", text.data[end]) == NULL)
        end++;
    *ret_begin = begin;
    *ret_end = end;
    return end > begin;
}

/* A secret at `at` or behind a mark there; `*ret_begin` to `*ret_end` is it. */
static bool find_secret(
    const struct masking *m, struct str text, size_t at, size_t *ret_begin, size_t *ret_end)
{
    bool is_start = at == 0 || !isalnum((unsigned char)text.data[at - 1]);
    *ret_begin = at;
    size_t known = known_end(m, text, at), formed = is_start ? formed_end(text, at) : at;
    *ret_end = known > formed ? known : formed;
    if (*ret_end > at)
        return true;
    if (at >= 3 && has_at(text, at - 3, STR("://")) && find_userinfo(text, at, ret_begin, ret_end))
        return true;
    char c = text.data[at];
    return (c == '=' || c == ':' || c == ' ') && find_named(text, at, ret_begin, ret_end);
}

static FALLIBLE mask_text(struct masking *m, struct str text, struct value *ret)
{
    AUTO(buf) struct buf masked = { .bytes_max = EXPR_STRING_BYTES_MAX };
    size_t copied = 0;
    struct str made;
    for (size_t at = 0; at < text.size; at++) {
        size_t begin, end;
        if (!find_secret(m, text, at, &begin, &end))
            continue;
        buf_add(&masked, str_slice(text, copied, begin));
        buf_add_text(&masked, MASKED);
        m->count++;
        copied = end;
        at = end - 1;
    }
    *ret = value_string(text);
    if (copied == 0)
        return ERR_OK;
    buf_add(&masked, str_slice(text, copied, text.size));
    TRY(buf_check(&masked, m->why));
    TRY(arena_str(m->arena, buf_str(&masked), &made, m->why));
    *ret = value_string(made);
    return ERR_OK;
}

/* ---- values ---- */

static struct str without_scheme(struct str text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (str_starts(text, schemes[i]))
            return str_slice(text, schemes[i].size, text.size);
    return text;
}

/* What stands under secrets' names. Depth is that of a value, which its reader bounds. */
static void gather(struct masking *m, struct value v, bool is_secret)
{
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        gather(m, v.items[i], is_secret);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++)
        gather(m, entries[i].value, is_secret_name(entries[i].key));
    struct str text = is_secret && v.type == VALUE_STRING ? without_scheme(value_str(v)) : STR("");
    if (text.size >= KNOWN_BYTES_MIN && m->known_count < KNOWN_MAX)
        m->known[m->known_count++] = text;
}

static FALLIBLE mask_any(struct masking *m, struct value v, bool is_secret, struct value *ret);

static FALLIBLE mask_list(struct masking *m, struct value v, bool is_secret, struct value *ret)
{
    struct value_list_builder list;
    value_list_begin(&list, m->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value item;
        TRY(mask_any(m, v.items[i], is_secret, &item));
        TRY(value_list_add(&list, item, m->why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

/* What stands inside has names of its own: under "okta.reset_password" is what that action was given. */
static FALLIBLE mask_map(struct masking *m, struct value v, struct value *ret)
{
    struct value_map_builder map;
    const struct value_entry *entries = value_map_entries(v);
    value_map_begin(&map, m->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value inside;
        TRY(mask_any(m, entries[i].value, is_secret_name(entries[i].key), &inside));
        TRY(value_map_put(&map, entries[i].key, inside, m->why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* Numbers and booleans under such a name ("token_count", "has_password") are none. */
static FALLIBLE mask_any(struct masking *m, struct value v, bool is_secret, struct value *ret)
{
    *ret = v;
    if (v.type == VALUE_MAP)
        return mask_map(m, v, ret);
    if (v.type == VALUE_LIST)
        return mask_list(m, v, is_secret, ret);
    if (v.type != VALUE_STRING || v.size == 0)
        return ERR_OK;
    if (!is_secret)
        return mask_text(m, value_str(v), ret);
    m->count++;
    *ret = value_string(STR(MASKED));
    return ERR_OK;
}

enum err mask_value(
    struct arena *arena, struct value v, struct value *ret, unsigned *ret_count, struct err_info *why)
{
    struct masking *m = ARENA_NEW(arena, struct masking);
    if (m == NULL)
        return err_memory(why);
    *m = (struct masking){ .arena = arena, .why = why };
    gather(m, v, false);
    TRY(mask_any(m, v, false, ret));
    *ret_count += m->count;
    return ERR_OK;
}
