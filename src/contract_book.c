#include "contract_book.h"

#include <pthread.h>
#include <string.h>

#include "base/container.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/pack.h"

#define PENDING_MAX 100 /* drifts on their way; past it they are only logged */

const struct store_migration contract_migrations[] = {
    { "contracts", 1, "learned shapes of answers",
        "CREATE TABLE contracts (tenant INTEGER NOT NULL, action TEXT NOT NULL, scope TEXT NOT NULL,"
        " shape BLOB NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (tenant, action, scope)) STRICT,"
        " WITHOUT ROWID",
        "CREATE TABLE contracts (tenant BIGINT NOT NULL, action TEXT NOT NULL, scope TEXT NOT NULL,"
        " shape BYTEA NOT NULL, updated BIGINT NOT NULL, PRIMARY KEY (tenant, action, scope))" },
    { 0 },
};

/* One drift on its way to become an alert. */
struct raising {
    struct contract_book *book;
    struct raising *next;
    struct arena arena;
    struct loop_job job;
    struct contract_drift drift; /* texts in the arena */
    struct ingest_request request;
};

struct contract_book {
    struct contracts *contracts;
    struct engine *engine;
    struct ingest *ingest;
    struct loop *loop;
    struct log *log;
    pthread_mutex_t mutex; /* guards what follows */
    struct raising *pending;
    unsigned pending_count;
};

/* ---- raising ---- */

static void raising_free(struct raising *raising)
{
    arena_done(&raising->arena);
    memory_free(raising);
}

static void forget(struct raising *raising)
{
    struct contract_book *book = raising->book;
    (void)pthread_mutex_lock(&book->mutex); /* fails only on misuse */
    struct raising **at = &book->pending;
    while (*at != raising)
        at = &(*at)->next;
    *at = raising->next;
    book->pending_count--;
    (void)pthread_mutex_unlock(&book->mutex); /* fails only on misuse */
    raising_free(raising);
}

static void raised(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct raising *raising = CONTAINER_OF(request, struct raising, request);
    if (result != ERR_OK)
        log_failure(raising->book->log, LOG_WARN, "the drift of an answer became no alert", why);
    forget(raising);
}

static FALLIBLE drift_event(struct raising *raising, struct str *ret, struct err_info *why)
{
    const struct contract_drift *drift = &raising->drift;
    struct arena *arena = &raising->arena;
    struct value_map_builder map;
    struct value readers;
    struct str connector, rest = drift->action;
    AUTO(buf) struct buf text = { 0 };
    if (!str_split(&rest, '.', &connector))
        connector = drift->action;
    TRY(engine_readers(
        raising->book->engine, drift->tenant, drift->action, drift->drift.field, arena, &readers, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "kind", value_string(STR("answer_drift")), why));
    TRY(value_map_set(&map, "drift", value_string(str_of(drift_kind_name(drift->drift.kind))), why));
    TRY(value_map_set(&map, "connector", value_string(connector), why));
    TRY(value_map_set(&map, "action", value_string(drift->action), why));
    TRY(value_map_set(&map, "field", value_string(drift->drift.field), why));
    TRY(value_map_set(&map, "before", value_string(drift->drift.before), why));
    TRY(value_map_set(&map, "now", value_string(drift->drift.now), why));
    TRY(value_map_set(&map, "playbook", value_string(drift->playbook), why));
    TRY(value_map_set(&map, "step", value_string(drift->step), why));
    TRY(value_map_set(&map, "readers", readers, why));
    json_print(&text, value_map_end(&map), 0);
    TRY(buf_check(&text, why));
    return arena_str(arena, buf_str(&text), ret, why);
}

static void raise_now(struct loop_job *job)
{
    struct raising *raising = CONTAINER_OF(job, struct raising, job);
    struct contract_book *book = raising->book;
    struct err_info why = { 0 };
    raising->request = (struct ingest_request){ .tenant = raising->drift.tenant,
        .source = STR("tocsin"),
        .content_type = STR("application/json"),
        .arena = &raising->arena,
        .accepted = raised,
        .reply_to = book->loop };
    if (drift_event(raising, &raising->request.body, &why) == ERR_OK)
        ingest_receive(book->ingest, &raising->request);
    else
        raised(&raising->request, why.code, &why);
}

static FALLIBLE copy_drift(struct raising *raising, const struct contract_drift *from, struct err_info *why)
{
    struct contract_drift *to = &raising->drift;
    struct arena *arena = &raising->arena;
    *to = *from;
    TRY(arena_str(arena, from->action, &to->action, why));
    TRY(arena_str(arena, from->playbook, &to->playbook, why));
    TRY(arena_str(arena, from->step, &to->step, why));
    TRY(arena_str(arena, from->drift.field, &to->drift.field, why));
    TRY(arena_str(arena, from->drift.before, &to->drift.before, why));
    return arena_str(arena, from->drift.now, &to->drift.now, why);
}

static bool queue(struct contract_book *book, struct raising *raising)
{
    (void)pthread_mutex_lock(&book->mutex); /* fails only on misuse */
    bool has_room = book->pending_count < PENDING_MAX;
    if (has_room) {
        raising->next = book->pending;
        book->pending = raising;
        book->pending_count++;
    }
    (void)pthread_mutex_unlock(&book->mutex); /* fails only on misuse */
    return has_room;
}

/* On a shard's thread, inside the call that showed it. */
static void drifted(void *context, const struct contract_drift *drift)
{
    struct contract_book *book = context;
    LOG(book->log, LOG_WARN, "an answer is not as it was", LOG_S("action", drift->action),
        LOG_S("field", drift->drift.field), LOG_S("drift", str_of(drift_kind_name(drift->drift.kind))),
        LOG_S("before", drift->drift.before), LOG_S("now", drift->drift.now));
    if (book->ingest == NULL)
        return;
    struct raising *raising = memory_alloc(sizeof *raising);
    if (raising == NULL)
        return;
    memset(raising, 0, sizeof *raising);
    raising->book = book;
    raising->job.run = raise_now;
    if (copy_drift(raising, drift, NULL) != ERR_OK || !queue(book, raising)) {
        raising_free(raising);
        return;
    }
    loop_post(book->loop, &raising->job);
}

/* ---- rows ---- */

static enum err store_row(void *context, const struct contract_row *row, struct err_info *why)
{
    static const struct sql put = { "INSERT INTO contracts (tenant, action, scope, shape, updated)"
                                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, action, scope)"
                                    " DO UPDATE SET shape = excluded.shape, updated = excluded.updated",
        NULL };
    struct store_conn *conn = context;
    AUTO(buf) struct buf packed = { 0 };
    pack_value(&packed, row->shape);
    TRY(buf_check(&packed, why));
    return sql_run(conn, &put,
        SQL_ARGS(arg_int(row->tenant), arg_text(row->action), arg_text(row->scope),
            arg_bytes(buf_str(&packed)), arg_instant(store_commit_time(conn))),
        NULL, why);
}

enum err contract_book_store(struct contract_book *book, struct store_conn *conn, struct err_info *why)
{
    return contracts_changed(book->contracts, store_row, conn, why);
}

static enum err load_rows(void *context, struct store_conn *conn, struct err_info *why)
{
    static const struct sql all = { "SELECT tenant, action, scope, shape FROM contracts", NULL };
    struct contract_book *book = context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &all, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        AUTO(arena) struct arena arena = { 0 };
        struct err_info own = { 0 };
        struct contract_row row = {
            .tenant = rows_int(&rows, 0), .action = rows_bytes(&rows, 1), .scope = rows_bytes(&rows, 2)
        };
        enum err result = unpack_value(&arena, rows_bytes(&rows, 3), true, &row.shape, &own);
        if (result == ERR_OK)
            result = contracts_restore(book->contracts, &row, &own);
        if (result != ERR_OK) /* it is learned anew */
            log_failure(book->log, LOG_WARN, "a stored shape can't be read", &own);
    }
    return rows_end(&rows, why);
}

/* ---- life ---- */

enum err contract_book_open(struct store *store, struct loop *loop, struct clock *clock, struct log *log,
    struct contract_book **ret, struct err_info *why)
{
    struct contract_book *book = memory_alloc(sizeof *book);
    if (book == NULL)
        return err_memory(why);
    *book = (struct contract_book){ .loop = loop, .log = log };
    int failed = pthread_mutex_init(&book->mutex, NULL);
    if (failed != 0) {
        memory_free(book);
        return err_errno(why, failed, "make a lock");
    }
    enum err result = contracts_new(clock, drifted, book, &book->contracts, why);
    if (result == ERR_OK)
        result = store_read_wait(store, load_rows, book, why);
    if (result != ERR_OK) {
        contract_book_close(book);
        return result;
    }
    *ret = book;
    return ERR_OK;
}

struct contracts *contract_book_contracts(struct contract_book *book)
{
    return book->contracts;
}

void contract_book_join(struct contract_book *book, struct engine *engine, struct ingest *ingest)
{
    book->engine = engine;
    book->ingest = ingest;
}

void contract_book_close(struct contract_book *book)
{
    if (book == NULL)
        return;
    while (book->pending != NULL) { /* the loop ended before they were accepted */
        struct raising *next = book->pending->next;
        raising_free(book->pending);
        book->pending = next;
    }
    contracts_free(book->contracts);
    (void)pthread_mutex_destroy(&book->mutex); /* fails only on misuse */
    memory_free(book);
}
