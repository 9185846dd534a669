/* The one table of routes: method, path, permission, body, limit. Dispatch, authorisation, OpenAPI and the
 * documents come from it. */
#ifndef TOCSIN_API_ROUTE_H
#define TOCSIN_API_ROUTE_H

#include "access/permission.h"
#include "base/limits.h"
#include "base/str.h"

struct request;

enum route_body {
    ROUTE_NO_BODY,
    ROUTE_JSON, /* one JSON object; application/json or no type */
    ROUTE_ANY, /* the handler looks at the type itself */
};

/* How a caller proves who it is. */
enum route_authentication {
    ROUTE_OPEN, /* health alone */
    ROUTE_HOOK, /* a token, or the secret of the webhook, which the handler checks over the body */
    ROUTE_BEARER, /* Authorization: Bearer toc_… */
};

struct route_parameter {
    const char *name;
    const char *help;
};

#define ROUTE_QUERY_MAX 12

struct route {
    const char *method;
    const char *path; /* "/api/v1/runs/{id}": a part in braces matches one path part */
    const char *operation; /* OpenAPI's operationId */
    const char *summary;
    enum route_authentication authentication;
    enum permission permission;
    enum route_body body;
    size_t body_bytes_max; /* 0: API_BODY_BYTES_MAX */
    bool is_secret; /* body or answer hold a secret: neither is kept, nor a hash of it */
    /* What is left of authentication once the body is there; false after an answer was sent. NULL: nothing.
     */
    bool (*admit)(struct request *request);
    void (*handle)(struct request *request);
    struct route_parameter query[ROUTE_QUERY_MAX]; /* ended by a NULL name */
};

/* Ended by a NULL method. */
extern const struct route routes[];

#define ROUTE_ARGUMENTS_MAX 4

struct route_match {
    const struct route *route; /* NULL when none */
    bool has_path; /* the path exists, under other methods */
    const char *allowed[8]; /* those methods, for `Allow` */
    unsigned allowed_count;
    struct str arguments[ROUTE_ARGUMENTS_MAX]; /* of the braces, in order, as sent */
    unsigned argument_count;
};
void route_find(const struct route *table, struct str method, struct str path, struct route_match *ret);

#endif
