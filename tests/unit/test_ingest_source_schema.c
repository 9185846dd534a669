/* The schema for editors says of a source's shape what its reader says: over every copy of some sources in
 * which one thing is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/source.h"
#include "ingest/source_shape.h"
#include "schema_check.h"

static const char *const structural[] = { "bool_expected", "expression_marked", "expression_missing",
    "list_expected", "mapping_expected", "missing_key", "source_field", "source_fingerprint", "source_hmac",
    "source_name", "source_observable", "source_severity", "span_expected", "text_expected", "unknown_key",
    "unknown_word", NULL };

static const char *const seeds[] = {
    "source: sensor\ntitle: A\ndescription: B\nproduct: { name: C, vendor: D, version: '1' }\n"
    "absent: ['-', none]\ncontent_types: [text/plain]\n"
    "hmac: { scheme: github, secret: a, tolerance: 5m }\n"
    "fingerprint: [event.rule, [event.host, event.agent]]\ndedup_window: 1h\n"
    "severity: { from: event.level, map: { bad: high, odd: 3 }, default: medium }\n"
    "time: event.time\ntags: [event.tags, event.kind]\nattack: event.attack\nguess: true\n"
    "extract_observables: false\n"
    "mapping: { finding_info.title: event.rule, src_endpoint.ip: [event.ip, event.src], unmapped.x: event.x "
    "}\n"
    "observables: [ { type: host, value: event.host, name: host }, { type: ip, value: [event.a, event.b] } "
    "]\n",
    "source: other\nseverity: '3'\nhmac: { scheme: header, secret: a, header: X-Sign, prefix: 'v1=', "
    "encoding: base64, algorithm: sha512, tolerance: 1m }\n",
};

static void read_source(struct str text, struct diagnostics *found)
{
    (void)source_check(text, found); /* what counts is in `found` */
}

static void reader_and_schema_agree_on_shape(void **state)
{
    (void)state;
    AUTO(buf) struct buf schema = { 0 };
    struct agreement agreement = { .read = read_source, .structural = structural };
    schema_print(&schema, &shape_source);
    assert_int_equal(buf_check(&schema, NULL), ERR_OK);
    agreement_check(&agreement, buf_str(&schema), seeds, sizeof(seeds) / sizeof(seeds[0]));
    assert_true(agreement.told > 300 && agreement.accepted > 80 && agreement.accepted < agreement.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reader_and_schema_agree_on_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
