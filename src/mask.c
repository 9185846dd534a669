#include "mask.h"

#include <ctype.h>

/* Parts of names whose values are secrets, whatever stands around them: "db_password", "X-Api-Key". */
static const struct str secret_names[] = {
    STR_INIT("password"),
    STR_INIT("passwd"),
    STR_INIT("passphrase"),
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
    STR_INIT("toc_"),
    STR_INIT("AKIA"),
    STR_INIT("ASIA"),
    STR_INIT("ghp_"),
    STR_INIT("gho_"),
    STR_INIT("ghs_"),
    STR_INIT("github_pat_"),
    STR_INIT("glpat-"),
    STR_INIT("xoxb-"),
    STR_INIT("xoxp-"),
    STR_INIT("xoxa-"),
    STR_INIT("sk_live_"),
    STR_INIT("rk_live_"),
    STR_INIT("eyJ"), /* a JSON Web Token's header */
    STR_INIT("Bearer "),
    STR_INIT("Basic "),
    STR_INIT("-----BEGIN "),
};
#define TOKEN_BYTES_MIN 16

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

static bool is_token(struct str text)
{
    for (size_t i = 0; i < sizeof token_prefixes / sizeof token_prefixes[0]; i++)
        if (text.size >= TOKEN_BYTES_MIN && str_starts(text, token_prefixes[i]))
            return true;
    return false;
}

/* "https://user:word@host/": whether something stands between "//" and '@' with a ':' in it. */
static bool has_userinfo(struct str text)
{
    ptrdiff_t slashes = str_find(text, STR("://"), 0);
    if (slashes < 0)
        return false;
    struct str rest = str_slice(text, (size_t)slashes + 3, text.size);
    ptrdiff_t at = str_find_byte(rest, '@', 0), end = str_find_byte(rest, '/', 0);
    ptrdiff_t colon = str_find_byte(rest, ':', 0);
    return at > 0 && (end < 0 || at < end) && colon >= 0 && colon < at;
}

static FALLIBLE mask_list(
    struct arena *arena, struct value v, struct value *ret, unsigned *ret_count, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value item;
        TRY(mask_value(arena, v.items[i], &item, ret_count, why));
        TRY(value_list_add(&list, item, why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

/* Numbers and booleans under such a name ("token_count", "has_password") are none. */
static FALLIBLE mask_map(
    struct arena *arena, struct value v, struct value *ret, unsigned *ret_count, struct err_info *why)
{
    struct value_map_builder map;
    const struct value_entry *entries = value_map_entries(v);
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value inside = entries[i].value;
        bool is_secret = is_secret_name(entries[i].key) && inside.type == VALUE_STRING && inside.size > 0;
        *ret_count += is_secret;
        if (is_secret)
            inside = value_string(STR(MASKED));
        else
            TRY(mask_value(arena, inside, &inside, ret_count, why));
        TRY(value_map_put(&map, entries[i].key, inside, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err mask_value(
    struct arena *arena, struct value v, struct value *ret, unsigned *ret_count, struct err_info *why)
{
    if (v.type == VALUE_MAP)
        return mask_map(arena, v, ret, ret_count, why);
    if (v.type == VALUE_LIST)
        return mask_list(arena, v, ret, ret_count, why);
    bool is_secret = v.type == VALUE_STRING && (is_token(value_str(v)) || has_userinfo(value_str(v)));
    *ret_count += is_secret;
    *ret = is_secret ? value_string(STR(MASKED)) : v;
    return ERR_OK;
}
