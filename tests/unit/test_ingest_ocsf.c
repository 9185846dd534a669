/* Real alerts of many products through the mapping: none fails, each gives a valid OCSF Detection Finding. */
#include <sys/stat.h>

#include "ingest/ocsf.h"
#include "ocsf_schema.h"

struct run {
    struct content *content;
    struct ocsf_schema schema;
    const char *source;
    unsigned events, with_observables, guessed_titles, invalid;
    unsigned severities[SEVERITY_COUNT];
};

/* What is not OCSF's in an alert's value. */
static bool is_own_field(struct str name)
{
    static const char *const own[] = { "id", "source", "tags", "first_seen", "last_seen", "owner", "event_id",
        "resolution", "revision", NULL };
    return schema_is_one_of(name, own);
}

static struct value alert_as_ocsf(struct arena *arena, const struct mapped *mapped)
{
    struct alert_new arriving = { .tenant = 1,
        .id = { { 1 } },
        .source = STR("x"),
        .seen = RECEIVED,
        .severity = mapped->severity,
        .status = ALERT_NEW,
        .body = mapped->body,
        .tags = mapped->tags };
    struct err_info why = { 0 };
    struct value whole;
    struct value_map_builder map;
    value_map_begin(&map, arena);
    test_check(alert_value_of_new(&arriving, arena, &whole, &why), &why);
    const struct value_entry *entries = value_map_entries(whole);
    for (uint32_t i = 0; i < whole.size; i++) {
        if (!is_own_field(value_str(entries[i].key)))
            test_check(value_map_add(&map, entries[i].key, entries[i].value, &why), &why);
    }
    return value_map_end(&map);
}

static void try_event(struct run *run, struct arena *arena, struct value event)
{
    struct mapped mapped;
    struct err_info why = { 0 };
    struct ocsf_fault fault;
    struct str name = str_of(run->source);
    test_check(
        mapping_apply(sources_get(run->content->sources, name), name, event, RECEIVED, arena, &mapped, &why),
        &why);
    run->events++;
    run->with_observables += value_get(mapped.body, STR("observables")).size > 0;
    run->severities[mapped.severity]++;
    run->guessed_titles += str_starts(
        value_str(value_path(mapped.body, STR("finding_info.title"))), STR("Event from "));
    if (run->schema.attributes.type == VALUE_MAP &&
        !schema_check(&run->schema, alert_as_ocsf(arena, &mapped), &fault)) {
        print_error("%s, event %u: %s\n", run->source, run->events, fault.text);
        run->invalid++;
    }
}

/* A line's payload when it is packed, else the line. */
static void try_text(struct run *run, struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    struct value event;
    if (json_parse(&arena, text, &options, &event, NULL) != ERR_OK)
        event = value_string(text);
    struct value payload = value_get(event, STR("payload"));
    if (payload.type == VALUE_STRING && value_get(event, STR("name")).type == VALUE_STRING) {
        struct str inner = value_str(payload);
        if (json_parse(&arena, inner, &options, &event, NULL) != ERR_OK)
            event = payload;
    }
    if (event.type == VALUE_LIST) {
        for (uint32_t i = 0; i < event.size; i++)
            try_event(run, &arena, event.items[i]);
    } else {
        try_event(run, &arena, event);
    }
}

static void try_lines(struct run *run, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        if (str_trim(line).size > 0)
            try_text(run, str_trim(line));
    }
}

static void try_file(struct run *run, const char *name)
{
    struct buf buf = { 0 };
    if (!shared_data_read(name, &buf))
        return;
    if (str_ends(str_of(name), STR(".json")))
        try_text(run, buf_str(&buf));
    else
        try_lines(run, buf_str(&buf));
    buf_done(&buf);
}

static void try_folder(struct run *run, const char *folder)
{
    const char *root = getenv("TOCSIN_SHARED");
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", root ? root : "../shared/data", folder);
    DIR *dir = opendir(path);
    if (!dir) {
        printf("skipped: no external test data at %s\n", path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct str name = str_of(entry->d_name);
        if (!str_ends(name, STR(".json")) && !str_ends(name, STR(".jsonl")) && !str_ends(name, STR(".log")) &&
            !str_ends(name, STR(".ini")))
            continue;
        if (str_equal(name, STR("eve-schema.json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        try_file(run, path);
    }
    closedir(dir);
}

static void report(const struct run *run)
{
    printf("%-18s %4u events, %4u with observables, %3u without a title, severities", run->source,
        run->events, run->with_observables, run->guessed_titles);
    for (int i = 0; i < SEVERITY_COUNT; i++)
        printf(" %u", run->severities[i]);
    printf("\n");
}

static void every_real_alert_becomes_a_valid_finding(void **state)
{
    static const struct {
        const char *source, *place;
    } places[] = {
        { "wazuh", "alerts/wazuh/alerts" },
        { "wazuh", "alerts/wazuh/ruleset-tests" },
        { "suricata", "alerts/suricata" },
        { "falco", "alerts/falco" },
        { "alertmanager", "alerts/alertmanager" },
        { "elastic-security", "alerts/elastic-security" },
        { "ms-sentinel", "alerts/ms-sentinel" },
        { "splunk-notable", "alerts/splunk-notable" },
        { "keep", "alerts/keep" },
        { "panther", "alerts/panther" },
        { "rapid7", "alerts/rapid7" },
        { "zeek", "alerts/zeek" },
        { "syslog", "alerts/syslog" },
        { "cef", "alerts/syslog/sc4s-messages.jsonl" },
        { "leef", "alerts/syslog/sc4s-messages.jsonl" },
        { "github", "alerts/github-webhooks.jsonl" },
        { "thehive", "alerts/thehive.jsonl" },
        { "ocsf", "ocsf/samples.jsonl" },
    };
    struct run run = { .content = *state };
    if (!schema_load(&run.schema))
        return;
    unsigned invalid = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        run.source = places[i].source;
        run.events = run.with_observables = run.guessed_titles = run.invalid = 0;
        memset(run.severities, 0, sizeof(run.severities));
        if (str_ends(str_of(places[i].place), STR(".jsonl")))
            try_file(&run, places[i].place);
        else
            try_folder(&run, places[i].place);
        report(&run);
        invalid += run.invalid;
    }
    arena_done(&run.schema.arena);
    assert_int_equal(invalid, 0);
}

static void the_samples_of_the_repository_are_valid_findings(void **state)
{
    struct run run = { .content = *state };
    if (!schema_load(&run.schema))
        return;
    DIR *dir = opendir(TOCSIN_SOURCE_ROOT "/tests/samples");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[300], source[64] = "";
        const char *dash = strchr(entry->d_name, '.');
        bool is_sample = str_ends(str_of(entry->d_name), STR(".json")) ||
            str_ends(str_of(entry->d_name), STR(".txt"));
        if (!dash || !is_sample)
            continue;
        (void)source;
        snprintf(path, sizeof(path), "tests/samples/%s", entry->d_name);
        AUTO(arena) struct arena arena = { 0 };
        struct str text = read_file(&arena, path);
        struct sources *sources = run.content->sources;
        /* The longest name of a source that the file's begins with. */
        for (size_t size = strlen(entry->d_name); size > 0; size--) {
            struct str name = { entry->d_name, size };
            if (sources_find(sources, name) && entry->d_name[size] == '-') {
                memcpy(source, entry->d_name, size < 63 ? size : 63);
                break;
            }
        }
        assert_true(source[0] != '\0');
        run.source = source;
        try_text(&run, text);
    }
    closedir(dir);
    arena_done(&run.schema.arena);
    assert_true(run.events > 0);
    assert_int_equal(run.invalid, 0);
    assert_int_equal(run.guessed_titles, 0);
}

/* A mapping can only write what the schema has. */
static void every_field_of_the_table_is_in_the_schema(void **state)
{
    struct ocsf_schema schema = { 0 };
    uint32_t count = 0;
    const struct ocsf_field *fields = ocsf_fields(&count);
    (void)state;
    if (!schema_load(&schema))
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct value definition = schema.classes[0];
        struct str rest = fields[i].path, part;
        while (str_split(&rest, '.', &part)) {
            bool is_known = false;
            struct value type = schema_field(&schema, definition, part, STR("type"), &is_known);
            bool is_top = part.data == fields[i].path.data;
            if (type.type != VALUE_STRING || (!is_top && !is_known))
                fail_msg("%.*s: the schema has no '%.*s'", STR_ARG(fields[i].path), STR_ARG(part));
            definition = value_get(schema.objects, value_str(type));
        }
    }
    arena_done(&schema.arena);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_the_table_is_in_the_schema),
        cmocka_unit_test_setup_teardown(every_real_alert_becomes_a_valid_finding, content_make, content_free),
        cmocka_unit_test_setup_teardown(
            the_samples_of_the_repository_are_valid_findings, content_make, content_free),
    };
    return cmocka_run_group_tests_name("ingest_ocsf", tests, NULL, NULL);
}
