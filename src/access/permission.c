#include "access/permission.h"

#include <string.h>

#include "access/principal.h"

#define SOURCE_NAME_BYTES_MAX 64

#define ANALYST (1u << ROLE_ANALYST)
#define ENGINEER (1u << ROLE_ENGINEER)
#define LEAD (1u << ROLE_LEAD)
#define OPERATOR (1u << ROLE_OPERATOR)
#define ADMINISTRATOR (1u << ROLE_ADMINISTRATOR)
#define SOC (ANALYST | ENGINEER | LEAD | ADMINISTRATOR)
#define EVERYONE (SOC | OPERATOR)

const struct permission_info permissions[PERMISSION_COUNT] = {
    [PERMISSION_PUBLIC] = { NULL, "no authentication", 0 },
    [PERMISSION_ANY] = { NULL, "any authenticated principal", 0 },
    [PERMISSION_INGEST] = { "ingest", "send events of a source", ADMINISTRATOR },
    [PERMISSION_EVENTS_READ] = { "events:read", "see events with their raw bytes", SOC },
    [PERMISSION_ALERTS_READ] = { "alerts:read", "see alerts", SOC },
    [PERMISSION_ALERTS_WRITE] = { "alerts:write", "change the state of alerts",
        ANALYST | LEAD | ADMINISTRATOR },
    [PERMISSION_CASES_READ] = { "cases:read", "see cases", SOC },
    [PERMISSION_CASES_WRITE] = { "cases:write", "open, change and close cases",
        ANALYST | LEAD | ADMINISTRATOR },
    [PERMISSION_OBSERVABLES_READ] = { "observables:read", "see observables", SOC },
    [PERMISSION_RUNS_READ] = { "runs:read", "see runs with inputs and outputs of their steps",
        SOC | OPERATOR },
    [PERMISSION_RUNS_WRITE] = { "runs:write", "start, cancel and retry runs", SOC },
    [PERMISSION_TASKS_READ] = { "tasks:read", "see what waits for a person", SOC },
    [PERMISSION_TASKS_ANSWER] = { "tasks:answer", "answer questions and approvals",
        ANALYST | LEAD | ADMINISTRATOR },
    [PERMISSION_PLAYBOOKS_READ] = { "playbooks:read", "see playbooks", EVERYONE },
    [PERMISSION_PLAYBOOKS_WRITE] = { "playbooks:write", "publish playbooks", ENGINEER | ADMINISTRATOR },
    [PERMISSION_CONNECTORS_READ] = { "connectors:read", "see connectors and their actions", EVERYONE },
    [PERMISSION_CONNECTORS_WRITE] = { "connectors:write", "publish connectors", ENGINEER | ADMINISTRATOR },
    [PERMISSION_CONNECTIONS_READ] = { "connections:read", "see connections", EVERYONE },
    [PERMISSION_CONNECTIONS_WRITE] = { "connections:write", "set and test connections",
        ENGINEER | ADMINISTRATOR },
    [PERMISSION_SOURCES_READ] = { "sources:read", "see sources and their mappings", EVERYONE },
    [PERMISSION_SOURCES_WRITE] = { "sources:write", "publish sources", ENGINEER | ADMINISTRATOR },
    [PERMISSION_POLICIES_READ] = { "policies:read", "see guardrail policies", EVERYONE },
    [PERMISSION_POLICIES_WRITE] = { "policies:write", "publish guardrail policies", LEAD | ADMINISTRATOR },
    [PERMISSION_CONTAINMENTS_READ] = { "containments:read", "see what is contained", SOC },
    [PERMISSION_CONTAINMENTS_WRITE] = { "containments:write", "undo and extend containments",
        ANALYST | LEAD | ADMINISTRATOR },
    [PERMISSION_HUNTS_READ] = { "hunts:read", "see hunts", SOC },
    [PERMISSION_HUNTS_WRITE] = { "hunts:write", "start hunts", ANALYST | LEAD | ADMINISTRATOR },
    [PERMISSION_SECRETS_READ] = { "secrets:read", "see names and ages of secrets, never contents",
        ENGINEER | LEAD | ADMINISTRATOR },
    [PERMISSION_SECRETS_WRITE] = { "secrets:write", "set and delete secrets", ENGINEER | ADMINISTRATOR },
    [PERMISSION_USERS_READ] = { "users:read", "see users and roles", EVERYONE },
    [PERMISSION_USERS_WRITE] = { "users:write", "change users and roles", ADMINISTRATOR },
    [PERMISSION_TOKENS_READ] = { "tokens:read", "see tokens, never their text",
        LEAD | OPERATOR | ADMINISTRATOR },
    [PERMISSION_TOKENS_WRITE] = { "tokens:write", "create and revoke tokens", ADMINISTRATOR },
    [PERMISSION_AUDIT_READ] = { "audit:read", "see, check and export the audit chain",
        LEAD | OPERATOR | ADMINISTRATOR },
    [PERMISSION_METRICS_READ] = { "metrics:read", "read metrics", LEAD | OPERATOR | ADMINISTRATOR },
    [PERMISSION_SYSTEM_READ] = { "system:read", "see the state of the server",
        LEAD | OPERATOR | ADMINISTRATOR },
    [PERMISSION_SYSTEM_WRITE] = { "system:write", "pause automation, back up, restore",
        OPERATOR | ADMINISTRATOR },
    [PERMISSION_ADMIN] = { "admin", "everything", ADMINISTRATOR },
};

const struct role_info roles[ROLE_COUNT] = {
    [ROLE_ANALYST] = { "analyst", "works alerts, cases and tasks" },
    [ROLE_ENGINEER] = { "engineer", "builds playbooks, connectors and connections" },
    [ROLE_LEAD] = { "lead", "an analyst who also sets policies and sees the audit chain" },
    [ROLE_OPERATOR] = { "operator", "keeps the server running and sees no alerts" },
    [ROLE_ADMINISTRATOR] = { "administrator", "everything" },
};

_Static_assert(PERMISSION_COUNT <= 64, "a set of permissions is one word");

static uint64_t bit(enum permission permission)
{
    return UINT64_C(1) << permission;
}

struct scopes scopes_all(void)
{
    struct scopes scopes = { .ingest_all = true };
    for (int i = PERMISSION_INGEST; i < PERMISSION_COUNT; i++)
        scopes.permissions |= bit((enum permission)i);
    return scopes;
}

struct scopes scopes_of_role(enum role role)
{
    struct scopes scopes = { 0 };
    if (role == ROLE_ADMINISTRATOR)
        return scopes_all();
    for (int i = PERMISSION_INGEST; i < PERMISSION_COUNT; i++) {
        if (permissions[i].roles & (1u << role))
            scopes.permissions |= bit((enum permission)i);
    }
    return scopes;
}

/* ---- ingest:SOURCE ---- */

/* The next name of the list behind `*offset`. */
static bool next_source(const struct scopes *scopes, size_t *offset, struct str *ret)
{
    if (*offset >= scopes->sources_size)
        return false;
    *ret = str_of(scopes->sources + *offset);
    *offset += ret->size + 1;
    return true;
}

static bool has_source(const struct scopes *scopes, struct str source)
{
    struct str name;
    for (size_t offset = 0; next_source(scopes, &offset, &name);) {
        if (str_equal(name, source))
            return true;
    }
    return false;
}

static enum err add_source(struct scopes *scopes, struct str source, struct err_info *why)
{
    if (str_equal(source, STR("*"))) {
        scopes->ingest_all = true;
        scopes->permissions |= bit(PERMISSION_INGEST);
        return ERR_OK;
    }
    if (!access_name_is_good(source, SOURCE_NAME_BYTES_MAX, true))
        return err_named(why, ERR_INVALID, "scope",
            "\"%.*s\" is no source's name: write ingest:SOURCE with letters, digits, '.', '_' and '-', or "
            "ingest:*",
            STR_ARG(source));
    if (has_source(scopes, source))
        return ERR_OK;
    if (scopes->sources_size + source.size + 1 > sizeof(scopes->sources))
        return err_named(why, ERR_LIMIT, "SCOPE_SOURCES_BYTES_MAX",
            "the sources' names of one token hold at most %d bytes: use several tokens, or ingest:*",
            SCOPE_SOURCES_BYTES_MAX);
    memcpy(scopes->sources + scopes->sources_size, source.data, source.size);
    scopes->sources[scopes->sources_size + source.size] = '\0';
    scopes->sources_size = (uint16_t)(scopes->sources_size + source.size + 1);
    scopes->permissions |= bit(PERMISSION_INGEST);
    return ERR_OK;
}

/* ---- parsing and printing ---- */

static enum err add_role(struct scopes *scopes, struct str name, struct err_info *why)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (!str_equal(name, str_of(roles[i].name)))
            continue;
        struct scopes granted = scopes_of_role((enum role)i);
        scopes->permissions |= granted.permissions;
        scopes->ingest_all |= granted.ingest_all;
        return ERR_OK;
    }
    return err_named(why, ERR_INVALID, "scope",
        "there is no role \"%.*s\": the roles are analyst, engineer, lead, operator, administrator",
        STR_ARG(name));
}

static enum err unknown_scope(struct str scope, struct err_info *why)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (int i = PERMISSION_EVENTS_READ; i < PERMISSION_COUNT; i++) {
        unsigned distance = str_distance(scope, str_of(permissions[i].name), best);
        if (distance < best) {
            best = distance;
            nearest = permissions[i].name;
        }
    }
    if (nearest)
        return err_named(why, ERR_INVALID, "scope", "there is no scope \"%.*s\"; did you mean \"%s\"?",
            STR_ARG(scope), nearest);
    return err_named(why, ERR_INVALID, "scope",
        "there is no scope \"%.*s\": write e.g. alerts:read, ingest:SOURCE, role:analyst or admin",
        STR_ARG(scope));
}

enum err scopes_add(struct scopes *scopes, struct str scope, struct err_info *why)
{
    if (str_starts(scope, STR("ingest:")))
        return add_source(scopes, str_slice(scope, strlen("ingest:"), scope.size), why);
    if (str_starts(scope, STR("role:")))
        return add_role(scopes, str_slice(scope, strlen("role:"), scope.size), why);
    if (str_equal(scope, STR("admin"))) {
        struct scopes all = scopes_all();
        scopes->permissions |= all.permissions;
        scopes->ingest_all = true;
        return ERR_OK;
    }
    for (int i = PERMISSION_EVENTS_READ; i < PERMISSION_COUNT; i++) {
        if (str_equal(scope, str_of(permissions[i].name))) {
            scopes->permissions |= bit((enum permission)i);
            return ERR_OK;
        }
    }
    return unknown_scope(scope, why);
}

enum err scopes_parse(struct scopes *ret, struct str text, struct err_info *why)
{
    struct scopes scopes = { 0 };
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] != ' ' && text.data[end] != ',')
            end++;
        if (end > at)
            TRY(scopes_add(&scopes, str_slice(text, at, end), why));
        at = end + 1;
    }
    *ret = scopes;
    return ERR_OK;
}

static void add_word(struct buf *buf, size_t start, const char *prefix, struct str word)
{
    if (buf->size > start)
        buf_add_byte(buf, ' ');
    buf_add_text(buf, prefix);
    buf_add(buf, word);
}

void scopes_print(struct buf *buf, const struct scopes *scopes)
{
    size_t start = buf->size;
    struct scopes all = scopes_all();
    if (scopes_have(scopes, PERMISSION_ADMIN)) {
        buf_add_text(buf, "admin");
        return;
    }
    for (int i = PERMISSION_EVENTS_READ; i < PERMISSION_COUNT; i++) {
        if (scopes->permissions & all.permissions & bit((enum permission)i))
            add_word(buf, start, "", str_of(permissions[i].name));
    }
    if (scopes->ingest_all)
        add_word(buf, start, "", STR("ingest:*"));
    struct str source;
    for (size_t offset = 0; !scopes->ingest_all && next_source(scopes, &offset, &source);)
        add_word(buf, start, "ingest:", source);
}

/* ---- questions ---- */

bool scopes_have(const struct scopes *scopes, enum permission permission)
{
    return permission < PERMISSION_COUNT && (scopes->permissions & bit(permission)) != 0;
}

bool scopes_have_ingest(const struct scopes *scopes, struct str source)
{
    return scopes_have(scopes, PERMISSION_INGEST) && (scopes->ingest_all || has_source(scopes, source));
}

bool scopes_cover(const struct scopes *outer, const struct scopes *inner)
{
    if (inner->permissions & ~outer->permissions)
        return false;
    if (outer->ingest_all)
        return true;
    if (inner->ingest_all)
        return false;
    struct str source;
    for (size_t offset = 0; next_source(inner, &offset, &source);) {
        if (!has_source(outer, source))
            return false;
    }
    return true;
}
