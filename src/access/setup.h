/* The first start: a one-time link that creates the administrator, or a file with an administrator's
 * token for scripts. */
#ifndef TOCSIN_ACCESS_SETUP_H
#define TOCSIN_ACCESS_SETUP_H

#include "access/token.h"

struct setup_text {
    char text[43 + 1]; /* base64url of 256 bits; empty when the set-up is done */
};

/* Boot, blocking. While no administrator was ever made, gives a new link token that replaces the one of an
 * earlier start and is good for SETUP_SECONDS_MAX; the link is PUBLIC_URL/setup/TEXT. */
FALLIBLE setup_begin(
    struct store *store, struct tokens *tokens, struct setup_text *ret, struct err_info *why);
/* Inside a read or an apply: whether `text` would be taken now. ERR_DENIED, name "setup", if not. */
FALLIBLE setup_check(struct store_conn *conn, struct str text, struct err_info *why);
/* Inside apply: takes the link token, once, and makes the administrator's API token called `name`. */
FALLIBLE setup_finish(struct store_conn *conn, struct tokens *tokens, struct str text, struct str name,
    struct token_text *ret, struct err_info *why);

/* Boot, blocking: makes sure that the file at `path` (mode 0600) holds a good administrator's token, and
 * that no set-up link is open. A good token in the file is kept; otherwise the earlier bootstrap token is
 * revoked and a new one written. ERR_CONFLICT when the file holds anything else. */
FALLIBLE setup_bootstrap_file(
    struct store *store, struct tokens *tokens, struct str path, struct err_info *why);
/* The same for a token that may send events of all sources and see what becomes of them, for a collector on
 * the same machine. The set-up link stays open. */
FALLIBLE setup_collector_file(
    struct store *store, struct tokens *tokens, struct str path, struct err_info *why);

#endif
