/* Connections: configured instances of connectors. What they are lives in the store; what shards read is
 * an immutable snapshot in memory, swapped whole when a change is durable.
 *
 * A setting names a secret as "${secret:NAME}", alone and whole, and only in a field that the connector
 * declares secret; such a field holds nothing else. So a secret can never be put where it would be
 * printed, and a list of connections shows no content. */
#ifndef TOCSIN_ACCESS_CONNECTION_H
#define TOCSIN_ACCESS_CONNECTION_H

#include "access/principal.h"
#include "base/value.h"
#include "store/store.h"

struct connections;
struct connection_snapshot;

struct connection {
    int64_t tenant;
    struct id id;
    struct str name; /* unique in its tenant */
    struct str connector;
    struct value settings; /* a map; secret fields hold their reference as text */
    struct str origin; /* "https://host[:port]" where its secrets may go; empty: the connector's own */
    bool is_default; /* taken when a step names no connection of this connector */
    bool is_enabled;
    uint64_t revision; /* from 1; one more with each change: what connect keys its caches by */
    struct instant created, updated;
    struct str updated_by;
};

/* Boot, blocking. */
FALLIBLE connections_open(
    struct store *store, struct rand *rand, struct connections **ret, struct err_info *why);
/* Snapshots that are still held stay good. */
void connections_close(struct connections *connections);

/* The snapshot of now; held until released. Any thread. */
struct connection_snapshot *connections_get(struct connections *connections);
void connection_snapshot_release(struct connection_snapshot *snapshot);
void connection_snapshot_cleanup(struct connection_snapshot **snapshot);
/* Increases with each change. */
uint64_t connections_version(struct connections *connections);

/* All borrowed from the snapshot. */
const struct connection *connection_find(
    const struct connection_snapshot *snapshot, int64_t tenant, struct str name);
/* The one for steps that name none: the connector's default, or its only one that is enabled; NULL when
 * there is none or it is not clear. */
const struct connection *connection_find_default(
    const struct connection_snapshot *snapshot, int64_t tenant, struct str connector);
/* By tenant, then name. */
const struct connection *connection_at(const struct connection_snapshot *snapshot, size_t index);
size_t connection_count(const struct connection_snapshot *snapshot);

/* The NAME of a text that is exactly "${secret:NAME}". */
bool connection_secret_reference(struct value setting, struct str *ret_name);

struct connection_spec {
    struct str name; /* [a-z0-9][a-z0-9._-]*, at most CONNECTION_NAME_BYTES_MAX */
    struct str connector;
    struct value settings; /* map or null; at most CONNECTION_SETTINGS_BYTES_MAX as packed bytes */
    struct str origin;
    bool is_default;
    bool is_enabled;
    const struct str *secret_fields; /* dotted paths that the connector declares secret */
    size_t secret_field_count;
    uint64_t if_revision; /* not 0: ERR_CONFLICT unless this is the revision that stands */
};
struct connection_made {
    struct id id;
    uint64_t revision;
};
/* Inside apply, with its audit row: new, or in place of the one of this name. ERR_INVALID names the
 * field. A new default takes the mark from the old one. */
FALLIBLE connection_put(struct connections *connections, struct store_conn *conn, const struct principal *by,
    const struct connection_spec *spec, struct connection_made *ret, struct err_info *why);
/* ERR_NOT_FOUND. */
FALLIBLE connection_delete(struct connections *connections, struct store_conn *conn,
    const struct principal *by, struct str name, struct err_info *why);

#endif
