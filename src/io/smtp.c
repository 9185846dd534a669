#include "io/smtp.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TEXT_PIECE_BYTES (64 << 10)

static const char *const smtp_awaited[] = {
    [SMTP_GREETING] = "the greeting",
    [SMTP_EHLO] = "EHLO",
    [SMTP_HELO] = "HELO",
    [SMTP_STARTTLS] = "STARTTLS",
    [SMTP_AUTH_PLAIN] = "AUTH",
    [SMTP_AUTH_LOGIN_USER] = "AUTH",
    [SMTP_AUTH_LOGIN_PASSWORD] = "AUTH",
    [SMTP_AUTH_DONE] = "AUTH",
    [SMTP_MAIL] = "MAIL",
    [SMTP_RCPT] = "RCPT",
    [SMTP_DATA] = "DATA",
    [SMTP_TEXT] = "the message",
    [SMTP_END] = "the end of the message",
    [SMTP_OVER] = "QUIT",
};

const char *smtp_session_awaits(const struct smtp_session *session)
{
    return smtp_awaited[session->state];
}

void smtp_session_init(struct smtp_session *session, const struct mail_request *request, struct str hello,
    struct str peer, uint16_t *recipient_status)
{
    *session = (struct smtp_session){ .request = request,
        .hello = hello,
        .peer = peer,
        .is_secure = request->tls == MAIL_TLS_IMPLICIT,
        .recipient_status = recipient_status,
        .reply = { .bytes_max = SMTP_REPLY_BYTES_MAX } };
    memset(recipient_status, 0, request->to_count * sizeof *recipient_status);
}

static void smtp_clear_output(struct smtp_session *session)
{
    if (session->output.size > 0)
        explicit_bzero(session->output.data, session->output.size);
    buf_clear(&session->output);
}

void smtp_session_done(struct smtp_session *session)
{
    smtp_clear_output(session);
    buf_done(&session->output);
    buf_done(&session->input);
    buf_done(&session->reply);
}

/* Ends. */

static void smtp_end(struct smtp_session *session)
{
    struct mail_answer *answer = &session->answer;
    session->state = SMTP_OVER;
    session->wants_tls = false;
    answer->recipient_status = session->recipient_status;
    answer->accepted_count = 0;
    for (uint32_t i = 0; i < session->request->to_count; i++)
        answer->accepted_count += session->recipient_status[i] / 100 == 2;
}

void smtp_session_fail(struct smtp_session *session, enum http_failure failure, enum err code,
    const char *name, const char *text)
{
    if (session->state == SMTP_OVER)
        return;
    session->answer.failure = failure;
    (void)err_named(&session->answer.why, code, name, "%.*s: %s", STR_ARG(session->peer), text);
    session->can_quit = false;
    smtp_clear_output(session);
    smtp_end(session);
}

static void smtp_break(struct smtp_session *session, const char *text)
{
    smtp_session_fail(session, HTTP_BROKEN, ERR_UNAVAILABLE, "smtp_broken", text);
}

/* Our rules end it, not the relay. */
static void smtp_refuse_by_rule(struct smtp_session *session, const char *name, const char *text)
{
    bool can_quit = session->can_quit;
    smtp_session_fail(session, HTTP_REFUSED, ERR_DENIED, name, text);
    session->can_quit = can_quit;
}

/* The reply decides. */
static void smtp_decide(struct smtp_session *session)
{
    session->answer.status = session->reply_code;
    session->answer.reply = buf_str(&session->reply);
    if (session->reply_code == 421) /* it hangs up (RFC 5321, 3.8) */
        session->can_quit = false;
    smtp_end(session);
}

/* Not a reply that this state knows: a refusal when it is one, else nonsense. */
static void smtp_refuse(struct smtp_session *session)
{
    char text[80];
    if (session->reply_code >= 400) {
        smtp_decide(session);
        return;
    }
    (void)snprintf(text, sizeof text, "the answer to %s was %d, which has no meaning here",
        smtp_session_awaits(session), session->reply_code);
    smtp_break(session, text);
}

/* Commands. */

static void smtp_say(struct smtp_session *session, enum smtp_state state, const char *verb, struct str rest)
{
    buf_add_text(&session->output, verb);
    buf_add(&session->output, rest);
    buf_add_text(&session->output, "\r\n");
    session->state = state;
}

static void smtp_say_ehlo(struct smtp_session *session)
{
    session->offers_starttls = session->offers_plain = session->offers_login = session->offers_size = false;
    session->size_max = 0;
    smtp_say(session, SMTP_EHLO, "EHLO ", session->hello);
}

static void smtp_say_mail(struct smtp_session *session)
{
    const struct mail_request *request = session->request;
    if (session->size_max > 0 && request->message.size > session->size_max) {
        smtp_refuse_by_rule(
            session, "mail_too_large", "the message is larger than the relay takes (SIZE, RFC 1870)");
        return;
    }
    buf_printf(&session->output, "MAIL FROM:<%.*s>", STR_ARG(request->from));
    if (session->offers_size)
        buf_printf(&session->output, " SIZE=%zu", request->message.size);
    smtp_say(session, SMTP_MAIL, "", STR(""));
}

static void smtp_say_recipient(struct smtp_session *session)
{
    buf_printf(&session->output, "RCPT TO:<%.*s>", STR_ARG(session->request->to[session->recipient]));
    smtp_say(session, SMTP_RCPT, "", STR(""));
}

/* RFC 4616. What holds the password is wiped as soon as it was sent. */
static void smtp_add_plain(struct smtp_session *session, const char *verb)
{
    const struct mail_request *request = session->request;
    AUTO(buf) struct buf plain = { 0 };
    /* Room at once, so that no copy stays behind where the buffer was before it grew. */
    (void)buf_reserve(&plain, request->user.size + request->password.size + 2);
    (void)buf_reserve(&session->output, 2 * (request->user.size + request->password.size) + 64);
    buf_add_byte(&plain, '\0');
    buf_add(&plain, request->user);
    buf_add_byte(&plain, '\0');
    buf_add(&plain, request->password);
    buf_add_text(&session->output, verb);
    base64_add(&session->output, buf_str(&plain));
    if (plain.failed != ERR_OK)
        session->output.failed = plain.failed;
    if (plain.size > 0)
        explicit_bzero(plain.data, plain.size);
}

static void smtp_add_login(struct smtp_session *session, enum smtp_state state, struct str text)
{
    (void)buf_reserve(&session->output, 2 * text.size + 64);
    base64_add(&session->output, text);
    smtp_say(session, state, "", STR(""));
}

static void smtp_say_auth(struct smtp_session *session)
{
    if (!session->is_secure) {
        smtp_refuse_by_rule(session, "mail_login_plain", "a password is not sent without TLS");
    } else if (session->offers_plain) {
        smtp_add_plain(session, "AUTH PLAIN ");
        smtp_say(session, SMTP_AUTH_PLAIN, "", STR(""));
    } else if (session->offers_login) {
        smtp_say(session, SMTP_AUTH_LOGIN_USER, "AUTH LOGIN", STR(""));
    } else {
        smtp_refuse_by_rule(
            session, "mail_login_unsupported", "the relay offers neither AUTH PLAIN nor AUTH LOGIN");
    }
}

/* After the relay's answer to EHLO or HELO. */
static void smtp_go_on(struct smtp_session *session)
{
    enum mail_tls tls = session->request->tls;
    bool wants_tls = !session->is_secure && (tls == MAIL_TLS_REQUIRED || tls == MAIL_TLS_OFFERED);
    if (wants_tls && session->offers_starttls)
        smtp_say(session, SMTP_STARTTLS, "STARTTLS", STR(""));
    else if (wants_tls && tls == MAIL_TLS_REQUIRED)
        smtp_refuse_by_rule(session, "starttls_missing",
            "the relay offers no STARTTLS, which the connection requires (someone on the way may have "
            "removed "
            "it)");
    else if (session->request->user.size > 0)
        smtp_say_auth(session);
    else
        smtp_say_mail(session);
}

/* Extensions (RFC 5321, 4.1.1.1): one a line after the first. */

static bool smtp_has_word(struct str line, struct str wanted)
{
    struct str word;
    while (str_split(&line, ' ', &word)) {
        if (str_equal_nocase(word, wanted))
            return true;
    }
    return false;
}

static void smtp_note_extension(struct smtp_session *session, struct str line)
{
    struct str rest = line, word;
    if (!str_split(&rest, ' ', &word))
        return;
    if (str_equal_nocase(word, STR("STARTTLS"))) {
        session->offers_starttls = true;
    } else if (str_equal_nocase(word, STR("AUTH"))) {
        session->offers_plain |= smtp_has_word(rest, STR("PLAIN"));
        session->offers_login |= smtp_has_word(rest, STR("LOGIN"));
    } else if (str_equal_nocase(word, STR("SIZE"))) {
        session->offers_size = true;
        if (!str_to_uint(str_trim(rest), &session->size_max))
            session->size_max = 0; /* RFC 1870, 4: it names none */
    }
}

static void smtp_note_extensions(struct smtp_session *session)
{
    struct str rest = buf_str(&session->reply), line;
    bool is_first = true; /* the relay's name */
    while (str_split(&rest, '\n', &line)) {
        if (!is_first)
            smtp_note_extension(session, str_trim(line));
        is_first = false;
    }
}

/* Replies, one function a state. */

static void smtp_on_greeting(struct smtp_session *session)
{
    session->can_quit = true;
    if (session->reply_code == 220)
        smtp_say_ehlo(session);
    else
        smtp_refuse(session);
}

static void smtp_on_ehlo(struct smtp_session *session)
{
    bool is_old = session->reply_code / 100 == 5; /* RFC 5321, 3.2 */
    if (session->reply_code == 250) {
        smtp_note_extensions(session);
        smtp_go_on(session);
    } else if (is_old && !session->is_secure) {
        smtp_say(session, SMTP_HELO, "HELO ", session->hello);
    } else {
        smtp_refuse(session);
    }
}

static void smtp_on_helo(struct smtp_session *session)
{
    if (session->reply_code == 250)
        smtp_go_on(session);
    else
        smtp_refuse(session);
}

static void smtp_on_starttls(struct smtp_session *session)
{
    if (session->reply_code == 220) {
        session->can_quit = false;
        session->wants_tls = true;
    } else if (session->reply_code >= 400 && session->reply_code != 421 &&
        session->request->tls == MAIL_TLS_OFFERED) {
        session->offers_starttls = false;
        smtp_go_on(session);
    } else {
        smtp_refuse(session);
    }
}

static void smtp_on_auth_plain(struct smtp_session *session)
{
    if (session->reply_code == 334) { /* it did not look at the first response (RFC 4954, 4) */
        smtp_add_plain(session, "");
        smtp_say(session, SMTP_AUTH_DONE, "", STR(""));
    } else if (session->reply_code == 235) {
        smtp_say_mail(session);
    } else {
        smtp_refuse(session);
    }
}

static void smtp_on_auth_login_user(struct smtp_session *session)
{
    if (session->reply_code == 334)
        smtp_add_login(session, SMTP_AUTH_LOGIN_PASSWORD, session->request->user);
    else
        smtp_refuse(session);
}

static void smtp_on_auth_login_password(struct smtp_session *session)
{
    if (session->reply_code == 334)
        smtp_add_login(session, SMTP_AUTH_DONE, session->request->password);
    else
        smtp_refuse(session);
}

static void smtp_on_auth_done(struct smtp_session *session)
{
    if (session->reply_code == 235)
        smtp_say_mail(session);
    else
        smtp_refuse(session);
}

static void smtp_on_mail(struct smtp_session *session)
{
    if (session->reply_code != 250) {
        smtp_refuse(session);
        return;
    }
    session->recipient = 0;
    smtp_say_recipient(session);
}

/* Nobody is left: what the relay said about the last one decides, but one that may be taken later counts
 * more, since it makes a second try worth while. */
static void smtp_decide_by_recipients(struct smtp_session *session)
{
    for (uint32_t i = 0; i < session->request->to_count && session->reply_code / 100 == 5; i++) {
        if (session->recipient_status[i] / 100 == 4) {
            session->reply_code = session->recipient_status[i];
            buf_clear(&session->reply); /* another one's */
        }
    }
    smtp_decide(session);
}

static void smtp_on_rcpt(struct smtp_session *session)
{
    bool is_refused = session->reply_code >= 400;
    bool is_any_accepted = false;
    if (session->reply_code == 421 || session->reply_code / 100 == 3) {
        smtp_refuse(session);
        return;
    }
    session->recipient_status[session->recipient++] = (uint16_t)session->reply_code;
    if (session->recipient < session->request->to_count) {
        smtp_say_recipient(session);
        return;
    }
    for (uint32_t i = 0; i < session->request->to_count; i++)
        is_any_accepted |= session->recipient_status[i] / 100 == 2;
    assert(is_any_accepted || is_refused);
    if (is_any_accepted)
        smtp_say(session, SMTP_DATA, "DATA", STR(""));
    else
        smtp_decide_by_recipients(session);
}

/* The next piece of the message, its dots stuffed (RFC 5321, 4.5.2). Pieces end behind a line. */
static void smtp_add_text(struct smtp_session *session)
{
    struct str message = session->request->message;
    size_t begun = session->output.size;
    while (session->text_sent < message.size && session->output.size - begun < TEXT_PIECE_BYTES) {
        ptrdiff_t end = str_find_byte(message, '\n', session->text_sent);
        size_t next = end < 0 ? message.size : (size_t)end + 1;
        if (message.data[session->text_sent] == '.')
            buf_add_byte(&session->output, '.');
        buf_add(&session->output, str_slice(message, session->text_sent, next));
        session->text_sent = next;
    }
    if (session->text_sent == message.size && !str_ends(message, STR("\r\n")))
        buf_add_text(&session->output, "\r\n");
}

static void smtp_on_data(struct smtp_session *session)
{
    if (session->reply_code != 354) {
        smtp_refuse(session);
        return;
    }
    session->can_quit = false;
    session->state = SMTP_TEXT;
    smtp_add_text(session);
}

/* Before the dot: it does not want the rest. It would take a QUIT for text. */
static void smtp_on_text(struct smtp_session *session)
{
    smtp_refuse(session);
}

static void smtp_on_end(struct smtp_session *session)
{
    session->can_quit = true;
    if (session->reply_code / 100 == 2)
        smtp_decide(session);
    else
        smtp_refuse(session);
}

static void (*const smtp_on_reply[])(struct smtp_session *session) = {
    [SMTP_GREETING] = smtp_on_greeting,
    [SMTP_EHLO] = smtp_on_ehlo,
    [SMTP_HELO] = smtp_on_helo,
    [SMTP_STARTTLS] = smtp_on_starttls,
    [SMTP_AUTH_PLAIN] = smtp_on_auth_plain,
    [SMTP_AUTH_LOGIN_USER] = smtp_on_auth_login_user,
    [SMTP_AUTH_LOGIN_PASSWORD] = smtp_on_auth_login_password,
    [SMTP_AUTH_DONE] = smtp_on_auth_done,
    [SMTP_MAIL] = smtp_on_mail,
    [SMTP_RCPT] = smtp_on_rcpt,
    [SMTP_DATA] = smtp_on_data,
    [SMTP_TEXT] = smtp_on_text,
    [SMTP_END] = smtp_on_end,
};

/* Lines. */

static bool smtp_is_digit(char byte, char first, char last)
{
    return byte >= first && byte <= last;
}

/* "250-text" or "250 text" or "250". False when it is none, or goes on with another code. */
static bool smtp_read_line(struct smtp_session *session, struct str line, bool *ret_is_last)
{
    if (line.size < 3 || !smtp_is_digit(line.data[0], '2', '5') || !smtp_is_digit(line.data[1], '0', '9') ||
        !smtp_is_digit(line.data[2], '0', '9'))
        return false;
    int code = (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0');
    char after = line.size > 3 ? line.data[3] : ' ';
    if ((after != ' ' && after != '-') || (session->reply_code != 0 && session->reply_code != code))
        return false;
    session->reply_code = code;
    if (session->reply.size > 0)
        buf_add_byte(&session->reply, '\n');
    buf_add(&session->reply, str_slice(line, 4, line.size));
    *ret_is_last = after == ' ';
    return true;
}

static void smtp_take_line(struct smtp_session *session, struct str line)
{
    bool is_last;
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    if (!smtp_read_line(session, line, &is_last)) {
        smtp_break(session, "what it says is not SMTP");
        return;
    }
    if (session->reply.failed != ERR_OK) {
        smtp_break(session, "its reply is too long");
        return;
    }
    if (!is_last)
        return;
    if (session->output.size > 0 && session->state != SMTP_TEXT && session->state != SMTP_GREETING) {
        smtp_break(session, "it answered before it was asked");
        return;
    }
    smtp_on_reply[session->state](session);
    session->reply_code = 0;
    if (session->state != SMTP_OVER) /* else the answer points to it */
        buf_clear(&session->reply);
    if (session->output.failed != ERR_OK)
        smtp_session_fail(session, HTTP_BROKEN, ERR_MEMORY, NULL, "out of memory");
}

void smtp_session_receive(struct smtp_session *session, struct str bytes)
{
    while (bytes.size > 0 && session->state != SMTP_OVER) {
        if (session->wants_tls) {
            /* Plain text behind the answer to STARTTLS is an attacker's: it would be read as if it had come
             * through TLS (CVE-2011-0411). */
            smtp_break(session, "it went on in plain text after STARTTLS");
            return;
        }
        ptrdiff_t end = str_find_byte(bytes, '\n', 0);
        size_t size = end < 0 ? bytes.size : (size_t)end;
        buf_add(&session->input, str_slice(bytes, 0, size));
        bytes = str_slice(bytes, end < 0 ? bytes.size : size + 1, bytes.size);
        if (session->input.size > SMTP_LINE_BYTES_MAX) {
            smtp_break(session, "a line of its reply is too long");
        } else if (session->input.failed != ERR_OK) {
            smtp_session_fail(session, HTTP_BROKEN, ERR_MEMORY, NULL, "out of memory");
        } else if (end >= 0) {
            smtp_take_line(session, buf_str(&session->input));
            buf_clear(&session->input);
        }
    }
}

void smtp_session_sent(struct smtp_session *session)
{
    smtp_clear_output(session);
    if (session->state != SMTP_TEXT)
        return;
    if (session->text_sent < session->request->message.size) {
        smtp_add_text(session);
        return;
    }
    buf_add_text(&session->output, ".\r\n");
    session->state = SMTP_END;
    session->answer.may_have_left = session->output.failed == ERR_OK;
    if (session->output.failed != ERR_OK)
        smtp_session_fail(session, HTTP_BROKEN, ERR_MEMORY, NULL, "out of memory");
}

void smtp_session_secured(struct smtp_session *session)
{
    session->wants_tls = false;
    session->is_secure = true;
    session->can_quit = true;
    smtp_say_ehlo(session);
}
