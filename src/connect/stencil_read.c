#include "connect/stencil.h"

#include <ctype.h>
#include <string.h>

/* The end of the expression that begins at `from`: the "}}" that no string and no inner brace holds. -1:
 * none. */
static ptrdiff_t find_end(struct str text, size_t from)
{
    unsigned depth = 0;
    for (size_t i = from; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '\'' || byte == '"') {
            for (i++; i < text.size && text.data[i] != byte; i++) {
                if (text.data[i] == '\\')
                    i++;
            }
        } else if (byte == '{') {
            depth++;
        } else if (byte == '}' && depth > 0) {
            depth--;
        } else if (byte == '}' && i + 1 < text.size && text.data[i + 1] == '}') {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool is_identifier(struct str text)
{
    if (text.size == 0 || isdigit((unsigned char)text.data[0]))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '_')
            return false;
    }
    return true;
}

static bool is_in(struct str name, const struct str *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(name, list[i]))
            return true;
    }
    return false;
}

/* "settings.NAME" of a secret setting. */
static bool is_secret(struct str source, const struct stencil_env *env, struct str *ret_name)
{
    struct str prefix = STR("settings.");
    if (!str_starts(source, prefix))
        return false;
    *ret_name = str_slice(source, prefix.size, source.size);
    return is_in(*ret_name, env->secrets, env->secret_count);
}

/* Fills slot and fields when the source is a plain path, "a.b.c". */
static bool read_path(struct sheet *sheet, const struct stencil_env *env, struct piece *piece)
{
    struct str rest = piece->text, part;
    uint32_t count = 0;
    while (str_split(&rest, '.', &part)) {
        if (!is_identifier(part))
            return false;
        count++;
    }
    struct str *fields = ARENA_ARRAY(sheet->arena, count ? count : 1, struct str);
    if (!fields || count == 0)
        return false;
    rest = piece->text;
    for (uint32_t i = 0; str_split(&rest, '.', &part); i++)
        fields[i] = part;
    for (uint32_t i = 0; i < env->env.name_count; i++) {
        if (str_equal(env->env.names[i].name, fields[0])) {
            piece->slot = i;
            piece->fields = fields + 1;
            piece->field_count = count - 1;
            return true;
        }
    }
    return false;
}

/* A secret inside a larger expression is refused by the checker, since `settings` does not have it; this
 * tells the author why. */
static bool mentions_secret(struct str source, const struct stencil_env *env, struct str *ret_name)
{
    for (uint32_t i = 0; i < env->secret_count; i++) {
        struct str name = env->secrets[i], prefix = STR("settings.");
        for (size_t at = 0;;) {
            ptrdiff_t found = str_find(source, prefix, at);
            if (found < 0)
                break;
            at = (size_t)found + prefix.size;
            if (str_starts(str_slice(source, at, source.size), name)) {
                *ret_name = name;
                return true;
            }
        }
    }
    return false;
}

static void fault_expr(struct sheet *sheet, const struct yaml_node *node, size_t offset, struct str source,
    const struct stencil_env *env, struct err_info *why)
{
    struct str name;
    if (why->code == ERR_MEMORY) {
        sheet_memory(sheet, node);
        return;
    }
    const char *code = why->name && strcmp(why->name, "expr_parse") == 0 ? "expr_parse" : "expr_check";
    if (mentions_secret(source, env, &name)) {
        (void)err_set(why, ERR_INVALID,
            "the setting `%.*s` is secret: it can only stand alone, as "
            "${{ settings.%.*s }}",
            STR_ARG(name), STR_ARG(name)); /* the code is known */
        code = "secret_in_expression";
    } else if (str_starts(source, STR("in.")) || str_contains(source, STR(" in."))) {
        (void)err_set(
            why, ERR_INVALID, "inputs are called `inputs.NAME` in expressions, since `in` is an operator");
    }
    sheet_fault_inside(sheet, node, offset, code, why);
}

static bool read_piece(struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env,
    size_t offset, struct piece *piece)
{
    struct str name;
    struct err_info why = { 0 };
    if (is_secret(piece->text, env, &name)) {
        if (!env->may_hold_secrets) {
            sheet_fault(sheet, node, "secret_misplaced",
                "the secret setting `%.*s` can only go to a header, the query or the body of a request",
                STR_ARG(name));
            return false;
        }
        piece->kind = PIECE_SECRET;
        piece->text = name;
        return true;
    }
    struct expr *expr;
    if (expr_compile(sheet->arena, &env->env, piece->text, &expr, &why) != ERR_OK) {
        fault_expr(sheet, node, offset, piece->text, env, &why);
        return false;
    }
    piece->expr = expr;
    piece->kind = read_path(sheet, env, piece) ? PIECE_PATH : PIECE_EXPR;
    return true;
}

struct scan {
    struct piece *pieces;
    uint32_t count, room;
};

static struct piece *add_piece(
    struct sheet *sheet, struct scan *scan, const struct yaml_node *node, struct str text)
{
    if (scan->count == scan->room) {
        uint32_t room = scan->room ? 2 * scan->room : 4;
        struct piece *pieces = ARENA_ARRAY(sheet->arena, room, struct piece);
        if (!pieces) {
            sheet_memory(sheet, node);
            return NULL;
        }
        if (scan->count)
            memcpy(pieces, scan->pieces, scan->count * sizeof(*pieces));
        scan->pieces = pieces;
        scan->room = room;
    }
    struct piece *piece = &scan->pieces[scan->count++];
    *piece = (struct piece){ .text = text, .line = node->line, .column = node->column };
    return piece;
}

/* Splits the scalar into plain text and expressions. */
static bool scan_text(
    struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env, struct scan *scan)
{
    struct str text = node->text;
    for (size_t at = 0; at < text.size;) {
        ptrdiff_t open = str_find(text, STR("${{"), at);
        size_t start = open < 0 ? text.size : (size_t)open;
        if (start > at && !add_piece(sheet, scan, node, str_slice(text, at, start)))
            return false;
        if (open < 0)
            break;
        ptrdiff_t end = find_end(text, start + 3);
        if (end < 0) {
            sheet_fault(sheet, node, "template_open", "`${{` is not closed by `}}`");
            return false;
        }
        struct str inside = str_slice(text, start + 3, (size_t)end), source = str_trim(inside);
        struct piece *piece = add_piece(sheet, scan, node, source);
        size_t offset = start + 3 + (source.size ? (size_t)(source.data - inside.data) : 0);
        if (!piece || !read_piece(sheet, node, env, offset, piece))
            return false;
        at = (size_t)end + 2;
    }
    return true;
}

static bool read_scalar(
    struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env, struct stencil *ret)
{
    struct err_info why = { 0 };
    if (!str_contains(node->text, STR("${{"))) {
        if (yaml_to_value(sheet->arena, node, &ret->constant, &why) == ERR_OK)
            return true;
        sheet_fault(sheet, node, why.name ? why.name : "bad_value", "%s", why.text);
        return false;
    }
    struct scan scan = { 0 };
    if (!scan_text(sheet, node, env, &scan))
        return false;
    ret->kind = scan.count == 1 ? STENCIL_WHOLE : STENCIL_TEXT;
    ret->pieces = scan.pieces;
    ret->count = scan.count;
    return true;
}

static bool read_parts(
    struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env, struct stencil *ret)
{
    bool is_map = node->kind == YAML_MAPPING, is_good = true;
    struct stencil *parts = ARENA_ARRAY(sheet->arena, node->count + 1, struct stencil);
    struct str *keys = ARENA_ARRAY(sheet->arena, node->count + 1, struct str);
    if (!parts || !keys) {
        sheet_memory(sheet, node);
        return false;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (is_map) {
            keys[i] = node->pairs[i].key->text;
            if (node->pairs[i].key->kind != YAML_SCALAR || str_contains(keys[i], STR("${{"))) {
                sheet_fault(sheet, node->pairs[i].key, "bad_shape", "a key must be a plain name");
                is_good = false;
            }
        }
        const struct yaml_node *part = is_map ? node->pairs[i].value : node->items[i];
        is_good = sheet_stencil(sheet, part, env, &parts[i]) && is_good;
    }
    ret->kind = is_map ? STENCIL_MAP : STENCIL_LIST;
    ret->parts = parts;
    ret->keys = keys;
    ret->count = node->count;
    return is_good;
}

bool sheet_stencil(
    struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env, struct stencil *ret)
{
    *ret = (struct stencil){ .line = node->line, .column = node->column };
    bool is_good = node->kind == YAML_SCALAR ? read_scalar(sheet, node, env, ret)
                                             : read_parts(sheet, node, env, ret);
    if (!is_good)
        *ret = (struct stencil){ .line = node->line, .column = node->column };
    return is_good;
}

const struct expr *sheet_expr(struct sheet *sheet, const struct yaml_node *node,
    const struct stencil_env *env, const struct type *wanted)
{
    struct err_info why = { 0 };
    struct str source = { 0 };
    if (!sheet_text(sheet, node, "an expression", &source))
        return NULL;
    if (str_contains(source, STR("${{"))) {
        sheet_fault(sheet, node, "template_here", "here stands a bare expression, without `${{ }}`");
        return NULL;
    }
    struct expr *expr;
    if (expr_compile(sheet->arena, &env->env, source, &expr, &why) != ERR_OK) {
        fault_expr(sheet, node, 0, source, env, &why);
        return NULL;
    }
    if (type_accepts(wanted, expr_type(expr), &why) != ERR_OK) {
        sheet_fault(sheet, node, "expr_type", "%s", why.text);
        return NULL;
    }
    return expr;
}

const struct type *stencil_type(const struct stencil *stencil)
{
    if (stencil->kind == STENCIL_TEXT)
        return &type_string;
    if (stencil->kind == STENCIL_WHOLE && stencil->pieces[0].expr)
        return expr_type(stencil->pieces[0].expr);
    return &type_dyn;
}

bool stencil_has_secret(const struct stencil *stencil)
{
    bool has = false;
    for (uint32_t i = 0; i < stencil->count && !has; i++) {
        if (stencil->kind == STENCIL_LIST || stencil->kind == STENCIL_MAP)
            has = stencil_has_secret(&stencil->parts[i]);
        else
            has = stencil->pieces[i].kind == PIECE_SECRET;
    }
    return has;
}
