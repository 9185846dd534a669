#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/yaml.h"
#include "shared_data.h"

static enum err to_value(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct yaml_node *root;
    TRY(yaml_parse(arena, text, &root, why));
    return yaml_to_value(arena, root, ret, why);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value v;
    struct str text = STR(
        "[~, null, true, False, yes, off, 12, -7, 0o17, 0x1F, 1.5, 1e3, .inf, '12', \"true\", "
        "0012, 1_000, 12:30:45, 18446744073709551615, a b]");
    assert_int_equal(to_value(&arena, text, &v, NULL), ERR_OK);
    json_print(&buf, v, 0);
    assert_string_equal(buf.data,
        "[null,null,true,false,\"yes\",\"off\",12,-7,15,31,1.5,1000.0,\"Infinity\",\"12\",\"true\",12,\"1_"
        "000\","
        "\"12:30:45\",18446744073709551615,\"a b\"]");
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    assert_int_equal(yaml_parse(&arena, STR("a: 1\nb:\n  - x\n  - {c: yes}\n"), &root, NULL), ERR_OK);
    const struct yaml_node *b = yaml_find(root, STR("b"));
    assert_int_equal(b->kind, YAML_SEQUENCE);
    const struct yaml_node *c = yaml_find(b->items[1], STR("c"));
    assert_int_equal(c->line, 4);
    assert_int_equal(c->column, 9);
    assert_true(yaml_is_yaml11_bool(c));
    assert_null(yaml_find(root, STR("z")));
}

static void faults_have_place_and_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        enum err code;
        uint32_t line, column;
    } cases[] = {
        { "a: 1\nb: 2\na: 3\n", "yaml_duplicate_key", ERR_INVALID, 3, 1 },
        { "a: b: c\n", "yaml_syntax", ERR_INVALID, 1, 5 },
        { "a: *none\n", "yaml_alias", ERR_INVALID, 1, 4 },
        { "a: &x [*x]\n", "yaml_alias", ERR_INVALID, 1, 8 },
        { "a: !mine 1\n", "yaml_tag", ERR_INVALID, 1, 4 },
        { "? [1]\n: 2\n", "yaml_key", ERR_INVALID, 1, 3 },
        { "---\na: 1\n---\nb: 2\n", "yaml_documents", ERR_INVALID, 3, 1 },
        { "a: \xff\n", "yaml_encoding", ERR_INVALID, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(to_value(&arena, str_of(cases[i].text), &v, &why), cases[i].code);
        assert_string_equal(why.name, cases[i].name);
        assert_int_equal(why.line, cases[i].line);
        assert_int_equal(why.column, cases[i].column);
    }
}

static void alias_bombs_and_deep_nests_end_early(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf bomb = { 0 };
    struct value v;
    struct err_info why = { 0 };
    buf_add_text(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            buf_printf(&bomb, "%s*a%d", j ? "," : "", i - 1);
        buf_add_text(&bomb, "]\n");
    }
    assert_int_equal(to_value(&arena, buf_str(&bomb), &v, &why), ERR_LIMIT);
    assert_string_equal(why.name, "yaml_nodes");
    buf_clear(&bomb);
    for (int i = 0; i < 1000; i++)
        buf_add_byte(&bomb, '[');
    assert_int_equal(to_value(&arena, buf_str(&bomb), &v, &why), ERR_LIMIT);
    assert_string_equal(why.name, "yaml_depth");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_follow_the_core_schema),
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(faults_have_place_and_name),
        cmocka_unit_test(alias_bombs_and_deep_nests_end_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
