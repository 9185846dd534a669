#include "content.h"

#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/yaml.h"
#include "embedded.h"
#include "file.h"
#include "store/store.h"

#define STAMP_SEED UINT64_C(1469598103934665603) /* FNV-1a, 64 bit */
#define STAMP_PRIME UINT64_C(1099511628211)

/* ---- reading ---- */

static enum content_kind kind_of_name(struct str name)
{
    if (str_ends(name, STR(".test.yaml")))
        return CONTENT_OTHER;
    if (str_starts(name, STR("connectors/")))
        return CONTENT_CONNECTOR;
    if (str_starts(name, STR("sources/")))
        return CONTENT_SOURCE;
    return str_starts(name, STR("playbooks/")) ? CONTENT_PLAYBOOK : CONTENT_OTHER;
}

/* A text that is no YAML counts as a playbook: its reader says best what is wrong with it. */
static FALLIBLE kind_of_text(struct str name, struct str text, enum content_kind *ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    *ret = CONTENT_OTHER;
    if (str_ends(name, STR(".test.yaml")))
        return ERR_OK;
    enum err result = yaml_parse(&arena, text, &root, NULL);
    if (result == ERR_MEMORY)
        return err_memory(why);
    if (result != ERR_OK || yaml_find(root, STR("playbook")) != NULL)
        *ret = CONTENT_PLAYBOOK;
    else if (yaml_find(root, STR("connector")) != NULL)
        *ret = CONTENT_CONNECTOR;
    else if (yaml_find(root, STR("source")) != NULL)
        *ret = CONTENT_SOURCE;
    return ERR_OK;
}

static FALLIBLE add_builtin(
    struct arena *arena, const struct embedded_file *file, struct content *content, struct err_info *why)
{
    struct content_file *to = &content->files[content->count++];
    TRY(arena_printf(arena, &to->name, why, "content/%s", file->name));
    to->kind = kind_of_name(str_of(file->name));
    to->is_builtin = true;
    to->text = (struct str){ file->bytes, file->size };
    return ERR_OK;
}

static FALLIBLE add_file(struct arena *arena, const char *path, struct content *content, struct err_info *why)
{
    struct content_file *to = &content->files[content->count++];
    *to = (struct content_file){ 0 };
    TRY(file_read(path, YAML_BYTES_MAX, arena, &to->text, why));
    to->name = str_of(path);
    return kind_of_text(to->name, to->text, &to->kind, why);
}

enum err content_read(struct arena *arena, const char *const *folders, size_t folder_count,
    struct content *ret, struct err_info *why)
{
    struct file_list list = { 0 };
    size_t builtin_count = 0;
    while (embedded_content[builtin_count].name)
        builtin_count++;
    for (size_t i = 0; i < folder_count; i++)
        TRY(file_walk(folders[i], ".yaml", arena, &list, why));
    *ret = (struct content){ .files = ARENA_ARRAY(
                                 arena, builtin_count + list.count + 1, struct content_file) };
    if (ret->files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < builtin_count; i++)
        TRY(add_builtin(arena, &embedded_content[i], ret, why));
    for (size_t i = 0; i < list.count; i++)
        TRY(add_file(arena, list.paths[i], ret, why));
    return ERR_OK;
}

static uint64_t stamp_bytes(uint64_t stamp, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        stamp = (stamp ^ ((const uint8_t *)bytes)[i]) * STAMP_PRIME;
    return stamp;
}

uint64_t content_stamp(const char *const *folders, size_t folder_count)
{
    AUTO(arena) struct arena arena = { 0 };
    struct file_list list = { 0 };
    uint64_t stamp = STAMP_SEED;
    for (size_t i = 0; i < folder_count; i++)
        if (file_walk(folders[i], ".yaml", &arena, &list, NULL) != ERR_OK)
            return 0;
    for (size_t i = 0; i < list.count; i++) {
        struct stat info;
        if (stat(list.paths[i], &info) != 0)
            return 0;
        stamp = stamp_bytes(stamp, list.paths[i], strlen(list.paths[i]) + 1);
        stamp = stamp_bytes(stamp, &info.st_mtim, sizeof info.st_mtim);
        stamp = stamp_bytes(stamp, &info.st_size, sizeof info.st_size);
        stamp = stamp_bytes(stamp, &info.st_ino, sizeof info.st_ino);
    }
    return stamp;
}

/* ---- loading ---- */

enum err content_load_connectors(
    const struct content *content, struct connect *connect, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct connector_file *files = ARENA_ARRAY(&arena, content->count + 1, struct connector_file);
    size_t count = 0;
    if (files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < content->count; i++)
        if (content->files[i].kind == CONTENT_CONNECTOR)
            files[count++] = (struct connector_file){ content->files[i].name, content->files[i].text };
    return connect_load(connect, files, count, found, why);
}

enum err content_source_files(const struct content *content, struct arena *arena,
    struct source_file **ret_files, size_t *ret_count, struct err_info *why)
{
    struct source_file *files = ARENA_ARRAY(arena, content->count + 1, struct source_file);
    size_t count = 0;
    if (files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < content->count; i++)
        if (content->files[i].kind == CONTENT_SOURCE)
            files[count++] = (struct source_file){ content->files[i].name, content->files[i].text };
    *ret_files = files;
    *ret_count = count;
    return ERR_OK;
}

enum err content_load_sources(
    const struct content *content, struct ingest *ingest, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct source_file *files;
    size_t count;
    TRY(content_source_files(content, &arena, &files, &count, why));
    return ingest_load(ingest, files, count, found, why);
}

/* ---- playbooks ---- */

struct str playbook_text_name(struct arena *arena, struct str text)
{
    struct yaml_node *root;
    if (yaml_parse(arena, text, &root, NULL) != ERR_OK)
        return STR("");
    const struct yaml_node *name = yaml_find(root, STR("playbook"));
    return name != NULL && name->kind == YAML_SCALAR ? name->text : STR("");
}

static bool is_to_publish(const struct content_file *file, struct engine *engine)
{
    AUTO(arena) struct arena arena = { 0 };
    bool is_enabled = false;
    struct str name = playbook_text_name(&arena, file->text);
    struct playbook *live = engine_find_playbook(engine, TENANT_DEFAULT, name, NULL, &is_enabled);
    if (live == NULL)
        return true;
    bool is_same = str_equal(live->source, file->text);
    playbook_release(live);
    return !is_same && !(file->is_builtin && is_enabled);
}

/* One pass: publishes what it can, gives the number of those that failed. A playbook may call one that comes
 * later, so what failed is tried again for as long as others succeed. */
static FALLIBLE publish_pass(const struct content *content, bool *is_done, struct engine *engine,
    struct diagnostics *found, size_t *ret_failed, struct err_info *why)
{
    *ret_failed = 0;
    for (size_t i = 0; i < content->count; i++) {
        const struct content_file *file = &content->files[i];
        uint32_t version;
        if (is_done[i])
            continue;
        found->file = file->name;
        enum err result = engine_publish(
            engine, TENANT_DEFAULT, STR("content"), file->text, !file->is_builtin, found, &version, why);
        if (result != ERR_OK && result != ERR_INVALID)
            return result;
        if (found->is_out_of_memory)
            return err_memory(why);
        is_done[i] = result == ERR_OK;
        *ret_failed += result != ERR_OK;
    }
    return ERR_OK;
}

enum err content_publish(const struct content *content, struct engine *engine, struct diagnostics *found,
    size_t *ret_failed, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    bool *is_done = ARENA_ARRAY(&arena, content->count + 1, bool);
    size_t left = 0, failed = 0;
    if (is_done == NULL)
        return err_memory(why);
    for (size_t i = 0; i < content->count; i++) {
        const struct content_file *file = &content->files[i];
        is_done[i] = file->kind != CONTENT_PLAYBOOK || !is_to_publish(file, engine);
        left += !is_done[i];
    }
    const struct diagnostics before = *found;
    for (failed = left; failed > 0;) {
        left = failed;
        *found = before; /* what an earlier pass said may be mended by what it published */
        TRY(publish_pass(content, is_done, engine, found, &failed, why));
        if (failed == left)
            break;
    }
    *ret_failed = failed;
    return ERR_OK;
}
