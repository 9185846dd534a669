/* The regex extension: extracting and replacing with RE2 patterns. */
#include "base/limits.h"
#include "expr/function.h"
#include "expr/pattern.h"

/* One search from `from` on. */
static FALLIBLE search(struct call *call, const struct regex *regex, struct str text, size_t from,
    struct str *groups, int count, bool *ret_found)
{
    TRY(pattern_charge_rest(call, regex, text.size - from));
    *ret_found = regex_find(regex, text, from, groups, count);
    size_t end = *ret_found ? (size_t)(groups[0].data - text.data) + groups[0].size : text.size;
    return pattern_charge(call, regex, end - from);
}

/* What extract() gives of a match: its only group, or the whole. */
static FALLIBLE find(struct call *call, const struct regex *regex, struct str text, size_t from,
    struct str groups[2], bool *ret)
{
    int count = regex_group_count(regex);
    if (count > 1)
        return call_fail(call,
            "the pattern has %d groups, more than one; write (?:…) where nothing is to be taken", count);
    return search(call, regex, text, from, groups, count + 1, ret);
}

static FALLIBLE extract(struct call *call, const struct value *a, struct value *ret)
{
    const struct regex *regex = NULL;
    struct str groups[2];
    bool is_found = false;
    TRY(pattern_get(call, value_str(a[1]), &regex));
    TRY(find(call, regex, value_str(a[0]), 0, groups, &is_found));
    struct str taken = is_found ? groups[regex_group_count(regex)] : (struct str){ NULL, 0 };
    *ret = call_none();
    return taken.data == NULL ? ERR_OK : call_optional(call, value_string(taken), ret);
}

/* Where the next search starts: behind the match, or one character on when the match is empty. */
static size_t behind(struct str text, struct str match)
{
    size_t at = (size_t)(match.data - text.data) + match.size;
    if (match.size > 0)
        return at;
    at++;
    while (at < text.size && ((unsigned char)text.data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static FALLIBLE extract_all(struct call *call, const struct value *a, struct value *ret)
{
    const struct regex *regex = NULL;
    struct str text = value_str(a[0]), groups[2];
    struct value_list_builder list;
    TRY(pattern_get(call, value_str(a[1]), &regex));
    int group = regex_group_count(regex);
    value_list_begin(&list, call->arena);
    for (size_t at = 0; at <= text.size; at = behind(text, groups[0])) {
        bool is_found = false;
        TRY(find(call, regex, text, at, groups, &is_found));
        if (!is_found)
            break;
        TRY(call_charge(call, 1));
        if (groups[group].data != NULL)
            TRY(value_list_add(&list, value_string(groups[group]), &call->why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

/* \0 to \9 in a replacement stand for the match's groups, \\ for a backslash. */
static FALLIBLE write_replacement(
    struct call *call, struct writer *writer, struct str replacement, const struct str *groups, int count)
{
    for (size_t i = 0; i < replacement.size; i++) {
        char c = replacement.data[i];
        if (c != '\\') {
            writer_add_byte(writer, c);
            continue;
        }
        c = ++i < replacement.size ? replacement.data[i] : '\0';
        if (c == '\\') {
            writer_add_byte(writer, c);
            continue;
        }
        if (c < '0' || c > '9')
            return call_fail(call, "a backslash in a replacement stands before a digit or a backslash");
        if (c - '0' >= count)
            return call_fail(call, "the replacement asks for group %c, the pattern has %d", c, count - 1);
        if (groups[c - '0'].data != NULL)
            writer_add(writer, groups[c - '0']);
    }
    return writer->failed;
}

static FALLIBLE replace_at_most(struct call *call, const struct value *a, int64_t limit, struct value *ret)
{
    const struct regex *regex = NULL;
    struct str text = value_str(a[0]), groups[REGEX_GROUPS_MAX + 1];
    struct writer writer = { .call = call };
    TRY(pattern_get(call, value_str(a[1]), &regex));
    int count = regex_group_count(regex) + 1;
    if (count > REGEX_GROUPS_MAX + 1)
        return call_fail(call, "the pattern has more than %d groups", REGEX_GROUPS_MAX);
    size_t at = 0, copied = 0;
    for (int64_t done = 0; at <= text.size && (limit < 0 || done < limit); done++) {
        bool is_found = false;
        TRY(search(call, regex, text, at, groups, count, &is_found));
        if (!is_found)
            break;
        size_t start = (size_t)(groups[0].data - text.data);
        writer_add(&writer, str_slice(text, copied, start));
        TRY(write_replacement(call, &writer, value_str(a[2]), groups, count));
        copied = start + groups[0].size;
        at = behind(text, groups[0]);
    }
    writer_add(&writer, str_slice(text, copied, text.size));
    return writer_end(&writer, ret);
}

static FALLIBLE replace(struct call *call, const struct value *a, struct value *ret)
{
    return replace_at_most(call, a, -1, ret);
}

static FALLIBLE replace_limit(struct call *call, const struct value *a, struct value *ret)
{
    return replace_at_most(call, a, a[3].integer, ret);
}

#define S &type_string

static const struct overload extract_rows[] = { { false, 2, { S, S }, &type_optional_string, extract } };
static const struct overload extract_all_rows[] = { { false, 2, { S, S }, &type_list_string, extract_all } };
static const struct overload replace_rows[] = {
    { false, 3, { S, S, S }, S, replace },
    { false, 4, { S, S, S, &type_int }, S, replace_limit },
};

static const struct function functions[] = {
    FUNCTION("regex.extract", extract_rows),
    FUNCTION("regex.extractAll", extract_all_rows),
    FUNCTION("regex.replace", replace_rows),
};

const struct library library_regex = { "regex", functions, sizeof(functions) / sizeof(functions[0]) };
