/* How many calls of `http.request` one shard makes: bench_connect URL [SECONDS] [IN_FLIGHT]. Each is what the
 * engine does for a step: an arena, the action started, its result taken. What is above bench_client is
 * connect's own. */
#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/json.h"
#include "connect/connect.h"
#include "cpu.h"

struct bench {
    struct loop *loop;
    struct connect *connect;
    void *host;
    const struct catalogue *catalogue;
    const char *url;
    int64_t end_us;
    uint64_t count;
    unsigned in_flight;
};

struct call {
    struct action_call base; /* first */
    struct arena arena;
    struct bench *bench;
    struct loop_job again;
};

static void fail(const char *what, const struct err_info *why)
{
    fprintf(stderr, "bench_connect: %s: %s\n", what, why->text);
    exit(1);
}

static void go(struct call *call);

static void run_again(struct loop_job *job)
{
    go(CONTAINER_OF(job, struct call, again));
}

static void finished(struct action_call *base, const struct action_result *result)
{
    struct call *call = (struct call *)base;
    struct bench *bench = call->bench;
    if (!result->is_ok) {
        fprintf(stderr, "bench_connect: %.*s\n", STR_ARG(result->error.message));
        exit(1);
    }
    bench->count++;
    if (clock_monotonic_us(clock_system()) < bench->end_us)
        loop_post(bench->loop, &call->again); /* the result's texts are in the arena that goes now */
    else if (--bench->in_flight == 0)
        loop_stop(bench->loop);
}

static void go(struct call *call)
{
    struct bench *bench = call->bench;
    struct err_info why = { 0 };
    struct value_map_builder with;
    arena_reset(&call->arena);
    value_map_begin(&with, &call->arena);
    if (value_map_set(&with, "method", value_string(STR("GET")), &why) != ERR_OK ||
        value_map_set(&with, "url", value_string(str_of(bench->url)), &why) != ERR_OK)
        fail("with", &why);
    call->base = (struct action_call){ .action = catalogue_find(bench->catalogue, STR("http.request")),
        .tenant = 1,
        .with = value_map_end(&with),
        .idempotency_key = STR("01JZ0000000000000000000000/look"),
        .playbook = STR("bench"),
        .step = STR("look"),
        .now = loop_now(bench->loop),
        .deadline = { loop_now(bench->loop).us + US_PER_MIN },
        .arena = &call->arena,
        .loop = bench->loop,
        .host = bench->host,
        .finish = finished };
    call->base.action = action_refine(
        call->base.action, bench->host, call->base.tenant, call->base.connection, call->base.with);
    call->base.action->start(call->base.action, &call->base);
}

static void open_bench(struct bench *bench, struct arena *arena, unsigned in_flight)
{
    struct err_info why = { 0 };
    struct egress *egress;
    struct str rule = STR("127.0.0.0/8");
    if (egress_new(arena, &rule, 1, &egress, &why) != ERR_OK)
        fail("egress", &why);
    struct connect_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .http = { .egress = egress, .connections_per_host_max = in_flight } };
    if (loop_new(clock_system(), &bench->loop, &why) != ERR_OK ||
        connect_new(&options, &bench->connect, &why) != ERR_OK ||
        connect_make_host(bench->connect, bench->loop, 0, &bench->host, &why) != ERR_OK)
        fail("start", &why);
    struct catalogue_source *source = connect_catalogues(bench->connect);
    bench->catalogue = source->acquire(source);
}

static void close_bench(struct bench *bench)
{
    struct catalogue_source *source = connect_catalogues(bench->connect);
    source->release(source, bench->catalogue);
    connect_free_host(bench->connect, bench->host);
    connect_free(bench->connect);
    loop_free(bench->loop);
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    struct bench bench = { .url = argc > 1 ? argv[1] : NULL };
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    unsigned in_flight = argc > 3 ? (unsigned)atoi(argv[3]) : 64;
    struct call *calls = calloc(in_flight, sizeof *calls);
    if (!bench.url || !calls || in_flight == 0) {
        fprintf(stderr, "usage: bench_connect URL [SECONDS] [IN_FLIGHT]\n");
        free(calls);
        return 2;
    }
    open_bench(&bench, &arena, in_flight);
    int64_t start_us = clock_monotonic_us(clock_system());
    double cpu = cpu_us();
    bench.end_us = start_us + (int64_t)(seconds * 1e6);
    bench.in_flight = in_flight;
    for (unsigned i = 0; i < in_flight; i++) {
        calls[i] = (struct call){ .bench = &bench, .again = { .run = run_again } };
        go(&calls[i]);
    }
    loop_run(bench.loop);
    double span_s = (double)(clock_monotonic_us(clock_system()) - start_us) / 1e6;
    printf("%.0f calls/s, %.1f us CPU each\n", (double)bench.count / span_s,
        (cpu_us() - cpu) / (double)bench.count);
    for (unsigned i = 0; i < in_flight; i++)
        arena_done(&calls[i].arena);
    free(calls);
    close_bench(&bench);
    return 0;
}
