/* Who acts: the result of authentication, and the "who" of each audit row. Plain data without pointers:
 * copied into requests, operations and runs, and never stale memory. */
#ifndef TOCSIN_ACCESS_PRINCIPAL_H
#define TOCSIN_ACCESS_PRINCIPAL_H

#include "access/permission.h"
#include "base/id.h"

enum principal_kind {
    PRINCIPAL_NONE = 0, /* not authenticated: may nothing */
    PRINCIPAL_SYSTEM, /* the server itself: retention, migration, set-up */
    PRINCIPAL_USER,
    PRINCIPAL_TOKEN,
    PRINCIPAL_SOURCE, /* a source that authenticated by its own scheme (HMAC) */
    PRINCIPAL_RUN, /* a playbook's run; `id` is the run, `name` the playbook */
    PRINCIPAL_KIND_COUNT,
};

struct principal {
    enum principal_kind kind;
    int64_t tenant; /* all that it does stays in this tenant */
    struct id id;
    uint8_t name_size;
    char name[PRINCIPAL_NAME_BYTES_MAX + 1]; /* for people; ended by '\0' */
    char remote[PRINCIPAL_REMOTE_BYTES_MAX +
        1]; /* peer address of the request, for the audit chain; may be "" */
    struct scopes scopes;
};

/* "system", "user", "token", … : the word in audit rows and APIs. */
const char *principal_kind_word(enum principal_kind kind);
/* The name is cut at PRINCIPAL_NAME_BYTES_MAX, at a character's edge. */
void principal_init(
    struct principal *principal, enum principal_kind kind, int64_t tenant, struct id id, struct str name);
/* Cut at PRINCIPAL_REMOTE_BYTES_MAX. */
void principal_set_remote(struct principal *principal, struct str remote);
/* The server itself, with all permissions. */
struct principal principal_system(int64_t tenant);
static inline struct str principal_name(const struct principal *principal)
{
    return (struct str){ principal->name, principal->name_size };
}

/* 1 to `bytes_max` letters, digits, '.', '_' and '-', the first a letter or a digit: what secrets,
 * connections and sources may be called. */
bool access_name_is_good(struct str name, size_t bytes_max, bool may_have_capitals);

/* PERMISSION_PUBLIC is granted to all, PERMISSION_ANY to all but PRINCIPAL_NONE. */
bool principal_can(const struct principal *principal, enum permission permission);
bool principal_can_ingest(const struct principal *principal, struct str source);
/* ERR_DENIED, name "permission", which says who lacks what. */
FALLIBLE principal_require(
    const struct principal *principal, enum permission permission, struct err_info *why);

#endif
