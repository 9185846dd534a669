/* The server's world: each part built once, in order, and taken down in the reverse one. */
#ifndef TOCSIN_SERVER_H
#define TOCSIN_SERVER_H

#include "base/err.h"
#include "base/log.h"
#include "settings.h"
#include "store/store.h"

struct server;

/* Of all floors: what a server's store has. Ended by NULL. */
extern const struct store_migration *const server_migrations[];

/* Opens the store in the data folder (made with mode 0700 when absent), listens. */
FALLIBLE server_open(
    const struct settings *settings, struct log *log, struct server **ret, struct err_info *why);
/* What a person should do next, on standard output: the address, and the set-up link while there is no
 * administrator. */
void server_announce(const struct server *server);
/* Until SIGINT or SIGTERM, which the caller has blocked in all threads; then open requests are answered and
 * everything is committed. */
void server_run(struct server *server);
void server_close(struct server *server); /* NULL is fine */

#endif
