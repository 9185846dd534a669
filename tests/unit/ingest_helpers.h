/* Sources from content/ and events as values. Tests run in the source root's or the build's folder. */
#ifndef TOCSIN_TESTS_INGEST_HELPERS_H
#define TOCSIN_TESTS_INGEST_HELPERS_H

#include <dirent.h>

#include "base/json.h"
#include "base/limits.h"
#include "cases/observable.h"
#include "ingest/mapping.h"
#include "store_helpers.h"

#ifndef TOCSIN_SOURCE_ROOT
#define TOCSIN_SOURCE_ROOT "."
#endif

struct content {
    struct arena arena;
    struct sources *sources;
    struct err_info why;
};

UNUSED static struct str read_file(struct arena *arena, const char *path)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", TOCSIN_SOURCE_ROOT, path);
    FILE *file = fopen(full, "rb");
    if (!file)
        fail_msg("no file %s", full);
    struct buf buf = { 0 };
    char part[4096];
    for (size_t size; (size = fread(part, 1, sizeof(part), file)) > 0;)
        buf_add(&buf, (struct str){ part, size });
    fclose(file);
    struct str text;
    assert_int_equal(arena_str(arena, buf_str(&buf), &text, NULL), ERR_OK);
    buf_done(&buf);
    return text;
}

UNUSED static void print_diagnostics(const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++)
        print_error("%.*s:%u:%u: %.*s [%s]\n", STR_ARG(found->items[i].file), found->items[i].line,
            found->items[i].column, STR_ARG(found->items[i].text), found->items[i].code);
}

/* All of content/sources. */
UNUSED static int content_make(void **state)
{
    struct content *content = calloc(1, sizeof(*content));
    assert_non_null(content);
    struct source_file files[100];
    struct diagnostics found;
    size_t count = 0;
    DIR *folder = opendir(TOCSIN_SOURCE_ROOT "/content/sources");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < 100;) {
        char path[600];
        if (!strstr(entry->d_name, ".yaml") || strstr(entry->d_name, ".test."))
            continue;
        snprintf(path, sizeof(path), "content/sources/%s", entry->d_name);
        struct str name;
        assert_int_equal(arena_str(&content->arena, str_of(path), &name, NULL), ERR_OK);
        files[count++] = (struct source_file){ name, read_file(&content->arena, path) };
    }
    closedir(folder);
    diagnostics_init(&found, &content->arena, STR(""));
    if (sources_read(files, count, &found, &content->sources, &content->why) != ERR_OK) {
        print_diagnostics(&found);
        fail_msg("%s", content->why.text);
    }
    *state = content;
    return 0;
}

UNUSED static int content_free(void **state)
{
    struct content *content = *state;
    sources_free(content->sources);
    arena_done(&content->arena);
    free(content);
    return 0;
}

UNUSED static struct value event_of(struct content *content, struct str text)
{
    struct value v;
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    test_check(json_parse(&content->arena, text, &options, &v, &content->why), &content->why);
    return v;
}

#define RECEIVED ((struct instant){ INT64_C(1780000000123456) })

UNUSED static struct mapped map_event(struct content *content, const char *source, struct value event)
{
    struct mapped mapped;
    struct str name = str_of(source);
    test_check(mapping_apply(sources_get(content->sources, name), name, event, RECEIVED, &content->arena,
                   &mapped, &content->why),
        &content->why);
    return mapped;
}

UNUSED static struct mapped map_text(struct content *content, const char *source, const char *text)
{
    return map_event(content, source, event_of(content, str_of(text)));
}

UNUSED static void assert_json(struct value v, const char *path, const char *expected)
{
    AUTO(buf) struct buf json = { 0 };
    json_print(&json, *path ? value_path(v, str_of(path)) : v, 0);
    if (!str_equal(buf_str(&json), str_of(expected)))
        fail_msg("%s: %.*s, not %s", path, STR_ARG(buf_str(&json)), expected);
}

/* Whether there is an observable of this type and value. */
UNUSED static bool has_observable(struct value body, int type_id, const char *text)
{
    struct value items = value_get(body, STR("observables"));
    for (uint32_t i = 0; i < items.size; i++) {
        if (value_get(items.items[i], STR("type_id")).integer == type_id &&
            value_is_text(value_get(items.items[i], STR("value")), str_of(text)))
            return true;
    }
    return false;
}

#endif
