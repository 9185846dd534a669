#include "engine/engine.h"

/* Numbers that are stored (status, kind, phase) have their enums in engine.h, effect.h, run.h. A record of
 * the journal stands under run number * 2^17 + its own number, so the records of a run lie side by side and
 * need no index. What only a few runs have (a wake-up time, an end that is no success) has a partial index.
 */
const struct store_migration engine_migrations[] = {
    { .module = "engine",
        .number = 1,
        .name = "playbooks, runs, journal, tasks, containments",
        .sqlite =
            "CREATE TABLE engine_playbooks (number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
            " name TEXT NOT NULL, version INTEGER NOT NULL, is_enabled INTEGER NOT NULL, updated INTEGER NOT "
            "NULL,"
            " UNIQUE (tenant, name)) STRICT;"
            "CREATE TABLE engine_playbook_versions (playbook INTEGER NOT NULL, version INTEGER NOT NULL,"
            " tenant INTEGER NOT NULL, digest TEXT NOT NULL, source BLOB NOT NULL, about BLOB NOT NULL,"
            " created INTEGER NOT NULL, PRIMARY KEY (playbook, version)) STRICT, WITHOUT ROWID;"

            "CREATE TABLE engine_runs (number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT NULL,"
            " playbook INTEGER NOT NULL, version INTEGER NOT NULL, status INTEGER NOT NULL,"
            " created INTEGER NOT NULL, ended INTEGER, wake INTEGER, snapshot INTEGER NOT NULL,"
            " event_id BLOB, alert_id BLOB, case_id BLOB, parent_id BLOB,"
            " error_code TEXT, error_message TEXT, output BLOB) STRICT;"
            "CREATE UNIQUE INDEX engine_runs_by_id ON engine_runs (id);"
            "CREATE INDEX engine_runs_by_alert ON engine_runs (alert_id) WHERE alert_id IS NOT NULL;"
            "CREATE INDEX engine_runs_by_event ON engine_runs (event_id)"
            " WHERE event_id IS NOT NULL AND alert_id IS NULL;"
            "CREATE INDEX engine_runs_by_case ON engine_runs (case_id) WHERE case_id IS NOT NULL;"
            "CREATE INDEX engine_runs_by_parent ON engine_runs (parent_id) WHERE parent_id IS NOT NULL;"
            "CREATE INDEX engine_runs_by_playbook ON engine_runs (playbook);"
            "CREATE INDEX engine_runs_open ON engine_runs (status, tenant) WHERE status IN (0, 1, 2, 6);"
            "CREATE INDEX engine_runs_bad ON engine_runs (status, tenant) WHERE status IN (4, 5);"
            "CREATE INDEX engine_runs_by_wake ON engine_runs (wake) WHERE wake IS NOT NULL;"

            "CREATE TABLE engine_journal (key INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
            " record BLOB NOT NULL) STRICT;"

            "CREATE TABLE engine_inbox (number INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL,"
            " run_id BLOB NOT NULL, kind INTEGER NOT NULL, frame INTEGER NOT NULL, object BLOB,"
            " payload BLOB NOT NULL) STRICT;"
            "CREATE INDEX engine_inbox_by_run ON engine_inbox (run_id);"

            "CREATE TABLE engine_slots (tenant INTEGER NOT NULL, playbook INTEGER NOT NULL, key BLOB NOT "
            "NULL,"
            " run INTEGER NOT NULL, run_id BLOB NOT NULL, partition INTEGER NOT NULL, is_held INTEGER NOT "
            "NULL,"
            " PRIMARY KEY (tenant, playbook, key, run)) STRICT, WITHOUT ROWID;"
            "CREATE INDEX engine_slots_by_run ON engine_slots (run);"

            "CREATE TABLE engine_subscriptions (run INTEGER NOT NULL, frame INTEGER NOT NULL,"
            " tenant INTEGER NOT NULL, run_id BLOB NOT NULL, playbook INTEGER NOT NULL, version INTEGER NOT "
            "NULL,"
            " step INTEGER NOT NULL, captured BLOB NOT NULL, PRIMARY KEY (run, frame)) STRICT, WITHOUT ROWID;"

            "CREATE TABLE engine_tasks (number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT "
            "NULL,"
            " run INTEGER NOT NULL, run_id BLOB NOT NULL, frame INTEGER NOT NULL, kind INTEGER NOT NULL,"
            " status INTEGER NOT NULL, step TEXT NOT NULL, title TEXT NOT NULL, payload BLOB NOT NULL,"
            " created INTEGER NOT NULL, expires INTEGER, closed INTEGER, actor TEXT, answer BLOB) STRICT;"
            "CREATE UNIQUE INDEX engine_tasks_by_id ON engine_tasks (id);"
            "CREATE INDEX engine_tasks_by_run ON engine_tasks (run_id);"
            "CREATE INDEX engine_tasks_open ON engine_tasks (tenant) WHERE status = 0;"

            "CREATE TABLE engine_containments (number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
            " id BLOB NOT NULL, run INTEGER NOT NULL, run_id BLOB NOT NULL, step TEXT NOT NULL, action TEXT "
            "NOT NULL,"
            " connection TEXT NOT NULL, with_value BLOB NOT NULL, output BLOB NOT NULL, undo TEXT NOT NULL,"
            " undo_with BLOB NOT NULL, status INTEGER NOT NULL, started INTEGER NOT NULL, due INTEGER, ended "
            "INTEGER,"
            " undo_run BLOB, actor TEXT) STRICT;"
            "CREATE UNIQUE INDEX engine_containments_by_id ON engine_containments (id);"
            "CREATE INDEX engine_containments_by_run ON engine_containments (run_id);"
            "CREATE INDEX engine_containments_due ON engine_containments (due)"
            " WHERE due IS NOT NULL AND status = 0;"
            "CREATE INDEX engine_containments_open ON engine_containments (tenant) WHERE status < 2;" },
    { .module = "engine",
        .number = 2,
        .name = "schedules, changes of cases",
        .sqlite =
            "CREATE TABLE engine_schedules (tenant INTEGER NOT NULL, playbook INTEGER NOT NULL,"
            " cron TEXT NOT NULL, timezone TEXT NOT NULL, due INTEGER NOT NULL,"
            " PRIMARY KEY (tenant, playbook, cron, timezone)) STRICT, WITHOUT ROWID;"
            "CREATE TABLE engine_followed (tenant INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;"
            "CREATE TABLE engine_case_runs (tenant INTEGER NOT NULL, seq INTEGER NOT NULL,"
            " playbook INTEGER NOT NULL, run_id BLOB NOT NULL, PRIMARY KEY (tenant, seq, playbook)) STRICT,"
            " WITHOUT ROWID;"
            "CREATE INDEX engine_case_runs_by_id ON engine_case_runs (run_id);" },
    { 0 },
};
