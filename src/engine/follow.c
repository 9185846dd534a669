#include "engine/follow.h"

#include <string.h>

#include "base/container.h"
#include "base/json.h"
#include "base/memory.h"
#include "engine/begin.h"
#include "engine/follow_rows.h"

#define LOOK_US US_PER_S
#define ENTRIES_MAX 200 /* of one look */

struct follow {
    struct shard *shard;
    int64_t *tenants; /* that have such triggers */
    uint32_t tenant_count;
    struct loop_timer timer, again;
    struct look *look; /* under way */
};

/* A run to be started. */
struct start {
    struct playbook_version *version; /* the set's */
    uint64_t seq;
    struct id case_id;
    struct value change, case_value;
    struct start *next;
};

/* One look at the outbox of all tenants: read, then begin the runs, then remember how far it came. */
struct look {
    struct op_link link;
    struct follow *follow;
    struct registry_set *set;
    struct arena arena;
    int64_t *tenants;
    uint64_t *seqs;
    uint32_t tenant_count;
    struct start *first, **end;
    unsigned begun; /* not answered yet */
    bool has_failed, has_moved, has_more;
};

static void look_again(struct follow *follow, int64_t after_us)
{
    if (follow->tenant_count > 0 && !follow->shard->is_stopping)
        loop_timer_start(follow->shard->loop, &follow->timer,
            (struct instant){ loop_now(follow->shard->loop).us + after_us });
}

static void look_free(struct look *look)
{
    registry_set_release(look->set);
    arena_done(&look->arena);
    memory_free(look);
}

static void look_end(struct look *look)
{
    struct follow *follow = look->follow;
    bool has_more = look->has_more && !look->has_failed;
    follow->look = NULL;
    look_free(look);
    look_again(follow, has_more ? 0 : LOOK_US);
}

/* ---- reading ---- */

static FALLIBLE add_start(struct look *look, struct playbook_version *version, uint64_t seq,
    struct value change, struct id case_id, struct err_info *why)
{
    struct start *start = ARENA_NEW(&look->arena, struct start);
    if (!start)
        return err_memory(why);
    *start = (struct start){ .version = version, .seq = seq, .case_id = case_id, .change = change };
    *look->end = start;
    look->end = &start->next;
    return ERR_OK;
}

static bool wants(const struct playbook *playbook, struct value change)
{
    for (uint32_t i = 0; i < playbook->trigger_count; i++) {
        const struct trigger *trigger = &playbook->triggers[i];
        if (trigger->kind == TRIGGER_CASE && value_is_text(change, trigger->case_event))
            return true;
    }
    return false;
}

static FALLIBLE see_entry(
    struct look *look, struct store_conn *conn, int64_t tenant, struct rows *rows, struct err_info *why)
{
    const struct json_options options = { .copy_strings = true };
    struct value body;
    struct id cause = ID_NONE;
    bool is_own = false;
    if (!str_equal(rows_bytes(rows, 2), STR("case")))
        return ERR_OK;
    uint64_t seq = (uint64_t)rows_int(rows, 0);
    struct id case_id = rows_id(rows, 3);
    enum err result = json_parse(&look->arena, rows_bytes(rows, 4), &options, &body, why);
    if (result != ERR_OK) /* what is no JSON nobody could ever read */
        return result == ERR_MEMORY ? result : ERR_OK;
    struct value run = value_get(body, STR("run_id")), change = value_get(body, STR("change"));
    if (value_is(run, VALUE_STRING) && id_parse(value_str(run), &cause))
        TRY(case_run_is_above(conn, tenant, cause, &is_own, why));
    for (uint32_t i = 0; i < look->set->count && !is_own; i++) {
        const struct registry_item *item = &look->set->items[i];
        if (item->is_enabled && item->live->tenant == tenant && wants(item->live->playbook, change))
            TRY(add_start(look, item->live, seq, change, case_id, why));
    }
    return ERR_OK;
}

static FALLIBLE see_tenant(struct look *look, struct store_conn *conn, uint32_t index, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    int64_t tenant = look->tenants[index];
    uint64_t oldest = 0, *seq = &look->seqs[index];
    bool is_known = false;
    unsigned count = 0;
    TRY(followed_row_find(conn, tenant, seq, &is_known, why));
    if (!is_known) { /* from here on */
        look->has_moved = true;
        return outbox_newest(conn, seq, why);
    }
    TRY(outbox_read(conn, tenant, *seq, ENTRIES_MAX, &rows, &oldest, why));
    for (; rows_next(&rows); count++) {
        TRY(see_entry(look, conn, tenant, &rows, why));
        *seq = (uint64_t)rows_int(&rows, 0);
        look->has_moved = true;
    }
    look->has_more |= count == ENTRIES_MAX;
    return rows_end(&rows, why);
}

static FALLIBLE load_cases(struct look *look, struct store_conn *conn, struct err_info *why)
{
    struct engine_subjects *subjects = look->follow->shard->engine->options.subjects;
    for (struct start *start = look->first; start && subjects; start = start->next) {
        if (subject_is_read(&start->version->reads.case_value))
            TRY(subjects->load_case(subjects, conn, start->version->tenant, start->case_id, &look->arena,
                &start->case_value, why));
    }
    return ERR_OK;
}

static enum err look_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct look *look = (struct look *)(void *)op;
    for (uint32_t i = 0; i < look->tenant_count; i++)
        TRY(see_tenant(look, conn, i, why));
    return load_cases(look, conn, why);
}

/* ---- remembering ---- */

static enum err move_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct look *look = (struct look *)(void *)op;
    for (uint32_t i = 0; i < look->tenant_count; i++)
        TRY(followed_row_put(conn, look->tenants[i], look->seqs[i], why));
    return ERR_OK;
}

static void failed(struct look *look, const struct err_info *why)
{
    look->has_failed = true;
    shard_complain(look->follow->shard, "changes of cases could not be followed; trying again", why);
}

static void move_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct look *look = (struct look *)(void *)op;
    struct shard *shard = look->follow->shard;
    shard_op_done(&look->link);
    shard_enter(shard);
    if (result != ERR_OK)
        failed(look, why);
    look_end(look);
    shard_leave(shard);
}

/* All runs have begun, or stand in the store already. One that could not begin is found again by the next
 * look; those beside it then stand in engine_case_runs. */
static void remember(struct look *look)
{
    if (look->has_failed || !look->has_moved) {
        look_end(look);
        return;
    }
    look->link.op.apply = move_apply;
    look->link.op.done = move_done;
    shard_submit(look->follow->shard, &look->link);
}

/* ---- beginning ---- */

struct begun {
    struct engine_reply reply;
    struct look *look;
};

static void begun_done(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct begun *begun = (struct begun *)reply;
    struct look *look = begun->look;
    struct shard *shard = look->follow->shard;
    memory_free(begun);
    shard_enter(shard);
    if (result != ERR_OK && result != ERR_CONFLICT && result != ERR_NOT_FOUND)
        failed(look, why);
    if (--look->begun == 0)
        remember(look);
    shard_leave(shard);
}

static enum err take_change(struct begin_op *begin, struct store_conn *conn, struct err_info *why)
{
    const struct case_tick *tick = &begin->change;
    return case_run_insert(conn, tick->tenant, tick->seq, tick->playbook, begin->commit.run->id, why);
}

static void begin_one(struct look *look, const struct start *start)
{
    struct engine *engine = look->follow->shard->engine;
    struct err_info why = { 0 };
    struct value_map_builder event = { 0 };
    struct engine_start_request request = { .tenant = start->version->tenant,
        .playbook = start->version->playbook->name,
        .case_value = start->case_value,
        .case_id = start->case_id };
    struct begun *begun = memory_alloc(sizeof(*begun));
    struct begin_op *begin = begun ? begin_new(engine_any_shard(engine), &begun->reply) : NULL;
    value_map_begin(&event, &look->arena);
    if (!begin || value_map_set(&event, "change", start->change, &why) != ERR_OK) {
        begin_free(begin);
        memory_free(begun);
        (void)err_memory(&why);
        failed(look, &why);
        return;
    }
    *begun = (struct begun){ .reply = { .done = begun_done, .reply_to = look->follow->shard->loop },
        .look = look };
    request.event = value_map_end(&event);
    begin->join = take_change;
    begin->is_triggered = true;
    begin->change = (struct case_tick){ start->version->tenant, start->version->number, start->seq };
    look->begun++;
    begin_post(begin, &request);
}

static void look_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct look *look = (struct look *)(void *)op;
    struct shard *shard = look->follow->shard;
    shard_op_done(&look->link);
    shard_enter(shard);
    look->begun = 1; /* this function */
    if (result != ERR_OK)
        failed(look, why);
    for (const struct start *start = look->first; start && result == ERR_OK; start = start->next)
        begin_one(look, start);
    if (--look->begun == 0)
        remember(look);
    shard_leave(shard);
}

static void fired(struct loop_timer *timer)
{
    struct follow *follow = CONTAINER_OF(timer, struct follow, timer);
    struct look *look = memory_alloc(sizeof(*look));
    if (follow->look || !look) {
        memory_free(look);
        look_again(follow, LOOK_US);
        return;
    }
    memset(look, 0, sizeof(*look));
    look->follow = follow;
    look->end = &look->first;
    look->tenant_count = follow->tenant_count;
    look->tenants = ARENA_ARRAY(&look->arena, follow->tenant_count, int64_t);
    look->seqs = arena_zalloc(&look->arena, follow->tenant_count * sizeof(uint64_t));
    if (!look->tenants || !look->seqs) {
        look_free(look);
        look_again(follow, LOOK_US);
        return;
    }
    memcpy(look->tenants, follow->tenants, follow->tenant_count * sizeof(int64_t));
    look->set = registry_acquire(follow->shard->engine->registry);
    look->link.op.apply = look_apply;
    look->link.op.done = look_done;
    follow->look = look;
    shard_enter(follow->shard);
    shard_read(follow->shard, &look->link);
    shard_leave(follow->shard);
}

/* ---- nothing to follow ---- */

static enum err clear_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    (void)op; /* it needs no state */
    return followed_rows_clear(conn, why);
}

static void clear_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct op_link *link = (struct op_link *)(void *)op;
    struct shard *shard = link->shard;
    (void)result, (void)why; /* a place that stays is behind: then changes count from there */
    shard_op_done(link);
    shard_enter(shard);
    memory_free(link);
    shard_leave(shard); /* a shard that stops may have waited for this one */
}

/* A playbook that gets such a trigger later sees the changes from then on. */
static void forget(struct follow *follow)
{
    struct op_link *link = memory_alloc(sizeof(*link));
    if (!link)
        return;
    memset(link, 0, sizeof(*link));
    link->op.apply = clear_apply;
    link->op.done = clear_done;
    shard_submit(follow->shard, link);
}

/* ---- life ---- */

static bool has_case_trigger(const struct registry_item *item)
{
    const struct playbook *playbook = item->live->playbook;
    for (uint32_t i = 0; i < playbook->trigger_count && item->is_enabled; i++) {
        if (playbook->triggers[i].kind == TRIGGER_CASE)
            return true;
    }
    return false;
}

/* Sets are ordered by tenant. */
static bool find_tenants(struct follow *follow, const struct registry_set *set)
{
    int64_t *tenants = memory_alloc((set->count + 1) * sizeof(int64_t));
    uint32_t count = 0;
    if (!tenants)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        int64_t tenant = set->items[i].live->tenant;
        if (has_case_trigger(&set->items[i]) && (count == 0 || tenants[count - 1] != tenant))
            tenants[count++] = tenant;
    }
    memory_free(follow->tenants);
    follow->tenants = tenants;
    follow->tenant_count = count;
    return true;
}

void follow_refresh(struct follow *follow)
{
    uint32_t before = follow->tenant_count;
    bool is_first = !follow->tenants;
    struct registry_set *set = registry_acquire(follow->shard->engine->registry);
    bool is_made = find_tenants(follow, set);
    registry_set_release(set);
    if (!is_made && !follow->shard->is_stopping) /* for want of memory: once more, then */
        loop_timer_start(follow->shard->loop, &follow->again,
            (struct instant){ loop_now(follow->shard->loop).us + LOOK_US });
    else if (follow->tenant_count == 0 && (before > 0 || is_first))
        forget(follow);
    else if (follow->tenant_count > 0 && !follow->timer.is_armed && !follow->look)
        look_again(follow, 0);
}

static void refresh_again(struct loop_timer *timer)
{
    struct follow *follow = CONTAINER_OF(timer, struct follow, again);
    shard_enter(follow->shard);
    follow_refresh(follow);
    shard_leave(follow->shard);
}

enum err follow_new(struct shard *shard, struct follow **ret, struct err_info *why)
{
    struct follow *follow = memory_alloc(sizeof(*follow));
    if (!follow)
        return err_memory(why);
    memset(follow, 0, sizeof(*follow));
    follow->shard = shard;
    follow->timer.fire = fired;
    follow->again.fire = refresh_again;
    *ret = follow;
    return ERR_OK;
}

void follow_stop(struct follow *follow)
{
    loop_timer_stop(follow->shard->loop, &follow->timer);
    loop_timer_stop(follow->shard->loop, &follow->again);
}

void follow_free(struct follow *follow)
{
    if (!follow)
        return;
    memory_free(follow->tenants);
    memory_free(follow);
}
