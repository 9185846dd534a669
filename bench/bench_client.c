/* How many calls our HTTP client makes on one loop: bench_client URL [SECONDS] [IN_FLIGHT]. The ceiling of
 * runs that each make one call. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cpu.h"
#include "io/http_client.h"

struct bench {
    struct loop *loop;
    struct http_client *client;
    struct http_request request;
    int64_t end_us;
    uint64_t count;
    unsigned in_flight;
};

static void call(struct bench *bench);

static void answered(void *context, const struct http_answer *answer)
{
    struct bench *bench = context;
    if (answer->failure != HTTP_OK || answer->status != 200) {
        fprintf(stderr, "bench_client: %s\n", answer->failure ? answer->why.text : "another status than 200");
        exit(1);
    }
    bench->count++;
    bench->in_flight--;
    if (clock_monotonic_us(clock_system()) < bench->end_us)
        call(bench);
    else if (bench->in_flight == 0)
        loop_stop(bench->loop);
}

static void call(struct bench *bench)
{
    struct http_call *made;
    struct err_info why = { 0 };
    bench->in_flight++;
    if (http_client_start(bench->client, &bench->request, answered, bench, &made, &why) != ERR_OK) {
        fprintf(stderr, "bench_client: %s\n", why.text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct egress *egress;
    struct bench bench = { 0 };
    struct str rule = STR("127.0.0.0/8");
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    int in_flight = argc > 3 ? atoi(argv[3]) : 64;
    struct http_client_options options = { .connections_per_host_max = (unsigned)in_flight };
    if (argc < 2 || egress_new(&arena, &rule, 1, &egress, &why) != ERR_OK ||
        loop_new(clock_system(), &bench.loop, &why) != ERR_OK) {
        fprintf(stderr, "usage: bench_client URL [SECONDS] [IN_FLIGHT]\n");
        return 2;
    }
    options.egress = egress;
    if (http_client_new(bench.loop, &options, &bench.client, &why) != ERR_OK)
        return 1;
    bench.request = (struct http_request){ .method = STR("GET"), .url = str_of(argv[1]) };
    int64_t start_us = clock_monotonic_us(clock_system());
    double cpu = cpu_us();
    bench.end_us = start_us + (int64_t)(seconds * 1e6);
    for (int i = 0; i < in_flight; i++)
        call(&bench);
    loop_run(bench.loop);
    double span_s = (double)(clock_monotonic_us(clock_system()) - start_us) / 1e6;
    printf("%.0f calls/s, %.1f us CPU each\n", (double)bench.count / span_s,
        (cpu_us() - cpu) / (double)bench.count);
    http_client_free(bench.client);
    loop_free(bench.loop);
    return 0;
}
