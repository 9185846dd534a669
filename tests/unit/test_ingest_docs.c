/* docs/sources.md: its examples give what it says, its lists are complete. */
#include "ingest/ocsf.h"
#include "ingest_helpers.h"
#include "source_page.h"

/* The text between a line "```KIND" and the next "```"; `*at` moves behind it. */
static bool next_block(struct str page, size_t *at, struct str *ret_kind, struct str *ret)
{
    ptrdiff_t fence = str_find(page, STR("\n```"), *at);
    if (fence < 0)
        return false;
    size_t kind = (size_t)fence + 4;
    ptrdiff_t line = str_find_byte(page, '\n', kind);
    assert_true(line > 0);
    ptrdiff_t end = str_find(page, STR("\n```\n"), (size_t)line);
    assert_true(end > 0);
    *ret_kind = str_slice(page, kind, (size_t)line);
    *ret = str_slice(page, (size_t)line + 1, (size_t)end + 1);
    *at = (size_t)end + 4;
    return true;
}

struct docs {
    struct arena arena;
    struct sources *sources;
    struct str name;
    struct value event;
    struct err_info why;
    unsigned sources_read, alerts_compared;
};

static void read_source(struct docs *docs, struct str text)
{
    struct source_file file = { STR("docs/sources.md"), text };
    struct diagnostics found;
    struct source *source;
    diagnostics_init(&found, &docs->arena, STR(""));
    sources_free(docs->sources);
    docs->sources = NULL;
    enum err result = sources_read(&file, 1, &found, &docs->sources, &docs->why);
    print_diagnostics(&found);
    test_check(result, &docs->why);
    test_check(source_parse(&docs->arena, text, &found, &source, &docs->why), &docs->why);
    docs->name = source_name(source);
    docs->sources_read++;
}

/* Maps are compared key by key, so that an example shows what it is about. */
static bool is_within(struct value part, struct value whole)
{
    if (part.type != VALUE_MAP)
        return value_equal(part, whole);
    const struct value_entry *entries = value_map_entries(part);
    for (uint32_t i = 0; i < part.size; i++) {
        if (!is_within(entries[i].value, value_get(whole, value_str(entries[i].key)))) {
            AUTO(buf) struct buf json = { 0 };
            json_print(&json, value_get(whole, value_str(entries[i].key)), 0);
            print_error("%.*s is %.*s\n", STR_ARG(value_str(entries[i].key)), STR_ARG(buf_str(&json)));
            return false;
        }
    }
    return whole.type == VALUE_MAP;
}

static void compare_alert(struct docs *docs, struct value expected)
{
    struct mapped mapped;
    struct value whole;
    test_check(mapping_apply(sources_get(docs->sources, docs->name), docs->name, docs->event, RECEIVED,
                   &docs->arena, &mapped, &docs->why),
        &docs->why);
    struct alert_new arriving = { .tenant = 1,
        .source = docs->name,
        .seen = RECEIVED,
        .severity = mapped.severity,
        .status = ALERT_NEW,
        .body = mapped.body,
        .tags = mapped.tags };
    test_check(alert_value_of_new(&arriving, &docs->arena, &whole, &docs->why), &docs->why);
    if (!is_within(expected, whole))
        fail_msg("the example of %.*s does not hold", STR_ARG(docs->name));
    docs->alerts_compared++;
}

static struct value parse(struct docs *docs, struct str text)
{
    struct value v;
    struct json_options options = { 0 };
    test_check(json_parse(&docs->arena, text, &options, &v, &docs->why), &docs->why);
    return v;
}

static void each_example_gives_what_the_page_says(void **state)
{
    (void)state;
    struct docs docs = { 0 };
    AUTO(buf) struct buf page = { 0 };
    struct str kind, text;
    size_t at = 0;
    assert_true(source_page_read("sources.md", &page));
    while (next_block(buf_str(&page), &at, &kind, &text)) {
        if (str_equal(kind, STR("yaml")))
            read_source(&docs, text);
        else if (str_equal(kind, STR("json event")))
            docs.event = parse(&docs, text);
        else if (str_equal(kind, STR("json alert")))
            compare_alert(&docs, parse(&docs, text));
    }
    assert_true(docs.sources_read >= 5);
    assert_true(docs.alerts_compared >= 4);
    sources_free(docs.sources);
    arena_done(&docs.arena);
}

static bool is_quoted(struct str page, struct str word)
{
    char quoted[200];
    snprintf(quoted, sizeof(quoted), "`%.*s`", STR_ARG(word));
    return str_contains(page, str_of(quoted));
}

static void each_field_is_listed(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    uint32_t count;
    const struct ocsf_field *fields = ocsf_fields(&count);
    assert_true(source_page_read("sources.md", &page));
    for (uint32_t i = 0; i < count; i++) {
        if (!is_quoted(buf_str(&page), fields[i].path))
            fail_msg("the page lacks `%.*s`", STR_ARG(fields[i].path));
    }
}

static void each_built_in_source_is_listed(void **state)
{
    struct content *content = *state;
    AUTO(buf) struct buf page = { 0 };
    struct value list;
    assert_true(source_page_read("sources.md", &page));
    test_check(
        sources_describe(content->sources, STR(""), &content->arena, &list, &content->why), &content->why);
    for (uint32_t i = 0; i < list.size; i++) {
        struct str name = value_str(value_get(list.items[i], STR("name")));
        if (!is_quoted(buf_str(&page), name))
            fail_msg("the page lacks `%.*s`", STR_ARG(name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_gives_what_the_page_says),
        cmocka_unit_test(each_field_is_listed),
        cmocka_unit_test_setup_teardown(each_built_in_source_is_listed, content_make, content_free),
    };
    return cmocka_run_group_tests_name("ingest_docs", tests, NULL, NULL);
}
