/* A loop over a virtual clock, for tests, `tocsin test` and the simulator: jobs run in the order in which
 * they were posted; when none is left, time jumps to the next timer. One thread; nothing may be posted from
 * another. The same seed and the same jobs give the same order and the same times, always. */
#ifndef TOCSIN_IO_LOOP_VIRTUAL_H
#define TOCSIN_IO_LOOP_VIRTUAL_H

#include "io/loop.h"

/* `clock` is moved by the loop and must outlive it. The loop's other functions are those of loop.h; loop_run
 * ends at loop_stop or when nothing is left to do. */
FALLIBLE loop_virtual_new(struct clock_manual *clock, struct loop **ret, struct err_info *why);

/* Runs one job, or else moves the clock to the next timer and fires it. False when there is neither. */
bool loop_virtual_step(struct loop *loop);
/* Runs one job without moving the clock. False when no job is left. */
bool loop_virtual_step_job(struct loop *loop);
/* Steps until `is_reached` says so, which is asked before each step. False when nothing was left to do, or
 * the clock would have to go past `until` (INSTANT_NEVER: no end). */
bool loop_virtual_run_until(
    struct loop *loop, bool (*is_reached)(void *context), void *context, struct instant until);
/* Does all that is due up to `at`, and leaves the clock there. */
void loop_virtual_run_to(struct loop *loop, struct instant at);

#endif
