/* When parked runs and containments are due: a heap of what falls into the next TIMER_WINDOW_SECONDS, filled
 * from the store (their rows are what counts, the heap is a cache) and by what is parked meanwhile. An entry
 * may be out of date: whoever is woken looks again. One a shard; the store is asked by the first shard for
 * all. */
#ifndef TOCSIN_ENGINE_WAKE_H
#define TOCSIN_ENGINE_WAKE_H

#include "base/clock.h"
#include "base/id.h"
#include "io/loop.h"

struct shard;

enum wake_kind { WAKE_RUN, WAKE_LEASE, WAKE_LOST };
struct wake {
    struct instant due;
    struct id id;
    enum wake_kind kind;
};

struct wakes {
    struct shard *shard;
    struct wake *heap;
    uint32_t count, room;
    struct loop_timer timer;
    struct loop_timer poll; /* the first shard's */
    bool is_polling;
};

void wakes_init(struct wakes *wakes, struct shard *shard);
void wakes_start(struct wakes *wakes);
/* On the loop's thread. */
void wakes_stop(struct wakes *wakes);
void wakes_done(struct wakes *wakes);
/* The store is asked anew, as soon as what is on its way has arrived. */
void wakes_poll_soon(struct wakes *wakes);
/* Nothing when it is due after the window. Without memory the store is asked again in a minute. */
void wakes_add(struct wakes *wakes, enum wake_kind kind, struct id id, struct instant due);

#endif
