#include "house.h"

#include "api/idempotency.h"
#include "base/container.h"
#include "base/text.h"
#include "engine/run_trim.h"
#include "ingest/event.h"

#define HOUSE_SECONDS TOKEN_USES_SECONDS
#define TRIM_SECONDS 10
#define TRIM_AGAIN_US (50 * US_PER_MS) /* while there is more to forget */
#define TRIM_ENTRIES 4000
#define TRIM_ROWS 500 /* events or runs */

/* All that is kept in memory between commits, and the audit chain's anchor. */
static enum err keep(void *context, struct store_conn *conn, struct err_info *why)
{
    struct house *house = context;
    if (tokens_have_uses(house->tokens))
        TRY(tokens_store_uses(house->tokens, conn, why));
    TRY(contract_book_store(house->contracts, conn, why));
    return audit_anchor(conn, house->vault, TENANT_DEFAULT, &house->anchor_seq, &house->anchor_hash, why);
}

/* An anchor is worth something where an outside collector has it. */
static void kept(struct house *house, enum err result, const struct err_info *why)
{
    AUTO(buf) struct buf hash = { 0 };
    if (result != ERR_OK) {
        log_failure(house->log, LOG_WARN, "times of use, shapes and the audit anchor were not stored", why);
        return;
    }
    if (house->anchor_seq == 0)
        return;
    hex_add(&hash, (struct str){ (const char *)house->anchor_hash.bytes, sizeof house->anchor_hash.bytes });
    LOG(house->log, LOG_INFO, "the audit chain is anchored", LOG_I("seq", (int64_t)house->anchor_seq),
        LOG_S("hash", buf_str(&hash)));
}

static enum err apply_house(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    return keep(CONTAINER_OF(op, struct house, op), conn, why);
}

static void house_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct house *house = CONTAINER_OF(op, struct house, op);
    house->is_busy = false;
    kept(house, result, why);
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
    struct err_info why = { 0 };
    kept(house, store_write_wait(house->store, keep, house, &why), &why);
}
