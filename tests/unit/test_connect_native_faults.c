/* Native actions when memory runs out at each allocation in turn: every call finishes exactly once, with an
 * error or with what it should give, leaks nothing, and the next one works. */
#include "smtp_peer.h"

#include "connect_helpers.h"

#include <signal.h>

#include "connect/jq_child.h"
#include "memory_faults.h"

#define ALLOCATIONS_MAX 400

struct fault_world {
    struct connect_world *world;
    struct smtp_peer *peer;
    struct test_tls tls;
};

static int setup(void **state)
{
    struct fault_world *fault = calloc(1, sizeof *fault);
    void *world;
    world_setup(&world);
    fault->world = world;
    fault->peer = calloc(1, sizeof *fault->peer);
    test_tls_make(&fault->tls);
    fault->peer->tls = &fault->tls;
    CHECK(executor_new(1, 64, &fault->world->executor, why));
    world_drop_connect(fault->world);
    world_make_connect(fault->world);
    *state = fault;
    return 0;
}

static int teardown(void **state)
{
    struct fault_world *fault = *state;
    void *world = fault->world;
    fault->world->executor->ops->free(fault->world->executor);
    world_teardown(&world);
    smtp_peer_free(fault->peer);
    test_tls_remove(&fault->tls);
    free(fault);
    return 0;
}

/* True when the call gave what it should. */
static bool try_with(
    struct connect_world *world, const char *action, const char *with, enum action_purpose purpose, long left)
{
    struct trial trial;
    trial_make(world, &trial, action, with);
    trial.call.purpose = purpose;
    memory_faults_left = left;
    trial_start(&trial);
    world_wait(world);
    memory_faults_left = -1;
    assert_true(trial.is_done);
    bool is_ok = trial.result.is_ok;
    if (!is_ok)
        assert_true(trial.result.error.code.size > 0);
    trial_done(&trial);
    return is_ok;
}

static void survive(struct connect_world *world, const char *action, const char *with)
{
    long left = 0;
    while (left < ALLOCATIONS_MAX && !try_with(world, action, with, ACTION_DO, left))
        left++;
    assert_true(left > 0 && left < ALLOCATIONS_MAX);
    print_message("%s: %ld allocations\n", action, left);
    assert_true(try_with(world, action, with, ACTION_DO, -1));
}

static void jq_survives(void **state)
{
    struct fault_world *fault = *state;
    survive(fault->world, "transform.jq",
        "{\"filter\":\".[] | {ip: .}\",\"input\":[\"203.0.113.9\",\"198.51.100.7\"],\"args\":{\"x\":1}}");
}

static void mail_survives(void **state)
{
    struct fault_world *fault = *state;
    char settings[400];
    smtp_peer_start(fault->peer);
    world_load_content(fault->world, "notify.yaml");
    world_secret(fault->world, "relay", "hunter2hunter2");
    (void)snprintf(settings, sizeof settings,
        "{\"host\":\"127.0.0.1\",\"port\":%u,\"from\":\"soc@example.org\",\"ca_file\":\"%s\",\"user\":"
        "\"soc\","
        "\"password\":\"${secret:relay}\"}",
        fault->peer->port, fault->tls.ca);
    world_connection(fault->world, "mail", "notify", settings);
    survive(fault->world, "notify.email",
        "{\"to\":[\"a@example.org\",\"b@example.org\"],\"subject\":\"\xc3\x9c "
        "x\",\"body\":\"text\",\"html\":true,"
        "\"attachments\":[{\"name\":\"x.json\",\"content\":{\"a\":1}}]}");
    smtp_peer_stop(fault->peer);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        EACH(jq_survives),
        EACH(mail_survives),
    };
    if (argc == 2 && strcmp(argv[1], JQ_CHILD_WORD) == 0)
        jq_child_main();
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
