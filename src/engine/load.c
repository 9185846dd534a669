/* A run comes back from its row and its journal. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/status.h"
#include "engine/undo.h"

#define LOAD_AGAIN_US (5 * US_PER_S)

void loaded_done(struct loaded *loaded)
{
    run_free(loaded->run);
    loaded->run = NULL;
    arena_done(&loaded->arena);
}

struct fold {
    struct engine *engine;
    struct store_conn *conn;
    struct run *run;
    const struct run_row *row;
};

/* What an undo is made of stands in its first record. */
static FALLIBLE undo_version(
    struct fold *fold, struct str record, struct playbook_version **ret, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct journal_reader reader;
    struct op op;
    bool more = true;
    TRY(journal_open(&reader, record, &scratch, why));
    for (;;) {
        struct creation creation;
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            return err_named(
                why, ERR_INVALID, "journal_damaged", "the first record of an undo has no creation");
        if (op.kind != OP_CREATE)
            continue;
        TRY(creation_unpack(op.data, &creation, why));
        return undo_version_new(fold->row->tenant, creation.inputs, ret, why);
    }
}

static FALLIBLE find_version(struct fold *fold, struct str record, struct err_info *why)
{
    struct run *run = fold->run;
    if (fold->row->playbook == UNDO_PLAYBOOK_NUMBER)
        TRY(undo_version(fold, record, &run->version, why));
    else
        TRY(registry_version(
            fold->engine->registry, fold->conn, fold->row->playbook, fold->row->version, &run->version, why));
    run->playbook = run->version->playbook;
    return ERR_OK;
}

static enum err fold_record(void *context, uint32_t seq, struct str record, struct err_info *why)
{
    struct fold *fold = context;
    struct run *run = fold->run;
    if (!run->version)
        TRY(find_version(fold, record, why));
    if (run->seq == 0 && fold->row->snapshot != 0)
        run->seq = fold->row->snapshot - 1;
    if (seq != run->seq + 1)
        return err_named(why, ERR_INVALID, "journal_gap", "record %u of run %s is missing", run->seq + 1,
            id_text(run->id).text);
    TRY(run_fold(run, record, why));
    /* The bytes of records are garbage soon. */
    return run_wants_compaction(run) ? run_compact(run, why) : ERR_OK;
}

enum err run_load(struct engine *engine, struct store_conn *conn, int64_t tenant, struct id id,
    bool even_ended, struct loaded *ret, struct err_info *why)
{
    struct run_row row;
    TRY(run_row_find(conn, tenant, id, &ret->arena, &row, why));
    if (run_status_is_end(row.status) && !even_ended)
        return ERR_OK;
    TRY(run_new(row.tenant, id, &ret->run, why));
    struct run *run = ret->run;
    struct fold fold = { engine, conn, run, &row };
    run->number = row.number;
    run->playbook_number = row.playbook;
    run->playbook_version = row.version;
    run->snapshot_seq = row.snapshot;
    TRY(journal_rows(conn, row.tenant, row.number, row.snapshot, &run->arena, fold_record, &fold, why));
    if (!run->version)
        return err_named(why, ERR_INVALID, "journal_gap", "run %s has no journal", id_text(id).text);
    if (row.status == RUN_QUEUED) /* which its journal does not know */
        run->status = RUN_QUEUED;
    ret->wake = row.wake;
    TRY(inbox_rows(conn, id, 0, &ret->arena, &ret->inbox, &ret->inbox_count, why));
    if (run->phase == RUN_PHASE_CREATED) /* it was given them at its creation */
        return ERR_OK;
    return subjects_read(engine, conn, run, &ret->arena, &ret->subjects, why);
}

/* ---- on a shard ---- */

struct load_op {
    struct op_link link;
    struct active *active;
    struct loaded loaded;
};

static enum err load_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct load_op *load_op = (struct load_op *)(void *)op;
    return run_load(load_op->link.shard->engine, conn, 0, load_op->active->id, false, &load_op->loaded, why);
}

static FALLIBLE deliver_inbox(struct active *active, const struct inbox_row *row, struct err_info *why)
{
    struct pending *pending = pending_new((enum happening_kind)row->kind);
    if (!pending)
        return err_memory(why);
    struct happening *happening = &pending->happening;
    happening->frame = row->frame;
    happening->object = row->object;
    happening->inbox_number = row->number;
    enum err result = value_copy(&pending->arena, row->payload, &happening->data, why);
    if (result != ERR_OK) {
        pending_free(pending);
        return result;
    }
    if (happening->kind == HAPPENED_CANCEL) {
        struct value code = value_get(happening->data, STR("code")),
                     text = value_get(happening->data, STR("message"));
        happening->code = value_is(code, VALUE_STRING) ? value_str(code) : STR("");
        happening->text = value_is(text, VALUE_STRING) ? value_str(text) : STR("");
    }
    active->inbox_seen = row->number;
    active_deliver(active, pending);
    return ERR_OK;
}

/* All are newer than what the run has taken: nothing is read beside another read of the same run. */
static FALLIBLE deliver_inboxes(
    struct active *active, const struct inbox_row *rows, uint32_t count, struct err_info *why)
{
    for (uint32_t i = 0; i < count; i++)
        TRY(deliver_inbox(active, &rows[i], why));
    return ERR_OK;
}

/* What waits for the run comes after what the load itself brings. */
static FALLIBLE deliver_loaded(struct active *active, struct loaded *loaded, struct err_info *why)
{
    struct pending *waiting = active->queue, **waiting_end = active->queue_end;
    bool is_new = loaded->run->phase == RUN_PHASE_CREATED;
    struct pending *first = NULL;
    active->queue = NULL;
    active->queue_end = &active->queue;
    enum err result = subjects_deliver(active, &loaded->subjects, why);
    if (result == ERR_OK && active->run->status != RUN_QUEUED) {
        first = pending_new(is_new ? HAPPENED_START : HAPPENED_RECOVER);
        result = first ? ERR_OK : err_memory(why);
    }
    if (first)
        active_deliver(active, first);
    if (result == ERR_OK)
        result = deliver_inboxes(active, loaded->inbox, loaded->inbox_count, why);
    if (waiting) {
        *active->queue_end = waiting;
        active->queue_end = waiting_end;
    }
    active->wants_turn = false;
    return result;
}

/* Who waits for a run that is not there, or has ended, is told so. */
static void refuse_queue(struct active *active, enum err result, const struct err_info *why)
{
    struct err_info ended = { 0 };
    if (result == ERR_OK) {
        result = err_set(&ended, ERR_CONFLICT, "the run has ended");
        why = &ended;
    }
    for (struct pending *pending = active->queue; pending; pending = pending->next) {
        if (pending->reply)
            reply_send(pending->reply, result, why);
        pending->reply = NULL;
    }
    pendings_free(&active->queue);
    active->queue_end = &active->queue;
    active->wants_turn = active->checks_inbox = false;
}

static void load_failed(struct active *active, enum err result, const struct err_info *why)
{
    bool may_pass = result == ERR_MEMORY || result == ERR_UNAVAILABLE || result == ERR_IO;
    if (!may_pass)
        refuse_queue(active, result, why);
    if (result == ERR_OK || result == ERR_NOT_FOUND)
        return;
    shard_complain(active->shard, "a run could not be loaded; trying again", why);
    /* Also what looks like damage: a disk that failed to read once is told like that, and a run that is
     * forgotten now would stand still until the next start. */
    active_rest(active, may_pass ? US_PER_S : LOAD_AGAIN_US);
}

static void load_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct load_op *load_op = (struct load_op *)(void *)op;
    struct active *active = load_op->active;
    struct shard *shard = active->shard;
    struct err_info failed = { 0 };
    shard_op_done(&load_op->link);
    shard_enter(shard);
    active->load_op = NULL;
    if (result == ERR_OK && load_op->loaded.run) {
        active->run = load_op->loaded.run;
        active->tenant = active->run->tenant;
        active->wake = load_op->loaded.wake;
        result = deliver_loaded(active, &load_op->loaded, &failed);
        load_op->loaded.run = NULL;
        if (result != ERR_OK)
            active_void(active, &failed);
    } else {
        load_failed(active, result, why);
    }
    loaded_done(&load_op->loaded);
    memory_free(load_op);
    active_settle(active);
    shard_leave(shard);
}

void shard_start_loading(struct shard *shard, struct active *active)
{
    struct err_info why = { 0 };
    struct load_op *load_op = memory_alloc(sizeof(*load_op));
    if (!load_op) {
        load_failed(active, err_memory(&why), &why);
        return;
    }
    memset(load_op, 0, sizeof(*load_op));
    load_op->link.op.apply = load_apply;
    load_op->link.op.done = load_done;
    load_op->active = active;
    active->load_op = load_op;
    active->checks_inbox = false; /* what comes from here on may be missing in what the load sees */
    shard_read(shard, &load_op->link);
}

/* ---- messages for a run that is here already ---- */

struct inbox_op {
    struct op_link link;
    struct active *active;
    struct arena arena;
    struct inbox_row *rows;
    uint32_t count;
    int64_t after;
};

static enum err inbox_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct inbox_op *inbox_op = (struct inbox_op *)(void *)op;
    return inbox_rows(conn, inbox_op->active->id, inbox_op->after, &inbox_op->arena, &inbox_op->rows,
        &inbox_op->count, why);
}

static void inbox_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct inbox_op *inbox_op = (struct inbox_op *)(void *)op;
    struct active *active = inbox_op->active;
    struct shard *shard = active->shard;
    struct err_info failed = *why;
    shard_op_done(&inbox_op->link);
    shard_enter(shard);
    active->inbox_op = NULL;
    if (result == ERR_OK && active->run)
        result = deliver_inboxes(active, inbox_op->rows, inbox_op->count, &failed);
    if (result != ERR_OK)
        active_void(active, &failed);
    arena_done(&inbox_op->arena);
    memory_free(inbox_op);
    active_settle(active);
    shard_leave(shard);
}

void shard_check_inbox(struct active *active)
{
    struct err_info why = { 0 };
    struct inbox_op *inbox_op = memory_alloc(sizeof(*inbox_op));
    active->checks_inbox = false;
    if (!inbox_op) {
        (void)err_memory(&why);
        active_void(active, &why);
        return;
    }
    memset(inbox_op, 0, sizeof(*inbox_op));
    inbox_op->link.op.apply = inbox_apply;
    inbox_op->link.op.done = inbox_done;
    inbox_op->active = active;
    inbox_op->after = active->inbox_seen;
    active->inbox_op = inbox_op;
    shard_read(active->shard, &inbox_op->link);
}
