/* Checks a value against OCSF's own schema, read from the external test data. What is checked: that required
 * attributes are there, that each attribute has a place in its object, the types, the enumerations, and the
 * "at least one of" constraints. */
#ifndef TOCSIN_TESTS_OCSF_SCHEMA_H
#define TOCSIN_TESTS_OCSF_SCHEMA_H

#include "ingest/observe.h"
#include "ingest_helpers.h"
#include "shared_data.h"

struct ocsf_schema {
    struct arena arena;
    struct value attributes, types; /* the dictionary's */
    struct value classes[3]; /* the class, then what it extends */
    struct value objects; /* name → definition */
    struct value profiles; /* file → definition */
};

struct ocsf_fault {
    char text[300];
};

UNUSED static bool schema_read(struct ocsf_schema *schema, const char *name, struct value *ret)
{
    char path[200];
    struct buf buf = { 0 };
    struct str text;
    struct err_info why = { 0 };
    snprintf(path, sizeof(path), "ocsf/schema/%s", name);
    if (!shared_data_read(path, &buf))
        return false;
    test_check(arena_str(&schema->arena, buf_str(&buf), &text, &why), &why);
    buf_done(&buf);
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    test_check(json_parse(&schema->arena, text, &options, ret, &why), &why);
    return true;
}

UNUSED static void schema_read_objects(struct ocsf_schema *schema, struct str text)
{
    struct value_map_builder map;
    struct err_info why = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    bool more = true;
    value_map_begin(&map, &schema->arena);
    for (size_t at = 0; more;) {
        struct value line, object;
        test_check(json_parse_next(&schema->arena, text, &at, &options, &line, &more, &why), &why);
        if (!more)
            break;
        struct str payload = value_str(value_get(line, STR("payload")));
        test_check(json_parse(&schema->arena, payload, &options, &object, &why), &why);
        test_check(value_map_put(&map, value_get(object, STR("name")), object, &why), &why);
    }
    schema->objects = value_map_end(&map);
}

/* False, after a line that says "skipped: …", when the data is not there. */
UNUSED static bool schema_load(struct ocsf_schema *schema)
{
    static const char *const classes[] = { "events/findings/detection_finding.json",
        "events/findings/finding.json", "events/base_event.json" };
    static const char *const profiles[] = { "cloud", "container", "data_classification", "datetime", "host",
        "incident", "osint", "record_integrity", "security_control", "trace", "ai_operation", "load_balancer",
        "network_proxy" };
    struct value dictionary;
    struct buf buf = { 0 };
    struct str text;
    struct value_map_builder map;
    if (!schema_read(schema, "dictionary.json", &dictionary))
        return false;
    schema->attributes = value_get(dictionary, STR("attributes"));
    schema->types = value_path(dictionary, STR("types.attributes"));
    for (size_t i = 0; i < 3; i++)
        assert_true(schema_read(schema, classes[i], &schema->classes[i]));
    value_map_begin(&map, &schema->arena);
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        char name[60];
        struct value profile;
        struct str key;
        snprintf(name, sizeof(name), "profiles/%s.json", profiles[i]);
        assert_true(schema_read(schema, name, &profile));
        assert_int_equal(arena_str(&schema->arena, str_of(name), &key, NULL), ERR_OK);
        assert_int_equal(value_map_put(&map, value_string(key), profile, NULL), ERR_OK);
    }
    schema->profiles = value_map_end(&map);
    assert_true(shared_data_read("ocsf/schema/objects.jsonl", &buf));
    assert_int_equal(arena_str(&schema->arena, buf_str(&buf), &text, NULL), ERR_OK);
    buf_done(&buf);
    schema_read_objects(schema, text);
    return true;
}

/* ---- definitions ---- */

/* Calls for each definition in order: the thing, its profiles, what it extends. Stops on true. */
typedef bool schema_each(void *context, struct value attributes, bool is_profile);

UNUSED static bool schema_visit(
    struct ocsf_schema *schema, struct value definition, schema_each *each, void *context)
{
    struct value attributes = value_get(definition, STR("attributes"));
    if (each(context, attributes, false))
        return true;
    struct value includes = value_get(attributes, STR("$include"));
    for (uint32_t i = 0; includes.type == VALUE_LIST && i < includes.size; i++) {
        struct value profile = value_get(schema->profiles, value_str(includes.items[i]));
        if (each(context, value_get(profile, STR("attributes")), true))
            return true;
    }
    return false;
}

UNUSED static bool schema_walk(
    struct ocsf_schema *schema, struct value definition, schema_each *each, void *context)
{
    if (value_is_text(value_get(definition, STR("name")), STR("detection_finding"))) {
        for (int i = 0; i < 3; i++) {
            if (schema_visit(schema, schema->classes[i], each, context))
                return true;
        }
        return false;
    }
    for (int depth = 0; depth < 8 && definition.type == VALUE_MAP; depth++) {
        if (schema_visit(schema, definition, each, context))
            return true;
        struct value base = value_get(definition, STR("extends"));
        if (base.type != VALUE_STRING)
            return false;
        definition = value_get(schema->objects, value_str(base));
    }
    return false;
}

struct schema_search {
    struct str name, field;
    struct str member; /* not empty: the field is a map that must have it */
    struct value found; /* of `field`, or the definition itself */
    bool is_known;
};

UNUSED static bool schema_match(void *context, struct value attributes, bool is_profile)
{
    (void)is_profile;
    struct schema_search *search = context;
    const struct value *definition = value_map_find(attributes, search->name);
    if (!definition)
        return false;
    search->is_known = true;
    search->found = value_get(*definition, search->field);
    if (search->member.size > 0)
        return value_map_find(search->found, search->member) != NULL;
    return search->found.type != VALUE_NULL;
}

/* A field of an attribute's definition, the nearest; null when none has it. */
UNUSED static struct value schema_field(struct ocsf_schema *schema, struct value definition, struct str name,
    struct str field, bool *ret_is_known)
{
    struct schema_search search = { .name = name, .field = field };
    schema_walk(schema, definition, schema_match, &search);
    if (ret_is_known)
        *ret_is_known = search.is_known;
    if (search.found.type == VALUE_NULL)
        search.found = value_get(value_get(schema->attributes, name), field);
    return search.found;
}

/* Enumerations of a thing, of what it extends and of the dictionary are joined. */
UNUSED static bool schema_enum_has(
    struct ocsf_schema *schema, struct value definition, struct str name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    struct schema_search search = { .name = name, .field = STR("enum"), .member = str_of(text) };
    struct value words = value_get(value_get(schema->attributes, name), STR("enum"));
    return value_map_find(words, str_of(text)) || schema_walk(schema, definition, schema_match, &search);
}

UNUSED static bool schema_map_has_observable(struct value map, int64_t number)
{
    const struct value_entry *entries = value_map_entries(map);
    for (uint32_t i = 0; i < map.size; i++) {
        struct value observable = value_get(entries[i].value, STR("observable"));
        if (observable.type == VALUE_INT && observable.integer == number)
            return true;
    }
    return false;
}

/* The kinds of observables are numbered where types, attributes and objects are defined. */
UNUSED static bool schema_has_observable(struct ocsf_schema *schema, int64_t number)
{
    return schema_map_has_observable(schema->types, number) ||
        schema_map_has_observable(schema->attributes, number) ||
        schema_map_has_observable(schema->objects, number);
}

/* ---- checks ---- */

UNUSED static bool schema_fault(struct ocsf_fault *fault, const char *path, const char *text)
{
    snprintf(fault->text, sizeof(fault->text), "%s: %s", path, text);
    return false;
}

UNUSED static bool schema_check_map(struct ocsf_schema *schema, struct value definition, struct value v,
    const char *path, struct ocsf_fault *fault);

UNUSED static bool schema_is_one_of(struct str type, const char *const *words)
{
    for (; *words; words++) {
        if (str_equal(type, str_of(*words)))
            return true;
    }
    return false;
}

UNUSED static bool schema_check_scalar(
    struct str type, struct value v, const char *path, struct ocsf_fault *fault)
{
    static const char *const integers[] = { "integer_t", "long_t", "port_t", "timestamp_t", NULL };
    static const char *const anything[] = { "json_t", NULL };
    if (schema_is_one_of(type, anything))
        return true;
    if (schema_is_one_of(type, integers)) {
        if (v.type != VALUE_INT && v.type != VALUE_UINT)
            return schema_fault(fault, path, "no integer");
        if (str_equal(type, STR("port_t")) && (v.integer < 0 || v.integer > 65535))
            return schema_fault(fault, path, "no port");
        return true;
    }
    if (str_equal(type, STR("boolean_t")))
        return v.type == VALUE_BOOL || schema_fault(fault, path, "no boolean");
    if (str_equal(type, STR("float_t")))
        return v.type == VALUE_DOUBLE || v.type == VALUE_INT || schema_fault(fault, path, "no number");
    if (str_equal(type, STR("datetime_t")))
        return v.type == VALUE_TIMESTAMP || v.type == VALUE_STRING || schema_fault(fault, path, "no time");
    if (v.type != VALUE_STRING)
        return schema_fault(fault, path, "no string");
    if (str_equal(type, STR("ip_t")) && !text_is_ip(value_str(v)))
        return schema_fault(fault, path, "no address");
    if (str_equal(type, STR("mac_t")) && !text_is_mac(value_str(v)))
        return schema_fault(fault, path, "no MAC address");
    return true;
}

UNUSED static bool schema_check_one(
    struct ocsf_schema *schema, struct str type, struct value v, const char *path, struct ocsf_fault *fault)
{
    if (str_ends(type, STR("_t")))
        return schema_check_scalar(type, v, path, fault);
    if (v.type != VALUE_MAP)
        return schema_fault(fault, path, "no object");
    if (str_equal(type, STR("object")))
        return true;
    return schema_check_map(schema, value_get(schema->objects, type), v, path, fault);
}

UNUSED static bool schema_check_attribute(struct ocsf_schema *schema, struct value definition,
    struct str name, struct value v, const char *path, struct ocsf_fault *fault)
{
    struct value type = schema_field(schema, definition, name, STR("type"), NULL),
                 is_array = schema_field(schema, definition, name, STR("is_array"), NULL),
                 words = schema_field(schema, definition, name, STR("enum"), NULL);
    /* The profile `datetime` gives each timestamp a twin. */
    if (str_ends(name, STR("_dt")) && type.type != VALUE_STRING)
        return schema_check_scalar(STR("datetime_t"), v, path, fault);
    if (type.type != VALUE_STRING)
        return schema_fault(fault, path, "no such attribute in the dictionary");
    /* The schema's compiler makes these of the class's and the category's numbers. */
    static const char *const computed[] = { "class_uid", "category_uid", "type_uid", NULL };
    if (words.type == VALUE_MAP && v.type == VALUE_INT && !schema_is_one_of(name, computed) &&
        !schema_enum_has(schema, definition, name, v.integer) &&
        !(strcmp(path, "observables.type_id") == 0 && schema_has_observable(schema, v.integer)))
        return schema_fault(fault, path, "a number that the enumeration lacks");
    if (!is_array.boolean)
        return schema_check_one(schema, value_str(type), v, path, fault);
    if (v.type != VALUE_LIST)
        return schema_fault(fault, path, "no array");
    for (uint32_t i = 0; i < v.size; i++) {
        if (!schema_check_one(schema, value_str(type), v.items[i], path, fault))
            return false;
    }
    return true;
}

struct schema_required {
    struct ocsf_schema *schema;
    struct value definition, v;
    struct str missing;
};

UNUSED static bool schema_find_missing(void *context, struct value attributes, bool is_profile)
{
    struct schema_required *required = context;
    const struct value_entry *entries = value_map_entries(attributes);
    /* What a profile requires is required where the profile is applied. */
    for (uint32_t i = 0; !is_profile && attributes.type == VALUE_MAP && i < attributes.size; i++) {
        struct str name = value_str(entries[i].key);
        struct value word = schema_field(
            required->schema, required->definition, name, STR("requirement"), NULL);
        if (value_is_text(word, STR("required")) && !value_map_find(required->v, name)) {
            required->missing = name;
            return true;
        }
    }
    return false;
}

UNUSED static bool schema_has_one(struct value names, struct value v)
{
    for (uint32_t i = 0; i < names.size; i++) {
        if (value_map_find(v, value_str(names.items[i])))
            return true;
    }
    return false;
}

UNUSED static bool schema_check_map(struct ocsf_schema *schema, struct value definition, struct value v,
    const char *path, struct ocsf_fault *fault)
{
    struct schema_required required = { schema, definition, v, { 0 } };
    const struct value_entry *entries = value_map_entries(v);
    char inner[200];
    bool is_class = value_is_text(value_get(definition, STR("name")), STR("detection_finding"));
    if (definition.type != VALUE_MAP)
        return schema_fault(fault, path, "no such object in the schema");
    if (schema_walk(schema, definition, schema_find_missing, &required)) {
        snprintf(inner, sizeof(inner), "the required %.*s is missing", STR_ARG(required.missing));
        return schema_fault(fault, path, inner);
    }
    struct value at_least = value_path(definition, STR("constraints.at_least_one"));
    /* Logs name processes without their numbers; at the top, where OCSF has none, that may stand. */
    bool is_bare_process = strncmp(path, "process", 7) == 0;
    if (at_least.type == VALUE_LIST && !is_bare_process && !schema_has_one(at_least, v))
        return schema_fault(fault, path, "none of the attributes of which one is needed");
    for (uint32_t i = 0; i < v.size; i++) {
        struct str name = value_str(entries[i].key);
        bool is_known = false;
        (void)schema_field(schema, definition, name, STR("type"), &is_known);
        snprintf(inner, sizeof(inner), "%s%s%.*s", path, *path ? "." : "", STR_ARG(name));
        /* At the top stand also what OCSF has inside of evidences (src_endpoint, process, …). */
        if (!is_known && !is_class)
            return schema_fault(fault, inner, "the object has no such attribute");
        if (!schema_check_attribute(schema, definition, name, entries[i].value, inner, fault))
            return false;
    }
    return true;
}

/* A Detection Finding: its uid in its category of findings (2) is 4. */
UNUSED static bool schema_check(struct ocsf_schema *schema, struct value v, struct ocsf_fault *fault)
{
    int64_t uid = value_get(schema->classes[0], STR("uid")).integer;
    if (value_get(v, STR("category_uid")).integer != 2 ||
        value_get(v, STR("class_uid")).integer != 2000 + uid ||
        value_get(v, STR("type_uid")).integer !=
            (2000 + uid) * 100 + value_get(v, STR("activity_id")).integer)
        return schema_fault(fault, "class_uid", "category, class, type and activity do not fit");
    return schema_check_map(schema, schema->classes[0], v, "", fault);
}

#endif
