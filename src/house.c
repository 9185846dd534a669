#include "house.h"

#include "access/audit.h"
#include "base/container.h"

#define HOUSE_SECONDS TOKEN_USES_SECONDS

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

static void keep(struct house *house)
{
    struct err_info why = { 0 };
    struct anchoring anchoring = { .house = house };
    if (tokens_have_uses(house->tokens) && store_write_wait(house->store, store_uses, house, &why) != ERR_OK)
        log_failure(house->log, LOG_WARN, "times of use were not stored", &why);
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

void house_start(struct house *house)
{
    house->timer.fire = house_due;
    arm(house);
}

void house_stop(struct house *house)
{
    loop_timer_stop(house->loop, &house->timer);
    keep(house);
}
