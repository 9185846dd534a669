/* A scenario file: README.md has its format. */
#include <stdio.h>
#include <string.h>

#include "base/yaml.h"
#include "scenario.h"

#define FILE_BYTES_MAX (1 << 20)

static FALLIBLE read_file(const char *path, struct arena *arena, struct str *ret, struct err_info *why)
{
    char *bytes = arena_bytes(arena, FILE_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file) {
        if (file)
            (void)fclose(file); /* nothing was written */
        return err_set(why, ERR_IO, "%s: it can't be opened", path);
    }
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    (void)fclose(file); /* nothing was written */
    *ret = (struct str){ bytes, size };
    return ERR_OK;
}

/* What the file says holds for each of its cases that does not say it itself. */
static FALLIBLE with_defaults(
    struct arena *arena, struct value file, struct value given, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < file.size; i++) {
        const struct value_entry *entry = &value_map_entries(file)[i];
        if (!value_is_text(entry->key, STR("cases")))
            TRY(value_map_put(&map, entry->key, entry->value, why));
    }
    for (uint32_t i = 0; i < given.size; i++) {
        const struct value_entry *entry = &value_map_entries(given)[i];
        TRY(value_map_put(&map, entry->key, entry->value, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE check_keys(struct value given, struct err_info *why)
{
    static const char *const keys[] = { "name", "playbook", "playbooks", "actions", "mocks", "answers", "now",
        "start", "inputs", "alert", "event", "case", "offer", "then", "expect", "crash", "about", "guardrail",
        "vanishes", "subjects", "dry", "heavy" };
    for (uint32_t i = 0; i < given.size; i++) {
        struct value key = value_map_entries(given)[i].key;
        bool is_known = false;
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            is_known |= value_is_text(key, str_of(keys[k]));
        if (!is_known)
            return err_set(why, ERR_INVALID, "unknown key \"%.*s\"", STR_ARG(value_str(key)));
    }
    return ERR_OK;
}

enum err scenario_file_read(
    const char *path, struct arena *arena, struct scenario_file *ret, struct err_info *why)
{
    struct yaml_node *root = NULL;
    struct str text;
    struct value file;
    const char *slash = strrchr(path, '/');
    TRY(read_file(path, arena, &text, why));
    TRY(yaml_parse(arena, text, &root, why));
    TRY(yaml_to_value(arena, root, &file, why));
    struct value cases = value_get(file, STR("cases"));
    if (cases.type != VALUE_LIST || cases.size == 0)
        return err_set(why, ERR_INVALID, "there are no `cases`");
    struct scenario *scenarios = ARENA_ARRAY(arena, cases.size, struct scenario);
    if (!scenarios)
        return err_memory(why);
    for (uint32_t i = 0; i < cases.size; i++) {
        struct scenario *scenario = &scenarios[i];
        *scenario = (struct scenario){ .file = str_of(slash ? slash + 1 : path) };
        TRY(with_defaults(arena, file, cases.items[i], &scenario->given, why));
        TRY(check_keys(scenario->given, why));
        scenario->name = value_str(value_get(scenario->given, STR("name")));
    }
    *ret = (struct scenario_file){ scenarios, cases.size };
    return ERR_OK;
}
