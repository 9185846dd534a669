/* The one writer: group commit.
 *
 * Event-driven, without a timer: while one commit waits for the disk, operations gather, and the next
 * commit takes them all, up to COMMIT_OPS_MAX. So a lone operation waits for nothing, and the more there
 * are, the more share one fsync. */
#include <assert.h>

#include "base/latency.h"
#include "store/store_impl.h"

static void writer_lock(struct store *store)
{
    int failed = pthread_mutex_lock(&store->writer.mutex);
    assert(!failed);
    (void)failed;
}

static void writer_unlock(struct store *store)
{
    int failed = pthread_mutex_unlock(&store->writer.mutex);
    assert(!failed);
    (void)failed;
}

void store_fatal(struct store *store, const struct err_info *why)
{
    writer_lock(store);
    bool was_dead = store->writer.is_dead;
    store->writer.is_dead = true;
    writer_unlock(store);
    if (!was_dead && store->on_fatal)
        store->on_fatal(store->fatal_context, why);
}

struct batch {
    struct store_queue ops;
    struct store_hook *kept; /* of operations that stand */
    struct store_hook *dropped; /* of those undone */
    uint64_t good;
    struct err_info why;
};

static void batch_fail_all(struct batch *batch, enum err result)
{
    for (struct store_op *op = batch->ops.first; op; op = op->next) {
        if (op->result == ERR_OK)
            store_op_fail(op, result, &batch->why);
    }
    batch->good = 0;
    while (batch->kept) {
        struct store_hook *hook = batch->kept;
        batch->kept = hook->next;
        hook->next = batch->dropped;
        batch->dropped = hook;
    }
}

/* A lone operation needs no savepoint: the transaction is its own. */
static enum err apply_one(struct store_conn *conn, struct batch *batch, struct store_op *op, bool is_alone)
{
    const struct store_engine *engine = conn->engine;
    struct err_info *why = &batch->why;
    *why = (struct err_info){ 0 };
    enum err result = is_alone ? ERR_OK : engine->savepoint(conn, why);
    if (result == ERR_OK)
        result = op->apply(op, conn, why);
    if (result == ERR_OK && !is_alone)
        result = engine->release(conn, why);
    if (result == ERR_OK) {
        batch->good++;
        store_hooks_take(conn, &batch->kept);
        return ERR_OK;
    }
    if (why->code != result)
        result = err_set(why, result, "the operation failed: %s", err_word(result));
    store_hooks_take(conn, &batch->dropped);
    store_op_fail(op, result, why);
    if (is_alone)
        engine->rollback(conn);
    else if (engine->is_open(conn))
        engine->rollback_to(conn);
    /* Some failures (a full disk, no memory) make the engine undo the whole transaction: then what the
     * batch did before is gone too. */
    return engine->is_open(conn) || is_alone ? ERR_OK : result;
}

static enum err batch_apply(struct store_conn *conn, struct batch *batch)
{
    bool is_alone = batch->ops.count == 1;
    TRY(conn->engine->begin(conn, &batch->why));
    for (struct store_op *op = batch->ops.first; op; op = op->next) {
        TRY(apply_one(conn, batch, op, is_alone));
        if (conn->is_sync_failed)
            return err_set(&batch->why, ERR_IO, "an fsync failed while the commit was being made");
    }
    return ERR_OK;
}

/* A full disk is the one failure of a commit after which the state is known: the frame that would have
 * made it valid was not written. */
static void batch_end(struct store *store, struct batch *batch, enum err result)
{
    struct store_conn *conn = store->conn;
    if (result == ERR_OK && batch->good > 0) {
        result = conn->engine->commit(conn, &batch->why);
        if (result != ERR_OK && result != ERR_FULL)
            conn->is_sync_failed = true;
    } else if (conn->engine->is_open(conn)) {
        conn->engine->rollback(conn);
    }
    if (result != ERR_OK)
        batch_fail_all(batch, result);
    if (conn->engine->is_open(conn))
        conn->engine->rollback(conn);
    if (conn->is_sync_failed)
        store_fatal(store, &batch->why);
}

static void batch_count(struct store *store, const struct batch *batch, uint64_t us, uint64_t rows)
{
    struct store_metrics *metrics = &store->writer.metrics;
    writer_lock(store);
    metrics->failed_ops += batch->ops.count - batch->good;
    if (batch->good > 0) {
        metrics->commits++;
        metrics->commit_ops += batch->good;
        metrics->commit_rows += rows;
        metrics->commit_us_sum += us;
        metrics->commit_us_buckets[latency_bucket(us, STORE_LATENCY_BUCKETS)]++;
    }
    writer_unlock(store);
}

static void batch_tell(struct store *store, struct batch *batch)
{
    store_hooks_run(batch->kept, true);
    store_hooks_run(batch->dropped, false);
    if (store->conn->has_outbox && batch->good > 0) {
        writer_lock(store);
        void (*committed)(void *, uint64_t) = store->writer.committed;
        void *context = store->writer.committed_context;
        writer_unlock(store);
        if (committed)
            committed(context, store->outbox_last);
    }
    for (struct store_op *op; (op = store_queue_take(&batch->ops));)
        store_op_finish(op);
}

static void batch_refuse(struct batch *batch)
{
    enum err result = err_named(&batch->why, ERR_UNAVAILABLE, "store_stopped",
        "the store stopped after a failed write; nothing is stored until Tocsin is started again");
    batch_fail_all(batch, result);
}

/* Applies, commits, tells. */
static void batch_run(struct store *store, struct store_queue ops)
{
    struct store_conn *conn = store->conn;
    struct batch batch = { .ops = ops };
    writer_lock(store);
    bool is_dead = store->writer.is_dead;
    writer_unlock(store);
    conn->has_outbox = false;
    if (is_dead) {
        batch_refuse(&batch);
        batch_tell(store, &batch);
        return;
    }
    conn->commit_time = clock_now(store->clock);
    int64_t start_us = clock_monotonic_us(store->clock);
    uint64_t changed = conn->changed;
    batch_end(store, &batch, batch_apply(conn, &batch));
    int64_t end_us = clock_monotonic_us(store->clock);
    batch_count(store, &batch, (uint64_t)(end_us - start_us), conn->changed - changed);
    batch_tell(store, &batch);
    conn->engine->after_commit(conn);
}

/* Takes what waits; the mutex is held. */
static struct store_queue queue_cut(struct store_queue *queue)
{
    struct store_queue cut = *queue;
    if (queue->count <= COMMIT_OPS_MAX) {
        *queue = (struct store_queue){ 0 };
        return cut;
    }
    cut = (struct store_queue){ 0 };
    while (cut.count < COMMIT_OPS_MAX)
        store_queue_add(&cut, store_queue_take(queue));
    return cut;
}

static void *writer_main(void *context)
{
    struct store *store = context;
    struct store_writer *writer = &store->writer;
    writer_lock(store);
    for (;;) {
        while (!writer->queue.first && !writer->is_closing) {
            writer->is_asleep = true;
            (void)pthread_cond_wait(&writer->wake, &writer->mutex); /* fails only on misuse */
            writer->is_asleep = false;
        }
        if (!writer->queue.first)
            break;
        struct store_queue ops = queue_cut(&writer->queue);
        writer_unlock(store);
        batch_run(store, ops);
        writer_lock(store);
    }
    writer_unlock(store);
    return NULL;
}

enum err store_writer_start(struct store *store, struct err_info *why)
{
    int failed = pthread_create(&store->writer.thread, NULL, writer_main, store);
    if (failed)
        return err_errno(why, failed, "starting the store's writer");
    store->writer.has_thread = true;
    (void)pthread_setname_np(store->writer.thread, "store-writer"); /* only a help for people */
    return ERR_OK;
}

void store_writer_stop(struct store *store)
{
    if (!store->writer.has_thread)
        return;
    writer_lock(store);
    store->writer.is_closing = true;
    (void)pthread_cond_signal(&store->writer.wake); /* fails only on misuse */
    writer_unlock(store);
    (void)pthread_join(store->writer.thread, NULL); /* fails only on misuse */
    store->writer.has_thread = false;
}

static void drain_inline(struct store *store)
{
    struct store_writer *writer = &store->writer;
    if (writer->is_running)
        return; /* submitted from an apply or a done: its turn comes after it */
    writer->is_running = true;
    for (struct store_op *op; (op = store_queue_take(&writer->queue));) {
        struct store_queue alone = { 0 };
        store_queue_add(&alone, op);
        batch_run(store, alone);
    }
    writer->is_running = false;
}

void store_writer_run_now(struct store *store, struct store_op *op)
{
    assert(!store->engine->is_open(store->conn)); /* not from inside an apply */
    bool was_running = store->writer.is_running;
    store->writer.is_running = true;
    struct store_queue alone = { 0 };
    store_queue_add(&alone, op);
    batch_run(store, alone);
    store->writer.is_running = was_running;
    drain_inline(store);
}

void store_writer_submit(struct store *store, struct store_op *op)
{
    struct store_writer *writer = &store->writer;
    if (store->is_inline) {
        store_queue_add(&writer->queue, op);
        drain_inline(store);
        return;
    }
    writer_lock(store);
    bool has_room = writer->queue.count < STORE_QUEUE_MAX;
    if (has_room)
        store_queue_add(&writer->queue, op);
    bool must_wake = has_room && writer->is_asleep;
    writer_unlock(store);
    if (must_wake)
        (void)pthread_cond_signal(&writer->wake); /* fails only on misuse */
    if (has_room)
        return;
    struct err_info why = { 0 };
    enum err result = err_named(&why, ERR_UNAVAILABLE, "STORE_QUEUE_MAX",
        "%d operations wait for the store already; try again later", STORE_QUEUE_MAX);
    store_op_fail(op, result, &why);
    store_op_finish(op);
}
