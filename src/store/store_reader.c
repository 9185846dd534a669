/* The readers: a few threads, each with a connection and, for each operation, a snapshot of its own. */
#include <assert.h>

#include "store/store_impl.h"

static void read_one(struct store_conn *conn, struct store_op *op)
{
    struct err_info why = { 0 };
    conn->commit_time = clock_now(conn->store->clock);
    enum err result = conn->engine->begin(conn, &why);
    if (result == ERR_OK)
        result = op->apply(op, conn, &why);
    if (conn->engine->is_open(conn))
        conn->engine->rollback(conn); /* ends the snapshot; nothing was written */
    if (result != ERR_OK) {
        if (why.code != result)
            result = err_set(&why, result, "the read failed: %s", err_word(result));
        store_op_fail(op, result, &why);
    }
    store_op_finish(op);
}

static void readers_lock(struct store *store)
{
    int failed = pthread_mutex_lock(&store->readers.mutex);
    assert(!failed);
    (void)failed;
}

static void readers_unlock(struct store *store)
{
    int failed = pthread_mutex_unlock(&store->readers.mutex);
    assert(!failed);
    (void)failed;
}

static void *reader_main(void *context)
{
    struct store *store = context;
    struct store_readers *readers = &store->readers;
    readers_lock(store);
    struct store_conn *conn = readers->conns[readers->next_conn++];
    for (;;) {
        while (!readers->queue.first && !readers->is_closing)
            (void)pthread_cond_wait(&readers->wake, &readers->mutex); /* fails only on misuse */
        struct store_op *op = store_queue_take(&readers->queue);
        if (!op)
            break;
        readers_unlock(store);
        read_one(conn, op);
        readers_lock(store);
    }
    readers_unlock(store);
    return NULL;
}

enum err store_readers_start(struct store *store, unsigned count, struct err_info *why)
{
    struct store_readers *readers = &store->readers;
    if (count > STORE_READERS_MAX)
        count = STORE_READERS_MAX;
    for (unsigned i = 0; i < count; i++) {
        TRY(store->engine->conn_open(store, false, &readers->conns[i], why));
        readers->count++;
    }
    for (unsigned i = 0; i < count; i++) {
        int failed = pthread_create(&readers->threads[i], NULL, reader_main, store);
        if (failed)
            return err_errno(why, failed, "starting a reader of the store");
        readers->started++;
        (void)pthread_setname_np(readers->threads[i], "store-reader"); /* only a help for people */
    }
    return ERR_OK;
}

void store_readers_stop(struct store *store)
{
    struct store_readers *readers = &store->readers;
    readers_lock(store);
    readers->is_closing = true;
    (void)pthread_cond_broadcast(&readers->wake); /* fails only on misuse */
    readers_unlock(store);
    for (unsigned i = 0; i < readers->started; i++)
        (void)pthread_join(readers->threads[i], NULL); /* fails only on misuse */
    for (unsigned i = 0; i < readers->count; i++)
        store->engine->conn_close(readers->conns[i]);
    readers->started = 0;
    readers->count = 0;
}

void store_readers_submit(struct store *store, struct store_op *op)
{
    struct store_readers *readers = &store->readers;
    readers_lock(store);
    bool has_room = readers->queue.count < STORE_QUEUE_MAX;
    if (has_room)
        store_queue_add(&readers->queue, op);
    (void)pthread_cond_signal(&readers->wake); /* fails only on misuse */
    readers_unlock(store);
    if (has_room)
        return;
    struct err_info why = { 0 };
    enum err result = err_named(&why, ERR_UNAVAILABLE, "STORE_QUEUE_MAX",
        "%d reads wait for the store already; try again later", STORE_QUEUE_MAX);
    store_op_fail(op, result, &why);
    store_op_finish(op);
}
