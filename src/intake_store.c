#include "intake_store.h"

#include "base/memory.h"

struct intake_store {
    struct intake intake; /* first: the two have one address */
    struct store *store;
};

struct offer {
    struct store_op op; /* first: the two have one address */
    struct intake_batch *batch;
};

static enum err apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct intake_batch *batch = ((struct offer *)op)->batch;
    for (uint32_t i = 0; i < batch->event_count; i++) {
        struct intake_event *event = &batch->events[i];
        enum intake_fate fate = INTAKE_RUN;
        TRY(batch->record(batch, i, conn, &fate, why));
        event->fate = fate == INTAKE_RUN ? INTAKE_NO_TRIGGER : fate;
        event->run_count = 0;
        TRY(batch->settle(batch, i, conn, why));
    }
    return ERR_OK;
}

static void done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct intake_batch *batch = ((struct offer *)op)->batch;
    batch->accepted(batch, result, why);
}

static void offer(struct intake *intake, struct intake_batch *batch)
{
    struct intake_store *self = (struct intake_store *)intake;
    struct offer *offer = ARENA_NEW(batch->arena, struct offer);
    if (offer == NULL) {
        struct err_info why = { 0 };
        batch->accepted(batch, err_memory(&why), &why);
        return;
    }
    *offer = (struct offer){ .op = { .apply = apply, .done = done, .reply_to = batch->reply_to },
        .batch = batch };
    store_submit(self->store, &offer->op);
}

enum err intake_store_new(struct store *store, struct intake **ret, struct err_info *why)
{
    struct intake_store *self = memory_alloc(sizeof *self);
    if (self == NULL)
        return err_memory(why);
    *self = (struct intake_store){ .intake = { offer }, .store = store };
    *ret = &self->intake;
    return ERR_OK;
}

void intake_store_free(struct intake *intake)
{
    memory_free(intake);
}
