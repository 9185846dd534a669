#include "command_helpers.h"

#include <stdlib.h>

#include "align.h"
#include "base/rand.h"
#include "expectation.h"
#include "line_diff.h"
#include "mask.h"
#include "resource.h"
#include "table.h"

/* ---- align ---- */

#define ITEMS_MAX 40

struct sequences {
    int before[ITEMS_MAX], after[ITEMS_MAX];
    uint32_t before_count, after_count;
    uint32_t next_before, next_after, same; /* of the edits so far */
};

static bool items_are_same(const void *context, uint32_t before, uint32_t after)
{
    const struct sequences *s = context;
    return s->before[before] == s->after[after];
}

static void take_edit(void *context, enum edit edit, uint32_t before, uint32_t after)
{
    struct sequences *s = context;
    if (edit != EDIT_ADDED)
        assert_int_equal(before, s->next_before++);
    if (edit != EDIT_REMOVED)
        assert_int_equal(after, s->next_after++);
    if (edit == EDIT_SAME)
        assert_int_equal(s->before[before], s->after[after]);
    s->same += edit == EDIT_SAME;
}

/* By its definition, without a table. */
static uint32_t common(const struct sequences *s, uint32_t i, uint32_t j)
{
    if (i == s->before_count || j == s->after_count)
        return 0;
    if (s->before[i] == s->after[j])
        return 1 + common(s, i + 1, j + 1);
    uint32_t left = common(s, i + 1, j), right = common(s, i, j + 1);
    return left > right ? left : right;
}

static void an_alignment_keeps_all_and_as_much_in_common_as_there_is(void **state)
{
    (void)state;
    struct rand_seeded seeded;
    rand_seeded_init(&seeded, 7);
    for (int round = 0; round < 2000; round++) {
        struct sequences s = { .before_count = (uint32_t)rand_below(&seeded.rand, 9),
            .after_count = (uint32_t)rand_below(&seeded.rand, 9) };
        for (int i = 0; i < ITEMS_MAX; i++) {
            s.before[i] = (int)rand_below(&seeded.rand, 4);
            s.after[i] = (int)rand_below(&seeded.rand, 4);
        }
        struct alignment alignment = { s.before_count, s.after_count, items_are_same, take_edit, &s };
        assert_int_equal(align_run(&alignment, NULL), ERR_OK);
        assert_int_equal(s.next_before, s.before_count);
        assert_int_equal(s.next_after, s.after_count);
        assert_int_equal(s.same, common(&s, 0, 0));
    }
}

static bool ends_are_same(const void *context, uint32_t before, uint32_t after)
{
    (void)context;
    return before == after && before == 0;
}

static void count_edit(void *context, enum edit edit, uint32_t before, uint32_t after)
{
    uint32_t *counts = context;
    (void)before, (void)after;
    counts[edit]++;
}

static void what_is_too_long_is_all_removed_and_all_added(void **state)
{
    (void)state;
    uint32_t counts[3] = { 0 };
    struct alignment alignment = { 50000, 60000, ends_are_same, count_edit, counts };
    assert_int_equal(align_run(&alignment, NULL), ERR_OK);
    assert_int_equal(counts[EDIT_SAME], 1);
    assert_int_equal(counts[EDIT_REMOVED], 49999);
    assert_int_equal(counts[EDIT_ADDED], 59999);
}

static void lines_are_shown_with_three_around_each_change(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    const char before[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n", after[] = "1\n2\n3\n4\nfive\n6\n7\n8\n9\nten\n";
    assert_int_equal(line_diff_print(&buf, str_of(before), str_of(after), false, NULL), ERR_OK);
    assert_text(&buf, "@@ -2 +2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+ten\n");
    buf_clear(&buf);
    assert_int_equal(line_diff_print(&buf, str_of(before), str_of(before), false, NULL), ERR_OK);
    assert_text(&buf, "");
    assert_int_equal(line_diff_print(&buf, STR(""), STR("a\nb"), false, NULL), ERR_OK);
    assert_text(&buf, "@@ -1 +1 @@\n+a\n+b\n");
}

/* ---- expectation ---- */

static void values_match_by_their_expected_parts(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *actual, *diff; /* diff "": they match */
    } cases[] = {
        { "1", "1", "" },
        { "1", "1.0", "" },
        { "null", "null", "" },
        { "{}", "{'a':1}", "" },
        { "{'a':{'b':1}}", "{'a':{'b':1,'c':2},'d':3}", "" },
        { "[1,{'a':2}]", "[1,{'a':2,'b':3}]", "" },
        { "1", "2", "  x: expected 1, got 2\n" },
        { "{'a':1}", "{}", "  x.a: expected 1, got nothing\n" },
        { "{'a':1}", "null", "  x: expected {\"a\":1}, got null\n" },
        { "[1]", "[1,2]", "  x: expected 1 items, got 2: [1,2]\n" },
        { "[{'a':[1]}]", "[{'a':['1']}]", "  x[0].a[0]: expected 1, got \"1\"\n" },
        { "{'a':1,'b':2}", "{'a':2,'b':1}", "  x.a: expected 1, got 2\n  x.b: expected 2, got 1\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf diff = { 0 };
        bool is_good = expectation_value(
            &diff, "x", json(&arena, cases[i].expected), json(&arena, cases[i].actual));
        assert_text(&diff, cases[i].diff);
        assert_int_equal(is_good, cases[i].diff[0] == '\0');
    }
}

static void paths_are_told_as_a_diff(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf diff = { 0 };
    struct value expected = json(&arena, "['a','b','c']"), actual = json(&arena, "['a','x','c','c']");
    assert_true(expectation_path(&diff, "path", expected, expected));
    assert_text(&diff, "");
    assert_false(expectation_path(&diff, "path", expected, actual));
    assert_text(&diff,
        "  path:\n      a\n    - b  (expected, did not run)\n    + x  (ran, not expected)\n"
        "    + c  (ran, not expected)\n      c\n");
}

/* ---- mask ---- */

static void secrets_are_masked_by_name_and_by_form(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        unsigned count;
    } cases[] = {
        { "{'user':'kim','db_password':'x'}", "{\"user\":\"kim\",\"db_password\":\"(masked)\"}", 1 },
        { "{'X-Api-Key':'k','apiKey':'k','API KEY':'k'}",
            "{\"X-Api-Key\":\"(masked)\",\"apiKey\":\"(masked)\",\"API KEY\":\"(masked)\"}", 3 },
        { "{'token_count':7,'has_password':true,'token':''}",
            "{\"token_count\":7,\"has_password\":true,\"token\":\"\"}", 0 },
        { "{'a':[{'Authorization':'Bearer abc'},'Bearer abcdefghijkl']}",
            "{\"a\":[{\"Authorization\":\"(masked)\"},\"(masked)\"]}", 2 },
        { "['https://kim:word@example.com/','https://example.com/a:b@c','mailto:kim@example.com']",
            "[\"https://kim:(masked)@example.com/\",\"https://example.com/"
            "a:b@c\",\"mailto:kim@example.com\"]",
            1 },
        { "['AKIAABCDEFGHIJKLMNOP','AKIA','ghp_abcdefghijklmnop','eyJhbGciOiJIUzI1NiJ9.e30.x']",
            "[\"(masked)\",\"AKIA\",\"(masked)\",\"(masked)\"]", 3 },
        { "'plain'", "\"plain\"", 0 },
        /* inside a text */
        { "'curl -H \\\"Authorization: Bearer abc.def\\\" https://h/?api_key=k1&x=2'",
            "\"curl -H \\\"Authorization: Bearer (masked)\\\" https://h/?api_key=(masked)&x=2\"", 2 },
        { "['mysql --password hunter2 -u kim','DB_PASSWORD=hunter2','the token was refused']",
            "[\"mysql --password (masked) -u kim\",\"DB_PASSWORD=(masked)\",\"the token was refused\"]", 2 },
        { "['key AKIAABCDEFGHIJKLMNOP, done','xAKIAABCDEFGHIJKLMNOP',"
          "'a -----BEGIN KEY-----\\nM\\n-----END KEY----- b']",
            "[\"key (masked), done\",\"xAKIAABCDEFGHIJKLMNOP\",\"a (masked) b\"]", 2 },
        { "'{\\\"client_secret\\\":\\\"s\\\",\\\"id\\\":1}'",
            "\"{\\\"client_secret\\\":\\\"(masked)\\\",\\\"id\\\":1}\"", 1 },
        /* where it stands under another name, and in lists */
        { "{'password':'hunter2','text':'user kim, hunter2!','x':['HUNTER2']}",
            "{\"password\":\"(masked)\",\"text\":\"user kim, (masked)!\",\"x\":[\"(masked)\"]}", 3 },
        { "{'tokens':['a','b'],'okta.reset_password':[{'user':'kim'}]}",
            "{\"tokens\":[\"(masked)\",\"(masked)\"],\"okta.reset_password\":[{\"user\":\"kim\"}]}", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf buf = { 0 };
        struct value masked;
        unsigned count = 0;
        assert_int_equal(mask_value(&arena, json(&arena, cases[i].in), &masked, &count, NULL), ERR_OK);
        json_print(&buf, masked, 0);
        assert_text(&buf, cases[i].out);
        assert_int_equal(count, cases[i].count);
    }
}

/* ---- tables ---- */

static void cells_never_drive_the_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t width;
        const char *out;
    } cases[] = {
        { "'a\\u001b[31mb\\u0007\\u009b'", 0, "a?[31mb??" },
        { "'two\\nlines'", 0, "two lines" },
        { "'2026-01-02T03:04:05.678Z'", 0, "2026-01-02 03:04:05Z" },
        { "'\\u001b[1m-05-05T03:04:05.678Z'", 0, "?[1m-05-05T03:04:05.678Z" },
        { "null", 0, "-" },
        { "[]", 0, "-" },
        { "['a','b\\nc']", 0, "a, b c" },
        { "['a',1]", 0, "[\"a\",1]" },
        { "'äöüß'", 4, "äöüß" },
        { "'äöüßx'", 4, "äöü…" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf buf = { 0 };
        table_add_cell(&buf, json(&arena, cases[i].in), cases[i].width);
        assert_text(&buf, cases[i].out);
    }
}

static void a_step_s_words_never_drive_the_terminal(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value run = json(
        &arena, "{'steps':[{'id':'a\\u007f','kind':'do\\u009b','status':'ok\\u001b[2J'}]}");
    print_run(&buf, run, false);
    assert_text(&buf, "steps:\n  ok?[2J     a?  do?\n");
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    static const struct table_column columns[] = { { "ID", "id" }, { "CODE", "error.code" }, { "T", "t" },
        { NULL, NULL } };
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value items = json(
        &arena, "[{'id':'äöü','error':{'code':'timeout'},'t':'last'},{'id':'a','error':null},{'t':'x'}]");
    table_print(&buf, columns, items, false);
    assert_text(&buf, "ID   CODE     T\näöü  timeout  last\na    -        -\n-    -        x\n");
}

static void fields_are_indented(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value map = json(
        &arena, "{'id':'a','tags':['x','y'],'case':{'n':1},'list':[{'a':1},2],'none':{}}");
    table_print_fields(&buf, map, 0);
    assert_text(&buf,
        "id:           a\ntags:         x, y\ncase:\n  n:            1\nlist:\n  -\n    a:          "
        "  1\n"
        "  - 2\nnone:         {}\n");
}

int main(void)
{
    unsetenv("NO_COLOR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alignment_keeps_all_and_as_much_in_common_as_there_is),
        cmocka_unit_test(what_is_too_long_is_all_removed_and_all_added),
        cmocka_unit_test(lines_are_shown_with_three_around_each_change),
        cmocka_unit_test(values_match_by_their_expected_parts),
        cmocka_unit_test(paths_are_told_as_a_diff),
        cmocka_unit_test(secrets_are_masked_by_name_and_by_form),
        cmocka_unit_test(cells_never_drive_the_terminal),
        cmocka_unit_test(a_step_s_words_never_drive_the_terminal),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(fields_are_indented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
