#include "engine/subscription.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/pack.h"

struct subscription {
    int64_t tenant;
    struct id run_id;
    uint32_t frame, step;
    struct playbook_version *version;
    uint64_t joined;
    size_t captured_size;
    char captured[];
};

struct subscriptions {
    pthread_rwlock_t lock;
    struct subscription **items; /* in the order in which they joined */
    uint32_t count, room;
    uint64_t joined;
    atomic_uint size; /* count, to be read without the lock */
};

static const struct sql insert_row = {
    "INSERT INTO engine_subscriptions (run, frame, tenant, run_id, playbook, version, step, captured)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    NULL
};
static const struct sql delete_row = { "DELETE FROM engine_subscriptions WHERE run = $1 AND frame = $2",
    NULL };
static const struct sql select_rows = {
    "SELECT run, frame, tenant, run_id, playbook, version, step, captured FROM engine_subscriptions", NULL
};

enum err subscriptions_new(struct subscriptions **ret, struct err_info *why)
{
    struct subscriptions *subscriptions = memory_alloc(sizeof(*subscriptions));
    if (!subscriptions)
        return err_memory(why);
    memset(subscriptions, 0, sizeof(*subscriptions));
    int failed = pthread_rwlock_init(&subscriptions->lock, NULL);
    if (failed) {
        memory_free(subscriptions);
        return err_errno(why, failed, "make a lock");
    }
    *ret = subscriptions;
    return ERR_OK;
}

static void item_free(struct subscription *item)
{
    if (!item)
        return;
    playbook_version_release(item->version);
    memory_free(item);
}

void subscriptions_free(struct subscriptions *subscriptions)
{
    if (!subscriptions)
        return;
    for (uint32_t i = 0; i < subscriptions->count; i++)
        item_free(subscriptions->items[i]);
    memory_free(subscriptions->items);
    (void)pthread_rwlock_destroy(&subscriptions->lock); /* fails only on misuse */
    memory_free(subscriptions);
}

static void lock_write(struct subscriptions *subscriptions)
{
    (void)pthread_rwlock_wrlock(&subscriptions->lock); /* fails only on misuse */
}

static void unlock(struct subscriptions *subscriptions)
{
    (void)pthread_rwlock_unlock(&subscriptions->lock); /* fails only on misuse */
}

static FALLIBLE item_new(const struct subscription_row *row, struct subscription **ret, struct err_info *why)
{
    struct subscription *item = memory_alloc(sizeof(*item) + row->captured.size);
    if (!item)
        return err_memory(why);
    *item = (struct subscription){ .tenant = row->tenant,
        .run_id = row->run_id,
        .frame = row->frame,
        .step = row->step,
        .version = playbook_version_acquire(row->version),
        .captured_size = row->captured.size };
    if (row->captured.size > 0)
        memcpy(item->captured, row->captured.data, row->captured.size);
    *ret = item;
    return ERR_OK;
}

/* Takes over `item`, also on failure. */
static FALLIBLE item_join(
    struct subscriptions *subscriptions, struct subscription *item, struct err_info *why)
{
    enum err result = ERR_OK;
    lock_write(subscriptions);
    if (subscriptions->count >= SUBSCRIPTIONS_MAX) {
        result = err_named(why, ERR_LIMIT, "subscriptions_max",
            "%d runs wait for events already (SUBSCRIPTIONS_MAX)", SUBSCRIPTIONS_MAX);
    } else if (subscriptions->count == subscriptions->room) {
        uint32_t room = subscriptions->room ? subscriptions->room * 2 : 64;
        void *more = memory_realloc(subscriptions->items, room * sizeof(struct subscription *));
        result = more ? ERR_OK : err_memory(why);
        if (more) {
            subscriptions->items = more;
            subscriptions->room = room;
        }
    }
    if (result == ERR_OK) {
        item->joined = ++subscriptions->joined;
        subscriptions->items[subscriptions->count++] = item;
        atomic_store(&subscriptions->size, subscriptions->count);
    }
    unlock(subscriptions);
    if (result != ERR_OK)
        item_free(item);
    return result;
}

static void item_leave(struct subscriptions *subscriptions, struct id run, uint32_t frame)
{
    struct subscription *gone = NULL;
    lock_write(subscriptions);
    for (uint32_t i = 0; i < subscriptions->count; i++) {
        struct subscription *item = subscriptions->items[i];
        if (item->frame != frame || !id_equal(item->run_id, run))
            continue;
        gone = item;
        memmove(&subscriptions->items[i], &subscriptions->items[i + 1],
            (subscriptions->count - i - 1) * sizeof(struct subscription *));
        subscriptions->count--;
        break;
    }
    atomic_store(&subscriptions->size, subscriptions->count);
    unlock(subscriptions);
    item_free(gone);
}

/* ---- with the commit ---- */

struct leave_hook {
    struct store_hook hook;
    struct subscriptions *subscriptions;
    struct id run;
    uint32_t frame;
    bool is_insert; /* leaves when the commit failed; else when it stands */
};

static void leave_run(struct store_hook *hook, bool is_committed)
{
    struct leave_hook *leave = (struct leave_hook *)hook;
    if (is_committed != leave->is_insert)
        item_leave(leave->subscriptions, leave->run, leave->frame);
    memory_free(leave);
}

static FALLIBLE add_hook(struct subscriptions *subscriptions, struct store_conn *conn, struct id run,
    uint32_t frame, bool is_insert, struct err_info *why)
{
    struct leave_hook *leave = memory_alloc(sizeof(*leave));
    if (!leave)
        return err_memory(why);
    *leave = (struct leave_hook){ { .run = leave_run }, subscriptions, run, frame, is_insert };
    store_add_hook(conn, &leave->hook);
    return ERR_OK;
}

enum err subscription_insert(struct subscriptions *subscriptions, struct store_conn *conn,
    const struct subscription_row *row, struct err_info *why)
{
    struct subscription *item = NULL;
    TRY(sql_run(conn, &insert_row,
        SQL_ARGS(arg_int(row->run), arg_int(row->frame), arg_int(row->tenant), arg_id(&row->run_id),
            arg_int(row->version->number), arg_int(row->version->version), arg_int(row->step),
            arg_bytes(row->captured)),
        NULL, why));
    TRY(item_new(row, &item, why));
    TRY(item_join(subscriptions, item, why));
    enum err result = add_hook(subscriptions, conn, row->run_id, row->frame, true, why);
    if (result != ERR_OK)
        item_leave(subscriptions, row->run_id, row->frame);
    return result;
}

enum err subscription_delete(struct subscriptions *subscriptions, struct store_conn *conn, int64_t run,
    struct id run_id, uint32_t frame, struct err_info *why)
{
    TRY(sql_run(conn, &delete_row, SQL_ARGS(arg_int(run), arg_int(frame)), NULL, why));
    return add_hook(subscriptions, conn, run_id, frame, false, why);
}

static FALLIBLE load_one(struct subscriptions *subscriptions, struct registry *registry,
    struct store_conn *conn, struct rows *rows, struct err_info *why)
{
    struct subscription_row row = { .run = rows_int(rows, 0),
        .frame = (uint32_t)rows_int(rows, 1),
        .tenant = rows_int(rows, 2),
        .run_id = rows_id(rows, 3),
        .step = (uint32_t)rows_int(rows, 6),
        .captured = rows_bytes(rows, 7) };
    struct subscription *item = NULL;
    TRY(registry_version(registry, conn, rows_int(rows, 4), (uint32_t)rows_int(rows, 5), &row.version, why));
    enum err result = row.step < row.version->playbook->step_count
        ? item_new(&row, &item, why)
        : err_named(why, ERR_INVALID, "journal_damaged", "a subscription names a step that is not there");
    playbook_version_release(row.version);
    return result == ERR_OK ? item_join(subscriptions, item, why) : result;
}

enum err subscriptions_load(struct subscriptions *subscriptions, struct registry *registry,
    struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &select_rows, SQL_NO_ARGS, why));
    while (rows_next(&rows))
        TRY(load_one(subscriptions, registry, conn, &rows, why));
    return rows_end(&rows, why);
}

/* ---- matching ---- */

struct match_names {
    struct expr_activation activation;
    struct value captured, it;
};

static bool match_get(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    const struct match_names *names = (const struct match_names *)(const void *)activation;
    if (slot == SCOPE_IT) {
        *ret = names->it;
        return true;
    }
    const struct value *v = value_map_find_key(names->captured, value_int(slot));
    if (v)
        *ret = *v;
    return v != NULL;
}

/* A filter that can't be evaluated does not match, but for want of memory. */
static FALLIBLE matches(
    const struct subscription *item, const struct arriving *arriving, bool *ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct expr *filter = item->version->playbook->all_steps[item->step]->wait.event;
    struct match_names names = { .activation = { match_get } };
    struct expr_limits limits = { 0 };
    struct value_map_builder it = { 0 };
    struct value result;
    *ret = true;
    if (!filter)
        return ERR_OK;
    value_map_begin(&it, &arena);
    TRY(value_map_set(&it, "alert", arriving->alert, why));
    TRY(value_map_set(&it, "event", arriving->event, why));
    TRY(unpack_value(
        &arena, (struct str){ item->captured, item->captured_size }, false, &names.captured, why));
    names.it = value_map_end(&it);
    enum err failed = expr_eval(filter, &arena, &names.activation, &limits, &result, NULL);
    *ret = failed == ERR_OK && result.type == VALUE_BOOL && result.boolean;
    return failed == ERR_MEMORY ? err_memory(why) : ERR_OK;
}

enum err subscriptions_match(struct subscriptions *subscriptions, const struct arriving *arriving,
    uint64_t *seen, subscription_found *found, void *context, struct err_info *why)
{
    enum err result = ERR_OK;
    if (atomic_load(&subscriptions->size) == 0)
        return ERR_OK;
    (void)pthread_rwlock_rdlock(&subscriptions->lock); /* fails only on misuse */
    uint64_t after = *seen;
    for (uint32_t i = subscriptions->count; i-- > 0 && result == ERR_OK;) {
        const struct subscription *item = subscriptions->items[i];
        if (item->joined <= after)
            break;
        bool is_match = false;
        if (item->tenant == arriving->tenant)
            result = matches(item, arriving, &is_match, why);
        if (is_match && result == ERR_OK)
            result = found(context, item->run_id, item->frame, why);
    }
    *seen = subscriptions->joined;
    unlock(subscriptions);
    return result;
}
