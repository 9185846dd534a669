/* One call over HTTP: connection, gate, token, wire, answer, and again for each page, until there is a
 * result.
 *
 *   start → (waits at the gate) → (fetches a token) → sends → answer → (large: read by the pool) →
 *   more? from the gate again : finish
 *
 * Lives in the call's arena, on its loop. */
#ifndef TOCSIN_CONNECT_REMOTE_CALL_H
#define TOCSIN_CONNECT_REMOTE_CALL_H

#include "connect/connect_impl.h"
#include "connect/exchange.h"
#include "connect/remote_action.h"

struct remote_call;

/* What kind of call it is: a declarative action's, or one that builds its requests itself. */
struct remote_ops {
    bool may_go_bare; /* without a connection when none is named, whatever the connector's settings */
    enum err (*request)(struct remote_call *remote, struct wire *ret, struct err_info *why);
    enum err (*answer)(struct remote_call *remote, const struct http_answer *answer,
        struct action_result *ret, bool *ret_more, struct err_info *why);
};

/* Who waits for the same token. */
struct token_fetch;

/* What is read of an answer: on the loop, or by the pool, which then has all of the call but for its place in
 * lists. */
struct answer_reading {
    struct executor_task task; /* first */
    struct remote_call *remote;
    struct connect *connect;
    bool is_out; /* the pool has it */
    struct http_answer answer; /* of those that the pool has; headers in the call's arena */
    struct buf body;
    size_t size;
    enum err outcome; /* of ops->answer, as what follows */
    struct action_result result;
    bool is_more;
    struct err_info why;
};

struct remote_call {
    struct action_call *call;
    const struct remote_ops *ops;
    struct host *host; /* NULL: it has gone away while the answer was read */
    struct connection_snapshot *snapshot; /* NULL: no connection */
    const struct connection *connection;
    struct vault_secrets source;
    struct exchange exchange;
    struct gate_rules rules;
    bool is_gated; /* passed the gate and has not left it */
    bool is_trial; /* the breaker waits for what becomes of it */
    bool is_waiting, is_out; /* for its turn; counted in host->calls_out */
    bool is_token_fresh; /* fetched for this very call: a 401 is then final */
    bool is_cancelled;
    bool is_deferred; /* inside start or cancel: finish only through a job */
    int64_t timeout_us;
    struct loop_timer timer;
    struct late_finish late;
    struct http_call *http;
    struct answer_reading reading;
    struct remote_call *next, **link; /* in host->calls */
    struct remote_call *next_waiting; /* in host->waiting */
    struct token_fetch *fetch; /* while it waits for a token */
    struct remote_call *next_waiter;
};

/* For actions other than declarative ones (remote_action.h), from their own start. `action` NULL: ops build
 * and answer by themselves. */
void remote_call_start(struct action_call *call, const struct connector *connector,
    const struct connector_action *action, const struct remote_ops *ops, int64_t timeout_us);
/* Ends all calls of a host that goes away. Those whose answer is being read finish when it was, by a job on
 * the loop: until then the connect floor must stay. */
void remote_calls_abandon(struct host *host);

/* answer_reading.c: true when the pool reads the answer; it then calls remote_was_read, on the loop. False:
 * it is small, or the pool has too much already. */
bool answer_reading_start(struct remote_call *remote, const struct http_answer *answer);
/* `reading` has what came of it. */
void remote_was_read(struct remote_call *remote);

/* call_turn.c: whether the call may go now; otherwise it waits, and call_turns_wake gives it to `go` later.
 */
bool call_turn_take(struct remote_call *remote);
/* Its turn is over, or it waits no longer. */
void call_turn_give(struct remote_call *remote);
/* Behind each end of a call. */
void call_turns_wake(struct host *host, void (*go)(struct remote_call *remote));

/* token_fetch.c: sees to a token for this call; calls remote_go_on or remote_fail, later or at once. */
void token_fetch_start(struct remote_call *remote);
/* A cancelled call no longer waits for another one's request; false when it does not wait, or makes it
 * itself. */
bool token_fetch_leave(struct remote_call *remote);
void remote_go_on(struct remote_call *remote);
/* Sends with the connection's TLS settings and the time that is left; wipes the wire. */
FALLIBLE remote_send(struct remote_call *remote, struct wire *wire, http_done *done, struct err_info *why);
void remote_fail(struct remote_call *remote, const struct action_result *result);

#endif
