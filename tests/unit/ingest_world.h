/* A store with all tables that ingest needs, an ingest over the direct intake, and short ways to send. */
#ifndef TOCSIN_TESTS_INGEST_WORLD_H
#define TOCSIN_TESTS_INGEST_WORLD_H

#include "access/migrations.h"
#include "cases/migrations.h"
#include "ingest/direct.h"
#include "ingest/event.h"
#include "ingest/ingest.h"
#include "ingest_helpers.h"

UNUSED static const struct store_migration *const ingest_lists[] = { store_migrations, access_migrations,
    cases_migrations, ingest_migrations, NULL };

struct world {
    struct test_folder folder;
    struct store *store;
    struct vault *vault;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct direct_intake direct;
    struct ingest *ingest;
    struct arena arena;
    struct err_info why;
};

/* The content's sources, and one of the tests' own that merges by `key` for ten minutes. */
static const char world_source[] = "source: probe\n"
                                   "title: Probe\n"
                                   "content_types: [application/json, text/plain]\n"
                                   "fingerprint: [event.key]\n"
                                   "dedup_window: 10m\n";

UNUSED static void world_open(struct world *world, uint64_t rate_per_s)
{
    memset(world, 0, sizeof(*world));
    test_folder_make(&world->folder);
    clock_manual_init(&world->clock, (struct instant){ INT64_C(1780000000) * US_PER_S });
    rand_seeded_init(&world->rand, 7);
    world->store = test_store_open(NULL, NULL,
        (struct store_options){
            .clock = &world->clock.clock, .migrations = ingest_lists, .is_inline = true });
    struct vault_options vault = { .store = world->store,
        .rand = &world->rand.rand,
        .key_file = str_of(test_path(&world->folder, "master.key")) };
    test_check(vault_open(&vault, &world->vault, &world->why), &world->why);
    direct_intake_init(&world->direct, world->store);
    struct ingest_options options = { .clock = &world->clock.clock,
        .rand = &world->rand.rand,
        .intake = &world->direct.intake,
        .vault = world->vault,
        .rate_per_s = rate_per_s };
    test_check(ingest_new(&options, &world->ingest, &world->why), &world->why);
}

UNUSED static void world_load(struct world *world, const char *text)
{
    struct source_file file = { STR("probe.yaml"), str_of(text) };
    struct diagnostics found;
    diagnostics_init(&found, &world->arena, STR(""));
    enum err result = ingest_load(world->ingest, &file, 1, &found, &world->why);
    print_diagnostics(&found);
    test_check(result, &world->why);
}

UNUSED static int world_make(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world_open(world, 0);
    world_load(world, world_source);
    *state = world;
    return 0;
}

UNUSED static int world_free(void **state)
{
    struct world *world = *state;
    ingest_free(world->ingest);
    vault_close(world->vault);
    store_close(world->store);
    arena_done(&world->arena);
    test_folder_remove(&world->folder);
    free(world);
    return 0;
}

struct sent {
    struct ingest_request request;
    unsigned answers;
    enum err result;
    struct err_info why;
};

UNUSED static void sent_accepted(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct sent *sent = request->context;
    sent->answers++;
    sent->result = result;
    if (why)
        sent->why = *why;
}

/* What is sent lives in the world's arena. */
UNUSED static struct sent *send_bytes(
    struct world *world, const char *source, const char *content_type, struct str body)
{
    struct sent *sent = ARENA_NEW(&world->arena, struct sent);
    assert_non_null(sent);
    sent->request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = str_of(source),
        .content_type = str_of(content_type),
        .body = body,
        .arena = &world->arena,
        .accepted = sent_accepted,
        .context = sent };
    ingest_receive(world->ingest, &sent->request);
    assert_int_equal(sent->answers, 1);
    return sent;
}

UNUSED static struct sent *send_text(
    struct world *world, const char *source, const char *content_type, const char *body)
{
    return send_bytes(world, source, content_type, str_of(body));
}

UNUSED static struct intake_event *send_one(struct world *world, const char *source, const char *body)
{
    struct sent *sent = send_text(world, source, "application/json", body);
    test_check(sent->result, &sent->why);
    assert_int_equal(sent->request.batch.event_count, 1);
    return &sent->request.batch.events[0];
}

/* A read inside a snapshot; the result lives in the world's arena. */
struct reading {
    struct world *world;
    enum err (*run)(struct reading *reading, struct store_conn *conn, struct err_info *why);
    int64_t tenant;
    struct id id;
    struct event_query query;
    struct value result;
    const char *sql;
    int64_t number;
};

UNUSED static enum err reading_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    return reading->run(reading, conn, why);
}

UNUSED static enum err world_read(struct world *world, struct reading *reading)
{
    reading->world = world;
    if (reading->tenant == 0)
        reading->tenant = TENANT_DEFAULT;
    return store_read_wait(world->store, reading_run, reading, &world->why);
}

UNUSED static enum err show_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    return event_show(conn, reading->tenant, reading->id, &reading->world->arena, &reading->result, why);
}
UNUSED static struct value show(struct world *world, struct id id)
{
    struct reading reading = { .run = show_run, .id = id };
    test_check(world_read(world, &reading), &world->why);
    return reading.result;
}

UNUSED static enum err alert_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    return alert_value(conn, reading->tenant, reading->id, &reading->world->arena, &reading->result, why);
}
UNUSED static struct value alert_of(struct world *world, struct id id)
{
    struct reading reading = { .run = alert_run, .id = id };
    test_check(world_read(world, &reading), &world->why);
    return reading.result;
}

UNUSED static enum err list_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    if (reading->query.tenant == 0)
        reading->query.tenant = TENANT_DEFAULT;
    return event_list(conn, &reading->query, &reading->world->arena, &reading->result, why);
}
UNUSED static struct value list_of(struct world *world, struct event_query query)
{
    struct reading reading = { .run = list_run, .query = query };
    test_check(world_read(world, &reading), &world->why);
    return reading.result;
}

UNUSED static enum err number_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open_text(&rows, conn, str_of(reading->sql), SQL_NO_ARGS, why));
    reading->number = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows, why);
}
UNUSED static int64_t number_of(struct world *world, const char *sql)
{
    struct reading reading = { .run = number_run, .sql = sql };
    test_check(world_read(world, &reading), &world->why);
    return reading.number;
}
UNUSED static int64_t events_stored(struct world *world)
{
    return number_of(world, "SELECT count(*) FROM ingest_events");
}

#endif
