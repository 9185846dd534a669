#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "playbook/playbook.h"
#include "playbook_refusals.h"

static enum err read(struct arena *arena, const char *text, struct diagnostics *found, struct playbook **ret)
{
    struct err_info why = { 0 };
    diagnostics_init(found, arena, STR("test.yaml"));
    assert_int_equal(playbook_refusals(str_of(text), NULL), 0);
    return playbook_parse(str_of(text), NULL, found, ret, &why);
}

static const char all_kinds[] =
    "playbook: every-kind\n"
    "title: Uses each kind of step\n"
    "triggers:\n"
    "  - alert: alert.severity_id >= 3\n"
    "    repeats: true\n"
    "  - manual: true\n"
    "inputs:\n"
    "  ip: { type: ip, default: \"${{ alert.src_endpoint.ip }}\" }\n"
    "concurrency: { key: \"${{ inputs.ip }}\", max: 2, when_full: skip }\n"
    "timeout: 2h\n"
    "steps:\n"
    "  - id: look\n"
    "    do: http.request\n"
    "    with: { method: GET, url: \"https://tool.example/${{ inputs.ip }}\" }\n"
    "    retry: { attempts: 5, backoff: exponential, first: 2s, max: 1m }\n"
    "    on_error: continue\n"
    "  - set: { score: \"${{ steps.look.ok ? 1 : 0 }}\", note: plain }\n"
    "  - if: vars.score > 0\n"
    "    then: [ { id: yes_branch, set: { a: 1 } } ]\n"
    "    else: [ { fail: { code: low, message: \"score ${{ vars.score }}\" } } ]\n"
    "  - switch: vars.score\n"
    "    cases:\n"
    "      - when: it >= 80\n"
    "        steps: [ { set: { b: 1 } } ]\n"
    "    default: []\n"
    "  - for_each: alert.observables\n"
    "    as: seen\n"
    "    parallel: 4\n"
    "    steps: [ { set: { c: \"${{ seen.value }}\" } } ]\n"
    "    collect: \"${{ vars.c }}\"\n"
    "  - while: vars.score < 3\n"
    "    max: 5\n"
    "    steps: [ { set: { score: \"${{ vars.score + 1 }}\" } } ]\n"
    "  - parallel:\n"
    "      - [ { set: { d: 1 } } ]\n"
    "      - name: second\n"
    "        steps: [ { wait: 10m } ]\n"
    "    join: any\n"
    "  - id: ask_them\n"
    "    ask: { to: [role:tier2], title: \"Block?\", options: [block, ignore], timeout: 4h, on_timeout: "
    "block }\n"
    "  - wait: { event: it.alert.source == \"wazuh\", timeout: 1h }\n"
    "  - run: other\n"
    "    with: { ip: \"${{ inputs.ip }}\" }\n"
    "    wait: false\n"
    "  - try: [ { fail: no } ]\n"
    "    catch: [ { set: { e: 1 } } ]\n"
    "    finally: [ { set: { f: 1 } } ]\n"
    "  - return: { done: true }\n"
    "on_failure:\n"
    "  - set: { g: \"${{ run.error.message }}\" }\n";

static void every_kind_of_step_is_read(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook;
    enum err result = read(&arena, all_kinds, &found, &playbook);
    for (uint32_t i = 0; i < found.count; i++)
        print_message("%u:%u %s %.*s\n", found.items[i].line, found.items[i].column, found.items[i].code,
            STR_ARG(found.items[i].text));
    assert_int_equal(result, ERR_OK);
    assert_int_equal(playbook->steps.count, 12);
    static const enum step_kind kinds[] = { STEP_DO, STEP_SET, STEP_IF, STEP_SWITCH, STEP_FOR_EACH,
        STEP_WHILE, STEP_PARALLEL, STEP_ASK, STEP_WAIT, STEP_RUN, STEP_TRY, STEP_RETURN };
    for (uint32_t i = 0; i < playbook->steps.count; i++)
        assert_int_equal(playbook->steps.steps[i]->kind, kinds[i]);
    const struct step *look = playbook->steps.steps[0], *each = playbook->steps.steps[4];
    assert_int_equal(look->retry.attempts, 5);
    assert_int_equal(look->retry.first_us, 2 * US_PER_S);
    assert_int_equal(look->on_error, ON_ERROR_CONTINUE);
    assert_int_equal(look->call.with->kind, TEMPLATE_MAP);
    assert_int_equal(each->for_each.parallel, 4);
    assert_int_equal(each->for_each.steps.steps[0]->loop_depth, 1);
    assert_int_equal(playbook->steps.steps[6]->parallel.join, JOIN_ANY);
    assert_false(playbook->steps.steps[9]->run.is_awaited);
    assert_true(playbook->triggers[0].is_for_repeats);
    assert_int_equal(playbook->when_full, WHEN_FULL_SKIP);
    assert_int_equal(playbook->digest.size, 64);
    assert_ptr_equal(playbook_find_step(playbook, STR("yes_branch"))->parent, playbook->steps.steps[2]);
    playbook_release(playbook);
}

static void each_fault_has_its_place_and_code(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *code;
    } cases[] = {
        { "playbook: a\nstpes: []\n", 2, 1, "unknown_key" },
        { "playbook: Bad Name\nsteps: [ { set: { a: 1 } } ]\n", 1, 11, "playbook_name" },
        { "playbook: a\nsteps:\n  - do: http\n", 3, 9, "action_name" },
        { "playbook: a\nsteps:\n  - foo: 1\n", 3, 5, "step_kind" },
        { "playbook: a\nsteps:\n  - wait: 1m\n    do: a.b\n", 3, 11, "step_kind" },
        { "playbook: a\nsteps:\n  - set: { a: 1 }\n    wait: 1m\n", 4, 11, "step_kind" },
        { "playbook: a\nsteps:\n  - if: vars.a ==\n    then: []\n", 3, 0, "expr_parse" },
        { "playbook: a\nsteps:\n  - while: true\n    steps: []\n", 3, 5, "unbounded_loop" },
        { "playbook: a\nsteps:\n  - id: x\n    set: { a: 1 }\n  - id: x\n    set: { b: 1 }\n", 5, 9,
            "duplicate_id" },
        { "playbook: a\nsteps:\n  - set: { a: \"${{ vars.b\" }\n", 3, 15, "expression_open" },
        { "playbook: a\nsteps:\n  - if: \"${{ vars.b }}\"\n    then: []\n", 3, 9, "expression_marked" },
        { "playbook: a\nsteps:\n  - set: { a: ${{ vars.b }} }\n", 3, 16, "yaml_flow_expression" },
        { "playbook: a\nsteps:\n  - if: nowhere.x\n    then: []\n", 3, 9, "expr_check" },
        { "playbook: a\nsteps:\n  - if: \"\\x31 == nowhere.x\"\n    then: []\n", 3, 18, "expr_check" },
        { "playbook: a\nsteps:\n  - if: '''a'' == nowhere.x'\n    then: []\n", 3, 19, "expr_check" },
        { "playbook: a\nsteps:\n  - return: |\n      one\n        two ${{ nowhere.x }}\n", 5, 17,
            "expr_check" },
        { "playbook: a\nsteps:\n  - if: >\n      alert.x &&\n      nowhere.x\n    then: []\n", 5, 7,
            "expr_check" },
        { "playbook: a\nsteps:\n  - if: alert.x &&\n      nowhere.x\n    then: []\n", 4, 7, "expr_check" },
        { "playbook: a\nsteps:\n  - wait: soon\n", 3, 11, "span_expected" },
        { "playbook: a\nsteps:\n  - set: { a: 1 }\n    when: !has(x)\n", 4, 11, "yaml_tag" },
        { "playbook: a\nsteps:\n  - run: b\n    wait: no\n", 4, 11, "yaml11_bool" },
        { "playbook: a\nsteps:\n  - ask: { to: [a], title: b, options: [c], on_timeout: d }\n", 3, 57,
            "on_timeout" },
        { "playbook: a\nmode: atuo\nsteps: [ { set: { a: 1 } } ]\n", 2, 7, "unknown_word" },
        { "playbook: a\ninputs: { x: { type: strng } }\nsteps: [ { set: { a: 1 } } ]\n", 2, 22,
            "unknown_type" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        struct playbook *playbook;
        assert_int_equal(read(&arena, cases[i].text, &found, &playbook), ERR_INVALID);
        bool is_there = false;
        for (uint32_t j = 0; j < found.count; j++)
            is_there = is_there ||
                (str_equal(str_of(found.items[j].code), str_of(cases[i].code)) &&
                    found.items[j].line == cases[i].line &&
                    (cases[i].column == 0 || found.items[j].column == cases[i].column));
        if (!is_there)
            fail_msg("case %zu: not found: %u:%u %s; but %u:%u %s", i, cases[i].line, cases[i].column,
                cases[i].code, found.items[0].line, found.items[0].column, found.items[0].code);
    }
}

static void yaml_that_an_expression_broke_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "playbook: a\nsteps:\n  - set: { a: ${{ vars.b }} }\n", "put quotes around" },
        { "playbook: a\nsteps:\n  - if: alert.x ? alert.y : alert.z\n    then: []\n", "needs quotes" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        struct playbook *playbook;
        assert_int_equal(read(&arena, cases[i].text, &found, &playbook), ERR_INVALID);
        assert_int_equal(found.count, 1);
        assert_true(str_contains(found.items[0].text, str_of(cases[i].part)));
    }
}

static void all_faults_come_in_one_go(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook;
    const char *text = "playbook: a\nsteps:\n  - foo: 1\n  - while: true\n    steps: []\n  - wait: soon\n";
    assert_int_equal(read(&arena, text, &found, &playbook), ERR_INVALID);
    assert_int_equal(found.error_count, 3);
}

/* What `return:` of a playbook gives; `event` is a text from outside. */
static void check_return(const char *template, const char *text, uint8_t flags)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf source = { 0 };
    struct diagnostics found;
    struct playbook *playbook;
    struct expr_values values;
    struct err_info why = { 0 };
    struct value event = value_string(STR("who")), v;
    event.flags = VALUE_OUTSIDE;
    buf_printf(&source, "playbook: a\nsteps:\n  - return: \"%s\"\n", template);
    buf_add_byte(&source, '\0');
    assert_int_equal(buf_check(&source, NULL), ERR_OK);
    assert_int_equal(read(&arena, source.data, &found, &playbook), ERR_OK);
    expr_values_init(&values, &event, 1);
    enum err result = template_eval(
        playbook->steps.steps[0]->give.value, &arena, &values.activation, NULL, &v, &why);
    if (result != ERR_OK || !value_is_text(v, str_of(text)) || v.flags != flags)
        fail_msg("%s: %s, flags 0x%02x", template, why.text, v.flags);
    playbook_release(playbook);
}

static void an_expression_ends_behind_its_texts_and_maps(void **state)
{
    (void)state;
    check_return("${{ 'a}}b' }}", "a}}b", 0);
    check_return("${{ 'it\\\\'s }}' }}", "it's }}", 0);
    check_return("${{ {'a': {'b': 'c'}}.a.b }}, ${{ 'd' }}", "c, d", 0);
}

static void a_text_is_from_outside_when_a_part_is(void **state)
{
    (void)state;
    check_return("as ${{ 'is' }}", "as is", 0);
    check_return("whois ${{ event }}", "whois who", VALUE_OUTSIDE);
    check_return(
        "whois ${{ encode_shell(event) }}", "whois 'who'", VALUE_OUTSIDE | VALUE_SAFE_FOR(SINK_SHELL));
    check_return("${{ event }} ${{ encode_shell(event) }}", "who 'who'", VALUE_OUTSIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_step_is_read),
        cmocka_unit_test(each_fault_has_its_place_and_code),
        cmocka_unit_test(yaml_that_an_expression_broke_says_so),
        cmocka_unit_test(all_faults_come_in_one_go),
        cmocka_unit_test(an_expression_ends_behind_its_texts_and_maps),
        cmocka_unit_test(a_text_is_from_outside_when_a_part_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
