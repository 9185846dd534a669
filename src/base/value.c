#include "base/value.h"

#include <assert.h>
#include <string.h>

#include "base/value_hash.h"

const struct value_entry value_no_entry;

static const char *const type_names[VALUE_TYPE_COUNT] = {
    [VALUE_NULL] = "null_type",
    [VALUE_BOOL] = "bool",
    [VALUE_INT] = "int",
    [VALUE_UINT] = "uint",
    [VALUE_DOUBLE] = "double",
    [VALUE_STRING] = "string",
    [VALUE_BYTES] = "bytes",
    [VALUE_LIST] = "list",
    [VALUE_MAP] = "map",
    [VALUE_TIMESTAMP] = "google.protobuf.Timestamp",
    [VALUE_DURATION] = "google.protobuf.Duration",
    [VALUE_TYPE] = "type",
    [VALUE_OPTIONAL] = "optional_type",
    [VALUE_IP] = "net.IP",
    [VALUE_CIDR] = "net.CIDR",
    [VALUE_SECRET] = "secret",
};

const char *value_type_name(enum value_type type)
{
    assert((unsigned)type < VALUE_TYPE_COUNT);
    return type_names[type];
}

struct value value_timestamp(int64_t seconds, int32_t nanos)
{
    return (struct value){ .type = VALUE_TIMESTAMP, .size = (uint32_t)nanos, .seconds = seconds };
}

struct value value_duration(int64_t seconds, int32_t nanos)
{
    return (struct value){ .type = VALUE_DURATION, .size = (uint32_t)nanos, .seconds = seconds };
}

/* Twice the room for a growing array in an arena; the old one stays behind until the arena goes. */
static void *grow_array(
    struct arena *arena, const void *old, uint32_t count, uint32_t *room, size_t item_size)
{
    uint32_t larger = *room ? *room * 2 : 8;
    if (larger < *room)
        return NULL;
    void *array = arena_array(arena, larger, item_size);
    if (array == NULL)
        return NULL;
    if (count > 0)
        memcpy(array, old, count * item_size);
    *room = larger;
    return array;
}

void value_list_begin(struct value_list_builder *b, struct arena *arena)
{
    *b = (struct value_list_builder){ .arena = arena };
}

enum err value_list_add(struct value_list_builder *b, struct value item, struct err_info *why)
{
    if (b->count == b->room) {
        struct value *items = grow_array(b->arena, b->items, b->count, &b->room, sizeof *items);
        if (items == NULL)
            return err_memory(why);
        b->items = items;
    }
    b->items[b->count++] = item;
    return ERR_OK;
}

struct value value_list_end(struct value_list_builder *b)
{
    return (struct value){ .type = VALUE_LIST, .size = b->count, .items = b->items };
}

/* --- maps ------------------------------------------------------------------------------------------ */

#define NOT_THERE UINT32_MAX

static bool key_equal(const struct value *a, const struct value *b)
{
    if (a->type == VALUE_STRING && b->type == VALUE_STRING)
        return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
    return a->type != VALUE_STRING && b->type != VALUE_STRING && value_equal(*a, *b);
}

/* A map that may still grow, or a finished one, for searching. */
struct table {
    const struct value_entry *entries;
    uint32_t count;
    uint32_t mask;
    uint64_t seed;
    const uint32_t *index;
};

/* The entry with this key, or NOT_THERE; then `*ret_slot` is where its number belongs in the index. */
static uint32_t table_find(const struct table *table, const struct value *key, uint32_t *ret_slot)
{
    if (table->mask == 0) {
        for (uint32_t i = 0; i < table->count; i++)
            if (key_equal(&table->entries[i].key, key))
                return i;
        return NOT_THERE;
    }
    uint32_t slot = (uint32_t)value_hash_seeded(*key, table->seed) & table->mask;
    for (; table->index[slot] != 0; slot = (slot + 1) & table->mask) {
        uint32_t entry = table->index[slot] - 1;
        if (key_equal(&table->entries[entry].key, key))
            return entry;
    }
    *ret_slot = slot;
    return NOT_THERE;
}

/* So that no size of an index leaves 32 bits. */
static enum err check_count(uint32_t count, struct err_info *why)
{
    if (count >= UINT32_MAX / 4)
        return err_named(why, ERR_LIMIT, "value_map_count", "a map has too many entries");
    return ERR_OK;
}

static uint32_t index_size_for(uint32_t count)
{
    uint32_t size = 32;
    while (size / 2 < count)
        size *= 2;
    return size;
}

/* An empty index. Its address is its seed: the kernel chose it by chance, and it costs nothing. */
static uint32_t *index_new(struct arena *arena, uint32_t size, uint64_t *ret_seed)
{
    uint32_t *index = ARENA_ARRAY(arena, size, uint32_t);
    if (index == NULL)
        return NULL;
    memset(index, 0, (size_t)size * sizeof *index);
    *ret_seed = (uint64_t)(uintptr_t)index * UINT64_C(0x9e3779b97f4a7c15);
    return index;
}

static struct table builder_table(const struct value_map_builder *b)
{
    return (struct table){ b->entries, b->count, b->index_mask, b->index_seed, b->index };
}

/* An index with room for one entry more. */
static enum err builder_index(struct value_map_builder *b, struct err_info *why)
{
    if (b->count < VALUE_MAP_LINEAR || (b->index_mask != 0 && b->count <= b->index_mask / 2))
        return ERR_OK;
    TRY(check_count(b->count, why));
    uint32_t size = index_size_for(b->count + 1);
    uint32_t *index = index_new(b->arena, size, &b->index_seed);
    if (index == NULL)
        return err_memory(why);
    b->index = index;
    b->index_mask = size - 1;
    struct table table = builder_table(b);
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t slot;
        if (table_find(&table, &b->entries[i].key, &slot) == NOT_THERE)
            b->index[slot] = i + 1;
    }
    return ERR_OK;
}

void value_map_begin(struct value_map_builder *b, struct arena *arena)
{
    *b = (struct value_map_builder){ .arena = arena };
}

static enum err builder_append(
    struct value_map_builder *b, struct value key, struct value v, struct err_info *why)
{
    if (b->map == NULL && (b->map = ARENA_NEW(b->arena, struct value_map)) == NULL)
        return err_memory(why);
    if (b->count == b->room) {
        struct value_entry *entries = grow_array(b->arena, b->entries, b->count, &b->room, sizeof *entries);
        if (entries == NULL)
            return err_memory(why);
        b->entries = entries;
    }
    TRY(builder_index(b, why));
    if (b->index_mask != 0) {
        struct table table = builder_table(b);
        uint32_t slot = 0;
        (void)table_find(&table, &key, &slot); /* the caller knows that it is not there */
        b->index[slot] = b->count + 1;
    }
    b->entries[b->count++] = (struct value_entry){ key, v };
    return ERR_OK;
}

enum err value_map_add(struct value_map_builder *b, struct value key, struct value v, struct err_info *why)
{
    struct table table = builder_table(b);
    uint32_t slot;
    if (table_find(&table, &key, &slot) != NOT_THERE)
        return err_named(why, ERR_CONFLICT, "duplicate_key", "the key \"%.*s\" is there already",
            STR_ARG(key.type == VALUE_STRING ? str_slice(value_str(key), 0, 100) : STR("(number)")));
    return builder_append(b, key, v, why);
}

enum err value_map_put(struct value_map_builder *b, struct value key, struct value v, struct err_info *why)
{
    struct table table = builder_table(b);
    uint32_t slot;
    uint32_t entry = table_find(&table, &key, &slot);
    if (entry == NOT_THERE)
        return builder_append(b, key, v, why);
    b->entries[entry].value = v;
    return ERR_OK;
}

enum err value_map_append(
    struct value_map_builder *b, struct value key, struct value item, struct err_info *why)
{
    struct table table = builder_table(b);
    struct value_list_builder list;
    uint32_t slot;
    uint32_t entry = table_find(&table, &key, &slot);
    struct value before = entry == NOT_THERE ? value_null() : b->entries[entry].value;
    value_list_begin(&list, b->arena);
    for (uint32_t i = 0; before.type == VALUE_LIST && i < before.size; i++)
        TRY(value_list_add(&list, before.items[i], why));
    TRY(value_list_add(&list, item, why));
    return value_map_put(b, key, value_list_end(&list), why);
}

enum err value_map_set(struct value_map_builder *b, const char *name, struct value v, struct err_info *why)
{
    return value_map_put(b, value_string(str_of(name)), v, why);
}

static const struct value_map empty_map = { 0 };

static struct value map_value(const struct value_map *map)
{
    return (struct value){ .type = VALUE_MAP, .size = map->count, .map = map };
}

struct value value_map_end(struct value_map_builder *b)
{
    if (b->count == 0 || b->map == NULL)
        return map_value(&empty_map);
    *b->map = (struct value_map){ b->count, b->index_mask, b->index_seed, b->index, b->entries };
    return map_value(b->map);
}

enum err value_map_adopt(struct arena *arena, struct value_entry *entries, uint32_t count, struct value *ret,
    uint32_t *ret_duplicate, struct err_info *why)
{
    *ret_duplicate = UINT32_MAX;
    if (count == 0) {
        *ret = map_value(&empty_map);
        return ERR_OK;
    }
    struct value_map *map = ARENA_NEW(arena, struct value_map);
    if (map == NULL)
        return err_memory(why);
    TRY(check_count(count, why));
    struct table table = { .entries = entries };
    uint32_t *index = NULL;
    if (count > VALUE_MAP_LINEAR) {
        uint32_t size = index_size_for(count);
        index = index_new(arena, size, &table.seed);
        if (index == NULL)
            return err_memory(why);
        table.mask = size - 1;
        table.index = index;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = 0;
        uint32_t before = table_find(&table, &entries[i].key, &slot);
        if (before != NOT_THERE) {
            if (*ret_duplicate == UINT32_MAX)
                *ret_duplicate = i;
            entries[before].value = entries[i].value;
            continue;
        }
        entries[table.count++] = entries[i];
        if (index != NULL)
            index[slot] = table.count;
    }
    *map = (struct value_map){ table.count, table.mask, table.seed, index, entries };
    *ret = map_value(map);
    return ERR_OK;
}

/* A map like `map`, which has the key at entry `at`: the keys are the same, so is their index. */
static enum err replace_entry(struct arena *arena, struct value map, struct value_entry *entries, size_t at,
    struct value v, struct value *ret, struct err_info *why)
{
    struct value_map *copy = ARENA_NEW(arena, struct value_map);
    if (copy == NULL)
        return err_memory(why);
    entries[at].value = v;
    *copy = *map.map;
    copy->entries = entries;
    *ret = map_value(copy);
    ret->flags = map.flags;
    return ERR_OK;
}

enum err value_map_with(struct arena *arena, struct value map, struct value key, struct value v,
    struct value *ret, struct err_info *why)
{
    uint32_t count = map.type == VALUE_MAP ? map.size : 0, duplicate;
    const struct value *old = value_map_find_key(map, key);
    struct value_entry *entries = ARENA_ARRAY(arena, (size_t)count + 1, struct value_entry);
    if (entries == NULL)
        return err_memory(why);
    if (count > 0)
        memcpy(entries, map.map->entries, count * sizeof *entries);
    if (old != NULL) {
        size_t at = (size_t)((const char *)old - (const char *)map.map->entries) / sizeof *entries;
        return replace_entry(arena, map, entries, at, v, ret, why);
    }
    uint8_t flags = count > 0 ? map.flags : 0;
    entries[count] = (struct value_entry){ key, v };
    TRY(value_map_adopt(arena, entries, count + 1, ret, &duplicate, why));
    ret->flags = flags;
    return ERR_OK;
}

const struct value *value_map_find_key(struct value map, struct value key)
{
    if (map.type != VALUE_MAP || map.size == 0)
        return NULL;
    const struct value_map *m = map.map;
    struct table table = { m->entries, m->count, m->index_mask, m->index_seed, m->index };
    uint32_t slot;
    uint32_t entry = table_find(&table, &key, &slot);
    return entry == NOT_THERE ? NULL : &m->entries[entry].value;
}

const struct value *value_map_find(struct value map, struct str key)
{
    if (key.size > UINT32_MAX)
        return NULL;
    return value_map_find_key(map, value_string(key));
}

struct value value_get(struct value map, struct str key)
{
    const struct value *found = value_map_find(map, key);
    return found ? *found : value_null();
}

struct value value_path(struct value root, struct str dotted)
{
    struct str part;
    while (str_split(&dotted, '.', &part))
        root = value_get(root, part);
    return root;
}
