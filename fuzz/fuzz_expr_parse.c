/* Any text as an expression: the parser takes it or says where it stops, and nothing that it takes is higher
 * than its limit, which all that walks the tree relies on. */
#include "base/limits.h"
#include "expr/ast.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned height_of(const struct node *node)
{
    unsigned height = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        unsigned here = node->children[i] != NULL ? height_of(node->children[i]) : 0;
        height = here > height ? here : height;
    }
    return height + 1;
}

static void require_place(const struct err_info *why, struct str source)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < source.size; i++)
        lines += source.data[i] == '\n';
    require(why->line >= 1 && why->line <= lines && why->column >= 1 && why->column <= source.size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str source = { (const char *)data, size };
    struct err_info why = { 0 };
    struct node *root = NULL;
    if (size > EXPR_SOURCE_BYTES_MAX)
        return 0;
    enum err err = ast_parse(&arena, source, &root, &why);
    if (err == ERR_OK)
        require(height_of(root) <= EXPR_DEPTH_MAX);
    else
        require_place(&why, source);
    return 0;
}
