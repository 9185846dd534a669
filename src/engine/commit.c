#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/latency.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/pack.h"
#include "engine/engine_impl.h"
#include "engine/lease.h"
#include "engine/status.h"
#include "engine/watch.h"

void run_commit_begin(struct run_commit *commit, struct shard *shard, struct run *run)
{
    commit->shard = shard;
    commit->run = run;
    turn_begin(&commit->turn, &shard->world, run, clock_now(shard->world.clock), &commit->arena);
}

void run_commit_done(struct run_commit *commit)
{
    turn_done(&commit->turn);
    buf_done(&commit->snapshot);
    arena_done(&commit->arena);
    memory_free(commit->active);
    commit->active = NULL;
    pendings_free(&commit->pendings);
}

/* ---- on the shard, before ---- */

static FALLIBLE pack_ended(struct run_commit *commit, struct err_info *why)
{
    const struct run *run = commit->run;
    struct value_map_builder map = { 0 };
    value_map_begin(&map, &commit->arena);
    TRY(value_map_set(&map, "status", value_int(run->status), why));
    TRY(value_map_set(&map, "output", run->output, why));
    TRY(value_map_set(&map, "error", run->error, why));
    return effect_pack(&commit->arena, value_map_end(&map), &commit->ended, why);
}

static struct str error_text(struct value error, struct str name)
{
    struct value v = value_get(error, name);
    return value_is(v, VALUE_STRING) ? value_str(v) : STR("");
}

static FALLIBLE fill_row(struct run_commit *commit, struct instant old_wake, struct err_info *why)
{
    const struct run *run = commit->run;
    struct run_row *row = &commit->row;
    bool is_parked = run->status == RUN_WAITING || run->status == RUN_UNCERTAIN;
    struct instant due = is_parked ? run_next_due(run) : INSTANT_NEVER;
    struct id old_case = row->case_id;
    *row = (struct run_row){ .number = run->number,
        .tenant = run->tenant,
        .id = run->id,
        .playbook = run->playbook_number,
        .version = run->playbook_version,
        .status = run->status,
        .created = run->created,
        .ended = run->ended,
        .wake = { due.us == INT64_MAX ? 0 : due.us },
        .snapshot = run->snapshot_seq,
        .event_id = run->event_id,
        .alert_id = run->alert_id,
        .case_id = run->case_id,
        .parent_id = run->parent_id };
    if (run_status_is_end(run->status)) {
        row->error_code = error_text(run->error, STR("code"));
        row->error_message = error_text(run->error, STR("message"));
        if (!value_is(run->output, VALUE_NULL))
            TRY(effect_pack(&commit->arena, run->output, &row->output, why));
    }
    commit->writes_row = commit->is_new || run->status != commit->turn.old_status ||
        row->wake.us != old_wake.us || commit->snapshot.size > 0 || !id_equal(old_case, row->case_id);
    return ERR_OK;
}

/* Bounds what a load has to fold. */
static FALLIBLE add_snapshot(struct run_commit *commit, struct err_info *why)
{
    struct run *run = commit->run;
    if (run->phase == RUN_PHASE_ENDED || run->seq - run->snapshot_seq < JOURNAL_SNAPSHOT_RECORDS)
        return ERR_OK;
    journal_begin(&commit->snapshot, run->now);
    TRY(run_add_snapshot(run, &commit->snapshot, &commit->arena, why));
    TRY(buf_check(&commit->snapshot, why));
    run->seq++;
    run->snapshot_seq = run->seq;
    return ERR_OK;
}

static void print_id(struct buf *buf, const char *name, struct id id)
{
    if (!id_is_none(id))
        buf_printf(buf, ",\"%s\":\"%s\"", name, id_text(id).text);
}

/* What the event stream says of the turn: the run, and the steps that ended in it. */
static FALLIBLE print_outbox(struct run_commit *commit, struct err_info *why)
{
    const struct run *run = commit->run;
    AUTO(buf) struct buf buf = { 0 };
    buf_printf(&buf, "{\"id\":\"%s\",\"status\":\"%s\",\"playbook\":", id_text(run->id).text,
        run_status_name(run->status));
    json_print_string(&buf, run->playbook->name);
    buf_printf(&buf, ",\"version\":%u", run->playbook_version);
    print_id(&buf, "alert_id", run->alert_id);
    print_id(&buf, "event_id", run->event_id);
    print_id(&buf, "case_id", run->case_id);
    print_id(&buf, "parent", run->parent_id);
    bool has_steps = false;
    for (const struct turn_note *note = commit->turn.notes; note; note = note->next) {
        buf_add_text(&buf, has_steps ? ",{\"id\":" : ",\"steps\":[{\"id\":");
        json_print_string(&buf, note->step->id);
        buf_add_text(&buf, ",\"path\":");
        json_print_string(&buf, note->path);
        buf_printf(&buf, ",\"status\":\"%s\"}", step_status_name(note->status));
        has_steps = true;
    }
    buf_add_text(&buf, has_steps ? "]}" : "}");
    TRY(buf_check(&buf, why));
    return arena_str(&commit->arena, buf_str(&buf), &commit->outbox, why);
}

enum err run_commit_prepare(struct run_commit *commit, struct instant old_wake, struct err_info *why)
{
    struct run *run = commit->run;
    TRY(buf_check(&commit->turn.record, why)); /* a record that lost its head must never be written */
    run->seq++;
    commit->tail_at = commit->turn.record.size;
    TRY(add_snapshot(commit, why));
    TRY(fill_row(commit, old_wake, why));
    if (run_status_is_end(run->status))
        TRY(pack_ended(commit, why));
    return print_outbox(commit, why);
}

/* ---- on the writer ---- */

static const struct sql savepoint = { "SAVEPOINT local_action", NULL };
static const struct sql release = { "RELEASE local_action", NULL };
static const struct sql undo = { "ROLLBACK TO local_action", NULL };

static FALLIBLE local_failed(struct run_commit *commit, const struct frame *frame, enum err code,
    const struct err_info *failure, struct op *op, struct err_info *why)
{
    struct str word = str_of(failure->name ? failure->name : err_word(code));
    struct value error;
    TRY(error_value(&commit->arena, word, str_of(failure->text), code == ERR_UNAVAILABLE,
        commit->run->playbook->all_steps[frame->step]->id, &error, why));
    op_number(op, FIELD_FLAGS, frame->flags | FRAME_FAILS);
    op_value(op, FIELD_ERROR, error);
    return ERR_OK;
}

/* No word about the action: the turn is undone and tried again. */
static bool is_of_the_node(enum err result)
{
    return result == ERR_MEMORY || result == ERR_FULL || result == ERR_IO;
}

/* Effect and result are one: either both are in this commit or neither. A failure undoes the effect alone. */
static FALLIBLE local_run(struct run_commit *commit, struct store_conn *conn, const struct frame *frame,
    const struct catalogue *catalogue, struct err_info *why)
{
    struct action_call call = { 0 };
    struct err_info failure = { 0 };
    struct value output = value_null();
    struct op op = { .kind = OP_STEP_SET, .frame = frame->id };
    TRY(call_prepare(&call, commit->run, frame, &commit->arena, why));
    const struct step *step = commit->run->playbook->all_steps[frame->step];
    assert(step->kind == STEP_DO); /* scripts are remote */
    const struct action *action = catalogue_find(catalogue, step->call.action);
    if (action)
        action = action_refine(action, NULL, commit->run->tenant, step->call.connection, frame->data);
    call.action = action;
    call.host = commit->shard->host; /* where its chance comes from; nothing else of it is for this thread */
    TRY(sql_run(conn, &savepoint, SQL_NO_ARGS, NULL, why));
    enum err result = action && action->apply
        ? action->apply(action, &call, conn, &output, &failure)
        : err_named(&failure, ERR_NOT_FOUND, "unknown_action", "the action is not there any more");
    if (is_of_the_node(result)) {
        *why = failure;
        return result;
    }
    if (result == ERR_OK)
        TRY(seal_output(&commit->shard->world.sealer, commit->run->tenant, action->out, output,
            &commit->arena, &output, why));
    if (result != ERR_OK)
        TRY(sql_run(conn, &undo, SQL_NO_ARGS, NULL, why));
    TRY(sql_run(conn, &release, SQL_NO_ARGS, NULL, why));
    op_number(&op, FIELD_PHASE, PHASE_LOCAL_DONE);
    if (result == ERR_OK)
        op_value(&op, FIELD_OUTPUT, output);
    else
        TRY(local_failed(commit, frame, result, &failure, &op, why));
    journal_add(&commit->turn.record, &op);
    return buf_check(&commit->turn.record, why);
}

static FALLIBLE run_locals(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    struct catalogue_source *source = commit->shard->engine->options.catalogues;
    if (!effect_list_has(&commit->turn.effects, EFFECT_LOCAL))
        return ERR_OK;
    const struct catalogue *catalogue = source->acquire(source);
    enum err result = ERR_OK;
    for (struct effect *effect = commit->turn.effects.first; effect && result == ERR_OK;
         effect = effect->next) {
        if (effect->kind == EFFECT_LOCAL)
            result = local_run(commit, conn, run_find_frame(commit->run, effect->frame), catalogue, why);
    }
    source->release(source, catalogue);
    TRY(result);
    /* What the local action has changed about alert and case, the next turn sees. */
    return subjects_read(commit->shard->engine, conn, commit->run, &commit->arena, &commit->subjects, why);
}

static FALLIBLE write_audits(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    struct engine_subjects *subjects = commit->shard->engine->options.subjects;
    if (!subjects || !subjects->audit)
        return ERR_OK;
    for (struct pending *pending = commit->pendings; pending; pending = pending->next) {
        if (!pending->operation)
            continue;
        bool is_task = pending->happening.kind == HAPPENED_ANSWER;
        TRY(subjects->audit(subjects, conn, commit->run->tenant, pending->happening.actor,
            str_of(pending->operation), is_task ? STR("task") : STR("run"),
            is_task ? pending->happening.object : commit->run->id, pending->happening.data, why));
    }
    return ERR_OK;
}

static FALLIBLE write_records(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = commit->run;
    uint32_t seq = commit->snapshot.size > 0 ? run->seq - 1 : run->seq;
    TRY(journal_row_insert(
        conn, run->tenant, commit->row.number, seq, buf_str(&commit->turn.record), &commit->arena, why));
    if (commit->snapshot.size == 0)
        return ERR_OK;
    return journal_row_insert(
        conn, run->tenant, commit->row.number, run->seq, buf_str(&commit->snapshot), &commit->arena, why);
}

static FALLIBLE write_row(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    commit->admission = ADMITTED;
    if (!commit->is_new)
        return commit->writes_row ? run_row_update(conn, &commit->row, why) : ERR_OK;
    struct str head = str_slice(buf_str(&commit->turn.record), 0, commit->head_size);
    return commit_new_run(
        conn, commit, &commit->row, commit->run->version, commit->key, head, &commit->admission, why);
}

enum err run_commit_apply(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = commit->run;
    commit->turn.record.size = commit->tail_at; /* it may be tried again */
    commit->pokes = NULL;
    memset(commit->counted, 0, sizeof(commit->counted));
    commit->subjects = (struct subjects_seen){ 0 };
    TRY(write_row(commit, conn, why));
    if (commit->admission != ADMITTED)
        return ERR_OK; /* the turn that was computed ahead does not count */
    TRY(run_locals(commit, conn, why));
    TRY(write_records(commit, conn, why));
    TRY(commit_effects(commit, conn, why));
    if (run_status_is_end(run->status))
        TRY(commit_run_ended(commit, conn, why));
    TRY(write_audits(commit, conn, why));
    struct outbox_entry entry = {
        .tenant = run->tenant, .topic = STR("run"), .subject = run->id, .body = commit->outbox
    };
    return outbox_add(conn, &entry, NULL, why);
}

/* ---- on the shard, after ---- */

static FALLIBLE take_tail(struct run_commit *commit, struct err_info *why)
{
    struct run *run = commit->run;
    struct buf *record = &commit->turn.record;
    struct str tail = str_slice(buf_str(record), commit->tail_at, record->size), bytes;
    struct journal_reader reader = { .arena = &run->arena, .now = run->now };
    struct op op;
    bool more = true;
    if (tail.size == 0)
        return ERR_OK;
    TRY(arena_str(&run->arena, tail, &bytes, why));
    reader.bytes = bytes;
    for (;;) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            return ERR_OK;
        TRY(run_apply(run, &op, why));
    }
}

static FALLIBLE deliver_locals(struct run_commit *commit, struct active *active, struct err_info *why)
{
    TRY(subjects_deliver(active, &commit->subjects, why));
    for (struct effect *effect = commit->turn.effects.first; effect; effect = effect->next) {
        if (effect->kind != EFFECT_LOCAL)
            continue;
        struct pending *pending = pending_new(HAPPENED_LOCAL);
        if (!pending)
            return err_memory(why);
        pending->happening.frame = effect->frame;
        active_deliver(active, pending);
    }
    return ERR_OK;
}

/* Not when the shard is ending: the next start finds the intents. */
static void send_calls(struct run_commit *commit, struct active *active)
{
    if (commit->shard->is_stopping)
        return;
    for (struct effect *effect = commit->turn.effects.first; effect && active->run; effect = effect->next) {
        if (effect->kind == EFFECT_CALL)
            call_start(active, effect->frame, (enum action_purpose)effect->purpose);
        else if (effect->kind == EFFECT_CALL_CANCEL)
            call_cancel(active, effect->frame);
    }
}

static void count(struct run_commit *commit)
{
    const struct run *run = commit->run;
    struct counters *counters = &commit->shard->engine->counters;
    enum run_status old = commit->turn.old_status;
    for (int i = 0; i < RUN_STATUS_COUNT; i++)
        atomic_fetch_add_explicit(
            &counters->by_status[i], (uint64_t)(int64_t)commit->counted[i], memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->turns, 1, memory_order_relaxed);
    if (!commit->is_new && old != run->status && !run_status_is_end(old))
        atomic_fetch_sub_explicit(&counters->by_status[old], 1, memory_order_relaxed);
    if (commit->is_new || old != run->status)
        atomic_fetch_add_explicit(&counters->by_status[run->status], 1, memory_order_relaxed);
    if (!run_status_is_end(run->status))
        return;
    uint64_t us = run->ended.us > run->created.us ? (uint64_t)(run->ended.us - run->created.us) : 0;
    atomic_fetch_add_explicit(&counters->run_us_sum, us, memory_order_relaxed);
    atomic_fetch_add_explicit(
        &counters->run_us_buckets[latency_bucket(us, ENGINE_LATENCY_BUCKETS)], 1, memory_order_relaxed);
}

/* A run that did not begin with its commit. */
static void count_bare(struct run_commit *commit, enum run_status status)
{
    struct counters *counters = &commit->shard->engine->counters;
    atomic_fetch_add_explicit(&counters->by_status[status], 1, memory_order_relaxed);
}

static void observe_one(struct run_commit *commit, struct engine_observation *seen)
{
    const struct engine_options *options = &commit->shard->engine->options;
    seen->tenant = commit->run->tenant;
    seen->run_id = commit->run->id;
    seen->playbook = commit->run->playbook;
    seen->run_status = commit->run->status;
    options->observe(options->observe_context, seen);
}

static void observe_notes(struct run_commit *commit)
{
    for (const struct turn_note *note = commit->turn.notes; note; note = note->next) {
        struct engine_observation seen = { .what = OBSERVE_STEP_ENDED,
            .step = note->step,
            .path = note->path,
            .step_status = note->status,
            .elapsed_us = note->elapsed_us };
        /* An observer that can't be shown the detail is told of the step all the same. */
        if (note->detail.size > 0 &&
            unpack_value(&commit->arena, note->detail, false, &seen.detail, NULL) != ERR_OK)
            seen.detail = value_null();
        observe_one(commit, &seen);
    }
}

static void observe(struct run_commit *commit)
{
    const struct run *run = commit->run;
    if (!commit->shard->engine->options.observe)
        return;
    if (commit->is_new) {
        struct engine_observation seen = { .what = OBSERVE_RUN_STARTED };
        observe_one(commit, &seen);
    }
    observe_notes(commit);
    for (struct effect *effect = commit->turn.effects.first; effect; effect = effect->next) {
        if (effect->kind != EFFECT_TASK_OPEN)
            continue;
        struct engine_observation seen = { .what = OBSERVE_TASK_OPENED, .task_id = effect->task->id };
        seen.step = playbook_find_step(run->playbook, effect->task->step);
        observe_one(commit, &seen);
    }
    if (run_status_is_end(run->status)) {
        struct engine_observation seen = { .what = OBSERVE_RUN_ENDED,
            .elapsed_us = run->ended.us - run->created.us,
            .detail = run->status == RUN_SUCCEEDED ? run->output : run->error };
        observe_one(commit, &seen);
    }
}

static void send_pokes(struct run_commit *commit)
{
    for (const struct poke *poke = commit->pokes; poke; poke = poke->next)
        engine_poke(commit->shard->engine, commit->run->tenant, poke->run);
}

static void await_leases(struct run_commit *commit)
{
    for (struct effect *effect = commit->turn.effects.first; effect; effect = effect->next) {
        if (effect->kind == EFFECT_LEASE)
            lease_begun(commit->shard->engine, effect->lease->id, effect->lease->due);
    }
}

enum err run_commit_take(struct run_commit *commit, struct active *active, struct err_info *why)
{
    struct run *run = commit->run;
    run->number = commit->row.number;
    send_pokes(commit);
    if (commit->admission != ADMITTED) {
        enum run_status status = status_of_admission(commit->admission);
        count_bare(commit, status);
        if (status == RUN_CANCELLED)
            watches_tell(commit->shard->engine->watches, run->id, status);
        return ERR_OK;
    }
    count(commit);
    observe(commit);
    await_leases(commit);
    bool is_parked = run_status_is_end(run->status) || run_is_parked(run);
    if (is_parked)
        watches_tell(commit->shard->engine->watches, run->id, run->status);
    if (!active)
        return ERR_OK;
    TRY(take_tail(commit, why));
    TRY(deliver_locals(commit, active, why));
    send_calls(commit, active);
    active->wants_turn |= commit->turn.is_cut;
    return ERR_OK;
}

/* ---- a run's first turn ---- */

enum err run_commit_new(struct run_commit *commit, struct shard *shard, struct run *run, struct err_info *why)
{
    const struct happening start = { .kind = HAPPENED_START };
    struct op op = { .kind = OP_CREATE };
    commit->is_new = true;
    run_commit_begin(commit, shard, run);
    if (!(commit->active = active_new(shard, run->tenant, run->id)))
        return err_memory(why);
    op_value(&op, FIELD_DATA, run->creation);
    journal_add(&commit->turn.record, &op);
    run->creation = value_null();
    commit->head_size = commit->turn.record.size;
    TRY(start_key(run->concurrency_key, &commit->arena, &commit->key, why));
    turn_happen(&commit->turn, &start);
    TRY(turn_end(&commit->turn, why));
    return run_commit_prepare(commit, (struct instant){ 0 }, why);
}

void run_commit_take_bare(struct run_commit *commit)
{
    send_pokes(commit);
    count_bare(commit, status_of_admission(commit->admission));
}

void run_commit_enter(struct run_commit *commit, struct err_info *why)
{
    struct run *run = commit->run;
    bool lives = commit->admission == ADMITTED && !run_status_is_end(run->status);
    struct active *active = lives ? commit->active : NULL;
    if (active) {
        commit->active = NULL;
        active_join(active);
        active->run = run;
        active->wake = commit->row.wake;
    }
    enum err result = run_commit_take(commit, active, why);
    if (!active)
        return;
    commit->run = NULL;
    if (result != ERR_OK)
        active_void(active, why);
    active_settle(active);
}
