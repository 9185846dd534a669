/* The schema for editors says of a playbook's shape what the reader says: over every copy of some playbooks
 * in which one thing is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "playbook/playbook.h"
#include "playbook/schema.h"
#include "schema_check.h"

static const char *const structural[] = { "action_name", "bool_expected", "expression_marked",
    "expression_missing", "list_expected", "mapping_expected", "missing_key", "number_expected",
    "playbook_name", "script_language", "span_expected", "step_id", "step_kind", "text_expected",
    "trigger_kind", "type_enum", "type_fields", "type_list", "unbounded_loop", "unknown_key", "unknown_type",
    "unknown_word", "yaml11_bool", "yaml_flow_expression", NULL };

static void read_playbook(struct str text, struct diagnostics *found)
{
    struct playbook *playbook = NULL;
    if (playbook_parse(text, NULL, found, &playbook, NULL) == ERR_OK)
        playbook_release(playbook);
}

static const char *const seeds[] = {
    "playbook: all-keys\ntitle: A\ndescription: B\nattack: [T1110]\nmode: auto\n"
    "triggers:\n"
    "  - { alert: alert.count > 3, repeats: true }\n"
    "  - { webhook: { path: a, secret: b } }\n"
    "  - { webhook: a }\n"
    "  - { schedule: { cron: '0 6 * * *', timezone: UTC } }\n"
    "  - { schedule: '@daily' }\n"
    "  - { email: { connection: box, filter: 'true' } }\n"
    "  - { syslog: event.x == 1 }\n  - { case: created }\n  - { manual: true }\n  - { playbook: true }\n"
    "inputs:\n"
    "  a: ip\n  b: { type: int, default: 3, help: c }\n  c: { enum: [x, y], required: false }\n"
    "  d: { type: list, items: { type: record, fields: { e: string?, f: [int] } } }\n"
    "  g: { values: int, nullable: true }\n  h: [string]\n"
    "out: { type: record, fields: { x: bool } }\n"
    "concurrency: { key: '${{ inputs.a }}', max: 1, when_full: queue }\n"
    "timeout: 1d2h\n"
    "steps: [ { wait: 1m } ]\n"
    "on_failure: [ { do: log.write, with: { message: x } } ]\n",
    "playbook: steps\nsteps:\n"
    "  - { id: a, name: b, when: 'true', timeout: 1m, do: a.b, with: { c: 1 }, connection: d, for: 1h,\n"
    "      retry: { attempts: 3, backoff: fixed, first: 1s, max: 1m }, on_error: continue }\n"
    "  - { do: a.b, on_error: [ { wait: 1m } ] }\n"
    "  - { set: { a: 1 } }\n"
    "  - { if: 'true', then: [ { wait: 1m } ], else: { wait: 1m } }\n"
    "  - { switch: alert.a, cases: [ { when: it > 1, steps: [ { wait: 1m } ] } ], default: [] }\n"
    "  - { for_each: alert.a, as: i, parallel: 2, steps: [ { wait: 1m } ], collect: '${{ i }}' }\n"
    "  - { while: 'true', max: 3, steps: { wait: 1m } }\n"
    "  - { parallel: [ [ { wait: 1m } ], { name: x, steps: [ { wait: 1m } ] }, { wait: 1m } ], join: all }\n"
    "  - { parallel: [ { wait: 1m }, { wait: 1m }, { wait: 1m } ], join: 2 }\n",
    "playbook: more-steps\nsteps:\n"
    "  - ask: { to: [role:a], via: [web], title: b, show: { c: 1 }, options: [d, e], timeout: 1h, "
    "on_timeout: d }\n"
    "  - ask: { title: b, form: { x: { type: string, help: y }, z: int } }\n"
    "  - { wait: 10m }\n  - { wait: '${{ duration(\"1m\") }}' }\n"
    "  - { wait: { until: '${{ now }}' } }\n  - { wait: { event: 'true', timeout: 1h } }\n"
    "  - { run: other, with: { a: 1 }, wait: false }\n"
    "  - { script: python, code: 'print(1)', with: { a: 1 } }\n"
    "  - { try: [ { wait: 1m } ], catch: [ { wait: 1m } ], finally: [ { wait: 1m } ] }\n"
    "  - { when: 'false', fail: { code: a, message: b } }\n  - { when: 'false', fail: odd }\n"
    "  - { return: { a: 1 } }\n",
};

static void reader_and_schema_agree_on_shape(void **state)
{
    (void)state;
    AUTO(buf) struct buf schema = { 0 };
    struct agreement agreement = { .read = read_playbook, .structural = structural };
    schema_print(&schema, &shape_playbook);
    assert_int_equal(buf_check(&schema, NULL), ERR_OK);
    agreement_check(&agreement, buf_str(&schema), seeds, sizeof seeds / sizeof seeds[0]);
    assert_true(agreement.told > 1500 && agreement.accepted > 300 && agreement.accepted < agreement.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reader_and_schema_agree_on_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
