#include "engine/retry.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "engine/status.h"

/* ---- the state before it went wrong ---- */

/* Where in the journal: operation `op` of record `seq`. */
struct cut {
    uint32_t seq, op;
};

struct cutting {
    struct run *run;
    struct arena arena; /* of the first pass, thrown away */
    bool is_cancelled; /* what is looked for: the stop; else the failure of step `step` */
    uint32_t step;
    struct cut found; /* seq 0: not found */
    bool is_folding; /* the second pass */
    uint32_t last_seq;
    /* Which step a frame is of: what ended is known by its frame only. */
    uint32_t *steps;
    uint32_t step_room;
};

static FALLIBLE note_frame(struct cutting *cutting, uint32_t frame, uint32_t step, struct err_info *why)
{
    if (frame >= cutting->step_room) {
        uint32_t room = cutting->step_room ? cutting->step_room : 64;
        while (room <= frame)
            room *= 2;
        void *more = memory_realloc(cutting->steps, room * sizeof(uint32_t));
        if (!more)
            return err_memory(why);
        cutting->steps = more;
        for (uint32_t i = cutting->step_room; i < room; i++)
            cutting->steps[i] = STEP_NONE;
        cutting->step_room = room;
    }
    cutting->steps[frame] = step;
    return ERR_OK;
}

static bool is_culprit(const struct cutting *cutting, const struct op *op)
{
    if (cutting->is_cancelled)
        return op->kind == OP_RUN && op_has(op, FIELD_STOP) && op->numbers[FIELD_STOP] != STOP_NONE;
    if (op->kind != OP_STEP_END && op->kind != OP_STEP_RESULT)
        return false;
    return op->numbers[FIELD_STATUS] == STEP_FAILED && op->frame < cutting->step_room &&
        cutting->steps[op->frame] == cutting->step;
}

/* Numbers frames as the fold does. */
static FALLIBLE look_at(
    struct cutting *cutting, const struct op *op, uint32_t *next_frame, struct err_info *why)
{
    switch (op->kind) {
    case OP_SNAPSHOT: *next_frame = 1; break;
    case OP_RUN:
        if (op_has(op, FIELD_NUMBER))
            *next_frame = (uint32_t)op->numbers[FIELD_NUMBER];
        break;
    case OP_BLOCK_OPEN: (*next_frame)++; break;
    case OP_STEP_OPEN: return note_frame(cutting, (*next_frame)++, (uint32_t)op->numbers[FIELD_STEP], why);
    case OP_FRAME:
        *next_frame = op->frame + 1;
        if (op->numbers[FIELD_KIND] == FRAME_STEP)
            return note_frame(cutting, op->frame, (uint32_t)op->numbers[FIELD_STEP], why);
        break;
    default: break;
    }
    return ERR_OK;
}

struct scan {
    struct cutting *cutting;
    uint32_t next_frame;
};

static enum err scan_record(void *context, uint32_t seq, struct str record, struct err_info *why)
{
    struct scan *scan = context;
    struct cutting *cutting = scan->cutting;
    struct journal_reader reader;
    struct op op;
    bool more = true;
    TRY(journal_open(&reader, record, &cutting->arena, why));
    cutting->last_seq = seq;
    for (uint32_t i = 0;; i++) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            break;
        if (is_culprit(cutting, &op))
            cutting->found = (struct cut){ seq, i };
        TRY(look_at(cutting, &op, &scan->next_frame, why));
    }
    arena_reset(&cutting->arena);
    return ERR_OK;
}

static enum err fold_record(void *context, uint32_t seq, struct str record, struct err_info *why)
{
    struct cutting *cutting = context;
    struct run *run = cutting->run;
    struct journal_reader reader;
    struct op op;
    bool more = true;
    if (seq > cutting->found.seq)
        return ERR_OK;
    TRY(journal_open(&reader, record, &run->arena, why));
    run->now = reader.now;
    for (uint32_t i = 0; seq < cutting->found.seq || i < cutting->found.op; i++) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            break;
        TRY(run_apply(run, &op, why));
    }
    return ERR_OK;
}

static FALLIBLE find_step(const struct run *run, uint32_t *ret, struct err_info *why)
{
    struct value id = value_get(run->error, STR("step"));
    const struct step *step = value_is(id, VALUE_STRING) ? playbook_find_step(run->playbook, value_str(id))
                                                         : NULL;
    if (!step)
        return err_set(why, ERR_CONFLICT, "the run did not fail at a step; start a new one");
    *ret = step->index;
    return ERR_OK;
}

static FALLIBLE cut_state(
    struct store_conn *conn, struct loaded *ended, struct cutting *cutting, struct err_info *why)
{
    struct run *old = ended->run, *run = NULL;
    struct scan scan = { cutting, 1 };
    cutting->is_cancelled = old->stop != STOP_NONE;
    if (!cutting->is_cancelled)
        TRY(find_step(old, &cutting->step, why));
    TRY(journal_rows(conn, old->tenant, old->number, 0, &cutting->arena, scan_record, &scan, why));
    if (cutting->found.seq == 0)
        return err_set(why, ERR_CONFLICT, "the run has no point to start again from; start a new one");
    TRY(run_new(old->tenant, old->id, &run, why));
    cutting->run = run;
    run->number = old->number;
    run->playbook_number = old->playbook_number;
    run->playbook_version = old->playbook_version;
    run->version = playbook_version_acquire(old->version);
    run->playbook = old->playbook;
    TRY(journal_rows(conn, run->tenant, run->number, 0, &run->arena, fold_record, cutting, why));
    run->seq = cutting->last_seq;
    run->status = old->status;
    return run_compact(run, why);
}

/* ---- making it go on ---- */

static FALLIBLE set_enter(struct run *run, struct frame *frame, struct err_info *why)
{
    struct op op = { .kind = OP_STEP_SET, .frame = frame->id };
    op_number(&op, FIELD_PHASE, PHASE_ENTER);
    op_number(&op, FIELD_ATTEMPT, 1);
    op_number(&op, FIELD_STOP, STOP_NONE);
    op_number(&op, FIELD_FLAGS, 0);
    op_value(&op, FIELD_ERROR, value_null());
    return run_apply(run, &op, why);
}

/* What waited was taken back when the run ended: it is entered again. Calls that were out stay as they are.
 */
static bool is_entered_again(const struct frame *frame, uint32_t failed_step, bool was_cancelled)
{
    switch (frame->phase) {
    case PHASE_APPROVAL:
    case PHASE_BACKOFF:
    case PHASE_ASK:
    case PHASE_WAIT:
    case PHASE_EVENT:
    case PHASE_CHILD:
    case PHASE_UNCERTAIN: return true;
    default: return !was_cancelled && frame->step == failed_step;
    }
}

static FALLIBLE make_ready(struct cutting *cutting, struct instant now, struct err_info *why)
{
    struct run *run = cutting->run;
    struct op op = { .kind = OP_RUN };
    run->now = now;
    for (uint32_t i = 0; i < run->frame_count; i++) {
        struct frame *frame = run->frames[i];
        if (frame->kind == FRAME_STEP && is_entered_again(frame, cutting->step, cutting->is_cancelled))
            TRY(set_enter(run, frame, why));
    }
    op_number(&op, FIELD_STATUS, RUN_RUNNING);
    op_number(&op, FIELD_STOP, STOP_NONE);
    op_number(&op, FIELD_ENDED, 0);
    op_number(&op, FIELD_DEADLINE, now.us + run_timeout_us(run));
    op_number(&op, FIELD_POSITION, 0);
    op_value(&op, FIELD_OUTPUT, value_null());
    op_value(&op, FIELD_ERROR, value_null());
    return run_apply(run, &op, why);
}

/* ---- in the store ---- */

struct retry_op {
    struct op_link link;
    struct shard *shard;
    int64_t tenant;
    struct id id;
    struct arena arena;
    struct str actor;
    struct engine_reply *reply;
    struct loaded ended;
    struct cutting cutting;
    struct run_commit commit;
    enum run_status old_status;
    enum admission admission;
};

static void retry_free(struct retry_op *retry)
{
    loaded_done(&retry->ended);
    run_free(retry->cutting.run);
    arena_done(&retry->cutting.arena);
    memory_free(retry->cutting.steps);
    run_commit_done(&retry->commit);
    arena_done(&retry->arena);
    memory_free(retry);
}

static void retry_fail(struct retry_op *retry, enum err result, const struct err_info *why)
{
    if (retry->reply)
        reply_send(retry->reply, result, why);
    retry_free(retry);
}

static enum err retry_read(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct retry_op *retry = (struct retry_op *)(void *)op;
    TRY(run_load(retry->shard->engine, conn, retry->tenant, retry->id, true, &retry->ended, why));
    if (retry->ended.run->status != RUN_FAILED && retry->ended.run->status != RUN_CANCELLED)
        return err_set(why, ERR_CONFLICT, "the run goes on already");
    return cut_state(conn, &retry->ended, &retry->cutting, why);
}

static FALLIBLE take_place(struct retry_op *retry, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = retry->cutting.run;
    const struct playbook *playbook = run->playbook;
    struct slot slot = {
        .tenant = run->tenant, .playbook = run->playbook_number, .run = run->number, .run_id = run->id
    };
    retry->admission = ADMITTED;
    TRY(start_key(run->concurrency_key, &retry->commit.arena, &slot.key, why));
    if (slot.key.size == 0)
        return ERR_OK;
    uint32_t max = playbook->concurrency_max > 0 ? playbook->concurrency_max : 1;
    return slot_take(conn, &slot, max, WHEN_FULL_QUEUE, &retry->admission, why);
}

static enum err retry_write(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct retry_op *retry = (struct retry_op *)(void *)op;
    struct run_commit *commit = &retry->commit;
    const struct run *run = retry->cutting.run;
    struct engine_subjects *subjects = retry->shard->engine->options.subjects;
    enum run_status status = RUN_CANCELLED;
    TRY(run_row_status(conn, run->tenant, run->id, &status, why));
    if (status != retry->old_status)
        return err_set(why, ERR_CONFLICT, "the run goes on already");
    TRY(take_place(retry, conn, why));
    struct run_row row = { .number = run->number,
        .tenant = run->tenant,
        .status = status_of_admission(retry->admission),
        .snapshot = run->snapshot_seq,
        .case_id = run->case_id };
    TRY(journal_row_insert(
        conn, run->tenant, run->number, run->seq, buf_str(&commit->snapshot), &commit->arena, why));
    TRY(run_row_update(conn, &row, why));
    if (subjects && subjects->audit)
        TRY(subjects->audit(subjects, conn, run->tenant, retry->actor, STR("run.retry"), STR("run"), run->id,
            value_null(), why));
    struct str body;
    TRY(arena_printf(&commit->arena, &body, why, "{\"id\":\"%s\",\"status\":\"%s\"}", id_text(run->id).text,
        run_status_name(row.status)));
    struct outbox_entry entry = {
        .tenant = run->tenant, .topic = STR("run"), .subject = run->id, .body = body
    };
    return outbox_add(conn, &entry, NULL, why);
}

static void enter_shard(struct retry_op *retry)
{
    struct shard *shard = retry->shard;
    struct run *run = retry->cutting.run;
    struct counters *counters = &shard->engine->counters;
    enum run_status status = status_of_admission(retry->admission);
    atomic_fetch_add_explicit(&counters->by_status[status], 1, memory_order_relaxed);
    if (status == RUN_QUEUED)
        return;
    struct pending *pending = pending_new(HAPPENED_RECOVER);
    struct active *active = pending ? shard_find_or_add(shard, run->tenant, run->id) : NULL;
    if (!active || !pending || active->run || active->load_op) {
        pending_free(pending);
        if (!active || !pending) /* else it is loaded by whoever asked for it */
            engine_lost(shard->engine);
        return;
    }
    active->run = run;
    retry->cutting.run = NULL;
    active_deliver(active, pending);
}

static void retry_written(struct store_op *op, enum err result, const struct err_info *why)
{
    struct retry_op *retry = (struct retry_op *)(void *)op;
    struct shard *shard = retry->shard;
    shard_op_done(&retry->link);
    shard_enter(shard);
    if (result == ERR_OK)
        enter_shard(retry);
    retry_fail(retry, result, why);
    shard_leave(shard);
}

static FALLIBLE prepare(struct retry_op *retry, struct err_info *why)
{
    struct run *run = retry->cutting.run;
    struct run_commit *commit = &retry->commit;
    struct op happened = { .kind = OP_HAPPENED };
    struct instant now = clock_now(retry->shard->world.clock);
    retry->old_status = run->status;
    TRY(make_ready(&retry->cutting, now, why));
    run->seq++;
    run->snapshot_seq = run->seq;
    journal_begin(&commit->snapshot, now);
    op_number(&happened, FIELD_PART, HAPPENED_RETRY);
    op_name(&happened, retry->actor);
    journal_add(&commit->snapshot, &happened);
    TRY(run_add_snapshot(run, &commit->snapshot, &commit->arena, why));
    return buf_check(&commit->snapshot, why);
}

static void retry_ready(struct store_op *op, enum err result, const struct err_info *why)
{
    struct retry_op *retry = (struct retry_op *)(void *)op;
    struct shard *shard = retry->shard;
    struct err_info failed = why ? *why : (struct err_info){ 0 };
    shard_op_done(&retry->link);
    shard_enter(shard);
    if (result == ERR_OK)
        result = prepare(retry, &failed);
    if (result == ERR_OK) {
        retry->link.op.apply = retry_write;
        retry->link.op.done = retry_written;
        shard_submit(shard, &retry->link);
    } else {
        retry_fail(retry, result, &failed);
    }
    shard_leave(shard);
}

void retry_run(
    struct shard *shard, int64_t tenant, struct id run, struct str actor, struct engine_reply *reply)
{
    struct err_info why = { 0 };
    struct retry_op *retry = memory_alloc(sizeof(*retry));
    if (!retry) {
        reply_send(reply, err_memory(&why), &why);
        return;
    }
    memset(retry, 0, sizeof(*retry));
    retry->shard = shard;
    retry->tenant = tenant;
    retry->id = run;
    retry->reply = reply;
    retry->link.op.apply = retry_read;
    retry->link.op.done = retry_ready;
    enum err result = arena_str(&retry->arena, actor, &retry->actor, &why);
    if (result == ERR_OK)
        shard_read(shard, &retry->link);
    else
        retry_fail(retry, result, &why);
}
