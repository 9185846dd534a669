/* Expressions out of bytes: each byte chooses a production, so that a fuzzer or a random generator walks
 * through the whole language. Most results are well typed by luck alone; the rest tests the errors. */
#ifndef TOCSIN_TESTS_EXPR_GENERATE_H
#define TOCSIN_TESTS_EXPR_GENERATE_H

#include "base/buf.h"

struct generator {
    const uint8_t *bytes;
    size_t size, at;
    struct buf *out;
    unsigned scope; /* variables a, b, c, … of macros around here */
};

#define GENERATE_DEPTH_MAX 6
#define GENERATE_SCOPE_MAX 6

/* 0 when the bytes are used up: then all that is still open becomes small. */
static unsigned generate_byte(struct generator *g)
{
    return g->at < g->size ? g->bytes[g->at++] : 0;
}

static void generate_expression(struct generator *g, unsigned depth);

static void generate_text(struct generator *g, const char *text)
{
    buf_add_text(g->out, text);
}

static void generate_pick(struct generator *g, const char *const *texts, size_t count)
{
    generate_text(g, texts[generate_byte(g) % count]);
}

static void generate_leaf(struct generator *g)
{
    static const char *const leaves[] = { "1", "x", "true", "'abc'", "y", "[1, 2, 3]", "0", "false", "null",
        "-1", "2u", "1.5", "b'a'", "''", "[]", "{}", "{'a': 1, 'b': [2]}", "m", "list", "m.a", "m.b", "m.c",
        "'a'", "9223372036854775807", "18446744073709551615u", "1e300", "double('nan')", "duration('1s')",
        "timestamp(0)", "optional.none()", "optional.of(1)", "dyn(1)", "dyn('x')", "int", "ip('10.0.0.1')",
        "cidr('10.0.0.0/8')", "[[1], [2, 'a']]", "{1: 'x', true: 2}", "list[0]", "m.?c", "m.?a", "nothing" };
    if (g->scope > 0 && generate_byte(g) % 2 == 0) {
        char name[2] = { (char)('a' + (char)(generate_byte(g) % g->scope)), '\0' };
        generate_text(g, name);
        return;
    }
    generate_pick(g, leaves, sizeof(leaves) / sizeof(leaves[0]));
}

/* "(a op b)": the brackets keep the tree as it is meant. */
static void generate_binary(struct generator *g, unsigned depth)
{
    static const char *const operators[] = { " + ", " == ", " && ", " || ", " < ", " - ", " * ", " / ", " % ",
        " != ", " <= ", " > ", " >= ", " in " };
    generate_text(g, "(");
    generate_expression(g, depth + 1);
    generate_pick(g, operators, sizeof(operators) / sizeof(operators[0]));
    generate_expression(g, depth + 1);
    generate_text(g, ")");
}

static void generate_macro(struct generator *g, unsigned depth)
{
    static const struct {
        const char *name;
        unsigned variables, bodies;
    } macros[] = { { "map", 1, 1 }, { "filter", 1, 1 }, { "all", 1, 1 }, { "exists", 1, 1 },
        { "exists_one", 1, 1 }, { "map", 1, 2 }, { "sortBy", 1, 1 }, { "all", 2, 1 }, { "exists", 2, 1 },
        { "existsOne", 2, 1 }, { "transformList", 2, 1 }, { "transformList", 2, 2 }, { "transformMap", 2, 1 },
        { "transformMap", 2, 2 }, { "transformMapEntry", 2, 1 }, { "optMap", 1, 1 }, { "optFlatMap", 1, 1 } };
    unsigned which = generate_byte(g) % (sizeof(macros) / sizeof(macros[0])), outer = g->scope;
    generate_text(g, "(");
    generate_expression(g, depth + 1);
    buf_printf(g->out, ").%s(", macros[which].name);
    for (unsigned i = 0; i < macros[which].variables; i++) {
        buf_printf(g->out, "%c, ", 'a' + (int)g->scope);
        g->scope++;
    }
    for (unsigned i = 0; i < macros[which].bodies; i++) {
        if (i > 0)
            generate_text(g, ", ");
        generate_expression(g, depth + 1);
    }
    generate_text(g, ")");
    g->scope = outer;
}

static void generate_bind(struct generator *g, unsigned depth)
{
    buf_printf(g->out, "cel.bind(%c, ", 'a' + (int)g->scope);
    generate_expression(g, depth + 1);
    generate_text(g, ", ");
    g->scope++;
    generate_expression(g, depth + 1);
    g->scope--;
    generate_text(g, ")");
}

static void generate_function(struct generator *g, unsigned depth)
{
    static const char *const functions[] = { "size(", "string(", "int(", "dyn(", "type(", "double(", "uint(",
        "bool(", "optional.of(", "optional.ofNonZeroValue(", "math.abs(", "math.greatest(", "lists.range(",
        "!(", "-(", "duration(", "timestamp(", "bytes(", "base64.encode(", "ip(", "cidr(", "strings.quote(" };
    static const char *const methods[] = { ".size()", ".hasValue()", ".value()", ".first()", ".last()",
        ".reverse()", ".distinct()", ".sort()", ".flatten()", ".a", ".?a", ".a.b", "[0]", "[?0]", "['a']",
        "[?'a']", ".orValue(1)", ".or(optional.of(2))", ".contains('a')", ".startsWith('a')",
        ".matches('^a')", ".join(',')", ".split('')", ".charAt(0)", ".upperAscii()", ".getHours()",
        ".format([1, 'a'])", ".slice(0, 1)", ".trim()", ".indexOf('b')", ".isLoopback()", ".prefixLength()",
        ".unwrapOpt()", ".nothing()", "[*]", "[*].a", "[*].?a", "[*].b[*]", "[*].?b[*].a", "[*][0]",
        "[*][?0]", "[*][*]", "[*].a.join()" };
    if (generate_byte(g) % 2 == 0) {
        generate_pick(g, functions, sizeof(functions) / sizeof(functions[0]));
        generate_expression(g, depth + 1);
        generate_text(g, ")");
        return;
    }
    generate_text(g, "(");
    generate_expression(g, depth + 1);
    generate_text(g, ")");
    generate_pick(g, methods, sizeof(methods) / sizeof(methods[0]));
}

static void generate_literal(struct generator *g, unsigned depth)
{
    bool is_map = generate_byte(g) % 2 == 0;
    unsigned count = generate_byte(g) % 4;
    generate_text(g, is_map ? "{" : "[");
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            generate_text(g, ", ");
        if (generate_byte(g) % 4 == 3)
            generate_text(g, "?");
        if (is_map) {
            generate_expression(g, depth + 2);
            generate_text(g, ": ");
        }
        generate_expression(g, depth + 1);
    }
    generate_text(g, is_map ? "}" : "]");
}

static void generate_condition(struct generator *g, unsigned depth)
{
    generate_text(g, "(");
    generate_expression(g, depth + 1);
    generate_text(g, " ? ");
    generate_expression(g, depth + 1);
    generate_text(g, " : ");
    generate_expression(g, depth + 1);
    generate_text(g, ")");
}

static void generate_expression(struct generator *g, unsigned depth)
{
    unsigned kind = generate_byte(g) % 12;
    if (depth >= GENERATE_DEPTH_MAX || kind < 3) {
        generate_leaf(g);
        return;
    }
    switch (kind) {
    case 3:
    case 4:
    case 5: generate_binary(g, depth); break;
    case 6:
    case 7:
        if (g->scope + 2 <= GENERATE_SCOPE_MAX)
            generate_macro(g, depth);
        else
            generate_leaf(g);
        break;
    case 8: generate_literal(g, depth); break;
    case 9: generate_condition(g, depth); break;
    case 10:
        if (g->scope < GENERATE_SCOPE_MAX)
            generate_bind(g, depth);
        else
            generate_leaf(g);
        break;
    default: generate_function(g, depth); break;
    }
}

/* The expression that these bytes choose; may use the variables x, y, m, list. */
static void generate(const uint8_t *bytes, size_t size, struct buf *out)
{
    struct generator g = { .bytes = bytes, .size = size, .out = out };
    generate_expression(&g, 0);
}

#endif
