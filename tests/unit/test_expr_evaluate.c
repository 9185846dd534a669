#include "expr_helpers.h"

#include <pthread.h>

#include "base/limits.h"
#include "memory_faults.h"

/* Allocations of the heap since the last look: this program stands in for base/memory.c. */
static const char data[] =
    "{\"alert\":{\"rule\":{\"level\":12,\"mitre\":{\"id\":\"T1110\"}},\"tags\":[\"a\",\"b\"]},"
    "\"rows\":[{\"n\":1,\"s\":\"x\"},{\"n\":2,\"s\":\"y\"},{\"n\":3,\"s\":\"z\"}],\"text\":\"a,b,c\"}";

struct evaluation {
    struct expr_scope scope;
    struct arena plan, turn;
    struct expr_values values;
    struct expr *expr;
};

static void open_evaluation(struct evaluation *e, const char *source)
{
    struct err_info why = { 0 };
    *e = (struct evaluation){ .expr = NULL };
    expr_scope_open(&e->scope, data);
    expr_values_init(&e->values, e->scope.values, e->scope.env.name_count);
    if (expr_compile(&e->plan, &e->scope.env, str_of(source), &e->expr, &why) != ERR_OK)
        fail_msg("%s: %s", source, why.text);
}

static void close_evaluation(struct evaluation *e)
{
    arena_done(&e->plan);
    arena_done(&e->turn);
    expr_scope_close(&e->scope);
}

static const char *const ordinary[] = {
    "alert.rule.level >= 10",
    "alert.rule.mitre.id == 'T1110' && 'a' in alert.tags",
    "rows.filter(r, r.n > 1)",
    "rows.map(r, r.s + '-' + string(r.n))",
    "rows.exists(r, r.n == 3) ? 'yes' : 'no'",
    "text.split(',').map(t, t.upperAscii()).join(';')",
    "alert.?rule.?level.orValue(0)",
    "{'a': rows.size(), 'b': [1, 2, 3].map(i, i * 2)}",
    "text.matches('^a.*c$')",
    "'%s has %d'.format([text, rows.size()])",
    "rows.sortBy(r, -r.n)",
    "rows.transformMap(i, r, r.n > 1, r.s)",
    "timestamp('2024-01-01T00:00:00Z') + duration('90m')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
    "iocs('see 192.0.2.1 and evil.example.com').ipv4",
    "base64.encode(bytes(text))",
    "1 / 0 > 0 || rows.size() == 3",
    "parse_kv('a=1 b=2').a",
};

/* Once the arena has its chunk, evaluating takes nothing from the heap. */
static void evaluating_takes_no_heap_beyond_the_arena(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
        struct evaluation e;
        struct value v;
        struct err_info why = { 0 };
        open_evaluation(&e, ordinary[i]);
        if (expr_eval(e.expr, &e.turn, &e.values.activation, NULL, &v, &why) != ERR_OK)
            fail_msg("%s: %s", ordinary[i], why.text);
        arena_reset(&e.turn);
        memory_faults_left = 0; /* from here on every allocation fails */
        enum err err = expr_eval(e.expr, &e.turn, &e.values.activation, NULL, &v, &why);
        memory_faults_left = -1;
        if (err != ERR_OK)
            fail_msg("%s: %s", ordinary[i], why.text);
        close_evaluation(&e);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
        enum err err = ERR_MEMORY;
        for (long works = 0; err == ERR_MEMORY; works++) {
            struct expr_scope scope;
            struct expr_values values;
            struct err_info why = { 0 };
            struct expr *expr = NULL;
            struct value v;
            AUTO(arena) struct arena arena = { 0 };
            expr_scope_open(&scope, data);
            expr_values_init(&values, scope.values, scope.env.name_count);
            memory_faults_left = works;
            err = expr_compile(&arena, &scope.env, str_of(ordinary[i]), &expr, &why);
            if (err == ERR_OK)
                err = expr_eval(expr, &arena, &values.activation, NULL, &v, &why);
            memory_faults_left = -1;
            assert_true(err == ERR_OK || err == ERR_MEMORY);
            assert_int_equal(why.code, err);
            expr_scope_close(&scope);
        }
    }
}

/* Programs never change, so any number of threads may evaluate one at the same time. */
struct evaluator {
    const struct evaluation *of;
    struct buf text; /* of the last result */
    bool is_good;
};

static void *evaluate_often(void *context)
{
    struct evaluator *evaluator = context;
    AUTO(arena) struct arena arena = { 0 };
    evaluator->is_good = true;
    for (int i = 0; i < 300 && evaluator->is_good; i++) {
        struct value v;
        arena_reset(&arena);
        evaluator->is_good = expr_eval(evaluator->of->expr, &arena, &evaluator->of->values.activation, NULL,
                                 &v, NULL) == ERR_OK;
        buf_clear(&evaluator->text);
        if (evaluator->is_good)
            typed_json_print(&evaluator->text, v);
    }
    return NULL;
}

static void many_threads_may_evaluate_one_program(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
        struct evaluation e;
        struct evaluator evaluators[4] = { 0 };
        pthread_t threads[4];
        open_evaluation(&e, ordinary[i]);
        for (int k = 0; k < 4; k++) {
            evaluators[k].of = &e;
            assert_int_equal(pthread_create(&threads[k], NULL, evaluate_often, &evaluators[k]), 0);
        }
        for (int k = 0; k < 4; k++) {
            pthread_join(threads[k], NULL);
            assert_true(evaluators[k].is_good);
            assert_true(str_equal(buf_str(&evaluators[k].text), buf_str(&evaluators[0].text)));
        }
        for (int k = 0; k < 4; k++)
            buf_done(&evaluators[k].text);
        close_evaluation(&e);
    }
}

static enum err cost_of(struct evaluation *e, uint64_t cost_max, uint64_t *ret_used, struct err_info *why)
{
    struct expr_limits limits = { .cost_max = cost_max, .ret_cost = ret_used };
    struct value v;
    arena_reset(&e->turn);
    return expr_eval(e->expr, &e->turn, &e->values.activation, &limits, &v, why);
}

static void the_estimate_holds_what_is_used(void **state)
{
    (void)state;
    static const char *const sources[] = { "1", "alert", "alert.rule.level", "alert.rule.level + 1 > 3",
        "[1, 2, 3].map(i, i + alert.rule.level)", "true ? alert.rule.level : 2",
        "alert.rule.level > 1 && false", "alert.rule.level > 1 || alert.rule.level < 9",
        "[alert.rule.level, 2].all(x, x > 0)", "{'a': alert.rule.level, 'b': 2}",
        "cel.bind(x, alert.rule.level, x * x)", "rows.map(r, r.n)", "text.size()",
        "[[1, alert.rule.level], [3]].map(l, l.map(i, i * 2))", "alert.?rule.?level", "has(alert.rule.x)",
        "[3, alert.rule.level].sortBy(x, -x)", "[9, 8, 7, 6, 5, 4, 3, 2, 1].sortBy(x, alert.rule.level)",
        "optional.of(alert.rule.level).optMap(x, x + 1)", "cel.bind(x, [[[[alert.x, 1], 2], 3], 4], 5)",
        "alert.x + 1 + 2 + 3 > 1 || true", "[1, 2].exists(x, alert.x + x + 1 + 2 > 1) || true",
        "cel.block([alert.x + 1 + 2 + 3, 4], 5)", "cel.bind(a, (alert || dyn(1)), 1)",
        "alert || dyn(2) || true", "[1, 2].all(x, alert) || true",
        "optional.none().optMap(x, alert.rule.level + 1 + 2 + 3)", "alert.?x.y.z" };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct evaluation e;
        struct err_info why = { 0 };
        uint64_t least, most, used = 0;
        open_evaluation(&e, sources[i]);
        expr_cost(e.expr, &least, &most);
        assert_int_equal(cost_of(&e, 0, &used, &why), ERR_OK);
        if (used < least || used > most)
            fail_msg("%s: %llu is not within %llu and %llu", sources[i], (unsigned long long)used,
                (unsigned long long)least, (unsigned long long)most);
        close_evaluation(&e);
    }
}

static void loops_over_what_is_unknown_have_no_estimate(void **state)
{
    (void)state;
    struct evaluation e;
    uint64_t least, most;
    open_evaluation(&e, "rows.map(r, r.n)");
    expr_cost(e.expr, &least, &most);
    assert_true(most == UINT64_MAX);
    close_evaluation(&e);
    static const char *const unknown[] = { "text + text", "text == alert.text", "text.matches('a')",
        "text < alert.x", "[text] + [text]" };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        open_evaluation(&e, unknown[i]);
        expr_cost(e.expr, &least, &most);
        assert_true(most == UINT64_MAX);
        close_evaluation(&e);
    }
    static const char *const known[] = { "text == 'abc'", "alert.rule.level >= 10",
        "int(alert.rule.level) + 1", "alert.rule.level != 4 && alert.rule.mitre.id < 'T2'" };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        open_evaluation(&e, known[i]);
        expr_cost(e.expr, &least, &most);
        if (most >= 120)
            fail_msg("%s: %llu", known[i], (unsigned long long)most);
        close_evaluation(&e);
    }
    open_evaluation(&e, "[1, 2, alert.rule.level].map(r, r * 2)");
    expr_cost(e.expr, &least, &most);
    assert_true(most < 100 && least > 3);
    close_evaluation(&e);
}

static void the_limit_ends_an_evaluation_by_its_name(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "rows.map(a, rows.map(b, rows.map(c, rows.map(d, rows.map(e, a.n)))))",
        "lists.range(100000).map(i, i)",
        "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8].all(c, a + b + c > "
        "alert.rule.level - 99)))",
        "cel.bind(s, text + text + text + text, cel.bind(t, s + s + s + s, cel.bind(u, t + t + t + t, (u + u "
        "+ u + "
        "u).size() > 0)))",
        "rows.exists(r, lists.range(50000).size() == 0 || true)",
        "lists.range(60000) == lists.range(60000)",
        "text.replace('', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx').replace('', "
        "text).size()",
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct evaluation e;
        struct err_info why = { 0 };
        uint64_t used = 0;
        open_evaluation(&e, sources[i]);
        assert_int_equal(cost_of(&e, 30, &used, &why), ERR_LIMIT);
        assert_string_equal(why.name, "expression_cost");
        assert_non_null(strstr(why.text, "30 units"));
        assert_true(why.line == 1 && why.column > 0);
        close_evaluation(&e);
    }
}

/* && and || take errors, never the end of the budget. */
static void the_limit_is_no_error_that_logic_absorbs(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t used = 0;
    open_evaluation(&e, "lists.range(1000).map(i, i * alert.rule.level).size() == 0 || true");
    assert_int_equal(cost_of(&e, 100, &used, &why), ERR_LIMIT);
    assert_int_equal(cost_of(&e, 0, &used, &why), ERR_OK);
    assert_true(used > 1000);
    close_evaluation(&e);
}

static void a_text_above_its_limit_is_refused(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t used = 0;
    open_evaluation(&e,
        "lists.range(25).transformMap(i, v, v).size() + lists.range(1000).map(i, "
        "'0123456789012345678901234567890123456789').join().split('').map(c, text + "
        "'012345678901234567890123456789012345678901234567890123456789').join('0123456789').size() + "
        "alert.rule.level");
    assert_int_equal(cost_of(&e, UINT64_MAX, &used, &why), ERR_OK);
    close_evaluation(&e);
    open_evaluation(&e,
        "cel.bind(a, lists.range(60000).map(i, text + '0123456789').join(), cel.bind(b, a + a + a + a + "
        "a, b + b + b + b + b)).size()");
    assert_int_equal(cost_of(&e, UINT64_MAX, &used, &why), ERR_LIMIT);
    assert_string_equal(why.name, "EXPR_STRING_BYTES_MAX");
    close_evaluation(&e);
}

/* Sixty lines make a list that would print for longer than the universe is old. */
static void values_that_share_their_parts_are_measured_as_trees(void **state)
{
    (void)state;
    static const char *const last[] = { "v59", "v59 == v59", "to_json(v59).size()", "[v59].distinct().size()",
        "'%s'.format([v59]).size()", "'%s'.format(['a', v59])", "v59 in [v59]", "sets.contains([v59], [v59])",
        "optional.of(v59)", "{'a': v59}", "[1, 2].map(i, v59)", "{'a': v59} != {'a': v59}" };
    AUTO(buf) struct buf source = { 0 };
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
        struct evaluation e;
        struct err_info why = { 0 };
        uint64_t used = 0;
        buf_clear(&source);
        buf_add_text(&source, "cel.bind(v0, [alert], ");
        for (int k = 1; k < 60; k++)
            buf_printf(&source, "cel.bind(v%d, [v%d, v%d], ", k, k - 1, k - 1);
        buf_add_text(&source, last[i]);
        for (int k = 0; k < 60; k++)
            buf_add_text(&source, ")");
        open_evaluation(&e, source.data);
        enum err err = cost_of(&e, 0, &used, &why);
        if (err != ERR_LIMIT && !(err == ERR_OK && strstr(last[i], "'a', v59")))
            fail_msg("%s: %d %s", last[i], (int)err, why.text);
        assert_true(err == ERR_OK || (strcmp(why.name, "expression_cost") == 0 && why.line == 1));
        close_evaluation(&e);
    }
}

static void values_are_no_deeper_than_their_limit(void **state)
{
    (void)state;
    AUTO(buf) struct buf source = { 0 };
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t used = 0;
    buf_add_text(&source, "cel.block([[alert]");
    for (int i = 0; i < VALUE_DEPTH_MAX; i++)
        buf_printf(&source, ", [cel.index(%d)]", i);
    buf_printf(&source, "], cel.index(%d))", VALUE_DEPTH_MAX);
    open_evaluation(&e, source.data);
    assert_int_equal(cost_of(&e, 0, &used, &why), ERR_LIMIT);
    assert_string_equal(why.name, "VALUE_DEPTH_MAX");
    close_evaluation(&e);
}

/* A function that goes through a value is led no deeper than it can come back from. */
static void functions_go_no_deeper_than_values_may_be(void **state)
{
    (void)state;
    static const char *const calls[] = { "'%%s'.format([cel.index(%d)]).size()",
        "cel.index(%d).flatten(1000).size()", "encode_shell('%%s'.format([cel.index(%d)]))" };
    AUTO(buf) struct buf source = { 0 };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct evaluation e;
        struct err_info why = { 0 };
        uint64_t used = 0;
        buf_clear(&source);
        buf_add_text(&source, "cel.block([[alert]");
        for (int k = 0; k <= VALUE_DEPTH_MAX; k++)
            buf_printf(&source, ", [cel.index(%d)]", k);
        buf_add_text(&source, "], ");
        const char *at = strstr(calls[i], "%d");
        for (const char *c = calls[i]; *c != '\0'; c++) {
            if (c == at) {
                buf_printf(&source, "%d", VALUE_DEPTH_MAX + 1);
                c++;
            } else if (c[0] != '%' || c[1] != '%') {
                buf_add_byte(&source, *c);
            }
        }
        buf_add_text(&source, ")");
        open_evaluation(&e, source.data);
        assert_int_equal(cost_of(&e, 0, &used, &why), ERR_INVALID);
        assert_non_null(strstr(why.text, "VALUE_DEPTH_MAX"));
        close_evaluation(&e);
    }
}

static void a_constant_pattern_is_charged_by_the_text(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t used = 0;
    open_evaluation(&e, "text.matches('x') || true");
    char *letters = test_malloc(100000);
    memset(letters, 'a', 100000);
    e.scope.values[2] = value_string((struct str){ letters, 100000 });
    assert_int_equal(cost_of(&e, 0, &used, &why), ERR_OK);
    assert_int_equal(cost_of(&e, used / 2, &used, &why), ERR_LIMIT);
    assert_string_equal(why.name, "expression_cost");
    close_evaluation(&e);
    test_free(letters);
}

static void without_an_activation_there_are_no_variables(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    struct value v;
    open_evaluation(&e, "text");
    assert_int_equal(expr_eval(e.expr, &e.turn, NULL, NULL, &v, &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "no such attribute: text"));
    close_evaluation(&e);
}

static void patterns_are_bounded_in_size_and_number(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf source = { 0 };
    struct expr_env env = { .is_unchecked = true };
    struct expr *expr = NULL;
    struct err_info why = { 0 };
    buf_add_text(&source, "'x'.matches('");
    for (int i = 0; i <= EXPR_PATTERN_BYTES_MAX; i++)
        buf_add_byte(&source, 'a');
    buf_add_text(&source, "')");
    assert_int_equal(expr_compile(&arena, &env, buf_str(&source), &expr, &why), ERR_LIMIT);
    assert_string_equal(why.name, "EXPR_PATTERN_BYTES_MAX");
    buf_clear(&source);
    buf_add_text(&source, "false");
    for (int i = 0; i <= EXPR_PATTERNS_MAX; i++)
        buf_printf(&source, " || 'x'.matches('%d')", i);
    assert_int_equal(expr_compile(&arena, &env, buf_str(&source), &expr, &why), ERR_LIMIT);
    assert_string_equal(why.name, "EXPR_PATTERNS_MAX");
}

/* Thousands of states over each byte: without the states in the price this took half a minute. */
static void a_pattern_is_charged_by_its_size_too(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t small = 0, large = 0;
    open_evaluation(&e, "'0123456789012345678901234567890123456789012345678901234567890123'.matches(text)");
    e.scope.values[2] = value_string(STR("a"));
    assert_int_equal(cost_of(&e, 0, &small, &why), ERR_OK);
    e.scope.values[2] = value_string(STR("(a|b)*a(a|b){200}c"));
    assert_int_equal(cost_of(&e, 0, &large, &why), ERR_OK);
    assert_true(large > 2 * small);
    close_evaluation(&e);
}

static void constants_are_folded_and_told(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        bool is_constant;
    } rows[] = { { "1 + 2 * 3", true }, { "[1, 2].map(x, x * 2)", true }, { "'a'.matches('a')", true },
        { "alert.rule", false }, { "1 / 0", false }, { "[1].map(x, alert)", false },
        { "cel.bind(x, 1, x)", true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evaluation e;
        struct value v;
        open_evaluation(&e, rows[i].source);
        assert_int_equal(expr_is_constant(e.expr, &v), rows[i].is_constant);
        assert_string_equal(expr_source(e.expr).data, rows[i].source);
        close_evaluation(&e);
    }
}

/* With all variables marked; close_evaluation ends it. */
static struct value evaluate_from_outside(struct evaluation *e, const char *source)
{
    struct value v;
    struct err_info why = { 0 };
    open_evaluation(e, source);
    for (uint32_t k = 0; k < e->scope.env.name_count; k++)
        e->scope.values[k].flags |= VALUE_OUTSIDE;
    if (expr_eval(e->expr, &e->turn, &e->values.activation, NULL, &v, &why) != ERR_OK)
        fail_msg("%s: %s", source, why.text);
    return v;
}

static void what_comes_from_outside_stays_marked(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        bool is_outside;
    } rows[] = { { "text", true }, { "text + 'x'", true }, { "'x'", false }, { "text.upperAscii()", true },
        { "[text][0]", true }, { "{'a': text}.a", true }, { "['a', 'b'].map(x, x + text)[0]", true },
        { "text.split(',')[0]", true }, { "'%s'.format([text])", true }, { "'%s'.format(['x'])", false },
        { "alert.rule.mitre.id", true }, { "rows.map(r, r.s)[0]", true },
        { "alert.?rule.?mitre.?id.orValue('')", true }, { "true ? text : 'x'", true },
        { "cel.bind(t, text, t)", true }, { "base64.encode(bytes(text))", true },
        { "parse_kv('a=' + text).a", true }, { "rows.sortBy(r, r.n)[0].s", true },
        { "[text, 'b'].join(',')", true }, { "[text.split('x')].flatten()[0]", true },
        { "[text.split('x')].flatten(2)[0]", true },
        { "[{'l': text.split('x')}][*].l[*].size() > 0 ? [{'l': text.split('x')}][*].l[*].join() : ''",
            true },
        { "optional.unwrap([text.split('x').first()])[0]", true },
        { "[1].transformMapEntry(i, x, parse_kv('a=' + text)).a", true },
        { "rows.map(r, string(r.n)).join(',')", false }, { "string(rows[0].n)", false },
        { "'%d of %s'.format([rows[0].n, 'x'])", false }, { "to_json(rows)", true },
        { "to_json([rows[0].n])", false }, { "sha256(text)", false }, { "md5(bytes(text))", false },
        { "hex.encode(bytes(text))", true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evaluation e;
        struct value v = evaluate_from_outside(&e, rows[i].source);
        if (((v.flags & VALUE_OUTSIDE) != 0) != rows[i].is_outside)
            fail_msg("%s is %smarked", rows[i].source, rows[i].is_outside ? "not " : "");
        close_evaluation(&e);
    }
}

static void encoders_mark_for_their_sink_alone(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        uint8_t safe;
    } rows[] = {
        { "text", 0 },
        { "encode_shell(text)", VALUE_SAFE_FOR(SINK_SHELL) },
        { "encode_sql(text)", VALUE_SAFE_FOR(SINK_SQL) },
        { "encode_ldap(text)", VALUE_SAFE_FOR(SINK_LDAP) },
        { "encode_html(text)", VALUE_SAFE_FOR(SINK_HTML) },
        { "encode_prompt(text)", VALUE_SAFE_FOR(SINK_PROMPT) },
        { "'cat ' + encode_shell(text)", VALUE_SAFE_FOR(SINK_SHELL) },
        { "encode_shell(text) + text", 0 },
        { "encode_shell(text) + encode_html(text)", 0 },
        { "encode_html(encode_shell(text))", VALUE_SAFE_FOR(SINK_HTML) },
        { "encode_shell(text).upperAscii()", 0 },
        { "encode_shell(text).replace('x', 'y')", 0 },
        { "[encode_shell(text)][0]", VALUE_SAFE_FOR(SINK_SHELL) },
        { "true ? encode_shell(text) : ''", VALUE_SAFE_FOR(SINK_SHELL) },
        { "optional.of(encode_shell(text)).orValue('')", VALUE_SAFE_FOR(SINK_SHELL) },
        { "[encode_shell(text), text].join(' ')", 0 },
        { "'%s %s'.format([encode_shell(text), text])", 0 },
        { "[encode_shell(text), 'x'].join(' ')", VALUE_SAFE_FOR(SINK_SHELL) },
        { "[encode_shell(text), encode_html(text)].join(' ')", 0 },
        { "[encode_shell(text)].join(text)", 0 },
        { "'%s -n %d'.format([encode_shell(text), rows[0].n])", VALUE_SAFE_FOR(SINK_SHELL) },
        { "encode_shell(text) + string(rows[0].n)", VALUE_SAFE_FOR(SINK_SHELL) },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evaluation e;
        struct value v = evaluate_from_outside(&e, rows[i].source);
        if ((v.flags & VALUE_OUTSIDE) == 0 || (v.flags & VALUE_SAFE_MASK) != rows[i].safe)
            fail_msg("%s: flags 0x%02x", rows[i].source, v.flags);
        close_evaluation(&e);
    }
}

static void a_variable_without_a_value_fails_where_it_is_read(void **state)
{
    (void)state;
    struct evaluation e;
    struct err_info why = { 0 };
    uint64_t used = 0;
    open_evaluation(&e, "true || text == 'x'");
    e.values.count = 2; /* the third has none */
    assert_int_equal(cost_of(&e, 0, &used, &why), ERR_OK);
    close_evaluation(&e);
    open_evaluation(&e, "rows.size() + text.size()");
    e.values.count = 2;
    assert_int_equal(cost_of(&e, 0, &used, &why), ERR_INVALID);
    assert_non_null(strstr(why.text, "no such attribute: text"));
    close_evaluation(&e);
}

static void errors_of_an_evaluation_tell_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        uint32_t line, column;
    } rows[] = { { "alert.rule.nothing", 1, 12 }, { "1 +\n  alert.rule.level / 0", 2, 20 },
        { "rows.map(r,\n r.x)", 2, 4 }, { "true && alert.x == 1", 1, 15 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evaluation e;
        struct err_info why = { 0 };
        uint64_t used = 0;
        open_evaluation(&e, rows[i].source);
        assert_int_equal(cost_of(&e, 0, &used, &why), ERR_INVALID);
        assert_string_equal(why.name, "expr_eval");
        if (why.line != rows[i].line || why.column != rows[i].column)
            fail_msg("%s: %u:%u", rows[i].source, why.line, why.column);
        close_evaluation(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluating_takes_no_heap_beyond_the_arena),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(many_threads_may_evaluate_one_program),
        cmocka_unit_test(the_estimate_holds_what_is_used),
        cmocka_unit_test(loops_over_what_is_unknown_have_no_estimate),
        cmocka_unit_test(the_limit_ends_an_evaluation_by_its_name),
        cmocka_unit_test(the_limit_is_no_error_that_logic_absorbs),
        cmocka_unit_test(a_text_above_its_limit_is_refused),
        cmocka_unit_test(values_that_share_their_parts_are_measured_as_trees),
        cmocka_unit_test(values_are_no_deeper_than_their_limit),
        cmocka_unit_test(functions_go_no_deeper_than_values_may_be),
        cmocka_unit_test(a_constant_pattern_is_charged_by_the_text),
        cmocka_unit_test(without_an_activation_there_are_no_variables),
        cmocka_unit_test(patterns_are_bounded_in_size_and_number),
        cmocka_unit_test(a_pattern_is_charged_by_its_size_too),
        cmocka_unit_test(constants_are_folded_and_told),
        cmocka_unit_test(what_comes_from_outside_stays_marked),
        cmocka_unit_test(encoders_mark_for_their_sink_alone),
        cmocka_unit_test(a_variable_without_a_value_fails_where_it_is_read),
        cmocka_unit_test(errors_of_an_evaluation_tell_their_place),
    };
    return cmocka_run_group_tests_name("expr_evaluate", tests, NULL, NULL);
}
