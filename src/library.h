/* What playbooks are made of and run with, for commands that need no server: content files, connectors with
 * their connections, sources. Loaded once a command; the worlds (world.h) of its runs share it. */
#ifndef TOCSIN_LIBRARY_H
#define TOCSIN_LIBRARY_H

#include "connect/connect.h"
#include "content.h"
#include "ingest/source.h"

struct library_options {
    const char *const *folders; /* of content, besides the built-in one */
    size_t folder_count;
    /* YAML: NAME: { connector, settings, default } for each connection; NULL: none. A setting
     * "${secret:NAME}" is the environment's TOCSIN_SECRET_NAME. */
    const char *connections_file;
    const char *const *egress_allow; /* CIDRs and host names */
    size_t egress_allow_count;
    bool is_virtual; /* for worlds in virtual time: no threads, no network (stand_in.h) */
    struct log *log; /* where `log.write` writes; NULL: nowhere */
};

struct library {
    struct arena arena;
    struct content content;
    struct executor *executor;
    struct executor inline_executor; /* in virtual time, `executor` */
    struct egress *egress;
    struct store *store; /* in memory: the connections and their secrets */
    struct vault *vault;
    struct connections *connections;
    struct connect *connect;
    struct sources *sources;
    const struct type *alert_type; /* what playbooks are checked against */
};

/* Faults of content go to `found`; ERR_INVALID when there were errors in connectors or sources. */
FALLIBLE library_open(const struct library_options *options, struct diagnostics *found, struct library *ret,
    struct err_info *why);
/* After the last world. `{ 0 }` is fine. */
void library_close(struct library *library);
void library_cleanup(struct library *library);

/* The text of a playbook by its name: a folder's before the built-in one. NULL when there is none. */
const struct content_file *library_find_playbook(struct library *library, struct str name);

#endif
