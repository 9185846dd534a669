/* notify.email, called as the engine calls it, against a relay that says what each test wants. */
#include "smtp_peer.h"

#include "connect_helpers.h"

#include <signal.h>

struct mail_world {
    struct connect_world *world;
    struct smtp_peer *peer;
    struct test_tls tls;
};

static int setup(void **state)
{
    struct mail_world *mail = calloc(1, sizeof *mail);
    void *world;
    world_setup(&world);
    mail->world = world;
    mail->peer = calloc(1, sizeof *mail->peer);
    test_tls_make(&mail->tls);
    world_load_content(mail->world, "notify.yaml");
    *state = mail;
    return 0;
}

static int teardown(void **state)
{
    struct mail_world *mail = *state;
    void *world = mail->world;
    world_teardown(&world);
    smtp_peer_free(mail->peer);
    test_tls_remove(&mail->tls);
    free(mail);
    return 0;
}

/* `more` is JSON of further settings, after a comma. */
static void connect_to(struct mail_world *mail, const char *tls, const char *more)
{
    char settings[600];
    (void)snprintf(settings, sizeof settings,
        "{\"host\":\"127.0.0.1\",\"port\":%u,\"tls\":\"%s\",\"from\":\"SOC <soc@example.org>\"%s}",
        mail->peer->port, tls, more);
    world_connection(mail->world, "mail", "notify", settings);
}

static const char usual[] = "{\"to\":\"a@example.org\",\"subject\":\"Hello\",\"body\":\"x\"}";

static void message_goes_to_all_and_its_output_tells(void **state)
{
    struct mail_world *mail = *state;
    struct trial trial;
    mail->peer->rules[0] = (struct smtp_rule){ "RCPT TO:<gone@", "550 unknown\r\n", SMTP_GO_ON };
    smtp_peer_start(mail->peer);
    connect_to(mail, "none", "");
    const struct action_result *result = trial_run(mail->world, &trial, "notify.email",
        "{\"to\":[\"Night <a@example.org>\",\"gone@example.org\"],\"cc\":\"b@example.org\","
        "\"reply_to\":\"team@example.org\",\"subject\":\"\xc3\x9c: 203.0.113.9\",\"body\":\"Blocked.\","
        "\"html\":true,\"attachments\":[{\"name\":\"alert.json\",\"content\":{\"a\":1}},"
        "{\"name\":\"note.txt\",\"content\":\"text\"}]}");
    assert_output(result,
        "{\"message_id\":\"<tocsin.01JZ=2fstep@example.org>\",\"recipients\":2,"
        "\"refused\":[\"gone@example.org\"]}");
    trial_done(&trial);
    smtp_peer_stop(mail->peer);
    assert_non_null(strstr(mail->peer->said, "MAIL FROM:<soc@example.org>"));
    assert_non_null(strstr(mail->peer->said, "RCPT TO:<b@example.org>"));
    assert_non_null(strstr(mail->peer->text, "To: \"Night\" <a@example.org>,\r\n gone@example.org\r\n"));
    assert_non_null(strstr(mail->peer->text, "Cc: b@example.org\r\n"));
    assert_non_null(strstr(mail->peer->text, "Reply-To: team@example.org\r\n"));
    assert_non_null(strstr(mail->peer->text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(mail->peer->text, "Content-Type: text/html; charset=utf-8\r\n"));
}

static void password_is_opened_used_and_masked(void **state)
{
    struct mail_world *mail = *state;
    struct trial trial;
    char more[300];
    mail->peer->tls = &mail->tls;
    mail->peer->rules[0] = (struct smtp_rule){ "AUTH", "535 5.7.8 not correct: hunter2hunter2\r\n",
        SMTP_GO_ON };
    smtp_peer_start(mail->peer);
    world_secret(mail->world, "relay", "hunter2hunter2");
    (void)snprintf(more, sizeof more, ",\"user\":\"soc\",\"password\":\"${secret:relay}\",\"ca_file\":\"%s\"",
        mail->tls.ca);
    connect_to(mail, "starttls", more);
    const struct action_result *result = trial_run(mail->world, &trial, "notify.email", usual);
    assert_error(result, "smtp_535", false, ACTION_NOT_SENT);
    assert_str_has(result->error.message, "not correct: (secret)");
    trial_done(&trial);
    assert_true(trial_run(mail->world, &trial, "notify.email", usual)->is_ok);
    trial_done(&trial);
    smtp_peer_stop(mail->peer);
    assert_non_null(strstr(mail->peer->said, "AUTH PLAIN AHNvYwBodW50ZXIyaHVudGVyMg==")); /* soc, hunter2… */
}

static void failures_tell_whether_they_may_be_tried_again(void **state)
{
    struct mail_world *mail = *state;
    static const struct {
        struct smtp_rule rule;
        const char *code;
        bool is_retryable;
        enum action_effect effect;
    } cases[] = {
        { { "greeting", "421 busy\r\n", SMTP_CLOSE }, "smtp_421", true, ACTION_NOT_SENT },
        { { "greeting", NULL, SMTP_CLOSE }, "network", true, ACTION_NOT_SENT },
        { { "RCPT", "450 later\r\n", SMTP_GO_ON }, "smtp_450", true, ACTION_NOT_SENT },
        { { "RCPT", "550 never\r\n", SMTP_GO_ON }, "smtp_550", false, ACTION_NOT_SENT },
        { { "DATA", NULL, SMTP_RESET }, "network", true, ACTION_NOT_SENT },
        { { "text", NULL, SMTP_CLOSE }, "network", true, ACTION_UNKNOWN },
        { { "text", NULL, SMTP_RESET }, "network", true, ACTION_UNKNOWN },
        { { "text", "451 later\r\n", SMTP_GO_ON }, "smtp_451", true, ACTION_ANSWERED },
        { { "text", "554 spam\r\n", SMTP_GO_ON }, "smtp_554", false, ACTION_ANSWERED },
    };
    smtp_peer_start(mail->peer);
    connect_to(mail, "none", "");
    smtp_peer_stop(mail->peer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        smtp_peer_free(mail->peer);
        mail->peer = calloc(1, sizeof *mail->peer);
        mail->peer->rules[0] = cases[i].rule;
        smtp_peer_start(mail->peer);
        connect_to(mail, "none", "");
        const struct action_result *result = trial_run(mail->world, &trial, "notify.email", usual);
        assert_error(result, cases[i].code, cases[i].is_retryable, cases[i].effect);
        trial_done(&trial);
        smtp_peer_stop(mail->peer);
    }
    struct trial trial; /* nobody listens now */
    assert_error(trial_run(mail->world, &trial, "notify.email", usual), "network", true, ACTION_NOT_SENT);
    trial_done(&trial);
}

static void faults_of_the_connection_are_told_before_anything_is_sent(void **state)
{
    struct mail_world *mail = *state;
    struct trial trial;
    char settings[500];
    static const struct {
        const char *settings, *code, *message;
    } cases[] = {
        { "{\"host\":\"127.0.0.1\",\"from\":\"nobody\"}", "bad_address", "nobody" },
        { "{\"host\":\"a b\",\"from\":\"a@example.org\"}", "url", "a b" },
        { "{\"host\":\"127.0.0.1\",\"port\":70000,\"from\":\"a@example.org\"}", "connection_invalid",
            "port" },
        { "{\"host\":\"127.0.0.1\",\"tls\":\"none\",\"user\":\"x\",\"from\":\"a@example.org\"}",
            "connection_invalid", "without TLS" },
        { "{\"host\":\"127.0.0.2\",\"port\":25,\"from\":\"a@example.org\"}", "egress_denied", "127.0.0.2" },
    };
    assert_error(
        trial_run(mail->world, &trial, "notify.email", usual), "connection_missing", false, ACTION_NOT_SENT);
    trial_done(&trial);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_connection(mail->world, "mail", "notify", cases[i].settings);
        const struct action_result *result = trial_run(mail->world, &trial, "notify.email", usual);
        assert_error(result, cases[i].code, false, ACTION_NOT_SENT);
        assert_str_has(result->error.message, cases[i].message);
        trial_done(&trial);
    }
    smtp_peer_start(mail->peer);
    (void)snprintf(settings, sizeof settings, "%u", mail->peer->port);
    connect_to(mail, "starttls", "");
    const struct action_result *result = trial_run(mail->world, &trial, "notify.email", usual);
    assert_error(result, "starttls_missing", false, ACTION_NOT_SENT);
    trial_done(&trial);
    smtp_peer_stop(mail->peer);
}

static void hostile_parameters_are_refused(void **state)
{
    struct mail_world *mail = *state;
    static const struct {
        const char *with, *code;
    } cases[] = {
        { "{\"to\":\"a@b\\r\\nRCPT TO:<e@f>\",\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":[],\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":[1],\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":{\"a\":1},\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":\"a@b.c\",\"reply_to\":\"x\\ny\",\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":\"j\\u00f6rg@example.org\",\"subject\":\"x\",\"body\":\"x\"}", "bad_address" },
        { "{\"to\":\"a@b.c\",\"subject\":\"x\",\"body\":\"x\",\"attachments\":[{\"name\":\"../x\","
          "\"content\":\"\"}]}",
            "bad_attachment" },
        { "{\"to\":\"a@b.c\",\"subject\":\"x\",\"body\":\"x\",\"attachments\":[{\"name\":\"x\",\"content\":"
          "\"\","
          "\"type\":\"text/html\\r\\nX: y\"}]}",
            "bad_attachment" },
    };
    smtp_peer_start(mail->peer);
    connect_to(mail, "none", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        assert_error(trial_run(mail->world, &trial, "notify.email", cases[i].with), cases[i].code, false,
            ACTION_NOT_SENT);
        trial_done(&trial);
    }
    AUTO(buf) struct buf many = { 0 };
    buf_add_text(&many, "{\"subject\":\"x\",\"body\":\"x\",\"to\":[");
    for (int i = 0; i < 101; i++)
        buf_printf(&many, "%s\"a%d@example.org\"", i ? "," : "", i);
    buf_add_text(&many, "]}");
    struct trial trial;
    assert_error(trial_run(mail->world, &trial, "notify.email", many.data), "MAIL_RECIPIENTS_MAX", false,
        ACTION_NOT_SENT);
    trial_done(&trial);
    smtp_peer_stop(mail->peer);
    assert_int_equal(mail->peer->connection_count, 0);
}

static void cancelled_call_ends_at_once(void **state)
{
    struct mail_world *mail = *state;
    struct trial trial;
    mail->peer->rules[0] = (struct smtp_rule){ "greeting", NULL, SMTP_HOLD };
    smtp_peer_start(mail->peer);
    connect_to(mail, "none", "");
    trial_make(mail->world, &trial, "notify.email", usual);
    trial_start(&trial);
    trial.call.action->cancel(trial.call.action, &trial.call);
    world_wait(mail->world);
    assert_error(&trial.result, "cancelled", false, ACTION_NOT_SENT);
    trial_done(&trial);
    trial_make(mail->world, &trial, "notify.email", usual);
    trial.call.deadline = loop_now(mail->world->loop); /* has passed */
    trial_start(&trial);
    world_wait(mail->world);
    assert_error(&trial.result, "timeout", true, ACTION_NOT_SENT);
    trial_done(&trial);
    smtp_peer_stop(mail->peer);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(message_goes_to_all_and_its_output_tells),
        EACH(password_is_opened_used_and_masked),
        EACH(failures_tell_whether_they_may_be_tried_again),
        EACH(faults_of_the_connection_are_told_before_anything_is_sent),
        EACH(hostile_parameters_are_refused),
        EACH(cancelled_call_ends_at_once),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the relay's thread writes through OpenSSL */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
