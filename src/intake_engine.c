#include "intake_engine.h"

#include <assert.h>
#include <string.h>

#include "base/container.h"

_Static_assert((int)INTAKE_RUN == (int)FATE_RUN && (int)INTAKE_NO_TRIGGER == (int)FATE_NO_TRIGGER &&
        (int)INTAKE_MERGED == (int)FATE_MERGED && (int)INTAKE_SUPPRESSED == (int)FATE_SUPPRESSED &&
        (int)INTAKE_DEAD_LETTER == (int)FATE_DEAD_LETTER,
    "both floors number the fates alike");
_Static_assert(INTAKE_RUNS_MAX == EVENT_RUNS_MAX, "both floors hold as many runs of an event");

/* One batch on its way; in the batch's arena. */
struct passage {
    struct engine_offer offer;
    struct intake_batch *batch;
};

static struct passage *passage_of(struct engine_offer *offer)
{
    return CONTAINER_OF(offer, struct passage, offer);
}

static enum err record(struct engine_offer *offer, uint32_t index, struct store_conn *conn,
    enum event_fate *ret_fate, struct err_info *why)
{
    struct intake_batch *batch = passage_of(offer)->batch;
    enum intake_fate fate = INTAKE_NO_TRIGGER;
    TRY(batch->record(batch, index, conn, &fate, why));
    offer->events[index].alert = batch->events[index].alert;
    offer->events[index].alert_id = batch->events[index].alert_id;
    *ret_fate = (enum event_fate)fate;
    return ERR_OK;
}

/* What the engine decided, where ingest reads it. */
static void tell_batch(const struct engine_event *from, struct intake_event *to)
{
    assert(from->run_count <= INTAKE_RUNS_MAX);
    to->fate = (enum intake_fate)from->fate;
    to->run_count = from->run_count;
    memcpy(to->runs, from->runs, from->run_count * sizeof from->runs[0]);
}

static enum err settle(
    struct engine_offer *offer, uint32_t index, struct store_conn *conn, struct err_info *why)
{
    struct intake_batch *batch = passage_of(offer)->batch;
    tell_batch(&offer->events[index], &batch->events[index]);
    return batch->settle(batch, index, conn, why);
}

static void accepted(struct engine_offer *offer, enum err result, const struct err_info *why)
{
    struct intake_batch *batch = passage_of(offer)->batch;
    batch->accepted(batch, result, why);
}

static void offer_batch(struct intake *intake, struct intake_batch *batch)
{
    struct intake_engine *own = CONTAINER_OF(intake, struct intake_engine, intake);
    struct passage *passage = ARENA_NEW(batch->arena, struct passage);
    struct engine_event *events = ARENA_ARRAY(batch->arena, batch->event_count, struct engine_event);
    if (passage == NULL || events == NULL) {
        struct err_info why = { 0 };
        batch->accepted(batch, err_memory(&why), &why);
        return;
    }
    for (uint32_t i = 0; i < batch->event_count; i++)
        events[i] = (struct engine_event){ .event_id = batch->events[i].event_id,
            .alert_id = batch->events[i].alert_id,
            .event = batch->events[i].event,
            .alert = batch->events[i].alert };
    *passage = (struct passage){ .batch = batch,
        .offer = { .tenant = batch->tenant,
            .source = batch->source,
            .via = batch->hook.size > 0 ? TRIGGER_WEBHOOK : TRIGGER_ALERT,
            .via_name = batch->hook,
            .events = events,
            .event_count = batch->event_count,
            .arena = batch->arena,
            .record = record,
            .settle = settle,
            .accepted = accepted,
            .reply_to = batch->reply_to } };
    engine_offer(own->engine, &passage->offer);
}

void intake_engine_init(struct intake_engine *intake, struct engine *engine)
{
    *intake = (struct intake_engine){ .intake = { .offer = offer_batch }, .engine = engine };
}
