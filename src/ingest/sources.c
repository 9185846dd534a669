/* One source's answers, and all sources together. */
#include <stdlib.h>

#include "base/memory.h"
#include "cases/note.h"
#include "ingest/source_impl.h"

/* Looks in any shape for what an alert needs. It merges nothing: what makes two unknown events alike is not
 * known. */
const char source_generic_text[] =
    "source: generic\n"
    "title: Anything else\n"
    "description: Finds titles, severities, times, addresses and names in any shape.\n"
    "guess: true\n";

struct sources {
    struct arena arena;
    struct source **items; /* by name */
    uint32_t count;
    const struct source *generic;
};

bool source_name_is_valid(struct str name)
{
    if (name.size == 0 || name.size > SOURCE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && (i == 0 || (c != '-' && c != '_')))
            return false;
    }
    return true;
}

struct str source_name(const struct source *source)
{
    return source->name;
}

struct str source_title(const struct source *source)
{
    return source->title;
}

const struct source_hmac *source_hmac(const struct source *source)
{
    return source->hmac.scheme != HMAC_NONE ? &source->hmac : NULL;
}

bool source_takes(const struct source *source, struct str content_type)
{
    for (uint32_t i = 0; i < source->content_type_count; i++) {
        if (str_equal_nocase(source->content_types[i], content_type))
            return true;
    }
    return source->content_type_count == 0;
}

/* ---- reading ---- */

static enum err add_file(struct sources *sources, const struct source_file *file, struct diagnostics *found,
    bool *ret_is_good, struct err_info *why)
{
    struct source *source;
    struct str text;
    /* Names and texts of the source point into it. */
    TRY(arena_str(&sources->arena, file->text, &text, why));
    found->file = file->name;
    enum err parsed = source_parse(&sources->arena, text, found, &source, why);
    *ret_is_good = parsed == ERR_OK;
    if (parsed != ERR_OK)
        return parsed == ERR_INVALID ? ERR_OK : parsed;
    for (uint32_t i = 0; i < sources->count; i++) {
        if (str_equal(sources->items[i]->name, source->name)) {
            sources->items[i] = source;
            return ERR_OK;
        }
    }
    sources->items[sources->count++] = source;
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    struct source *const *left = a, *const *right = b;
    return str_compare((*left)->name, (*right)->name);
}

static enum err read_files(struct sources *sources, const struct source_file *files, size_t count,
    struct diagnostics *found, struct err_info *why)
{
    struct source_file generic = { STR("generic.yaml"), str_of(source_generic_text) };
    bool all_good = true, is_good = false;
    if (count > SOURCES_MAX)
        return err_named(why, ERR_LIMIT, "SOURCES_MAX", "%zu sources, %d are the limit", count, SOURCES_MAX);
    sources->items = ARENA_ARRAY(&sources->arena, count + 1, struct source *);
    if (!sources->items)
        return err_memory(why);
    TRY(add_file(sources, &generic, found, &is_good, why));
    for (size_t i = 0; i < count; i++) {
        TRY(add_file(sources, &files[i], found, &is_good, why));
        all_good = all_good && is_good;
    }
    if (!all_good)
        return err_named(why, ERR_INVALID, "source", "%u faults in the sources", found->error_count);
    qsort(sources->items, sources->count, sizeof(struct source *), by_name);
    sources->generic = sources_find(sources, STR("generic"));
    return ERR_OK;
}

enum err sources_read(const struct source_file *files, size_t count, struct diagnostics *found,
    struct sources **ret, struct err_info *why)
{
    struct sources *sources = memory_alloc(sizeof(*sources));
    if (!sources)
        return err_memory(why);
    *sources = (struct sources){ 0 };
    enum err result = read_files(sources, files, count, found, why);
    if (result != ERR_OK) {
        sources_free(sources);
        return result;
    }
    *ret = sources;
    return ERR_OK;
}

void sources_free(struct sources *sources)
{
    if (!sources)
        return;
    arena_done(&sources->arena);
    memory_free(sources);
}

const struct source *sources_find(const struct sources *sources, struct str name)
{
    uint32_t low = 0, high = sources->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(sources->items[middle]->name, name);
        if (order == 0)
            return sources->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct source *sources_get(const struct sources *sources, struct str name)
{
    const struct source *source = sources_find(sources, name);
    return source ? source : sources->generic;
}

/* ---- describing ---- */

static enum err fingerprint_texts(
    const struct source *source, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < source->fingerprint_count; i++) {
        const struct way *way = &source->fingerprint[i].ways[0];
        AUTO(buf) struct buf text = { 0 };
        struct str copy;
        if (way->expr)
            buf_add(&text, expr_source(way->expr));
        else
            buf_add_text(&text, "event");
        for (uint32_t j = 0; !way->expr && j < way->key_count; j++) {
            buf_add_byte(&text, '.');
            buf_add(&text, way->keys[j]);
        }
        TRY(buf_check(&text, why));
        TRY(arena_str(arena, buf_str(&text), &copy, why));
        TRY(value_list_add(&list, value_string(copy), why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static enum err describe(
    const struct source *source, struct arena *arena, struct value *ret, struct err_info *why)
{
    static const char *const schemes[] = { "", "github", "jira", "slack", "stripe", "header" };
    struct value_map_builder map;
    struct value_list_builder types;
    struct value fingerprint;
    value_map_begin(&map, arena);
    value_list_begin(&types, arena);
    for (uint32_t i = 0; i < source->content_type_count; i++)
        TRY(value_list_add(&types, value_string(source->content_types[i]), why));
    TRY(fingerprint_texts(source, arena, &fingerprint, why));
    TRY(value_map_set(&map, "name", value_string(source->name), why));
    TRY(value_map_set(&map, "title", value_string(source->title), why));
    TRY(set_text(&map, "description", source->description, why));
    TRY(set_text(&map, "product", source->product, why));
    TRY(set_text(&map, "vendor", source->vendor, why));
    TRY(value_map_set(&map, "content_types", value_list_end(&types), why));
    TRY(set_text(&map, "hmac", str_of(schemes[source->hmac.scheme]), why));
    TRY(value_map_set(&map, "dedup_window",
        value_duration(source->window_us / US_PER_S, (int32_t)(source->window_us % US_PER_S * 1000)), why));
    TRY(value_map_set(&map, "fingerprint", fingerprint, why));
    TRY(value_map_set(&map, "fields", value_int(source->field_count), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* Copied: the sources may be replaced while the answer is on its way. */
static enum err describe_copy(
    const struct source *source, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value described;
    TRY(describe(source, arena, &described, why));
    return value_copy(arena, described, ret, why);
}

enum err sources_describe(const struct sources *sources, struct str name, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    if (name.size > 0) {
        const struct source *source = sources_find(sources, name);
        if (!source)
            return err_named(why, ERR_NOT_FOUND, "source", "no source '%.*s'", STR_ARG(name));
        return describe_copy(source, arena, ret, why);
    }
    struct value_list_builder list;
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < sources->count; i++) {
        struct value item;
        TRY(describe_copy(sources->items[i], arena, &item, why));
        TRY(value_list_add(&list, item, why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}
