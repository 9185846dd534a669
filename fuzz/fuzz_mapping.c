/* Any event through each built-in source, and any text as a source of its own: an event that is JSON always
 * makes an alert. Run in the source root, where content/sources is. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/pack.h"
#include "base/text.h"
#include "ingest/mapping.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *count, char ***arguments);

#define SOURCES 40
static struct arena boot;
static struct source *builtin[SOURCES];
static unsigned builtin_count;

static struct str read_file(const char *name)
{
    char path[400];
    struct buf buf = { 0 };
    struct str text = { 0 };
    snprintf(path, sizeof(path), "content/sources/%s", name);
    FILE *file = fopen(path, "rb");
    require(file != NULL);
    char part[4096];
    for (size_t size; (size = fread(part, 1, sizeof(part), file)) > 0;)
        buf_add(&buf, (struct str){ part, size });
    fclose(file);
    require(arena_str(&boot, buf_str(&buf), &text, NULL) == ERR_OK);
    buf_done(&buf);
    return text;
}

static void add_builtin(struct str text)
{
    struct diagnostics found;
    diagnostics_init(&found, &boot, STR("builtin"));
    require(builtin_count < SOURCES);
    require(source_parse(&boot, text, &found, &builtin[builtin_count++], NULL) == ERR_OK);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    add_builtin(STR("source: generic\nguess: true\n"));
    DIR *folder = opendir("content/sources");
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        if (str_ends(str_of(entry->d_name), STR(".yaml")) && !strstr(entry->d_name, ".test."))
            add_builtin(read_file(entry->d_name));
    }
    if (folder)
        closedir(folder);
    return 0;
}

static void check_observables(struct value list)
{
    require(list.type == VALUE_LIST && list.size <= ALERT_OBSERVABLES_MAX);
    for (uint32_t i = 0; i < list.size; i++) {
        struct value text = value_get(list.items[i], STR("value"));
        require(text.type == VALUE_STRING && text.size > 0 && text.size <= OBSERVABLE_VALUE_BYTES_MAX);
        require(utf8_is_valid(value_str(text)));
        require(value_get(list.items[i], STR("type_id")).type == VALUE_INT);
    }
}

/* Nothing of ours has a dollar sign, so a text with one is the event's, and has to say so, or what holds it.
 */
static void check_marks(struct value v)
{
    if (v.type == VALUE_STRING)
        require((v.flags & VALUE_OUTSIDE) || !str_contains(value_str(v), STR("$")));
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        check_marks(value_part_of(v, v.items[i]));
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++) {
        check_marks(value_part_of(v, value_map_entries(v)[i].key));
        check_marks(value_part_of(v, value_map_entries(v)[i].value));
    }
}

static void check(const struct mapped *mapped)
{
    AUTO(buf) struct buf packed = { 0 };
    struct value title = value_path(mapped->body, STR("finding_info.title"));
    require(title.type == VALUE_STRING && title.size > 0 && title.size <= ALERT_TITLE_BYTES_MAX);
    require(utf8_is_valid(value_str(title)));
    require(value_path(mapped->body, STR("finding_info.uid")).type == VALUE_STRING);
    require(value_get(mapped->body, STR("time")).type == VALUE_INT);
    require(mapped->severity < SEVERITY_COUNT);
    require(mapped->tags.type == VALUE_LIST && mapped->tags.size <= TAGS_MAX);
    check_observables(value_get(mapped->body, STR("observables")));
    pack_value(&packed, mapped->body);
    require(buf_check(&packed, NULL) == ERR_OK);
}

static void map(const struct source *source, struct value event)
{
    AUTO(arena) struct arena arena = { 0 };
    struct mapped first, second;
    struct instant received = { INT64_C(1780000000) * US_PER_S };
    struct err_info why = { 0 };
    if (mapping_apply(source, STR("fuzz"), event, received, &arena, &first, &why) != ERR_OK) {
        require(why.code == ERR_MEMORY);
        return;
    }
    check(&first);
    if (event.flags & VALUE_OUTSIDE)
        check_marks(first.body);
    require(mapping_apply(source, STR("fuzz"), event, received, &arena, &second, &why) == ERR_OK);
    require(memcmp(&first.fingerprint, &second.fingerprint, sizeof(first.fingerprint)) == 0);
}

static const char sample[] =
    "{\"rule\":{\"id\":\"5712\",\"level\":10,\"description\":\"brute force\",\"groups\":[\"sshd\"]},"
    "\"agent\":{\"name\":\"web-01\",\"ip\":\"198.51.100.14\"},\"data\":{\"srcip\":\"203.0.113.9\"},"
    "\"list\":[1,2.5,null,true,{\"a\":\"b\"}],\"timestamp\":\"2026-03-14T08:26:53.589+0000\"}";

static void try_source(struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct diagnostics found;
    struct source *source;
    struct value event;
    diagnostics_init(&found, &arena, STR("fuzz.yaml"));
    if (source_parse(&arena, text, &found, &source, NULL) != ERR_OK)
        return;
    require(json_parse(&arena, STR(sample), &options, &event, NULL) == ERR_OK);
    map(source, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    struct str text = { (const char *)data, size };
    struct value event;
    if (str_starts(text, STR("source:"))) {
        try_source(text);
        return 0;
    }
    if (json_parse(&arena, text, &options, &event, NULL) != ERR_OK)
        event = utf8_is_valid(text) ? value_outside(text) : value_bytes(text);
    for (unsigned i = 0; i < builtin_count; i++)
        map(builtin[i], event);
    return 0;
}
