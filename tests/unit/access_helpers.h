/* A store in memory with the tables of access, a clock that stands still, chance from a seed. */
#ifndef TOCSIN_TESTS_ACCESS_HELPERS_H
#define TOCSIN_TESTS_ACCESS_HELPERS_H

#include "access/audit.h"
#include "access/migrations.h"
#include "access/principal.h"
#include "access/vault.h"
#include "store_helpers.h"

struct access_fixture {
    struct test_folder folder;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct store *store;
    struct vault *vault;
    struct principal admin;
    struct arena arena;
    struct err_info why;
};

static const struct store_migration *const access_lists[] = { store_migrations, access_migrations, NULL };

UNUSED static void access_open(struct access_fixture *fixture, const char *name, bool is_inline)
{
    struct store_options options = {
        .clock = &fixture->clock.clock, .migrations = access_lists, .is_inline = is_inline
    };
    fixture->store = test_store_open(&fixture->folder, name, options);
    struct vault_options vault = {
        .store = fixture->store,
        .rand = &fixture->rand.rand,
        .key_file = str_of(name ? test_path(&fixture->folder, "master.key") : ""),
    };
    test_check(vault_open(&vault, &fixture->vault, &fixture->why), &fixture->why);
}

UNUSED static void access_close(struct access_fixture *fixture)
{
    vault_close(fixture->vault);
    store_close(fixture->store);
    fixture->vault = NULL;
    fixture->store = NULL;
}

/* The store keeps the clock's address: a fixture stays where it is. */
UNUSED static void access_init(struct access_fixture *fixture, const char *name, bool is_inline)
{
    test_folder_make(&fixture->folder);
    clock_manual_init(&fixture->clock, (struct instant){ 1700000000 * US_PER_S });
    rand_seeded_init(&fixture->rand, 7);
    fixture->admin = principal_system(TENANT_DEFAULT);
    access_open(fixture, name, is_inline);
}

UNUSED static int access_setup_at(void **state, const char *name, bool is_inline)
{
    struct access_fixture *fixture = calloc(1, sizeof(*fixture));
    access_init(fixture, name, is_inline);
    *state = fixture;
    return 0;
}

UNUSED static int access_setup(void **state)
{
    return access_setup_at(state, NULL, true);
}
UNUSED static int access_setup_file(void **state)
{
    return access_setup_at(state, "store.db", true);
}
UNUSED static int access_setup_threads(void **state)
{
    return access_setup_at(state, "store.db", false);
}

UNUSED static int access_teardown(void **state)
{
    struct access_fixture *fixture = *state;
    access_close(fixture);
    arena_done(&fixture->arena);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

UNUSED static enum err access_write(struct access_fixture *fixture, store_work *work, void *context)
{
    fixture->why = (struct err_info){ 0 };
    return store_write_wait(fixture->store, work, context, &fixture->why);
}

/* Runs statements written by hand, as somebody with the file would. */
UNUSED static enum err tamper_work(void *context, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open_text(&rows, conn, str_of(context), SQL_NO_ARGS, why));
    while (rows_next(&rows))
        ;
    return rows_end(&rows, why);
}

UNUSED static void tamper(struct access_fixture *fixture, const char *statement)
{
    char *copy = strdup(statement);
    test_check(access_write(fixture, tamper_work, copy), &fixture->why);
    free(copy);
}

UNUSED static enum err verify_work(void *context, struct store_conn *conn, struct err_info *why)
{
    return audit_verify(conn, NULL, TENANT_DEFAULT, context, why);
}

UNUSED static struct audit_check verify(struct access_fixture *fixture)
{
    struct audit_check check = { 0 };
    test_check(store_read_wait(fixture->store, verify_work, &check, &fixture->why), &fixture->why);
    return check;
}

#endif
