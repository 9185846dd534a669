/* The schema for editors says of a connector's shape what its reader says: over every copy of some connectors
 * in which one thing is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connect/connect.h"
#include "connect/connector_shape.h"
#include "playbook/schema.h"
#include "schema_check.h"

static const char *const structural[] = { "bad_name", "bad_paging", "bad_path", "bad_shape", "bad_value",
    "bool_expected", "missing_key", "text_expected", "two_bodies", "type_enum", "type_fields", "type_list",
    "unknown_key", "unknown_type", "unknown_word", NULL };

#define HEAD "connector: tool\ntitle: Tool\ndescription: A\nhomepage: https://tool.example\n"
#define ACTIONS "base_url: https://tool.example\nactions:\n"

static const char *const seeds[] = {
    HEAD "settings:\n  token: { type: string, secret: true, required: true, help: a }\n"
         "  size: { type: int, default: 3, nullable: false }\n  mode: { enum: [a, b], required: false }\n"
         "  names: { type: list, items: string, example: [a] }\n  limits: { values: int, required: false }\n"
         "base_url: https://tool.example\n"
         "auth: { kind: header, name: Key, token: '${{ settings.token }}', when: settings.size > 1 }\n"
         "headers: { Accept: a }\nrate_limit: { calls: 60, per: 1m, burst: 5 }\n"
         "breaker: { failures: 3, open_for: 30s }\ntest: { action: look, with: { a: 1 } }\n",
    HEAD "base_url: https://tool.example\nauth:\n"
         "  - { kind: oauth2, token_url: 'https://a.example/t', user: a, password: b, form: { scope: c }, "
         "client: body, "
         "token_path: d }\n"
         "  - { kind: login, token_url: 'https://a.example/t', user: a, password: b, json: { c: d } }\n"
         "  - { kind: basic, user: a, password: b }\n  - { kind: none }\n",
    HEAD ACTIONS
    "  look:\n    summary: A\n    kind: enrich\n    idempotent: true\n"
    "    in: { ip: ip, n: { type: int, default: 3, help: b }, s: { type: string, required: false, sink: "
    "shell } }\n"
    "    out: { score: int, t: { type: string, required: false, secret: true } }\n"
    "    request: { method: GET, path: /a, query: { ip: '${{ inputs.ip }}', n: [1] }, headers: { X: a } }\n"
    "    format: json\n    ok_when: status == 200\n"
    "    errors: [ { when: status == 404, code: gone, message: b, retryable: false } ]\n"
    "    answer: { score: '${{ body.score }}' }\n    timeout: 10s\n"
    "    example: { name: c, in: { ip: 203.0.113.9 }, request: { method: GET }, answer: { body: { score: 1 } "
    "}, "
    "out: { score: 1 } }\n"
    "    examples: [ { in: { ip: 203.0.113.9 }, answers: [ { status: 404 } ], error: { code: gone } } ]\n",
    HEAD ACTIONS
    "  list:\n    summary: A\n    kind: query\n    out: [string]\n    request: { path: /a }\n"
    "    paging: { items: '${{ body }}', number: { first: 0, step: 2 }, while: body.more, max: 10 }\n"
    "    answer: '${{ items }}'\n    example: { answer: { body: [] }, out: [] }\n"
    "  pages:\n    summary: A\n    kind: query\n    out: string\n    request: { path: /a }\n"
    "    paging: { items: '${{ body }}', next: link }\n    answer: a\n    example: { answer: { body: [] }, "
    "out: a }\n"
    "  stop:\n    summary: A\n    kind: contain\n    out: { id: string }\n"
    "    request: { method: POST, path: /a, json: { a: 1 } }\n    answer: { id: '${{ body.id }}' }\n"
    "    probe: { request: { path: /b }, done_when: 'true', ok_when: 'true', output: { id: a } }\n"
    "    undo: { action: go, with: { id: '${{ output.id }}' } }\n    example: { answer: { body: { id: a } }, "
    "out: { id: a } }\n"
    "  go:\n    summary: A\n    kind: remediate\n    in: { id: string }\n    out: {}\n"
    "    request: { method: POST, path: /a, body: a, content_type: text/plain }\n"
    "    example: { in: { id: a }, answer: { body: {} }, out: {} }\n",
};

static void read_connector(struct str text, struct diagnostics *found)
{
    (void)connector_check(text, found); /* what counts is in `found` */
}

static void reader_and_schema_agree_on_shape(void **state)
{
    (void)state;
    AUTO(buf) struct buf schema = { 0 };
    struct agreement agreement = { .read = read_connector, .structural = structural };
    schema_print(&schema, &shape_connector);
    assert_int_equal(buf_check(&schema, NULL), ERR_OK);
    agreement_check(&agreement, buf_str(&schema), seeds, sizeof(seeds) / sizeof(seeds[0]));
    assert_true(agreement.told > 1000 && agreement.accepted > 300 && agreement.accepted < agreement.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reader_and_schema_agree_on_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
