/* Expressions and `${{ }}` in YAML texts. */
#include <string.h>

#include "playbook/lint.h"
#include "playbook/reader.h"

void scope_hide(struct expr_name *names, uint32_t count)
{
    for (uint32_t i = SCOPE_LOOP; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (str_equal(names[j].name, names[i].name))
                names[j].name = STR("");
}

static uint32_t scope_names(const struct reader *r, struct expr_name names[SCOPE_LOOP + SCOPE_LOOPS_MAX])
{
    for (uint32_t i = 0; i < SCOPE_LOOP; i++)
        names[i] = (struct expr_name){ str_of(scope_slot_names[i]), &type_dyn };
    names[SCOPE_NOW].type = &type_timestamp;
    if (!r->has_it)
        names[SCOPE_IT].name = STR("");
    for (uint32_t i = 0; i < r->loop_depth; i++)
        names[SCOPE_LOOP + i] = (struct expr_name){ r->loop_names[i], &type_dyn };
    scope_hide(names, SCOPE_LOOP + r->loop_depth);
    return SCOPE_LOOP + r->loop_depth;
}

/* The offset of a line and column, both from 1. */
static size_t offset_of(struct str text, uint32_t line, uint32_t column)
{
    size_t at = 0;
    for (; line > 1 && at < text.size; at++)
        if (text.data[at] == '\n')
            line--;
    at += column > 0 ? column - 1 : 0;
    return at < text.size ? at : text.size;
}

struct text_place reader_site_place(
    const struct reader *r, const struct expr_site *site, uint32_t line, uint32_t column)
{
    struct str source = str_slice(site->node->text, site->offset, site->node->text.size);
    return reader_place(r, site->node, site->offset + offset_of(source, line, column));
}

static void add_site(struct reader *r, const struct expr_site *site)
{
    if (r->world == NULL)
        return;
    if (r->site_count == r->site_room) {
        uint32_t room = r->site_room ? r->site_room * 2 : 64;
        struct expr_site *sites = READER_ARRAY(r, room, struct expr_site);
        if (sites == NULL)
            return;
        if (r->site_count > 0)
            memcpy(sites, r->sites, r->site_count * sizeof *sites);
        r->sites = sites;
        r->site_room = room;
    }
    r->sites[r->site_count++] = *site;
}

/* A comment begins right behind an unquoted text, where the author may have meant it as part of that. */
static bool is_cut_short(const struct reader *r, const struct yaml_node *node)
{
    struct str rest = r->source, line = STR("");
    for (uint32_t i = 0; i < node->end_line && str_split(&rest, '\n', &line); i++)
        ;
    return node->is_plain && str_starts(str_trim(str_slice(line, node->end_column - 1, line.size)), STR("#"));
}

/* `offset`: where `source` begins inside the node's text. */
static const struct expr *compile(
    struct reader *r, const struct yaml_node *node, struct str source, size_t offset)
{
    struct expr_name names[SCOPE_LOOP + SCOPE_LOOPS_MAX];
    struct expr_env env = { .names = names, .name_count = scope_names(r, names) };
    struct err_info why = { 0 };
    struct expr *expr;
    struct expr_site site = { .node = node, .offset = offset };
    enum err result = expr_compile(r->arena, &env, source, &expr, &why);
    if (result == ERR_OK) {
        site.expr = expr;
        add_site(r, &site);
        return expr;
    }
    if (result == ERR_MEMORY) {
        r->is_out_of_memory = true;
        return NULL;
    }
    struct text_place place = reader_site_place(r, &site, why.line, why.column);
    if (is_cut_short(r, node)) {
        reader_fault(r, node, "yaml_comment",
            "an unquoted ` #` begins a comment, so the expression ends before it; put quotes around the "
            "whole");
        return NULL;
    }
    const char *code = result == ERR_LIMIT || why.name == NULL ? "expr_limit" : why.name;
    diagnostics_add(r->found, DIAGNOSTIC_ERROR, code, place.line, place.column, "%s", why.text);
    return NULL;
}

const struct expr *reader_expr(struct reader *r, const struct yaml_node *node)
{
    if (node == NULL)
        return NULL;
    if (yaml_has_own_tag(node)) {
        reader_fault(r, node, "yaml_tag", "an expression that begins with '!' needs quotes: \"!has(…)\"");
        return NULL;
    }
    if (node->kind == YAML_MAPPING) {
        reader_fault(r, node, "yaml_flow_expression",
            "an expression should stand here; `${{ }}` is not needed, and "
            "braces need quotes");
        return NULL;
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node) || str_trim(node->text).size == 0) {
        reader_fault(r, node, "expression_missing", "an expression should stand here");
        return NULL;
    }
    struct str text = node->text, inside = str_trim(text);
    if (str_starts(inside, STR("${{")) && str_ends(inside, STR("}}"))) {
        reader_fault(
            r, node, "expression_marked", "this place holds a bare expression; leave out ${{ and }}");
        return NULL;
    }
    return compile(r, node, text, 0);
}

/* The end of an expression that begins at `at`: the offset of its "}}", past braces and strings inside; -1
 * when there is none. */
static ptrdiff_t find_end(struct str text, size_t at)
{
    unsigned depth = 0;
    char quote = 0;
    for (; at < text.size; at++) {
        char c = text.data[at];
        if (quote) {
            if (c == '\\')
                at++;
            else if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '{') {
            depth++;
        } else if (c == '}' && depth > 0) {
            depth--;
        } else if (c == '}' && at + 1 < text.size && text.data[at + 1] == '}') {
            return (ptrdiff_t)at;
        }
    }
    return -1;
}

/* The parts of a text: at most one more than twice its expressions. */
static uint32_t count_parts(struct str text)
{
    uint32_t count = 1;
    for (ptrdiff_t at = str_find(text, STR("${{"), 0); at >= 0;
         at = str_find(text, STR("${{"), (size_t)at + 3))
        count += 2;
    return count;
}

static bool split(struct reader *r, const struct yaml_node *node, struct template *parts, uint32_t *ret_count)
{
    struct str text = node->text;
    size_t from = 0;
    uint32_t count = 0;
    for (;;) {
        ptrdiff_t open = str_find(text, STR("${{"), from);
        size_t literal_end = open < 0 ? text.size : (size_t)open;
        if (literal_end > from)
            parts[count++] = (struct template){ .kind = TEMPLATE_CONSTANT,
                .line = node->line,
                .column = node->column,
                .constant = value_string(str_slice(text, from, literal_end)) };
        if (open < 0)
            break;
        ptrdiff_t close = find_end(text, (size_t)open + 3);
        if (close < 0) {
            reader_fault(r, node, "expression_open", "${{ has no }} behind it");
            return false;
        }
        const struct expr *expr = compile(
            r, node, str_slice(text, (size_t)open + 3, (size_t)close), (size_t)open + 3);
        if (expr == NULL)
            return false;
        parts[count++] = (struct template){
            .kind = TEMPLATE_EXPR, .line = node->line, .column = node->column, .expr = expr
        };
        from = (size_t)close + 2;
    }
    *ret_count = count;
    return true;
}

static bool read_scalar(struct reader *r, const struct yaml_node *node, struct template *ret)
{
    struct err_info why = { 0 };
    if (str_find(node->text, STR("${{"), 0) < 0) {
        ret->kind = TEMPLATE_CONSTANT;
        lint_constant(r, node);
        if (yaml_to_value(r->arena, node, &ret->constant, &why) == ERR_OK)
            return true;
        reader_fault(r, node, why.name ? why.name : "yaml", "%s", why.text);
        return false;
    }
    struct template *parts = READER_ARRAY(r, count_parts(node->text), struct template);
    uint32_t count = 0;
    if (parts == NULL || !split(r, node, parts, &count))
        return false;
    if (count == 1 && parts[0].kind == TEMPLATE_EXPR) {
        *ret = parts[0];
        return true;
    }
    ret->kind = TEMPLATE_TEXT;
    ret->parts = parts;
    ret->count = count;
    return true;
}

static bool read_at(struct reader *r, const struct yaml_node *node, struct template *ret);

static void key_fault(struct reader *r, const struct yaml_node *key)
{
    if (key->kind == YAML_MAPPING)
        reader_fault(r, key, "yaml_flow_expression",
            "put quotes around ${{ … }}; inside { } YAML reads its braces as mappings");
    else
        reader_fault(r, key, "yaml_key", "a key must be a text");
}

static bool read_children(struct reader *r, const struct yaml_node *node, struct template *ret)
{
    bool is_map = node->kind == YAML_MAPPING, is_constant = true;
    struct template *parts = READER_ARRAY(r, node->count, struct template);
    struct str *keys = READER_ARRAY(r, node->count, struct str);
    if (parts == NULL || keys == NULL)
        return false;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *child = is_map ? node->pairs[i].value : node->items[i];
        if (is_map && node->pairs[i].key->kind != YAML_SCALAR) {
            key_fault(r, node->pairs[i].key);
            return false;
        }
        if (is_map)
            keys[i] = node->pairs[i].key->text;
        if (!read_at(r, child, &parts[i]))
            return false;
        is_constant = is_constant && parts[i].kind == TEMPLATE_CONSTANT;
    }
    ret->kind = is_map ? TEMPLATE_MAP : TEMPLATE_LIST;
    ret->parts = parts;
    ret->keys = keys;
    ret->count = node->count;
    struct value constant;
    if (is_constant && template_eval(ret, r->arena, NULL, NULL, &constant, NULL) == ERR_OK)
        *ret = (struct template){
            .kind = TEMPLATE_CONSTANT, .line = ret->line, .column = ret->column, .constant = constant
        };
    return true;
}

static bool read_at(struct reader *r, const struct yaml_node *node, struct template *ret)
{
    ret->line = node->line;
    ret->column = node->column;
    return node->kind == YAML_SCALAR ? read_scalar(r, node, ret) : read_children(r, node, ret);
}

const struct template *reader_template(struct reader *r, const struct yaml_node *node)
{
    if (node == NULL)
        return NULL;
    struct template *template = READER_ARRAY(r, 1, struct template);
    return template != NULL && read_at(r, node, template) ? template : NULL;
}
