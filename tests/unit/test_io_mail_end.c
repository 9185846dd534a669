/* How mail calls end: cancelled, freed, without memory. */
#include "mail_helpers.h"

#include <dirent.h>

#include "memory_faults.h"

/* Cancelling and freeing at each stage. */

struct interruption {
    struct loop_timer timer; /* first */
    struct fixture *fixture;
    struct mail_call *call;
    bool frees;
};

static void interrupt(struct loop_timer *timer)
{
    struct interruption *interruption = (struct interruption *)(void *)timer;
    struct fixture *fixture = interruption->fixture;
    if (interruption->frees) {
        http_client_free(fixture->client);
        fixture->client = NULL;
    } else {
        mail_cancel(fixture->client, interruption->call);
    }
    assert_true(fixture->outcome.is_done);
}

static void cancelled_calls_end_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *const stages[] = { NULL, "greeting", "RCPT", "text", "STARTTLS" };
    for (size_t i = 0; i < 2 * (sizeof stages / sizeof stages[0]); i++) {
        const char *stage = stages[i / 2];
        new_peer(fixture);
        fixture->peer->rules[0] = (struct smtp_rule){ stage, NULL, SMTP_HOLD };
        bool with_tls = stage && strcmp(stage, "STARTTLS") == 0;
        fixture->peer->tls = with_tls ? &known_tls : NULL;
        smtp_peer_start(fixture->peer);
        struct interruption interruption = {
            .timer = { .fire = interrupt }, .fixture = fixture, .frees = i % 2
        };
        struct mail_request request = request_to(fixture);
        request.tls = with_tls ? MAIL_TLS_REQUIRED : MAIL_TLS_NONE;
        fixture->outcome = (struct outcome){ .loop = fixture->loop };
        CHECK(mail_send(fixture->client, &request, on_done, &fixture->outcome, &interruption.call, why));
        if (stage) {
            struct instant due = { loop_now(fixture->loop).us + 50 * US_PER_MS };
            loop_timer_start(fixture->loop, &interruption.timer, due);
            loop_run(fixture->loop);
        } else {
            interrupt(&interruption.timer);
            loop_run(fixture->loop); /* on_done has stopped it */
        }
        assert_failure(&fixture->outcome, HTTP_CANCELLED, stage && strcmp(stage, "text") == 0);
        if (!fixture->client)
            new_client(fixture, "127.0.0.1");
        smtp_peer_stop(fixture->peer);
    }
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void connections_are_closed(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->tls = &known_tls;
    smtp_peer_start(fixture->peer);
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    (void)send_request(fixture, request);
    settle(fixture);
    unsigned before = open_descriptors();
    for (int i = 0; i < 20; i++)
        assert_status(send_request(fixture, request), 250, true);
    settle(fixture);
    assert_true(open_descriptors() <= before + 1); /* the last may still be closing */
    smtp_peer_stop(fixture->peer);
    assert_int_equal(fixture->peer->message_count, 21);
}

/* The Nth allocation and all later ones fail: an error or a failure, never a message that half went. */
static void no_memory_is_a_clean_failure(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->tls = &known_tls;
    smtp_peer_start(fixture->peer);
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    bool has_worked = false;
    for (long left = 0; left < 60 && !has_worked; left++) {
        struct outcome *outcome = &fixture->outcome;
        *outcome = (struct outcome){ .loop = fixture->loop };
        memory_faults_left = left;
        enum err code = mail_send(fixture->client, &request, on_done, outcome, NULL, NULL);
        if (code == ERR_OK)
            loop_run(fixture->loop);
        memory_faults_left = -1;
        if (code != ERR_OK) {
            assert_int_equal(code, ERR_MEMORY);
            continue;
        }
        has_worked = outcome->answer.failure == HTTP_OK && outcome->answer.status == 250;
        assert_true(has_worked || !outcome->answer.may_have_left || outcome->answer.failure != HTTP_OK);
    }
    assert_true(has_worked);
    settle(fixture);
    smtp_peer_stop(fixture->peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(cancelled_calls_end_at_once),
        EACH(connections_are_closed),
        EACH(no_memory_is_a_clean_failure),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the relay's thread writes through OpenSSL */
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
