/* The rows of a turn: what run_commit_apply writes besides the journal. All on the writer's thread. */
#include <assert.h>

#include "base/pack.h"
#include "engine/engine_impl.h"
#include "engine/lease_rows.h"
#include "engine/names.h"
#include "engine/subscription.h"
#include "engine/task_rows.h"

enum err poke_add(struct poke **pokes, struct arena *arena, struct id run, struct err_info *why)
{
    struct poke *poke = ARENA_NEW(arena, struct poke);
    if (!poke)
        return err_memory(why);
    *poke = (struct poke){ .run = run, .next = *pokes };
    *pokes = poke;
    return ERR_OK;
}

static FALLIBLE commit_poke(struct run_commit *commit, struct id run, struct err_info *why)
{
    return poke_add(&commit->pokes, &commit->arena, run, why);
}

/* ---- the inbox of others ---- */

static FALLIBLE tell_cancel(struct run_commit *commit, struct store_conn *conn, struct id run,
    struct str code, struct str text, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct str payload;
    struct inbox_row row = { .kind = HAPPENED_CANCEL };
    value_map_begin(&map, &commit->arena);
    TRY(value_map_set(&map, "code", value_string(code), why));
    TRY(value_map_set(&map, "message", value_string(text), why));
    TRY(effect_pack(&commit->arena, value_map_end(&map), &payload, why));
    TRY(inbox_row_insert(conn, commit->run->tenant, run, &row, payload, why));
    return commit_poke(commit, run, why);
}

static FALLIBLE tell_ended(struct run_commit *commit, struct store_conn *conn, struct id to, uint32_t frame,
    struct id child, struct str payload, struct err_info *why)
{
    struct inbox_row row = { .kind = HAPPENED_CHILD, .frame = frame, .object = child };
    TRY(inbox_row_insert(conn, commit->run->tenant, to, &row, payload, why));
    return commit_poke(commit, to, why);
}

/* ---- beginning ---- */

struct older_runs {
    struct run_commit *commit;
    struct store_conn *conn;
};

static enum err cancel_older(void *context, struct id run, struct err_info *why)
{
    struct older_runs *older = context;
    return tell_cancel(older->commit, older->conn, run, STR("concurrency"),
        STR("a newer run with the same concurrency key took its place"), why);
}

static FALLIBLE concurrency_error(struct arena *arena, struct value *ret, struct err_info *why)
{
    return error_value(arena, STR("concurrency"),
        STR("as many runs as `concurrency` allows were under way for this key"), false, STR(""), ret, why);
}

/* A run that ends before it began: creation, and its end. */
static FALLIBLE skipped_record(
    struct run_commit *commit, struct str head, struct buf *record, struct err_info *why)
{
    struct op op = { .kind = OP_RUN };
    struct value error;
    TRY(concurrency_error(&commit->arena, &error, why));
    buf_add(record, head);
    op_number(&op, FIELD_PHASE, RUN_PHASE_ENDED);
    op_number(&op, FIELD_STATUS, RUN_CANCELLED);
    op_number(&op, FIELD_ENDED, commit->run->now.us);
    op_value(&op, FIELD_ERROR, error);
    journal_add(record, &op);
    return buf_check(record, why);
}

static FALLIBLE not_admitted(struct run_commit *commit, struct store_conn *conn, const struct run_row *row,
    const struct slot *slot, enum when_full when_full, struct str head, struct err_info *why)
{
    AUTO(buf) struct buf record = { 0 };
    struct older_runs older = { commit, conn };
    if (row->status == RUN_CANCELLED)
        TRY(skipped_record(commit, head, &record, why));
    else
        buf_add(&record, head);
    TRY(buf_check(&record, why));
    TRY(journal_row_insert(conn, row->tenant, row->number, 1, buf_str(&record), &commit->arena, why));
    if (when_full != WHEN_FULL_CANCEL_RUNNING)
        return ERR_OK;
    return slot_cancel_older(conn, slot, cancel_older, &older, why);
}

/* `row` becomes what was written. `record` is the head of the first record: creation alone. When the run is
 * admitted its journal is left to the caller. */
enum err commit_new_run(struct store_conn *conn, struct run_commit *commit, struct run_row *row,
    const struct playbook_version *version, struct str key, struct str record, enum admission *ret,
    struct err_info *why)
{
    const struct playbook *playbook = version->playbook;
    struct slot slot = { .tenant = row->tenant, .playbook = row->playbook, .key = key, .run_id = row->id };
    uint32_t max = playbook->concurrency_max > 0 ? playbook->concurrency_max : 1;
    struct run_row written = *row;
    bool is_free = true;
    *ret = ADMITTED;
    if (key.size > 0)
        TRY(slot_is_free(conn, &slot, max, &is_free, why));
    if (!is_free) {
        bool skips = playbook->when_full == WHEN_FULL_SKIP;
        written.status = skips ? RUN_CANCELLED : RUN_QUEUED;
        written.ended = skips ? commit->run->now : (struct instant){ 0 };
        written.wake = (struct instant){ 0 };
        written.error_code = skips ? STR("concurrency") : STR("");
        written.error_message = skips ? STR("skipped: the concurrency key was taken") : STR("");
        written.output = STR("");
    }
    TRY(run_row_insert(conn, &written, &row->number, why));
    slot.run = written.number = row->number;
    if (key.size > 0)
        TRY(slot_take(conn, &slot, max, playbook->when_full, ret, why));
    if (*ret == ADMITTED)
        return ERR_OK;
    return not_admitted(commit, conn, &written, &slot, playbook->when_full, record, why);
}

static FALLIBLE child_begins(
    struct run_commit *commit, struct store_conn *conn, const struct effect *effect, struct err_info *why)
{
    const struct run *run = commit->run;
    const struct frame *frame = run_find_frame(run, effect->frame);
    struct run_row row = { .tenant = run->tenant,
        .id = effect->object,
        .playbook = effect->version->number,
        .version = effect->version->version,
        .status = RUN_RUNNING,
        .created = run->now,
        .event_id = run->event_id,
        .alert_id = run->alert_id,
        .case_id = run->case_id,
        .parent_id = run->id };
    enum admission admission;
    TRY(commit_new_run(conn, commit, &row, effect->version, effect->key, effect->bytes, &admission, why));
    commit->counted[status_of_admission(admission)]++;
    if (admission == ADMITTED) {
        TRY(journal_row_insert(conn, run->tenant, row.number, 1, effect->bytes, &commit->arena, why));
        return commit_poke(commit, effect->object, why);
    }
    bool is_awaited = frame && frame->phase == PHASE_CHILD && id_equal(frame->object, effect->object);
    if (admission == ADMISSION_QUEUED || !is_awaited)
        return ERR_OK;
    struct value_map_builder map = { 0 };
    struct value error;
    struct str payload;
    TRY(concurrency_error(&commit->arena, &error, why));
    value_map_begin(&map, &commit->arena);
    TRY(value_map_set(&map, "status", value_int(RUN_CANCELLED), why));
    TRY(value_map_set(&map, "error", error, why));
    TRY(effect_pack(&commit->arena, value_map_end(&map), &payload, why));
    return tell_ended(commit, conn, run->id, effect->frame, effect->object, payload, why);
}

/* ---- effects ---- */

/* What the event stream says of something that the run has. */
static FALLIBLE announce(struct run_commit *commit, struct store_conn *conn, struct str topic,
    struct id subject, const char *status, struct err_info *why)
{
    struct str body;
    TRY(arena_printf(&commit->arena, &body, why, "{\"id\":\"%s\",\"run_id\":\"%s\",\"status\":\"%s\"}",
        id_text(subject).text, id_text(commit->run->id).text, status));
    struct outbox_entry entry = {
        .tenant = commit->run->tenant, .topic = topic, .subject = subject, .body = body
    };
    return outbox_add(conn, &entry, NULL, why);
}

static FALLIBLE outbox_task(struct run_commit *commit, struct store_conn *conn, struct id task,
    enum task_status status, struct err_info *why)
{
    return announce(commit, conn, STR("task"), task, task_status_name(status), why);
}

static FALLIBLE task_opens(
    struct run_commit *commit, struct store_conn *conn, const struct effect *effect, struct err_info *why)
{
    struct task_row row = { .tenant = commit->run->tenant,
        .run = commit->row.number,
        .run_id = commit->run->id,
        .frame = effect->frame };
    TRY(task_row_insert(conn, &row, effect->task, why));
    return outbox_task(commit, conn, effect->task->id, TASK_OPEN, why);
}

static FALLIBLE task_closes(
    struct run_commit *commit, struct store_conn *conn, const struct effect *effect, struct err_info *why)
{
    bool changed = false;
    enum task_status status = (enum task_status)effect->status;
    TRY(task_row_close(
        conn, commit->run->tenant, effect->object, status, effect->actor, effect->bytes, &changed, why));
    return changed ? outbox_task(commit, conn, effect->object, status, why) : ERR_OK;
}

static FALLIBLE outbox_lease(struct run_commit *commit, struct store_conn *conn, struct id lease,
    enum lease_status status, struct err_info *why)
{
    return announce(commit, conn, STR("containment"), lease, lease_status_name(status), why);
}

static FALLIBLE audit(struct run_commit *commit, struct store_conn *conn, struct str operation,
    struct id object, struct err_info *why)
{
    struct engine_subjects *subjects = commit->shard->engine->options.subjects;
    if (!subjects || !subjects->audit)
        return ERR_OK;
    return subjects->audit(subjects, conn, commit->run->tenant, STR("playbook"), operation,
        STR("containment"), object, value_null(), why);
}

static FALLIBLE lease_begins(
    struct run_commit *commit, struct store_conn *conn, const struct effect *effect, struct err_info *why)
{
    const struct run *run = commit->run;
    TRY(lease_row_insert(conn, run->tenant, commit->row.number, run->id, effect->lease, why));
    TRY(audit(commit, conn, STR("containment.begin"), effect->lease->id, why));
    return outbox_lease(commit, conn, effect->lease->id, LEASE_ACTIVE, why);
}

static FALLIBLE effect_write(
    struct run_commit *commit, struct store_conn *conn, const struct effect *effect, struct err_info *why)
{
    const struct run *run = commit->run;
    switch (effect->kind) {
    case EFFECT_TASK_OPEN: return task_opens(commit, conn, effect, why);
    case EFFECT_TASK_CLOSE: return task_closes(commit, conn, effect, why);
    case EFFECT_CHILD: return child_begins(commit, conn, effect, why);
    case EFFECT_CANCEL_CHILD:
        return tell_cancel(
            commit, conn, effect->object, STR("cancelled"), STR("its caller was stopped"), why);
    case EFFECT_SUBSCRIBE:
        return subscription_insert(commit->shard->engine->subscriptions, conn,
            &(struct subscription_row){ .tenant = run->tenant,
                .run = commit->row.number,
                .run_id = run->id,
                .frame = effect->frame,
                .version = run->version,
                .step = (uint32_t)effect->number,
                .captured = effect->bytes },
            why);
    case EFFECT_UNSUBSCRIBE:
        return subscription_delete(
            commit->shard->engine->subscriptions, conn, commit->row.number, run->id, effect->frame, why);
    case EFFECT_LEASE: return lease_begins(commit, conn, effect, why);
    case EFFECT_INBOX_DONE: return inbox_row_delete(conn, effect->number, why);
    default: return ERR_OK;
    }
}

enum err commit_effects(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    for (const struct effect *effect = commit->turn.effects.first; effect; effect = effect->next)
        TRY(effect_write(commit, conn, effect, why));
    return ERR_OK;
}

/* ---- the end ---- */

/* The undo gave up: a person has to know that the containment still stands. */
static FALLIBLE undo_failed(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = commit->run;
    struct value_map_builder show = { 0 }, map = { 0 };
    struct value_list_builder options = { 0 };
    struct id_text lease = id_text(run->containment_id);
    struct task_open task = { .id = id_new(commit->shard->world.clock, commit->shard->world.rand),
        .kind = TASK_UNDO,
        .step = STR("undo") };
    struct task_row row = { .tenant = run->tenant, .run = commit->row.number, .run_id = run->id };
    value_map_begin(&show, &commit->arena);
    TRY(value_map_set(&show, "containment", value_string(id_str(&lease)), why));
    TRY(value_map_set(&show, "error", run->error, why));
    value_list_begin(&options, &commit->arena);
    TRY(value_list_add(&options, value_string(STR("retry")), why));
    TRY(value_list_add(&options, value_string(STR("give_up")), why));
    value_map_begin(&map, &commit->arena);
    TRY(value_map_set(&map, "show", value_map_end(&show), why));
    TRY(value_map_set(&map, "options", value_list_end(&options), why));
    TRY(effect_pack(&commit->arena, value_map_end(&map), &task.payload, why));
    TRY(arena_printf(&commit->arena, &task.title, why, "The containment could not be ended: %.*s failed",
        STR_ARG(run->playbook->all_steps[0]->call.action)));
    TRY(task_row_insert(conn, &row, &task, why));
    return outbox_task(commit, conn, task.id, TASK_OPEN, why);
}

static FALLIBLE lease_ends(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = commit->run;
    bool is_good = run->status == RUN_SUCCEEDED;
    enum lease_status status = is_good ? LEASE_ENDED : LEASE_FAILED;
    TRY(lease_row_end(conn, run->containment_id, status, why));
    TRY(audit(
        commit, conn, is_good ? STR("containment.end") : STR("containment.fail"), run->containment_id, why));
    TRY(outbox_lease(commit, conn, run->containment_id, status, why));
    return is_good ? ERR_OK : undo_failed(commit, conn, why);
}

enum err commit_run_ended(struct run_commit *commit, struct store_conn *conn, struct err_info *why)
{
    const struct run *run = commit->run;
    if (!commit->is_new) /* what came too late for it */
        TRY(inbox_rows_clear(conn, run->id, why));
    if (!value_is(run->concurrency_key, VALUE_NULL)) {
        int64_t next = 0;
        struct id next_id;
        TRY(slot_release(conn, commit->row.number, &next, &next_id, why));
        if (next != 0) {
            TRY(run_row_admit(conn, next, why));
            commit->counted[RUN_QUEUED]--;
            commit->counted[RUN_RUNNING]++;
            TRY(commit_poke(commit, next_id, why));
        }
    }
    if (!id_is_none(run->parent_id) && run->parent_frame != 0)
        TRY(tell_ended(commit, conn, run->parent_id, run->parent_frame, run->id, commit->ended, why));
    return id_is_none(run->containment_id) ? ERR_OK : lease_ends(commit, conn, why);
}
