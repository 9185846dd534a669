/* A machine without memory: reading and linting end with ERR_MEMORY, at whichever allocation it runs out, and
 * nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "memory_faults.h"
#include "playbook/schema.h"
#include "playbook_world.h"

static const char text[] =
    "playbook: example\n"
    "triggers: [ { alert: has(alert.user) && alert.count > 3 }, { schedule: '@daily' } ]\n"
    "inputs: { ip: { type: ip, default: \"${{ alert.src_endpoint.ip }}\" }, n: [int] }\n"
    "steps:\n"
    "  - id: look\n    do: abuseipdb.check_ip\n    with: { ip: \"${{ inputs.ip }}\" }\n    on_error: "
    "continue\n"
    "  - set: { score: \"${{ steps.look.ok ? steps.look.output.score : -1 }}\", all: [] }\n"
    "  - id: each\n    for_each: alert.observables.filter(o, o.type_id > 1)\n    as: o\n"
    "    steps: [ { set: { all: \"${{ vars.all + [o.value] }}\" } } ]\n    collect: { v: \"${{ o.value }}\" "
    "}\n"
    "  - switch: vars.score\n    cases: [ { when: it > 3, steps: [ { wait: 1m } ] } ]\n"
    "  - id: ask\n    ask: { to: role:a, title: \"b ${{ vars.score }}\", options: [c, d] }\n"
    "  - try: [ { run: helper, with: { ip: a } } ]\n    catch: [ { fail: \"${{ run.error.code }}\" } ]\n"
    "  - return: { a: \"${{ steps.each.output.map(x, x.v) }}\", b: \"${{ steps.ask.output.choice }}\",\n"
    "      c: \"${{ vars.all.size() }}\" }\n";

static enum err read_with(long allocations, const struct playbook_world *world, uint32_t *ret_faults)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("test.yaml"));
    memory_faults_left = allocations;
    enum err result = playbook_parse(str_of(text), world, &found, &playbook, &why);
    memory_faults_left = -1;
    if (result == ERR_OK)
        playbook_release(playbook);
    *ret_faults = found.error_count;
    return result;
}

static void reading_ends_cleanly_wherever_memory_runs_out(void **state)
{
    (void)state;
    const struct playbook_world *const worlds[] = { NULL, &test_world };
    for (size_t i = 0; i < 2; i++) {
        uint32_t faults = 0;
        long allocations = 0;
        enum err result = ERR_MEMORY;
        for (; result == ERR_MEMORY && allocations < 5000; allocations++) {
            result = read_with(allocations, worlds[i], &faults);
            if (result != ERR_OK && result != ERR_MEMORY)
                fail_msg("after %ld allocations: error %d, %u faults", allocations, (int)result, faults);
        }
        assert_int_equal(result, ERR_OK);
        assert_int_equal(faults, 0);
        assert_true(allocations > 5);
    }
}

static void a_schema_that_finds_no_memory_says_so(void **state)
{
    (void)state;
    for (long allocations = 0; allocations < 3; allocations++) {
        AUTO(buf) struct buf out = { 0 };
        memory_faults_left = allocations;
        schema_print(&out, &shape_playbook);
        memory_faults_left = -1;
        assert_int_equal(buf_check(&out, NULL), ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_ends_cleanly_wherever_memory_runs_out),
        cmocka_unit_test(a_schema_that_finds_no_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
