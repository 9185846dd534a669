#include "cases/fields.h"

#include <assert.h>

#include "base/limits.h"
#include "base/text.h"

static const struct str resolutions[] = {
    STR_INIT("true_positive"),
    STR_INIT("false_positive"),
    STR_INIT("benign"),
    STR_INIT("duplicate"),
    STR_INIT("other"),
};
static const struct str phases[] = {
    STR_INIT("triage"),
    STR_INIT("investigation"),
    STR_INIT("containment"),
    STR_INIT("eradication"),
    STR_INIT("recovery"),
    STR_INIT("review"),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    struct str name;
    enum field field;
} names[] = {
    { STR_INIT("status"), FIELD_STATUS },
    { STR_INIT("status_id"), FIELD_STATUS },
    { STR_INIT("severity"), FIELD_SEVERITY },
    { STR_INIT("severity_id"), FIELD_SEVERITY },
    { STR_INIT("owner"), FIELD_OWNER },
    { STR_INIT("tags"), FIELD_TAGS },
    { STR_INIT("add_tags"), FIELD_TAGS },
    { STR_INIT("remove_tags"), FIELD_TAGS },
    { STR_INIT("resolution"), FIELD_RESOLUTION },
    { STR_INIT("title"), FIELD_TITLE },
    { STR_INIT("phase"), FIELD_PHASE },
    { STR_INIT("summary"), FIELD_SUMMARY },
    { STR_INIT("alerts"), FIELD_ALERTS },
    { STR_INIT("observables"), FIELD_OBSERVABLES },
};

static enum err unknown_field(struct str name, unsigned allowed, const char *kind, struct err_info *why)
{
    unsigned nearest = 3;
    struct str suggestion = { 0 };
    for (size_t i = 0; i < COUNT(names); i++) {
        unsigned distance = str_distance(name, names[i].name, nearest);
        if ((names[i].field & allowed) && distance < nearest) {
            nearest = distance;
            suggestion = names[i].name;
        }
    }
    if (suggestion.size > 0)
        return err_named(why, ERR_INVALID, "field", "no field '%.*s' of %s; did you mean '%.*s'?",
            STR_ARG(name), kind, STR_ARG(suggestion));
    return err_named(why, ERR_INVALID, "field", "no field '%.*s' of %s", STR_ARG(name), kind);
}

static enum err wrong_word(
    struct str name, struct str given, const struct str *words, size_t count, struct err_info *why)
{
    char known[256];
    size_t size = 0;
    for (size_t i = 0; i < count && size + words[i].size + 3 < sizeof(known); i++) {
        for (const char *at = i > 0 ? ", " : ""; *at; at++)
            known[size++] = *at;
        for (size_t j = 0; j < words[i].size; j++)
            known[size++] = words[i].data[j];
    }
    return err_named(why, ERR_INVALID, "field", "%.*s: '%.*s' is none of %.*s", STR_ARG(name), STR_ARG(given),
        (int)size, known);
}

static bool is_one_of(struct str given, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(given, words[i]))
            return true;
    }
    return false;
}

enum err resolution_check(struct str resolution, struct err_info *why)
{
    if (resolution.size == 0 || is_one_of(resolution, resolutions, COUNT(resolutions)))
        return ERR_OK;
    return wrong_word(STR("resolution"), resolution, resolutions, COUNT(resolutions), why);
}

enum err words_each(struct str list, enum err (*word)(void *context, struct str word, struct err_info *why),
    void *context, struct err_info *why)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (part.size > 0)
            TRY(word(context, part, why));
    }
    return ERR_OK;
}

/* A text of at most `bytes_max` bytes; null is the empty one. */
static enum err read_text(
    struct str name, struct value v, size_t bytes_max, struct str *ret, struct err_info *why)
{
    if (v.type == VALUE_NULL) {
        *ret = (struct str){ 0 };
        return ERR_OK;
    }
    if (v.type != VALUE_STRING)
        return err_named(why, ERR_INVALID, "field", "%.*s: a string is needed, not %s", STR_ARG(name),
            value_type_name(v.type));
    if (v.size > bytes_max)
        return err_named(
            why, ERR_LIMIT, "field", "%.*s: %u bytes, %zu are the limit", STR_ARG(name), v.size, bytes_max);
    *ret = value_str(v);
    return ERR_OK;
}

static enum err read_severity(struct str name, struct value v, enum severity *ret, struct err_info *why)
{
    if (v.type == VALUE_STRING && severity_parse(value_str(v), ret))
        return ERR_OK;
    if (v.type == VALUE_INT && ((v.integer >= 0 && v.integer < SEVERITY_COUNT) || v.integer == 99)) {
        *ret = v.integer == 99 ? SEVERITY_UNKNOWN : (enum severity)v.integer;
        return ERR_OK;
    }
    return err_named(why, ERR_INVALID, "field",
        "%.*s: a number from 0 (unknown) to 6 (fatal) or a name such as 'high' is needed", STR_ARG(name));
}

static enum err read_status(
    struct str name, struct value v, struct arena *arena, struct str *ret, struct err_info *why)
{
    if (v.type == VALUE_INT)
        return arena_printf(arena, ret, why, "%lld", (long long)v.integer);
    TRY(read_text(name, v, 32, ret, why));
    if (ret->size == 0)
        return err_named(why, ERR_INVALID, "field", "%.*s: empty", STR_ARG(name));
    return ERR_OK;
}

static enum err read_tags(struct str name, struct value v, struct value *ret, struct err_info *why)
{
    if (v.type != VALUE_LIST)
        return err_named(why, ERR_INVALID, "field", "%.*s: a list of strings is needed, not %s",
            STR_ARG(name), value_type_name(v.type));
    for (uint32_t i = 0; i < v.size; i++) {
        if (v.items[i].type != VALUE_STRING || v.items[i].size == 0)
            return err_named(why, ERR_INVALID, "field", "%.*s[%u]: a string that is not empty is needed",
                STR_ARG(name), i);
        if (v.items[i].size > TAG_BYTES_MAX)
            return err_named(why, ERR_LIMIT, "TAG_BYTES_MAX", "%.*s[%u]: %u bytes, %d are the limit",
                STR_ARG(name), i, v.items[i].size, TAG_BYTES_MAX);
    }
    *ret = v;
    return ERR_OK;
}

static enum err read_ids(struct value v, struct arena *arena, struct fields *ret, struct err_info *why)
{
    if (v.type != VALUE_LIST)
        return err_named(
            why, ERR_INVALID, "field", "alerts: a list of ids is needed, not %s", value_type_name(v.type));
    if (v.size > CASE_ALERTS_MAX)
        return err_named(
            why, ERR_LIMIT, "CASE_ALERTS_MAX", "alerts: %u, %d are the limit", v.size, CASE_ALERTS_MAX);
    ret->alerts = ARENA_ARRAY(arena, v.size > 0 ? v.size : 1, struct id);
    if (!ret->alerts)
        return err_memory(why);
    for (uint32_t i = 0; i < v.size; i++) {
        if (v.items[i].type != VALUE_STRING || !id_parse(value_str(v.items[i]), &ret->alerts[i]))
            return err_named(why, ERR_INVALID, "field", "alerts[%u]: an alert's id is needed", i);
    }
    ret->alert_count = v.size;
    return ERR_OK;
}

static enum err read_title(struct str name, struct value v, struct str *ret, struct err_info *why)
{
    TRY(read_text(name, v, CASE_TITLE_BYTES_MAX, ret, why));
    *ret = str_trim(*ret);
    if (ret->size == 0)
        return err_named(why, ERR_INVALID, "field", "title: empty");
    return ERR_OK;
}

static enum err read_tag_edit(struct str name, struct value v, struct fields *ret, struct err_info *why)
{
    if (str_equal(name, STR("add_tags")))
        return read_tags(name, v, &ret->add_tags, why);
    if (str_equal(name, STR("remove_tags")))
        return read_tags(name, v, &ret->remove_tags, why);
    ret->has_tags = true;
    return read_tags(name, v, &ret->tags, why);
}

static enum err read_field(enum field field, struct str name, struct value v, struct arena *arena,
    struct fields *ret, struct err_info *why)
{
    switch (field) {
    case FIELD_STATUS: return read_status(name, v, arena, &ret->status, why);
    case FIELD_SEVERITY: return read_severity(name, v, &ret->severity, why);
    case FIELD_OWNER: return read_text(name, v, PRINCIPAL_NAME_BYTES_MAX, &ret->owner, why);
    case FIELD_TAGS: return read_tag_edit(name, v, ret, why);
    case FIELD_RESOLUTION:
        TRY(read_text(name, v, 32, &ret->resolution, why));
        return resolution_check(ret->resolution, why);
    case FIELD_TITLE: return read_title(name, v, &ret->title, why);
    case FIELD_PHASE:
        TRY(read_text(name, v, 32, &ret->phase, why));
        if (!is_one_of(ret->phase, phases, COUNT(phases)))
            return wrong_word(name, ret->phase, phases, COUNT(phases), why);
        return ERR_OK;
    case FIELD_SUMMARY: return read_text(name, v, CASE_SUMMARY_BYTES_MAX, &ret->summary, why);
    case FIELD_ALERTS: return read_ids(v, arena, ret, why);
    case FIELD_OBSERVABLES:
        if (v.type != VALUE_LIST)
            return err_named(
                why, ERR_INVALID, "field", "observables: a list is needed, not %s", value_type_name(v.type));
        ret->observables = v;
        return ERR_OK;
    }
    assert(!"a field that is not in the table");
    return ERR_OK;
}

enum err fields_read(struct value given, unsigned allowed, const char *kind, struct arena *arena,
    struct fields *ret, struct err_info *why)
{
    struct fields read = { 0 };
    if (given.type != VALUE_MAP && given.type != VALUE_NULL)
        return err_named(
            why, ERR_INVALID, "field", "a map of fields is needed, not %s", value_type_name(given.type));
    const struct value_entry *entries = value_map_entries(given);
    for (uint32_t i = 0; given.type == VALUE_MAP && i < given.size; i++) {
        if (entries[i].key.type != VALUE_STRING)
            return err_named(why, ERR_INVALID, "field", "names of fields are strings");
        struct str name = value_str(entries[i].key);
        size_t at = 0;
        while (at < COUNT(names) && !(str_equal(name, names[at].name) && (names[at].field & allowed)))
            at++;
        if (at == COUNT(names))
            return unknown_field(name, allowed, kind, why);
        TRY(read_field(names[at].field, name, entries[i].value, arena, &read, why));
        read.given |= names[at].field;
    }
    *ret = read;
    return ERR_OK;
}

static bool list_has(const struct value *items, uint32_t count, struct value tag)
{
    for (uint32_t i = 0; i < count; i++) {
        if (value_is_text(items[i], value_str(tag)))
            return true;
    }
    return false;
}

static enum err add_tags(
    struct value_list_builder *list, struct value from, struct value without, struct err_info *why)
{
    for (uint32_t i = 0; from.type == VALUE_LIST && i < from.size; i++) {
        struct value tag = from.items[i];
        if (list_has(list->items, list->count, tag) ||
            (without.type == VALUE_LIST && list_has(without.items, without.size, tag)))
            continue;
        if (list->count >= TAGS_MAX)
            return err_named(why, ERR_LIMIT, "TAGS_MAX", "tags: %d are the limit", TAGS_MAX);
        tag.flags |= VALUE_OUTSIDE; /* people and tools write them */
        TRY(value_list_add(list, tag, why));
    }
    return ERR_OK;
}

enum err fields_apply_tags(const struct fields *fields, struct value now, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, arena);
    TRY(add_tags(&list, fields->has_tags ? fields->tags : now, fields->remove_tags, why));
    TRY(add_tags(&list, fields->add_tags, value_null(), why));
    *ret = value_list_end(&list);
    return ERR_OK;
}
