/* One request from a command to a running server, waited for. The server is --server or TOCSIN_SERVER
 * (default http://127.0.0.1:8473), the token TOCSIN_TOKEN. */
#ifndef TOCSIN_CLIENT_H
#define TOCSIN_CLIENT_H

#include "base/arena.h"
#include "base/value.h"

struct client_answer {
    int status;
    struct value body; /* null when it was no JSON */
    struct str text;
};

struct client_request {
    struct str server; /* "http://host:port" */
    const char *method;
    struct str path; /* with its query */
    struct value body; /* null: none */
};

/* ERR_UNAVAILABLE with the mend when the server does not answer. The answer is in `arena`. */
FALLIBLE client_call(const struct client_request *request, struct arena *arena, struct client_answer *ret,
    struct err_info *why);

#endif
