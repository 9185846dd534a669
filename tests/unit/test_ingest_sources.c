/* The built-in sources on samples of their products' shapes (the first three: test_ingest_mapping.c). */
#include "ingest_helpers.h"

static struct mapped map_sample(struct content *content, const char *source, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "tests/samples/%s-%s.json", source, name);
    return map_event(content, source, event_of(content, read_file(&content->arena, path)));
}

static void assert_all(struct value body, const char *const expected[][2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_json(body, expected[i][0], expected[i][1]);
    assert_int_equal(value_path(body, STR("finding_info.uid")).type, VALUE_STRING);
}
#define ASSERT_ALL(body, ...) \
    do { \
        static const char *const expected_[][2] = { __VA_ARGS__ }; \
        assert_all((body), expected_, sizeof(expected_) / sizeof(expected_[0])); \
    } while (0)

static void alertmanager_groups(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "alertmanager", "disk");
    assert_int_equal(mapped.severity, SEVERITY_MEDIUM);
    assert_int_equal(mapped.window_us, 12 * US_PER_HOUR);
    assert_json(mapped.tags, "", "[\"firing\",\"DiskAlmostFull\",\"storage\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Less than a tenth of a disk is free\"" },
        { "finding_info.desc", "\"Logs may stop soon.\"" },
        { "finding_info.src_url", "\"http://prometheus.corp.example:9090/graph\"" },
        { "finding_info.created_time", "1773478800500" }, { "time", "1773478800500" },
        { "device.hostname", "null" }, { "metadata.log_name", "\"tocsin\"" },
        { "status_detail", "\"firing\"" }, { "unmapped.group_labels", "{\"alertname\":\"DiskAlmostFull\"}" });
    assert_true(has_observable(mapped.body, OBSERVABLE_HOSTNAME, "log-01.corp.example"));
    assert_true(has_observable(mapped.body, OBSERVABLE_HOSTNAME, "log-02.corp.example"));
}

static void elastic_security_alerts(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "elastic-security", "encoded-powershell");
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_json(mapped.tags, "", "[\"Domain: Endpoint\",\"OS: Windows\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"PowerShell with an encoded command\"" },
        { "finding_info.uid", "\"d1d7f3c2b0a9\"" },
        { "finding_info.attacks", "[{\"tactic\":{\"uid\":\"TA0002\"}},{\"technique\":{\"uid\":\"T1059\"}}]" },
        { "time", "1773483302001" }, { "risk_score", "73" }, { "status_detail", "\"open\"" },
        { "device",
            "{\"hostname\":\"pc-17\",\"uid\":\"h-17\",\"ip\":\"198.51.100.17\",\"os\":{\"name\":\"Windows "
            "11\",\"type_id\":0},"
            "\"type_id\":0}" },
        { "user", "{\"name\":\"bea\",\"domain\":\"CORP\"}" },
        { "dst_endpoint", "{\"ip\":\"203.0.113.88\",\"port\":443}" },
        { "process.cmd_line", "\"powershell -enc SQBFAFgA\"" },
        { "process.parent_process", "{\"name\":\"winword.exe\",\"pid\":4100}" },
        { "metadata.event_code", "\"1\"" });
    assert_true(has_observable(
        mapped.body, OBSERVABLE_HASH, "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.88"));
}

static void elastic_security_alerts_with_nested_keys(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "elastic-security",
        "{\"kibana\":{\"alert\":{\"uuid\":\"u\",\"severity\":\"critical\",\"rule\":{\"name\":\"N\","
        "\"rule_id\":\"r\",\"threat\":[{\"technique\":[{\"id\":\"T1003\"},{\"id\":\"T1110\"}]}]}}}}");
    assert_int_equal(mapped.severity, SEVERITY_CRITICAL);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"N\"" }, { "finding_info.uid", "\"u\"" },
        { "finding_info.attacks",
            "[{\"technique\":{\"uid\":\"T1003\"}},{\"technique\":{\"uid\":\"T1110\"}}]" });
}

static void github_alerts(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "github", "secret-scanning");
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_int_equal(mapped.window_us, 24 * US_PER_HOUR);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Secret found: Example API Key\"" },
        { "finding_info.src_url", "\"https://github.com/octo-corp/shop/security/secret-scanning/7\"" },
        { "time_dt", "\"2026-03-14T11:00:00Z\"" }, { "actor.user", "{\"name\":\"cleo\",\"uid\":\"1001\"}" },
        { "status_detail", "\"open\"" },
        { "unmapped",
            "{\"repository\":\"octo-corp/shop\",\"organization\":\"octo-corp\",\"action\":\"created\"}" });
    assert_true(has_observable(mapped.body, OBSERVABLE_USER_NAME, "cleo"));
    assert_int_equal(value_get(mapped.body, STR("observables")).size, 1);
}

static void github_events_that_are_no_alerts(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_text(content, "github",
        "{\"ref\":\"refs/heads/main\",\"repository\":{\"full_name\":\"o/"
        "r\"},\"pusher\":{\"name\":\"cleo\"}}");
    assert_int_equal(mapped.severity, SEVERITY_INFORMATIONAL);
    assert_int_equal(mapped.window_us, 0);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"GitHub: push to refs/heads/main of o/r\"" },
        { "user", "{\"name\":\"cleo\"}" });
    mapped = map_text(content, "github",
        "{\"action\":\"created\",\"alert\":{\"affected_package_name\":\"left\",\"severity\":\"moderate\","
        "\"external_identifier\":\"CVE-2026-0001\",\"id\":3}}");
    assert_int_equal(mapped.severity, SEVERITY_MEDIUM);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Vulnerable package left\"" },
        { "vulnerabilities", "[{\"cve\":{\"uid\":\"CVE-2026-0001\"}}]" });
}

static void sentinel_incidents(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "ms-sentinel", "incident");
    assert_int_equal(mapped.severity, SEVERITY_MEDIUM);
    assert_json(mapped.tags, "", "[\"identity\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Sign-in from two places at once\"" },
        { "finding_info.uid", "\"9a8b7c6d-0000-4000-8000-000000000009\"" },
        { "finding_info.attacks", "[{\"technique\":{\"uid\":\"T1078\"}}]" },
        { "finding_info.first_seen_time", "1773488400000" }, { "time", "1773489600000" },
        { "user", "{\"name\":\"dora\"}" }, { "src_endpoint", "{\"ip\":\"203.0.113.20\"}" },
        { "device.hostname", "\"vpn-1\"" }, { "unmapped", "{\"incident_number\":311}" });
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "198.51.100.77"));
    assert_true(has_observable(mapped.body, OBSERVABLE_HASH, "0cc175b9c0f1b6a831c399e269772661"));
    /* Whole, as the trigger hands it on. */
    struct mapped whole = map_text(content, "ms-sentinel",
        "{\"body\":{\"object\":{\"name\":\"9a8b7c6d-0000-4000-8000-000000000009\",\"properties\":{\"title\":"
        "\"T\",\"severity\":\"High\"}}}}");
    assert_int_equal(whole.severity, SEVERITY_HIGH);
    assert_json(whole.body, "finding_info.title", "\"T\"");
    assert_memory_equal(&whole.fingerprint, &mapped.fingerprint, sizeof(whole.fingerprint));
}

static void splunk_notables(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "splunk-notable", "logins");
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_json(mapped.tags, "", "[\"access\",\"authentication\",\"error\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Many failed logins of erin from 203.0.113.31\"" },
        { "finding_info.attacks",
            "[{\"technique\":{\"uid\":\"T1110\"},\"sub_technique\":{\"uid\":\"T1110.003\"}}]" },
        { "src_endpoint", "{\"ip\":\"203.0.113.31\",\"port\":50222}" }, { "user", "{\"name\":\"erin\"}" },
        { "actor", "null" }, { "risk_score", "56" }, { "device.hostname", "\"mail-01\"" },
        { "message", "\"Failed password\"" }, { "time", "1773494400000" });
    struct mapped hook = map_text(content, "splunk-notable",
        "{\"search_name\":\"S\",\"sid\":\"s1\",\"results_link\":\"https://splunk.corp.example/s1\","
        "\"result\":{\"src\":\"203.0.113.31\",\"severity\":\"low\"}}");
    assert_int_equal(hook.severity, SEVERITY_LOW);
    assert_json(hook.body, "finding_info.title", "\"S\"");
    assert_json(hook.body, "src_endpoint", "{\"ip\":\"203.0.113.31\"}");
}

static void thehive_alerts(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_sample(content, "thehive", "phishing");
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    assert_json(mapped.tags, "", "[\"phishing\",\"attack.t1566.002\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"A mail that asks for passwords\"" },
        { "finding_info.uid", "\"~4242\"" }, { "finding_info.types", "[\"phishing\"]" },
        { "finding_info.attacks",
            "[{\"technique\":{\"uid\":\"T1566\"},\"sub_technique\":{\"uid\":\"T1566.002\"}}]" },
        { "time", "1773496800000" }, { "unmapped", "{\"tlp\":2,\"pap\":2}" });
    assert_true(has_observable(mapped.body, OBSERVABLE_URL, "http://login.bad.example/reset"));
    assert_true(has_observable(mapped.body, OBSERVABLE_EMAIL, "boss@bad.example"));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.66"));
    assert_true(has_observable(mapped.body, OBSERVABLE_HASH, "acbd18db4cc2f85cedef654fccc4a4d8"));
    struct mapped bare = map_text(content, "thehive",
        "{\"type\":\"phishing\",\"source\":\"mail-gateway\",\"sourceRef\":\"msg-9001\",\"title\":\"X\","
        "\"severity\":4}");
    assert_int_equal(bare.severity, SEVERITY_CRITICAL);
    assert_memory_equal(&bare.fingerprint, &mapped.fingerprint, sizeof(bare.fingerprint));
}

static struct mapped map_line(struct content *content, const char *source, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "tests/samples/%s-%s.txt", source, name);
    struct value line = value_string(read_file(&content->arena, path));
    return map_event(content, source, line);
}

static void lines_of_cef(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_line(content, "cef", "scan");
    assert_int_equal(mapped.severity, SEVERITY_HIGH);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Port scan\"" },
        { "finding_info.desc", "\"Many ports in a short time\"" },
        { "metadata.product", "{\"name\":\"Wall\",\"vendor_name\":\"Acme\",\"version\":\"1.2\"}" },
        { "src_endpoint", "{\"ip\":\"203.0.113.9\",\"port\":1232}" },
        { "dst_endpoint", "{\"ip\":\"198.51.100.4\",\"port\":22}" }, { "action", "\"blocked\"" },
        { "user", "{\"name\":\"ada\"}" }, { "time", "1773476813000" });
    assert_true(has_observable(mapped.body, OBSERVABLE_URL, "http://198.51.100.4/admin"));
    struct mapped same = map_event(content, "cef",
        value_string(STR("CEF:0|Acme|Wall|9|100|Other words|1|src=203.0.113.9 dst=198.51.100.4 suser=ada")));
    assert_memory_equal(&same.fingerprint, &mapped.fingerprint, sizeof(same.fingerprint));
    assert_int_equal(same.window_us, US_PER_HOUR);
}

static void lines_of_leef(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_line(content, "leef", "beacon");
    assert_int_equal(mapped.severity, SEVERITY_CRITICAL);
    assert_json(mapped.tags, "", "[\"Malware\",\"IDS\"]");
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"A host calls home\"" },
        { "finding_info.analytic.uid", "\"beacon\"" },
        { "src_endpoint", "{\"ip\":\"198.51.100.23\",\"port\":51324}" },
        { "dst_endpoint", "{\"ip\":\"203.0.113.77\",\"port\":443}" }, { "user", "{\"name\":\"bea\"}" });
}

static void lines_of_syslog(void **state)
{
    struct content *content = *state;
    struct mapped mapped = map_line(content, "syslog", "sshd");
    assert_int_equal(mapped.severity, SEVERITY_CRITICAL);
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Failed password for root from 203.0.113.9 port 22\"" },
        { "device", "{\"hostname\":\"web-01\",\"type_id\":0}" }, { "time", "1773476813500" },
        { "process", "{\"name\":\"sshd\",\"pid\":8713}" },
        { "unmapped", "{\"facility\":4,\"structured_data\":{\"origin@32473\":{\"ip\":\"198.51.100.14\"}}}" });
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.9"));
    assert_true(has_observable(mapped.body, OBSERVABLE_IP, "198.51.100.14"));
    /* BSD syslog has no year: the time is that of receipt. */
    mapped = map_event(
        content, "syslog", value_string(STR("<38>Mar 14 08:26:53 web-01 sshd[8713]: Invalid user x")));
    ASSERT_ALL(mapped.body, { "finding_info.title", "\"Invalid user x\"" },
        { "device.hostname", "\"web-01\"" }, { "time", "1780000000123" });
    assert_int_equal(mapped.severity, SEVERITY_INFORMATIONAL);
}

static void texts_that_cannot_be_parsed_stay_texts(void **state)
{
    struct content *content = *state;
    static const char *const sources[] = { "cef", "leef", "syslog" };
    for (size_t i = 0; i < 3; i++) {
        struct mapped mapped = map_event(
            content, sources[i], value_string(STR("an odd line about 203.0.113.9")));
        assert_json(mapped.body, "finding_info.title", "\"an odd line about 203.0.113.9\"");
        assert_true(has_observable(mapped.body, OBSERVABLE_IP, "203.0.113.9"));
        assert_int_equal(mapped.window_us, 0);
        /* JSON is mapped as it is. */
        mapped = map_text(content, sources[i], "{\"name\":\"N\",\"message\":\"N\",\"event_id\":\"N\"}");
        assert_json(mapped.body, "finding_info.title", "\"N\"");
    }
}

static void every_source_says_what_it_is(void **state)
{
    struct content *content = *state;
    struct value list;
    test_check(
        sources_describe(content->sources, STR(""), &content->arena, &list, &content->why), &content->why);
    assert_true(list.size >= 10);
    for (uint32_t i = 0; i < list.size; i++) {
        assert_true(value_get(list.items[i], STR("title")).size > 0);
        assert_true(value_get(list.items[i], STR("description")).size > 0);
    }
    assert_int_equal(sources_describe(content->sources, STR("none"), &content->arena, &list, &content->why),
        ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, content_make, content_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alertmanager_groups),
        TEST(elastic_security_alerts),
        TEST(elastic_security_alerts_with_nested_keys),
        TEST(github_alerts),
        TEST(github_events_that_are_no_alerts),
        TEST(sentinel_incidents),
        TEST(splunk_notables),
        TEST(thehive_alerts),
        TEST(lines_of_cef),
        TEST(lines_of_leef),
        TEST(lines_of_syslog),
        TEST(texts_that_cannot_be_parsed_stay_texts),
        TEST(every_source_says_what_it_is),
    };
    return cmocka_run_group_tests_name("ingest_sources", tests, NULL, NULL);
}
