/* Rate limit and breaker of a connection, by a clock that is moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "connect/gate.h"

static const struct id one = { { 1 } }, other = { { 2 } };

struct fixture {
    struct clock_manual clock;
    struct gates *gates;
    bool is_trial;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    clock_manual_init(&fixture->clock, (struct instant){ 1000 * US_PER_S });
    assert_int_equal(gates_new(&fixture->clock.clock, &fixture->gates, NULL), ERR_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    gates_free(fixture->gates);
    free(fixture);
    return 0;
}

static struct gate_answer enter(
    struct fixture *fixture, struct id id, const struct gate_rules *rules, int64_t patience_us)
{
    struct gate_answer answer = { 0 };
    assert_int_equal(gate_enter(fixture->gates, id, rules, patience_us, &answer, NULL), ERR_OK);
    fixture->is_trial = fixture->is_trial || (answer.verdict == GATE_GO && answer.is_trial);
    return answer;
}

/* Of the call that entered last. */
static void leave(struct fixture *fixture, const struct gate_rules *rules, enum gate_outcome outcome,
    int64_t retry_after_us)
{
    struct gate_report report = { outcome, fixture->is_trial, retry_after_us };
    gate_leave(fixture->gates, one, rules, &report);
    fixture->is_trial = false;
}

static void assert_go(struct gate_answer answer, int64_t wait_us)
{
    assert_int_equal(answer.verdict, GATE_GO);
    assert_int_equal(answer.wait_us, wait_us);
}

static void assert_refused(struct gate_answer answer, enum gate_verdict verdict, int64_t wait_us)
{
    assert_int_equal(answer.verdict, verdict);
    assert_int_equal(answer.wait_us, wait_us);
}

/* ---- the rate ---- */

static void burst_goes_at_once_and_the_rest_in_turn(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .calls = 60, .per_us = US_PER_MIN, .burst = 3 };
    for (int i = 0; i < 3; i++)
        assert_go(enter(fixture, one, &rules, US_PER_MIN), 0);
    for (int i = 1; i <= 4; i++) /* each waits for its own second */
        assert_go(enter(fixture, one, &rules, US_PER_MIN), i * US_PER_S);
    assert_go(enter(fixture, other, &rules, US_PER_MIN), 0); /* another connection's rate is its own */
    clock_manual_advance(&fixture->clock, 10 * US_PER_S);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), 0);
}

static void idle_time_gives_no_more_than_the_burst(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .calls = 10, .per_us = US_PER_S, .burst = 2 };
    clock_manual_advance(&fixture->clock, US_PER_DAY);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), 0);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), 0);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), US_PER_S / 10);
}

static void impatient_call_is_told_and_reserves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .calls = 1, .per_us = US_PER_MIN, .burst = 1 };
    assert_go(enter(fixture, one, &rules, 0), 0);
    for (int i = 0; i < 5; i++)
        assert_refused(enter(fixture, one, &rules, US_PER_S), GATE_LIMITED, US_PER_MIN);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), US_PER_MIN);
}

static void long_run_keeps_to_the_rate(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .calls = 100, .per_us = US_PER_S, .burst = 10 };
    unsigned gone = 0;
    for (int ms = 0; ms < 10000; ms++) {
        while (enter(fixture, one, &rules, 0).verdict == GATE_GO)
            gone++;
        clock_manual_advance(&fixture->clock, US_PER_MS);
    }
    assert_in_range(gone, 1000, 1000 + 10);
}

static void retry_after_holds_everyone_and_has_an_end(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { 0 };
    struct gate_answer answer;
    assert_go(enter(fixture, one, &rules, 0), 0);
    leave(fixture, &rules, GATE_SUCCEEDED, 20 * US_PER_S);
    assert_refused(enter(fixture, one, &rules, US_PER_S), GATE_LIMITED, 20 * US_PER_S);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), 20 * US_PER_S);
    leave(fixture, &rules, GATE_SUCCEEDED, US_PER_S); /* a shorter one does not shorten it */
    clock_manual_advance(&fixture->clock, 5 * US_PER_S);
    gate_wake(fixture->gates, one, &rules, US_PER_MIN, &answer);
    assert_go(answer, 15 * US_PER_S);
    gate_wake(fixture->gates, one, &rules, US_PER_S, &answer);
    assert_refused(answer, GATE_LIMITED, 15 * US_PER_S);
    leave(fixture, &rules, GATE_SUCCEEDED, INT64_MAX); /* a hostile one does not lock the connection */
    assert_refused(enter(fixture, one, &rules, 0), GATE_LIMITED, 15 * US_PER_MIN);
    clock_manual_advance(&fixture->clock, 15 * US_PER_MIN);
    assert_go(enter(fixture, one, &rules, 0), 0);
}

/* ---- the breaker ---- */

static void fail_times(struct fixture *fixture, const struct gate_rules *rules, int count)
{
    for (int i = 0; i < count; i++) {
        assert_go(enter(fixture, one, rules, 0), 0);
        leave(fixture, rules, GATE_FAILED, 0);
    }
}

static double health(struct fixture *fixture)
{
    struct connection_health ret;
    assert_true(gate_health(fixture->gates, one, &ret));
    return ret.health;
}

static void failures_in_a_row_open_it(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .failures = 3, .open_us = 10 * US_PER_S };
    fail_times(fixture, &rules, 2);
    assert_go(enter(fixture, one, &rules, 0), 0);
    leave(fixture, &rules, GATE_SUCCEEDED, 0); /* a success between them starts again */
    fail_times(fixture, &rules, 2);
    assert_true(health(fixture) == 1);
    fail_times(fixture, &rules, 1);
    assert_true(health(fixture) == 0);
    assert_refused(enter(fixture, one, &rules, US_PER_MIN), GATE_OPEN, 10 * US_PER_S);
    clock_manual_advance(&fixture->clock, 4 * US_PER_S);
    assert_refused(enter(fixture, one, &rules, US_PER_MIN), GATE_OPEN, 6 * US_PER_S);
    assert_go(enter(fixture, other, &rules, 0), 0);
}

static void open_breaker_lets_a_single_call_try(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .failures = 1, .open_us = 10 * US_PER_S };
    fail_times(fixture, &rules, 1);
    clock_manual_advance(&fixture->clock, 10 * US_PER_S);
    assert_true(health(fixture) == 0.5);
    assert_go(enter(fixture, one, &rules, 0), 0);
    assert_refused(enter(fixture, one, &rules, US_PER_MIN), GATE_OPEN, US_PER_S);
    leave(fixture, &rules, GATE_FAILED, 0); /* open again, for as long */
    assert_refused(enter(fixture, one, &rules, US_PER_MIN), GATE_OPEN, 10 * US_PER_S);
    clock_manual_advance(&fixture->clock, 10 * US_PER_S);
    assert_go(enter(fixture, one, &rules, 0), 0);
    leave(fixture, &rules, GATE_SUCCEEDED, 0);
    assert_true(health(fixture) == 1);
    assert_go(enter(fixture, one, &rules, 0), 0);
    assert_go(enter(fixture, one, &rules, 0), 0);
}

static void trial_that_was_given_up_makes_room_for_another(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .failures = 1, .open_us = US_PER_S };
    fail_times(fixture, &rules, 1);
    clock_manual_advance(&fixture->clock, US_PER_S);
    assert_go(enter(fixture, one, &rules, 0), 0);
    leave(fixture, &rules, GATE_NEUTRAL, 0);
    assert_go(enter(fixture, one, &rules, 0), 0);
}

/* A call from before the breaker opened ends while the trial is out: no second trial. */
static void calls_of_before_do_not_end_the_trial(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { .failures = 1, .open_us = US_PER_S };
    struct gate_report given_up = { .outcome = GATE_NEUTRAL };
    assert_go(enter(fixture, one, &rules, 0), 0); /* stays out */
    fail_times(fixture, &rules, 1);
    clock_manual_advance(&fixture->clock, US_PER_S);
    assert_go(enter(fixture, one, &rules, 0), 0); /* the trial */
    gate_leave(fixture->gates, one, &rules, &given_up);
    assert_refused(enter(fixture, one, &rules, US_PER_MIN), GATE_OPEN, US_PER_S);
    leave(fixture, &rules, GATE_SUCCEEDED, 0);
    assert_go(enter(fixture, one, &rules, 0), 0);
}

static void call_that_waits_is_refused_when_the_breaker_opened_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = {
        .calls = 1, .per_us = US_PER_S, .burst = 1, .failures = 1, .open_us = 10 * US_PER_S
    };
    struct gate_answer answer;
    assert_go(enter(fixture, one, &rules, 0), 0);
    assert_go(enter(fixture, one, &rules, US_PER_MIN), US_PER_S);
    leave(fixture, &rules, GATE_FAILED, 0);
    clock_manual_advance(&fixture->clock, US_PER_S);
    gate_wake(fixture->gates, one, &rules, US_PER_MIN, &answer);
    assert_refused(answer, GATE_OPEN, 9 * US_PER_S);
}

static void no_rules_hold_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct gate_rules rules = { 0 };
    struct connection_health ret;
    assert_false(gate_health(fixture->gates, one, &ret));
    fail_times(fixture, &rules, 100);
    assert_true(gate_health(fixture->gates, one, &ret));
    assert_true(ret.health == 1 && ret.calls == 100 && ret.failures == 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(burst_goes_at_once_and_the_rest_in_turn),
        TEST(idle_time_gives_no_more_than_the_burst),
        TEST(impatient_call_is_told_and_reserves_nothing),
        TEST(long_run_keeps_to_the_rate),
        TEST(retry_after_holds_everyone_and_has_an_end),
        TEST(failures_in_a_row_open_it),
        TEST(open_breaker_lets_a_single_call_try),
        TEST(trial_that_was_given_up_makes_room_for_another),
        TEST(calls_of_before_do_not_end_the_trial),
        TEST(call_that_waits_is_refused_when_the_breaker_opened_meanwhile),
        TEST(no_rules_hold_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
