#include "access/connection.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "access/audit.h"
#include "access/connection_impl.h"
#include "base/pack.h"

static const struct sql connections_all = { "SELECT tenant, name, id, connector, settings, origin, "
                                            "is_default, is_enabled, revision, created, updated,"
                                            " updated_by FROM access_connections ORDER BY tenant, name",
    NULL };
static const struct sql connections_total = { "SELECT count(*) FROM access_connections", NULL };
static const struct sql connection_row = {
    "SELECT tenant, name, id, connector, settings, origin, is_default, is_enabled, revision, created, "
    "updated,"
    " updated_by FROM access_connections WHERE tenant = $1 AND name = $2",
    NULL
};
static const struct sql connection_upsert = {
    "INSERT INTO access_connections (tenant, name, id, connector, settings, origin, is_default, is_enabled, "
    "revision,"
    " created, updated, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    " ON CONFLICT (tenant, name) DO UPDATE SET connector = excluded.connector, settings = excluded.settings,"
    " origin = excluded.origin, is_default = excluded.is_default, is_enabled = excluded.is_enabled,"
    " revision = excluded.revision, updated = excluded.updated, updated_by = excluded.updated_by",
    NULL
};
static const struct sql connection_unmark = {
    "UPDATE access_connections SET is_default = 0, revision = revision + 1"
    " WHERE tenant = $1 AND connector = $2 AND name <> $3 AND is_default = 1",
    NULL
};
static const struct sql connection_remove = {
    "DELETE FROM access_connections WHERE tenant = $1 AND name = $2", NULL
};

struct connection_snapshot {
    atomic_uint holders;
    struct arena arena;
    struct connection *items; /* by tenant, then name */
    size_t count;
};

struct connections {
    struct rand *rand;
    pthread_mutex_t mutex; /* guards the two below */
    struct connection_snapshot *now;
    uint64_t version;
};

static void lock(struct connections *connections)
{
    int failed = pthread_mutex_lock(&connections->mutex);
    assert(!failed);
    (void)failed;
}

static void unlock(struct connections *connections)
{
    int failed = pthread_mutex_unlock(&connections->mutex);
    assert(!failed);
    (void)failed;
}

/* ---- snapshots ---- */

static enum err read_row(struct rows *rows, struct arena *arena, struct connection *ret, struct err_info *why)
{
    *ret = (struct connection){
        .tenant = rows_int(rows, 0),
        .id = rows_id(rows, 2),
        .is_default = rows_int(rows, 6) != 0,
        .is_enabled = rows_int(rows, 7) != 0,
        .revision = (uint64_t)rows_int(rows, 8),
        .created = rows_instant(rows, 9),
        .updated = rows_instant(rows, 10),
    };
    TRY(arena_str(arena, rows_bytes(rows, 1), &ret->name, why));
    TRY(arena_str(arena, rows_bytes(rows, 3), &ret->connector, why));
    TRY(arena_str(arena, rows_bytes(rows, 5), &ret->origin, why));
    TRY(arena_str(arena, rows_bytes(rows, 11), &ret->updated_by, why));
    return unpack_value(arena, rows_bytes(rows, 4), true, &ret->settings, why);
}

static enum err count_rows(struct store_conn *conn, size_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &connections_total, SQL_NO_ARGS, why));
    size_t count = rows_next(&rows) ? (size_t)rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    *ret = count;
    return ERR_OK;
}

static enum err fill(struct connection_snapshot *snapshot, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    size_t room = 0;
    TRY(count_rows(conn, &room, why));
    snapshot->items = ARENA_ARRAY(&snapshot->arena, room + 1, struct connection);
    if (!snapshot->items)
        return err_memory(why);
    TRY(rows_open(&rows, conn, &connections_all, SQL_NO_ARGS, why));
    while (snapshot->count < room && rows_next(&rows)) {
        TRY(read_row(&rows, &snapshot->arena, &snapshot->items[snapshot->count], why));
        snapshot->count++;
    }
    return rows_end(&rows, why);
}

static enum err snapshot_read(struct store_conn *conn, struct connection_snapshot **ret, struct err_info *why)
{
    struct connection_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return err_memory(why);
    atomic_init(&snapshot->holders, 1);
    enum err result = fill(snapshot, conn, why);
    if (result != ERR_OK) {
        connection_snapshot_release(snapshot);
        return result;
    }
    *ret = snapshot;
    return ERR_OK;
}

void connection_snapshot_release(struct connection_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->holders, 1) != 1)
        return;
    arena_done(&snapshot->arena);
    free(snapshot);
}

void connection_snapshot_cleanup(struct connection_snapshot **snapshot)
{
    connection_snapshot_release(*snapshot);
}

struct connection_snapshot *connections_get(struct connections *connections)
{
    lock(connections);
    struct connection_snapshot *snapshot = connections->now;
    atomic_fetch_add(&snapshot->holders, 1);
    unlock(connections);
    return snapshot;
}

uint64_t connections_version(struct connections *connections)
{
    lock(connections);
    uint64_t version = connections->version;
    unlock(connections);
    return version;
}

const struct connection *connection_find(
    const struct connection_snapshot *snapshot, int64_t tenant, struct str name)
{
    size_t from = 0, to = snapshot->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct connection *at = &snapshot->items[middle];
        int order = at->tenant != tenant ? (at->tenant < tenant ? -1 : 1) : str_compare(at->name, name);
        if (order == 0)
            return at;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

const struct connection *connection_find_default(
    const struct connection_snapshot *snapshot, int64_t tenant, struct str connector)
{
    const struct connection *only = NULL;
    unsigned count = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct connection *at = &snapshot->items[i];
        if (at->tenant != tenant || !at->is_enabled || !str_equal(at->connector, connector))
            continue;
        if (at->is_default)
            return at;
        only = at;
        count++;
    }
    return count == 1 ? only : NULL;
}

const struct connection *connection_at(const struct connection_snapshot *snapshot, size_t index)
{
    return index < snapshot->count ? &snapshot->items[index] : NULL;
}

size_t connection_count(const struct connection_snapshot *snapshot)
{
    return snapshot->count;
}

/* ---- open ---- */

static enum err load(void *context, struct store_conn *conn, struct err_info *why)
{
    struct connections *connections = context;
    return snapshot_read(conn, &connections->now, why);
}

enum err connections_open(
    struct store *store, struct rand *rand, struct connections **ret, struct err_info *why)
{
    struct connections *connections = calloc(1, sizeof(*connections));
    if (!connections)
        return err_memory(why);
    connections->rand = rand;
    if (pthread_mutex_init(&connections->mutex, NULL)) {
        free(connections);
        return err_memory(why);
    }
    enum err result = store_read_wait(store, load, connections, why);
    if (result != ERR_OK) {
        connections_close(connections);
        return result;
    }
    *ret = connections;
    return ERR_OK;
}

void connections_close(struct connections *connections)
{
    if (!connections)
        return;
    connection_snapshot_release(connections->now);
    (void)pthread_mutex_destroy(&connections->mutex); /* unused now */
    free(connections);
}

/* ---- change ---- */

struct connections_hook {
    struct store_hook hook;
    struct connections *connections;
    struct connection_snapshot *snapshot;
};

static void connections_hook_run(struct store_hook *hook, bool is_committed)
{
    struct connections_hook *change = (struct connections_hook *)(void *)hook;
    struct connection_snapshot *old = change->snapshot;
    if (is_committed) {
        lock(change->connections);
        old = change->connections->now;
        change->connections->now = change->snapshot;
        change->connections->version++;
        unlock(change->connections);
    }
    connection_snapshot_release(old);
    free(change);
}

/* The snapshot is read inside the transaction, so it holds what earlier operations of the same commit did. */
static enum err publish(struct connections *connections, struct store_conn *conn, struct err_info *why)
{
    struct connections_hook *change = calloc(1, sizeof(*change));
    if (!change)
        return err_memory(why);
    *change = (struct connections_hook){ { .run = connections_hook_run }, connections, NULL };
    enum err result = snapshot_read(conn, &change->snapshot, why);
    if (result != ERR_OK) {
        free(change);
        return result;
    }
    store_add_hook(conn, &change->hook);
    return ERR_OK;
}

/* The connection of this name as it stands; `name` empty when there is none. */
static enum err find_row(struct store_conn *conn, int64_t tenant, struct str name, struct arena *arena,
    struct connection *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    *ret = (struct connection){ 0 };
    TRY(rows_open(&rows, conn, &connection_row, SQL_ARGS(arg_int(tenant), arg_text(name)), why));
    if (rows_next(&rows))
        TRY(read_row(&rows, arena, ret, why));
    return rows_end(&rows, why);
}

static bool is_there(const struct connection *connection)
{
    return connection->name.size > 0;
}

/* How a connection stands in the audit chain; secrets stand in it as references only. */
static enum err describe(
    struct arena *arena, const struct connection *connection, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "connector", value_string(connection->connector), why));
    TRY(value_map_set(&map, "settings", connection->settings, why));
    TRY(value_map_set(&map, "origin", value_string(connection->origin), why));
    TRY(value_map_set(&map, "default", value_bool(connection->is_default), why));
    TRY(value_map_set(&map, "enabled", value_bool(connection->is_enabled), why));
    TRY(value_map_set(&map, "revision", value_uint(connection->revision), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* One that is not there before was created, one that is not there after was deleted. */
static enum err audit_change(struct store_conn *conn, const struct principal *by, struct arena *arena,
    const struct connection *before, const struct connection *after, struct err_info *why)
{
    struct audit_entry entry = {
        .by = by,
        .action = STR("connection.update"),
        .object_kind = STR("connection"),
        .object = is_there(after) ? after->name : before->name,
    };
    if (is_there(before))
        TRY(describe(arena, before, &entry.before, why));
    else
        entry.action = STR("connection.create");
    if (is_there(after))
        TRY(describe(arena, after, &entry.after, why));
    else
        entry.action = STR("connection.delete");
    return audit_append(conn, &entry, NULL, why);
}

static enum err check_revision(
    const struct connection_spec *spec, const struct connection *old, struct err_info *why)
{
    if (spec->if_revision == 0 || old->revision == spec->if_revision)
        return ERR_OK;
    return err_named(why, ERR_CONFLICT, "connection_revision",
        "the connection \"%.*s\" has changed since it was read (revision %llu): read it again",
        STR_ARG(spec->name), (unsigned long long)old->revision);
}

static enum err write_row(struct store_conn *conn, const struct connection *connection, struct err_info *why)
{
    AUTO(buf) struct buf settings = { 0 };
    pack_value(&settings, connection->settings);
    TRY(buf_check(&settings, why));
    if (settings.size > CONNECTION_SETTINGS_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "CONNECTION_SETTINGS_BYTES_MAX",
            "the settings of a connection hold at most %llu bytes, these have %zu",
            (unsigned long long)CONNECTION_SETTINGS_BYTES_MAX, settings.size);
    return sql_run(conn, &connection_upsert,
        SQL_ARGS(arg_int(connection->tenant), arg_text(connection->name), arg_id(&connection->id),
            arg_text(connection->connector), arg_bytes(buf_str(&settings)), arg_text(connection->origin),
            arg_int(connection->is_default), arg_int(connection->is_enabled),
            arg_int((int64_t)connection->revision), arg_instant(connection->created),
            arg_instant(connection->updated), arg_text(connection->updated_by)),
        NULL, why);
}

static struct connection next_revision(const struct connection_spec *spec, const struct connection *old,
    const struct principal *by, struct instant now)
{
    return (struct connection){
        .tenant = by->tenant,
        .id = old->id,
        .name = spec->name,
        .connector = spec->connector,
        .settings = spec->settings,
        .origin = spec->origin,
        .is_default = spec->is_default,
        .is_enabled = spec->is_enabled,
        .revision = old->revision + 1,
        .created = is_there(old) ? old->created : now,
        .updated = now,
        .updated_by = principal_name(by),
    };
}

enum err connection_put(struct connections *connections, struct store_conn *conn, const struct principal *by,
    const struct connection_spec *spec, struct connection_made *ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct connection old;
    TRY(connection_spec_check(spec, why));
    TRY(find_row(conn, by->tenant, spec->name, &arena, &old, why));
    TRY(check_revision(spec, &old, why));
    struct connection fresh = next_revision(spec, &old, by, store_commit_time(conn));
    if (!is_there(&old))
        fresh.id = id_new(store_clock(conn), connections->rand);
    TRY(write_row(conn, &fresh, why));
    if (fresh.is_default)
        TRY(sql_run(conn, &connection_unmark,
            SQL_ARGS(arg_int(by->tenant), arg_text(spec->connector), arg_text(spec->name)), NULL, why));
    TRY(audit_change(conn, by, &arena, &old, &fresh, why));
    TRY(publish(connections, conn, why));
    *ret = (struct connection_made){ fresh.id, fresh.revision };
    return ERR_OK;
}

enum err connection_delete(struct connections *connections, struct store_conn *conn,
    const struct principal *by, struct str name, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct connection old, none = { 0 };
    TRY(find_row(conn, by->tenant, name, &arena, &old, why));
    if (!is_there(&old))
        return err_named(why, ERR_NOT_FOUND, "connection", "there is no connection \"%.*s\"", STR_ARG(name));
    TRY(sql_run(conn, &connection_remove, SQL_ARGS(arg_int(by->tenant), arg_text(name)), NULL, why));
    TRY(audit_change(conn, by, &arena, &old, &none, why));
    return publish(connections, conn, why);
}
