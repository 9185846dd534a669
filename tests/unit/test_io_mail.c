/* Mail out, against a relay that says what each test wants. */
#include "mail_helpers.h"

static void message_is_delivered_and_the_session_ended_politely(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    request.to_count = 3;
    struct outcome *outcome = send_once(fixture, request);
    assert_status(outcome, 250, true);
    assert_int_equal(outcome->answer.accepted_count, 3);
    assert_int_equal(outcome->recipients[2], 250);
    assert_string_equal(outcome->reply, "2.0.0 queued as 1");
    const char *rest = strchr(fixture->peer->said, '\n');
    assert_int_equal(strncmp(fixture->peer->said, "EHLO ", 5), 0);
    assert_string_equal(rest,
        "\nMAIL FROM:<soc@example.org> SIZE=21\nRCPT TO:<a@example.org>\nRCPT TO:<b@example.org>\n"
        "RCPT TO:<c@example.org>\nDATA\nQUIT\n");
    assert_string_equal(fixture->peer->text, "Subject: x\r\n\r\nhello\r\n");
    assert_int_equal(fixture->peer->message_count, 1);
}

static void answer_does_not_wait_for_quit(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->rules[0] = (struct smtp_rule){ "QUIT", NULL, SMTP_HOLD };
    struct outcome *outcome = send_once(fixture, request_to(fixture));
    assert_status(outcome, 250, true);
    assert_true(outcome->took_us < 2 * US_PER_S);
}

static void old_relay_is_greeted_with_helo(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->rules[0] = (struct smtp_rule){ "EHLO", "502 what?\r\n", SMTP_GO_ON };
    assert_status(send_once(fixture, request_to(fixture)), 250, true);
    assert_non_null(strstr(fixture->peer->said, "\nHELO "));
    assert_non_null(strstr(fixture->peer->said, "\nMAIL FROM:<soc@example.org>\n")); /* no SIZE */
    new_peer(fixture);
    fixture->peer->rules[0] = (struct smtp_rule){ "EHLO", "502 what?\r\n", SMTP_GO_ON };
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_REQUIRED; /* HELO has no extensions, so no STARTTLS */
    struct outcome *outcome = send_once(fixture, request);
    assert_failure(outcome, HTTP_REFUSED, false);
    assert_string_equal(outcome->answer.why.name, "starttls_missing");
}

static void replies_of_many_lines_are_read_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->rules[0] = (struct smtp_rule){ "greeting", "220-one\r\n220-two\r\n220\r\n", SMTP_GO_ON };
    fixture->peer->rules[1] = (struct smtp_rule){ "RCPT", "250-a\r\n250-b\r\n250 c\r\n", SMTP_GO_ON };
    fixture->peer->rules[2] = (struct smtp_rule){ "text", "250-a\r\n250-b\r\n250 c\r\n", SMTP_GO_ON };
    struct outcome *outcome = send_once(fixture, request_to(fixture));
    assert_status(outcome, 250, true);
    assert_string_equal(outcome->reply, "a\nb\nc");
}

static void dots_are_stuffed_and_lines_kept(void **state)
{
    struct fixture *fixture = *state;
    static char long_line[998 + 3];
    memset(long_line, 'x', 998);
    AUTO(buf) struct buf message = { 0 }, wanted = { 0 };
    static const char *const lines[] = { ".", "..", ".x", "x.", "", ".", "", long_line, "." };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        buf_printf(&message, "%s\r\n", lines[i]);
        buf_printf(&wanted, "%s%s\r\n", lines[i][0] == '.' ? "." : "", lines[i]);
    }
    struct mail_request request = request_to(fixture);
    request.message = buf_str(&message);
    assert_status(send_once(fixture, request), 250, true);
    assert_string_equal(fixture->peer->text, wanted.data);
    new_peer(fixture);
    request = request_to(fixture);
    request.message = STR("no end"); /* it gets one */
    assert_status(send_once(fixture, request), 250, true);
    assert_string_equal(fixture->peer->text, "no end\r\n");
}

static void large_messages_go_out_whole(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf message = { 0 };
    for (int i = 0; i < 40000; i++)
        buf_printf(&message, "%s%064d\r\n", i % 7 ? "" : ".", i);
    for (int with_tls = 0; with_tls < 2; with_tls++) {
        new_peer(fixture);
        struct mail_request request = request_to(fixture);
        request.message = buf_str(&message);
        request.tls = with_tls ? MAIL_TLS_REQUIRED : MAIL_TLS_NONE;
        request.ca_file = str_of(known_tls.ca);
        fixture->peer->tls = with_tls ? &known_tls : NULL;
        assert_status(send_once(fixture, request), 250, true);
        assert_int_equal(fixture->peer->text_size, message.size + 40000 / 7 + 1);
        assert_true(str_ends(
            (struct str){ fixture->peer->text, fixture->peer->text_size }, STR("0000000039999\r\n")));
    }
}

static void starttls_is_taken_and_the_login_goes_through_it(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    fixture->peer->tls = &known_tls;
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    request.user = STR("user");
    request.password = STR("pass");
    assert_status(send_once(fixture, request), 250, true);
    const char *said = strstr(fixture->peer->said, "\nSTARTTLS\n[tls]\nEHLO ");
    assert_non_null(said);
    assert_non_null(strstr(said, "\nAUTH PLAIN AHVzZXIAcGFzcw==\nMAIL FROM:"));
}

static void implicit_tls_is_tls_from_the_first_byte(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->is_implicit = true;
    request.tls = MAIL_TLS_IMPLICIT;
    request.ca_file = str_of(known_tls.ca);
    assert_status(send_once(fixture, request), 250, true);
    assert_int_equal(strncmp(fixture->peer->said, "[tls]\nEHLO ", 11), 0);
    assert_null(strstr(fixture->peer->said, "STARTTLS"));
}

static void login_is_tried_where_plain_is_not_offered(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->ehlo_tls = "250-x\r\n250 AUTH CRAM-MD5 LOGIN\r\n";
    fixture->peer->rules[0] = (struct smtp_rule){ "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n", SMTP_GO_ON };
    fixture->peer->rules[1] = (struct smtp_rule){ "dXNlcg==", "334 UGFzc3dvcmQ6\r\n", SMTP_GO_ON };
    fixture->peer->rules[2] = (struct smtp_rule){ "cGFzcw==", "235 in\r\n", SMTP_GO_ON };
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    request.user = STR("user");
    request.password = STR("pass");
    assert_status(send_once(fixture, request), 250, true);
    assert_non_null(strstr(fixture->peer->said, "\nAUTH LOGIN\ndXNlcg==\ncGFzcw==\nMAIL"));
    new_peer(fixture); /* one that does not read the first response */
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "AUTH PLAIN", "334 \r\n", SMTP_GO_ON };
    fixture->peer->rules[1] = (struct smtp_rule){ "AHVzZXIAcGFzcw==", "235 in\r\n", SMTP_GO_ON };
    assert_status(send_once(fixture, request), 250, true);
    new_peer(fixture); /* and one that knows neither */
    fixture->peer->tls = &known_tls;
    fixture->peer->ehlo_tls = "250-x\r\n250 AUTH GSSAPI XPLAIN\r\n";
    struct outcome *outcome = send_once(fixture, request);
    assert_failure(outcome, HTTP_REFUSED, false);
    assert_string_equal(outcome->answer.why.name, "mail_login_unsupported");
}

static void password_never_goes_out_without_tls(void **state)
{
    struct fixture *fixture = *state;
    static const enum mail_tls kinds[] = { MAIL_TLS_NONE, MAIL_TLS_OFFERED };
    for (int i = 0; i < 2; i++) {
        new_peer(fixture);
        struct mail_request request = request_to(fixture);
        fixture->peer->ehlo = "250-x\r\n250 AUTH PLAIN LOGIN\r\n";
        request.tls = kinds[i];
        request.user = STR("user");
        request.password = STR("pass");
        struct outcome *outcome = send_once(fixture, request);
        assert_failure(outcome, HTTP_REFUSED, false);
        assert_string_equal(outcome->answer.why.name, "mail_login_plain");
        assert_null(strstr(fixture->peer->said, "AUTH"));
    }
}

static void stripped_starttls_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    struct outcome *outcome = send_once(fixture, request);
    assert_failure(outcome, HTTP_REFUSED, false);
    assert_string_equal(outcome->answer.why.name, "starttls_missing");
    assert_null(strstr(fixture->peer->said, "MAIL"));
    new_peer(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "STARTTLS", "454 not today\r\n", SMTP_GO_ON };
    outcome = send_once(fixture, request);
    assert_status(outcome, 454, false);
    assert_null(strstr(fixture->peer->said, "MAIL"));
}

static void plain_text_behind_starttls_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "STARTTLS", "220 go\r\n250 evil\r\n", SMTP_CLOSE };
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    struct outcome *outcome = send_once(fixture, request);
    assert_failure(outcome, HTTP_BROKEN, false);
    assert_non_null(strstr(outcome->answer.why.text, "after STARTTLS"));
}

static void tls_that_is_only_offered_is_taken_or_left(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_OFFERED;
    request.ca_file = str_of(known_tls.ca);
    assert_status(send_once(fixture, request), 250, true); /* not offered */
    new_peer(fixture);
    fixture->peer->tls = &known_tls;
    assert_status(send_once(fixture, request), 250, true);
    assert_non_null(strstr(fixture->peer->said, "[tls]"));
    new_peer(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "STARTTLS", "454 not today\r\n", SMTP_GO_ON };
    assert_status(send_once(fixture, request), 250, true);
    new_peer(fixture);
    fixture->peer->tls = &strange_tls; /* what is offered is checked */
    assert_failure(send_once(fixture, request), HTTP_TLS_VERIFY, false);
}

static void untrusted_and_misnamed_relays_are_refused(void **state)
{
    struct fixture *fixture = *state;
    for (int is_implicit = 0; is_implicit < 2; is_implicit++) {
        new_peer(fixture);
        struct mail_request request = request_to(fixture);
        fixture->peer->tls = &known_tls;
        fixture->peer->is_implicit = is_implicit;
        request.tls = is_implicit ? MAIL_TLS_IMPLICIT : MAIL_TLS_REQUIRED;
        request.ca_file = str_of(strange_tls.ca);
        struct outcome *outcome = send_once(fixture, request);
        assert_failure(outcome, HTTP_TLS_VERIFY, false);
        assert_non_null(strstr(outcome->answer.why.text, "not trusted"));
        assert_null(strstr(fixture->peer->said, "MAIL"));
        new_peer(fixture);
        fixture->peer->tls = &known_tls;
        fixture->peer->is_implicit = is_implicit;
        request.host = STR("localhost"); /* the certificate is 127.0.0.1's */
        request.ca_file = str_of(known_tls.ca);
        http_client_free(fixture->client);
        new_client(fixture, "localhost");
        outcome = send_once(fixture, request);
        assert_failure(outcome, HTTP_TLS_VERIFY, false);
        assert_non_null(strstr(outcome->answer.why.text, "ostname"));
        http_client_free(fixture->client);
        new_client(fixture, "127.0.0.1");
    }
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_IMPLICIT;
    request.ca_file = STR("/nowhere/ca.pem");
    new_peer(fixture);
    struct outcome *outcome = send_once(fixture, request);
    assert_failure(outcome, HTTP_CONNECT, false);
    assert_non_null(strstr(outcome->answer.why.text, "/nowhere/ca.pem"));
}

static void refusals_are_answers_with_their_code(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        struct smtp_rule rule;
        int status;
        bool may_have_left;
    } cases[] = {
        { { "greeting", "554 no service\r\n", SMTP_GO_ON }, 554, false },
        { { "greeting", "421 busy\r\n", SMTP_CLOSE }, 421, false },
        { { "EHLO", "421 busy\r\n", SMTP_CLOSE }, 421, false },
        { { "EHLO", "450 later\r\n", SMTP_GO_ON }, 450, false },
        { { "MAIL", "451 later\r\n", SMTP_GO_ON }, 451, false },
        { { "MAIL", "553 who?\r\n", SMTP_GO_ON }, 553, false },
        { { "RCPT", "450 greylisted\r\n", SMTP_GO_ON }, 450, false },
        { { "RCPT", "550 unknown\r\n", SMTP_GO_ON }, 550, false },
        { { "RCPT", "421 bye\r\n", SMTP_CLOSE }, 421, false },
        { { "DATA", "451 later\r\n", SMTP_GO_ON }, 451, false },
        { { "DATA", "554 no\r\n", SMTP_GO_ON }, 554, false },
        { { "text", "451 later\r\n", SMTP_GO_ON }, 451, true },
        { { "text", "554 spam\r\n", SMTP_GO_ON }, 554, true },
        { { "text", "421 bye\r\n", SMTP_CLOSE }, 421, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        new_peer(fixture);
        fixture->peer->rules[0] = cases[i].rule;
        struct outcome *outcome = send_once(fixture, request_to(fixture));
        assert_status(outcome, cases[i].status, cases[i].may_have_left);
        assert_true(str_contains(str_of(cases[i].rule.answer), str_of(outcome->reply)));
        bool is_polite = cases[i].status != 421;
        assert_int_equal(strstr(fixture->peer->said, "QUIT\n") != NULL, is_polite);
    }
    new_peer(fixture);
    struct mail_request request = request_to(fixture);
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "AUTH", "535 5.7.8 no\r\n", SMTP_GO_ON };
    request.tls = MAIL_TLS_REQUIRED;
    request.ca_file = str_of(known_tls.ca);
    request.user = request.password = STR("x");
    assert_status(send_once(fixture, request), 535, false);
    assert_null(strstr(fixture->peer->said, "MAIL"));
}

static void one_refused_recipient_does_not_keep_the_others_from_it(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    request.to_count = 3;
    fixture->peer->rules[0] = (struct smtp_rule){ "RCPT TO:<b@", "550 unknown\r\n", SMTP_GO_ON };
    struct outcome *outcome = send_once(fixture, request);
    assert_status(outcome, 250, true);
    assert_int_equal(outcome->answer.accepted_count, 2);
    assert_int_equal(outcome->recipients[0], 250);
    assert_int_equal(outcome->recipients[1], 550);
    assert_int_equal(outcome->recipients[2], 250);
    /* All are refused: one that may be taken later makes trying again worth while. */
    new_peer(fixture);
    fixture->peer->rules[0] = (struct smtp_rule){ "RCPT", "550 unknown\r\n", SMTP_GO_ON };
    fixture->peer->rules[1] = (struct smtp_rule){ "RCPT", "450 later\r\n", SMTP_GO_ON };
    fixture->peer->rules[2] = (struct smtp_rule){ "RCPT", "550 unknown\r\n", SMTP_GO_ON };
    outcome = send_once(fixture, request);
    assert_status(outcome, 450, false);
    assert_int_equal(outcome->answer.accepted_count, 0);
    assert_null(strstr(fixture->peer->said, "DATA"));
}

static void lost_connections_tell_whether_the_message_may_have_left(void **state)
{
    struct fixture *fixture = *state;
    static const char *const stages[] = { "greeting", "EHLO", "MAIL", "RCPT", "DATA", "part", "text" };
    static const enum smtp_then ends[] = { SMTP_CLOSE, SMTP_RESET };
    for (size_t i = 0; i < 2 * (sizeof stages / sizeof stages[0]); i++) {
        new_peer(fixture);
        fixture->peer->rules[0] = (struct smtp_rule){ stages[i / 2], NULL, ends[i % 2] };
        struct mail_request request = request_to(fixture);
        bool is_part = strcmp(stages[i / 2], "part") == 0;
        if (is_part) { /* else all of it, with its dot, is in the socket's buffers before the end is seen */
            static char text[4 << 20];
            memset(text, 'x', sizeof text);
            for (size_t at = 78; at + 1 < sizeof text; at += 80)
                memcpy(text + at, "\r\n", 2);
            request.message = (struct str){ text, sizeof text - sizeof text % 80 };
        }
        struct outcome *outcome = send_once(fixture, request);
        assert_failure(outcome, HTTP_BROKEN, strcmp(stages[i / 2], "text") == 0);
        assert_int_equal(fixture->peer->message_count, strcmp(stages[i / 2], "text") == 0);
    }
}

static void timeouts_tell_whether_the_message_may_have_left(void **state)
{
    struct fixture *fixture = *state;
    static const char *const stages[] = { "greeting", "EHLO", "MAIL", "RCPT", "DATA", "text" };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        new_peer(fixture);
        fixture->peer->rules[0] = (struct smtp_rule){ stages[i], NULL, SMTP_HOLD };
        struct mail_request request = request_to(fixture);
        request.timeout_us = 150 * US_PER_MS;
        struct outcome *outcome = send_once(fixture, request);
        assert_failure(outcome, HTTP_TIMEOUT, strcmp(stages[i], "text") == 0);
        if (outcome->took_us < 150 * US_PER_MS || outcome->took_us > 10 * US_PER_S)
            fail_msg("%s after %lld us", outcome->answer.why.text, (long long)outcome->took_us);
    }
    new_peer(fixture); /* TLS that never begins */
    fixture->peer->tls = &known_tls;
    fixture->peer->rules[0] = (struct smtp_rule){ "STARTTLS", "220 go\r\n", SMTP_HOLD };
    struct mail_request request = request_to(fixture);
    request.tls = MAIL_TLS_REQUIRED;
    request.timeout_us = 150 * US_PER_MS;
    assert_failure(send_once(fixture, request), HTTP_TIMEOUT, false);
}

static void nonsense_ends_the_session(void **state)
{
    struct fixture *fixture = *state;
    static char long_line[4000];
    memset(long_line, 'x', sizeof long_line - 1);
    memcpy(long_line, "250 ", 4);
    memcpy(long_line + sizeof long_line - 3, "\r\n", 2);
    static const char *const answers[] = { "hello\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "25\r\n",
        "250-a\r\n251 b\r\n", "250_a\r\n", "999 x\r\n", "150 x\r\n", "\r\n", "\n", "2x0 a\r\n", "354 go\r\n",
        "220 hi\r\n250 all\r\n250 at\r\n250 once\r\n", "250 fine\r\n250 fine\r\n", long_line };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        new_peer(fixture);
        fixture->peer->rules[0] = (struct smtp_rule){ "MAIL", answers[i], SMTP_CLOSE };
        assert_failure(send_once(fixture, request_to(fixture)), HTTP_BROKEN, false);
    }
    AUTO(buf) struct buf endless = { 0 };
    for (int i = 0; i < 3000; i++)
        buf_printf(&endless, "250-%060d\r\n", i);
    new_peer(fixture);
    fixture->peer->rules[0] = (struct smtp_rule){ "MAIL", endless.data, SMTP_CLOSE };
    struct outcome *outcome = send_once(fixture, request_to(fixture));
    assert_failure(outcome, HTTP_BROKEN, false);
    assert_non_null(strstr(outcome->answer.why.text, "too long"));
}

static void refusal_in_the_middle_of_the_message_is_no_delivery(void **state)
{
    struct fixture *fixture = *state;
    static char text[8 << 20];
    memset(text, 'x', sizeof text);
    for (size_t at = 78; at + 1 < sizeof text; at += 80)
        memcpy(text + at, "\r\n", 2);
    fixture->peer->rules[0] = (struct smtp_rule){ "part", "552 too much\r\n", SMTP_HOLD };
    struct mail_request request = request_to(fixture);
    request.message = (struct str){ text, sizeof text - sizeof text % 80 };
    fixture->peer->ehlo = "250 x\r\n";
    struct outcome *outcome = send_once(fixture, request);
    assert_status(outcome, 552, false);
    assert_int_equal(fixture->peer->message_count, 0);
}

static void announced_size_is_respected(void **state)
{
    struct fixture *fixture = *state;
    fixture->peer->ehlo = "250-x\r\n250 SIZE 10\r\n";
    struct outcome *outcome = send_once(fixture, request_to(fixture));
    assert_failure(outcome, HTTP_REFUSED, false);
    assert_string_equal(outcome->answer.why.name, "mail_too_large");
    assert_null(strstr(fixture->peer->said, "MAIL"));
}

static void unreachable_relays_fail_clearly(void **state)
{
    struct fixture *fixture = *state;
    struct mail_request request = request_to(fixture);
    request.port = 1; /* nobody listens */
    struct outcome *outcome = send_request(fixture, request);
    assert_failure(outcome, HTTP_CONNECT, false);
    request.host = STR("relay.invalid");
    assert_failure(send_request(fixture, request), HTTP_RESOLVE, false);
    static const char *const hidden[] = { "127.0.0.2", "169.254.169.254", "10.0.0.1", "::1" };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        request.host = str_of(hidden[i]);
        outcome = send_request(fixture, request);
        assert_failure(outcome, HTTP_REFUSED, false);
        assert_string_equal(outcome->answer.why.name, "egress");
    }
}

static void hostile_requests_are_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *const addresses[] = { "", "x", "@x", "a@b\r\nRCPT TO:<evil@example.org>", "a@b\n",
        "a@b>", "<a@b", "a b@c", "a@b\x7f", "a@b\t", "j\xc3\xb6rg@example.org", "a@ex\xc3\xa4mple.org" };
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct str bad = str_of(addresses[i]);
        struct mail_request request = request_to(fixture);
        struct err_info why = { 0 };
        request.to = &bad;
        assert_int_equal(mail_send(fixture->client, &request, on_done, NULL, NULL, &why), ERR_INVALID);
        assert_string_equal(why.name, "mail_address");
        request = request_to(fixture);
        request.from = bad;
        assert_int_equal(mail_send(fixture->client, &request, on_done, NULL, NULL, &why), ERR_INVALID);
    }
    static const struct str messages[] = { STR_INIT("a\nb"), STR_INIT("a\rb"), STR_INIT("a\r"),
        STR_INIT("a\r\n.\n.\r\n"), STR_INIT("a\0b"), STR_INIT("\xc3\xa4\r\n") };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct mail_request request = request_to(fixture);
        struct err_info why = { 0 };
        request.message = messages[i];
        assert_int_equal(mail_send(fixture->client, &request, on_done, NULL, NULL, &why), ERR_INVALID);
        assert_string_equal(why.name, "mail_message");
    }
    static char too_long[999];
    memset(too_long, 'x', sizeof too_long);
    struct mail_request request = request_to(fixture);
    request.message = (struct str){ too_long, sizeof too_long };
    assert_int_equal(mail_send(fixture->client, &request, on_done, NULL, NULL, NULL), ERR_INVALID);
    request = request_to(fixture);
    request.to_count = 0;
    assert_int_equal(mail_send(fixture->client, &request, on_done, NULL, NULL, NULL), ERR_INVALID);
    static const char *const hosts[] = { "", "a b", "a/b", "u@h", "a\r\nb", "h:25", "a?b", "a#b", "[::1]x" };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        request = request_to(fixture);
        request.host = str_of(hosts[i]);
        request.port = 25;
        if (mail_send(fixture->client, &request, on_done, NULL, NULL, NULL) != ERR_INVALID)
            fail_msg("the host \"%s\" is taken", hosts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(message_is_delivered_and_the_session_ended_politely),
        EACH(answer_does_not_wait_for_quit),
        EACH(old_relay_is_greeted_with_helo),
        EACH(replies_of_many_lines_are_read_whole),
        EACH(dots_are_stuffed_and_lines_kept),
        EACH(large_messages_go_out_whole),
        EACH(starttls_is_taken_and_the_login_goes_through_it),
        EACH(implicit_tls_is_tls_from_the_first_byte),
        EACH(login_is_tried_where_plain_is_not_offered),
        EACH(password_never_goes_out_without_tls),
        EACH(stripped_starttls_is_refused),
        EACH(plain_text_behind_starttls_is_refused),
        EACH(tls_that_is_only_offered_is_taken_or_left),
        EACH(untrusted_and_misnamed_relays_are_refused),
        EACH(refusals_are_answers_with_their_code),
        EACH(one_refused_recipient_does_not_keep_the_others_from_it),
        EACH(lost_connections_tell_whether_the_message_may_have_left),
        EACH(timeouts_tell_whether_the_message_may_have_left),
        EACH(nonsense_ends_the_session),
        EACH(refusal_in_the_middle_of_the_message_is_no_delivery),
        EACH(announced_size_is_respected),
        EACH(unreachable_relays_fail_clearly),
        EACH(hostile_requests_are_refused_at_once),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the relay's thread writes through OpenSSL */
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
