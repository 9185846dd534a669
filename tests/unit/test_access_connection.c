#include <pthread.h>
#include <stdatomic.h>

#include "access/connection.h"
#include "access_helpers.h"
#include "base/json.h"

struct fixture {
    struct access_fixture access; /* first: the helpers cast */
    struct connections *connections;
};

static int setup_at(void **state, const char *name, bool is_inline)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct access_fixture *access = &fixture->access;
    access_init(access, name, is_inline);
    test_check(connections_open(access->store, &access->rand.rand, &fixture->connections, &access->why),
        &access->why);
    *state = fixture;
    return 0;
}

static int setup_memory(void **state)
{
    return setup_at(state, NULL, true);
}
static int setup_file(void **state)
{
    return setup_at(state, "store.db", true);
}
static int setup_threads(void **state)
{
    return setup_at(state, "store.db", false);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct connections *connections = fixture->connections;
    access_close(&fixture->access);
    connections_close(connections);
    return access_teardown(state);
}

struct put {
    struct fixture *fixture;
    struct connection_spec spec;
    struct connection_made made;
    bool fails_after;
    int64_t tenant;
};

static enum err put_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct put *put = context;
    struct principal by = principal_system(put->tenant);
    TRY(connection_put(put->fixture->connections, conn, &by, &put->spec, &put->made, why));
    return put->fails_after ? err_set(why, ERR_CANCELLED, "told to fail") : ERR_OK;
}

static enum err delete_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct put *put = context;
    struct principal by = principal_system(put->tenant);
    return connection_delete(put->fixture->connections, conn, &by, put->spec.name, why);
}

static const struct str secret_fields[] = { STR_INIT("api_key"), STR_INIT("auth.password") };

static struct put new_connection(
    struct fixture *fixture, const char *name, const char *connector, const char *settings)
{
    struct put put = { .fixture = fixture, .tenant = 1 };
    struct json_options options = { .copy_strings = true };
    put.spec = (struct connection_spec){
        .name = str_of(name),
        .connector = str_of(connector),
        .is_enabled = true,
        .secret_fields = secret_fields,
        .secret_field_count = 2,
    };
    struct access_fixture *access = &fixture->access;
    test_check(json_parse(&access->arena, str_of(settings), &options, &put.spec.settings, &access->why),
        &access->why);
    return put;
}

static void put_or_fail(struct fixture *fixture, struct put *put)
{
    test_check(access_write(&fixture->access, put_work, put), &fixture->access.why);
}

static void connection_is_read_as_it_was_put(void **state)
{
    struct fixture *fixture = *state;
    struct put put = new_connection(fixture, "abuse", "abuseipdb",
        "{\"api_key\":\"${secret:abuse.key}\",\"days\":30,\"tags\":[\"a\",\"b\"],\"auth\":{\"password\":null}"
        "}");
    put.spec.origin = STR("https://api.abuseipdb.com");
    put_or_fail(fixture, &put);
    assert_int_equal(put.made.revision, 1);
    AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(fixture->connections);
    assert_int_equal(connection_count(snapshot), 1);
    const struct connection *found = connection_find(snapshot, 1, STR("abuse"));
    assert_non_null(found);
    assert_true(id_equal(found->id, put.made.id));
    assert_true(str_equal(found->connector, STR("abuseipdb")));
    assert_true(str_equal(found->origin, STR("https://api.abuseipdb.com")));
    assert_true(value_equal(found->settings, put.spec.settings));
    assert_true(str_equal(found->updated_by, STR("system")));
    struct str name;
    assert_true(connection_secret_reference(value_get(found->settings, STR("api_key")), &name));
    assert_true(str_equal(name, STR("abuse.key")));
    assert_null(connection_find(snapshot, 2, STR("abuse")));
    assert_null(connection_find(snapshot, 1, STR("abus")));
    assert_ptr_equal(connection_at(snapshot, 0), found);
    assert_null(connection_at(snapshot, 1));
}

static void snapshot_stays_as_it_was_while_held(void **state)
{
    struct fixture *fixture = *state;
    struct put put = new_connection(fixture, "jira", "jira", "{\"url\":\"old\"}");
    put_or_fail(fixture, &put);
    uint64_t version = connections_version(fixture->connections);
    struct connection_snapshot *old = connections_get(fixture->connections);
    const struct connection *before = connection_find(old, 1, STR("jira"));
    struct put change = new_connection(fixture, "jira", "jira", "{\"url\":\"new\"}");
    put_or_fail(fixture, &change);
    assert_int_equal(change.made.revision, 2);
    assert_true(id_equal(change.made.id, put.made.id));
    assert_true(connections_version(fixture->connections) > version);
    assert_true(value_is_text(value_get(before->settings, STR("url")), STR("old")));
    struct connection_snapshot *fresh = connections_get(fixture->connections);
    assert_true(
        value_is_text(value_get(connection_find(fresh, 1, STR("jira"))->settings, STR("url")), STR("new")));
    connection_snapshot_release(old);
    connection_snapshot_release(fresh);
}

static void undone_change_is_not_seen(void **state)
{
    struct fixture *fixture = *state;
    struct put put = new_connection(fixture, "jira", "jira", "{}");
    put.fails_after = true;
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_CANCELLED);
    AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(fixture->connections);
    assert_int_equal(connection_count(snapshot), 0);
    assert_int_equal(verify(&fixture->access).rows, 0);
}

static void default_is_the_marked_or_the_only_one(void **state)
{
    struct fixture *fixture = *state;
    struct put a = new_connection(fixture, "a", "jira", "{}"), b = new_connection(fixture, "b", "jira", "{}");
    put_or_fail(fixture, &a);
    struct connection_snapshot *snapshot = connections_get(fixture->connections);
    assert_ptr_equal(
        connection_find_default(snapshot, 1, STR("jira")), connection_find(snapshot, 1, STR("a")));
    assert_null(connection_find_default(snapshot, 1, STR("slack")));
    assert_null(connection_find_default(snapshot, 2, STR("jira")));
    connection_snapshot_release(snapshot);
    put_or_fail(fixture, &b);
    snapshot = connections_get(fixture->connections);
    assert_null(connection_find_default(snapshot, 1, STR("jira"))); /* not clear which */
    connection_snapshot_release(snapshot);
    a.spec.is_default = true;
    put_or_fail(fixture, &a);
    b.spec.is_default = true;
    put_or_fail(fixture, &b);
    snapshot = connections_get(fixture->connections);
    assert_ptr_equal(
        connection_find_default(snapshot, 1, STR("jira")), connection_find(snapshot, 1, STR("b")));
    assert_false(connection_find(snapshot, 1, STR("a"))->is_default);
    connection_snapshot_release(snapshot);
    b.spec.is_enabled = false;
    put_or_fail(fixture, &b);
    snapshot = connections_get(fixture->connections);
    assert_ptr_equal(
        connection_find_default(snapshot, 1, STR("jira")), connection_find(snapshot, 1, STR("a")));
    connection_snapshot_release(snapshot);
}

static void change_of_something_read_earlier_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct put put = new_connection(fixture, "jira", "jira", "{}");
    put.spec.if_revision = 1;
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_CONFLICT);
    put.spec.if_revision = 0;
    put_or_fail(fixture, &put);
    put.spec.if_revision = 1;
    put_or_fail(fixture, &put);
    assert_int_equal(put.made.revision, 2);
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_CONFLICT);
}

static void what_a_connection_is_made_of_is_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const origins[] = { "https://", "http://", "ftp://x", "x", "https://a/b",
        "https://a b", "https://a\177", "https://a@b" };
    char longest[CONNECTION_NAME_BYTES_MAX + 2];
    struct put put = new_connection(fixture, "x", "", "{}");
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
    assert_string_equal(fixture->access.why.name, "connection_connector");
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    put.spec.connector = str_of(longest);
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
    put.spec.connector = STR("x");
    put.spec.settings = value_int(1);
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
    assert_string_equal(fixture->access.why.name, "connection_settings");
    struct value_entry entry = { .key = value_int(1), .value = value_int(1) };
    struct value_map_builder map;
    value_map_begin(&map, &fixture->access.arena);
    test_check(value_map_add(&map, entry.key, entry.value, &fixture->access.why), &fixture->access.why);
    put.spec.settings = value_map_end(&map);
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
    assert_string_equal(fixture->access.why.name, "connection_settings");
    put.spec.settings = value_null();
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        put.spec.origin = str_of(origins[i]);
        assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "connection_origin");
    }
    char host[8 + 263 + 1] = "https://";
    memset(host + 8, 'a', 263);
    put.spec.origin = str_of(host);
    assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
    put.spec.origin = STR("http://intranet:8080");
    put_or_fail(fixture, &put);
}

static void secrets_stand_only_where_they_are_declared(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "{\"api_key\":\"plain\"}",
        "{\"api_key\":7}",
        "{\"api_key\":{\"x\":\"${secret:a}\"}}",
        "{\"api_key\":\"Bearer ${secret:a}\"}",
        "{\"api_key\":\"${secret:}\"}",
        "{\"api_key\":\"${secret:a b}\"}",
        "{\"api_key\":\"${secret:a\"}",
        "{\"api_key\":\"${secret:a}}\"}",
        "{\"auth\":{\"password\":\"plain\"}}",
        "{\"auth\":{\"password\":{\"x\":\"plain\"}}}",
        "{\"api_key\":[\"plain\"]}",
        "{\"auth.password\":\"${secret:a}\"}",
        "{\"password\":\"${secret:a}\"}",
        "{\"x\":{\"auth\":{\"password\":\"${secret:a}\"}}}",
        "{\"url\":\"https://x/${secret:a}\"}",
        "{\"url\":\"${secret:a}\"}",
        "{\"headers\":[\"${secret:a}\"]}",
        "{\"deep\":{\"api_key\":\"${secret:a}\"}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct put put = new_connection(fixture, "x", "x", bad[i]);
        if (access_write(&fixture->access, put_work, &put) != ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_string_equal(fixture->access.why.name, "connection_secret");
        assert_non_null(strstr(fixture->access.why.text, "settings."));
    }
    struct value_entry sealed[] = { { value_string(STR("url")), { .type = VALUE_SECRET } },
        { value_string(STR("api_key")), { .type = VALUE_SECRET } } };
    for (size_t i = 0; i < 2; i++) {
        struct put put = new_connection(fixture, "x", "x", "{}");
        struct value_map_builder map;
        value_map_begin(&map, &fixture->access.arena);
        assert_int_equal(value_map_add(&map, sealed[i].key, sealed[i].value, NULL), ERR_OK);
        put.spec.settings = value_map_end(&map);
        assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "connection_secret");
    }
    struct put good = new_connection(
        fixture, "x", "x", "{\"auth\":{\"password\":\"${secret:p-1}\"},\"url\":\"$x {secret:\"}");
    put_or_fail(fixture, &good);
}

static void bad_specs_are_told(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "", "Upper", "a b", "../x", "-x" };
    static const char *const origins[] = { "api.example.org", "ftp://x", "https://", "https://a/b",
        "https://u@h", "https://a b", "https://h?x" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct put put = new_connection(fixture, names[i], "x", "{}");
        assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "connection_name");
    }
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        struct put put = new_connection(fixture, "x", "x", "{}");
        put.spec.origin = str_of(origins[i]);
        assert_int_equal(access_write(&fixture->access, put_work, &put), ERR_INVALID);
        assert_string_equal(fixture->access.why.name, "connection_origin");
    }
    struct put list = new_connection(fixture, "x", "x", "[]");
    assert_int_equal(access_write(&fixture->access, put_work, &list), ERR_INVALID);
    struct put deep = new_connection(
        fixture, "x", "x", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}");
    assert_int_equal(access_write(&fixture->access, put_work, &deep), ERR_INVALID);
    char *large = malloc(70000);
    snprintf(large, 70000, "{\"a\":\"%069990d\"}", 7);
    struct put heavy = new_connection(fixture, "x", "x", "{}");
    heavy.spec.settings = value_string((struct str){ large, 69000 });
    assert_int_equal(access_write(&fixture->access, put_work, &heavy), ERR_INVALID);
    struct value_map_builder map = { 0 };
    value_map_begin(&map, &fixture->access.arena);
    assert_int_equal(value_map_set(&map, "a", value_string((struct str){ large, 69000 }), NULL), ERR_OK);
    heavy.spec.settings = value_map_end(&map);
    assert_int_equal(access_write(&fixture->access, put_work, &heavy), ERR_LIMIT);
    free(large);
}

static void deleted_connection_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct put put = new_connection(fixture, "jira", "jira", "{}");
    put_or_fail(fixture, &put);
    test_check(access_write(&fixture->access, delete_work, &put), &fixture->access.why);
    AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(fixture->connections);
    assert_null(connection_find(snapshot, 1, STR("jira")));
    assert_int_equal(access_write(&fixture->access, delete_work, &put), ERR_NOT_FOUND);
    struct audit_check check = verify(&fixture->access);
    assert_true(check.is_good);
    assert_int_equal(check.rows, 2);
}

static void connections_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", (i * 7) % 40);
        struct put put = new_connection(fixture, name, "jira", "{\"url\":\"https://x\"}");
        put.tenant = 1 + i % 2;
        put_or_fail(fixture, &put);
    }
    access_close(&fixture->access);
    connections_close(fixture->connections);
    access_open(&fixture->access, "store.db", true);
    test_check(connections_open(fixture->access.store, &fixture->access.rand.rand, &fixture->connections,
                   &fixture->access.why),
        &fixture->access.why);
    AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(fixture->connections);
    assert_int_equal(connection_count(snapshot), 40);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", (i * 7) % 40);
        assert_non_null(connection_find(snapshot, 1 + i % 2, str_of(name)));
        assert_null(connection_find(snapshot, 2 - i % 2, str_of(name)));
    }
}

/* ---- threads ---- */

struct reader {
    struct connections *connections;
    atomic_bool *is_over;
};

static void *reader_main(void *context)
{
    struct reader *reader = context;
    while (!atomic_load(reader->is_over)) {
        AUTO(connection_snapshot) struct connection_snapshot *snapshot = connections_get(reader->connections);
        const struct connection *found = connection_find(snapshot, 1, STR("jira"));
        if (!found || !value_is(value_get(found->settings, STR("url")), VALUE_STRING))
            return context;
    }
    return NULL;
}

static void snapshots_are_read_while_they_change(void **state)
{
    struct fixture *fixture = *state;
    atomic_bool is_over = false;
    struct reader reader = { fixture->connections, &is_over };
    pthread_t threads[2];
    struct put put = new_connection(fixture, "jira", "jira", "{\"url\":\"x\"}");
    put_or_fail(fixture, &put);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, reader_main, &reader);
    for (int i = 0; i < 50; i++)
        put_or_fail(fixture, &put);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, setup_memory, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(connection_is_read_as_it_was_put),
        IN_MEMORY(snapshot_stays_as_it_was_while_held),
        IN_MEMORY(undone_change_is_not_seen),
        IN_MEMORY(default_is_the_marked_or_the_only_one),
        IN_MEMORY(change_of_something_read_earlier_is_refused),
        IN_MEMORY(what_a_connection_is_made_of_is_checked),
        IN_MEMORY(secrets_stand_only_where_they_are_declared),
        IN_MEMORY(bad_specs_are_told),
        IN_MEMORY(deleted_connection_is_gone),
        cmocka_unit_test_setup_teardown(connections_survive_a_restart, setup_file, teardown),
        cmocka_unit_test_setup_teardown(snapshots_are_read_while_they_change, setup_threads, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
