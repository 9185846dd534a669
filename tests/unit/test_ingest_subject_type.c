#include "cases/alert.h"
#include "ingest/ocsf.h"
#include "ingest/subject_type.h"
#include "ingest_helpers.h"
#include "shared_data.h"

static const struct type_field *field_at(const struct type *type, struct str path)
{
    const struct type_field *field = NULL;
    struct str rest = path, name;
    while (str_split(&rest, '.', &name)) {
        assert_non_null(type);
        field = type->kind == TYPE_RECORD ? type_find_field(type, name) : NULL;
        type = field != NULL ? field->type : NULL;
    }
    return field;
}

static void each_field_that_a_mapping_may_set_has_a_type(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    const struct type *alert = NULL;
    uint32_t count = 0;
    const struct ocsf_field *fields = ocsf_fields(&count);
    assert_int_equal(subject_type_alert(&arena, &alert, NULL), ERR_OK);
    for (uint32_t i = 0; i < count; i++)
        if (field_at(alert, fields[i].path) == NULL)
            fail_msg("%.*s has no type", STR_ARG(fields[i].path));
    assert_true(field_at(alert, STR("finding_info"))->is_required);
    assert_true(field_at(alert, STR("finding_info.title"))->is_required);
    assert_false(field_at(alert, STR("finding_info.desc"))->is_required);
    assert_false(field_at(alert, STR("src_endpoint"))->is_required);
    assert_null(field_at(alert, STR("src_endpoint.adress")));
    assert_true(field_at(alert, STR("metadata.version"))->is_required);
}

static void check_fits(struct content *content, const char *source, struct value event,
    const struct type *type, const char *what)
{
    struct mapped mapped = map_event(content, source, event);
    struct alert_new arriving = { .tenant = 1,
        .id = { { 1 } },
        .event_id = { { 2 } },
        .source = str_of(source),
        .seen = { 1773476813000000 },
        .severity = mapped.severity,
        .status = ALERT_NEW,
        .body = mapped.body,
        .tags = mapped.tags };
    struct value alert;
    struct err_info why = { 0 };
    assert_int_equal(alert_prepare(&arriving, &content->arena, &why), ERR_OK);
    assert_int_equal(alert_value_of_new(&arriving, &content->arena, &alert, &why), ERR_OK);
    if (type_check_value(type, alert, &why) != ERR_OK)
        fail_msg("%s: %s", what, why.text);
}

/* What the mappings make of the samples, joined with what the server keeps. */
static void alerts_fit_their_type(void **state)
{
    struct content *content = *state;
    static const char *const samples[][2] = {
        { "wazuh", "tests/samples/wazuh-sshd.json" },
        { "suricata", "tests/samples/suricata-alert.json" },
        { "falco", "tests/samples/falco-shell.json" },
    };
    const struct type *type = NULL;
    assert_int_equal(subject_type_alert(&content->arena, &type, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        check_fits(content, samples[i][0], event_of(content, read_file(&content->arena, samples[i][1])), type,
            samples[i][1]);
}

/* The same of what real products send. */
static void alerts_of_real_products_fit_it_too(void **state)
{
    struct content *content = *state;
    static const char *const files[][2] = {
        { "falco", "alerts/falco/falco-alerts.jsonl" },
        { "suricata", "alerts/suricata/eve-examples.jsonl" },
        { "guardduty", "alerts/panther/aws-guardduty.jsonl" },
        { "crowdstrike", "alerts/panther/crowdstrike.jsonl" },
        { "okta", "alerts/panther/okta-systemlog.jsonl" },
        { "github", "alerts/github-webhooks.jsonl" },
        { "defender", "alerts/rapid7/microsoft_defender_incidents.jsonl" },
        { "hive", "alerts/thehive.jsonl" },
    };
    const struct type *type = NULL;
    unsigned told = 0;
    assert_int_equal(subject_type_alert(&content->arena, &type, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        AUTO(buf) struct buf text = { 0 };
        struct str rest, line;
        if (!shared_data_read(files[i][1], &text))
            return;
        rest = buf_str(&text);
        while (str_split(&rest, '\n', &line)) {
            struct value event;
            struct json_options options = {
                .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE, .copy_strings = true
            };
            if (str_trim(line).size == 0 ||
                json_parse(&content->arena, line, &options, &event, &content->why) != ERR_OK)
                continue;
            check_fits(content, files[i][0], event, type, files[i][1]);
            told++;
        }
    }
    print_message("%u alerts\n", told);
    assert_true(told > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_that_a_mapping_may_set_has_a_type),
        cmocka_unit_test_setup_teardown(alerts_fit_their_type, content_make, content_free),
        cmocka_unit_test_setup_teardown(alerts_of_real_products_fit_it_too, content_make, content_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
