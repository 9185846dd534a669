/* The timers of a loop in order of `due`, those of one instant in the order they were armed: a pairing
 * heap that lives inside the timers, so that arming never allocates and never fails. */
#ifndef TOCSIN_IO_TIMER_HEAP_H
#define TOCSIN_IO_TIMER_HEAP_H

#include "io/loop.h"

struct timer_heap {
    struct loop_timer *first; /* the earliest; NULL when empty */
    uintptr_t armed_count; /* ever; orders equal instants */
};

/* Sets `is_armed`; the timer must not be armed. Its `due` must stay while it is in the heap. */
void timer_heap_add(struct timer_heap *heap, struct loop_timer *timer);
/* Clears `is_armed`; the timer must be in this heap. */
void timer_heap_remove(struct timer_heap *heap, struct loop_timer *timer);

#endif
