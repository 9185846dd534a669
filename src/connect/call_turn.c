/* How many calls over HTTP are out at a time. Each holds secrets, which stand in pages of their own: a tool
 * that hangs must not take all mappings of the process. Those past the limit wait in their order and hold
 * none. */
#include <assert.h>

#include "connect/remote_call.h"

/* A share that each host may have whatever the others do, so that those that wait are woken by its own. */
#define HOSTS_EXPECTED 16

static bool has_room(const struct host *host)
{
    struct connect *connect = host->connect;
    uint32_t share = connect->calls_out_max / HOSTS_EXPECTED + 1;
    return host->calls_out < share || atomic_load(&connect->calls_out) < connect->calls_out_max;
}

static void go_out(struct remote_call *remote)
{
    remote->is_out = true;
    remote->host->calls_out++;
    (void)atomic_fetch_add(&remote->host->connect->calls_out, 1); /* what it was before is not wanted */
}

bool call_turn_take(struct remote_call *remote)
{
    struct host *host = remote->host;
    if (remote->is_out)
        return true;
    if (!host->waiting && has_room(host)) {
        go_out(remote);
        return true;
    }
    remote->is_waiting = true;
    remote->next_waiting = NULL;
    if (host->waiting)
        host->waiting_last->next_waiting = remote;
    else
        host->waiting = remote;
    host->waiting_last = remote;
    return false;
}

static void stop_waiting(struct remote_call *remote)
{
    struct host *host = remote->host;
    struct remote_call **link = &host->waiting, *before = NULL;
    while (*link != remote) {
        before = *link;
        link = &before->next_waiting;
    }
    *link = remote->next_waiting;
    if (host->waiting_last == remote)
        host->waiting_last = before;
    remote->is_waiting = false;
}

void call_turn_give(struct remote_call *remote)
{
    if (remote->is_waiting)
        stop_waiting(remote);
    if (!remote->is_out)
        return;
    remote->is_out = false;
    assert(remote->host->calls_out > 0);
    remote->host->calls_out--;
    (void)atomic_fetch_sub(&remote->host->connect->calls_out, 1); /* as above */
}

void call_turns_wake(struct host *host, void (*go)(struct remote_call *remote))
{
    if (host->is_waking) /* a call that failed at once: the loop below goes on */
        return;
    host->is_waking = true;
    while (host->waiting && has_room(host)) {
        struct remote_call *next = host->waiting;
        stop_waiting(next);
        go_out(next);
        next->is_deferred = true; /* whoever wakes it may be inside another call's start */
        go(next);
        next->is_deferred = false; /* when it has failed, it lives until its job has run */
    }
    host->is_waking = false;
}
