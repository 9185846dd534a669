#include "io/timer_heap.h"

#include <assert.h>
#include <stddef.h>

/* What a loop_timer's `state` holds. `previous` is the parent for a first child, else the sibling before. */
enum timer_state { TIMER_CHILD, TIMER_NEXT, TIMER_PREVIOUS, TIMER_ORDER };

static struct loop_timer *timer_link(const struct loop_timer *timer, enum timer_state which)
{
    return timer->state[which];
}

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
    if (a->due.us != b->due.us)
        return a->due.us < b->due.us;
    return (uintptr_t)a->state[TIMER_ORDER] < (uintptr_t)b->state[TIMER_ORDER];
}

/* Two heaps become one. Either may be NULL. */
static struct loop_timer *timer_meld(struct loop_timer *a, struct loop_timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    struct loop_timer *top = timer_before(b, a) ? b : a;
    struct loop_timer *under = top == a ? b : a;
    struct loop_timer *child = timer_link(top, TIMER_CHILD);
    under->state[TIMER_NEXT] = child;
    under->state[TIMER_PREVIOUS] = top;
    if (child)
        child->state[TIMER_PREVIOUS] = under;
    top->state[TIMER_CHILD] = under;
    return top;
}

/* The siblings of a removed timer's children: meld in pairs from the left, then all from the right. Both
 * passes are loops: the list can be as long as there are timers. */
static struct loop_timer *timer_meld_all(struct loop_timer *first)
{
    struct loop_timer *pairs = NULL;
    while (first) {
        struct loop_timer *second = timer_link(first, TIMER_NEXT);
        struct loop_timer *rest = second ? timer_link(second, TIMER_NEXT) : NULL;
        first->state[TIMER_NEXT] = NULL;
        if (second)
            second->state[TIMER_NEXT] = NULL;
        struct loop_timer *pair = timer_meld(first, second);
        pair->state[TIMER_NEXT] = pairs;
        pairs = pair;
        first = rest;
    }
    struct loop_timer *heap = NULL;
    while (pairs) {
        struct loop_timer *rest = timer_link(pairs, TIMER_NEXT);
        pairs->state[TIMER_NEXT] = NULL;
        heap = timer_meld(heap, pairs);
        pairs = rest;
    }
    return heap;
}

void timer_heap_add(struct timer_heap *heap, struct loop_timer *timer)
{
    assert(!timer->is_armed);
    timer->state[TIMER_CHILD] = NULL;
    timer->state[TIMER_NEXT] = NULL;
    timer->state[TIMER_PREVIOUS] = NULL;
    timer->state[TIMER_ORDER] = (void *)heap->armed_count++;
    timer->is_armed = true;
    heap->first = timer_meld(heap->first, timer);
    heap->first->state[TIMER_PREVIOUS] = NULL;
}

void timer_heap_remove(struct timer_heap *heap, struct loop_timer *timer)
{
    assert(timer->is_armed);
    struct loop_timer *previous = timer_link(timer, TIMER_PREVIOUS);
    struct loop_timer *next = timer_link(timer, TIMER_NEXT);
    struct loop_timer *children = timer_meld_all(timer_link(timer, TIMER_CHILD));
    if (timer == heap->first) {
        heap->first = children;
    } else {
        bool is_first_child = timer_link(previous, TIMER_CHILD) == timer;
        previous->state[is_first_child ? TIMER_CHILD : TIMER_NEXT] = next;
        if (next)
            next->state[TIMER_PREVIOUS] = previous;
        heap->first = timer_meld(heap->first, children);
    }
    if (heap->first) {
        heap->first->state[TIMER_PREVIOUS] = NULL;
        heap->first->state[TIMER_NEXT] = NULL;
    }
    timer->is_armed = false;
}
