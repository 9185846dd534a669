#include "cases/migrations.h"

/* cases_alerts is narrow, so that walking it is cheap; its bodies stand beside it. `seq` is the instant of
 * the commit in microseconds, or one more than the last: it orders pages, and a time is a place in it.
 * `bucket` is first_seen divided by the dedup window, so that the fingerprints of a live window lie together
 * and inserting does not touch pages all over an index of every alert there ever was. */
#define ALERTS_SQLITE \
    "CREATE TABLE cases_alerts (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT NULL," \
    " partition INTEGER NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT NULL, source TEXT NOT NULL," \
    " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL," \
    " bucket INTEGER, fingerprint BLOB NOT NULL, event_id BLOB NOT NULL, revision INTEGER NOT NULL," \
    " observable_count INTEGER NOT NULL, owner BLOB, resolution TEXT, title BLOB NOT NULL," \
    " tags BLOB NOT NULL) STRICT;" \
    "CREATE TABLE cases_alert_bodies (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, body BLOB NOT NULL)" \
    " STRICT;"

#define CASES_SQLITE \
    "CREATE TABLE cases_cases (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT NULL," \
    " partition INTEGER NOT NULL, number INTEGER NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT" \
    " NULL, opened INTEGER NOT NULL, updated INTEGER NOT NULL, closed INTEGER, revision INTEGER NOT NULL," \
    " alert_count INTEGER NOT NULL, observable_count INTEGER NOT NULL, phase TEXT NOT NULL, resolution " \
    "TEXT," \
    " owner BLOB, key BLOB, title BLOB NOT NULL, tags BLOB NOT NULL, summary BLOB NOT NULL) STRICT;" \
    "CREATE TABLE cases_numbers (tenant INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;" \
    "CREATE TABLE cases_links (tenant INTEGER NOT NULL, case_id BLOB NOT NULL, alert_seq INTEGER NOT NULL," \
    " alert_id BLOB NOT NULL, case_seq INTEGER NOT NULL, at INTEGER NOT NULL," \
    " PRIMARY KEY (tenant, case_id, alert_seq)) STRICT, WITHOUT ROWID;" \
    "CREATE TABLE cases_observables (tenant INTEGER NOT NULL, subject BLOB NOT NULL, number INTEGER NOT" \
    " NULL, at INTEGER NOT NULL, type INTEGER NOT NULL, value BLOB NOT NULL, name BLOB NOT NULL," \
    " PRIMARY KEY (tenant, subject, number)) STRICT, WITHOUT ROWID;" \
    "CREATE TABLE cases_activity (tenant INTEGER NOT NULL, subject BLOB NOT NULL, number INTEGER NOT NULL," \
    " id BLOB NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, actor_kind TEXT NOT NULL," \
    " actor BLOB NOT NULL, run_id BLOB, key BLOB, detail BLOB NOT NULL," \
    " PRIMARY KEY (tenant, subject, number)) STRICT, WITHOUT ROWID;"

#define INDEXES \
    "CREATE UNIQUE INDEX cases_alerts_by_id ON cases_alerts (tenant, id);" \
    "CREATE INDEX cases_alerts_by_tenant ON cases_alerts (tenant, seq);" \
    "CREATE INDEX cases_alerts_by_status ON cases_alerts (tenant, status, severity, seq);" \
    "CREATE INDEX cases_alerts_by_source ON cases_alerts (tenant, source, status, severity, seq);" \
    "CREATE INDEX cases_alerts_by_fingerprint ON cases_alerts (tenant, bucket, fingerprint, seq)" \
    " WHERE bucket IS NOT NULL;" \
    "CREATE INDEX cases_alerts_by_owner ON cases_alerts (tenant, owner, seq) WHERE owner IS NOT NULL;" \
    "CREATE INDEX cases_cases_by_tenant ON cases_cases (tenant, seq);" \
    "CREATE UNIQUE INDEX cases_cases_by_id ON cases_cases (tenant, id);" \
    "CREATE UNIQUE INDEX cases_cases_by_number ON cases_cases (tenant, number);" \
    "CREATE UNIQUE INDEX cases_cases_by_key ON cases_cases (tenant, key) WHERE key IS NOT NULL;" \
    "CREATE INDEX cases_cases_by_status ON cases_cases (tenant, status, severity, seq);" \
    "CREATE INDEX cases_cases_by_owner ON cases_cases (tenant, owner, seq) WHERE owner IS NOT NULL;" \
    "CREATE INDEX cases_links_by_alert ON cases_links (tenant, alert_seq, case_seq);" \
    "CREATE UNIQUE INDEX cases_observables_by_value ON cases_observables (tenant, subject, type, value);" \
    "CREATE UNIQUE INDEX cases_activity_by_key ON cases_activity (tenant, key) WHERE key IS NOT NULL;"

const struct store_migration cases_migrations[] = {
    { .module = "cases",
        .number = 1,
        .name = "alerts, cases, their links, observables and timelines",
        .sqlite = ALERTS_SQLITE CASES_SQLITE INDEXES },
    { 0 },
};
