#include "engine/lease.h"

#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/begin.h"
#include "engine/lease_rows.h"
#include "engine/undo.h"

#define AGAIN_US (10 * US_PER_S)

/* Reads the row; then the undo begins. */
struct find_op {
    struct op_link link;
    struct loop_job job;
    struct begin_op *begin;
    struct lease_row row;
    bool is_due; /* by its time: only an active one */
};

static enum err find_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct find_op *find = (struct find_op *)(void *)op;
    struct begin_op *begin = find->begin;
    return lease_row_find(conn, begin->request.tenant, begin->lease, &begin->arena, &find->row, why);
}

static FALLIBLE undo_creation(
    struct begin_op *begin, const struct lease_row *row, struct creation *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, &begin->arena);
    TRY(value_map_set(&map, "action", value_string(row->undo), why));
    TRY(value_map_set(&map, "connection", value_string(row->connection), why));
    TRY(value_map_set(&map, "with", row->undo_with, why));
    *ret = (struct creation){ .playbook_number = UNDO_PLAYBOOK_NUMBER,
        .containment_id = row->id,
        .parent_id = row->run_id,
        .inputs = value_map_end(&map),
        .actor = begin->actor };
    return ERR_OK;
}

static void begin_undo(struct begin_op *begin, const struct lease_row *row)
{
    struct err_info why = { 0 };
    struct creation creation;
    struct playbook_version *version = NULL;
    begin->request.tenant = row->tenant;
    enum err result = undo_creation(begin, row, &creation, &why);
    if (result == ERR_OK)
        result = undo_version_new(row->tenant, creation.inputs, &version, &why);
    if (result != ERR_OK)
        begin_fail(begin, result, &why);
    else
        begin_go(begin, version, &creation);
}

static void find_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct find_op *find = (struct find_op *)(void *)op;
    struct begin_op *begin = find->begin;
    struct shard *shard = find->link.shard;
    struct err_info ended = { 0 };
    shard_op_done(&find->link);
    shard_enter(shard);
    bool can_begin = find->row.status == LEASE_ACTIVE || (find->row.status == LEASE_FAILED && !find->is_due);
    if (result == ERR_OK && !can_begin) {
        result = err_set(&ended, ERR_CONFLICT, "the containment is being ended, or has ended, already");
        why = &ended;
    }
    if (result == ERR_OK)
        begin_undo(begin, &find->row);
    else
        begin_fail(begin, result, why);
    memory_free(find);
    shard_leave(shard);
}

static struct find_op *find_new(struct shard *shard, struct id lease, struct engine_reply *reply)
{
    struct find_op *find = memory_alloc(sizeof(*find));
    struct begin_op *begin = begin_new(shard, reply);
    if (!find || !begin) {
        begin_free(begin);
        memory_free(find);
        return NULL;
    }
    memset(find, 0, sizeof(*find));
    find->link.shard = shard;
    find->link.op.apply = find_apply;
    find->link.op.done = find_done;
    find->begin = begin;
    begin->is_undo = true;
    begin->lease = lease;
    return find;
}

void lease_due(struct shard *shard, struct id lease)
{
    struct find_op *find = find_new(shard, lease, NULL);
    if (find) {
        find->is_due = true;
        shard_read(shard, &find->link);
    }
    /* Whatever keeps it from beginning now, it is looked at again; one that has begun is not active any more.
     */
    wakes_add(&shard->wakes, WAKE_LEASE, lease, (struct instant){ loop_now(shard->loop).us + AGAIN_US });
}

struct begun {
    struct loop_job job;
    struct shard *shard;
    struct id lease;
    struct instant due;
};

static void begun_run(struct loop_job *job)
{
    struct begun *begun = (struct begun *)job;
    if (!begun->shard->is_stopping)
        wakes_add(&begun->shard->wakes, WAKE_LEASE, begun->lease, begun->due);
    memory_free(begun);
}

void lease_begun(struct engine *engine, struct id lease, struct instant due)
{
    struct begun *begun;
    if (due.us == 0 || due.us > atomic_load(&engine->window_end))
        return; /* by hand only; found by a later poll */
    begun = memory_alloc(sizeof(*begun));
    if (!begun) {
        engine_lost(engine);
        return;
    }
    *begun = (struct begun){
        .job = { .run = begun_run }, .shard = engine_shard(engine, lease), .lease = lease, .due = due
    };
    loop_post(begun->shard->loop, &begun->job);
}

static void find_run(struct loop_job *job)
{
    struct find_op *find = CONTAINER_OF(job, struct find_op, job);
    struct shard *shard = find->link.shard;
    shard_enter(shard);
    shard_read(shard, &find->link);
    shard_leave(shard);
}

void lease_undo(struct engine *engine, const struct lease_ask *ask, struct engine_reply *reply)
{
    struct err_info why = { 0 };
    struct find_op *find = find_new(engine_shard(engine, ask->lease), ask->lease, reply);
    if (!find) {
        reply_send(reply, err_memory(&why), &why);
        return;
    }
    struct begin_op *begin = find->begin;
    begin->request.tenant = ask->tenant;
    begin->task = ask->task;
    enum err result = arena_str(&begin->arena, ask->actor, &begin->actor, &why);
    if (result == ERR_OK)
        result = value_copy(&begin->arena, ask->answer, &begin->answer, &why);
    if (result == ERR_OK) {
        find->job.run = find_run;
        loop_post(find->link.shard->loop, &find->job);
        return;
    }
    begin_fail(begin, result, &why);
    memory_free(find);
}

void engine_undo_containment(struct engine *engine, int64_t tenant, struct id containment, struct str actor,
    struct engine_reply *reply)
{
    struct lease_ask ask = { .tenant = tenant, .lease = containment, .actor = actor };
    lease_undo(engine, &ask, reply);
}
