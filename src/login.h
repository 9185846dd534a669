/* Which server a command talks to and with which token: --server, TOCSIN_SERVER and TOCSIN_TOKEN, else what
 * `tocsin login` stored in $XDG_CONFIG_HOME/tocsin/login.json (mode 0600). The stored token goes to the
 * stored server alone, so that --server never sends it elsewhere. */
#ifndef TOCSIN_LOGIN_H
#define TOCSIN_LOGIN_H

#include "base/arena.h"

#define SERVER_DEFAULT "http://127.0.0.1:8473"

struct login {
    struct str server; /* "http://host:port" without a slash at the end */
    struct str token; /* empty: none */
    struct str ca_file; /* TOCSIN_CA_FILE: a PEM file of a CA of one's own; empty: the system's alone */
};

/* `server` is the option's text or NULL. ERR_INVALID when the stored file is damaged. In `arena`. */
FALLIBLE login_find(const char *server, struct arena *arena, struct login *ret, struct err_info *why);
/* `*ret_path` is where it was stored. */
FALLIBLE login_store(
    const struct login *login, struct arena *arena, struct str *ret_path, struct err_info *why);
/* Forgets it; fine when there is none. */
FALLIBLE login_remove(struct arena *arena, struct str *ret_path, struct err_info *why);

#endif
