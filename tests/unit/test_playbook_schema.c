/* The schema for editors says of a playbook's shape what the reader says: over every copy of some playbooks
 * in which one thing is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/yaml.h"
#include "playbook/playbook.h"
#include "playbook/schema.h"
#include "schema_check.h"

/* Faults of shape; all others are about what a well-formed file says. */
static const char *const structural[] = { "action_name", "bool_expected", "expression_marked",
    "expression_missing", "list_expected", "mapping_expected", "missing_key", "number_expected",
    "playbook_name", "script_language", "span_expected", "step_id", "step_kind", "text_expected",
    "trigger_kind", "type_enum", "type_fields", "type_list", "unbounded_loop", "unknown_key", "unknown_type",
    "unknown_word", "yaml11_bool", "yaml_flow_expression" };

struct agreement {
    struct schema_check schema;
    uint32_t told, accepted, wrong;
};

static bool is_structural(const char *code)
{
    for (size_t i = 0; i < sizeof structural / sizeof structural[0]; i++)
        if (strcmp(structural[i], code) == 0)
            return true;
    return false;
}

/* The code of the first fault of shape; NULL: none. */
static const char *reader_refuses(struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    diagnostics_init(&found, &arena, STR("test"));
    if (playbook_parse(text, NULL, &found, &playbook, NULL) == ERR_OK)
        playbook_release(playbook);
    for (uint32_t i = 0; i < found.count; i++)
        if (found.items[i].level == DIAGNOSTIC_ERROR && is_structural(found.items[i].code))
            return found.items[i].code;
    return NULL;
}

static void compare(void *context, struct value v, const char *what)
{
    struct agreement *agreement = context;
    AUTO(buf) struct buf text = { 0 };
    json_print(&text, v, 0);
    assert_int_equal(buf_check(&text, NULL), ERR_OK);
    const char *refused = reader_refuses(buf_str(&text));
    bool is_accepted = schema_accepts(&agreement->schema, agreement->schema.root, v);
    agreement->told++;
    agreement->accepted += is_accepted;
    if (is_accepted != (refused != NULL))
        return;
    agreement->wrong++;
    if (agreement->wrong <= 20)
        print_message("%s: the reader says %s, the schema %s\n%.*s\n", what, refused ? refused : "yes",
            is_accepted ? "yes" : "no", STR_ARG(buf_str(&text)));
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

static void read_schema(struct arena *arena, struct schema_check *ret)
{
    AUTO(buf) struct buf text = { 0 };
    struct err_info why = { 0 };
    struct json_options options = { .copy_strings = true };
    schema_print_playbook(&text);
    assert_int_equal(buf_check(&text, NULL), ERR_OK);
    if (json_parse(arena, buf_str(&text), &options, &ret->root, &why) != ERR_OK)
        fail_msg("the schema is no JSON: %s at %u:%u", why.text, why.line, why.column);
}

static void reader_and_schema_agree_on_shape(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct agreement agreement = { .told = 0 };
    read_schema(&arena, &agreement.schema);
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        AUTO(arena) struct arena scratch = { 0 };
        struct yaml_node *root;
        struct value v;
        struct err_info why = { 0 };
        if (yaml_parse(&scratch, str_of(seeds[i]), &root, &why) != ERR_OK ||
            yaml_to_value(&scratch, root, &v, &why) != ERR_OK)
            fail_msg("seed %zu: %s at %u:%u", i, why.text, why.line, why.column);
        assert_null(reader_refuses(str_of(seeds[i])));
        const struct mutation mutation = { &scratch, compare, &agreement };
        compare(&agreement, v, "as it stands");
        mutate(&mutation, NULL, v);
    }
    print_message("%u documents, %u of them well-formed\n", agreement.told, agreement.accepted);
    assert_true(agreement.told > 1500 && agreement.accepted > 300 && agreement.accepted < agreement.told);
    assert_int_equal(agreement.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reader_and_schema_agree_on_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
