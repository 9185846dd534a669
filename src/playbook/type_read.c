#include "playbook/type_read.h"

#include "base/limits.h"

static const struct {
    struct str name;
    const struct type *type;
} names[] = {
    { STR_INIT("any"), &type_dyn },
    { STR_INIT("dyn"), &type_dyn },
    { STR_INIT("string"), &type_string },
    /* Kinds of text: the same type for expressions, told apart by people and forms. */
    { STR_INIT("ip"), &type_string },
    { STR_INIT("cidr"), &type_string },
    { STR_INIT("url"), &type_string },
    { STR_INIT("email"), &type_string },
    { STR_INIT("domain"), &type_string },
    { STR_INIT("hash"), &type_string },
    { STR_INIT("int"), &type_int },
    { STR_INIT("integer"), &type_int },
    { STR_INIT("uint"), &type_uint },
    { STR_INIT("double"), &type_double },
    { STR_INIT("number"), &type_double },
    { STR_INIT("bool"), &type_bool },
    { STR_INIT("boolean"), &type_bool },
    { STR_INIT("bytes"), &type_bytes },
    { STR_INIT("timestamp"), &type_timestamp },
    { STR_INIT("duration"), &type_duration },
    { STR_INIT("list"), &type_list_dyn },
    { STR_INIT("map"), &type_map_dyn },
    { STR_INIT("record"), &type_map_dyn },
};
#define NAME_COUNT (sizeof names / sizeof names[0])

struct str type_read_name(uint32_t index)
{
    return index < NAME_COUNT ? names[index].name : STR("");
}

static void fault(struct diagnostics *found, const struct yaml_node *node, const char *code, const char *text)
{
    diagnostics_add(found, DIAGNOSTIC_ERROR, code, node->line, node->column, "%s", text);
}

static const struct type *wrap(
    struct arena *arena, enum type_kind kind, const struct type *item, struct diagnostics *found)
{
    struct type *type = ARENA_NEW(arena, struct type);
    if (type == NULL) {
        diagnostics_lack_memory(found);
        return &type_dyn;
    }
    *type = (struct type){ .kind = kind, .item = item, .key = kind == TYPE_MAP ? &type_string : NULL };
    return type;
}

static const struct type *named(struct arena *arena, const struct yaml_node *node, struct diagnostics *found)
{
    struct str name = node->text;
    bool is_nullable = str_ends(name, STR("?"));
    if (is_nullable)
        name = str_slice(name, 0, name.size - 1);
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (str_equal(names[i].name, name))
            return is_nullable ? wrap(arena, TYPE_NULLABLE, names[i].type, found) : names[i].type;
    size_t nearest = 0;
    unsigned best = 5;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        unsigned distance = str_distance(names[i].name, name, best);
        if (distance < best) {
            best = distance;
            nearest = i;
        }
    }
    if (best < 5)
        diagnostics_add(found, DIAGNOSTIC_ERROR, "unknown_type", node->line, node->column,
            "there is no type \"%.*s\"; did you mean \"%.*s\"?", STR_ARG(name), STR_ARG(names[nearest].name));
    else
        diagnostics_add(found, DIAGNOSTIC_ERROR, "unknown_type", node->line, node->column,
            "there is no type \"%.*s\"", STR_ARG(name));
    return &type_dyn;
}

static const struct type *with_choices(
    struct arena *arena, const struct yaml_node *list, struct diagnostics *found)
{
    struct type *type = ARENA_NEW(arena, struct type);
    if (list->kind != YAML_SEQUENCE || list->count == 0) {
        fault(found, list, "type_enum", "`enum` must be a list of texts");
        return &type_string;
    }
    struct str *choices = ARENA_ARRAY(arena, list->count, struct str);
    if (type == NULL || choices == NULL) {
        diagnostics_lack_memory(found);
        return &type_string;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        choices[i] = list->items[i]->text;
        if (list->items[i]->kind != YAML_SCALAR || yaml_is_null(list->items[i]))
            fault(found, list->items[i], "type_enum", "each choice must be a text");
    }
    *type = (struct type){ .kind = TYPE_STRING, .choices = choices, .choice_count = list->count };
    return type;
}

/* All that is there is read, so that no fault hides behind a key that counts more. */
static const struct type *mapped(struct arena *arena, const struct yaml_node *node, struct diagnostics *found)
{
    const struct yaml_node *kind = yaml_find(node, STR("type")), *fields = yaml_find(node, STR("fields"));
    const struct yaml_node *items = yaml_find(node, STR("items")), *values = yaml_find(node, STR("values"));
    const struct yaml_node *choices = yaml_find(node, STR("enum")),
                           *nullable = yaml_find(node, STR("nullable"));
    const struct type *type = kind ? type_read(arena, kind, found) : &type_dyn;
    bool is_marked = type->kind == TYPE_NULLABLE; /* "record?", whose fields stand beside it */
    if (values != NULL)
        type = wrap(arena, TYPE_MAP, type_read(arena, values, found), found);
    if (items != NULL)
        type = wrap(arena, TYPE_LIST, type_read(arena, items, found), found);
    if (fields != NULL)
        type = type_read_fields(arena, fields, found);
    if (choices != NULL)
        type = with_choices(arena, choices, found);
    bool is_nullable = nullable != NULL && str_equal(nullable->text, STR("true"));
    if (nullable != NULL && !is_nullable && !str_equal(nullable->text, STR("false")))
        fault(found, nullable, "bool_expected", "true or false should stand here");
    return (is_nullable || is_marked) && type->kind != TYPE_NULLABLE ? wrap(arena, TYPE_NULLABLE, type, found)
                                                                     : type;
}

const struct type *type_read(struct arena *arena, const struct yaml_node *node, struct diagnostics *found)
{
    if (node->kind == YAML_SCALAR)
        return named(arena, node, found);
    if (node->kind == YAML_MAPPING)
        return mapped(arena, node, found);
    if (node->count == 1)
        return wrap(arena, TYPE_LIST, type_read(arena, node->items[0], found), found);
    fault(found, node, "type_list", "a list type is written [TYPE], with one type in it");
    return &type_list_dyn;
}

static bool is_text(const struct yaml_node *node, const char *text)
{
    return node != NULL && node->kind == YAML_SCALAR && str_equal(node->text, str_of(text));
}

static void check_flag(const struct yaml_node *node, struct diagnostics *found)
{
    if (node != NULL && !is_text(node, "true") && !is_text(node, "false"))
        fault(found, node, "bool_expected", "true or false should stand here");
}

static enum type_sink read_sink(const struct yaml_node *node, struct diagnostics *found)
{
    enum type_sink sink = SINK_NONE;
    if (node != NULL && (node->kind != YAML_SCALAR || !type_sink_parse(node->text, &sink)))
        fault(found, node, "unknown_word", "a sink is one of shell, sql, ldap, html, prompt");
    return sink;
}

const struct type *type_read_fields(
    struct arena *arena, const struct yaml_node *node, struct diagnostics *found)
{
    if (node->kind != YAML_MAPPING) {
        fault(found, node, "type_fields", "fields are written as a mapping, `name: TYPE`");
        return &type_map_dyn;
    }
    struct type *type = ARENA_NEW(arena, struct type);
    struct type_field *fields = ARENA_ARRAY(arena, node->count, struct type_field);
    if (type == NULL || fields == NULL) {
        diagnostics_lack_memory(found);
        return &type_map_dyn;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *value = node->pairs[i].value, *help = yaml_find(value, STR("help"));
        check_flag(yaml_find(value, STR("required")), found);
        check_flag(yaml_find(value, STR("secret")), found);
        if (help != NULL && (help->kind != YAML_SCALAR || yaml_is_null(help)))
            fault(found, help, "text_expected", "`help` should be a text");
        fields[i] = (struct type_field){ .name = node->pairs[i].key->text,
            .type = type_read(arena, value, found),
            .is_required = !is_text(yaml_find(value, STR("required")), "false") &&
                yaml_find(value, STR("default")) == NULL,
            .is_secret = is_text(yaml_find(value, STR("secret")), "true"),
            .sink = read_sink(yaml_find(value, STR("sink")), found),
            .help = help && help->kind == YAML_SCALAR ? help->text : STR("") };
    }
    *type = (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = node->count };
    return type;
}
