#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "store/store_impl.h"

static const struct err_info no_memory = {
    .code = ERR_MEMORY,
    .text = "there was no memory to keep the error in",
};
static const struct err_info no_error = { .code = ERR_OK };

/* ---- operations ---- */

void store_op_fail(struct store_op *op, enum err result, const struct err_info *why)
{
    assert(result != ERR_OK);
    op->result = result;
    free(op->why);
    op->why = malloc(sizeof(*op->why)); /* NULL is answered in op_reply */
    if (op->why && why)
        *op->why = *why;
    else if (op->why)
        op->result = err_set(op->why, result, "%s", err_word(result));
}

static void op_reply(struct loop_job *job)
{
    struct store_op *op = CONTAINER_OF(job, struct store_op, job);
    struct err_info *why = op->why;
    const struct err_info *told = why ? why : op->result == ERR_OK ? &no_error : &no_memory;
    op->why = NULL;
    op->done(op, op->result, told); /* may free `op` */
    free(why);
}

void store_op_finish(struct store_op *op)
{
    op->job.run = op_reply;
    if (op->reply_to)
        loop_post(op->reply_to, &op->job);
    else
        op_reply(&op->job);
}

void store_queue_add(struct store_queue *queue, struct store_op *op)
{
    op->next = NULL;
    if (queue->last)
        queue->last->next = op;
    else
        queue->first = op;
    queue->last = op;
    queue->count++;
}

struct store_op *store_queue_take(struct store_queue *queue)
{
    struct store_op *op = queue->first;
    if (!op)
        return NULL;
    queue->first = op->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    op->next = NULL;
    return op;
}

static void op_prepare(struct store_op *op)
{
    op->result = ERR_OK;
    op->why = NULL;
    op->next = NULL;
}

void store_submit(struct store *store, struct store_op *op)
{
    op_prepare(op);
    store_writer_submit(store, op);
}

void store_read(struct store *store, struct store_op *op)
{
    op_prepare(op);
    if (store->readers.count > 0)
        store_readers_submit(store, op);
    else
        store_writer_submit(store, op);
}

struct wait {
    struct store_op op;
    store_work *work;
    void *context;
    struct err_info *why;
    enum err result;
    bool is_done;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static enum err wait_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct wait *wait = (struct wait *)(void *)op;
    return wait->work(wait->context, conn, why);
}

static void wait_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct wait *wait = (struct wait *)(void *)op;
    (void)pthread_mutex_lock(&wait->mutex); /* a plain mutex on the stack: can't fail */
    wait->result = result;
    if (result != ERR_OK && wait->why)
        *wait->why = *why;
    wait->is_done = true;
    (void)pthread_cond_signal(&wait->changed);
    (void)pthread_mutex_unlock(&wait->mutex);
}

static enum err run_and_wait(
    struct store *store, bool is_write, store_work *work, void *context, struct err_info *why)
{
    struct wait wait = {
        .op = { .apply = wait_apply, .done = wait_done },
        .work = work,
        .context = context,
        .why = why,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    if (store->is_inline)
        store_writer_run_now(store, &wait.op);
    else if (is_write)
        store_submit(store, &wait.op);
    else
        store_read(store, &wait.op);
    (void)pthread_mutex_lock(&wait.mutex);
    while (!wait.is_done)
        (void)pthread_cond_wait(&wait.changed, &wait.mutex);
    (void)pthread_mutex_unlock(&wait.mutex);
    (void)pthread_cond_destroy(&wait.changed);
    (void)pthread_mutex_destroy(&wait.mutex);
    return wait.result;
}

enum err store_write_wait(struct store *store, store_work *work, void *context, struct err_info *why)
{
    return run_and_wait(store, true, work, context, why);
}

enum err store_read_wait(struct store *store, store_work *work, void *context, struct err_info *why)
{
    return run_and_wait(store, false, work, context, why);
}

/* ---- hooks ---- */

void store_add_hook(struct store_conn *conn, struct store_hook *hook)
{
    assert(conn->is_writer);
    hook->next = conn->hooks;
    conn->hooks = hook;
}

void store_hooks_take(struct store_conn *conn, struct store_hook **list)
{
    struct store_hook *hook = conn->hooks;
    conn->hooks = NULL;
    if (!hook)
        return;
    struct store_hook *first = hook;
    while (hook->next)
        hook = hook->next;
    hook->next = *list;
    *list = first;
}

void store_hooks_run(struct store_hook *list, bool is_committed)
{
    struct store_hook *in_order = NULL; /* the list has the newest first */
    while (list) {
        struct store_hook *next = list->next;
        list->next = in_order;
        in_order = list;
        list = next;
    }
    while (in_order) {
        struct store_hook *next = in_order->next;
        in_order->run(in_order, is_committed); /* may free the hook */
        in_order = next;
    }
}

/* ---- open and close ---- */

static enum err text_copy(struct str text, char **ret, struct err_info *why)
{
    char *copy = malloc(text.size + 1);
    if (!copy)
        return err_memory(why);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *ret = copy;
    return ERR_OK;
}

static enum err parse_url(struct store *store, struct str url, struct err_info *why)
{
    if (str_equal(url, STR(":memory:")))
        return text_copy(STR(""), &store->path, why);
    if (!str_starts(url, STR("sqlite:")) || url.size == strlen("sqlite:"))
        return err_named(why, ERR_INVALID, "store_url",
            "the store's address \"%.*s\" is not known: write sqlite:PATH or :memory:", STR_ARG(url));
    struct str path = str_slice(url, strlen("sqlite:"), url.size);
    if (str_find_byte(path, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "store_url", "the store's path holds a NUL byte");
    return text_copy(path, &store->path, why);
}

static enum err store_set_up(struct store *store, const struct store_options *options, struct err_info *why)
{
    TRY(parse_url(store, options->url, why));
    if (options->vfs.size > 0)
        TRY(text_copy(options->vfs, &store->vfs, why));
    store->engine = &store_engine_sqlite;
    TRY(store->engine->open(store, why));
    TRY(store->engine->conn_open(store, true, &store->conn, why));
    TRY(store_migrate(store->conn, options->migrations, why));
    TRY(outbox_start(store->conn, why));
    TRY(blob_start(store, why));
    TRY(store->engine->start(store, why));
    if (store->is_inline)
        return ERR_OK;
    if (store->path[0]) {
        unsigned readers = options->reader_count > 0 ? options->reader_count : 2;
        TRY(store_readers_start(store, readers, why));
    }
    return store_writer_start(store, why);
}

enum err store_open(const struct store_options *options, struct store **ret, struct err_info *why)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return err_memory(why);
    store->clock = options->clock;
    store->is_inline = options->is_inline;
    store->on_fatal = options->on_fatal;
    store->fatal_context = options->fatal_context;
    if (pthread_mutex_init(&store->writer.mutex, NULL) || pthread_cond_init(&store->writer.wake, NULL) ||
        pthread_mutex_init(&store->readers.mutex, NULL) || pthread_cond_init(&store->readers.wake, NULL)) {
        free(store);
        return err_memory(why);
    }
    enum err result = store_set_up(store, options, why);
    if (result != ERR_OK) {
        store_close(store);
        return result;
    }
    *ret = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_writer_stop(store);
    store_readers_stop(store);
    if (store->engine) {
        store->engine->stop(store);
        if (store->conn)
            store->engine->conn_close(store->conn);
        store->engine->close(store);
    }
    (void)pthread_mutex_destroy(&store->writer.mutex); /* unused now */
    (void)pthread_cond_destroy(&store->writer.wake);
    (void)pthread_mutex_destroy(&store->readers.mutex);
    (void)pthread_cond_destroy(&store->readers.wake);
    free(store->path);
    free(store->vfs);
    free(store->blob_directory);
    free(store);
}

void store_on_commit(struct store *store, void (*committed)(void *context, uint64_t last_seq), void *context)
{
    (void)pthread_mutex_lock(&store->writer.mutex); /* a plain mutex: can't fail */
    store->writer.committed = committed;
    store->writer.committed_context = context;
    (void)pthread_mutex_unlock(&store->writer.mutex);
}

void store_metrics(struct store *store, struct store_metrics *ret)
{
    (void)pthread_mutex_lock(&store->writer.mutex); /* a plain mutex: can't fail */
    *ret = store->writer.metrics;
    ret->queue_length = store->writer.queue.count;
    (void)pthread_mutex_unlock(&store->writer.mutex);
}

/* ---- SQL ---- */

enum err sql_run(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args, size_t arg_count,
    int64_t *ret_changed, struct err_info *why)
{
    return conn->engine->run(conn, sql, args, arg_count, ret_changed, why);
}

enum err rows_open(struct rows *rows, struct store_conn *conn, const struct sql *sql,
    const struct sql_arg *args, size_t arg_count, struct err_info *why)
{
    *rows = (struct rows){ .conn = conn, .why = why };
    return conn->engine->rows_open(rows, sql, (struct str){ 0 }, args, arg_count, why);
}

enum err rows_open_text(struct rows *rows, struct store_conn *conn, struct str text,
    const struct sql_arg *args, size_t arg_count, struct err_info *why)
{
    *rows = (struct rows){ .conn = conn, .why = why };
    return conn->engine->rows_open(rows, NULL, text, args, arg_count, why);
}

bool rows_next(struct rows *rows)
{
    return rows->statement && rows->result == ERR_OK && rows->conn->engine->rows_next(rows);
}

enum err rows_end(struct rows *rows, struct err_info *why)
{
    enum err result = rows->result;
    if (result != ERR_OK && why && why != rows->why) {
        if (rows->why)
            *why = *rows->why;
        else
            result = err_set(why, result, "reading rows failed");
    }
    rows_cleanup(rows);
    return result;
}

void rows_cleanup(struct rows *rows)
{
    if (rows->statement)
        rows->conn->engine->rows_close(rows);
    rows->statement = NULL;
}

bool rows_is_null(struct rows *rows, int column)
{
    return rows->conn->engine->rows_is_null(rows, column);
}

int64_t rows_int(struct rows *rows, int column)
{
    return rows->conn->engine->rows_int(rows, column);
}

double rows_real(struct rows *rows, int column)
{
    return rows->conn->engine->rows_real(rows, column);
}

struct str rows_bytes(struct rows *rows, int column)
{
    return rows->conn->engine->rows_bytes(rows, column);
}

struct id rows_id(struct rows *rows, int column)
{
    struct id id = ID_NONE;
    struct str bytes = rows_bytes(rows, column);
    if (bytes.size == sizeof(id.bytes))
        memcpy(id.bytes, bytes.data, sizeof(id.bytes));
    return id;
}

struct instant rows_instant(struct rows *rows, int column)
{
    return (struct instant){ rows_int(rows, column) };
}

struct clock *store_clock(struct store_conn *conn)
{
    return conn->store->clock;
}

struct instant store_commit_time(struct store_conn *conn)
{
    return conn->commit_time;
}

enum err store_incremental_vacuum(
    struct store_conn *conn, unsigned pages_max, uint64_t *ret_pages, struct err_info *why)
{
    return conn->engine->vacuum(conn, pages_max, ret_pages, why);
}
