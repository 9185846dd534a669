/* Connectors against answers that vendors' APIs gave: recorded ones of shared/data, when they are there. */
#include "connect_helpers.h"
#include "shared_data.h"

/* The payload of one record of alerts/rapid7/FILE.jsonl; lives in the world's arena. NULL: absent. */
static const char *recorded(struct connect_world *world, const char *file, const char *name)
{
    AUTO(buf) struct buf text = { 0 };
    char path[100];
    struct str rest, line;
    snprintf(path, sizeof path, "alerts/rapid7/%s.jsonl", file);
    if (!shared_data_read(path, &text))
        return NULL;
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        struct value record;
        struct json_options options = { .copy_strings = true };
        if (line.size == 0)
            continue;
        CHECK(json_parse(&world->arena, line, &options, &record, why));
        if (!value_is_text(value_get(record, STR("name")), str_of(name)))
            continue;
        struct str payload;
        CHECK(arena_str(&world->arena, value_str(value_get(record, STR("payload"))), &payload, why));
        return payload.data;
    }
    printf("skipped: %s has no %s\n", file, name);
    return NULL;
}

struct recording {
    const char *connector, *settings, *file, *name, *target, *action, *with, *wanted;
};

#define DEFENDER \
    "{\"base_url\":\"STUB\",\"login_url\":\"STUB\",\"tenant\":\"t\",\"client_id\":\"c\",\"client_secret\":" \
    "\"${secret:" \
    "key}\"}"

static const struct recording recordings[] = {
    { "abuseipdb", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "abuseipdb",
        "payloads__check_ip_data.json", "GET /check?ipAddress=198.51.100.100", "abuseipdb.check_ip",
        "{\"ip\":\"198.51.100.100\"}", "\"score\":100" },
    { "abuseipdb", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "abuseipdb",
        "payloads__report_ip_data.json", "POST /report", "abuseipdb.report_ip",
        "{\"ip\":\"127.0.0.1\",\"categories\":[18]}", "{\"score\":52}" },
    { "jira", "{\"base_url\":\"STUB\",\"email\":\"a@example.org\",\"token\":\"${secret:key}\"}", "jira",
        "responses__create_issue.json.resp", "POST /rest/api/3/issue ", "jira.create_issue",
        "{\"project\":\"ED\",\"summary\":\"a\"}", "\"key\":\"ED-24\"" },
    { "jira", "{\"base_url\":\"STUB\",\"email\":\"a@example.org\",\"token\":\"${secret:key}\"}", "jira",
        "responses__get_issue.json.resp", "GET /rest/api/3/issue/ED-1?", "jira.get_issue",
        "{\"key\":\"ED-1\"}", "\"key\":\"ED-1\"" },
    { "jira", "{\"base_url\":\"STUB\",\"email\":\"a@example.org\",\"token\":\"${secret:key}\"}", "jira",
        "responses__search_issues.json.resp", "GET /rest/api/3/search/jql?", "jira.search",
        "{\"jql\":\"project = ED\"}", "\"complete\":true,\"issues\":[{\"key\":\"ED-1\"" },
    { "jira", "{\"base_url\":\"STUB\",\"email\":\"a@example.org\",\"token\":\"${secret:key}\"}", "jira",
        "responses__add_comment_to_issue.json.resp", "POST /rest/api/3/issue/ED-1/comment",
        "jira.add_comment", "{\"key\":\"ED-1\",\"text\":\"a\"}", "{\"id\":\"10000\"}" },
    { "okta", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\"}", "okta", "responses__get_user.json.resp",
        "GET /api/v1/users/user%40example.com", "okta.get_user", "{\"user\":\"user@example.com\"}",
        "\"status\":\"PASSWORD_EXPIRED\"" },
    { "okta", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\"}", "okta",
        "responses__expire_password.json.resp", "POST /api/v1/users/12345/lifecycle/expire_password",
        "okta.expire_password", "{\"user\":\"12345\"}", "{\"status\":\"PASSWORD_EXPIRED\"}" },
    { "cloudflare", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\",\"id\":\"z\"}", "cloudflare",
        "responses__create_zone_access_rule_ipv4.json.resp", "POST /zones/z/firewall/access_rules/rules ",
        "cloudflare.block_ip", "{\"ip\":\"198.51.100.1\"}", "\"rule\":\"9de5069c5afe602b2ea0a04b66beb2c0\"" },
    { "cloudflare", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\",\"id\":\"z\"}", "cloudflare",
        "responses__get_zone_access_rules_ip.json.resp", "GET /zones/z/firewall/access_rules/rules?",
        "cloudflare.find_rules", "{\"ip\":\"198.51.100.1\"}", "\"mode\":\"block\"" },
    { "cloudflare", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\",\"id\":\"z\"}", "cloudflare",
        "responses__delete_zone_access_rule.json.resp", "DELETE /zones/z/firewall/access_rules/rules/r ",
        "cloudflare.remove_rule", "{\"rule\":\"r\"}", "{}" },
    { "servicenow", "{\"base_url\":\"STUB\",\"user\":\"u\",\"password\":\"${secret:key}\"}", "servicenow",
        "payloads__create_security_incident.json.resp", "POST /api/now/table/sn_si_incident ",
        "servicenow.create_incident", "{\"short_description\":\"a\",\"table\":\"sn_si_incident\"}",
        "\"number\":\"SIR0010044\"" },
    { "servicenow", "{\"base_url\":\"STUB\",\"user\":\"u\",\"password\":\"${secret:key}\"}", "servicenow",
        "payloads__search_security_incident_fields.json.resp", "GET /api/now/table/incident?",
        "servicenow.find_records", "{\"query\":\"a=b\"}", "\"number\":\"SIR00000001\"" },
    { "otx", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "att_cybersecurity_alienvault_otx",
        "responses__get_indicator_details_ipv4_general.json.resp",
        "GET /indicators/IPv4/198.51.100.100/general", "otx.check_ip", "{\"ip\":\"198.51.100.100\"}",
        "\"names\":[\"QakBot IOCs\"],\"pulses\":1" },
    { "elasticsearch", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "elasticsearch",
        "payloads__search_document.json.resp", "POST /logs/_search?", "elasticsearch.search",
        "{\"index\":\"logs\",\"query\":\"*\"}", "\"total\":" },
    { "elasticsearch", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "elasticsearch",
        "payloads__index_with_id.json.resp", "PUT /logs/_doc/", "elasticsearch.index_document",
        "{\"index\":\"logs\",\"document\":{}}", "{\"id\":\"Vmx6O3oBrBTgS4HhWKFJ\"}" },
    { "defender", DEFENDER, "microsoft_atp", "responses__test_isolate_machine.json.resp",
        "POST /api/machines/1234/isolate", "defender.isolate_machine", "{\"machine\":\"1234\"}",
        "{\"action\":\"action-isolate-123\",\"status\":\"Pending\"}" },
    { "defender", DEFENDER, "microsoft_atp", "responses__test_search_machines.json.resp",
        "GET /api/machines?", "defender.find_machine", "{\"name\":\"desktop-win10\"}",
        "\"id\":\"abc123def456\",\"ip\":\"10.0.0.50\"" },
    { "defender", DEFENDER, "microsoft_atp", "responses__test_blacklist_submit.json.resp",
        "POST /api/indicators ", "defender.block_indicator",
        "{\"value\":\"220e7d15b011d7fac48f2bd61114db1022197f7f\",\"type\":\"FileSha1\"}",
        "{\"indicator\":\"indicator-123\"}" },
    { "thehive", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}", "thehive",
        "responses__get_current_user.json.resp", "GET /api/v1/user/current", "thehive.who_am_i", "{}",
        "\"name\":\"Administrator\"" },
};

static void recorded_answers_are_mapped(void **state)
{
    struct connect_world *world = *state;
    unsigned count = 0;
    world_secret(world, "key", "a-secret-key");
    for (size_t i = 0; i < sizeof recordings / sizeof recordings[0]; i++) {
        const struct recording *recording = &recordings[i];
        const char *payload = recorded(world, recording->file, recording->name);
        struct trial trial;
        char file[40];
        AUTO(buf) struct buf got = { 0 };
        if (!payload)
            continue;
        snprintf(file, sizeof file, "%s.yaml", recording->connector);
        world_load_content(world, file);
        world_connection(world, recording->connector, recording->connector, recording->settings);
        stub_clear(&world->stub);
        stub_json(&world->stub, "POST /t/oauth2/v2.0/token ", "{\"access_token\":\"a-token\"}");
        stub_json(&world->stub, recording->target, payload);
        const struct action_result *result = trial_run(world, &trial, recording->action, recording->with);
        if (!result->is_ok)
            fail_msg("%s: %.*s", recording->name, STR_ARG(result->error.message));
        json_print(&got, result->output, JSON_SORT_KEYS);
        assert_str_has(buf_str(&got), recording->wanted);
        trial_done(&trial);
        count++;
    }
    print_message("%u recorded answers\n", count);
}

/* ---- the official descriptions ---- */

/* Examples of answers in an OpenAPI 2 or 3 document: at a path, or NULL. */
static struct value described(struct connect_world *world, const char *document, const char *path)
{
    AUTO(buf) struct buf text = { 0 };
    struct value root;
    struct arena *arena = &world->arena;
    struct json_options options = { .copy_strings = true, .duplicates = JSON_DUPLICATES_LAST };
    if (!shared_data_read(document, &text))
        return value_null();
    CHECK(json_parse(arena, buf_str(&text), &options, &root, why));
    return value_get(value_get(root, STR("paths")), str_of(path));
}

static void slack_answers_are_read_as_slack_describes_them(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *path, *status, *method, *action, *with, *code, *wanted;
    } cases[] = {
        { "/chat.postMessage", "200", "post", "slack.post_message",
            "{\"channel\":\"C1H9RESGL\",\"text\":\"a\"}", NULL,
            "{\"channel\":\"C1H9RESGL\",\"ts\":\"1503435956.000247\"}" },
        { "/chat.postMessage", "default", "post", "slack.post_message", "{\"channel\":\"C\",\"text\":\"a\"}",
            "bad_input", NULL },
        { "/auth.test", "200", "get", "slack.auth_test", "{}", NULL, "\"team\":" },
        { "/auth.test", "default", "get", "slack.auth_test", "{}", "unauthorized", NULL },
        { "/users.lookupByEmail", "200", "get", "slack.find_user", "{\"email\":\"a@example.org\"}", NULL,
            "\"id\":\"W012A3CDE\"" },
        { "/users.lookupByEmail", "default", "get", "slack.find_user", "{\"email\":\"a@example.org\"}",
            "not_found", NULL },
    };
    world_load_content(world, "slack.yaml");
    world_secret(world, "key", "xoxb-a-token");
    world_connection(world, "slack", "slack", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        AUTO(buf) struct buf body = { 0 }, got = { 0 };
        struct value operation = described(world, "openapi/slack-web-v2.json", cases[i].path);
        if (operation.type == VALUE_NULL)
            return;
        struct value answers = value_get(value_get(operation, str_of(cases[i].method)), STR("responses"));
        struct value example = value_get(
            value_get(value_get(answers, str_of(cases[i].status)), STR("examples")), STR("application/json"));
        json_print(&body, example, 0);
        stub_clear(&world->stub);
        stub_json(&world->stub, "", body.data);
        const struct action_result *result = trial_run(world, &trial, cases[i].action, cases[i].with);
        if (cases[i].code) {
            assert_error(result, cases[i].code, false, ACTION_ANSWERED);
        } else {
            if (!result->is_ok)
                fail_msg("%s: %.*s", cases[i].path, STR_ARG(result->error.message));
            json_print(&got, result->output, JSON_SORT_KEYS);
            assert_str_has(buf_str(&got), cases[i].wanted);
        }
        trial_done(&trial);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(recorded_answers_are_mapped),
        TEST(slack_answers_are_read_as_slack_describes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
