#include "playbook/schema.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "playbook/playbook.h"
#include "playbook/type_read.h"

/* Shapes that are to be printed, each once. */
#define SHAPES_MAX 64
struct shapes {
    const struct shape *list[SHAPES_MAX];
    uint32_t count;
    bool has_steps;
};

static void note(struct shapes *shapes, const struct shape *shape)
{
    for (uint32_t i = 0; i < shapes->count; i++)
        if (shapes->list[i] == shape)
            return;
    if (shapes->count < SHAPES_MAX)
        shapes->list[shapes->count++] = shape;
}

static void add_ref(struct buf *out, const char *name)
{
    buf_printf(out, "{\"$ref\":\"#/$defs/%s\"}", name);
}

static void add_words(struct buf *out, const char *const *words)
{
    buf_add_text(out, "{\"enum\":[");
    for (; *words; words++) {
        json_print_string(out, str_of(*words));
        buf_add_text(out, words[1] ? "," : "");
    }
    buf_add_text(out, "]}");
}

static void add_choices(struct buf *out, const struct shape *const *shapes)
{
    for (uint32_t i = 0; shapes[i]; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        add_ref(out, shapes[i]->name);
    }
}

static void add_either(struct buf *out, const struct shape_key *key)
{
    buf_add_text(out, "{\"anyOf\":[");
    add_choices(out, key->shapes);
    if (key->takes_list) {
        buf_add_text(out, ",{\"type\":\"array\",\"items\":{\"anyOf\":[");
        add_choices(out, key->shapes);
        buf_add_text(out, "]}}");
    }
    buf_add_text(out, "]}");
}

static void add_key_kind(struct buf *out, const struct shape_key *key)
{
    switch (key->kind) {
    case SHAPE_ANY: buf_add_text(out, "{}"); break;
    case SHAPE_TEXT: add_ref(out, "text"); break;
    case SHAPE_TEXTS: add_ref(out, "texts"); break;
    case SHAPE_NUMBER:
        buf_printf(out, "{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld}", (long long)key->least,
            (long long)key->most);
        break;
    case SHAPE_BOOL: buf_add_text(out, "{\"type\":\"boolean\"}"); break;
    case SHAPE_SPAN: add_ref(out, "span"); break;
    case SHAPE_WORD: add_words(out, key->words); break;
    case SHAPE_PATTERN:
        buf_add_text(out, "{\"type\":\"string\",\"pattern\":");
        json_print_string(out, str_of(key->pattern));
        buf_add_byte(out, '}');
        break;
    case SHAPE_EXPRESSION: add_ref(out, "expression"); break;
    case SHAPE_EXPRESSIONS: add_ref(out, "expressions"); break;
    case SHAPE_STEPS: add_ref(out, "steps"); break;
    case SHAPE_TYPE: add_ref(out, "type"); break;
    case SHAPE_INPUTS: add_ref(out, "inputs"); break;
    case SHAPE_MAP: add_ref(out, key->shape->name); break;
    case SHAPE_LIST:
        buf_printf(out, "{\"type\":\"array\",\"minItems\":%lld,\"items\":", (long long)key->least);
        add_ref(out, key->shape->name);
        buf_add_byte(out, '}');
        break;
    case SHAPE_TEXT_OR_MAP:
        buf_add_text(out, "{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},");
        add_ref(out, key->shape->name);
        buf_add_text(out, "]}");
        break;
    case SHAPE_RULE_OR_MAP:
        buf_add_text(out, "{\"anyOf\":[{\"$ref\":\"#/$defs/expressions\"},");
        add_ref(out, key->shape->name);
        buf_add_text(out, "]}");
        break;
    case SHAPE_EITHER: add_either(out, key); break;
    case SHAPE_NAMED:
        buf_printf(out, "{\"type\":\"object\",\"minProperties\":%lld}", (long long)key->least);
        break;
    case SHAPE_NAMED_MAPS:
        buf_add_text(out, "{\"type\":\"object\",\"additionalProperties\":");
        add_ref(out, key->shape->name);
        buf_add_byte(out, '}');
        break;
    case SHAPE_OWN:
        if (key->print)
            key->print(out);
        else
            buf_add_text(out, key->schema);
        break;
    }
}

/* With the help beside it: keywords stand together in one object. */
static void add_key(struct buf *out, const struct shape_key *key)
{
    json_print_string(out, str_of(key->name));
    buf_add_byte(out, ':');
    size_t start = out->size;
    add_key_kind(out, key);
    if (key->help == NULL || out->failed != ERR_OK)
        return;
    bool is_empty = out->size == start + 2;
    out->size--; /* the closing brace */
    buf_add_text(out, is_empty ? "\"description\":" : ",\"description\":");
    json_print_string(out, str_of(key->help));
    buf_add_byte(out, '}');
}

static void add_needs(struct buf *out, const struct shape *shape)
{
    const char *separator = "";
    for (const struct shape_key *key = shape->keys; key->name; key++) {
        if (!key->is_required)
            continue;
        buf_printf(out, "%s\"%s\"", separator[0] ? separator : ",\"required\":[", key->name);
        separator = ",";
    }
    buf_add_text(out, separator[0] ? "]" : "");
    for (const char *const *name = shape->any_of; name && *name; name++)
        buf_printf(out, "%s{\"required\":[\"%s\"]}",
            name != shape->any_of     ? ","
                : shape->is_one_alone ? ",\"oneOf\":["
                                      : ",\"anyOf\":[",
            *name);
    buf_add_text(out, shape->any_of ? "]" : "");
}

/* `common` are further keys that the mapping may have; NULL: none. */
static void add_shape(
    struct buf *out, struct shapes *shapes, const struct shape *shape, const struct shape *common)
{
    const char *separator = "";
    assert(shape != NULL);
    buf_add_text(out, "\"type\":\"object\",\"properties\":{");
    for (const struct shape *part = shape; part; part = part == shape ? common : NULL) {
        for (const struct shape_key *key = part->keys; key->name; key++, separator = ",") {
            buf_add_text(out, separator);
            add_key(out, key);
            if (key->shape)
                note(shapes, key->shape);
            for (const struct shape *const *one = key->shapes; one && *one; one++)
                note(shapes, *one);
            shapes->has_steps = shapes->has_steps || key->kind == SHAPE_STEPS;
        }
    }
    buf_add_text(out, "},\"additionalProperties\":false");
    add_needs(out, shape);
    if (shape->also)
        buf_printf(out, ",%s", shape->also);
    if (shape->title) {
        buf_add_text(out, ",\"title\":");
        json_print_string(out, str_of(shape->title));
    }
}

/* ---- what shapes have in common ---- */

static void add_types(struct buf *out)
{
    buf_add_text(out,
        ",\"type\":{\"anyOf\":[{\"$ref\":\"#/$defs/type_name\"},{\"type\":\"array\",\"minItems\":1,"
        "\"maxItems\":1,\"items\":{\"$ref\":\"#/$defs/type\"}},{\"type\":\"object\",\"properties\":{"
        "\"type\":{\"$ref\":\"#/$defs/type\"},\"items\":{\"$ref\":\"#/$defs/type\"},"
        "\"values\":{\"$ref\":\"#/$defs/type\"},\"fields\":{\"type\":\"object\",\"additionalProperties\":{"
        "\"$ref\":\"#/$defs/type\"}},\"enum\":{\"type\":\"array\",\"minItems\":1,\"items\":{"
        "\"$ref\":\"#/$defs/text\"}},\"nullable\":{\"type\":\"boolean\"}}}]},\"type_name\":{\"enum\":[");
    for (uint32_t i = 0; type_read_name(i).size > 0; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        json_print_string(out, type_read_name(i));
        buf_printf(out, ",\"%.*s?\"", STR_ARG(type_read_name(i)));
    }
    buf_add_text(out, "]}");
}

static void add_common(struct buf *out)
{
    buf_add_text(out,
        "\"text\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
        "\"texts\":{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},{\"type\":\"array\",\"items\":{"
        "\"$ref\":\"#/$defs/text\"}}]},"
        "\"span\":{\"type\":\"string\",\"minLength\":1,\"pattern\":\"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)"
        "?"
        "([0-9]+ms)?$\",\"examples\":[\"10m\",\"2h\",\"30d\"]},"
        "\"expression\":{\"type\":[\"string\",\"number\",\"boolean\"],"
        "\"not\":{\"type\":\"string\",\"pattern\":\"^\\\\s*([$][{][{](.|\\\\n)*[}][}]\\\\s*)?$\"}},"
        "\"expressions\":{\"anyOf\":[{\"$ref\":\"#/$defs/expression\"},{\"type\":\"array\",\"items\":{"
        "\"$ref\":\"#/$defs/expression\"}}]}");
    add_types(out);
    buf_add_text(out,
        ",\"inputs\":{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":["
        "{\"$ref\":\"#/$defs/input\"},{\"$ref\":\"#/$defs/type_name\"},"
        "{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":{\"$ref\":\"#/$defs/type\"}}]}}");
}

static void add_steps(struct buf *out, struct shapes *shapes)
{
    buf_add_text(out,
        ",\"steps\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/step\"},"
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/step\"}}]},\"step\":{\"anyOf\":[");
    for (unsigned i = 0; i < STEP_KIND_COUNT; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        add_ref(out, shape_steps[i].name);
    }
    buf_add_text(out, "]}");
    for (unsigned i = 0; i < STEP_KIND_COUNT; i++) {
        buf_printf(out, ",\"%s\":{", shape_steps[i].name);
        add_shape(out, shapes, &shape_steps[i], &shape_step_common);
        buf_add_byte(out, '}');
    }
    /* These are named by schemas of their own. */
    note(shapes, &shape_branch);
    note(shapes, &shape_fail);
    note(shapes, &shape_wait);
}

void schema_print(struct buf *out, const struct shape *root)
{
    struct shapes shapes = { .count = 0 };
    buf_add_text(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",");
    add_shape(out, &shapes, root, NULL);
    buf_add_text(out, ",\"$defs\":{");
    add_common(out);
    note(&shapes, &shape_input);
    for (const struct shape *const *one = root->named; one && *one; one++)
        note(&shapes, *one);
    if (shapes.has_steps)
        add_steps(out, &shapes);
    for (uint32_t i = 0; i < shapes.count; i++) { /* the list grows on the way */
        buf_printf(out, ",\"%s\":{", shapes.list[i]->name);
        add_shape(out, &shapes, shapes.list[i], NULL);
        buf_add_byte(out, '}');
    }
    buf_add_text(out, "}}\n");
}
