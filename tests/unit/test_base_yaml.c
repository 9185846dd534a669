#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "memory_faults.h"
#include "shared_data.h"

static enum err to_value(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct yaml_node *root;
    TRY(yaml_parse(arena, text, &root, why));
    return yaml_to_value(arena, root, ret, why);
}

static void assert_reads_as(const char *yaml, const char *json)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf out = { 0 };
    struct value v;
    struct err_info why = { 0 };
    if (to_value(&arena, str_of(yaml), &v, &why) != ERR_OK)
        fail_msg("%s\n-> %u:%u %s", yaml, why.line, why.column, why.text);
    json_print(&out, v, 0);
    assert_string_equal(out.data, json);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "[~, null, Null, NULL, '', ]", "[null,null,null,null,\"\"]" },
        { "[true, True, TRUE, false, tRUE, yes, No, on, OFF, y]",
            "[true,true,true,false,\"tRUE\",\"yes\",\"No\",\"on\",\"OFF\",\"y\"]" },
        { "[0, 12, -7, +5, 0012, 0o17, 0x1F, -0]", "[0,12,-7,5,12,15,31,0]" },
        { "[0b1, 0o8, 0x, -0x1, 1_000, 12:30:45, 1e, '12']",
            "[\"0b1\",\"0o8\",\"0x\",\"-0x1\",\"1_000\",\"12:30:45\",\"1e\",\"12\"]" },
        { "[1.5, 1e3, .5, 1., -1.5E-3, +.5, 1.5.5, 1.e]",
            "[1.5,1000.0,0.5,1.0,-0.0015,0.5,\"1.5.5\",\"1.e\"]" },
        { "[.inf, -.Inf, +.INF, .nan, -.nan, .Nan]",
            "[\"Infinity\",\"-Infinity\",\"Infinity\",\"NaN\",\"-.nan\",\".Nan\"]" },
        { "[9223372036854775807, 9223372036854775808, 18446744073709551615, -9223372036854775808]",
            "[9223372036854775807,9223372036854775808,18446744073709551615,-9223372036854775808]" },
        { "[0xFFFFFFFFFFFFFFFF, 18446744073709551616]", "[18446744073709551615,18446744073709552000.0]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_reads_as(cases[i][0], cases[i][1]);
    assert_reads_as("- 2026-01-02\n- 10.0.0.1\n- a b\n- -x\n- :x\n",
        "[\"2026-01-02\",\"10.0.0.1\",\"a b\",\"-x\",\":x\"]");
}

static void core_tags_decide_the_type(void **state)
{
    (void)state;
    assert_reads_as("[!!str 12, !!int \"12\", !!float 1, !!null '', !!bool \"true\", ! 12, !!str ]",
        "[\"12\",12,1.0,null,true,\"12\",\"\"]");
    assert_reads_as("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    static const char *const bad[] = { "!!int x", "!!bool yes", "!!null 1", "!!float true", "!!seq {a: 1}",
        "!!str [a]", "!mine 1", "!!set {a}", "{a: !has(x)}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(to_value(&arena, str_of(bad[i]), &v, &why), ERR_INVALID);
        assert_string_equal(why.name, "yaml_tag");
    }
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    assert_int_equal(
        yaml_parse(
            &arena, STR("a: 1\nb:\n  - x\n  - {c: yes}\n# é\nd: |\n  text\né: \"é\" # no\n"), &root, NULL),
        ERR_OK);
    const struct yaml_node *b = yaml_find(root, STR("b"));
    assert_int_equal(b->kind, YAML_SEQUENCE);
    assert_int_equal(b->line, 3);
    assert_int_equal(b->column, 3);
    assert_int_equal(b->end_line, 4);
    assert_int_equal(b->end_column, 13);
    const struct yaml_node *c = yaml_find(b->items[1], STR("c"));
    assert_int_equal(c->line, 4);
    assert_int_equal(c->column, 9);
    assert_int_equal(c->end_column, 12);
    assert_true(yaml_is_yaml11_bool(c));
    assert_null(yaml_find(root, STR("z")));
    assert_null(yaml_find(c, STR("z")));
    assert_null(yaml_find(NULL, STR("z")));
    const struct yaml_node *last = yaml_find(root, STR("é"));
    assert_int_equal(last->line, 8);
    assert_int_equal(last->column, 5); /* in bytes */
    assert_int_equal(last->end_column, 9);
    assert_false(last->is_plain);
}

static void empty_values_stand_behind_their_colon(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    assert_int_equal(yaml_parse(&arena, STR("a:\n\n# comment\nb: # more\n"), &root, NULL), ERR_OK);
    const struct yaml_node *a = yaml_find(root, STR("a"));
    assert_true(yaml_is_null(a));
    assert_int_equal(a->line, 1);
    assert_int_equal(a->column, 3);
    assert_int_equal(yaml_find(root, STR("b"))->line, 4);
    assert_int_equal(yaml_parse(&arena, STR("# nothing\n"), &root, NULL), ERR_OK);
    assert_true(yaml_is_null(root));
    assert_int_equal(yaml_parse(&arena, (struct str){ NULL, 0 }, &root, NULL), ERR_OK);
    assert_true(yaml_is_null(root));
}

static void faults_have_place_and_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        uint32_t line, column;
    } cases[] = {
        { "a: 1\nb: 2\na: 3\n", "yaml_duplicate_key", 3, 1 },
        { "{a: 1, \"a\": 2}\n", "yaml_duplicate_key", 1, 8 },
        { "a: b: c\n", "yaml_colon", 1, 5 },
        { "when: x ? a : b\n", "yaml_colon", 1, 13 },
        { "a: *none\n", "yaml_alias", 1, 4 },
        { "a: &x [*x]\n", "yaml_alias", 1, 8 },
        { "&x\n- *x\n", "yaml_alias", 2, 3 },
        { "a: !mine 1\n", "yaml_tag", 1, 4 },
        { "when: !has(x)\n", "yaml_tag", 1, 7 },
        { "? [1]\n: 2\n", "yaml_key", 1, 3 },
        { "---\na: 1\n---\nb: 2\n", "yaml_documents", 3, 1 },
        { "a: \xff\n", "yaml_encoding", 1, 4 },
        { "a: \x01\n", "yaml_control", 1, 4 },
        { "a: x\x7f\n", "yaml_control", 1, 5 },
        { "a:\n\tb: 1\n", "yaml_tab", 2, 2 },
        { "a:\n  b: 1\n\tc: 1\n", "yaml_tab", 3, 2 },
        { "a:\n  - b\n - c\n", "yaml_indent", 3, 2 },
        { "a: 1\n  b: 2\n", "yaml_indent", 2, 4 },
        { "a:\n  b: 1\n c: 2\n", "yaml_indent", 3, 2 },
        { "a: 1\n- b\n", "yaml_indent", 2, 1 },
        { "a: 1\nb\nc: 2\n", "yaml_colon", 2, 1 },
        { "a: 1\nb:2\n", "yaml_colon", 2, 1 },
        { "a: \"text\n", "yaml_quote", 1, 4 },
        { "a: 'text\nb: c\n", "yaml_indent", 2, 1 },
        { "a: \"\\d\"\n", "yaml_escape", 1, 6 },
        { "a: [1, 2\n", "yaml_bracket", 1, 4 },
        { "a: [1, 2\nb: 3\n", "yaml_indent", 2, 1 },
        { "a: {b: 1 c: 2}\n", "yaml_colon", 1, 11 },
        { "a: {ip: ${{ x }}}\n", "yaml_flow_expression", 1, 10 },
        { "a: ]\n", "yaml_bracket", 1, 4 },
        { "a: @x\n", "yaml_reserved", 1, 4 },
        { "a: 'b' c\n", "yaml_syntax", 1, 8 },
        { "a: 'b'#c\n", "yaml_comment", 1, 7 },
        { "a: |x\n", "yaml_block_scalar", 1, 5 },
        { "%YAML 2.0\n---\n", "yaml_directive", 1, 7 },
        { "%YAML 1.2\na: 1\n", "yaml_directive", 2, 1 },
        { "a: - b\n", "yaml_colon", 1, 4 },
        { "\xff\xfe"
          "a\0",
            "yaml_encoding", 1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        struct err_info why = { 0 };
        if (to_value(&arena, str_of(cases[i].text), &v, &why) != ERR_INVALID)
            fail_msg("took %s", cases[i].text);
        if (strcmp(why.name, cases[i].name) != 0 || why.line != cases[i].line ||
            why.column != cases[i].column)
            fail_msg("%s: %s at %u:%u, not %s at %u:%u", cases[i].text, why.name, why.line, why.column,
                cases[i].name, cases[i].line, cases[i].column);
    }
}

static void what_people_write_is_read(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "on:\n- a\n- b: 1\n  c: 2\n", "{\"on\":[\"a\",{\"b\":1,\"c\":2}]}" },
        { "a: [\n  1,\n  2,\n]\nb: {\n  c: d\n}\n", "{\"a\":[1,2],\"b\":{\"c\":\"d\"}}" },
        { "a: >-\n  one\n  two\n\n  three\nb: |+\n  x\n\n", "{\"a\":\"one two\\nthree\",\"b\":\"x\\n\\n\"}" },
        { "a: one\n  two\n\n  three # no\n", "{\"a\":\"one two\\nthree\"}" },
        { "url: http://x/y#z\nt: a#b\n", "{\"url\":\"http://x/y#z\",\"t\":\"a#b\"}" },
        { "a: \"x\\\n  y \\u00e9\\ud83d\\ude00\"\n", "{\"a\":\"xy é😀\"}" },
        { "a:\n  b: \"x\n  y\"\n", "{\"a\":{\"b\":\"x y\"}}" },
        { "a: 'it''s'\r\nb: c\r\n", "{\"a\":\"it's\",\"b\":\"c\"}" },
        { "base: &b {x: 1}\nuse: *b\n", "{\"base\":{\"x\":1},\"use\":{\"x\":1}}" },
        { "\xef\xbb\xbf"
          "a: 1\n",
            "{\"a\":1}" },
        { "a: ${{ x }} and ${{ y }}\n", "{\"a\":\"${{ x }} and ${{ y }}\"}" },
        { "--- # c\na: 1\n...\n# end\n", "{\"a\":1}" },
        { "a: {\"b\":1,\"c\":[]}\n", "{\"a\":{\"b\":1,\"c\":[]}}" },
        { "{\"a\":[1,2.5,null,true,\"x\\n\"]}", "{\"a\":[1,2.5,null,true,\"x\\n\"]}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_reads_as(cases[i][0], cases[i][1]);
}

static void assert_limit(struct str text, const char *name)
{
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    struct err_info why = { 0 };
    assert_int_equal(yaml_parse(&arena, text, &root, &why), ERR_LIMIT);
    assert_string_equal(why.name, name);
}

static void alias_bombs_and_deep_nests_end_early(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    buf_add_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            buf_printf(&text, "%s*a%d", j ? "," : "", i - 1);
        buf_add_text(&text, "]\n");
    }
    assert_limit(buf_str(&text), "yaml_nodes");

    /* Few nodes, but each alias is a level deeper. */
    buf_clear(&text);
    buf_add_text(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 200; i++)
        buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_limit(buf_str(&text), "yaml_depth");

    buf_clear(&text);
    buf_add_text(&text, "- &a x\n");
    for (int i = 0; i < YAML_ALIASES_MAX + 1; i++)
        buf_add_text(&text, "- *a\n");
    assert_limit(buf_str(&text), "yaml_aliases");

    static const char *const nests[] = { "[", "{a: ", "- ", "? ", "[? " };
    for (size_t n = 0; n < sizeof nests / sizeof nests[0]; n++) {
        buf_clear(&text);
        for (int i = 0; i < 100000; i++)
            buf_add_text(&text, nests[n]);
        assert_limit(buf_str(&text), "yaml_depth");
    }

    buf_clear(&text);
    while (text.size <= YAML_BYTES_MAX)
        buf_add_text(&text, "# a comment that says nothing, again and again and again and again\n");
    assert_limit(buf_str(&text), "yaml_bytes");

    buf_clear(&text);
    for (int i = 0; i < YAML_NODES_MAX + 1; i++)
        buf_add_text(&text, "-\n");
    assert_limit(buf_str(&text), "yaml_nodes");
}

static void depth_of_text_is_allowed_up_to_the_limit(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct value v;
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_byte(&text, '[');
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_byte(&text, ']');
    assert_int_equal(to_value(&arena, buf_str(&text), &v, NULL), ERR_OK);
}

static void large_mappings_refuse_repeated_keys_too(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct value v;
    struct err_info why = { 0 };
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "k%d: %d\n", i, i);
    assert_int_equal(to_value(&arena, buf_str(&text), &v, NULL), ERR_OK);
    assert_int_equal(v.size, 5000);
    buf_add_text(&text, "k77: again\n");
    assert_int_equal(to_value(&arena, buf_str(&text), &v, &why), ERR_INVALID);
    assert_string_equal(why.name, "yaml_duplicate_key");
    assert_int_equal(why.line, 5001);
}

static void a_stream_gives_each_document(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node **roots;
    uint32_t count;
    assert_int_equal(
        yaml_parse_all(&arena, STR("%TAG ! tag:a,2000:\n---\n!x 1\n---\n...\nb: 2\n---\n- !x c\n"), &roots,
            &count, NULL),
        ERR_OK);
    assert_int_equal(count, 4);
    assert_true(str_equal(roots[0]->tag, STR("tag:a,2000:x")));
    assert_true(yaml_is_null(roots[1]));
    assert_int_equal(roots[2]->kind, YAML_MAPPING);
    assert_true(str_equal(roots[3]->items[0]->tag, STR("!x"))); /* a %TAG holds for its document only */
    assert_int_equal(yaml_parse_all(&arena, STR("# none\n"), &roots, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    /* Anchors do not reach into the next document. */
    assert_int_equal(yaml_parse_all(&arena, STR("&a 1\n---\n*a\n"), &roots, &count, NULL), ERR_INVALID);
}

static void refused_memory_is_an_error_everywhere(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    buf_add_text(&text, "%TAG !e! tag:e,2000:\n---\na: &x [1, \"t\\n\", 'u']\nb: *x\nc: !e!t v\nd: |\n");
    for (int i = 0; i < 300; i++)
        buf_add_text(&text, "  some more of a long text that will need memory\n");
    buf_add_text(&text, "e: plain\n  folded\nf:\n");
    for (int i = 0; i < 200; i++)
        buf_printf(&text, "  k%d: {x: y}\n", i);
    int failures = 0;
    for (long allowed = 0;; allowed++) {
        AUTO(arena) struct arena arena = { 0 };
        struct yaml_node *root = NULL;
        struct err_info why = { 0 };
        memory_faults_left = allowed;
        enum err result = yaml_parse(&arena, buf_str(&text), &root, &why);
        memory_faults_left = -1;
        if (result == ERR_OK)
            break;
        assert_int_equal(result, ERR_MEMORY);
        assert_null(root);
        failures++;
    }
    assert_true(failures > 8);
}

/* --- the yaml-test-suite --------------------------------------------------------------------------- */

/* The suite's values know no tags; ours are refused where the schema does not know them. */
static bool drop_own_tags(struct yaml_node *node)
{
    bool any = yaml_has_own_tag(node);
    if (any)
        node->tag = node->kind == YAML_SCALAR ? STR("!") : STR("");
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_SEQUENCE) {
            any |= drop_own_tags(node->items[i]);
        } else {
            any |= drop_own_tags(node->pairs[i].key);
            any |= drop_own_tags(node->pairs[i].value);
        }
    }
    return any;
}

/* What we refuse on purpose though the suite takes it: its case has no values, only events. */
static const struct {
    struct str id;
    const char *name;
} refused_on_purpose[] = {
    { STR_INIT("2JQS"), "yaml_duplicate_key" }, /* two empty keys; YAML 1.2.2, 3.2.1.3: keys are unique */
};

static bool is_refused_on_purpose(struct str id, const struct err_info *why)
{
    for (size_t i = 0; i < sizeof refused_on_purpose / sizeof refused_on_purpose[0]; i++)
        if (str_equal(refused_on_purpose[i].id, id))
            return strcmp(refused_on_purpose[i].name, why->name) == 0;
    return false;
}

static void assert_values(
    struct arena *arena, struct str id, struct yaml_node **roots, uint32_t count, struct str json)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct err_info why = { 0 };
    size_t offset = 0;
    bool more = true;
    for (uint32_t i = 0;; i++) {
        struct value expected, got;
        assert_int_equal(json_parse_next(arena, json, &offset, &options, &expected, &more, NULL), ERR_OK);
        if (!more) {
            if (i != count)
                fail_msg("%.*s: %u documents, not %u", STR_ARG(id), count, i);
            return;
        }
        if (i == count)
            fail_msg("%.*s: only %u documents", STR_ARG(id), count);
        if (drop_own_tags(roots[i]) && yaml_to_value(arena, roots[i], &got, &why) != ERR_OK)
            fail_msg("%.*s: %s", STR_ARG(id), why.text);
        if (yaml_to_value(arena, roots[i], &got, &why) != ERR_OK)
            fail_msg("%.*s: %s", STR_ARG(id), why.text);
        if (!value_equal(expected, got))
            fail_msg("%.*s: other values", STR_ARG(id));
    }
}

static void assert_case(struct arena *arena, struct value record)
{
    struct str id = value_str(value_get(record, STR("id"))), yaml = value_str(value_get(record, STR("yaml")));
    struct value fails = value_get(record, STR("fail")), json = value_get(record, STR("json"));
    struct yaml_node **roots = NULL;
    uint32_t count = 0;
    struct err_info why = { 0 };
    bool must_fail = fails.type == VALUE_BOOL && fails.boolean;
    enum err result = yaml_parse_all(arena, yaml, &roots, &count, &why);
    if (result != ERR_OK && (why.line == 0 || why.column == 0))
        fail_msg("%.*s: refused without a place", STR_ARG(id));
    if (must_fail && result == ERR_OK)
        fail_msg("%.*s: taken, but no YAML", STR_ARG(id));
    if (!must_fail && result != ERR_OK && !is_refused_on_purpose(id, &why))
        fail_msg("%.*s: %u:%u %s", STR_ARG(id), why.line, why.column, why.text);
    if (!must_fail && result == ERR_OK && json.type == VALUE_STRING)
        assert_values(arena, id, roots, count, value_str(json));
}

static void yaml_test_suite_holds(void **state)
{
    (void)state;
    AUTO(buf) struct buf file = { 0 };
    if (!shared_data_read("json-yaml/yaml-test-suite.jsonl", &file))
        skip();
    struct str rest = buf_str(&file), line;
    unsigned count = 0;
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena) struct arena arena = { 0 };
        struct value record;
        if (line.size == 0)
            continue;
        assert_int_equal(json_parse(&arena, line, NULL, &record, NULL), ERR_OK);
        assert_case(&arena, record);
        count++;
    }
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_follow_the_core_schema),
        cmocka_unit_test(core_tags_decide_the_type),
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(empty_values_stand_behind_their_colon),
        cmocka_unit_test(faults_have_place_and_name),
        cmocka_unit_test(what_people_write_is_read),
        cmocka_unit_test(alias_bombs_and_deep_nests_end_early),
        cmocka_unit_test(depth_of_text_is_allowed_up_to_the_limit),
        cmocka_unit_test(large_mappings_refuse_repeated_keys_too),
        cmocka_unit_test(a_stream_gives_each_document),
        cmocka_unit_test(refused_memory_is_an_error_everywhere),
        cmocka_unit_test(yaml_test_suite_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
