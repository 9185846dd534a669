/* What the server does on the side: times of use that are kept in memory between commits, the audit chain's
 * anchors, and forgetting what is kept for a while only. */
#ifndef TOCSIN_HOUSE_H
#define TOCSIN_HOUSE_H

#include "access/audit.h"
#include "access/token.h"
#include "access/vault.h"
#include "base/log.h"
#include "contract_book.h"
#include "store/store.h"

struct house {
    struct store *store;
    struct vault *vault;
    struct tokens *tokens;
    struct log *log;
    struct loop *loop;
    struct contract_book *contracts;
    int64_t retention_events_us, retention_runs_us; /* 0: for ever */
    /* Its own. */
    struct loop_timer timer;
    struct store_op op;
    bool is_busy;
    uint64_t anchor_seq; /* of the anchor made last; 0: the chain had not moved */
    struct audit_hash anchor_hash;
    struct loop_timer trim_timer;
    struct store_op trim_op;
    bool has_more;
};

/* On the loop's thread: again and again until house_stop. */
void house_start(struct house *house);
/* After the loop ended: stops, and does it a last time, blocking. */
void house_stop(struct house *house);

#endif
