#include "playbook/reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/timetext.h"
#include "playbook/shape.h"

static void add(struct reader *r, const struct yaml_node *node, enum diagnostic_level level, const char *code,
    const char *format, va_list list)
{
    char text[ERR_TEXT_BYTES_MAX];
    vsnprintf(text, sizeof text, format, list);
    diagnostics_add(r->found, level, code, node->line, node->column, "%s", text);
}

void reader_fault(struct reader *r, const struct yaml_node *node, const char *code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    add(r, node, DIAGNOSTIC_ERROR, code, format, list);
    va_end(list);
}

void reader_warn(struct reader *r, const struct yaml_node *node, const char *code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    add(r, node, DIAGNOSTIC_WARNING, code, format, list);
    va_end(list);
}

void *reader_alloc(struct reader *r, size_t count, size_t size)
{
    void *memory = count <= SIZE_MAX / size ? arena_zalloc(r->arena, count * size) : NULL;
    if (memory == NULL)
        r->is_out_of_memory = true;
    return memory;
}

static const char *nearest_word(struct str word, const char *const *words)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (; *words; words++) {
        unsigned distance = str_distance(str_of(*words), word, best);
        if (distance < best) {
            best = distance;
            nearest = *words;
        }
    }
    return nearest;
}

static bool is_word(struct str word, const char *const *words)
{
    for (; *words; words++)
        if (str_equal(str_of(*words), word))
            return true;
    return false;
}

bool reader_keys(struct reader *r, const struct yaml_node *node, const char *what, const char *const *keys)
{
    if (node->kind != YAML_MAPPING) {
        reader_fault(r, node, "mapping_expected", "%s should be a mapping, `key: value`", what);
        return false;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        if (key->kind == YAML_SCALAR && is_word(key->text, keys))
            continue;
        const char *nearest = nearest_word(key->text, keys);
        reader_fault(r, key, "unknown_key", "%s has no key \"%.*s\"%s%s%s", what, STR_ARG(key->text),
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    return true;
}

bool reader_shape(struct reader *r, const struct yaml_node *node, const char *what, const struct shape *shape)
{
    const char *names[SHAPE_KEYS_MAX + 1];
    shape_names(shape, names);
    return reader_keys(r, node, what, names);
}

struct str reader_text(struct reader *r, const struct yaml_node *node, const char *what)
{
    if (node == NULL)
        return STR("");
    if (node->kind == YAML_SCALAR && !yaml_is_null(node) && r->world != NULL && !r->takes_text &&
        str_contains(node->text, STR("${{")))
        reader_fault(r, node, "template_here", "%s is a plain text; nothing is evaluated in it", what);
    if (node->kind == YAML_SCALAR && !yaml_is_null(node))
        return node->text;
    reader_fault(r, node, "text_expected", "%s should be a text", what);
    return STR("");
}

int64_t reader_number(
    struct reader *r, const struct yaml_node *node, int64_t least, int64_t most, int64_t otherwise)
{
    int64_t number;
    if (node == NULL)
        return otherwise;
    if (node->kind == YAML_SCALAR && node->is_plain && str_to_int(node->text, &number) && number >= least &&
        number <= most)
        return number;
    reader_fault(r, node, "number_expected", "a number from %lld to %lld should stand here", (long long)least,
        (long long)most);
    return otherwise;
}

bool reader_bool(struct reader *r, const struct yaml_node *node, bool otherwise)
{
    if (node == NULL)
        return otherwise;
    if (node->kind == YAML_SCALAR && node->is_plain && str_equal(node->text, STR("true")))
        return true;
    if (node->kind == YAML_SCALAR && node->is_plain && str_equal(node->text, STR("false")))
        return false;
    reader_fault(r, node, yaml_is_yaml11_bool(node) ? "yaml11_bool" : "bool_expected",
        "true or false should stand here; YAML 1.2 knows no other words for them");
    return otherwise;
}

int64_t reader_span(struct reader *r, const struct yaml_node *node, int64_t otherwise)
{
    int64_t span_us;
    struct err_info why = { 0 };
    if (node == NULL)
        return otherwise;
    if (node->kind != YAML_SCALAR) {
        reader_fault(r, node, "span_expected", "a span such as 10m or 2h should stand here");
        return otherwise;
    }
    if (span_parse(node->text, &span_us, &why) == ERR_OK)
        return span_us;
    reader_fault(r, node, "span_expected", "%s", why.text);
    return otherwise;
}

unsigned reader_word(
    struct reader *r, const struct yaml_node *node, const char *const *words, unsigned otherwise)
{
    if (node == NULL)
        return otherwise;
    for (unsigned i = 0; words[i] && node->kind == YAML_SCALAR; i++)
        if (str_equal(node->text, str_of(words[i])))
            return i;
    AUTO(buf) struct buf known = { 0 };
    for (unsigned i = 0; words[i]; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
    reader_fault(r, node, "unknown_word", "one of these should stand here: %.*s", STR_ARG(buf_str(&known)));
    return otherwise;
}

const struct str *reader_texts(struct reader *r, const struct yaml_node *node, uint32_t *ret_count)
{
    *ret_count = 0;
    if (node == NULL)
        return NULL;
    bool is_list = node->kind == YAML_SEQUENCE;
    uint32_t count = is_list ? node->count : 1;
    struct str *texts = READER_ARRAY(r, count, struct str);
    if (texts == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        texts[i] = reader_text(r, is_list ? node->items[i] : node, "each item of this list");
    *ret_count = count;
    return texts;
}
