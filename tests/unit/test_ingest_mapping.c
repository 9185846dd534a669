#include "ingest_helpers.h"

static struct value sample(struct content *content, const char *path)
{
    return event_of(content, read_file(&content->arena, path));
}

static void the_wazuh_sample_maps_exactly(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_event(content, "wazuh", sample(content, "tests/samples/wazuh-sshd.json"));
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_int_equal(mapped.window_us, US_PER_HOUR);
    assert_json(mapped.tags, "", "[\"syslog\",\"sshd\",\"authentication_failures\"]");
    assert_json(mapped.body, "finding_info.title",
        "\"sshd: brute force trying to get access to the system. Non existent user.\"");
    assert_json(mapped.body, "finding_info.uid", "\"1773476813.918273\"");
    assert_json(mapped.body, "finding_info.analytic",
        "{\"uid\":\"5712\",\"name\":\"sshd: brute force trying to get access to the system. Non existent "
        "user.\",\"type\":\"Rule\",\"type_id\":1}");
    assert_json(mapped.body, "finding_info.attacks", "[{\"technique\":{\"uid\":\"T1110\"}}]");
    assert_json(mapped.body, "src_endpoint", "{\"ip\":\"203.0.113.9\",\"port\":40150}");
    assert_json(mapped.body, "device",
        "{\"hostname\":\"web-01\",\"uid\":\"014\",\"ip\":\"198.51.100.14\",\"type_id\":0}");
    assert_json(mapped.body, "user", "{\"name\":\"test\"}");
    assert_json(mapped.body, "metadata.product", "{\"name\":\"Wazuh\",\"vendor_name\":\"Wazuh\"}");
    assert_json(mapped.body, "time", "1773476813589");
    assert_json(mapped.body, "time_dt", "\"2026-03-14T08:26:53.589Z\"");
    assert_json(mapped.body, "class_uid", "2004");
    assert_json(mapped.body, "type_uid", "200401");
    assert_int_equal(value_get(mapped.body, STR("unmapped")).type, VALUE_NULL);
    assert_json(mapped.body, "observables",
        "[{\"name\":\"device.hostname\",\"type\":\"Hostname\",\"type_id\":1,\"value\":\"web-01\"},"
        "{\"name\":\"device.ip\",\"type\":\"IP Address\",\"type_id\":2,\"value\":\"198.51.100.14\"},"
        "{\"name\":\"src_endpoint.ip\",\"type\":\"IP Address\",\"type_id\":2,\"value\":\"203.0.113.9\"},"
        "{\"name\":\"user.name\",\"type\":\"User Name\",\"type_id\":4,\"value\":\"test\"},"
        "{\"name\":\"process.name\",\"type\":\"Process Name\",\"type_id\":9,\"value\":\"sshd\"}]");
}

static void the_suricata_sample_maps_exactly(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_event(
        content, "suricata", sample(content, "tests/samples/suricata-alert.json"));
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_json(mapped.tags, "", "[\"alert\",\"http\",\"SampleLoader\"]");
    assert_json(mapped.body, "finding_info.title", "\"SAMPLE MALWARE loader checkin over HTTP\"");
    assert_json(mapped.body, "finding_info.attacks",
        "[{\"technique\":{\"uid\":\"T1071\"}},{\"tactic\":{\"uid\":\"TA0011\"}}]");
    assert_json(mapped.body, "src_endpoint", "{\"ip\":\"198.51.100.23\",\"port\":51324}");
    assert_json(mapped.body, "dst_endpoint",
        "{\"ip\":\"203.0.113.77\",\"port\":80,\"hostname\":\"update.cdn.example\"}");
    assert_json(mapped.body, "url.url_string", "\"http://update.cdn.example/gate.php?id=7f3a\"");
    assert_json(mapped.body, "action", "\"allowed\"");
    assert_json(mapped.body, "action_id", "1");
    assert_json(mapped.body, "time", "1773477067112");
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "198.51.100.23"));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.77"));
    assert_true(has_observable(mapped.body, OBSERVABLE_HOSTNAME, "update.cdn.example"));
    assert_true(has_observable(mapped.body, OBSERVABLE_URL, "http://update.cdn.example/gate.php?id=7f3a"));
    assert_true(has_observable(mapped.body, OBSERVABLE_USER_AGENT, "Mozilla/4.0 (compatible)"));
    assert_int_equal(value_get(mapped.body, STR("observables")).size, 5);
}

static void the_falco_sample_maps_exactly(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_event(content, "falco", sample(content, "tests/samples/falco-shell.json"));
    assert_int_equal(mapped.severity, SEVERITY_LOW);
    assert_json(mapped.tags, "",
        "[\"T1059\",\"container\",\"maturity_stable\",\"mitre_execution\",\"shell\",\"syscall\"]");
    assert_json(mapped.body, "finding_info.title", "\"Terminal shell in container\"");
    assert_json(mapped.body, "finding_info.attacks", "[{\"technique\":{\"uid\":\"T1059\"}}]");
    assert_json(mapped.body, "container",
        "{\"uid\":\"4f5c1a2b3d4e\",\"name\":\"shop-api\",\"image\":{\"uid\":\"registry.example/shop/"
        "api\",\"name\":\"registry.example/shop/api\","
        "\"tag\":\"2.4.1\"}}");
    assert_json(mapped.body, "user", "{\"name\":\"root\",\"uid\":\"0\"}");
    /* "<NA>" is Falco's word for nothing. */
    assert_json(mapped.body, "process",
        "{\"name\":\"bash\",\"cmd_line\":\"bash -c curl http://203.0.113.50/x.sh\","
        "\"file\":{\"path\":\"/usr/bin/bash\",\"type_id\":0,\"name\":\"bash\"}}");
    assert_json(
        mapped.body, "unmapped", "{\"k8s_namespace\":\"shop\",\"k8s_pod\":\"shop-api-6d9c7b5f44-x2x7l\"}");
    assert_json(mapped.body, "time", "1773482564120");
    assert_true(has_observable(mapped.body, OBSERVABLE_URL, "http://203.0.113.50/x.sh"));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.50"));
    assert_true(has_observable(mapped.body, OBSERVABLE_HOSTNAME, "node-3"));
}

static void any_shape_makes_an_alert(void **state)
{
    static const struct {
        const char *event, *title;
        enum severity severity;
    } cases[] = {
        { "{}", "\"Event from odd\"", SEVERITY_UNKNOWN },
        { "null", "\"Event from odd\"", SEVERITY_UNKNOWN },
        { "[]", "\"Event from odd\"", SEVERITY_UNKNOWN },
        { "42", "\"Event from odd\"", SEVERITY_UNKNOWN },
        { "\"sshd: failed\\nsecond line\"", "\"sshd: failed\"", SEVERITY_UNKNOWN },
        { "{\"title\":\"A\",\"severity\":\"high\"}", "\"A\"", SEVERITY_HIGH },
        { "{\"title\":7,\"name\":\"B\",\"severity\":\"nonsense\",\"level\":\"crit\"}", "\"B\"",
            SEVERITY_UNKNOWN },
        { "{\"alert\":{\"name\":\"C\",\"severity\":8.5}}", "\"C\"", SEVERITY_HIGH },
        { "{\"rule\":{\"name\":\"D\"},\"Severity\":\"Informational\"}", "\"D\"", SEVERITY_INFORMATIONAL },
        { "{\"message\":\"E\",\"severity_id\":99}", "\"E\"", SEVERITY_UNKNOWN },
        { "{\"message\":\"E\",\"severity_id\":5}", "\"E\"", SEVERITY_CRITICAL },
        { "{\"summary\":\"F\",\"priority\":1}", "\"F\"", SEVERITY_CRITICAL },
        { "{\"summary\":\"G\",\"priority\":\"P3\"}", "\"G\"", SEVERITY_MEDIUM },
        { "{\"severity\":{\"label\":\"LOW\"},\"Title\":\" H \"}", "\"H\"", SEVERITY_LOW },
    };
    struct content *content = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mapped mapped = map_text(content, "odd", cases[i].event);
        assert_json(mapped.body, "finding_info.title", cases[i].title);
        if (mapped.severity != cases[i].severity)
            fail_msg("%s: severity %d, not %d", cases[i].event, mapped.severity, cases[i].severity);
        assert_int_equal(mapped.window_us, 0);
        assert_int_equal(value_path(mapped.body, STR("finding_info.uid")).type, VALUE_STRING);
        assert_json(mapped.body, "metadata.product", "{\"name\":\"odd\"}");
    }
}

static void each_key_that_names_a_title_is_known(void **state)
{
    static const char *const keys[] = { "action", "activity", "activityname", "alarmname", "alarmtext",
        "alarmtitle", "alertdisplayname", "alertname", "alerttitle", "alerttype", "category", "checkname",
        "culprit", "detectionname", "displayname", "event", "eventaction", "eventcategory",
        "eventdefinitiontitle", "eventmessage", "eventname", "eventtype", "headline", "incidentname",
        "message", "messagetitle", "methodname", "msg", "name", "operation", "operationname", "output",
        "policyname", "rule", "ruledescription", "rulename", "ruletitle", "signature", "signaturename",
        "subject", "summary", "terminatingruleid", "threatname", "title", "type", "verb" };
    struct content *content = *state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char event[100];
        snprintf(event, sizeof(event), "{\"inner\":{\"%s\":\"What happened\",\"other\":\"no\"}}", keys[i]);
        assert_json(map_text(content, "odd", event).body, "finding_info.title", "\"What happened\"");
    }
}

static void the_key_that_says_most_counts(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "odd",
        "{\"action\":\"a\",\"message\":\"b\",\"alert\":{\"Alert-Name\":\"c\"},\"type\":\"d\"}");
    assert_json(mapped.body, "finding_info.title", "\"c\"");
    mapped = map_text(content, "odd", "{\"deep\":{\"title\":\"inner\"},\"title\":\"outer\"}");
    assert_json(mapped.body, "finding_info.title", "\"outer\"");
}

static void an_unknown_shape_is_searched_for_what_it_says(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "edr",
        "{\"detectionName\":\"Beacon\",\"id\":4711,\"@timestamp\":\"2026-01-02 03:04:05\","
        "\"source\":{\"ip\":\"203.0.113.9\"},\"destination\":{\"ip\":\"2001:db8::7\"},"
        "\"host\":{\"name\":\"pc-7\",\"hostname\":\"pc-7.corp.example\"},"
        "\"user\":{\"name\":\"ada\",\"email\":\"ada@corp.example\"},"
        "\"description\":\"talks to hxxp://bad[.]example/x\",\"vendor\":\"Acme\"}");
    assert_json(mapped.body, "finding_info.title", "\"Beacon\"");
    assert_json(mapped.body, "finding_info.uid", "\"4711\"");
    assert_json(mapped.body, "finding_info.desc", "\"talks to hxxp://bad[.]example/x\"");
    assert_json(mapped.body, "src_endpoint", "{\"ip\":\"203.0.113.9\"}");
    assert_json(mapped.body, "dst_endpoint", "{\"ip\":\"2001:db8::7\"}");
    assert_json(mapped.body, "device", "{\"hostname\":\"pc-7\",\"type_id\":0}");
    assert_json(mapped.body, "user", "{\"name\":\"ada\"}");
    assert_json(mapped.body, "time_dt", "\"2026-01-02T03:04:05Z\"");
    assert_json(mapped.body, "metadata.product.vendor_name", "\"Acme\"");
    assert_true(has_observable(mapped.body, OBSERVABLE_URL, "http://bad.example/x"));
    assert_true(has_observable(mapped.body, OBSERVABLE_EMAIL, "ada@corp.example"));
    assert_true(has_observable(mapped.body, OBSERVABLE_USER_NAME, "ada"));
}

static void tags_of_an_unknown_shape_are_kept(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "odd", "{\"title\":\"A\",\"tags\":[\"sshd\",\"vpn\"]}");
    assert_json(mapped.tags, "", "[\"sshd\",\"vpn\"]");
    mapped = map_text(content, "odd", "{\"title\":\"A\",\"tags\":7}");
    assert_json(mapped.tags, "", "[\"7\"]"); /* one is a list of one */
}

static void a_known_source_takes_unknown_shapes(void **state)
{
    struct content *content = *state;
    static const char *const sources[] = { "wazuh", "suricata", "falco" };
    static const char *const events[] = { "null", "[1,2]", "\"text\"",
        "{\"rule\":7,\"alert\":[],\"data\":null}",
        "{\"rule\":{\"level\":\"twelve\"},\"output_fields\":[],\"tags\":{}}" };
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < sizeof(events) / sizeof(events[0]); j++) {
            struct mapped mapped = map_text(content, sources[i], events[j]);
            assert_true(value_path(mapped.body, STR("finding_info.title")).size > 0);
            assert_true(mapped.severity < SEVERITY_COUNT);
        }
    }
    assert_int_equal(map_text(content, "wazuh", "{\"a\":1}").window_us, 0);
}

static void what_does_not_fit_its_field_is_kept(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "wazuh",
        "{\"rule\":{\"id\":1,\"level\":3,\"description\":[\"one\",\"two\"]},"
        "\"data\":{\"srcip\":\"somewhere\",\"srcport\":\"many\",\"dstip\":\"::ffff:203.0.113.9\"}}");
    assert_json(mapped.body, "finding_info.title", "\"one\"");
    assert_json(
        mapped.body, "unmapped", "{\"src_endpoint.ip\":\"somewhere\",\"src_endpoint.port\":\"many\"}");
    assert_json(mapped.body, "dst_endpoint", "{\"ip\":\"203.0.113.9\"}");
    assert_json(mapped.body, "finding_info.analytic.uid", "\"1\"");
}

static void an_endpoint_without_a_name_is_none(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "wazuh",
        "{\"rule\":{\"id\":1},\"data\":{\"srcport\":4000,\"dstport\":22,\"dstip\":\"198.51.100.4\"}}");
    assert_json(mapped.body, "src_endpoint", "null");
    assert_json(mapped.body, "dst_endpoint", "{\"ip\":\"198.51.100.4\",\"port\":22}");
    assert_json(mapped.body, "unmapped", "{\"src_endpoint.port\":4000}");
}

static void fingerprints_tell_apart_what_the_source_says(void **state)
{
    struct content *content = *state;
    const char *first =
        "{\"rule\":{\"id\":\"1\"},\"agent\":{\"id\":\"2\"},\"data\":{\"srcip\":\"203.0.113.9\"}}";
    const char *later = "{\"id\":\"x\",\"timestamp\":1,\"rule\":{\"id\":\"1\",\"level\":9},"
                        "\"agent\":{\"id\":\"2\"},\"data\":{\"srcip\":\"203.0.113.9\"}}";
    const char *other = "{\"rule\":{\"id\":\"12\"},\"agent\":{},\"data\":{\"srcip\":\"203.0.113.9\"}}";
    struct mapped a = map_text(content, "wazuh", first), b = map_text(content, "wazuh", later),
                  c = map_text(content, "wazuh", other);
    assert_memory_equal(&a.fingerprint, &b.fingerprint, sizeof(a.fingerprint));
    assert_memory_not_equal(&a.fingerprint, &c.fingerprint, sizeof(a.fingerprint));
}

static void twice_the_same_gives_the_same(void **state)
{
    struct content *content = *state;
    struct value event = sample(content, "tests/samples/suricata-alert.json");
    struct mapped first = map_event(content, "suricata", event),
                  second = map_event(content, "suricata", event);
    assert_true(value_equal(first.body, second.body));
    assert_memory_equal(&first.fingerprint, &second.fingerprint, sizeof(first.fingerprint));
}

static void a_key_that_stands_twice_is_told(void **state)
{
    struct content *content = *state;
    assert_true(map_text(content, "odd", "{\"a\":[{\"b\":1,\"b\":2}]}").has_duplicate_keys);
    assert_false(map_text(content, "odd", "{\"a\":[{\"b\":1,\"c\":2}]}").has_duplicate_keys);
}

static void hostile_sizes_are_bounded(void **state)
{
    struct content *content = *state;
    struct buf text = { 0 };
    buf_add_text(&text, "{\"list\":[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%s\"198.51.%d.%d host%d.example user%d@example.org\"", i ? "," : "", i / 250,
            i % 250, i, i);
    buf_add_text(&text, "]}");
    struct mapped mapped = map_event(content, "odd", event_of(content, buf_str(&text)));
    assert_int_equal(value_get(mapped.body, STR("observables")).size, ALERT_OBSERVABLES_MAX);
    buf_clear(&text);
    for (int i = 0; i < 120; i++)
        buf_add_text(&text, "{\"a\":");
    buf_add_text(&text, "\"203.0.113.9\"");
    for (int i = 0; i < 120; i++)
        buf_add_text(&text, "}");
    mapped = map_event(content, "odd", event_of(content, buf_str(&text)));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.9"));
    buf_done(&text);
}

/* Sources that read texts make maps of them, whose mark is that of all inside. */
static void what_is_read_out_of_a_text_says_that_it_came_from_outside(void **state)
{
    struct content *content = *state;
    static const struct {
        const char *source, *text, *paths[5];
    } cases[] = {
        { "syslog", "<134>Mar 14 08:26:53 fw-1 sshd[7]: pa$$ed",
            { "message", "device.hostname", "process.name", "finding_info.title" } },
        { "cef", "CEF:0|Acme|Wall|1.2|10$|Port scan|8|src=203.0.113.9 msg=pa$$ed suser=ada",
            { "message", "metadata.event_code", "src_endpoint.ip", "user.name" } },
        { "leef", "LEEF:1.0|Acme|IDS|2|id$|msg=pa$$ed\tusrName=ada",
            { "message", "metadata.event_code", "finding_info.analytic.uid", "finding_info.uid",
                "user.name" } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mapped mapped = map_event(content, cases[i].source, value_outside(str_of(cases[i].text)));
        for (size_t j = 0; j < 5 && cases[i].paths[j]; j++) {
            struct value v = value_path(mapped.body, str_of(cases[i].paths[j]));
            assert_int_equal(v.type, VALUE_STRING);
            if (!(v.flags & VALUE_OUTSIDE))
                fail_msg("%s: %s has lost its mark", cases[i].source, cases[i].paths[j]);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, content_make, content_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_wazuh_sample_maps_exactly),
        TEST(the_suricata_sample_maps_exactly),
        TEST(the_falco_sample_maps_exactly),
        TEST(any_shape_makes_an_alert),
        TEST(each_key_that_names_a_title_is_known),
        TEST(the_key_that_says_most_counts),
        TEST(an_unknown_shape_is_searched_for_what_it_says),
        TEST(tags_of_an_unknown_shape_are_kept),
        TEST(a_known_source_takes_unknown_shapes),
        TEST(what_does_not_fit_its_field_is_kept),
        TEST(an_endpoint_without_a_name_is_none),
        TEST(fingerprints_tell_apart_what_the_source_says),
        TEST(twice_the_same_gives_the_same),
        TEST(a_key_that_stands_twice_is_told),
        TEST(what_is_read_out_of_a_text_says_that_it_came_from_outside),
        TEST(hostile_sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
