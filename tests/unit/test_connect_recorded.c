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
