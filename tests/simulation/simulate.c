/* The engine, the store, ingest and the tools in one thread on one clock, from one seed: events come, tools
 * are slow and lie, people answer late, the clock jumps, the process dies between any two jobs, the disk in
 * the middle of a commit. At the end the tools become good, all that waits is let run out, and a model
 * outside looks at what is left.
 *
 *     simulate [--seeds N] [--from SEED] [--hours H] [--verbose]
 *
 * The same seed gives the same line. The last line is `N passed, N failed`. */
#include <assert.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/audit.h"
#include "access/migrations.h"
#include "base/container.h"
#include "base/json.h"
#include "cases/migrations.h"
#include "connect/connect.h"
#include "disk.h"
#include "engine/engine.h"
#include "ingest/event.h"
#include "ingest/ingest.h"
#include "intake_engine.h"
#include "io/loop_virtual.h"
#include "playbooks.h"
#include "subjects.h"
#include "tools.h"

#define START_US (INT64_C(1767225600) * US_PER_S)
#define ACCEPTED_MAX 200000
#define DRAIN_DAYS 60

static const char *const kinds[] = { "enrich", "act", "contain", "ask", "patient" };

/* An event that was acknowledged, with the runs that it was said to start. */
struct accepted {
    struct id event, runs[EVENT_RUNS_MAX];
    uint32_t run_count;
};

struct world {
    uint64_t seed;
    bool is_verbose;
    struct clock_manual manual;
    struct rand_seeded seeded, engine_seeded; /* what the world does; what the engine needs */
    struct rand *chance;
    char folder[64];
    struct connect *connect;
    struct tools *tools;
    struct engine_subjects subjects;
    struct store *store;
    struct loop *loop;
    struct engine *engine;
    struct intake_engine intake;
    struct ingest *ingest;
    struct accepted *accepted;
    uint32_t accepted_count, sent, crashes, cuts, jumps, answers;
    struct sending *sendings; /* not answered yet */
    struct answering *answerings;
    uint64_t hash;
    uint32_t faults;
};

static void fault(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
static void fault(struct world *world, const char *format, ...)
{
    va_list list;
    world->faults++;
    if (world->faults > 20)
        return;
    printf("  seed %" PRIu64 ": ", world->seed);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

static void must(enum err result, const struct err_info *why, const char *what)
{
    if (result == ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, why->text);
    abort();
}

/* ---- life and death ---- */

static void disk_failed(void *context, const struct err_info *why)
{
    (void)context;
    (void)why; /* the world looks at disk_is_dead after every job */
}

/* No tool is reached over HTTP here; a client that is never asked. */
static void free_client(struct http_client *client)
{
    (void)client; /* a constant */
}

static enum err make_client(void *context, struct loop *loop, struct http_client **ret, struct err_info *why)
{
    static const struct http_client_ops ops = { .free = free_client };
    static struct http_client client = { &ops };
    (void)context, (void)loop, (void)why;
    *ret = &client;
    return ERR_OK;
}

static void open_world(struct world *world)
{
    static const struct store_migration *const migrations[] = { store_migrations, access_migrations,
        cases_migrations, engine_migrations, ingest_migrations, NULL };
    struct err_info why = { 0 };
    char url[96];
    snprintf(url, sizeof url, "sqlite:%s/tocsin.db", world->folder);
    struct store_options store = { .url = str_of(url),
        .clock = &world->manual.clock,
        .migrations = migrations,
        .is_inline = true,
        .on_fatal = disk_failed,
        .vfs = STR("simulated") };
    must(store_open(&store, &world->store, &why), &why, "open the store");
    must(loop_virtual_new(&world->manual, &world->loop, &why), &why, "make the loop");
    struct engine_options engine = { .clock = &world->manual.clock,
        .rand = &world->engine_seeded.rand,
        .store = world->store,
        .catalogues = tools_catalogues(world->tools),
        .subjects = &world->subjects,
        .make_host = connect_make_host,
        .free_host = connect_free_host,
        .host_context = world->connect,
        .inline_loop = world->loop };
    must(engine_new(&engine, &world->engine, &why), &why, "make the engine");
    must(engine_start(world->engine, &why), &why, "start the engine");
    intake_engine_init(&world->intake, world->engine);
    struct ingest_options ingest = {
        .clock = &world->manual.clock, .rand = &world->engine_seeded.rand, .intake = &world->intake.intake
    };
    must(ingest_new(&ingest, &world->ingest, &why), &why, "make ingest");
}

static void forget_sendings(struct world *world);
static void forget_answers(struct world *world);

static void close_world(struct world *world)
{
    tools_process_died(world->tools);
    engine_free(world->engine);
    loop_free(world->loop);
    forget_sendings(world);
    forget_answers(world);
    ingest_free(world->ingest);
    store_close(world->store);
}

static void crash(struct world *world)
{
    if (world->is_verbose)
        printf("  %" PRId64 " s: dies%s\n", (world->manual.at.us - START_US) / US_PER_S,
            disk_is_dead() ? " with its disk" : "");
    world->crashes++;
    world->cuts += disk_is_dead();
    disk_die(); /* what closing would still write is not written by a process that was killed */
    close_world(world);
    disk_revive(world->chance);
    if (rand_below(world->chance, 4) == 0) /* it is down for a while, or its clock is set meanwhile */
        clock_manual_advance(&world->manual, (int64_t)rand_below(world->chance, (uint64_t)(2 * US_PER_HOUR)));
    open_world(world);
}

/* ---- events ---- */

struct sending {
    struct world *world;
    struct sending *next;
    struct arena arena;
    struct ingest_request request;
};

static void sending_free(struct sending *sending)
{
    arena_done(&sending->arena);
    free(sending);
}

static void forget_sendings(struct world *world)
{
    while (world->sendings) {
        struct sending *sending = world->sendings;
        world->sendings = sending->next;
        if (sending->request.sources)
            ingest_release_sources(world->ingest, sending->request.sources);
        sending_free(sending);
    }
}

static void was_accepted(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct sending *sending = CONTAINER_OF(request, struct sending, request);
    struct world *world = sending->world;
    (void)why;
    if (result == ERR_OK && world->accepted_count < ACCEPTED_MAX) {
        const struct intake_event *event = &request->batch.events[0];
        struct accepted *accepted = &world->accepted[world->accepted_count++];
        accepted->event = event->event_id;
        accepted->run_count = event->run_count;
        memcpy(accepted->runs, event->runs, event->run_count * sizeof event->runs[0]);
        if (event->fate != INTAKE_RUN || event->run_count == 0)
            fault(world, "an event started nothing");
    }
    struct sending **place = &world->sendings;
    while (*place != sending)
        place = &(*place)->next;
    *place = sending->next;
    sending_free(sending);
}

static void send_event(struct world *world)
{
    struct sending *sending = calloc(1, sizeof *sending);
    char body[200];
    struct err_info why = { 0 };
    assert(sending);
    snprintf(body, sizeof body,
        "{\"kind\":\"%s\",\"number\":%u,\"group\":%" PRIu64 ",\"severity\":%" PRIu64 "}",
        kinds[rand_below(world->chance, 5)], world->sent++, rand_below(world->chance, 4),
        rand_below(world->chance, 6));
    *sending = (struct sending){ .world = world, .next = world->sendings };
    world->sendings = sending;
    sending->request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = STR("simulation"),
        .content_type = STR("application/json"),
        .arena = &sending->arena,
        .accepted = was_accepted,
        .reply_to = world->loop };
    must(arena_str(&sending->arena, str_of(body), &sending->request.body, &why), &why, "copy the body");
    ingest_receive(world->ingest, &sending->request);
}

/* ---- people ---- */

typedef enum err list_read(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);

struct looking {
    const struct list_query *query;
    struct arena *arena;
    list_read *list;
    struct value page;
};

static enum err look(void *context, struct store_conn *conn, struct err_info *why)
{
    struct looking *looking = context;
    return looking->list(conn, looking->query, looking->arena, &looking->page, why);
}

/* The items of a list; none while the disk is dead. */
static struct value list_items(
    struct world *world, list_read *list, const struct list_query *query, struct arena *arena)
{
    struct looking looking = { query, arena, list, value_null() };
    struct err_info why = { 0 };
    if (store_read_wait(world->store, look, &looking, &why) == ERR_OK)
        return value_get(looking.page, STR("items"));
    if (!disk_is_dead())
        fault(world, "a list can't be read: %s", why.text);
    return value_null();
}

static struct str text_of(struct value map, const char *name)
{
    struct value v = value_get(map, str_of(name));
    return v.type == VALUE_STRING ? value_str(v) : STR("");
}

/* An answer of a person on its way; forgotten when the process dies first. */
struct answering {
    struct engine_reply reply;
    struct world *world;
    struct answering *next;
};

static void answered(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct answering *answering = CONTAINER_OF(reply, struct answering, reply);
    struct answering **place = &answering->world->answerings;
    (void)result; /* somebody was faster, or the process dies */
    (void)why;
    while (*place != answering)
        place = &(*place)->next;
    *place = answering->next;
    free(answering);
}

static void forget_answers(struct world *world)
{
    while (world->answerings) {
        struct answering *next = world->answerings->next;
        free(world->answerings);
        world->answerings = next;
    }
}

/* Who is asked what became of a call looks, and tells the truth. */
static struct str choice_of(struct world *world, struct value task)
{
    struct str kind = text_of(task, "kind");
    struct value options = value_get(task, STR("options")), show = value_get(task, STR("show"));
    if (str_equal(kind, STR("uncertain"))) {
        struct str mark = text_of(value_get(show, STR("with")), "mark");
        return tools_did(world->tools, text_of(show, "action"), mark) ? STR("done") : STR("not_done");
    }
    if (str_equal(kind, STR("undo")))
        return STR("retry");
    return options.size > 0 ? value_str(options.items[rand_below(world->chance, options.size)]) : STR("");
}

static void answer(struct world *world, struct value task, struct arena *arena)
{
    struct answering *answering = calloc(1, sizeof *answering);
    struct value_map_builder map;
    struct id id;
    assert(answering);
    *answering = (struct answering){
        .reply = { .done = answered, .reply_to = world->loop }, .world = world, .next = world->answerings
    };
    value_map_begin(&map, arena);
    struct err_info why = { 0 };
    must(value_map_set(&map, "choice", value_string(choice_of(world, task)), &why), &why, "make an answer");
    if (!id_parse(text_of(task, "id"), &id)) {
        fault(world, "a task without an id");
        free(answering);
        return;
    }
    world->answerings = answering;
    world->answers++;
    engine_answer_task(
        world->engine, TENANT_DEFAULT, id, STR("user:analyst"), value_map_end(&map), &answering->reply);
}

static void people_look(struct world *world, bool they_answer_all)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct list_query query = { .tenant = TENANT_DEFAULT, .limit = 200, .status = STR("open") };
    struct value tasks = list_items(world, task_list, &query, &arena);
    for (uint32_t i = 0; i < tasks.size && tasks.type == VALUE_LIST; i++)
        if (they_answer_all || rand_below(world->chance, 10) < 4)
            answer(world, tasks.items[i], &arena);
}

/* ---- time ---- */

static void step_on(struct world *world)
{
    if (disk_is_dead())
        crash(world);
}

/* Lets things happen up to `at`. */
static void run_to(struct world *world, int64_t at_us)
{
    while (world->manual.at.us < at_us) {
        int64_t to = world->manual.at.us + 10 * US_PER_S;
        loop_virtual_run_to(world->loop, (struct instant){ to < at_us ? to : at_us });
        step_on(world);
    }
}

/* A few jobs more, so that a death comes in the middle of something. */
static void run_some_jobs(struct world *world)
{
    for (uint64_t jobs = rand_below(world->chance, 40); jobs > 0 && !disk_is_dead(); jobs--)
        if (!loop_virtual_step_job(world->loop))
            return;
}

static void happen(struct world *world)
{
    uint64_t chance = rand_below(world->chance, 1000);
    if (chance < 600) {
        send_event(world);
        run_some_jobs(world);
    } else if (chance < 900) {
        people_look(world, false);
        run_some_jobs(world);
    } else if (chance < 940) {
        crash(world);
    } else if (chance < 990) {
        disk_die_after((uint32_t)rand_below(world->chance, 60));
    } else {
        world->jumps++;
        clock_manual_advance(&world->manual, (int64_t)rand_below(world->chance, (uint64_t)(6 * US_PER_HOUR)));
    }
    step_on(world);
}

/* ---- the end: what must be true ---- */

static bool is_quiet(struct world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct list_query open = {
        .tenant = TENANT_DEFAULT, .limit = 1, .status = STR("queued,running,waiting,uncertain")
    };
    const struct list_query leases = {
        .tenant = TENANT_DEFAULT, .limit = 1, .status = STR("active,ending,failed")
    };
    return list_items(world, run_list, &open, &arena).size == 0 &&
        list_items(world, containment_list, &leases, &arena).size == 0;
}

static void drain(struct world *world)
{
    int64_t end = world->manual.at.us + DRAIN_DAYS * US_PER_DAY;
    tools_become_good(world->tools);
    disk_live_on();
    while (world->manual.at.us < end && !is_quiet(world)) {
        people_look(world, true);
        run_to(world, world->manual.at.us + US_PER_HOUR);
    }
}

static void hash_add(struct world *world, struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        world->hash = (world->hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
}

static void check_runs(struct world *world)
{
    struct list_query query = { .tenant = TENANT_DEFAULT, .limit = 500 };
    for (bool has_more = true; has_more;) {
        AUTO(arena) struct arena arena = { 0 };
        struct value items = list_items(world, run_list, &query, &arena);
        has_more = items.size == query.limit;
        for (uint32_t i = 0; i < items.size; i++) {
            struct str status = text_of(items.items[i], "status");
            AUTO(buf) struct buf output = { 0 };
            json_print(&output, value_get(items.items[i], STR("output")), 0);
            hash_add(world, text_of(items.items[i], "playbook"));
            hash_add(world, status);
            hash_add(world, text_of(items.items[i], "ended"));
            hash_add(world, buf_str(&output));
            if (!str_equal(status, STR("succeeded")) && !str_equal(status, STR("failed")) &&
                !str_equal(status, STR("cancelled")))
                fault(world, "run %.*s of %.*s is %.*s for ever", STR_ARG(text_of(items.items[i], "id")),
                    STR_ARG(text_of(items.items[i], "playbook")), STR_ARG(status));
            if (i + 1 == items.size && !id_parse(text_of(items.items[i], "id"), &query.after))
                has_more = false;
        }
    }
}

static void check_leases(struct world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct list_query query = {
        .tenant = TENANT_DEFAULT, .limit = 1000, .status = STR("active,ending,failed")
    };
    struct value items = list_items(world, containment_list, &query, &arena);
    for (uint32_t i = 0; i < items.size; i++)
        fault(world, "the containment %.*s is %.*s for ever", STR_ARG(text_of(items.items[i], "id")),
            STR_ARG(text_of(items.items[i], "status")));
}

/* Each key took effect once at the most, whatever was repeated. */
static void check_effects(struct world *world)
{
    for (const struct effect_entry *entry = tools_effects(world->tools); entry; entry = entry->next) {
        if (entry->effects > 1)
            fault(world, "%s took effect %u times under one key (%s)", entry->action, entry->effects,
                entry->mark);
    }
}

struct reading {
    struct world *world;
    struct arena *arena;
    struct value proof;
    struct audit_check audit;
};

static enum err read_proofs(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    TRY(event_audit(conn, TENANT_DEFAULT, (struct instant){ 0 }, reading->arena, &reading->proof, why));
    TRY(audit_verify(conn, NULL, TENANT_DEFAULT, &reading->audit, why));
    for (uint32_t i = 0; i < reading->world->accepted_count; i++) {
        const struct accepted *accepted = &reading->world->accepted[i];
        AUTO(arena) struct arena arena = { 0 };
        struct value shown;
        struct err_info own = { 0 };
        if (event_show(conn, TENANT_DEFAULT, accepted->event, &arena, &shown, &own) != ERR_OK)
            fault(reading->world, "the event %s was acknowledged and is lost", id_text(accepted->event).text);
        for (uint32_t run = 0; run < accepted->run_count; run++)
            if (run_brief(conn, TENANT_DEFAULT, accepted->runs[run], &arena, &shown, &own) != ERR_OK)
                fault(
                    reading->world, "the run %s was told of and is lost", id_text(accepted->runs[run]).text);
    }
    return ERR_OK;
}

static void check_proofs(struct world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    struct reading reading = { .world = world, .arena = &arena };
    struct err_info why = { 0 };
    must(store_read_wait(world->store, read_proofs, &reading, &why), &why, "read the proofs");
    if (value_get(reading.proof, STR("faults")).size > 0)
        fault(world, "the ledger has faults");
    if (!reading.audit.is_good)
        fault(world, "the audit chain is broken: %s", reading.audit.broken_text);
}

/* ---- one simulation ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void publish_all(struct world *world)
{
    for (size_t i = 0; i < PLAYBOOK_COUNT; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        struct err_info why = { 0 };
        uint32_t version;
        diagnostics_init(&found, &arena, STR("playbook"));
        enum err result = engine_publish(world->engine, TENANT_DEFAULT, STR("simulation"),
            str_of(playbooks[i]), true, &found, &version, &why);
        if (result != ERR_OK && found.count > 0)
            fprintf(stderr, "playbook %zu:%u: %.*s\n", i, found.items[0].line, STR_ARG(found.items[0].text));
        must(result, &why, "publish");
    }
}

static void set_up(struct world *world)
{
    struct err_info why = { 0 };
    clock_manual_init(&world->manual, (struct instant){ START_US });
    rand_seeded_init(&world->seeded, world->seed);
    rand_seeded_init(&world->engine_seeded, world->seed ^ UINT64_C(0x9e3779b97f4a7c15));
    world->chance = &world->seeded.rand;
    world->hash = UINT64_C(14695981039346656037);
    snprintf(world->folder, sizeof world->folder, "/tmp/tocsin-simulation-XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        abort();
    world->accepted = calloc(ACCEPTED_MAX, sizeof *world->accepted);
    assert(world->accepted);
    struct connect_options connect = {
        .clock = &world->manual.clock, .rand = &world->engine_seeded.rand, .make_client = make_client
    };
    must(connect_new(&connect, &world->connect, &why), &why, "make connect");
    world->tools = tools_new(&(struct tools_options){
        .clock = &world->manual.clock, .chance = world->chance, .real = connect_catalogues(world->connect) });
    subjects_init(&world->subjects);
    open_world(world);
    publish_all(world);
}

static void take_down(struct world *world)
{
    close_world(world);
    tools_free(world->tools);
    connect_free(world->connect);
    disk_forget();
    (void)nftw(world->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* what stays is in /tmp */
    free(world->accepted);
}

static uint64_t simulate(uint64_t seed, uint32_t hours, bool is_verbose, uint32_t *ret_faults)
{
    struct world *world = calloc(1, sizeof *world);
    assert(world);
    world->seed = seed;
    world->is_verbose = is_verbose;
    set_up(world);
    int64_t end = START_US + (int64_t)hours * US_PER_HOUR;
    while (world->manual.at.us < end) {
        run_to(world, world->manual.at.us + (int64_t)rand_below(world->chance, (uint64_t)(10 * US_PER_MIN)));
        happen(world);
    }
    drain(world);
    check_runs(world);
    check_leases(world);
    check_effects(world);
    check_proofs(world);
    *ret_faults = world->faults;
    printf("%s seed %" PRIu64 ": %u h, %u of %u events acknowledged, %" PRIu64
           " calls, %u answers, %u deaths (%u with the disk), "
           "%u clock jumps, hash %016" PRIx64 "\n",
        world->faults ? "FAIL" : "ok  ", seed, hours, world->accepted_count, world->sent,
        tools_calls(world->tools), world->answers, world->crashes, world->cuts, world->jumps, world->hash);
    fflush(stdout);
    uint64_t hash = world->hash;
    take_down(world);
    free(world);
    return hash;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, seeds = 1;
    uint32_t hours = 50, passed = 0, failed = 0;
    bool is_verbose = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--verbose") == 0) {
            is_verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--from") == 0)
            from = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--hours") == 0)
            hours = (uint32_t)strtoul(value, NULL, 10);
        else
            return fprintf(stderr, "simulate [--seeds N] [--from SEED] [--hours H] [--verbose]\n"), 2;
        i++;
    }
    disk_register();
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        uint32_t faults = 0, again = 0;
        uint64_t hash = simulate(seed, hours, is_verbose, &faults);
        if (seed == from && simulate(seed, hours, false, &again) != hash) {
            printf("FAIL seed %" PRIu64 ": twice, and not the same\n", seed);
            faults++;
        }
        if (faults)
            failed++;
        else
            passed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}
