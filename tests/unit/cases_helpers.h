/* A store with the tables of access and cases, and short ways to make alerts. */
#ifndef TOCSIN_TESTS_CASES_HELPERS_H
#define TOCSIN_TESTS_CASES_HELPERS_H

#include "access/migrations.h"
#include "base/json.h"
#include "base/timetext.h"
#include "cases/alert.h"
#include "cases/case.h"
#include "cases/migrations.h"
#include "store_helpers.h"

UNUSED static const struct store_migration *const cases_lists[] = { store_migrations, access_migrations,
    cases_migrations, NULL };

struct world {
    struct store *store;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct arena arena;
    struct err_info why;
    struct principal by;
};

UNUSED static int world_make(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    clock_manual_init(&world->clock, (struct instant){ INT64_C(1780000000) * US_PER_S });
    rand_seeded_init(&world->rand, 7);
    principal_init(&world->by, PRINCIPAL_USER, TENANT_DEFAULT, id_new(&world->clock.clock, &world->rand.rand),
        STR("ada"));
    world->store = test_store_open(NULL, NULL,
        (struct store_options){ .clock = &world->clock.clock, .migrations = cases_lists, .is_inline = true });
    *state = world;
    return 0;
}

UNUSED static int world_free(void **state)
{
    struct world *world = *state;
    store_close(world->store);
    arena_done(&world->arena);
    free(world);
    return 0;
}

/* A block of work inside one commit or read; GNU C's nested functions are not used: the context holds all. */
struct work {
    struct world *world;
    enum err (*run)(struct work *work, struct store_conn *conn, struct err_info *why);
    struct change change;
    struct alert_new arriving;
    struct alert_arrival arrival;
    struct id id, other;
    struct value fields, result;
    struct str text, word;
    struct alert_query alerts;
    struct case_query cases;
    uint64_t number;
};

UNUSED static enum err work_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct work *work = context;
    work->change.conn = conn;
    if (!work->change.by)
        work->change.by = &work->world->by;
    work->change.rand = &work->world->rand.rand;
    return work->run(work, conn, why);
}

/* One commit. */
UNUSED static enum err world_write(struct work *work)
{
    return store_write_wait(work->world->store, work_run, work, &work->world->why);
}

UNUSED static enum err world_read(struct work *work)
{
    return store_read_wait(work->world->store, work_run, work, &work->world->why);
}

UNUSED static struct value json(struct world *world, const char *text)
{
    struct value v;
    struct json_options options = { .copy_strings = true };
    test_check(json_parse(&world->arena, str_of(text), &options, &v, &world->why), &world->why);
    return v;
}

UNUSED static void assert_text(struct value v, const char *expected)
{
    assert_int_equal(v.type, VALUE_STRING);
    assert_int_equal(v.size, strlen(expected));
    assert_memory_equal(v.bytes, expected, v.size);
}

UNUSED static struct alert_new world_alert(struct world *world, const char *title, unsigned char fingerprint)
{
    char body[512];
    snprintf(body, sizeof(body),
        "{\"finding_info\":{\"title\":\"%s\"},\"observables\":[{\"type\":\"IP Address\",\"type_id\":2,"
        "\"value\":\"203.0.113.9\"}]}",
        title);
    struct alert_new alert = {
        .tenant = TENANT_DEFAULT,
        .id = id_new(&world->clock.clock, &world->rand.rand),
        .event_id = id_new(&world->clock.clock, &world->rand.rand),
        .source = STR("wazuh"),
        .fingerprint = { { fingerprint } },
        .window_us = US_PER_HOUR,
        .seen = clock_now(&world->clock.clock),
        .severity = SEVERITY_HIGH,
        .status = ALERT_NEW,
        .body = json(world, body),
        .tags = json(world, "[\"sshd\"]"),
    };
    return alert;
}

UNUSED static enum err arrive_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    TRY(alert_prepare(&work->arriving, &work->world->arena, why));
    return alert_arrive(conn, &work->arriving, &work->world->arena, &work->arrival, why);
}

UNUSED static struct alert_arrival world_arrive(struct world *world, const struct alert_new *alert)
{
    struct work work = { .world = world, .run = arrive_run, .arriving = *alert };
    test_check(world_write(&work), &world->why);
    return work.arrival;
}

UNUSED static enum err alert_value_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return alert_value(conn, work->change.by->tenant, work->id, &work->world->arena, &work->result, why);
}

UNUSED static struct value world_alert_value(struct world *world, struct id id)
{
    struct work work = { .world = world, .run = alert_value_run, .id = id };
    test_check(world_read(&work), &world->why);
    return work.result;
}

#endif
