#include "base/rand.h"
#include "io/timer_heap.h"
#include "io_helpers.h"
#include "memory_faults.h"

static struct loop *new_loop(void)
{
    struct loop *loop = NULL;
    CHECK(loop_new(clock_system(), &loop, why));
    return loop;
}

/* Jobs. */

struct counted_job {
    struct loop_job job;
    struct loop *loop;
    unsigned thread, number;
    unsigned *next_of_thread; /* what the loop has seen of this thread */
    unsigned *left;
};

static void run_counted(struct loop_job *job)
{
    struct counted_job *counted = (struct counted_job *)(void *)job;
    assert_int_equal(counted->next_of_thread[counted->thread]++, counted->number);
    if (--*counted->left == 0)
        loop_stop(counted->loop);
}

#define POSTERS 4
#define JOBS_EACH 5000

struct poster {
    pthread_t thread;
    struct counted_job *jobs;
};

static void *post_all(void *argument)
{
    struct poster *poster = argument;
    for (unsigned i = 0; i < JOBS_EACH; i++)
        loop_post(poster->jobs[i].loop, &poster->jobs[i].job);
    return NULL;
}

static void jobs_of_one_thread_run_in_order(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    unsigned seen[POSTERS] = { 0 }, left = POSTERS * JOBS_EACH;
    struct poster posters[POSTERS];
    for (unsigned t = 0; t < POSTERS; t++) {
        posters[t].jobs = calloc(JOBS_EACH, sizeof(struct counted_job));
        for (unsigned i = 0; i < JOBS_EACH; i++)
            posters[t].jobs[i] = (struct counted_job){ { run_counted, NULL }, loop, t, i, seen, &left };
        assert_int_equal(pthread_create(&posters[t].thread, NULL, post_all, &posters[t]), 0);
    }
    loop_run(loop);
    for (unsigned t = 0; t < POSTERS; t++) {
        pthread_join(posters[t].thread, NULL);
        assert_int_equal(seen[t], JOBS_EACH);
        free(posters[t].jobs);
    }
    loop_free(loop);
}

struct note {
    struct loop_job job;
    struct loop *loop;
    char name;
    bool stops;
    struct buf *into;
};

static void run_note(struct loop_job *job)
{
    struct note *note = (struct note *)(void *)job;
    buf_add_byte(note->into, note->name);
    if (note->stops)
        loop_stop(note->loop);
}

static void jobs_behind_a_stop_wait_for_the_next_run(void **state)
{
    (void)state;
    AUTO(buf) struct buf seen = { 0 };
    struct loop *loop = new_loop();
    struct note notes[4];
    for (int i = 0; i < 4; i++) {
        notes[i] = (struct note){ { run_note, NULL }, loop, (char)('a' + i), i % 2 == 1, &seen };
        loop_post(loop, &notes[i].job);
    }
    loop_run(loop);
    assert_string_equal(seen.data, "ab");
    loop_run(loop);
    assert_string_equal(seen.data, "abcd");
    loop_stop(loop); /* a stop that comes first is not lost */
    loop_run(loop);
    loop_free(loop);
}

struct repeater {
    struct loop_job job;
    struct loop_timer timer;
    struct loop *loop;
    unsigned runs;
};

static void run_repeater(struct loop_job *job)
{
    struct repeater *repeater = (struct repeater *)(void *)job;
    repeater->runs++;
    loop_post(repeater->loop, job); /* reused at once */
}

static void fire_stop(struct loop_timer *timer)
{
    struct repeater *repeater = (struct repeater *)(void *)((char *)timer - offsetof(struct repeater, timer));
    loop_stop(repeater->loop);
}

static void jobs_that_post_themselves_leave_time_for_timers(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct repeater repeater = { .job.run = run_repeater, .timer.fire = fire_stop, .loop = loop };
    loop_post(loop, &repeater.job);
    loop_timer_start(loop, &repeater.timer, (struct instant){ loop_now(loop).us + 20 * US_PER_MS });
    loop_run(loop);
    assert_true(repeater.runs > 10);
    loop_free(loop);
}

/* Timers. */

struct timed {
    struct loop_timer timer;
    struct loop *loop;
    int64_t fired_us;
    unsigned *order;
    unsigned position;
    unsigned *left;
};

static void fire_timed(struct loop_timer *timer)
{
    struct timed *timed = (struct timed *)(void *)timer;
    assert_false(timer->is_armed);
    timed->fired_us = loop_now(timed->loop).us;
    timed->position = (*timed->order)++;
    if (--*timed->left == 0)
        loop_stop(timed->loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct loop *loop = new_loop();
    struct timed *timers = calloc(COUNT, sizeof *timers);
    unsigned order = 0, left = COUNT;
    int64_t base_us = loop_now(loop).us;
    struct rand_seeded rand;
    rand_seeded_init(&rand, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        timers[i] = (struct timed){ .timer.fire = fire_timed, .loop = loop, .order = &order, .left = &left };
        int64_t wait_us = (int64_t)rand_below(&rand.rand, 50) * 1300 + 17;
        loop_timer_start(loop, &timers[i].timer, (struct instant){ base_us + wait_us });
        assert_true(timers[i].timer.is_armed);
    }
    loop_run(loop);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(timers[i].fired_us >= timers[i].timer.due.us);
        for (unsigned j = 0; j < COUNT; j++) {
            bool is_before = timers[i].timer.due.us < timers[j].timer.due.us ||
                (timers[i].timer.due.us == timers[j].timer.due.us && i < j);
            if (i != j)
                assert_int_equal(timers[i].position < timers[j].position, is_before);
        }
    }
    free(timers);
    loop_free(loop);
}

static void stopped_timer_never_fires_and_a_moved_one_fires_once(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    unsigned order = 0, left = 2;
    struct timed timers[3];
    int64_t now_us = loop_now(loop).us;
    for (int i = 0; i < 3; i++) {
        timers[i] = (struct timed){ .timer.fire = fire_timed, .loop = loop, .order = &order, .left = &left };
        loop_timer_start(loop, &timers[i].timer, (struct instant){ now_us + 1000 });
    }
    loop_timer_stop(loop, &timers[0].timer);
    loop_timer_stop(loop, &timers[0].timer); /* not armed: nothing happens */
    loop_timer_start(loop, &timers[1].timer, (struct instant){ now_us + 20 * US_PER_MS });
    loop_run(loop);
    assert_int_equal(timers[0].fired_us, 0);
    assert_true(timers[1].fired_us >= now_us + 20 * US_PER_MS);
    assert_int_equal(timers[2].position, 0);
    assert_int_equal(order, 2);
    loop_free(loop);
}

/* An alarm rings by the monotonic clock; what it wakes counts by the wall clock. */
static void due_is_wall_time(void **state)
{
    (void)state;
    struct clock_manual clock;
    struct loop *loop;
    clock_manual_init(&clock, (struct instant){ 1000 * US_PER_S });
    CHECK(loop_new(&clock.clock, &loop, why));
    unsigned order = 0, left = 2;
    struct timed timers[2];
    for (int i = 0; i < 2; i++)
        timers[i] = (struct timed){ .timer.fire = fire_timed, .loop = loop, .order = &order, .left = &left };
    loop_timer_start(loop, &timers[0].timer, (struct instant){ 1000 * US_PER_S + 5000 });
    loop_timer_start(loop, &timers[1].timer, (struct instant){ 990 * US_PER_S + 5000 }); /* long due */
    clock_manual_advance(&clock, 5000);
    loop_run(loop);
    assert_int_equal(timers[1].position, 0);
    assert_int_equal(timers[0].position, 1);
    assert_int_equal(timers[0].fired_us, timers[0].timer.due.us);
    loop_free(loop);
}

static void set_back(struct loop_timer *timer)
{
    struct timed *timed = (struct timed *)(void *)timer;
    timed->fired_us = loop_now(timed->loop).us;
    struct clock_manual *clock = (struct clock_manual *)(void *)timed->loop->clock;
    clock->at.us -= US_PER_S; /* clock_manual_advance goes forward only */
}

static void stop_later(struct loop_timer *timer)
{
    loop_stop(((struct timed *)(void *)timer)->loop);
}

/* Two timers are due in one turn; the first sets the clock back by a second. The second was due when the turn
 * began and fires; a third, which the clock says is a second away again, does not. */
static void clock_that_goes_back_postpones(void **state)
{
    (void)state;
    struct clock_manual clock;
    struct loop *loop;
    clock_manual_init(&clock, (struct instant){ 1000 * US_PER_S });
    CHECK(loop_new(&clock.clock, &loop, why));
    unsigned order = 0, left = 10;
    struct timed first = { .timer.fire = set_back, .loop = loop };
    struct timed stop = { .timer.fire = stop_later, .loop = loop };
    struct timed third = { .timer.fire = fire_timed, .loop = loop, .order = &order, .left = &left };
    loop_timer_start(loop, &first.timer, clock.at);
    loop_timer_start(loop, &stop.timer, (struct instant){ clock.at.us - US_PER_S + 20 * US_PER_MS });
    loop_timer_start(loop, &third.timer, (struct instant){ clock.at.us + 1 });
    loop_run(loop);
    assert_int_equal(order, 0);
    loop_free(loop);
}

static void heap_agrees_with_a_plain_search(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct timer_heap heap = { 0 };
    static struct loop_timer timers[COUNT];
    uintptr_t armed_at[COUNT] = { 0 }, clock = 0;
    struct rand_seeded rand;
    rand_seeded_init(&rand, 7);
    for (int step = 0; step < 20000; step++) {
        size_t i = rand_below(&rand.rand, COUNT);
        if (timers[i].is_armed) {
            timer_heap_remove(&heap, &timers[i]);
        } else {
            timers[i].due.us = (int64_t)rand_below(&rand.rand, 40);
            armed_at[i] = clock++;
            timer_heap_add(&heap, &timers[i]);
        }
        struct loop_timer *earliest = NULL;
        for (size_t j = 0; j < COUNT; j++) {
            struct loop_timer *t = &timers[j];
            if (t->is_armed &&
                (!earliest || t->due.us < earliest->due.us ||
                    (t->due.us == earliest->due.us && armed_at[j] < armed_at[earliest - timers])))
                earliest = t;
        }
        assert_ptr_equal(heap.first, earliest);
    }
}

static void no_memory_for_a_loop_is_an_error(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct err_info why;
    memory_faults_left = 0;
    assert_int_equal(loop_new(clock_system(), &loop, &why), ERR_MEMORY);
    memory_faults_left = -1;
    assert_null(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_of_one_thread_run_in_order),
        cmocka_unit_test(jobs_behind_a_stop_wait_for_the_next_run),
        cmocka_unit_test(jobs_that_post_themselves_leave_time_for_timers),
        cmocka_unit_test(timers_fire_in_order_and_never_early),
        cmocka_unit_test(stopped_timer_never_fires_and_a_moved_one_fires_once),
        cmocka_unit_test(due_is_wall_time),
        cmocka_unit_test(clock_that_goes_back_postpones),
        cmocka_unit_test(heap_agrees_with_a_plain_search),
        cmocka_unit_test(no_memory_for_a_loop_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
