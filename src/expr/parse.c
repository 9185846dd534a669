/* Recursive descent over langdef's grammar. A nested expression costs one level of EXPR_DEPTH_MAX;
 * operators in a row are loops, and the tree's height is limited too, since everything behind the
 * parser walks the tree recursively. */
#include "expr/parse.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

static FALLIBLE parse_expression(struct parser *parser, struct node **ret, struct err_info *why);

static FALLIBLE advance(struct parser *parser, struct err_info *why)
{
    parser->token = parser->next;
    if (parser->next.kind == TOKEN_END)
        return ERR_OK;
    return lexer_next(&parser->lexer, &parser->next, why);
}

/* The mend for what other languages write so. */
static const char *habit_of(const struct parser *parser)
{
    struct str text = parser->token.text;
    if (parser->token.kind == TOKEN_QUESTION)
        return "; a value in place of an absent one is a.?b.orValue(x)";
    if (parser->token.kind == TOKEN_DOT)
        return "; an optional field is a.?b";
    if (str_equal(text, STR("and")))
        return "; that is '&&' here";
    if (str_equal(text, STR("or")))
        return "; that is '||' here";
    if (parser->token.kind == TOKEN_TRUE || parser->token.kind == TOKEN_FALSE)
        return "; 'not' is '!' here";
    return "";
}

static FALLIBLE unexpected(const struct parser *parser, struct err_info *why, const char *wanted)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END)
        return err_at(why, ERR_INVALID, "expr_parse", token->line, token->column,
            "the expression ends where %s should stand", wanted);
    if (token->kind == TOKEN_STRING || token->kind == TOKEN_BYTES)
        return err_at(why, ERR_INVALID, "expr_parse", token->line, token->column,
            "a string stands where %s should stand", wanted);
    return err_at(why, ERR_INVALID, "expr_parse", token->line, token->column,
        "'%.*s' stands where %s should stand%s", STR_ARG(token->text), wanted, habit_of(parser));
}

static FALLIBLE expect(struct parser *parser, enum token_kind kind, const char *wanted, struct err_info *why)
{
    if (parser->token.kind != kind)
        return unexpected(parser, why, wanted);
    return advance(parser, why);
}

static FALLIBLE too_deep(const struct token *at, struct err_info *why)
{
    return err_at(why, ERR_LIMIT, "EXPR_DEPTH_MAX", at->line, at->column,
        "the expression is nested deeper than EXPR_DEPTH_MAX (%d)", EXPR_DEPTH_MAX);
}

FALLIBLE parser_node(struct parser *parser, enum node_kind kind, const struct token *at,
    struct node **children, uint32_t count, struct node **ret, struct err_info *why)
{
    unsigned height = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (children[i] != NULL && children[i]->height > height)
            height = children[i]->height;
    }
    if (height + 1 > EXPR_DEPTH_MAX)
        return too_deep(at, why);
    struct node *node = ARENA_NEW(parser->arena, struct node);
    if (node == NULL)
        return err_memory(why);
    node->kind = (uint8_t)kind;
    node->line = at->line;
    node->column = at->column;
    node->children = children;
    node->count = count;
    node->height = (uint16_t)(height + 1);
    *ret = node;
    return ERR_OK;
}

FALLIBLE parser_list_add(
    struct parser *parser, struct node_list *list, struct node *node, struct err_info *why)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 4;
        struct node **nodes = ARENA_ARRAY(parser->arena, room, struct node *);
        if (nodes == NULL)
            return err_memory(why);
        if (list->count > 0)
            memcpy(nodes, list->nodes, list->count * sizeof(struct node *));
        list->nodes = nodes;
        list->room = room;
    }
    list->nodes[list->count++] = node;
    return ERR_OK;
}

FALLIBLE parser_list_add_all(struct parser *parser, struct node_list *list, struct node *const *nodes,
    uint32_t count, struct err_info *why)
{
    for (uint32_t i = 0; i < count; i++)
        TRY(parser_list_add(parser, list, nodes[i], why));
    return ERR_OK;
}

static FALLIBLE node_of(struct parser *parser, enum node_kind kind, const struct token *at,
    const struct node_list *list, struct node **ret, struct err_info *why)
{
    return parser_node(parser, kind, at, list->nodes, list->count, ret, why);
}

/* ---- calls, lists, maps ---- */

static FALLIBLE add_expression(struct parser *parser, struct node_list *list, struct err_info *why)
{
    struct node *node = NULL;
    TRY(parse_expression(parser, &node, why));
    return parser_list_add(parser, list, node, why);
}

static FALLIBLE parse_arguments(struct parser *parser, struct node_list *list, struct err_info *why)
{
    while (parser->token.kind != TOKEN_CLOSE_PAREN) {
        TRY(add_expression(parser, list, why));
        if (parser->token.kind != TOKEN_COMMA)
            break;
        TRY(advance(parser, why));
        if (parser->token.kind == TOKEN_CLOSE_PAREN)
            return unexpected(parser, why, "an argument");
    }
    return expect(parser, TOKEN_CLOSE_PAREN, "')' or ','", why);
}

/* The name is read, '(' comes next. */
static FALLIBLE parse_call(struct parser *parser, struct node *target, const struct token *at,
    struct node **ret, struct err_info *why)
{
    struct call_text call = { .target = target, .name = at->text, .at = *at };
    TRY(advance(parser, why));
    TRY(parse_arguments(parser, &call.arguments, why));
    struct node *node = NULL;
    TRY(macro_expand(parser, &call, &node, why));
    if (node == NULL) {
        struct node_list children = { 0 };
        if (target != NULL)
            TRY(parser_list_add(parser, &children, target, why));
        TRY(parser_list_add_all(parser, &children, call.arguments.nodes, call.arguments.count, why));
        TRY(node_of(parser, NODE_CALL, at, &children, &node, why));
        node->name = at->text;
        node->is_member = target != NULL;
    }
    *ret = node;
    return ERR_OK;
}

/* Which entries of a list or map literal carry a '?'; made when the first one does. */
struct optional_marks {
    bool *marks;
    uint32_t count, room;
};

static FALLIBLE add_mark(
    struct parser *parser, struct optional_marks *marks, bool is_optional, struct err_info *why)
{
    if (marks->count == marks->room) {
        uint32_t room = marks->room ? marks->room * 2 : 16;
        bool *grown = ARENA_ARRAY(parser->arena, room, bool);
        if (grown == NULL)
            return err_memory(why);
        if (marks->count > 0)
            memcpy(grown, marks->marks, marks->count * sizeof(bool));
        marks->marks = grown;
        marks->room = room;
    }
    marks->marks[marks->count++] = is_optional;
    return ERR_OK;
}

static FALLIBLE take_mark(
    struct parser *parser, struct optional_marks *marks, bool *any, struct err_info *why)
{
    bool is_optional = parser->token.kind == TOKEN_QUESTION;
    if (is_optional)
        TRY(advance(parser, why));
    *any = *any || is_optional;
    return add_mark(parser, marks, is_optional, why);
}

/* "[,]" and "{,}" are in the grammar: the comma at the end may come without an entry in front. */
static FALLIBLE skip_lone_comma(struct parser *parser, enum token_kind close, struct err_info *why)
{
    bool is_lone = parser->token.kind == TOKEN_COMMA && parser->next.kind == close;
    return is_lone ? advance(parser, why) : ERR_OK;
}

static FALLIBLE parse_list(struct parser *parser, struct node **ret, struct err_info *why)
{
    struct token at = parser->token;
    struct node_list items = { 0 };
    struct optional_marks marks = { 0 };
    bool any_optional = false;
    TRY(advance(parser, why));
    TRY(skip_lone_comma(parser, TOKEN_CLOSE_BRACKET, why));
    while (parser->token.kind != TOKEN_CLOSE_BRACKET) {
        TRY(take_mark(parser, &marks, &any_optional, why));
        TRY(add_expression(parser, &items, why));
        if (parser->token.kind != TOKEN_COMMA)
            break;
        TRY(advance(parser, why));
    }
    TRY(expect(parser, TOKEN_CLOSE_BRACKET, "']' or ','", why));
    struct node *node = NULL;
    TRY(node_of(parser, NODE_LIST, &at, &items, &node, why));
    node->optional_entries = any_optional ? marks.marks : NULL;
    *ret = node;
    return ERR_OK;
}

static FALLIBLE parse_map(struct parser *parser, struct node **ret, struct err_info *why)
{
    struct token at = parser->token;
    struct node_list parts = { 0 };
    struct optional_marks marks = { 0 };
    bool any_optional = false;
    TRY(advance(parser, why));
    TRY(skip_lone_comma(parser, TOKEN_CLOSE_BRACE, why));
    while (parser->token.kind != TOKEN_CLOSE_BRACE) {
        TRY(take_mark(parser, &marks, &any_optional, why));
        TRY(add_expression(parser, &parts, why));
        TRY(expect(parser, TOKEN_COLON, "':' behind a key", why));
        TRY(add_expression(parser, &parts, why));
        if (parser->token.kind != TOKEN_COMMA)
            break;
        TRY(advance(parser, why));
    }
    TRY(expect(parser, TOKEN_CLOSE_BRACE, "'}' or ','", why));
    struct node *node = NULL;
    TRY(node_of(parser, NODE_MAP, &at, &parts, &node, why));
    node->optional_entries = any_optional ? marks.marks : NULL;
    *ret = node;
    return ERR_OK;
}

/* ---- names and members ---- */

static bool is_field_name(const struct token *token)
{
    return token->kind == TOKEN_NAME || token->kind == TOKEN_QUOTED_NAME;
}

static bool is_qualified_name(const struct node *node)
{
    while (node->kind == NODE_SELECT && !node->is_optional && !node->is_test)
        node = node->children[0];
    return node->kind == NODE_NAME;
}

/* Of a node that is a qualified name. */
static void write_name(const struct node *node, struct buf *buf)
{
    if (node->kind == NODE_SELECT) {
        write_name(node->children[0], buf);
        buf_add_byte(buf, '.');
    }
    buf_add(buf, node->name);
}

/* Name{field: value}. There are no message types, so this is only read over. */
static FALLIBLE parse_message(
    struct parser *parser, const struct node *type_name, struct node **ret, struct err_info *why)
{
    struct token at = parser->token;
    at.line = type_name->line;
    at.column = type_name->column;
    AUTO(buf) struct buf name = { .bytes_max = EXPR_SOURCE_BYTES_MAX };
    write_name(type_name, &name);
    TRY(buf_check(&name, why));
    TRY(advance(parser, why));
    while (parser->token.kind != TOKEN_CLOSE_BRACE) {
        struct node *ignored = NULL;
        if (parser->token.kind == TOKEN_QUESTION)
            TRY(advance(parser, why));
        if (!is_field_name(&parser->token))
            return unexpected(parser, why, "a field name");
        TRY(advance(parser, why));
        TRY(expect(parser, TOKEN_COLON, "':' behind a field name", why));
        TRY(parse_expression(parser, &ignored, why));
        if (parser->token.kind != TOKEN_COMMA)
            break;
        TRY(advance(parser, why));
    }
    TRY(expect(parser, TOKEN_CLOSE_BRACE, "'}' or ','", why));
    struct node *node = NULL;
    TRY(parser_node(parser, NODE_MESSAGE, &at, NULL, 0, &node, why));
    TRY(arena_str(parser->arena, buf_str(&name), &node->name, why));
    *ret = node;
    return ERR_OK;
}

static FALLIBLE one_child(struct parser *parser, enum node_kind kind, const struct token *at,
    struct node *child, struct node **ret, struct err_info *why)
{
    struct node_list children = { 0 };
    TRY(parser_list_add(parser, &children, child, why));
    return node_of(parser, kind, at, &children, ret, why);
}

/* A name that starts with a reserved word is good only in front of a message's braces. */
static FALLIBLE check_reserved(const struct node *node, struct err_info *why)
{
    assert(node != NULL);
    while (node->kind == NODE_SELECT)
        node = node->children[0];
    if (node->kind == NODE_NAME && token_is_reserved(node->name))
        return err_at(why, ERR_INVALID, "expr_parse", node->line, node->column,
            "'%.*s' is a reserved word; choose another name", STR_ARG(node->name));
    return ERR_OK;
}

/* ---- paths over lists ---- */

/* A `range[*]` whose path goes on. */
struct each {
    struct each *outer; /* the one in front of it in the same path */
    struct node *range;
    struct token at;
    bool is_optional; /* a '?' stands in the path behind it */
};

/* Fields and indexes in a row while they are read. */
struct chain {
    struct node *node; /* behind a [*]: of the item */
    struct each *each; /* the last [*]; NULL: none */
};

/* A name that no person can write. Inner loops hide it, and only the start of a path reads it. */
static const struct str item_name = STR_INIT("@item");

/* The '*' is the word to be read next. */
static FALLIBLE open_each(struct parser *parser, struct chain *chain, struct err_info *why)
{
    struct each *each = ARENA_NEW(parser->arena, struct each);
    if (each == NULL)
        return err_memory(why);
    TRY(check_reserved(chain->node, why));
    *each = (struct each){ .outer = chain->each, .range = chain->node, .at = parser->token };
    TRY(advance(parser, why));
    TRY(expect(parser, TOKEN_CLOSE_BRACKET, "']'", why));
    TRY(parser_node(parser, NODE_NAME, &each->at, NULL, 0, &chain->node, why));
    chain->node->name = item_name;
    chain->each = each;
    return ERR_OK;
}

/* The path ends here: each [*] becomes a loop around what stands behind it. */
static FALLIBLE close_each(struct parser *parser, struct chain *chain, struct err_info *why)
{
    bool is_inner = false;
    for (struct each *each = chain->each; each != NULL; each = each->outer) {
        struct node_list children = { 0 };
        struct node *const parts[] = { each->range, NULL, chain->node };
        struct node *loop = NULL;
        TRY(parser_list_add_all(parser, &children, parts, 3, why));
        TRY(node_of(parser, NODE_LOOP, &each->at, &children, &loop, why));
        loop->name = STR("[*]");
        loop->loop = is_inner ? LOOP_EACH_FLAT : each->is_optional ? LOOP_EACH_PRESENT : LOOP_EACH;
        loop->locals = ARENA_NEW(parser->arena, struct local);
        if (loop->locals == NULL)
            return err_memory(why);
        loop->local_count = 1;
        loop->locals[0] = (struct local){ .name = item_name, .range = each->range };
        chain->node = loop;
        is_inner = true;
    }
    chain->each = NULL;
    return ERR_OK;
}

static void note_optional(struct chain *chain)
{
    if (chain->each != NULL)
        chain->each->is_optional = true;
}

/* ---- members ---- */

/* Behind the dot. */
static FALLIBLE parse_selection(struct parser *parser, struct chain *chain, struct err_info *why)
{
    bool is_optional = parser->token.kind == TOKEN_QUESTION;
    if (is_optional) {
        note_optional(chain);
        TRY(advance(parser, why));
    }
    struct token name = parser->token;
    if (!is_field_name(&name))
        return unexpected(parser, why, "a field name");
    TRY(advance(parser, why));
    if (parser->token.kind == TOKEN_OPEN_PAREN && name.kind == TOKEN_NAME && !is_optional) {
        TRY(close_each(parser, chain, why));
        return parse_call(parser, chain->node, &name, &chain->node, why);
    }
    struct node *select = NULL;
    TRY(one_child(parser, NODE_SELECT, &name, chain->node, &select, why));
    select->name = name.text;
    select->is_optional = is_optional;
    chain->node = select;
    return ERR_OK;
}

/* Behind the '['. */
static FALLIBLE parse_index(struct parser *parser, struct chain *chain, struct err_info *why)
{
    struct token at = parser->token;
    bool is_optional = at.kind == TOKEN_QUESTION;
    if (at.kind == TOKEN_STAR && parser->next.kind == TOKEN_CLOSE_BRACKET)
        return open_each(parser, chain, why);
    if (is_optional) {
        note_optional(chain);
        TRY(advance(parser, why));
    }
    struct node_list children = { 0 };
    TRY(parser_list_add(parser, &children, chain->node, why));
    TRY(add_expression(parser, &children, why));
    TRY(expect(parser, TOKEN_CLOSE_BRACKET, "']'", why));
    TRY(node_of(parser, NODE_CALL, &at, &children, &chain->node, why));
    chain->node->name = is_optional ? STR("_[?_]") : STR("_[_]");
    return ERR_OK;
}

static FALLIBLE constant(
    struct parser *parser, const struct token *at, struct value v, struct node **ret, struct err_info *why)
{
    TRY(parser_node(parser, NODE_CONST, at, NULL, 0, ret, why));
    (*ret)->value = v;
    return ERR_OK;
}

static FALLIBLE parse_literal(struct parser *parser, struct node **ret, struct err_info *why)
{
    struct token at = parser->token;
    struct value v;
    switch (at.kind) {
    case TOKEN_INT:
        if (at.magnitude > INT64_MAX)
            return err_at(why, ERR_INVALID, "expr_parse", at.line, at.column,
                "the number is too large for an int; write a 'u' behind it for a uint");
        v = value_int((int64_t)at.magnitude);
        break;
    case TOKEN_UINT: v = value_uint(at.magnitude); break;
    case TOKEN_DOUBLE: v = value_double(at.number); break;
    case TOKEN_STRING: v = value_string(at.text); break;
    case TOKEN_BYTES: v = value_bytes(at.text); break;
    case TOKEN_TRUE: v = value_bool(true); break;
    case TOKEN_FALSE: v = value_bool(false); break;
    case TOKEN_NULL: v = value_null(); break;
    default: return unexpected(parser, why, "a value");
    }
    TRY(advance(parser, why));
    return constant(parser, &at, v, ret, why);
}

static FALLIBLE parse_name(struct parser *parser, struct node **ret, struct err_info *why)
{
    bool is_root = parser->token.kind == TOKEN_DOT;
    if (is_root)
        TRY(advance(parser, why));
    struct token name = parser->token;
    if (name.kind != TOKEN_NAME)
        return unexpected(parser, why, "a name");
    bool is_message = parser->next.kind == TOKEN_DOT || parser->next.kind == TOKEN_OPEN_BRACE;
    if (token_is_reserved(name.text) && !is_message)
        return err_at(why, ERR_INVALID, "expr_parse", name.line, name.column,
            "'%.*s' is a reserved word; choose another name", STR_ARG(name.text));
    TRY(advance(parser, why));
    if (parser->token.kind == TOKEN_OPEN_PAREN) {
        TRY(parse_call(parser, NULL, &name, ret, why));
        (*ret)->is_root = is_root;
        return ERR_OK;
    }
    TRY(parser_node(parser, NODE_NAME, &name, NULL, 0, ret, why));
    (*ret)->name = name.text;
    (*ret)->is_root = is_root;
    return ERR_OK;
}

static FALLIBLE parse_primary(struct parser *parser, struct node **ret, struct err_info *why)
{
    switch (parser->token.kind) {
    case TOKEN_OPEN_PAREN:
        TRY(advance(parser, why));
        TRY(parse_expression(parser, ret, why));
        return expect(parser, TOKEN_CLOSE_PAREN, "')'", why);
    case TOKEN_OPEN_BRACKET: return parse_list(parser, ret, why);
    case TOKEN_OPEN_BRACE: return parse_map(parser, ret, why);
    case TOKEN_NAME:
    case TOKEN_DOT: return parse_name(parser, ret, why);
    default: return parse_literal(parser, ret, why);
    }
}

static FALLIBLE parse_member(
    struct parser *parser, struct node *primary, struct node **ret, struct err_info *why)
{
    struct chain chain = { .node = primary };
    for (;;) {
        switch (parser->token.kind) {
        case TOKEN_DOT:
            TRY(advance(parser, why));
            TRY(parse_selection(parser, &chain, why));
            continue;
        case TOKEN_OPEN_BRACKET:
            TRY(advance(parser, why));
            TRY(parse_index(parser, &chain, why));
            continue;
        case TOKEN_OPEN_BRACE:
            if (chain.each == NULL && is_qualified_name(chain.node)) {
                TRY(parse_message(parser, chain.node, &chain.node, why));
                continue;
            }
            break;
        default: break;
        }
        break;
    }
    TRY(close_each(parser, &chain, why));
    TRY(check_reserved(chain.node, why));
    *ret = chain.node;
    return ERR_OK;
}

/* ---- operators ---- */

/* '-' in front of a number belongs to it: only so can -9223372036854775808 be written. */
static FALLIBLE parse_negative(struct parser *parser, struct node **ret, struct err_info *why)
{
    struct token at = parser->token, number = parser->next;
    TRY(advance(parser, why));
    TRY(advance(parser, why));
    struct value v = number.kind == TOKEN_DOUBLE ? value_double(-number.number)
                                                 : value_int((int64_t)(0 - number.magnitude));
    return constant(parser, &at, v, ret, why);
}

static bool begins_number(const struct parser *parser)
{
    return parser->next.kind == TOKEN_INT || parser->next.kind == TOKEN_DOUBLE;
}

static FALLIBLE parse_unary(struct parser *parser, struct node **ret, struct err_info *why)
{
    struct token first = parser->token;
    bool is_sign = first.kind == TOKEN_MINUS || first.kind == TOKEN_NOT;
    struct node *node = NULL;
    if (!is_sign) {
        TRY(parse_primary(parser, &node, why));
        return parse_member(parser, node, ret, why);
    }
    if (first.kind == TOKEN_MINUS && begins_number(parser)) {
        TRY(parse_negative(parser, &node, why));
        return parse_member(parser, node, ret, why);
    }
    if (++parser->depth > EXPR_DEPTH_MAX)
        return too_deep(&first, why);
    TRY(advance(parser, why));
    /* The grammar repeats one sign only: "!!a", "--a", but not "!-a". */
    bool is_other = first.kind == TOKEN_NOT ? parser->token.kind == TOKEN_MINUS && !begins_number(parser)
                                            : parser->token.kind == TOKEN_NOT;
    if (is_other)
        return unexpected(parser, why, "a value; brackets part '!' from '-'");
    TRY(parse_unary(parser, &node, why));
    parser->depth--;
    TRY(one_child(parser, NODE_CALL, &first, node, ret, why));
    (*ret)->name = first.kind == TOKEN_NOT ? STR("!_") : STR("-_");
    return ERR_OK;
}

struct operator
{
    enum token_kind token;
    unsigned level; /* binds tighter when higher */
    struct str name;
};

static const struct operator* find_operator(enum token_kind kind)
{
    static const struct operator operators[] = {
        { TOKEN_EQUAL, 1, STR_INIT("_==_") },
        { TOKEN_NOT_EQUAL, 1, STR_INIT("_!=_") },
        { TOKEN_LESS, 1, STR_INIT("_<_") },
        { TOKEN_LESS_EQUAL, 1, STR_INIT("_<=_") },
        { TOKEN_GREATER, 1, STR_INIT("_>_") },
        { TOKEN_GREATER_EQUAL, 1, STR_INIT("_>=_") },
        { TOKEN_IN, 1, STR_INIT("_in_") },
        { TOKEN_PLUS, 2, STR_INIT("_+_") },
        { TOKEN_MINUS, 2, STR_INIT("_-_") },
        { TOKEN_STAR, 3, STR_INIT("_*_") },
        { TOKEN_SLASH, 3, STR_INIT("_/_") },
        { TOKEN_PERCENT, 3, STR_INIT("_%_") },
    };
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (operators[i].token == kind)
            return &operators[i];
    }
    return NULL;
}

/* Operators of at least `level`, all of which associate to the left. */
static FALLIBLE parse_binary(struct parser *parser, unsigned level, struct node **ret, struct err_info *why)
{
    struct node *left = NULL;
    TRY(parse_unary(parser, &left, why));
    const struct operator* operator;
    while ((operator= find_operator(parser->token.kind)) != NULL && operator->level >= level) {
        struct token at = parser->token;
        struct node_list operands = { 0 };
        struct node *sides[2] = { left, NULL };
        TRY(advance(parser, why));
        TRY(parse_binary(parser, operator->level + 1, &sides[1], why));
        TRY(parser_list_add_all(parser, &operands, sides, 2, why));
        TRY(node_of(parser, NODE_CALL, &at, &operands, &left, why));
        left->name = operator->name;
    }
    *ret = left;
    return ERR_OK;
}

static FALLIBLE parse_and(struct parser *parser, struct node **ret, struct err_info *why)
{
    TRY(parse_binary(parser, 1, ret, why));
    if (parser->token.kind != TOKEN_AND)
        return ERR_OK;
    struct token at = parser->token;
    struct node_list operands = { 0 };
    TRY(parser_list_add(parser, &operands, *ret, why));
    while (parser->token.kind == TOKEN_AND) {
        struct node *operand = NULL;
        TRY(advance(parser, why));
        TRY(parse_binary(parser, 1, &operand, why));
        TRY(parser_list_add(parser, &operands, operand, why));
    }
    return node_of(parser, NODE_AND, &at, &operands, ret, why);
}

static FALLIBLE parse_or(struct parser *parser, struct node **ret, struct err_info *why)
{
    TRY(parse_and(parser, ret, why));
    if (parser->token.kind != TOKEN_OR)
        return ERR_OK;
    struct token at = parser->token;
    struct node_list operands = { 0 };
    TRY(parser_list_add(parser, &operands, *ret, why));
    while (parser->token.kind == TOKEN_OR) {
        struct node *operand = NULL;
        TRY(advance(parser, why));
        TRY(parse_and(parser, &operand, why));
        TRY(parser_list_add(parser, &operands, operand, why));
    }
    return node_of(parser, NODE_OR, &at, &operands, ret, why);
}

/* "a?.b" reads as a conditional over the name ".b". */
static bool begins_with_dot(const struct node *node)
{
    while (node->kind == NODE_SELECT ||
        (node->kind == NODE_CALL && (node->is_member || str_starts(node->name, STR("_[")))))
        node = node->children[0];
    return node->is_root;
}

static FALLIBLE parse_expression(struct parser *parser, struct node **ret, struct err_info *why)
{
    if (++parser->depth > EXPR_DEPTH_MAX)
        return too_deep(&parser->token, why);
    TRY(parse_or(parser, ret, why));
    if (parser->token.kind == TOKEN_QUESTION) {
        struct token at = parser->token;
        struct node_list children = { 0 };
        struct node *parts[3] = { *ret, NULL, NULL };
        TRY(advance(parser, why));
        TRY(parse_or(parser, &parts[1], why));
        if (parser->token.kind != TOKEN_COLON && begins_with_dot(parts[1]))
            return err_at(why, ERR_INVALID, "expr_parse", at.line, at.column,
                "'?.' is no operator; an optional field is a.?b");
        TRY(expect(parser, TOKEN_COLON, "':' of a conditional", why));
        TRY(parse_expression(parser, &parts[2], why));
        TRY(parser_list_add_all(parser, &children, parts, 3, why));
        TRY(node_of(parser, NODE_CONDITION, &at, &children, ret, why));
    }
    parser->depth--;
    return ERR_OK;
}

FALLIBLE ast_parse(struct arena *arena, struct str source, struct node **ret, struct err_info *why)
{
    struct parser parser = { .arena = arena };
    struct node *node = NULL;
    lexer_init(&parser.lexer, arena, source);
    TRY(lexer_next(&parser.lexer, &parser.token, why));
    parser.next = parser.token;
    if (parser.token.kind != TOKEN_END)
        TRY(lexer_next(&parser.lexer, &parser.next, why));
    TRY(parse_expression(&parser, &node, why));
    if (parser.token.kind != TOKEN_END)
        return unexpected(&parser, why, "the end or an operator");
    *ret = node;
    return ERR_OK;
}
