/* The answer contracts of the server: kept in the store over restarts, and each drift raised as an event of
 * the source `tocsin`, with the playbooks and lines that read the field, so that it is an alert like any
 * other. */
#ifndef TOCSIN_CONTRACT_BOOK_H
#define TOCSIN_CONTRACT_BOOK_H

#include "base/log.h"
#include "connect/contracts.h"
#include "engine/engine.h"
#include "ingest/ingest.h"

struct contract_book;

extern const struct store_migration contract_migrations[];

/* Reads what is stored; blocking. `loop` is the server's: drifts are raised there. */
FALLIBLE contract_book_open(struct store *store, struct loop *loop, struct clock *clock, struct log *log,
    struct contract_book **ret, struct err_info *why);
/* For connect_options and the API. */
struct contracts *contract_book_contracts(struct contract_book *book);
/* Where drifts go, once these are there; before that they are only logged. */
void contract_book_join(struct contract_book *book, struct engine *engine, struct ingest *ingest);
/* Stores what has changed; inside a commit of the housekeeping. */
FALLIBLE contract_book_store(struct contract_book *book, struct store_conn *conn, struct err_info *why);
/* After the loop ended and the engine was freed. NULL is fine. */
void contract_book_close(struct contract_book *book);

#endif
