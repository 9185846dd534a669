/* What the store does on this disk: bench_store [FOLDER] [SECONDS] [IN_FLIGHT].
 *
 * An operation inserts three small rows, as a run's turn does; IN_FLIGHT of them are under way at any
 * time, each submitted anew from its `done` on a loop of its own, as a shard does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "io/loop.h"
#include "store/store.h"

#define IN_FLIGHT_MAX 4096
#define SAMPLES_MAX (1 << 20)

static const struct store_migration migrations[] = {
    { "bench", 1, "three tables",
        "CREATE TABLE bench_events (tenant INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL,"
        " body BLOB NOT NULL, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE bench_runs (tenant INTEGER NOT NULL, id BLOB NOT NULL, event BLOB NOT NULL,"
        " state BLOB NOT NULL, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE bench_journal (seq INTEGER PRIMARY KEY, run BLOB NOT NULL, body BLOB NOT NULL) STRICT;",
        NULL },
    { 0 },
};
static const struct store_migration *const lists[] = { store_migrations, migrations, NULL };

static const struct sql insert_event = {
    "INSERT INTO bench_events (tenant, id, at, body) VALUES ($1, $2, $3, $4)", NULL
};
static const struct sql insert_run = {
    "INSERT INTO bench_runs (tenant, id, event, state) VALUES ($1, $2, $3, $4)", NULL
};
static const struct sql insert_journal = { "INSERT INTO bench_journal (run, body) VALUES ($1, $2)", NULL };

struct bench {
    struct store *store;
    struct loop *loop;
    int64_t end_us;
    unsigned under_way;
    uint64_t count;
    uint32_t *samples;
};

struct work {
    struct store_op op;
    struct bench *bench;
    int64_t start_us;
};

__attribute__((noreturn)) static void die(const struct err_info *why)
{
    fprintf(stderr, "bench_store: %s\n", why->text);
    exit(1);
}

static enum err work_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    (void)op;
    static const char body[300];
    struct id event = id_new(clock_system(), rand_system()), run = id_new(clock_system(), rand_system());
    TRY(sql_run(conn, &insert_event,
        SQL_ARGS(arg_int(TENANT_DEFAULT), arg_id(&event), arg_instant(store_commit_time(conn)),
            arg_bytes((struct str){ body, 300 })),
        NULL, why));
    TRY(sql_run(conn, &insert_run,
        SQL_ARGS(arg_int(TENANT_DEFAULT), arg_id(&run), arg_id(&event), arg_bytes((struct str){ body, 100 })),
        NULL, why));
    return sql_run(
        conn, &insert_journal, SQL_ARGS(arg_id(&run), arg_bytes((struct str){ body, 200 })), NULL, why);
}

static void work_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct work *work = (struct work *)(void *)op;
    struct bench *bench = work->bench;
    if (result != ERR_OK)
        die(why);
    int64_t now = clock_monotonic_us(clock_system());
    bench->samples[bench->count++ % SAMPLES_MAX] = (uint32_t)(now - work->start_us);
    work->start_us = now;
    if (now < bench->end_us)
        store_submit(bench->store, op);
    else if (--bench->under_way == 0)
        loop_stop(bench->loop);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct bench *bench, int64_t span_us, double cpu)
{
    struct store_metrics metrics;
    store_metrics(bench->store, &metrics);
    size_t count = bench->count < SAMPLES_MAX ? bench->count : SAMPLES_MAX;
    qsort(bench->samples, count, sizeof(bench->samples[0]), by_size);
    printf("  %.0f operations/s, %.0f rows/s, %.0f commits/s of %.1f operations\n",
        (double)bench->count / (double)span_us * 1e6, (double)metrics.commit_rows / (double)span_us * 1e6,
        (double)metrics.commits / (double)span_us * 1e6,
        (double)metrics.commit_ops / (double)metrics.commits);
    printf("  from submit to done: p50 %.2f ms, p99 %.2f ms, max %.2f ms; commit mean %.2f ms\n",
        bench->samples[count / 2] / 1e3, bench->samples[count * 99 / 100] / 1e3,
        bench->samples[count - 1] / 1e3, (double)metrics.commit_us_sum / (double)metrics.commits / 1e3);
    printf("  CPU %.1f us an operation, the loop's share included\n", cpu / (double)bench->count);
}

static void run(const char *folder, int64_t seconds, unsigned in_flight)
{
    struct bench bench = { 0 };
    struct err_info why = { 0 };
    char url[512];
    snprintf(url, sizeof(url), "sqlite:%s/bench.db", folder);
    struct store_options options = { .url = str_of(url), .clock = clock_system(), .migrations = lists };
    static struct work works[IN_FLIGHT_MAX];
    bench.samples = calloc(SAMPLES_MAX, sizeof(bench.samples[0]));
    if (!bench.samples || store_open(&options, &bench.store, &why) != ERR_OK ||
        loop_new(clock_system(), &bench.loop, &why) != ERR_OK)
        die(&why);
    printf("%u operations under way, three rows each:\n", in_flight);
    double cpu = cpu_us();
    int64_t start_us = clock_monotonic_us(clock_system());
    bench.end_us = start_us + seconds * US_PER_S;
    bench.under_way = in_flight;
    for (unsigned i = 0; i < in_flight; i++) {
        works[i] = (struct work){ { .apply = work_apply, .done = work_done, .reply_to = bench.loop }, &bench,
            start_us };
        store_submit(bench.store, &works[i].op);
    }
    loop_run(bench.loop);
    report(&bench, clock_monotonic_us(clock_system()) - start_us, cpu_us() - cpu);
    store_close(bench.store);
    loop_free(bench.loop);
    free(bench.samples);
}

/* The floor under all of it: how often a block can be made durable. */
static void measure_disk(const char *folder)
{
    char path[512];
    static const char block[4096];
    snprintf(path, sizeof(path), "%s/bench.sync", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; fd >= 0 && i < 256; i++) {
        if (pwrite(fd, block, sizeof(block), i * (off_t)sizeof(block)) < 0)
            fd = -1;
    }
    if (fd < 0 || fsync(fd)) {
        fprintf(stderr, "bench_store: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    int64_t start_us = clock_monotonic_us(clock_system()), now = start_us;
    int count = 0;
    for (; now - start_us < US_PER_S; now = clock_monotonic_us(clock_system()), count++) {
        if (pwrite(fd, block, sizeof(block), count % 256 * (off_t)sizeof(block)) < 0 || fdatasync(fd))
            break;
    }
    printf("disk: %.0f fdatasync/s, %.3f ms each\n", count / ((double)(now - start_us) / 1e6),
        (double)(now - start_us) / 1e3 / count);
    close(fd);
    unlink(path);
}

int main(int argc, char **argv)
{
    char folder[512] = "/tmp/tocsin-bench-XXXXXX";
    bool is_own = argc < 2 || !argv[1][0];
    if (is_own && !mkdtemp(folder))
        return 1;
    if (!is_own)
        snprintf(folder, sizeof(folder), "%s", argv[1]);
    int64_t seconds = argc > 2 ? atoll(argv[2]) : 5;
    unsigned only = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    static const unsigned counts[] = { 1, 16, 64, 512 };
    static const char *const names[] = { "bench.db", "bench.db-wal", "bench.db-shm", "bench.db.lock" };
    measure_disk(folder);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (only > 0 && i > 0)
            break;
        run(folder, seconds, only > 0 && only <= IN_FLIGHT_MAX ? only : counts[i]);
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            char path[640];
            snprintf(path, sizeof(path), "%s/%s", folder, names[j]);
            unlink(path);
        }
    }
    return is_own ? rmdir(folder) : 0;
}
