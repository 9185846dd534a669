#include "access/migrations.h"

const struct store_migration access_migrations[] = {
    { .module = "access",
        .number = 1,
        .name = "tokens, secrets, connections, audit",
        .sqlite =
            "CREATE TABLE access_tokens (tenant INTEGER NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL,"
            " name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
            " last_used INTEGER NOT NULL, revoked INTEGER NOT NULL, created_by TEXT NOT NULL,"
            " PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;"
            "CREATE UNIQUE INDEX access_tokens_by_hash ON access_tokens (hash);"
            "CREATE TABLE access_setup (one INTEGER PRIMARY KEY CHECK (one = 1), hash BLOB NOT NULL,"
            " created INTEGER NOT NULL, expires INTEGER NOT NULL, finished INTEGER NOT NULL) STRICT;"
            "CREATE TABLE access_keys (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;"
            "CREATE TABLE access_secrets (tenant INTEGER NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL,"
            " last_four TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
            " PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID;"
            "CREATE TABLE access_connections (tenant INTEGER NOT NULL, name TEXT NOT NULL, id BLOB NOT NULL,"
            " connector TEXT NOT NULL, settings BLOB NOT NULL, origin TEXT NOT NULL, is_default INTEGER NOT "
            "NULL,"
            " is_enabled INTEGER NOT NULL, revision INTEGER NOT NULL, created INTEGER NOT NULL,"
            " updated INTEGER NOT NULL, updated_by TEXT NOT NULL, PRIMARY KEY (tenant, name)) STRICT, "
            "WITHOUT ROWID;"
            "CREATE TABLE access_audit (tenant INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
            " actor_kind TEXT NOT NULL, actor BLOB NOT NULL, actor_name BLOB NOT NULL, action TEXT NOT NULL,"
            " object_kind TEXT NOT NULL, object BLOB NOT NULL, before BLOB, after BLOB, reason BLOB, remote "
            "BLOB,"
            " hash BLOB NOT NULL, PRIMARY KEY (tenant, seq)) STRICT, WITHOUT ROWID;"
            "CREATE INDEX access_audit_by_object ON access_audit (tenant, object_kind, object, seq);"
            "CREATE TABLE access_audit_heads (tenant INTEGER PRIMARY KEY, seq INTEGER NOT NULL,"
            " hash BLOB NOT NULL) STRICT;"
            "CREATE TABLE access_audit_anchors (tenant INTEGER NOT NULL, seq INTEGER NOT NULL,"
            " at INTEGER NOT NULL, hash BLOB NOT NULL, mac BLOB NOT NULL,"
            " PRIMARY KEY (tenant, seq)) STRICT, WITHOUT ROWID;" },
    { 0 },
};
