/* What a principal may do. One table of permissions and one of roles, both constant: the route table,
 * tokens, OpenAPI and the documents all read them.
 *
 * A scope is a permission as text ("cases:write"), "ingest:SOURCE", "ingest:*", a role ("role:analyst"),
 * or "admin", which is every permission there is. */
#ifndef TOCSIN_ACCESS_PERMISSION_H
#define TOCSIN_ACCESS_PERMISSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

enum permission {
    PERMISSION_PUBLIC = 0, /* no principal needed: health, and pages that carry a token of their own */
    PERMISSION_ANY, /* any authenticated principal */
    PERMISSION_INGEST, /* of a source: ask principal_can_ingest */
    PERMISSION_EVENTS_READ,
    PERMISSION_ALERTS_READ,
    PERMISSION_ALERTS_WRITE,
    PERMISSION_CASES_READ,
    PERMISSION_CASES_WRITE,
    PERMISSION_OBSERVABLES_READ,
    PERMISSION_RUNS_READ,
    PERMISSION_RUNS_WRITE,
    PERMISSION_TASKS_READ,
    PERMISSION_TASKS_ANSWER,
    PERMISSION_PLAYBOOKS_READ,
    PERMISSION_PLAYBOOKS_WRITE,
    PERMISSION_CONNECTORS_READ,
    PERMISSION_CONNECTORS_WRITE,
    PERMISSION_CONNECTIONS_READ,
    PERMISSION_CONNECTIONS_WRITE,
    PERMISSION_SOURCES_READ,
    PERMISSION_SOURCES_WRITE,
    PERMISSION_POLICIES_READ,
    PERMISSION_POLICIES_WRITE,
    PERMISSION_CONTAINMENTS_READ,
    PERMISSION_CONTAINMENTS_WRITE,
    PERMISSION_HUNTS_READ,
    PERMISSION_HUNTS_WRITE,
    PERMISSION_SECRETS_READ, /* names and ages; contents never leave */
    PERMISSION_SECRETS_WRITE,
    PERMISSION_USERS_READ,
    PERMISSION_USERS_WRITE,
    PERMISSION_TOKENS_READ,
    PERMISSION_TOKENS_WRITE,
    PERMISSION_AUDIT_READ,
    PERMISSION_METRICS_READ,
    PERMISSION_SYSTEM_READ,
    PERMISSION_SYSTEM_WRITE,
    PERMISSION_ADMIN,
    PERMISSION_COUNT, /* under 64: sets are one word */
};

enum role {
    ROLE_ANALYST = 0,
    ROLE_ENGINEER,
    ROLE_LEAD,
    ROLE_OPERATOR,
    ROLE_ADMINISTRATOR,
    ROLE_COUNT,
};

struct permission_info {
    const char *name; /* the scope's text; NULL for PERMISSION_PUBLIC and PERMISSION_ANY, which none grants */
    const char *summary;
    uint8_t roles; /* bit 1 << enum role */
};

struct role_info {
    const char *name;
    const char *summary;
};

extern const struct permission_info permissions[PERMISSION_COUNT];
extern const struct role_info roles[ROLE_COUNT];

/* What a principal was granted. Plain data, copied freely. */
struct scopes {
    uint64_t permissions; /* bit 1 << enum permission; "admin" sets all */
    bool ingest_all; /* ingest:* */
    uint16_t sources_size;
    char sources[SCOPE_SOURCES_BYTES_MAX]; /* of ingest:SOURCE, each ended by '\0' */
};

/* Adds one scope. ERR_INVALID, name "scope", on an unknown one, with a suggestion; ERR_LIMIT past
 * SCOPE_SOURCES_BYTES_MAX. */
FALLIBLE scopes_add(struct scopes *scopes, struct str scope, struct err_info *why);
/* Parts separated by spaces or commas. */
FALLIBLE scopes_parse(struct scopes *ret, struct str text, struct err_info *why);
struct scopes scopes_of_role(enum role role);
struct scopes scopes_all(void);
/* As scopes_parse reads it: "alerts:read cases:write ingest:wazuh"; "admin" for all. */
void scopes_print(struct buf *buf, const struct scopes *scopes);
bool scopes_have(const struct scopes *scopes, enum permission permission);
bool scopes_have_ingest(const struct scopes *scopes, struct str source);
/* Whether `inner` grants nothing that `outer` lacks: nobody hands on more than they hold. */
bool scopes_cover(const struct scopes *outer, const struct scopes *inner);

#endif
