/* As much of JSON Schema as our schemas use: enough to hold a schema against a reader. */
#ifndef TOCSIN_TESTS_SCHEMA_CHECK_H
#define TOCSIN_TESTS_SCHEMA_CHECK_H

#include <string.h>

#include "base/json.h"
#include "base/yaml.h"
#include "expr/regex.h"
#include "playbook/diagnostic.h"

struct schema_check {
    struct value root;
};

static bool schema_accepts(const struct schema_check *check, struct value schema, struct value v);

static struct value schema_get(struct value schema, const char *key)
{
    return value_get(schema, str_of(key));
}

static bool schema_type_is(struct str type, struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return str_equal(type, STR("null"));
    case VALUE_BOOL: return str_equal(type, STR("boolean"));
    case VALUE_INT:
    case VALUE_UINT: return str_equal(type, STR("integer")) || str_equal(type, STR("number"));
    case VALUE_DOUBLE: return str_equal(type, STR("number"));
    case VALUE_STRING: return str_equal(type, STR("string"));
    case VALUE_LIST: return str_equal(type, STR("array"));
    case VALUE_MAP: return str_equal(type, STR("object"));
    default: return false;
    }
}

static bool schema_has_type(struct value types, struct value v)
{
    if (types.type == VALUE_STRING)
        return schema_type_is(value_str(types), v);
    for (uint32_t i = 0; types.type == VALUE_LIST && i < types.size; i++)
        if (schema_type_is(value_str(types.items[i]), v))
            return true;
    return types.type == VALUE_NULL;
}

static bool schema_matches(struct str pattern, struct str text)
{
    char error[200] = "";
    struct regex *regex = regex_new(pattern, error, sizeof error);
    if (regex == NULL)
        fail_msg("the pattern %.*s: %s", STR_ARG(pattern), error);
    bool found = regex_matches(regex, text);
    regex_free(regex);
    return found;
}

static bool schema_in_enum(struct value list, struct value v)
{
    for (uint32_t i = 0; i < list.size; i++)
        if (v.type == VALUE_STRING && value_is_text(list.items[i], value_str(v)))
            return true;
    return false;
}

static bool schema_object(const struct schema_check *check, struct value schema, struct value v)
{
    struct value properties = schema_get(schema, "properties"),
                 others = schema_get(schema, "additionalProperties");
    struct value required = schema_get(schema, "required"), least = schema_get(schema, "minProperties");
    struct value patterns = schema_get(schema, "patternProperties"),
                 dependent = schema_get(schema, "dependentRequired");
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; required.type == VALUE_LIST && i < required.size; i++)
        if (value_map_find(v, value_str(required.items[i])) == NULL)
            return false;
    if (least.type == VALUE_INT && (int64_t)v.size < least.integer)
        return false;
    for (uint32_t i = 0; dependent.type == VALUE_MAP && i < dependent.size; i++) {
        const struct value_entry *needs = &value_map_entries(dependent)[i];
        if (value_map_find(v, value_str(needs->key)) != NULL &&
            value_map_find(v, value_str(needs->value.items[0])) == NULL)
            return false;
    }
    for (uint32_t i = 0; i < v.size; i++) {
        const struct value *own = properties.type == VALUE_MAP
            ? value_map_find(properties, value_str(entries[i].key))
            : NULL;
        if (own == NULL && patterns.type == VALUE_MAP &&
            schema_matches(value_str(value_map_entries(patterns)[0].key), value_str(entries[i].key)))
            own = &value_map_entries(patterns)[0].value;
        if (own != NULL ? !schema_accepts(check, *own, entries[i].value)
                        : (others.type == VALUE_BOOL && !others.boolean) ||
                    (others.type == VALUE_MAP && !schema_accepts(check, others, entries[i].value)))
            return false;
    }
    return true;
}

static bool schema_list(const struct schema_check *check, struct value schema, struct value v)
{
    struct value items = schema_get(schema, "items"), least = schema_get(schema, "minItems"),
                 most = schema_get(schema, "maxItems");
    if ((least.type == VALUE_INT && (int64_t)v.size < least.integer) ||
        (most.type == VALUE_INT && (int64_t)v.size > most.integer))
        return false;
    for (uint32_t i = 0; items.type == VALUE_MAP && i < v.size; i++)
        if (!schema_accepts(check, items, v.items[i]))
            return false;
    return true;
}

static uint32_t schema_count(const struct schema_check *check, struct value list, struct value v)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list.size; i++)
        count += schema_accepts(check, list.items[i], v);
    return count;
}

static bool schema_scalar(struct value schema, struct value v)
{
    struct value pattern = schema_get(schema, "pattern"), least = schema_get(schema, "minimum"),
                 most = schema_get(schema, "maximum"), shortest = schema_get(schema, "minLength");
    if (v.type == VALUE_STRING && pattern.type == VALUE_STRING &&
        !schema_matches(value_str(pattern), value_str(v)))
        return false;
    if (v.type == VALUE_STRING && shortest.type == VALUE_INT && (int64_t)v.size < shortest.integer)
        return false;
    return v.type != VALUE_INT ||
        ((least.type != VALUE_INT || v.integer >= least.integer) &&
            (most.type != VALUE_INT || v.integer <= most.integer));
}

static bool schema_accepts(const struct schema_check *check, struct value schema, struct value v)
{
    struct value ref = schema_get(schema, "$ref"), any = schema_get(schema, "anyOf"),
                 one = schema_get(schema, "oneOf"), all = schema_get(schema, "allOf"),
                 refused = schema_get(schema, "not"), words = schema_get(schema, "enum");
    if (ref.type == VALUE_STRING) {
        struct str name = str_slice(value_str(ref), strlen("#/$defs/"), ref.size);
        const struct value *target = value_map_find(schema_get(check->root, "$defs"), name);
        if (target == NULL)
            fail_msg("the schema has no %.*s", STR_ARG(name));
        if (!schema_accepts(check, *target, v))
            return false;
    }
    if (!schema_has_type(schema_get(schema, "type"), v) || !schema_scalar(schema, v))
        return false;
    if ((words.type == VALUE_LIST && !schema_in_enum(words, v)) ||
        (any.type == VALUE_LIST && schema_count(check, any, v) == 0) ||
        (one.type == VALUE_LIST && schema_count(check, one, v) != 1) ||
        (all.type == VALUE_LIST && schema_count(check, all, v) != all.size) ||
        (refused.type == VALUE_MAP && schema_accepts(check, refused, v)))
        return false;
    if (v.type == VALUE_MAP)
        return schema_object(check, schema, v);
    return v.type != VALUE_LIST || schema_list(check, schema, v);
}

/* ---- documents with one thing wrong ---- */

/* Calls `each` with every copy of `v` in which one node is left out, renamed, or something else. */
struct mutation {
    struct arena *arena;
    void (*each)(void *context, struct value v, const char *what);
    void *context;
};

/* What is put around the changed node on the way up. */
struct mutation_frame {
    const struct mutation_frame *outer;
    struct value container;
    uint32_t index;
};

static void mutation_emit(
    const struct mutation *mutation, const struct mutation_frame *frame, struct value v, const char *what)
{
    for (; frame != NULL; frame = frame->outer) {
        struct value_list_builder list;
        struct value_map_builder map;
        const struct value_entry *entries = value_map_entries(frame->container);
        if (frame->container.type == VALUE_LIST) {
            value_list_begin(&list, mutation->arena);
            for (uint32_t i = 0; i < frame->container.size; i++)
                assert_int_equal(
                    value_list_add(&list, i == frame->index ? v : frame->container.items[i], NULL), ERR_OK);
            v = value_list_end(&list);
            continue;
        }
        value_map_begin(&map, mutation->arena);
        for (uint32_t i = 0; i < frame->container.size; i++)
            assert_int_equal(
                value_map_put(&map, entries[i].key, i == frame->index ? v : entries[i].value, NULL), ERR_OK);
        v = value_map_end(&map);
    }
    mutation->each(mutation->context, v, what);
}

static struct value mutation_without(struct arena *arena, struct value map, uint32_t index, bool is_renamed)
{
    struct value_map_builder copy;
    const struct value_entry *entries = value_map_entries(map);
    value_map_begin(&copy, arena);
    for (uint32_t i = 0; i < map.size; i++) {
        struct value key = entries[i].key;
        if (i == index && !is_renamed)
            continue;
        if (i == index)
            key = value_string(STR("zzz"));
        assert_int_equal(value_map_put(&copy, key, entries[i].value, NULL), ERR_OK);
    }
    return value_map_end(&copy);
}

static void mutate(const struct mutation *mutation, const struct mutation_frame *outer, struct value v)
{
    const struct value one = value_int(3);
    struct value_map_builder map;
    value_map_begin(&map, mutation->arena);
    assert_int_equal(value_map_set(&map, "zzz", one, NULL), ERR_OK);
    const struct value others[] = { value_string(STR("zzz")), one, value_bool(true), value_null(),
        { .type = VALUE_LIST }, { .type = VALUE_LIST, .size = 1, .items = &one }, value_map_end(&map) };
    static const char *const names[] = { "a text", "a number", "true", "null", "[]", "[3]", "{zzz: 3}" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        mutation_emit(mutation, outer, others[i], names[i]);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++) {
        struct mutation_frame frame = { outer, v, i };
        mutate(mutation, &frame, v.items[i]);
    }
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++) {
        struct mutation_frame frame = { outer, v, i };
        mutation_emit(mutation, outer, mutation_without(mutation->arena, v, i, false), "a key left out");
        mutation_emit(mutation, outer, mutation_without(mutation->arena, v, i, true), "a key renamed");
        mutate(mutation, &frame, value_map_entries(v)[i].value);
    }
}

/* ---- reader against schema ---- */

struct agreement {
    struct schema_check schema;
    void (*read)(struct str text, struct diagnostics *found);
    const char *const *structural; /* codes of shape, ended by NULL; others are about what a good file says */
    uint32_t told, accepted, wrong;
};

/* The code of the first fault of shape; NULL: none. */
static const char *agreement_refused(const struct agreement *agreement, struct str text, struct arena *arena)
{
    struct diagnostics found;
    diagnostics_init(&found, arena, STR("test"));
    agreement->read(text, &found);
    for (uint32_t i = 0; i < found.count; i++)
        for (const char *const *code = agreement->structural; *code; code++)
            if (found.items[i].level == DIAGNOSTIC_ERROR && strcmp(*code, found.items[i].code) == 0)
                return *code;
    return NULL;
}

static void agreement_compare(void *context, struct value v, const char *what)
{
    struct agreement *agreement = context;
    AUTO(buf) struct buf text = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    json_print(&text, v, 0);
    assert_int_equal(buf_check(&text, NULL), ERR_OK);
    const char *refused = agreement_refused(agreement, buf_str(&text), &arena);
    bool is_accepted = schema_accepts(&agreement->schema, agreement->schema.root, v);
    agreement->told++;
    agreement->accepted += is_accepted;
    if (is_accepted != (refused != NULL))
        return;
    agreement->wrong++;
    if (agreement->wrong <= 20)
        print_message("%s: the reader says %s, the schema %s\n%.*s\n", what, refused ? refused : "yes",
            is_accepted ? "yes" : "no", STR_ARG(buf_str(&text)));
}

/* `schema` is the schema's text; the seeds are good files. */
static void agreement_check(
    struct agreement *agreement, struct str schema, const char *const *seeds, size_t count)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct json_options options = { .copy_strings = true };
    if (json_parse(&arena, schema, &options, &agreement->schema.root, &why) != ERR_OK)
        fail_msg("the schema is no JSON: %s at %u:%u", why.text, why.line, why.column);
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) struct arena scratch = { 0 };
        struct yaml_node *root;
        struct value v;
        if (yaml_parse(&scratch, str_of(seeds[i]), &root, &why) != ERR_OK ||
            yaml_to_value(&scratch, root, &v, &why) != ERR_OK)
            fail_msg("seed %zu: %s at %u:%u", i, why.text, why.line, why.column);
        const char *refused = agreement_refused(agreement, str_of(seeds[i]), &scratch);
        if (refused != NULL)
            fail_msg("seed %zu: %s", i, refused);
        const struct mutation mutation = { &scratch, agreement_compare, agreement };
        agreement_compare(agreement, v, "as it stands");
        mutate(&mutation, NULL, v);
    }
    print_message("%u documents, %u of them well-formed\n", agreement->told, agreement->accepted);
    assert_int_equal(agreement->wrong, 0);
}

#endif
