#include "engine/watch.h"

#include <pthread.h>
#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/run_rows.h"
#include "engine/status.h"

#define BUCKETS 4096 /* many more than runs that end while one request is answered */

/* Outlives the watch that it was made for: a job that is posted can't be taken back, only made to find
 * nobody. References: one until it has fired or was removed, one while the store is asked. */
struct watch_entry {
    struct store_op op; /* asks whether the run has ended already */
    struct loop_job job;
    struct watches *watches;
    struct engine_watch *watch; /* NULL: removed */
    struct id run;
    int64_t tenant;
    bool or_waiting;
    bool is_listed;
    bool is_posted; /* its job is on a loop: whoever runs it frees the entry, also after the engine is gone */
    struct loop *reply_to;
    unsigned references;
    enum run_status status;
    struct watch_entry *next;
    struct watch_entry *all_next, *all_previous;
};

struct bucket {
    struct watch_entry *first;
    /* The last run of this bucket that ended: it may do so before the one who has begun it comes to watch. */
    struct id ended;
    enum run_status ended_as;
};

struct watches {
    struct store *store;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned asking; /* at the store */
    struct watch_entry *all;
    struct bucket buckets[BUCKETS];
};

enum err watches_new(struct store *store, struct watches **ret, struct err_info *why)
{
    struct watches *watches = memory_alloc(sizeof(*watches));
    if (!watches)
        return err_memory(why);
    memset(watches, 0, sizeof(*watches));
    watches->store = store;
    int failed = pthread_mutex_init(&watches->mutex, NULL);
    if (!failed && (failed = pthread_cond_init(&watches->answered, NULL)))
        (void)pthread_mutex_destroy(&watches->mutex); /* fails only on misuse */
    if (failed) {
        memory_free(watches);
        return err_errno(why, failed, "make a lock");
    }
    *ret = watches;
    return ERR_OK;
}

static void lock(struct watches *watches)
{
    (void)pthread_mutex_lock(&watches->mutex); /* fails only on misuse */
}

static void unlock(struct watches *watches)
{
    (void)pthread_mutex_unlock(&watches->mutex); /* fails only on misuse */
}

/* What the store was asked comes back before. */
void watches_free(struct watches *watches)
{
    if (!watches)
        return;
    lock(watches);
    while (watches->asking > 0)
        (void)pthread_cond_wait(&watches->answered, &watches->mutex); /* fails only on misuse */
    unlock(watches);
    while (watches->all) {
        struct watch_entry *entry = watches->all;
        watches->all = entry->all_next;
        if (entry->watch)
            entry->watch->entry = NULL;
        entry->watch = NULL;
        entry->watches = NULL;
        if (!entry->is_posted)
            memory_free(entry);
    }
    (void)pthread_cond_destroy(&watches->answered); /* fails only on misuse */
    (void)pthread_mutex_destroy(&watches->mutex); /* fails only on misuse */
    memory_free(watches);
}

static struct bucket *bucket_of(struct watches *watches, struct id run)
{
    return &watches->buckets[(run.bytes[14] << 8 | run.bytes[13]) % BUCKETS];
}

/* From here on locked. */

static void list(struct watch_entry *entry)
{
    struct bucket *bucket = bucket_of(entry->watches, entry->run);
    entry->next = bucket->first;
    bucket->first = entry;
    entry->is_listed = true;
}

static void unlist(struct watch_entry *entry)
{
    struct watch_entry **at = &bucket_of(entry->watches, entry->run)->first;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->is_listed = false;
}

static void release(struct watch_entry *entry)
{
    if (--entry->references > 0)
        return;
    if (entry->all_next)
        entry->all_next->all_previous = entry->all_previous;
    *(entry->all_previous ? &entry->all_previous->all_next : &entry->watches->all) = entry->all_next;
    memory_free(entry);
}

static bool is_wanted(const struct watch_entry *entry, enum run_status status)
{
    return run_status_is_end(status) ||
        (entry->or_waiting && (status == RUN_WAITING || status == RUN_UNCERTAIN));
}

static void fired(struct loop_job *job)
{
    struct watch_entry *entry = CONTAINER_OF(job, struct watch_entry, job);
    struct watches *watches = entry->watches;
    if (!watches) {
        memory_free(entry);
        return;
    }
    lock(watches);
    struct engine_watch *watch = entry->watch;
    enum run_status status = entry->status;
    entry->watch = NULL;
    release(entry);
    unlock(watches);
    if (!watch)
        return;
    watch->entry = NULL;
    watch->ended(watch, status);
}

static void fire(struct watch_entry *entry, enum run_status status)
{
    unlist(entry);
    entry->status = status;
    entry->is_posted = true;
    entry->job.run = fired;
    loop_post(entry->reply_to, &entry->job);
}

/* ---- asking the store ---- */

static enum err ask_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct watch_entry *entry = (struct watch_entry *)(void *)op;
    return run_row_status(conn, entry->tenant, entry->run, &entry->status, why);
}

/* Not to be told is worse than to be told of a run that does not exist. */
static void ask_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct watch_entry *entry = (struct watch_entry *)(void *)op;
    struct watches *watches = entry->watches;
    (void)why;
    lock(watches);
    enum run_status status = result == ERR_OK ? entry->status : RUN_CANCELLED;
    if (entry->is_listed && (result == ERR_NOT_FOUND || is_wanted(entry, status)))
        fire(entry, status);
    release(entry);
    if (--watches->asking == 0)
        (void)pthread_cond_broadcast(&watches->answered); /* fails only on misuse */
    unlock(watches);
}

void watches_add(struct watches *watches, struct engine_watch *watch)
{
    struct watch_entry *entry = memory_alloc(sizeof(*entry));
    watch->entry = entry;
    if (!entry) {
        watch->ended(watch, RUN_RUNNING);
        return;
    }
    *entry = (struct watch_entry){ .op = { .apply = ask_apply, .done = ask_done },
        .watches = watches,
        .watch = watch,
        .run = watch->run_id,
        .tenant = watch->tenant,
        .or_waiting = watch->or_waiting,
        .reply_to = watch->reply_to,
        .references = 1 };
    lock(watches);
    entry->all_next = watches->all;
    if (watches->all)
        watches->all->all_previous = entry;
    watches->all = entry;
    list(entry);
    const struct bucket *bucket = bucket_of(watches, entry->run);
    if (watch->is_young && id_equal(bucket->ended, entry->run))
        fire(entry, bucket->ended_as);
    unlock(watches);
    if (!watch->is_young)
        watches_ask(watches, watch);
}

void watches_ask(struct watches *watches, struct engine_watch *watch)
{
    lock(watches);
    struct watch_entry *entry = watch->entry;
    bool is_open = entry && entry->is_listed;
    if (is_open) {
        entry->references++;
        watches->asking++;
    }
    unlock(watches);
    if (is_open)
        store_read(watches->store, &entry->op);
}

void watches_remove(struct watches *watches, struct engine_watch *watch)
{
    lock(watches);
    struct watch_entry *entry = watch->entry;
    watch->entry = NULL;
    if (entry) {
        entry->watch = NULL;
        if (entry->is_listed) {
            unlist(entry);
            release(entry);
        }
    }
    unlock(watches);
}

void watches_tell(struct watches *watches, struct id run, enum run_status status)
{
    struct bucket *bucket = bucket_of(watches, run);
    lock(watches);
    if (run_status_is_end(status)) {
        bucket->ended = run;
        bucket->ended_as = status;
    }
    for (struct watch_entry *entry = bucket->first, *next; entry; entry = next) {
        next = entry->next;
        if (id_equal(entry->run, run) && is_wanted(entry, status))
            fire(entry, status);
    }
    unlock(watches);
}
