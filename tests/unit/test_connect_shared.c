/* What all shards share: gates, access tokens, the catalogue. Many threads at a time; `make tsan` sees what
 * they do. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connect/connect.h"
#include "connect/gate.h"
#include "connect/token_cache.h"

enum { THREADS = 4, ROUNDS = 2000 };

struct shared {
    struct gates *gates;
    struct token_cache *tokens;
    struct connect *connect;
    atomic_uint gone, wrong;
};

static void run_threads(void *(*run)(void *argument), struct shared *shared)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- gates ---- */

static void *pass_gates(void *argument)
{
    struct shared *shared = argument;
    struct gate_rules rules = {
        .calls = 100, .per_us = US_PER_HOUR, .burst = 100, .failures = 3, .open_us = 1
    };
    for (int i = 0; i < ROUNDS; i++) {
        struct id id = { { (unsigned char)(i % 3 + 1) } };
        struct gate_answer answer;
        struct connection_health health;
        if (gate_enter(shared->gates, id, &rules, 0, &answer, NULL) != ERR_OK)
            shared->wrong++;
        if (answer.verdict == GATE_GO) {
            shared->gone++;
            struct gate_report report = { GATE_SUCCEEDED, answer.is_trial, 0 };
            gate_leave(shared->gates, id, &rules, &report);
        }
        if (!gate_health(shared->gates, id, &health))
            shared->wrong++;
    }
    return NULL;
}

/* The clock stands still: each of three connections lets its burst through and no more. */
static void threads_together_keep_to_the_rate(void **state)
{
    struct shared shared = { 0 };
    struct clock_manual clock;
    (void)state;
    clock_manual_init(&clock, (struct instant){ 1000 * US_PER_S });
    assert_int_equal(gates_new(&clock.clock, &shared.gates, NULL), ERR_OK);
    run_threads(pass_gates, &shared);
    assert_int_equal(shared.gone, 300);
    assert_int_equal(shared.wrong, 0);
    gates_free(shared.gates);
}

/* ---- tokens ---- */

static void *use_tokens(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < ROUNDS / 10; i++) { /* guarded memory is slow to get */
        struct id id = { { (unsigned char)(i % 3 + 1) } };
        char text[20];
        AUTO(secret) struct secret found = { 0 };
        snprintf(text, sizeof text, "token-%d", i % 3);
        if (token_cache_put(shared->tokens, id, 1, str_of(text), US_PER_HOUR, NULL) != ERR_OK)
            shared->wrong++;
        if (token_cache_get(shared->tokens, id, 1, &found) && !secret_equal(&found, str_of(text)))
            shared->wrong++;
        if (i % 7 == 0)
            token_cache_drop(shared->tokens, id);
        if (token_cache_get(shared->tokens, id, 2, &found)) /* of another revision */
            shared->wrong++;
    }
    return NULL;
}

static void tokens_are_whole_whoever_takes_them(void **state)
{
    struct shared shared = { 0 };
    (void)state;
    assert_int_equal(token_cache_new(clock_system(), &shared.tokens, NULL), ERR_OK);
    run_threads(use_tokens, &shared);
    assert_int_equal(shared.wrong, 0);
    token_cache_free(shared.tokens);
}

static void token_is_good_for_its_time(void **state)
{
    struct clock_manual clock;
    struct token_cache *cache;
    struct id id = { { 1 } };
    AUTO(secret) struct secret found = { 0 };
    (void)state;
    clock_manual_init(&clock, (struct instant){ 1000 * US_PER_S });
    assert_int_equal(token_cache_new(&clock.clock, &cache, NULL), ERR_OK);
    assert_false(token_cache_get(cache, id, 1, &found));
    assert_int_equal(token_cache_put(cache, id, 1, STR("t"), 10 * US_PER_S, NULL), ERR_OK);
    clock_manual_advance(&clock, 10 * US_PER_S - 1);
    assert_true(token_cache_get(cache, id, 1, &found));
    secret_wipe(&found);
    clock_manual_advance(&clock, 1);
    assert_false(token_cache_get(cache, id, 1, &found));
    token_cache_free(cache);
}

/* ---- the catalogue ---- */

static const char file_text[] = "connector: tool\ntitle: Tool\nbase_url: https://tool.example\nactions:\n  "
                                "do: { summary: Does, kind: query, "
                                "request: { path: / } }\n";

static void *use_catalogue(void *argument)
{
    struct shared *shared = argument;
    struct catalogue_source *source = connect_catalogues(shared->connect);
    struct connector_file file = { STR("tool.yaml"), STR(file_text) };
    for (int i = 0; i < ROUNDS / 20; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        const struct catalogue *catalogue = source->acquire(source);
        diagnostics_init(&found, &arena, STR(""));
        if (i % 5 == 0 && connect_load(shared->connect, &file, 1, &found, NULL) != ERR_OK)
            shared->wrong++;
        const struct action *action = catalogue_find(catalogue, STR("http.request"));
        if (!action || !str_equal(action->name, STR("http.request"))) /* a swap leaves what is held alone */
            shared->wrong++;
        source->release(source, catalogue);
    }
    return NULL;
}

static void reload_leaves_catalogues_that_are_held(void **state)
{
    struct shared shared = { 0 };
    struct connect_options options = { .clock = clock_system(), .rand = rand_system() };
    (void)state;
    assert_int_equal(connect_new(&options, &shared.connect, NULL), ERR_OK);
    run_threads(use_catalogue, &shared);
    assert_int_equal(shared.wrong, 0);
    connect_free(shared.connect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_together_keep_to_the_rate),
        cmocka_unit_test(tokens_are_whole_whoever_takes_them),
        cmocka_unit_test(token_is_good_for_its_time),
        cmocka_unit_test(reload_leaves_catalogues_that_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
