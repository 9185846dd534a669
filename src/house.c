#include "house.h"

#include "access/audit.h"
#include "api/idempotency.h"
#include "base/container.h"
#include "engine/run_trim.h"
#include "ingest/event.h"

#define HOUSE_SECONDS TOKEN_USES_SECONDS
#define TRIM_SECONDS 10
#define TRIM_AGAIN_US (50 * US_PER_MS) /* while there is more to forget */
#define TRIM_ENTRIES 4000
#define TRIM_ROWS 500 /* events or runs */

static enum err store_uses(void *context, struct store_conn *conn, struct err_info *why)
{
    struct house *house = context;
    return tokens_store_uses(house->tokens, conn, why);
}

struct anchoring {
    struct house *house;
    uint64_t seq;
    struct audit_hash hash;
};

static enum err store_anchor(void *context, struct store_conn *conn, struct err_info *why)
{
    struct anchoring *anchoring = context;
    return audit_anchor(
        conn, anchoring->house->vault, TENANT_DEFAULT, &anchoring->seq, &anchoring->hash, why);
}

static enum err store_contracts(void *context, struct store_conn *conn, struct err_info *why)
{
    struct house *house = context;
    return contract_book_store(house->contracts, conn, why);
}

static void keep(struct house *house)
{
    struct err_info why = { 0 };
    struct anchoring anchoring = { .house = house };
    if (tokens_have_uses(house->tokens) && store_write_wait(house->store, store_uses, house, &why) != ERR_OK)
        log_failure(house->log, LOG_WARN, "times of use were not stored", &why);
    if (store_write_wait(house->store, store_contracts, house, &why) != ERR_OK)
        log_failure(house->log, LOG_WARN, "what answers look like was not stored", &why);
    if (store_write_wait(house->store, store_anchor, &anchoring, &why) != ERR_OK)
        log_failure(house->log, LOG_WARN, "the audit chain was not anchored", &why);
    else if (anchoring.seq != 0)
        LOG(house->log, LOG_INFO, "the audit chain is anchored", LOG_I("seq", (int64_t)anchoring.seq));
}

/* While the server runs the same is done between requests, without waiting on the loop. */
static enum err apply_house(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct house *house = CONTAINER_OF(op, struct house, op);
    struct anchoring anchoring = { .house = house };
    if (tokens_have_uses(house->tokens))
        TRY(store_uses(house, conn, why));
    TRY(contract_book_store(house->contracts, conn, why));
    return store_anchor(&anchoring, conn, why);
}

static void house_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct house *house = CONTAINER_OF(op, struct house, op);
    house->is_busy = false;
    if (result != ERR_OK)
        log_failure(house->log, LOG_WARN, "times of use and the audit anchor were not stored", why);
}

static void arm(struct house *house)
{
    struct instant due = { loop_now(house->loop).us + HOUSE_SECONDS * US_PER_S };
    loop_timer_start(house->loop, &house->timer, due);
}

static void house_due(struct loop_timer *timer)
{
    struct house *house = CONTAINER_OF(timer, struct house, timer);
    if (!house->is_busy) {
        house->is_busy = true;
        house->op = (struct store_op){ .apply = apply_house, .done = house_done, .reply_to = house->loop };
        store_submit(house->store, &house->op);
    }
    arm(house);
}

/* ---- forgetting ---- */

static void arm_trim(struct house *house, int64_t after_us)
{
    loop_timer_start(
        house->loop, &house->trim_timer, (struct instant){ loop_now(house->loop).us + after_us });
}

/* What is over its retention. Freed pages are taken by what comes next. */
static FALLIBLE forget_old(struct house *house, struct store_conn *conn, struct err_info *why)
{
    int64_t now_us = store_commit_time(conn).us;
    bool has_more = false;
    if (house->retention_events_us > 0)
        TRY(events_trim(
            conn, (struct instant){ now_us - house->retention_events_us }, TRIM_ROWS, &has_more, why));
    house->has_more |= has_more;
    has_more = false;
    if (house->retention_runs_us > 0)
        TRY(runs_trim(
            conn, (struct instant){ now_us - house->retention_runs_us }, TRIM_ROWS, &has_more, why));
    house->has_more |= has_more;
    return ERR_OK;
}

static enum err apply_trim(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct house *house = CONTAINER_OF(op, struct house, trim_op);
    TRY(idempotency_trim(conn, why));
    TRY(outbox_trim(conn, OUTBOX_ENTRIES_KEPT, TRIM_ENTRIES, &house->has_more, why));
    return forget_old(house, conn, why);
}

/* In small parts: a long one would hold up the commits of others. */
static void trim_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct house *house = CONTAINER_OF(op, struct house, trim_op);
    if (result != ERR_OK)
        log_failure(house->log, LOG_WARN, "what is kept for a while was not forgotten", why);
    arm_trim(house, result == ERR_OK && house->has_more ? TRIM_AGAIN_US : TRIM_SECONDS * US_PER_S);
}

static void trim_due(struct loop_timer *timer)
{
    struct house *house = CONTAINER_OF(timer, struct house, trim_timer);
    house->trim_op = (struct store_op){ .apply = apply_trim, .done = trim_done, .reply_to = house->loop };
    store_submit(house->store, &house->trim_op);
}

void house_start(struct house *house)
{
    house->timer.fire = house_due;
    house->trim_timer.fire = trim_due;
    arm(house);
    arm_trim(house, TRIM_SECONDS * US_PER_S);
}

void house_stop(struct house *house)
{
    loop_timer_stop(house->loop, &house->timer);
    if (house->trim_timer.is_armed)
        loop_timer_stop(house->loop, &house->trim_timer);
    keep(house);
}
