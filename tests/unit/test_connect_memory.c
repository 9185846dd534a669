/* A call over HTTP when memory runs out at any of its allocations: it is finished, once, and nothing leaks.
 */
#include "memory_faults.h"

#include "connect_helpers.h"
#include "io_peer.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static const char connector[] =
    "connector: tool\n"
    "title: Tool\n"
    "settings: { url: string, key: { type: string, secret: true } }\n"
    "base_url: ${{ settings.url }}\n"
    "auth: { kind: oauth2, token_url: \"${{ settings.url }}/token\", user: me, password: \"${{ settings.key "
    "}}\" }\n"
    "breaker: { failures: 0 }\n"
    "actions:\n"
    "  list:\n"
    "    summary: Lists\n"
    "    kind: query\n"
    "    in: { a: string }\n"
    "    out: { items: { type: list, items: string }, note: { type: string, secret: true } }\n"
    "    request: { path: \"/l/${{ inputs.a }}\", query: { after: \"${{ page.cursor }}\" }, headers: { X: "
    "\"${{ inputs.a "
    "}}\" } }\n"
    "    paging: { items: \"${{ body.items }}\", cursor: \"${{ body.next }}\" }\n"
    "    answer: { items: \"${{ items.map(i, i + inputs.a) }}\", note: \"${{ body.note }}\" }\n"
    "  refuse:\n"
    "    summary: Is refused\n"
    "    kind: query\n"
    "    request: { path: /r }\n"
    "    errors: [{ when: \"has(body.error)\", code: refused, message: \"it says ${{ body.error }}\" }]\n";

static const struct peer_script scripts_of_list[] = {
    { OK_HEAD "Content-Length: 47\r\n\r\n{\"access_token\":\"t0ken-one\",\"expires_in\":3600 }", 0,
        PEER_AGAIN, 0 },
    { OK_HEAD "Content-Length: 32\r\n\r\n{\"items\":[\"a\",\"b\"],\"next\":\"n2\" }", 0, PEER_AGAIN, 0 },
    { OK_HEAD "Content-Length: 39\r\n\r\n{\"items\":[\"c\"],\"note\":\"echo t0ken-one\"}", 0, PEER_AGAIN, 0 },
};
static const struct peer_script scripts_of_refuse[] = {
    { OK_HEAD "Content-Length: 47\r\n\r\n{\"access_token\":\"t0ken-one\",\"expires_in\":3600 }", 0,
        PEER_AGAIN, 0 },
    { OK_HEAD "Content-Length: 27\r\n\r\n{\"error\":\"not t0ken-one !\"}", 0, PEER_AGAIN, 0 },
};
static const struct peer_script scripts_of_request[] = {
    { OK_HEAD "X-A: b\r\nX-A: c\r\nContent-Length: 13\r\n\r\n{\"a\":[1,2,3]}", 0, PEER_AGAIN, 0 },
};

struct course {
    const char *action, *with;
    const struct peer_script *scripts;
    size_t script_count;
    bool is_good; /* how it ends with memory enough */
};

/* One call in which the allocation number `after` and all later ones fail. True when it did not come that
 * far. */
static bool run_with(struct connect_world *world, const struct course *course, long after)
{
    struct peer peer;
    struct trial trial;
    char settings[200];
    AUTO(buf) struct buf with = { 0 };
    peer_start(&peer, course->scripts, course->script_count);
    snprintf(
        settings, sizeof settings, "{\"url\":\"http://127.0.0.1:%u\",\"key\":\"${secret:key}\"}", peer.port);
    const char *place = strstr(course->with, "PEER");
    buf_add(
        &with, (struct str){ course->with, place ? (size_t)(place - course->with) : strlen(course->with) });
    if (place)
        buf_printf(&with, "http://127.0.0.1:%u%s", peer.port, place + strlen("PEER"));
    world_connection(world, "tool", "tool", settings);
    trial_make(world, &trial, course->action, with.data);
    memory_faults_left = after;
    trial_start(&trial);
    world_wait(world);
    bool is_through = memory_faults_left > 0;
    memory_faults_left = -1;
    assert_true(trial.is_done);
    if (is_through && trial.result.is_ok != course->is_good)
        fail_msg("%s: %.*s", course->action, STR_ARG(trial.result.error.message));
    else if (!trial.result.is_ok)
        assert_true(trial.result.error.code.size > 0);
    /* What is said must not be a secret, whatever could not be masked. */
    assert_str_lacks(trial.result.error.message, "t0ken-one");
    trial_done(&trial);
    connect_free_host(world->connect, world->host); /* its kept connections too */
    CHECK(connect_make_host(world->connect, world->loop, 0, &world->host, why));
    peer_stop(&peer);
    return is_through;
}

static void call_is_finished_wherever_memory_runs_out(void **state)
{
    struct connect_world *world = *state;
    static const struct course courses[] = {
        { "http.request", "{\"url\":\"PEER/x\",\"query\":{\"q\":[1,2]},\"headers\":{\"X\":7}}",
            scripts_of_request, 1, true },
        { "tool.list", "{\"a\":\"x y\"}", scripts_of_list, 3, true },
        { "tool.refuse", "{}", scripts_of_refuse, 2, false },
    };
    world_load(world, connector);
    world_secret(world, "key", "the-secret-key");
    for (size_t i = 0; i < sizeof courses / sizeof courses[0]; i++) {
        long after = 0;
        while (!run_with(world, &courses[i], after))
            after++;
        print_message("%s: %ld allocations\n", courses[i].action, after);
        assert_true(after > 5 && after < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            call_is_finished_wherever_memory_runs_out, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
