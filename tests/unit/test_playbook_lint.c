#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "playbook/playbook.h"
#include "playbook_refusals.h"

static const struct type_field check_in[] = {
    { .name = STR_INIT("ip"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("days"), .type = &type_int },
};
static const struct type check_in_type = { .kind = TYPE_RECORD, .fields = check_in, .field_count = 2 };
static const struct type_field check_out[] = {
    { .name = STR_INIT("score"), .type = &type_int, .is_required = true },
};
static const struct type check_out_type = { .kind = TYPE_RECORD, .fields = check_out, .field_count = 1 };
static const struct action actions[] = {
    { .name = STR_INIT("intel.check"), .kind = ACTION_ENRICH, .in = &check_in_type, .out = &check_out_type },
    { .name = STR_INIT("wall.block"),
        .kind = ACTION_CONTAIN,
        .in = &type_map_dyn,
        .out = &type_dyn,
        .undo = STR_INIT("wall.free") },
    { .name = STR_INIT("wall.drop"), .kind = ACTION_CONTAIN, .in = &type_map_dyn, .out = &type_dyn },
};

static const struct action *action_at(const struct catalogue *catalogue, uint32_t index)
{
    (void)catalogue;
    return index < sizeof actions / sizeof actions[0] ? &actions[index] : NULL;
}
static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    const struct action *action;
    for (uint32_t i = 0; (action = action_at(catalogue, i)) != NULL; i++)
        if (str_equal(action->name, name))
            return action;
    return NULL;
}
static const struct catalogue catalogue = { .find = find_action, .at = action_at };

static bool find_no_playbook(const struct playbook_world *world, struct str name, const struct playbook **ret)
{
    (void)world;
    (void)name;
    (void)ret;
    return false;
}
static const struct playbook_world world = { .catalogue = &catalogue, .find_playbook = find_no_playbook };

static void check(const char *text, struct arena *arena, struct diagnostics *found)
{
    struct playbook *playbook;
    struct err_info why = { 0 };
    diagnostics_init(found, arena, STR("test.yaml"));
    assert_int_equal(playbook_refusals(str_of(text), &world), 0);
    if (playbook_parse(str_of(text), &world, found, &playbook, &why) == ERR_OK)
        playbook_release(playbook);
}

static void print_all(const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++)
        print_message("%u:%u %s %.*s\n", found->items[i].line, found->items[i].column, found->items[i].code,
            STR_ARG(found->items[i].text));
}

#define HEAD "playbook: a\nsteps:\n"

static void each_wrong_playbook_gets_its_code_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *code;
    } cases[] = {
        { HEAD "  - do: intel.chek\n", 3, 9, "unknown_action" },
        { HEAD "  - do: intel.check\n", 3, 9, "missing_field" },
        { HEAD "  - do: intel.check\n    with: { ip: x, dayz: 3 }\n", 4, 20, "unknown_field" },
        { HEAD "  - do: intel.check\n    with: { ip: x, days: three }\n", 4, 26, "wrong_field_type" },
        { HEAD "  - do: intel.check\n    with: { ip: \"${{ 1 + 1 }}\" }\n", 4, 17, "wrong_field_type" },
        { HEAD "  - do: wall.drop\n", 3, 9, "contain_without_undo" },
        { HEAD "  - do: wall.drop\n    for: 1h\n", 4, 10, "lease_without_undo" },
        { HEAD "  - run: nowhere\n", 3, 10, "unknown_playbook" },
        { HEAD "  - run: a\n", 3, 10, "playbook_cycle" },
        { HEAD "  - return: 1\n  - wait: 1m\n", 4, 5, "unreachable_step" },
        { HEAD "  - if: alert.x\n    then: [ { return: 1 } ]\n    else: [ { fail: no } ]\n  - wait: 1m\n", 6,
            5, "unreachable_step" },
        { HEAD "  - if: has(steps.nowhere)\n    then: []\n", 3, 19, "unknown_step" },
        { HEAD "  - if: steps.b.ok\n    then: []\n  - id: b\n    wait: 1m\n", 3, 15, "step_never_ran" },
        { HEAD
            "  - for_each: alert.x\n    steps: [ { id: b, wait: 1m } ]\n  - return: \"${{ steps.b.ok }}\"\n",
            5, 24, "step_never_ran" },
        { HEAD "  - id: b\n    when: alert.x\n    wait: 1m\n  - return: \"${{ steps.b.ok }}\"\n", 6, 24,
            "step_may_not_have_run" },
        { HEAD "  - id: b\n    do: intel.check\n    with: { ip: x }\n    on_error: continue\n"
               "  - return: \"${{ steps.b.output.score }}\"\n",
            7, 26, "output_may_be_absent" },
        { HEAD "  - id: b\n    do: intel.check\n    with: { ip: x }\n"
               "  - return: \"${{ steps.b.output.scor }}\"\n",
            6, 33, "unknown_output" },
        { HEAD "  - id: b\n    wait: 1m\n  - return: \"${{ steps.b.okay }}\"\n", 5, 26,
            "unknown_step_field" },
        { HEAD "  - return: \"${{ vars.x }}\"\n", 3, 23, "variable_never_set" },
        { HEAD "  - if: alert.x\n    then: [ { set: { x: 1 } } ]\n  - return: \"${{ vars.x }}\"\n", 5, 23,
            "variable_may_be_unset" },
        { HEAD "  - set: { x: 1 }\n", 3, 5, "unused_variable" },
        { HEAD "  - set: { x: 1 }\n  - parallel: [ [ { set: { x: 2 } } ] ]\n  - return: \"${{ vars.x }}\"\n",
            4, 19, "lost_assignment" },
        { HEAD "  - return: \"${{ inputs.x }}\"\n", 3, 25, "unknown_input" },
        { HEAD "  - do: intel.check\n    with: { ip: alert.src_endpoint.ip }\n", 4, 17,
            "looks_like_expression" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        bool is_there = false;
        check(cases[i].text, &arena, &found);
        for (uint32_t j = 0; j < found.count; j++)
            is_there = is_there ||
                (str_equal(str_of(found.items[j].code), str_of(cases[i].code)) &&
                    found.items[j].line == cases[i].line && found.items[j].column == cases[i].column);
        if (is_there)
            continue;
        print_all(&found);
        arena_done(&arena);
        fail_msg("case %zu: %u:%u %s is not found", i, cases[i].line, cases[i].column, cases[i].code);
    }
}

static void careful_playbooks_get_no_faults(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "playbook: careful\n"
        "inputs:\n"
        "  ip: { type: ip, default: \"${{ alert.src_endpoint.ip }}\" }\n"
        "steps:\n"
        "  - id: look\n"
        "    do: intel.check\n"
        "    with: { ip: \"${{ inputs.ip }}\" }\n"
        "    on_error: continue\n"
        "  - set: { score: \"${{ steps.look.ok ? steps.look.output.score : -1 }}\" }\n"
        "  - switch: vars.score\n"
        "    cases:\n"
        "      - when: it >= 80\n"
        "        steps: [ { set: { block: true } } ]\n"
        "      - when: it >= 30\n"
        "        steps:\n"
        "          - id: approve\n"
        "            ask: { to: [role:tier2], title: Block?, options: [yes_block, ignore], timeout: 4h }\n"
        "          - set: { block: \"${{ steps.approve.output.choice == 'yes_block' }}\" }\n"
        "    default: []\n"
        "  - if: has(vars.block) && vars.block\n"
        "    then: [ { id: block, do: wall.block, with: { ip: \"${{ inputs.ip }}\" }, for: 24h } ]\n"
        "  - return: { blocked: \"${{ has(steps.block) && steps.block.ok }}\" }\n",
        "playbook: ends-early\n"
        "steps:\n"
        "  - if: alert.x\n"
        "    then: [ { set: { a: 1 } } ]\n"
        "    else: [ { fail: no } ]\n"
        "  - set: { n: 0 }\n"
        "  - while: vars.n < 3\n"
        "    max: 5\n"
        "    steps: [ { set: { n: \"${{ vars.n + vars.a }}\" } } ]\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        check(texts[i], &arena, &found);
        print_all(&found);
        uint32_t count = found.count;
        arena_done(&arena);
        assert_int_equal(count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_playbook_gets_its_code_at_its_place),
        cmocka_unit_test(careful_playbooks_get_no_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
