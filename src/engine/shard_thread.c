/* A shard's life: made, run on a thread of its own or on a loop that is given, ended. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/follow.h"
#include "engine/schedule.h"

struct thread_start {
    struct loop_job job;
    struct shard *shard;
};

enum err shard_init(struct shard *shard, struct engine *engine, unsigned index, struct err_info *why)
{
    const struct engine_options *options = &engine->options;
    memset(shard, 0, sizeof(*shard));
    shard->engine = engine;
    shard->index = index;
    shard->runnable_end = &shard->runnable;
    shard->loop = options->inline_loop;
    if (!shard->loop) {
        TRY(loop_new(options->clock, &shard->loop, why));
        shard->owns_loop = true;
    }
    if (options->make_host) {
        TRY(options->make_host(options->host_context, shard->loop, index, &shard->host, why));
        shard->has_host = true;
    }
    shard->world = (struct turn_world){ .catalogues = options->catalogues,
        .guardrail = options->guardrail,
        .sealer = { options->seal, options->seal_context },
        .registry = engine->registry,
        .clock = options->clock,
        .rand = options->rand,
        .host = shard->host,
        .shard = index,
        .shard_count = engine->shard_count,
        .is_dry = options->is_dry,
        .wants_details = options->observe && options->observe_details };
    wakes_init(&shard->wakes, shard);
    return ERR_OK;
}

static void *thread_main(void *context)
{
    struct shard *shard = context;
    loop_run(shard->loop);
    return NULL;
}

enum err shard_start(struct shard *shard, struct err_info *why)
{
    wakes_start(&shard->wakes);
    if (!shard->owns_loop)
        return ERR_OK;
    int failed = pthread_create(&shard->thread, NULL, thread_main, shard);
    if (failed)
        return err_errno(why, failed, "start a thread of the engine");
    shard->has_thread = true;
    char name[16] = "engine-";
    name[7] = (char)('0' + shard->index / 10 % 10);
    name[8] = (char)('0' + shard->index % 10);
    (void)pthread_setname_np(shard->thread, name); /* only a help for people */
    return ERR_OK;
}

struct stop_job {
    struct loop_job job;
    struct shard *shard;
};

static void stop_run(struct loop_job *job)
{
    struct shard *shard = ((struct stop_job *)job)->shard;
    shard_enter(shard);
    shard->is_stopping = true;
    wakes_stop(&shard->wakes);
    if (shard->index == 0) {
        schedules_stop(shard->engine->schedules);
        follow_stop(shard->engine->follow);
    }
    shard_leave(shard);
}

/* Turns that are out are committed; where nobody runs the loop, their answers come when it is drained. */
void shard_stop(struct shard *shard)
{
    struct stop_job stop = { { .run = stop_run }, shard };
    if (shard->has_thread) {
        loop_post(shard->loop, &stop.job);
        (void)pthread_join(shard->thread, NULL); /* fails only on misuse */
        shard->has_thread = false;
        return;
    }
    stop_run(&stop.job);
}

void shard_done(struct shard *shard)
{
    const struct engine_options *options = &shard->engine->options;
    if (!shard->loop)
        return; /* there was no memory for it, so there is nothing else either */
    shard->is_stopping = shard->is_stopped = true;
    if (shard->has_host) /* finishes the calls that are out */
        options->free_host(options->host_context, shard->host);
    (void)loop_drain(shard->loop);
    assert(shard->ops_out == 0);
    for (uint32_t i = 0; shard->table && i <= shard->table_mask; i++) {
        while (shard->table[i])
            active_drop(shard->table[i]);
    }
    while (shard->given_up) {
        struct call *call = shard->given_up;
        shard->given_up = call->next;
        call_free(call);
    }
    memory_free(shard->table);
    registry_set_release(shard->set);
    wakes_done(&shard->wakes);
    if (shard->owns_loop)
        loop_free(shard->loop);
    shard->loop = NULL;
}
