/* Any bytes as YAML: nodes have places in order, and a value printed as JSON is YAML for the same value. */
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct yaml_node *node, unsigned depth)
{
    require(depth + node->height <= YAML_DEPTH_MAX);
    require(node->line > 0 && node->column > 0);
    require(
        node->end_line > node->line || (node->end_line == node->line && node->end_column >= node->column));
    if (node->kind == YAML_SCALAR)
        return;
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_SEQUENCE) {
            check_node(node->items[i], depth + 1);
        } else {
            check_node(node->pairs[i].key, depth + 1);
            check_node(node->pairs[i].value, depth + 1);
        }
    }
}

static void check_value(struct arena *arena, struct value v)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf again = { 0 };
    struct yaml_node *root;
    struct value back;
    json_print(&text, v, 0);
    if (text.size > YAML_BYTES_MAX)
        return;
    require(yaml_parse(arena, buf_str(&text), &root, NULL) == ERR_OK);
    require(yaml_to_value(arena, root, &back, NULL) == ERR_OK);
    /* Not value_equal: NaN is printed as a string. */
    json_print(&again, back, 0);
    require(str_equal(buf_str(&text), buf_str(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str text = { (const char *)data, size };
    struct yaml_node **roots, *root;
    uint32_t count;
    struct err_info why = { 0 };
    if (yaml_parse_all(&arena, text, &roots, &count, &why) != ERR_OK) {
        require(why.line > 0 && why.column > 0 && why.name != NULL);
        require(yaml_parse(&arena, text, &root, NULL) != ERR_OK);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct value v;
        check_node(roots[i], 0);
        if (yaml_to_value(&arena, roots[i], &v, &why) == ERR_OK)
            check_value(&arena, v);
        else
            require(why.line > 0);
    }
    require((yaml_parse(&arena, text, &root, NULL) == ERR_OK) == (count <= 1));
    return 0;
}
