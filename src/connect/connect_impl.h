/* What the files of this floor know of each other; nothing outside includes it. */
#ifndef TOCSIN_CONNECT_CONNECT_IMPL_H
#define TOCSIN_CONNECT_CONNECT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "connect/catalogue.h"
#include "connect/connect.h"
#include "connect/gate.h"
#include "connect/token_cache.h"

struct connect {
    struct connect_options options;
    struct gates *gates;
    struct token_cache *tokens;
    struct catalogues catalogues;
    uint32_t calls_out_max;
    atomic_uint calls_out; /* of all hosts */
    atomic_size_t reading_bytes; /* of answers that the pool has */
    struct child_stopper stopper; /* of every child: see connect_stop */
    pthread_mutex_t nftables; /* libnftables is used by one thread at a time */
};

struct remote_call;

/* One for each shard; used on its loop's thread only. */
struct host {
    struct connect *connect;
    struct loop *loop;
    struct http_client *client;
    struct remote_call *calls; /* in flight */
    struct remote_call *waiting, *waiting_last; /* of these, those that wait until fewer are out */
    uint32_t calls_out;
    bool is_waking; /* the waiting ones are being looked at, or must no longer be */
    struct action_call *starved; /* calls that found no memory even for an answer; linked by `state` */
    struct loop_job starved_job;
    bool is_starved_posted;
};

/* A result on its way to `finish`, which a job on the call's loop calls. */
struct late_finish {
    struct loop_job job; /* first */
    struct action_call *call;
    struct action_result result;
};
/* Needs no memory: `late` is the caller's, and lives as long as the call. */
void call_finish_late(struct late_finish *late, struct action_call *call, const struct action_result *result);
/* Finishes the call from a job on its loop, so that `start` never does it itself. The result's texts must
 * live as long as the call's arena. A probe that fails this way has asked nobody: it knows nothing. */
void call_finish_soon(struct action_call *call, const struct action_result *result);
/* The same from `why`. */
void call_fail_soon(struct action_call *call, const struct err_info *why);

/* The connection of a call: by name, or the connector's default. `*ret` NULL and ERR_OK when none is named
 * and the connector can do without (`needs_one` false). ERR_NOT_FOUND, name "connection_missing", with the
 * command that mends it; ERR_DENIED, name "connection_disabled". Borrowed from `snapshot`. */
FALLIBLE call_find_connection(const struct action_call *call, const struct connection_snapshot *snapshot,
    struct str connector, bool needs_one, const struct connection **ret, struct err_info *why);

struct host *call_host(const struct action_call *call);
/* µs until the deadline, at most CALL_SECONDS_MAX; 0 when it has passed. */
int64_t call_time_left(const struct action_call *call);
/* µs of a span such as "10s", or of a duration, which may be below 0; false for any other value. */
bool call_read_span(struct value v, int64_t *ret_us);
/* For ids that a local action makes. */
struct rand *call_rand(const struct action_call *call);
/* "connector" of "connector.action". */
struct str action_connector_name(const struct action *action);

/* Blocking work of a native action on the executor's pool. */
struct blocking_call {
    struct executor_task task;
    struct action_call *call;
    struct connect *connect;
    void (*work)(struct blocking_call *blocking); /* on a pool thread: fills `result`, in the call's arena */
    void (*release)(
        struct blocking_call *blocking); /* on the loop, before the call finishes; NULL: nothing */
    bool is_slow; /* it may take seconds: for the pool of such */
    struct action_result result;
};
/* Allocates it (of `size` bytes, with the struct at its start) in the call's arena; NULL when there is no
 * memory, after having seen to the call's end. */
void *blocking_call_new(struct action_call *call, size_t size, void (*work)(struct blocking_call *blocking));
/* Hands it to the pool. ERR_UNAVAILABLE, name "busy", when the pool is full; then nothing happens. */
FALLIBLE blocking_call_submit(struct blocking_call *blocking, struct err_info *why);

#endif
