/* One request from a command to a running server, waited for. */
#ifndef TOCSIN_CLIENT_H
#define TOCSIN_CLIENT_H

#include "base/arena.h"
#include "base/value.h"
#include "login.h"

struct client_answer {
    int status;
    struct value body; /* null when it was no JSON */
    struct str text;
};

struct client_request {
    struct login login;
    const char *method;
    struct str path; /* with its query */
    struct value body; /* null: none */
};

/* ERR_UNAVAILABLE with the mend when the server does not answer. The answer is in `arena`. */
FALLIBLE client_call(const struct client_request *request, struct arena *arena, struct client_answer *ret,
    struct err_info *why);
/* The name of an error that is the server's answer, not a fault of what was typed. */
#define CLIENT_REFUSED "answer"
/* The same, and an answer of 300 or more is an error with the server's words: ERR_DENIED (401, 403),
 * ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID (other 4xx), ERR_UNAVAILABLE (5xx). */
FALLIBLE client_ask(const struct client_request *request, struct arena *arena, struct client_answer *ret,
    struct err_info *why);

#endif
