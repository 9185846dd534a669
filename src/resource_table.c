#include "resource.h"

const struct resource_option_row resource_options[ON_COUNT] = {
    [ON_SERVER] = { { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; " SERVER_DEFAULT ")" } },
    [ON_JSON] = { { "json", OPTION_FLAG, NULL, "print the answer as JSON" } },
    [ON_LIMIT] = { { "limit", OPTION_TEXT, "N", "how many at most, 1 to 1000 (50)" }, "limit" },
    [ON_AFTER] = { { "after", OPTION_TEXT, "ID", "the page behind this one, as the one before says" },
        "after" },
    [ON_BEFORE] = { { "before", OPTION_TEXT, "SEQ", "the page behind this one, as the one before says" },
        "before" },
    [ON_ACTION] = { { "action", OPTION_TEXT, "NAME", "only this, e.g. task.answer, or task.*" }, "action" },
    [ON_ACTOR] = { { "actor", OPTION_TEXT, "NAME", "only what this one did" }, "actor" },
    [ON_STATUS] = { { "status", OPTION_TEXT, "WORDS", "of these statuses, separated by commas" }, "status" },
    [ON_SEVERITY] = { { "severity", OPTION_TEXT, "WORD", "low, medium, high, critical" }, "severity" },
    [ON_SOURCE] = { { "source", OPTION_TEXT, "NAME", "from this source" }, "source" },
    [ON_OWNER] = { { "owner", OPTION_TEXT, "NAME", "whose they are" }, "owner" },
    [ON_TEXT] = { { "text", OPTION_TEXT, "TEXT", "with this in the title" }, "text" },
    [ON_PLAYBOOK] = { { "playbook", OPTION_TEXT, "NAME", "of this playbook" }, "playbook" },
    [ON_ALERT] = { { "alert", OPTION_TEXT, "ID", "of this alert" }, "alert_id" },
    [ON_CASE] = { { "case", OPTION_TEXT, "ID", "of this case" }, "case_id" },
    [ON_RUN] = { { "run", OPTION_TEXT, "ID", "of this run" }, "run_id" },
    [ON_FATE] = { { "fate", OPTION_TEXT, "WORD", "run, no_trigger, merged, suppressed, dead_letter" },
        "fate" },
    [ON_SINCE] = { { "since", OPTION_TEXT, "WHEN", "from then on: a span such as 24h, or a time (RFC 3339)" },
        "since" },
    [ON_UNTIL] = { { "until", OPTION_TEXT, "WHEN", "before then" }, "until" },
    [ON_SCOPES] = { { "scopes", OPTION_TEXT, "SCOPES", "what it may do, e.g. ingest:wazuh" } },
    [ON_EXPIRES] = { { "expires-in", OPTION_TEXT, "SPAN", "how long it is good, e.g. 90d" } },
    [ON_RESOLUTION] = { { "resolution", OPTION_TEXT, "WORD", "why it ends, e.g. false_positive" } },
    [ON_COMMENT] = { { "comment", OPTION_TEXT, "TEXT", "what to remember" } },
    [ON_REASON] = { { "reason", OPTION_TEXT, "TEXT", "why, for the audit" } },
    [ON_WHEN] = { { "when", OPTION_TEXT, "EXPR", "of which alerts: CEL over alert, event, source" } },
    [ON_CHOICE] = { { "choice", OPTION_TEXT, "OPTION", "one of the question's options" } },
    [ON_FORM] = { { "form", OPTION_LIST, "NAME=TEXT",
        "a field of the question's form; NAME:=JSON for no text" } },
    [ON_INPUT] = { { "input", OPTION_LIST, "NAME=TEXT", "an input; NAME:=JSON for what is no text" } },
    [ON_CONNECTOR] = { { "connector", OPTION_TEXT, "NAME", "what it is a connection of" } },
    [ON_SET] = { { "set", OPTION_LIST, "NAME=TEXT", "a setting; NAME:=JSON for what is no text" } },
    [ON_SECRET] = { { "secret", OPTION_LIST, "NAME=SECRET",
        "a setting that is a stored secret (`secret set`)" } },
    [ON_DEFAULT] = { { "default", OPTION_FLAG, NULL, "steps that name no connection take this one" } },
    [ON_DISABLED] = { { "disabled", OPTION_FLAG, NULL, "known, but not used" } },
    [ON_FOLLOW] = { { "follow", OPTION_FLAG, NULL, "print steps as they end, until the run has ended" } },
};

static const struct table_column alert_columns[] = { { "ID", "id" }, { "SEVERITY", "severity" },
    { "STATUS", "status" }, { "COUNT", "count" }, { "LAST SEEN", "last_seen" }, { "SOURCE", "source" },
    { "TITLE", "finding_info.title" }, { NULL, NULL } };
static const struct table_column case_columns[] = { { "ID", "id" }, { "NUMBER", "number" },
    { "SEVERITY", "severity" }, { "STATUS", "status" }, { "OWNER", "owner" }, { "UPDATED", "updated" },
    { "TITLE", "title" }, { NULL, NULL } };
static const struct table_column run_columns[] = { { "ID", "id" }, { "STATUS", "status" },
    { "STARTED", "started" }, { "ENDED", "ended" }, { "PLAYBOOK", "playbook" }, { "VERSION", "version" },
    { "ERROR", "error.code" }, { NULL, NULL } };
static const struct table_column task_columns[] = { { "ID", "id" }, { "STATUS", "status" },
    { "EXPIRES", "expires" }, { "OPTIONS", "options" }, { "RUN", "run_id" }, { "TITLE", "title" },
    { NULL, NULL } };
static const struct table_column containment_columns[] = { { "ID", "id" }, { "STATUS", "status" },
    { "STARTED", "started" }, { "DUE", "due" }, { "ACTION", "action" }, { "WITH", "with" }, { NULL, NULL } };
static const struct table_column event_columns[] = { { "ID", "id" }, { "RECEIVED", "received" },
    { "SOURCE", "source" }, { "FATE", "fate" }, { "ALERT", "alert_id" }, { "RUNS", "runs" }, { NULL, NULL } };
static const struct table_column playbook_columns[] = { { "NAME", "name" }, { "VERSION", "version" },
    { "ENABLED", "enabled" }, { "MODE", "mode" }, { "UPDATED", "updated" }, { "TITLE", "title" },
    { NULL, NULL } };
static const struct table_column connector_columns[] = { { "NAME", "name" }, { "TITLE", "title" },
    { NULL, NULL } };
static const struct table_column contract_columns[] = { { "ACTION", "action" }, { "PLAYBOOK", "playbook" },
    { "STEP", "step" }, { "ANSWERS", "shape.seen" }, { NULL, NULL } };
static const struct table_column connection_columns[] = { { "NAME", "name" }, { "CONNECTOR", "connector" },
    { "DEFAULT", "is_default" }, { "ENABLED", "is_enabled" }, { "SETTINGS", "settings" }, { NULL, NULL } };
static const struct table_column source_columns[] = { { "NAME", "name" }, { "PRODUCT", "product" },
    { "FIELDS", "fields" }, { "TITLE", "title" }, { NULL, NULL } };
static const struct table_column token_columns[] = { { "ID", "id" }, { "NAME", "name" },
    { "SCOPES", "scopes" }, { "EXPIRES", "expires" }, { "LAST USED", "last_used" }, { NULL, NULL } };
static const struct table_column audit_columns[] = { { "SEQ", "seq" }, { "AT", "at" }, { "ACTOR", "actor" },
    { "ACTION", "action" }, { "OBJECT", "object_kind" }, { "ID", "object" }, { "REASON", "reason" },
    { NULL, NULL } };
static const struct table_column policy_columns[] = { { "ID", "id" }, { "NAME", "name" },
    { "STATE", "state" }, { "EXPIRES", "expires" }, { "OWNER", "owner" }, { "SOURCE", "source" },
    { "WHEN", "when" }, { NULL, NULL } };
static const struct table_column secret_columns[] = { { "NAME", "name" }, { "ENDS IN", "last_four" },
    { "CREATED", "created" }, { "UPDATED", "updated" }, { NULL, NULL } };

#define PAGED (WITH(LIMIT) | WITH(AFTER))
#define PERIOD (WITH(SINCE) | WITH(UNTIL))
#define LIST(noun, path, options, columns, help) \
    { \
        noun, "list", NULL, "GET", path, NULL, options, columns, NULL, NULL, help \
    }
#define SHOW(noun, argument, path, print, help) \
    { \
        noun, "show", argument, "GET", path, NULL, 0, NULL, print, NULL, help \
    }
#define DO(noun, name, argument, method, path, body, options, help) \
    { \
        noun, name, argument, method, path, body, options, NULL, NULL, NULL, help \
    }

const struct verb resource_verbs[] = {
    LIST("alert", "/api/v1/alerts",
        PAGED | PERIOD | WITH(STATUS) | WITH(SEVERITY) | WITH(SOURCE) | WITH(OWNER) | WITH(TEXT) | WITH(CASE),
        alert_columns, "alerts, the newest first"),
    SHOW("alert", "ID", "/api/v1/alerts/*", NULL, "one alert with its timeline"),
    DO("alert", "update", "ID", "PATCH", "/api/v1/alerts/*", body_update,
        WITH(STATUS) | WITH(SEVERITY) | WITH(OWNER), "change status, severity or owner"),

    LIST("case", "/api/v1/cases",
        PAGED | PERIOD | WITH(STATUS) | WITH(SEVERITY) | WITH(OWNER) | WITH(TEXT) | WITH(ALERT), case_columns,
        "cases, the newest first"),
    SHOW("case", "ID", "/api/v1/cases/*", NULL, "one case with its timeline"),
    DO("case", "open", "TITLE", "POST", "/api/v1/cases", body_case_open, WITH(SEVERITY) | WITH(OWNER),
        "open a case"),
    DO("case", "update", "ID", "PATCH", "/api/v1/cases/*", body_update,
        WITH(STATUS) | WITH(SEVERITY) | WITH(OWNER), "change status, severity or owner"),
    DO("case", "comment", "ID", "POST", "/api/v1/cases/*/comments", body_case_comment, WITH(COMMENT),
        "add a comment"),
    DO("case", "close", "ID", "POST", "/api/v1/cases/*/close", body_case_close,
        WITH(RESOLUTION) | WITH(COMMENT), "close a case"),

    LIST("run", "/api/v1/runs", PAGED | PERIOD | WITH(STATUS) | WITH(PLAYBOOK) | WITH(ALERT) | WITH(CASE),
        run_columns, "runs on the server, the newest first"),
    { "run", "show", "ID", "GET", "/api/v1/runs/*", NULL, WITH(FOLLOW), NULL, print_run, follow_run,
        "one run with its steps" },
    DO("run", "start", "PLAYBOOK", "POST", "/api/v1/runs", body_run_start, WITH(INPUT),
        "start a published playbook on the server"),
    DO("run", "cancel", "ID", "POST", "/api/v1/runs/*/cancel", body_reason, WITH(REASON), "cancel a run"),
    DO("run", "retry", "ID", "POST", "/api/v1/runs/*/retry", body_empty, 0,
        "run again from the step that failed"),
    { "run", "export-test", "ID", "GET", "/api/v1/runs/*", NULL, 0, NULL, NULL, export_test,
        "print the run as a test case: its event, mocks from what was answered" },

    LIST("task", "/api/v1/tasks", PAGED | WITH(STATUS) | WITH(RUN), task_columns,
        "questions to people, the newest first"),
    SHOW("task", "ID", "/api/v1/tasks/*", print_task, "one question"),
    DO("task", "answer", "ID", "POST", "/api/v1/tasks/*/answer", body_answer,
        WITH(CHOICE) | WITH(FORM) | WITH(COMMENT), "answer it: --choice or --form"),

    LIST("containment", "/api/v1/containments", PAGED | PERIOD | WITH(STATUS), containment_columns,
        "what is contained and when that ends"),
    DO("containment", "undo", "ID", "POST", "/api/v1/containments/*/undo", body_empty, 0,
        "end a containment now"),

    LIST("event", "/api/v1/events", PAGED | PERIOD | WITH(SOURCE) | WITH(FATE) | WITH(ALERT), event_columns,
        "the ledger of accepted events"),
    SHOW("event", "ID", "/api/v1/events/*", NULL, "one event as received, and where it ended"),

    LIST("playbook", "/api/v1/playbooks", PAGED, playbook_columns, "published playbooks"),
    SHOW("playbook", "NAME", "/api/v1/playbooks/*", NULL, "one playbook"),
    DO("playbook", "enable", "NAME", "PATCH", "/api/v1/playbooks/*", body_enable, 0,
        "its triggers start runs"),
    DO("playbook", "disable", "NAME", "PATCH", "/api/v1/playbooks/*", body_disable, 0,
        "its triggers start nothing"),

    LIST("connector", "/api/v1/connectors", 0, connector_columns, "what playbooks can call"),
    SHOW("connector", "NAME", "/api/v1/connectors/*", print_connector, "one connector with its actions"),

    { "connector", "contracts", "NAME", "GET", "/api/v1/connectors/*/contracts", NULL, 0, contract_columns,
        NULL, NULL, "what the answers of its actions have looked like; --json: the shapes" },
    { "connector", "new", "NAME", NULL, NULL, NULL, 0, NULL, NULL, connector_file_new,
        "write NAME.yaml, a connector to start from" },
    { "connector", "test", "FILE", NULL, NULL, NULL, 0, NULL, NULL, connector_file_test,
        "run the examples of a connector's file; nothing is called" },

    LIST("connection", "/api/v1/connections", 0, connection_columns, "configured connectors"),
    SHOW("connection", "NAME", "/api/v1/connections/*", NULL, "one connection"),
    DO("connection", "set", "NAME", "PUT", "/api/v1/connections/*", body_connection,
        WITH(CONNECTOR) | WITH(SET) | WITH(SECRET) | WITH(DEFAULT) | WITH(DISABLED),
        "configure a connector under a name"),
    DO("connection", "test", "NAME", "POST", "/api/v1/connections/*/test", body_empty, 0,
        "try it with the harmless request that its connector declares"),
    DO("connection", "delete", "NAME", "DELETE", "/api/v1/connections/*", NULL, 0, "forget a connection"),

    SHOW("source", "NAME", "/api/v1/sources/*", NULL, "one source"),
    LIST("source", "/api/v1/sources", 0, source_columns, "where events come from, and their mappings"),

    DO("policy", "suppress", "NAME", "POST", "/api/v1/policies", body_suppression,
        WITH(WHEN) | WITH(REASON) | WITH(EXPIRES) | WITH(SOURCE), "alerts that are no news, for a while"),
    LIST("policy", "/api/v1/policies", PAGED, policy_columns, "rules that suppress, the newest first"),
    SHOW("policy", "ID", "/api/v1/policies/*", NULL, "one rule"),
    DO("policy", "end", "ID", "DELETE", "/api/v1/policies/*", NULL, 0, "end a rule before its time"),

    DO("token", "create", "NAME", "POST", "/api/v1/tokens", body_token, WITH(SCOPES) | WITH(EXPIRES),
        "make a token and print its text, once"),
    LIST("token", "/api/v1/tokens", 0, token_columns, "tokens, without their text"),
    DO("token", "revoke", "ID", "DELETE", "/api/v1/tokens/*", NULL, 0, "a token no longer lets in"),

    DO("secret", "set", "NAME", "PUT", "/api/v1/secrets/*", body_secret, 0,
        "store a secret from standard input"),
    LIST("secret", "/api/v1/secrets", 0, secret_columns, "names, ages, last four characters"),
    DO("secret", "delete", "NAME", "DELETE", "/api/v1/secrets/*", NULL, 0, "forget a secret"),

    LIST("audit", "/api/v1/audit", WITH(LIMIT) | WITH(BEFORE) | PERIOD | WITH(ACTION) | WITH(ACTOR),
        audit_columns, "who did what, the newest first"),
    { "audit", "export", NULL, "GET", "/api/v1/audit", NULL, PERIOD, NULL, NULL, audit_export_rows,
        "all rows, one JSON object a line, the newest first" },
    DO("audit", "verify", NULL, "GET", "/api/v1/audit/verify", NULL, 0, "check the audit chain"),
    DO("audit", "alerts", NULL, "GET", "/api/v1/audit/events", NULL, WITH(SINCE),
        "prove that every accepted event ended somewhere"),
    { .noun = NULL },
};
