/* Large answers are read beside the loop: with the same outcome as small ones, once, whatever happens to the
 * call and its host meanwhile. */
#include "base/pack.h"
#include "connect/answer.h"
#include "connect_helpers.h"

#define LARGE (3 * ANSWER_INLINE_BYTES_MAX)

static const char connector[] = "connector: tool\n"
                                "title: Tool\n"
                                "settings: { url: string, key: { type: string, secret: true } }\n"
                                "base_url: ${{ settings.url }}\n"
                                "auth: { kind: bearer, token: \"${{ settings.key }}\" }\n"
                                "actions:\n"
                                "  get:\n"
                                "    summary: Gets\n"
                                "    kind: query\n"
                                "    out: { n: int, echo: string }\n"
                                "    request: { path: /get }\n"
                                "    answer: { n: \"${{ body.n }}\", echo: \"${{ body.echo }}\" }\n"
                                "  list:\n"
                                "    summary: Lists\n"
                                "    kind: query\n"
                                "    out: { items: { type: list, items: int } }\n"
                                "    request: { path: /list, query: { after: \"${{ page.cursor }}\" } }\n"
                                "    paging: { items: \"${{ body.items }}\", cursor: \"${{ body.next }}\" }\n"
                                "    answer: { items: \"${{ items }}\" }\n";

/* A pool that the test runs: a task waits until it says so, and is then worked on by a thread. */
struct held_pool {
    struct executor executor; /* first */
    struct loop *loop; /* stopped when `wanted` tasks wait */
    struct executor_task *first, **last;
    unsigned taken_count, waiting_count, wanted;
    bool is_full;
};

static enum err held_submit(struct executor *executor, struct executor_task *task, struct err_info *why)
{
    struct held_pool *pool = (struct held_pool *)executor;
    if (pool->is_full)
        return err_named(why, ERR_LIMIT, "executor_queue_max", "full");
    task->next = NULL;
    *pool->last = task;
    pool->last = &task->next;
    pool->taken_count++;
    if (++pool->waiting_count == pool->wanted)
        loop_stop(pool->loop);
    return ERR_OK;
}

static void report(struct loop_job *job)
{
    struct executor_task *task = (struct executor_task *)(void *)((char *)job -
        offsetof(struct executor_task, job));
    task->done(task);
}

static void *work_all(void *context)
{
    struct held_pool *pool = context;
    while (pool->first) {
        struct executor_task *task = pool->first;
        pool->first = task->next;
        task->work(task);
        task->job.run = report;
        loop_post(task->reply_to, &task->job);
    }
    pool->last = &pool->first;
    pool->waiting_count = 0;
    return NULL;
}

static void held_work(struct held_pool *pool)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work_all, pool), 0);
    pthread_join(thread, NULL);
}

static const struct executor_ops held_ops = { .submit = held_submit };

struct reading {
    struct connect_world *world;
    struct held_pool pool;
};

static int setup(void **state)
{
    struct reading *reading = calloc(1, sizeof *reading);
    void *world;
    world_setup(&world);
    reading->world = world;
    reading->pool = (struct held_pool){
        .executor = { &held_ops }, .loop = reading->world->loop, .wanted = 1
    };
    reading->pool.last = &reading->pool.first;
    world_drop_connect(reading->world);
    reading->world->answer_executor = &reading->pool.executor;
    world_make_connect(reading->world);
    world_load(reading->world, connector);
    world_secret(reading->world, "key", "the-secret-key");
    world_connection(reading->world, "tool", "tool", "{\"url\":\"STUB\",\"key\":\"${secret:key}\"}");
    *state = reading;
    return 0;
}

static int teardown(void **state)
{
    struct reading *reading = *state;
    void *world = reading->world;
    world_teardown(&world);
    free(reading);
    return 0;
}

/* `text` and as many spaces as make it large. Freed by the caller. */
static char *large(const char *text)
{
    char *body = malloc(LARGE + 1);
    size_t size = strlen(text);
    memset(body, ' ', LARGE);
    memcpy(body, text, size);
    body[LARGE] = '\0';
    return body;
}

static void answer_with(struct reading *reading, const char *target, const char *text)
{
    char *body = large(text);
    stub_json(&reading->world->stub, target, body);
    free(body);
}

/* Until the answer waits to be read. */
static void start_and_wait(struct reading *reading, struct trial *trial, const char *action, const char *with)
{
    trial_make(reading->world, trial, action, with);
    trial_start(trial);
    loop_run(reading->world->loop);
    assert_int_equal(reading->pool.waiting_count, 1);
    assert_false(trial->is_done);
}

static void finish(struct reading *reading)
{
    held_work(&reading->pool);
    world_wait(reading->world);
}

static void large_answer_is_read_by_the_pool_and_small_one_is_not(void **state)
{
    struct reading *reading = *state;
    struct trial trial;
    AUTO(buf) struct buf packed = { 0 };
    answer_with(reading, "GET /get ", "{\"n\":7,\"echo\":\"it was the-secret-key\"}");
    stub_json(&reading->world->stub, "GET /small", "[1,2]");
    start_and_wait(reading, &trial, "tool.get", "{}");
    finish(reading);
    assert_output(&trial.result, "{\"echo\":\"it was (secret)\",\"n\":7}");
    pack_value(&packed, trial.result.output);
    assert_true(str_equal(trial.result.packed_output, buf_str(&packed)));
    trial_done(&trial);
    trial_run(reading->world, &trial, "http.request", "{\"url\":\"STUB/small\"}");
    assert_true(trial.result.is_ok);
    assert_int_equal(trial.result.packed_output.size, 0);
    trial_done(&trial);
    assert_int_equal(reading->pool.taken_count, 1);
}

/* Size makes no difference to what is said of a bad answer. */
static void bad_large_answer_fails_as_a_small_one_does(void **state)
{
    struct reading *reading = *state;
    static const struct {
        int status;
        const char *text, *code;
    } bad[] = { { 200, "{\"n\":7,\"echo\":nothing", "answer_not_json" },
        { 200, "{\"n\":\"seven\",\"echo\":\"\"}", "answer_mismatch" },
        { 403, "{\"message\":\"not you\"}", "http_403" }, { 500, "{\"message\":\"sorry\"}", "http_500" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct trial small_trial, large_trial;
        char *body = large(bad[i].text);
        stub_clear(&reading->world->stub);
        stub_add(&reading->world->stub, "GET", bad[i].status, "", bad[i].text)->times = 1;
        stub_add(&reading->world->stub, "GET", bad[i].status, "", body)->times = 1;
        trial_run(reading->world, &small_trial, "tool.get", "{}");
        start_and_wait(reading, &large_trial, "tool.get", "{}");
        finish(reading);
        const struct action_result *one = &small_trial.result, *other = &large_trial.result;
        assert_error(one, bad[i].code, one->error.is_retryable, one->effect);
        assert_error(other, bad[i].code, one->error.is_retryable, one->effect);
        assert_true(str_equal(one->error.message, other->error.message));
        trial_done(&small_trial);
        trial_done(&large_trial);
        free(body);
    }
}

/* The engine cancels at a timeout too: what has come is better than what would be said of it. */
static void cancelled_while_it_is_read_gives_what_came(void **state)
{
    struct reading *reading = *state;
    struct trial trial;
    answer_with(reading, "GET /get ", "{\"n\":7,\"echo\":\"\"}");
    start_and_wait(reading, &trial, "tool.get", "{}");
    trial.call.action->cancel(trial.call.action, &trial.call);
    assert_false(trial.is_done);
    trial.call.action->cancel(trial.call.action, &trial.call);
    finish(reading);
    assert_output(&trial.result, "{\"echo\":\"\",\"n\":7}");
    trial_done(&trial);
}

static void cancelled_while_a_page_is_read_fetches_no_more(void **state)
{
    struct reading *reading = *state;
    struct trial trial;
    answer_with(reading, "GET /list ", "{\"items\":[1],\"next\":\"b\"}");
    answer_with(reading, "GET /list?after=b ", "{\"items\":[2]}");
    start_and_wait(reading, &trial, "tool.list", "{}");
    trial.call.action->cancel(trial.call.action, &trial.call);
    finish(reading);
    assert_error(&trial.result, "cancelled", false, ACTION_NOT_SENT);
    assert_int_equal(stub_request_count(&reading->world->stub), 1);
    trial_done(&trial);
    /* Without a cancel the second page comes. */
    start_and_wait(reading, &trial, "tool.list", "{}");
    held_work(&reading->pool);
    loop_run(reading->world->loop);
    finish(reading);
    assert_output(&trial.result, "{\"items\":[1,2]}");
    trial_done(&trial);
}

static void host_may_go_away_while_it_is_read(void **state)
{
    struct reading *reading = *state;
    struct connect_world *world = reading->world;
    struct trial trial, paged;
    reading->pool.wanted = 2;
    answer_with(reading, "GET /get ", "{\"n\":7,\"echo\":\"\"}");
    answer_with(reading, "GET /list ", "{\"items\":[1],\"next\":\"b\"}");
    trial_make(world, &trial, "tool.get", "{}");
    trial_make(world, &paged, "tool.list", "{}");
    trial_start(&trial);
    trial_start(&paged);
    loop_run(world->loop);
    connect_free_host(world->connect, world->host);
    assert_false(trial.is_done || paged.is_done);
    held_work(&reading->pool);
    (void)loop_drain(world->loop);
    assert_true(trial.is_done && paged.is_done);
    assert_output(&trial.result, "{\"echo\":\"\",\"n\":7}");
    assert_error(&paged.result, "cancelled", false, ACTION_NOT_SENT);
    trial_done(&trial);
    trial_done(&paged);
    world->calls_out = 0;
    CHECK(connect_make_host(world->connect, world->loop, 0, &world->host, why));
}

static void full_pool_leaves_it_to_the_loop(void **state)
{
    struct reading *reading = *state;
    struct trial trial;
    reading->pool.is_full = true;
    answer_with(reading, "GET /get ", "{\"n\":7,\"echo\":\"\"}");
    assert_output(trial_run(reading->world, &trial, "tool.get", "{}"), "{\"echo\":\"\",\"n\":7}");
    trial_done(&trial);
}

/* What waits for the pool is bounded in bytes: the rest is read by the loops, as small answers are. */
static void bytes_that_wait_are_bounded(void **state)
{
    enum { EACH = 15 << 20, FIT = ANSWERS_READING_BYTES_MAX / EACH };
    struct reading *reading = *state;
    struct connect_world *world = reading->world;
    struct trial trials[FIT + 1];
    char *body = malloc(EACH + 1);
    memset(body, ' ', EACH);
    memcpy(body, "[1]", 3);
    body[EACH] = '\0';
    stub_json(&world->stub, "GET", body);
    for (int round = 0; round < 2; round++) {
        reading->pool.wanted = 0;
        for (int i = 0; i < FIT; i++) {
            trial_make(world, &trials[i], "http.request", "{\"url\":\"STUB/\"}");
            trials[i].is_aside = true;
            trial_start(&trials[i]);
        }
        while (reading->pool.waiting_count < FIT) {
            reading->pool.wanted = reading->pool.waiting_count + 1;
            loop_run(world->loop);
        }
        trial_run(world, &trials[FIT], "http.request", "{\"url\":\"STUB/\"}");
        assert_true(trials[FIT].result.is_ok);
        assert_int_equal(reading->pool.waiting_count, FIT);
        held_work(&reading->pool);
        (void)loop_drain(world->loop);
        for (int i = 0; i <= FIT; i++) {
            assert_true(trials[i].is_done && trials[i].result.is_ok);
            trial_done(&trials[i]);
        }
    }
    free(body);
}

/* A real pool, many calls, cancels between them: for the thread sanitizer above all. */
static void many_at_a_time_finish_once_each(void **state)
{
    enum { COUNT = 24 };
    struct reading *reading = *state;
    struct connect_world *world = reading->world;
    struct executor *executor;
    struct trial trials[COUNT], last;
    CHECK(executor_new_background(2, 8, &executor, why));
    world_drop_connect(world);
    world->answer_executor = executor;
    world_make_connect(world);
    world_load(world, connector);
    answer_with(reading, "GET /get ", "{\"n\":7,\"echo\":\"the-secret-key\"}");
    for (int i = 0; i < COUNT; i++) {
        trial_make(world, &trials[i], "tool.get", "{}");
        trial_start(&trials[i]);
    }
    world_wait(world);
    for (int i = 0; i < COUNT; i++) {
        assert_output(&trials[i].result, "{\"echo\":\"(secret)\",\"n\":7}");
        trial_done(&trials[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        trial_make(world, &trials[i], "tool.get", "{}");
        trials[i].is_aside = true;
        trial_start(&trials[i]);
    }
    trial_run(world, &last, "tool.get", "{}"); /* some are being read by now, some are on their way */
    executor->ops->free(executor);
    connect_free_host(world->connect, world->host);
    (void)loop_drain(world->loop);
    connect_free(world->connect);
    for (int i = 0; i < COUNT; i++)
        assert_true(trials[i].is_done);
    world->answer_executor = NULL;
    world_make_connect(world);
    for (int i = 0; i < COUNT; i++)
        trial_done(&trials[i]);
    trial_done(&last);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(large_answer_is_read_by_the_pool_and_small_one_is_not),
        TEST(bad_large_answer_fails_as_a_small_one_does),
        TEST(cancelled_while_it_is_read_gives_what_came),
        TEST(cancelled_while_a_page_is_read_fetches_no_more),
        TEST(host_may_go_away_while_it_is_read),
        TEST(full_pool_leaves_it_to_the_loop),
        TEST(bytes_that_wait_are_bounded),
        TEST(many_at_a_time_finish_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
