/* Connectors: what playbooks can call. Fills `struct action` of playbook/action.h for native actions in C
 * (action_*.c) and for declarative ones (YAML over HTTP, docs/connectors.md).
 *
 * One `struct connect` serves the process; the catalogue in it is an immutable snapshot that a reload
 * replaces whole, while calls that are out keep theirs. What belongs to a connection and not to a shard (rate
 * limit, circuit breaker, OAuth tokens) is shared by all shards. Each shard has one host: its HTTP client. */
#ifndef TOCSIN_CONNECT_CONNECT_H
#define TOCSIN_CONNECT_CONNECT_H

#include "access/connection.h"
#include "access/secret.h"
#include "base/log.h"
#include "base/rand.h"
#include "io/executor.h"
#include "io/http_client.h"
#include "playbook/action.h"
#include "playbook/diagnostic.h"

struct connect;

struct connect_options {
    struct clock *clock;
    struct rand *rand;
    struct log *log; /* where `log.write` writes; NULL: nowhere */
    struct vault *vault; /* NULL: no secrets (`tocsin run` without a store) */
    struct connections *connections; /* NULL: none are configured */
    struct executor *executor; /* for blocking work: nftables */
    struct executor *slow_executor; /* for blocking work that may take seconds, so that a containment never
                                       waits behind it: jq; NULL: `executor` */
    /* Reads large answers beside the loops; of threads, not inline. NULL: the loops read all by themselves.
     */
    struct executor *answer_executor;
    /* The process that runs jq filters; NULL: this program with JQ_CHILD_WORD (jq_child.h). */
    const char *const *jq_command;
    struct contracts *contracts; /* learns what answers look like (contracts.h); NULL: nobody does */
    uint32_t calls_out_max; /* 0: CALLS_OUT_MAX */
    struct http_client_options http; /* of each shard's client: egress, user agent, connection counts */
    /* Tests and the simulator: makes a shard's client in place of http_client_new. NULL: http_client_new. */
    enum err (*make_client)(void *context, struct loop *loop, struct http_client **ret, struct err_info *why);
    void *client_context;
};

/* Has the native actions from the start; declarative ones come with connect_load. What `options` points to
 * must outlive it. */
FALLIBLE connect_new(const struct connect_options *options, struct connect **ret, struct err_info *why);
/* Ends work that may take long, so that the pools are idle soon. Before they are freed. NULL is fine. */
void connect_stop(struct connect *connect);
/* After all hosts were freed and all catalogues released. NULL is fine. */
void connect_free(struct connect *connect);

/* ---- content ---- */

struct connector_file {
    struct str name; /* for messages, e.g. "content/connectors/slack.yaml" */
    struct str text;
};

/* Reads all files, adds every fault to `found` (with file, line, column), and when there was no error swaps
 * the catalogue: the native actions and these. On ERR_INVALID the old one stays. A later file of the same
 * connector replaces an earlier one, so a folder's may stand in for a built-in one. Any thread. */
FALLIBLE connect_load(struct connect *connect, const struct connector_file *files, size_t count,
    struct diagnostics *found, struct err_info *why);
/* The linter's: the faults of one connector file. True when it has no errors. */
bool connector_check(struct str text, struct diagnostics *found);

/* Runs the examples of a connector file: each request is built and compared, each answer is mapped and
 * compared; nothing is called. `report` gets one line an example; an empty `fault` means that it holds.
 * ERR_INVALID when the file itself has faults, which are in `found`. */
typedef void connector_example_report(void *context, struct str action, struct str example, struct str fault);
FALLIBLE connector_test_examples(struct str text, struct diagnostics *found, connector_example_report *report,
    void *context, struct err_info *why);

/* The engine's. Any thread. */
struct catalogue_source *connect_catalogues(struct connect *connect);

/* As JSON for the API and `connector list|show`: a list of {"name","title","description","settings":[{"name",
 * "type","required","secret","default","help"}],"actions":[{"name","summary","kind","idempotent","in","out",
 * "undo","example"}]}, by name; of one connector when `name` is not empty (ERR_NOT_FOUND). */
FALLIBLE connect_describe(
    struct connect *connect, struct str name, struct arena *arena, struct value *ret, struct err_info *why);

/* ---- connections ---- */

/* Checks the settings of a connection before it is stored: types, unknown and missing names (ERR_INVALID with
 * the field and a mend; ERR_NOT_FOUND when there is no such connector). Gives the settings with secret
 * references in place, and the names that are secret: connection_spec.secret_fields. Both in `arena`. */
FALLIBLE connect_check_settings(struct connect *connect, struct str connector, struct value settings,
    struct arena *arena, struct str **ret_secret_fields, size_t *ret_secret_field_count,
    struct err_info *why);

/* Tries a connection with the harmless request that its connector declares (`test:`). Owned by the caller
 * until `done`, which runs on the host's loop, later, exactly once. */
struct connection_test {
    void (*done)(struct connection_test *test, const struct action_result *result);
    int64_t tenant;
    struct str name; /* of the connection; borrowed until `done` */
    struct arena *arena; /* the result lives in it */
    struct action_call call; /* connect's */
    struct catalogue_source *source;
    const struct catalogue *catalogue;
};
/* On the loop's thread. ERR_NOT_FOUND when there is no such connection, ERR_INVALID when its connector
 * declares no test; then `done` is not called. */
FALLIBLE connection_test_start(struct connect *connect, void *host, struct loop *loop,
    struct connection_test *test, struct err_info *why);

/* Health for metrics and lists: 1 closed, 0 open, half-open 0.5; calls so far. */
struct connection_health {
    double health;
    uint64_t calls, failures;
    int64_t opened_until_us; /* monotonic; 0: closed */
};
/* False when nothing was called through it yet. Any thread. */
bool connect_health(struct connect *connect, struct id connection, struct connection_health *ret);

/* ---- hosts: engine_options.make_host and free_host, with the `struct connect` as context ---- */
FALLIBLE connect_make_host(
    void *connect, struct loop *loop, unsigned shard, void **ret_host, struct err_info *why);
/* On the loop's thread or after it ended. Calls in flight are finished as cancelled. */
void connect_free_host(void *connect, void *host);

#endif
