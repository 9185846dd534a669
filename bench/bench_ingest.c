/* What a 1.5 KB alert costs on its way in: bench_ingest [FOLDER] [SECONDS] [EVENTS].
 *
 * First each part alone, on one thread: reading, mapping (with observables and fingerprint), all of it as a
 * request does it. Then events a second into a store, through an intake without runs. Then lists over EVENTS
 * events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "access/migrations.h"
#include "base/json.h"
#include "cases/migrations.h"
#include "cpu.h"
#include "ingest/direct.h"
#include "ingest/event.h"
#include "ingest/ingest.h"
#include "ingest/mapping.h"
#include "ingest/receive.h"

#define IN_FLIGHT 256

static const struct store_migration *const lists[] = { store_migrations, access_migrations, cases_migrations,
    ingest_migrations, NULL };

__attribute__((noreturn)) static void die(const struct err_info *why)
{
    fprintf(stderr, "bench_ingest: %s\n", why->text);
    exit(1);
}

static void check(enum err result, const struct err_info *why)
{
    if (result != ERR_OK)
        die(why);
}

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* Of this thread, so that a busy machine counts less. */
static int64_t thread_cpu_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * US_PER_S + time.tv_nsec / 1000;
}

/* An alert of Wazuh's shape, 1.5 KB; the numbers make each another one. */
static struct str alert_text(struct arena *arena, unsigned number)
{
    struct str text;
    struct err_info why = { 0 };
    check(
        arena_printf(arena, &text, &why,
            "{\"timestamp\":\"2026-03-14T08:26:53.589+0000\",\"rule\":{\"level\":10,\"description\":\"sshd: "
            "brute force trying to get access to the system. Non existent user.\",\"id\":\"5712\",\"mitre\":{"
            "\"id\":[\"T1110\"],\"tactic\":[\"Credential Access\"],\"technique\":[\"Brute Force\"]},"
            "\"frequency\":8,\"firedtimes\":1,\"mail\":false,\"groups\":[\"syslog\",\"sshd\","
            "\"authentication_failures\"],\"gdpr\":[\"IV_35.7.d\",\"IV_32.2\"],\"hipaa\":[\"164.312.b\"],"
            "\"nist_800_53\":[\"SI.4\",\"AU.14\",\"AC.7\"],\"pci_dss\":[\"11.4\",\"10.2.4\",\"10.2.5\"],"
            "\"tsc\":[\"CC6.1\",\"CC6.8\",\"CC7.2\",\"CC7.3\"]},\"agent\":{\"id\":\"%u\",\"name\":\"web-%"
            "u\","
            "\"ip\":\"198.51.100.14\"},\"manager\":{\"name\":\"wazuh-1\"},\"id\":\"1773476813.%u\","
            "\"previous_output\":\"Mar 14 08:26:51 web-01 sshd[8711]: Invalid user oracle from 203.0.113.9 "
            "port "
            "40144\\nMar 14 08:26:49 web-01 sshd[8709]: Invalid user admin from 203.0.113.9 port 40138\\nMar "
            "14 "
            "08:26:47 web-01 sshd[8707]: Invalid user ubnt from 203.0.113.9 port 40132\\nMar 14 08:26:45 "
            "web-01 sshd[8705]: Invalid user pi from 203.0.113.9 port 40126\\nMar 14 08:26:43 web-01 "
            "sshd[8703]: Invalid user git from 203.0.113.9 port 40120\\nMar 14 08:26:41 web-01 sshd[8701]: "
            "Invalid user ftp from 203.0.113.9 port 40114\\nMar 14 08:26:39 web-01 sshd[8699]: Invalid user "
            "www from 203.0.113.9 port 40108\",\"full_log\":\"Mar "
            "14 "
            "08:26:53 web-01 sshd[8713]: Invalid user test from 203.0.113.9 port 40150\",\"predecoder\":{"
            "\"program_name\":\"sshd\",\"timestamp\":\"Mar 14 "
            "08:26:53\",\"hostname\":\"web-01\"},\"decoder\":{"
            "\"parent\":\"sshd\",\"name\":\"sshd\"},\"data\":{\"srcip\":\"203.0.113.%u\",\"srcport\":"
            "\"40150\","
            "\"srcuser\":\"test\"},\"location\":\"/var/log/auth.log\"}",
            number, number, number, number % 254 + 1),
        &why);
    return text;
}

static struct str read_file(struct arena *arena, const char *path)
{
    struct buf buf = { 0 };
    struct str text = { 0 };
    struct err_info why = { 0 };
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "bench_ingest: no %s; start it in the source root\n", path);
        exit(1);
    }
    char part[4096];
    for (size_t size; (size = fread(part, 1, sizeof(part), file)) > 0;)
        buf_add(&buf, (struct str){ part, size });
    fclose(file);
    check(arena_str(arena, buf_str(&buf), &text, &why), &why);
    buf_done(&buf);
    return text;
}

/* ---- parts ---- */

struct part {
    const struct source *source;
    struct str text;
    struct arena *arena;
};

static void part_read(struct part *part)
{
    struct received *events;
    uint32_t count;
    struct err_info why = { 0 };
    check(receive_body(part->arena, STR("application/json"), part->text, &events, &count, &why), &why);
}

static void read_and_map(struct part *part, struct mapped *ret)
{
    struct received *events;
    uint32_t count;
    struct err_info why = { 0 };
    check(receive_body(part->arena, STR("application/json"), part->text, &events, &count, &why), &why);
    check(mapping_apply(
              part->source, STR("wazuh"), events[0].event, clock_now(clock_system()), part->arena, ret, &why),
        &why);
}

static void part_map(struct part *part)
{
    struct mapped mapped;
    read_and_map(part, &mapped);
}

static void part_all(struct part *part)
{
    struct mapped mapped;
    struct value alert;
    struct err_info why = { 0 };
    read_and_map(part, &mapped);
    struct alert_new arriving = { .tenant = TENANT_DEFAULT,
        .id = id_new(clock_system(), rand_system()),
        .event_id = id_new(clock_system(), rand_system()),
        .source = STR("wazuh"),
        .fingerprint = mapped.fingerprint,
        .seen = clock_now(clock_system()),
        .severity = mapped.severity,
        .status = ALERT_NEW,
        .body = mapped.body,
        .tags = mapped.tags };
    check(alert_prepare(&arriving, part->arena, &why), &why);
    check(alert_value_of_new(&arriving, part->arena, &alert, &why), &why);
}

static void measure_part(const char *name, void (*run)(struct part *part), struct part *part, double seconds)
{
    int64_t begin = thread_cpu_us(), end = begin + (int64_t)(seconds * 1e6), now = begin;
    uint64_t count = 0;
    while (now < end) {
        for (int i = 0; i < 100; i++) {
            run(part);
            arena_reset(part->arena);
        }
        count += 100;
        now = thread_cpu_us();
    }
    printf("  %-46s %6.2f us of CPU an event\n", name, (double)(now - begin) / (double)count);
}

/* What a request holds until its answer. */
static void measure_memory(const char *name, void (*run)(struct part *part), struct part *part)
{
    arena_reset(part->arena);
    size_t before = part->arena->bytes_held;
    for (int i = 0; i < 1000; i++)
        run(part);
    printf("  %-46s %6.1f KB an event\n", name, (double)(part->arena->bytes_held - before) / 1000 / 1024);
    arena_done(part->arena);
}

static void measure_parts(const char *path, const char *name, struct str text, double seconds)
{
    AUTO(arena) struct arena boot = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct source_file file = { str_of(path), read_file(&boot, path) };
    struct diagnostics found;
    struct sources *sources;
    struct err_info why = { 0 };
    diagnostics_init(&found, &boot, STR(""));
    check(sources_read(&file, 1, &found, &sources, &why), &why);
    struct part part = { sources_get(sources, str_of(name)), text, &arena };
    printf("%s, %zu bytes\n", name, text.size);
    measure_part("reading", part_read, &part, seconds);
    measure_part("and mapping, observables, fingerprint", part_map, &part, seconds);
    measure_part("and the alert as it is stored and offered", part_all, &part, seconds);
    measure_memory("memory: read", part_read, &part);
    measure_memory("memory: and mapped", part_map, &part);
    measure_memory("memory: and as it is stored and offered", part_all, &part);
    sources_free(sources);
}

/* ---- into a store ---- */

struct flood;
struct sender {
    struct ingest_request request;
    struct flood *flood;
    struct arena arena;
    int64_t sent_us;
};

struct flood {
    struct loop *loop;
    struct ingest *ingest;
    int64_t end_us;
    uint64_t limit, sent, accepted;
    unsigned under_way;
    uint32_t *samples;
    size_t sample_count, sample_room;
};

static void send(struct sender *sender);

static void accepted(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct sender *sender = request->context;
    struct flood *flood = sender->flood;
    check(result, why);
    flood->accepted++;
    if (flood->sample_count < flood->sample_room)
        flood->samples[flood->sample_count++] = (uint32_t)(now_us() - sender->sent_us);
    if (now_us() < flood->end_us && flood->sent < flood->limit)
        send(sender);
    else if (--flood->under_way == 0)
        loop_stop(flood->loop);
}

static void send(struct sender *sender)
{
    struct flood *flood = sender->flood;
    arena_reset(&sender->arena);
    sender->sent_us = now_us();
    sender->request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = STR("wazuh"),
        .content_type = STR("application/json"),
        .body = alert_text(&sender->arena, (unsigned)flood->sent++),
        .arena = &sender->arena,
        .accepted = accepted,
        .reply_to = flood->loop,
        .context = sender };
    ingest_receive(flood->ingest, &sender->request);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void flood_run(struct flood *flood, struct store *store, const char *source, const char *what)
{
    AUTO(arena) struct arena boot = { 0 };
    struct direct_intake direct;
    struct source_file file = { str_of(source), read_file(&boot, source) };
    struct diagnostics found;
    struct err_info why = { 0 };
    static struct sender senders[IN_FLIGHT];
    direct_intake_init(&direct, store);
    struct ingest_options options = {
        .clock = clock_system(), .rand = rand_system(), .intake = &direct.intake
    };
    check(ingest_new(&options, &flood->ingest, &why), &why);
    diagnostics_init(&found, &boot, STR(""));
    check(ingest_load(flood->ingest, &file, 1, &found, &why), &why);
    check(loop_new(clock_system(), &flood->loop, &why), &why);
    int64_t begin = now_us(), loop_cpu = thread_cpu_us();
    double cpu = cpu_us();
    for (int i = 0; i < IN_FLIGHT; i++) {
        senders[i].flood = flood;
        flood->under_way++;
        send(&senders[i]);
    }
    loop_run(flood->loop);
    cpu = cpu_us() - cpu;
    loop_cpu = thread_cpu_us() - loop_cpu;
    double span = (double)(now_us() - begin) / 1e6;
    qsort(flood->samples, flood->sample_count, sizeof(flood->samples[0]), by_size);
    printf("%s: %.0f events/s (%llu in %.1f s), accepted after p50 %.2f ms, p99 %.2f ms\n", what,
        (double)flood->accepted / span, (unsigned long long)flood->accepted, span,
        flood->samples[flood->sample_count / 2] / 1e3, flood->samples[flood->sample_count * 99 / 100] / 1e3);
    printf("  CPU %.1f us an event on the loop, %.1f in the store\n",
        (double)loop_cpu / (double)flood->accepted, (cpu - (double)loop_cpu) / (double)flood->accepted);
    for (int i = 0; i < IN_FLIGHT; i++)
        arena_done(&senders[i].arena);
    loop_free(flood->loop);
    ingest_free(flood->ingest);
}

/* ---- lists ---- */

struct listing {
    struct event_query events;
    struct alert_query alerts;
    bool is_alerts;
    uint32_t found;
};

static enum err list_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct listing *listing = context;
    AUTO(arena) struct arena arena = { 0 };
    struct value page;
    if (listing->is_alerts)
        TRY(alert_list(conn, &listing->alerts, &arena, &page, why));
    else
        TRY(event_list(conn, &listing->events, &arena, &page, why));
    listing->found = value_get(page, STR("items")).size;
    return ERR_OK;
}

static void measure_list(struct store *store, const char *name, struct listing listing)
{
    int64_t worst = 0;
    struct err_info why = { 0 };
    listing.events.tenant = listing.alerts.tenant = TENANT_DEFAULT;
    for (int i = 0; i < 5; i++) {
        int64_t begin = now_us();
        check(store_read_wait(store, list_run, &listing, &why), &why);
        int64_t took = now_us() - begin;
        worst = took > worst ? took : worst;
    }
    printf("  %-46s %7.2f ms at most, %u items\n", name, (double)worst / 1e3, listing.found);
}

static void measure_lists(struct store *store)
{
    struct instant hour_ago = { clock_now(clock_system()).us - US_PER_HOUR };
    struct instant at_first = { hour_ago.us + US_PER_S };
    printf("lists of 50\n");
    measure_list(store, "events", (struct listing){ 0 });
    measure_list(store, "events of one source", (struct listing){ .events = { .source = STR("wazuh") } });
    measure_list(
        store, "events of a source that sent none", (struct listing){ .events = { .source = STR("x") } });
    measure_list(store, "events that merged (none)", (struct listing){ .events = { .fate = STR("merged") } });
    measure_list(store, "events since an hour", (struct listing){ .events = { .since = hour_ago } });
    measure_list(store, "events until before the first", (struct listing){ .events = { .until = at_first } });
    measure_list(store, "alerts", (struct listing){ .is_alerts = true });
    measure_list(store, "alerts that are high and new",
        (struct listing){ .is_alerts = true,
            .alerts = { .status = STR("new"), .severity = STR("high"), .source = STR("wazuh") } });
    measure_list(store, "alerts by a part of the title that none has",
        (struct listing){ .is_alerts = true, .alerts = { .text = STR("no such title") } });
}

int main(int count, char **arguments)
{
    const char *folder = count > 1 ? arguments[1] : "/tmp";
    double seconds = count > 2 ? atof(arguments[2]) : 2;
    uint64_t events = count > 3 ? strtoull(arguments[3], NULL, 10) : UINT64_MAX;
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    char path[300], url[320];
    measure_parts("content/sources/wazuh.yaml", "wazuh", alert_text(&arena, 1), seconds / 4);
    measure_parts("content/sources/wazuh.yaml", "generic", alert_text(&arena, 1), seconds / 4);
    snprintf(path, sizeof(path), "%s/bench-ingest-%d", folder, (int)getpid());
    snprintf(url, sizeof(url), "sqlite:%s.db", path);
    struct store_options options = { .url = str_of(url), .clock = clock_system(), .migrations = lists };
    struct store *store;
    check(store_open(&options, &store, &why), &why);
    struct flood flood = { .end_us = events == UINT64_MAX ? now_us() + (int64_t)(seconds * 1e6) : INT64_MAX,
        .limit = events,
        .sample_room = 1 << 20 };
    flood.samples = calloc(flood.sample_room, sizeof(uint32_t));
    if (flood.samples == NULL)
        return 1;
    flood_run(&flood, store, "content/sources/wazuh.yaml", "into a store");
    measure_lists(store);
    store_close(store);
    free(flood.samples);
    static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
    for (int i = 0; i < 4; i++) {
        char name[320];
        snprintf(name, sizeof(name), "%s.db%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}
