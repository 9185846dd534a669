#include "ingest/direct.h"

#include "base/container.h"
#include "base/memory.h"

struct direct_work {
    struct store_op op;
    struct intake_batch *batch;
};

static enum err apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct intake_batch *batch = CONTAINER_OF(op, struct direct_work, op)->batch;
    for (uint32_t i = 0; i < batch->event_count; i++) {
        struct intake_event *event = &batch->events[i];
        event->run_count = 0;
        TRY(batch->record(batch, i, conn, &event->fate, why));
        if (event->fate == INTAKE_RUN)
            event->fate = INTAKE_NO_TRIGGER;
        TRY(batch->settle(batch, i, conn, why));
    }
    return ERR_OK;
}

static void done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct direct_work *work = CONTAINER_OF(op, struct direct_work, op);
    struct intake_batch *batch = work->batch;
    memory_free(work);
    batch->accepted(batch, result, why);
}

static void offer(struct intake *intake, struct intake_batch *batch)
{
    struct direct_intake *direct = CONTAINER_OF(intake, struct direct_intake, intake);
    struct err_info why = { 0 };
    struct direct_work *work = memory_alloc(sizeof(*work));
    if (!work) {
        batch->accepted(batch, err_memory(&why), &why);
        return;
    }
    *work = (struct direct_work){ .op = { .apply = apply, .done = done, .reply_to = batch->reply_to },
        .batch = batch };
    store_submit(direct->store, &work->op);
}

void direct_intake_init(struct direct_intake *direct, struct store *store)
{
    *direct = (struct direct_intake){ .intake = { .offer = offer }, .store = store };
}
