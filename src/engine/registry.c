#include "engine/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/effect.h"
#include "engine/playbook_reads.h"
#include "engine/playbook_rows.h"

#define OLD_VERSIONS_MAX 64

struct registry {
    struct store *store;
    struct catalogue_source *catalogues;
    const struct type *alert_type, *case_type;
    engine_learned *learned_output; /* NULL: nobody knows */
    void *learned_context;
    struct engine_subjects *subjects;
    struct log *log;
    pthread_mutex_t mutex; /* of what follows */
    pthread_mutex_t publishing; /* one change at a time */
    struct registry_set *set; /* never NULL after registry_load */
    _Atomic uint64_t generation;
    struct playbook_version *old[OLD_VERSIONS_MAX]; /* the last compiled; a ring */
    unsigned old_next;
    void (*changed)(void *context);
    void *changed_context;
};

/* ---- versions ---- */

struct playbook_version *playbook_version_acquire(struct playbook_version *version)
{
    __atomic_add_fetch(&version->references, 1, __ATOMIC_RELAXED);
    return version;
}

void playbook_version_release(struct playbook_version *version)
{
    if (!version || __atomic_sub_fetch(&version->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (version->owned) {
        arena_done(version->owned);
        memory_free(version->owned);
    } else {
        playbook_release(version->playbook);
    }
    memory_free(version);
}

enum err playbook_version_new(int64_t tenant, int64_t number, uint32_t number_of_version,
    struct playbook *playbook, struct playbook_version **ret, struct err_info *why)
{
    struct playbook_version *version = memory_alloc(sizeof(*version));
    if (!version)
        return err_memory(why);
    *version = (struct playbook_version){ .references = 1,
        .tenant = tenant,
        .number = number,
        .version = number_of_version,
        .playbook = playbook };
    playbook_reads_find(playbook, &version->reads);
    *ret = version;
    return ERR_OK;
}

/* ---- sets ---- */

static FALLIBLE set_new(uint32_t room, struct registry_set **ret, struct err_info *why)
{
    struct registry_set *set = memory_alloc(sizeof(*set) + room * sizeof(struct registry_item));
    if (!set)
        return err_memory(why);
    set->references = 1;
    set->count = 0;
    *ret = set;
    return ERR_OK;
}

void registry_set_release(struct registry_set *set)
{
    if (!set || __atomic_sub_fetch(&set->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (uint32_t i = 0; i < set->count; i++)
        playbook_version_release(set->items[i].live);
    memory_free(set);
}

static int item_compare(const void *left, const void *right)
{
    const struct registry_item *a = left, *b = right;
    if (a->live->tenant != b->live->tenant)
        return a->live->tenant < b->live->tenant ? -1 : 1;
    return str_compare(a->live->playbook->name, b->live->playbook->name);
}

static void lock(struct registry *registry)
{
    (void)pthread_mutex_lock(&registry->mutex); /* fails only on misuse */
}

static void unlock(struct registry *registry)
{
    (void)pthread_mutex_unlock(&registry->mutex); /* fails only on misuse */
}

void registry_on_change(struct registry *registry, void (*changed)(void *context), void *context)
{
    registry->changed = changed;
    registry->changed_context = context;
}

struct registry_set *registry_acquire(struct registry *registry)
{
    lock(registry);
    struct registry_set *set = registry->set;
    __atomic_add_fetch(&set->references, 1, __ATOMIC_RELAXED);
    unlock(registry);
    return set;
}

uint64_t registry_generation(struct registry *registry)
{
    return atomic_load(&registry->generation);
}

static void set_replace(struct registry *registry, struct registry_set *set)
{
    qsort(set->items, set->count, sizeof(struct registry_item), item_compare);
    lock(registry);
    struct registry_set *old = registry->set;
    registry->set = set;
    atomic_fetch_add(&registry->generation, 1);
    unlock(registry);
    registry_set_release(old);
    if (registry->changed)
        registry->changed(registry->changed_context);
}

/* ---- life ---- */

enum err registry_new(const struct engine_options *options, struct registry **ret, struct err_info *why)
{
    struct registry *registry = memory_alloc(sizeof(*registry));
    if (!registry)
        return err_memory(why);
    memset(registry, 0, sizeof(*registry));
    registry->store = options->store;
    registry->catalogues = options->catalogues;
    registry->alert_type = options->alert_type;
    registry->learned_output = options->learned_output;
    registry->learned_context = options->learned_context;
    registry->case_type = options->case_type;
    registry->subjects = options->subjects;
    registry->log = options->log;
    atomic_store(&registry->generation, 1);
    enum err result = set_new(0, &registry->set, why);
    int failed = pthread_mutex_init(&registry->mutex, NULL);
    if (!failed)
        failed = pthread_mutex_init(&registry->publishing, NULL);
    if (result == ERR_OK && failed)
        result = err_errno(why, failed, "make a lock");
    if (result != ERR_OK) {
        registry_set_release(registry->set);
        memory_free(registry);
        return result;
    }
    *ret = registry;
    return ERR_OK;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    registry_set_release(registry->set);
    for (unsigned i = 0; i < OLD_VERSIONS_MAX; i++)
        playbook_version_release(registry->old[i]);
    (void)pthread_mutex_destroy(&registry->mutex); /* fails only on misuse */
    (void)pthread_mutex_destroy(&registry->publishing); /* fails only on misuse */
    memory_free(registry);
}

/* ---- loading ---- */

/* What was published once has been checked; today's catalogue has no say about it. */
static FALLIBLE compile(struct str source, struct playbook **ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    diagnostics_init(&found, &arena, STR("stored playbook"));
    return playbook_parse(source, NULL, &found, ret, why);
}

static FALLIBLE version_of(int64_t tenant, int64_t number, uint32_t version, struct str source,
    struct playbook_version **ret, struct err_info *why)
{
    struct playbook *playbook = NULL;
    TRY(compile(source, &playbook, why));
    enum err result = playbook_version_new(tenant, number, version, playbook, ret, why);
    if (result != ERR_OK)
        playbook_release(playbook);
    return result;
}

struct loading {
    struct registry *registry;
    struct registry_set *set;
    uint32_t room;
};

static FALLIBLE set_grow(struct loading *loading, struct err_info *why)
{
    if (loading->set->count < loading->room)
        return ERR_OK;
    struct registry_set *set = memory_realloc(
        loading->set, sizeof(*set) + loading->room * 2 * sizeof(struct registry_item));
    if (!set)
        return err_memory(why);
    loading->set = set;
    loading->room *= 2;
    return ERR_OK;
}

static enum err load_one(void *context, const struct playbook_row *row, struct err_info *why)
{
    struct loading *loading = context;
    struct playbook_version *version = NULL;
    enum err result = version_of(row->tenant, row->number, row->version, row->source, &version, why);
    if (result == ERR_MEMORY)
        return result;
    if (result != ERR_OK) {
        if (loading->registry->log)
            log_failure(
                loading->registry->log, LOG_ERROR, "a stored playbook can't be read and is left out", why);
        return ERR_OK;
    }
    result = set_grow(loading, why);
    if (result != ERR_OK) {
        playbook_version_release(version);
        return result;
    }
    loading->set->items[loading->set->count++] = (struct registry_item){ version, row->is_enabled };
    return ERR_OK;
}

static enum err load_all(void *context, struct store_conn *conn, struct err_info *why)
{
    return playbook_rows(conn, load_one, context, why);
}

enum err registry_load(struct registry *registry, struct err_info *why)
{
    struct loading loading = { .registry = registry, .room = 16 };
    TRY(set_new(loading.room, &loading.set, why));
    enum err result = store_read_wait(registry->store, load_all, &loading, why);
    if (result != ERR_OK) {
        registry_set_release(loading.set);
        return result;
    }
    set_replace(registry, loading.set);
    return ERR_OK;
}

/* ---- finding ---- */

struct registry_item registry_find_item(struct registry *registry, int64_t tenant, struct str name)
{
    struct registry_set *set = registry_acquire(registry);
    struct registry_item found = { 0 };
    uint32_t low = 0, high = set->count;
    while (low < high && !found.live) {
        uint32_t middle = low + (high - low) / 2;
        struct playbook_version *version = set->items[middle].live;
        int order = version->tenant < tenant ? -1
            : version->tenant > tenant       ? 1
                                             : str_compare(version->playbook->name, name);
        if (order == 0)
            found = (struct registry_item){ playbook_version_acquire(version),
                set->items[middle].is_enabled };
        else if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    registry_set_release(set);
    return found;
}

struct playbook_version *registry_find(struct registry *registry, int64_t tenant, struct str name)
{
    return registry_find_item(registry, tenant, name).live;
}

static bool is_version(const struct playbook_version *version, int64_t number, uint32_t wanted)
{
    return version && version->number == number && version->version == wanted;
}

static struct playbook_version *find_compiled(struct registry *registry, int64_t number, uint32_t wanted)
{
    struct playbook_version *found = NULL;
    lock(registry);
    for (uint32_t i = 0; i < registry->set->count && !found; i++) {
        if (is_version(registry->set->items[i].live, number, wanted))
            found = registry->set->items[i].live;
    }
    for (unsigned i = 0; i < OLD_VERSIONS_MAX && !found; i++) {
        if (is_version(registry->old[i], number, wanted))
            found = registry->old[i];
    }
    if (found)
        (void)playbook_version_acquire(found);
    unlock(registry);
    return found;
}

static void keep_old(struct registry *registry, struct playbook_version *version)
{
    lock(registry);
    struct playbook_version *gone = registry->old[registry->old_next];
    registry->old[registry->old_next] = playbook_version_acquire(version);
    registry->old_next = (registry->old_next + 1) % OLD_VERSIONS_MAX;
    unlock(registry);
    playbook_version_release(gone);
}

enum err registry_version(struct registry *registry, struct store_conn *conn, int64_t number,
    uint32_t version, struct playbook_version **ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str source;
    int64_t tenant = 0;
    *ret = find_compiled(registry, number, version);
    if (*ret)
        return ERR_OK;
    TRY(playbook_row_source(conn, number, version, &arena, &tenant, &source, why));
    TRY(version_of(tenant, number, version, source, ret, why));
    keep_old(registry, *ret);
    return ERR_OK;
}

/* ---- publishing ---- */

/* What a playbook that is to be published is checked against. */
struct checking {
    struct registry *registry;
    int64_t tenant;
    struct playbook_version *held[64]; /* what find_playbook gave, until the text was checked */
    unsigned held_count;
};

static bool world_find(const struct playbook_world *world, struct str name, const struct playbook **ret)
{
    struct checking *own = (struct checking *)(uintptr_t)world->context;
    struct playbook_version *version = registry_find(own->registry, own->tenant, name);
    if (!version)
        return false;
    *ret = version->playbook;
    if (own->held_count < sizeof(own->held) / sizeof(own->held[0])) {
        own->held[own->held_count++] = version;
    } else { /* known, but not to be looked into: nobody would hold it */
        *ret = NULL;
        playbook_version_release(version);
    }
    return true;
}

static const struct type *world_learned(const struct playbook_world *world, const struct playbook *playbook,
    const struct step *step, const struct action *action, struct arena *arena)
{
    const struct checking *own = world->context;
    return own->registry->learned_output(
        own->registry->learned_context, own->tenant, action, playbook->name, step->id, arena);
}

enum err registry_check(struct registry *registry, int64_t tenant, struct str text, struct diagnostics *found,
    struct playbook **ret, struct err_info *why)
{
    struct checking own = { .registry = registry, .tenant = tenant };
    struct catalogue_source *source = registry->catalogues;
    const struct playbook_world world = { .catalogue = source ? source->acquire(source) : NULL,
        .alert_type = registry->alert_type,
        .case_type = registry->case_type,
        .learned_output = registry->learned_output ? world_learned : NULL,
        .find_playbook = world_find,
        .context = &own };
    enum err result = playbook_parse(text, &world, found, ret, why);
    if (source && world.catalogue)
        source->release(source, world.catalogue);
    for (unsigned i = 0; i < own.held_count; i++)
        playbook_version_release(own.held[i]);
    return result;
}

/* The audit row of a change, in its commit. */
static FALLIBLE audit_change(struct registry *registry, struct store_conn *conn, struct str operation,
    const struct registry_change *change, const struct playbook_row *row, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value_map_builder detail = { 0 };
    if (!registry->subjects || !registry->subjects->audit)
        return ERR_OK;
    value_map_begin(&detail, &arena);
    TRY(value_map_set(&detail, "playbook", value_string(row->name), why));
    TRY(value_map_set(&detail, "version", value_int(row->version), why));
    TRY(value_map_set(&detail, "enabled", value_bool(change->is_enabled), why));
    if (row->digest.size > 0)
        TRY(value_map_set(&detail, "digest", value_string(row->digest), why));
    return registry->subjects->audit(registry->subjects, conn, change->tenant, change->actor, operation,
        STR("playbook"), ID_NONE, value_map_end(&detail), why);
}

struct publishing {
    struct registry *registry;
    const struct registry_change *change;
    struct playbook_row row;
    struct str about;
};

static enum err publish_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct publishing *publishing = context;
    struct playbook_row *row = &publishing->row;
    AUTO(arena) struct arena arena = { 0 };
    struct playbook_row live;
    TRY(playbook_row_find(conn, row->tenant, row->name, &arena, &live, why));
    row->number = live.number;
    bool is_same = live.number != 0 && str_equal(live.digest, row->digest);
    row->version = live.version;
    if (is_same && live.is_enabled == row->is_enabled)
        return ERR_OK;
    if (is_same)
        TRY(playbook_row_enable(conn, live.number, row->is_enabled, why));
    else
        TRY(playbook_row_publish(conn, row, publishing->about, why));
    return audit_change(publishing->registry, conn, STR("playbook.publish"), publishing->change, row, why);
}

/* The set with one item more, or another in its place. Takes over the reference to `version`. */
static FALLIBLE set_with(
    struct registry *registry, struct playbook_version *version, bool is_enabled, struct err_info *why)
{
    struct registry_set *old = registry_acquire(registry), *set = NULL;
    enum err result = set_new(old->count + 1, &set, why);
    if (result != ERR_OK) {
        registry_set_release(old);
        playbook_version_release(version);
        return result;
    }
    for (uint32_t i = 0; i < old->count; i++) {
        if (old->items[i].live->number == version->number)
            continue;
        set->items[set->count] = old->items[i];
        (void)playbook_version_acquire(set->items[set->count].live);
        set->count++;
    }
    set->items[set->count++] = (struct registry_item){ version, is_enabled };
    registry_set_release(old);
    set_replace(registry, set);
    return ERR_OK;
}

static FALLIBLE publish(struct registry *registry, const struct registry_change *change,
    struct playbook *playbook, uint32_t *ret_version, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value about;
    struct publishing publishing = { .registry = registry,
        .change = change,
        .row = { .tenant = change->tenant,
            .name = playbook->name,
            .is_enabled = change->is_enabled,
            .digest = playbook->digest,
            .source = playbook->source } };
    struct playbook_version *version = NULL;
    TRY(playbook_about(playbook, &arena, &about, why));
    TRY(effect_pack(&arena, about, &publishing.about, why));
    TRY(store_write_wait(registry->store, publish_work, &publishing, why));
    *ret_version = publishing.row.version;
    (void)playbook_acquire(playbook);
    enum err result = playbook_version_new(
        change->tenant, publishing.row.number, publishing.row.version, playbook, &version, why);
    if (result != ERR_OK) {
        playbook_release(playbook);
        return result;
    }
    return set_with(registry, version, change->is_enabled, why);
}

enum err registry_publish(struct registry *registry, const struct registry_change *change, struct str text,
    struct diagnostics *found, uint32_t *ret_version, struct err_info *why)
{
    struct playbook *playbook = NULL;
    TRY(registry_check(registry, change->tenant, text, found, &playbook, why));
    (void)pthread_mutex_lock(&registry->publishing); /* fails only on misuse */
    enum err result = publish(registry, change, playbook, ret_version, why);
    (void)pthread_mutex_unlock(&registry->publishing); /* fails only on misuse */
    playbook_release(playbook);
    return result;
}

struct enabling {
    struct registry *registry;
    const struct registry_change *change;
    struct playbook_row row;
};

static enum err enable_work(void *context, struct store_conn *conn, struct err_info *why)
{
    const struct enabling *enabling = context;
    TRY(playbook_row_enable(conn, enabling->row.number, enabling->change->is_enabled, why));
    return audit_change(
        enabling->registry, conn, STR("playbook.update"), enabling->change, &enabling->row, why);
}

enum err registry_enable(
    struct registry *registry, const struct registry_change *change, struct str name, struct err_info *why)
{
    (void)pthread_mutex_lock(&registry->publishing); /* fails only on misuse */
    struct playbook_version *version = registry_find(registry, change->tenant, name);
    enum err result = version ? ERR_OK
                              : err_set(why, ERR_NOT_FOUND, "there is no playbook \"%.*s\"", STR_ARG(name));
    struct enabling enabling = { .registry = registry, .change = change };
    if (version)
        enabling.row = (struct playbook_row){
            .number = version->number, .version = version->version, .name = name
        };
    if (result == ERR_OK)
        result = store_write_wait(registry->store, enable_work, &enabling, why);
    if (result == ERR_OK)
        result = set_with(registry, version, change->is_enabled, why);
    else
        playbook_version_release(version);
    (void)pthread_mutex_unlock(&registry->publishing); /* fails only on misuse */
    return result;
}
