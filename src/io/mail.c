#include "io/mail.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/heap.h"
#include "io/http_client_curl.h"
#include "io/loop_uv.h"
#include "io/smtp.h"
#include "io/tls.h"

#define MAIL_READ_BYTES (16 << 10)
#define MAIL_QUIT_MS 2000 /* that the relay gets to answer QUIT */

enum mail_phase {
    MAIL_CONNECTING,
    MAIL_TALKING,
    MAIL_QUITTING, /* reported; what comes now is not looked at */
    MAIL_CLOSING,
};

struct mail_call {
    struct http_client_curl *client;
    struct mail_call *next, *previous; /* of the client's */
    enum mail_phase phase;
    mail_done *done; /* NULL once it was called */
    void *context;
    struct arena arena;
    struct mail_request request; /* a copy in `arena` */
    bool has_copy; /* of the password */
    struct http_call *connecting; /* in phase MAIL_CONNECTING */
    struct smtp_session session;
    struct tls_context *tls_context;
    struct tls *tls; /* NULL: plain so far */
    uv_tcp_t tcp;
    uv_timer_t timer; /* until the deadline; then, for QUIT */
    uv_write_t write;
    struct buf writing; /* on its way */
    bool is_writing;
    bool is_output_out; /* all of the session's output is in `writing` */
    bool is_deaf; /* the peer takes no more; what it said before that is still read */
    bool has_tcp;
    unsigned handle_count; /* open */
    int64_t deadline_us; /* monotonic */
    char bytes[MAIL_READ_BYTES];
};

/* Checks. */

/* An address goes into a line of the protocol: nothing in it may end that line or the brackets round it. */
static FALLIBLE mail_check_address(struct str address, struct err_info *why)
{
    bool is_good = address.size > 0 && address.size <= 320 && str_find_byte(address, '@', 0) > 0;
    bool is_ascii = true;
    for (size_t i = 0; i < address.size; i++) {
        unsigned char c = (unsigned char)address.data[i];
        is_ascii = is_ascii && c < 0x80;
        is_good = is_good && c > ' ' && c != 0x7f && c != '<' && c != '>';
    }
    if (!is_good)
        return err_named(why, ERR_INVALID, "mail_address", "\"%.*s\" is no mail address", STR_ARG(address));
    if (!is_ascii)
        return err_named(why, ERR_INVALID, "mail_address",
            "\"%.*s\" is not ASCII: write its domain in the form xn--…; SMTPUTF8 (RFC 6531) is not spoken",
            STR_ARG(address));
    return ERR_OK;
}

/* Lines end in CR LF and nowhere else: a bare LF before a dot ends the message for some servers, and what
 * follows it would be commands (SMTP smuggling). */
static FALLIBLE mail_check_message(struct str message, struct err_info *why)
{
    size_t line = 1, begin = 0;
    if (message.size > MAIL_MESSAGE_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "MAIL_MESSAGE_BYTES_MAX",
            "the message has more than %zu bytes (MAIL_MESSAGE_BYTES_MAX)", (size_t)MAIL_MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < message.size; i++) {
        unsigned char c = (unsigned char)message.data[i];
        if (c == '\r' && i + 1 < message.size && message.data[i + 1] == '\n') {
            begin = ++i + 1;
            line++;
        } else if (c == '\r' || c == '\n' || c == '\0' || c >= 0x80) {
            return err_named(why, ERR_INVALID, "mail_message",
                "byte %zu of the message is a bare CR or LF, a NUL or not ASCII", i);
        } else if (i - begin >= 998) { /* RFC 5321, 4.5.3.1.6 */
            return err_named(
                why, ERR_INVALID, "mail_message", "line %zu of the message has more than 998 bytes", line);
        }
    }
    return ERR_OK;
}

static FALLIBLE mail_check(const struct mail_request *request, struct err_info *why)
{
    if (request->to_count == 0)
        return err_named(why, ERR_INVALID, "mail_address", "the message has no recipient");
    TRY(mail_check_address(request->from, why));
    for (uint32_t i = 0; i < request->to_count; i++)
        TRY(mail_check_address(request->to[i], why));
    if (str_find_byte(request->user, '\0', 0) >= 0 || str_find_byte(request->password, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "mail_login", "the user name or password holds a NUL");
    return mail_check_message(request->message, why);
}

static FALLIBLE mail_copy(struct mail_call *call, const struct mail_request *request, struct err_info *why)
{
    struct mail_request *copy = &call->request;
    *copy = *request;
    struct str *to = ARENA_ARRAY(&call->arena, request->to_count, struct str);
    if (!to)
        return err_memory(why);
    for (uint32_t i = 0; i < request->to_count; i++)
        TRY(arena_str(&call->arena, request->to[i], &to[i], why));
    copy->to = to;
    TRY(arena_str(&call->arena, request->host, &copy->host, why));
    TRY(arena_str(&call->arena, request->user, &copy->user, why));
    TRY(arena_str(&call->arena, request->password, &copy->password, why));
    call->has_copy = true;
    TRY(arena_str(&call->arena, request->from, &copy->from, why));
    TRY(arena_str(&call->arena, request->message, &copy->message, why));
    return arena_str(&call->arena, request->ca_file, &copy->ca_file, why);
}

/* Ends. */

static void mail_forget(struct mail_call *call)
{
    struct str password = call->request.password; /* our own copy, once there is one */
    if (password.size > 0 && call->has_copy)
        explicit_bzero((char *)(uintptr_t)password.data, password.size);
    arena_done(&call->arena);
    memory_free(call);
}

static void mail_release(struct mail_call *call)
{
    struct http_client_curl *client = call->client;
    if (call->previous)
        call->previous->next = call->next;
    else
        client->mails = call->next;
    if (call->next)
        call->next->previous = call->previous;
    smtp_session_done(&call->session);
    if (call->writing.size > 0)
        explicit_bzero(call->writing.data, call->writing.size);
    buf_done(&call->writing);
    tls_free(call->tls);
    tls_context_free(call->tls_context);
    mail_forget(call);
    http_client_handle_closed(client); /* the call counts as one */
}

static void mail_on_handle_closed(uv_handle_t *handle)
{
    struct mail_call *call = handle->data;
    if (--call->handle_count == 0)
        mail_release(call);
}

static void mail_close(struct mail_call *call)
{
    if (call->phase == MAIL_CLOSING)
        return;
    call->phase = MAIL_CLOSING;
    if (call->has_tcp)
        uv_close((uv_handle_t *)&call->tcp, mail_on_handle_closed);
    uv_close((uv_handle_t *)&call->timer, mail_on_handle_closed);
}

static void mail_report(struct mail_call *call, const struct mail_answer *answer)
{
    mail_done *done = call->done;
    call->done = NULL;
    done(call->context, answer);
}

static void mail_report_failure(struct mail_call *call, const struct http_answer *failed)
{
    struct mail_answer answer = {
        .failure = failed->failure, .recipient_status = call->session.recipient_status, .why = failed->why
    };
    mail_report(call, &answer);
    mail_close(call);
}

static void mail_on_quit_timeout(uv_timer_t *timer)
{
    mail_close(timer->data);
}

static void mail_pump(struct mail_call *call);

/* Reports first: how long the relay thinks about QUIT is nobody's concern. */
static void mail_end(struct mail_call *call)
{
    struct smtp_session *session = &call->session;
    bool can_quit = session->can_quit && !call->is_deaf;
    if (!call->done) { /* it has failed once more, while it ended */
        mail_close(call);
        return;
    }
    mail_report(call, &session->answer);
    if (!can_quit || call->phase != MAIL_TALKING) {
        if (call->phase == MAIL_TALKING)
            mail_pump(call); /* an alert of TLS may wait; whether it arrives does not matter */
        mail_close(call);
        return;
    }
    call->phase = MAIL_QUITTING;
    (void)uv_timer_start(&call->timer, mail_on_quit_timeout, MAIL_QUIT_MS, 0); /* is not closing */
    buf_clear(&session->output);
    buf_add_text(&session->output, "QUIT\r\n");
    mail_pump(call);
}

static void mail_fail(
    struct mail_call *call, enum http_failure failure, enum err code, const char *name, const char *text)
{
    if (call->phase == MAIL_QUITTING)
        mail_close(call);
    if (call->phase != MAIL_TALKING)
        return;
    smtp_session_fail(&call->session, failure, code, name, text);
    mail_end(call);
}

static void mail_fail_uv(struct mail_call *call, int status)
{
    char text[160];
    const char *reason = status == UV_EOF ? "the relay closed the connection" : uv_strerror(status);
    (void)snprintf(text, sizeof text, "%s while we waited for its answer to %s", reason,
        smtp_session_awaits(&call->session));
    mail_fail(call, HTTP_BROKEN, ERR_UNAVAILABLE, "smtp_broken", text);
}

/* Writing. */

static void mail_written(struct mail_call *call, int status)
{
    call->is_deaf = status < 0;
    explicit_bzero(call->writing.data, call->writing.size);
    buf_clear(&call->writing);
    if (call->is_output_out)
        smtp_session_sent(&call->session);
    call->is_output_out = false;
    if (call->is_deaf && call->phase == MAIL_QUITTING)
        mail_close(call);
}

static void mail_on_written(uv_write_t *write, int status)
{
    struct mail_call *call = write->data;
    call->is_writing = false;
    if (call->phase == MAIL_CLOSING)
        return;
    mail_written(call, status);
    mail_pump(call);
}

/* All of `writing`, now or later. A relay that refuses and hangs up at once makes writing fail before we have
 * read why: so only reading ends a session. */
static void mail_write(struct mail_call *call)
{
    uv_buf_t bytes = uv_buf_init(call->writing.data, (unsigned)call->writing.size);
    int sent = uv_try_write((uv_stream_t *)&call->tcp, &bytes, 1);
    if (sent == (int)call->writing.size || (sent < 0 && sent != UV_EAGAIN)) {
        mail_written(call, sent);
        return;
    }
    if (sent > 0)
        bytes = uv_buf_init(call->writing.data + sent, (unsigned)call->writing.size - (unsigned)sent);
    call->write.data = call;
    int status = uv_write(&call->write, (uv_stream_t *)&call->tcp, &bytes, 1, mail_on_written);
    call->is_writing = status == 0;
    if (status < 0)
        mail_written(call, status);
}

/* Moves the session's output to `writing`, encrypted where TLS stands. */
static FALLIBLE mail_fill(struct mail_call *call, struct err_info *why)
{
    struct str output = buf_str(&call->session.output);
    if (!call->tls) {
        buf_add(&call->writing, output);
        return buf_check(&call->writing, why);
    }
    if (output.size > 0 && tls_is_ready(call->tls))
        TRY(tls_write(call->tls, output, why));
    buf_add(&call->writing, tls_output(call->tls));
    tls_output_sent(call->tls);
    return buf_check(&call->writing, why);
}

static FALLIBLE mail_begin_tls(struct mail_call *call, struct err_info *why)
{
    char nothing[1];
    TRY(tls_context_new_client(call->request.ca_file, &call->tls_context, why));
    TRY(tls_new_client(call->tls_context, call->request.host, &call->tls, why));
    (void)tls_read(call->tls, nothing, sizeof nothing); /* begins: its greeting waits in tls_output */
    return ERR_OK;
}

/* Everything that can go out goes out. */
static void mail_pump(struct mail_call *call)
{
    struct smtp_session *session = &call->session;
    struct err_info why = { 0 };
    while (!call->is_writing && !call->is_deaf &&
        (call->phase == MAIL_TALKING || call->phase == MAIL_QUITTING)) {
        if (session->wants_tls && !call->tls && mail_begin_tls(call, &why) != ERR_OK) {
            mail_fail(call, HTTP_CONNECT, why.code, why.name, why.text);
            return;
        }
        bool has_output = session->output.size > 0 && (!call->tls || tls_is_ready(call->tls));
        if (mail_fill(call, &why) != ERR_OK) {
            mail_fail(call, HTTP_BROKEN, why.code, why.name, why.text);
            return;
        }
        if (call->writing.size == 0)
            return;
        call->is_output_out = has_output;
        mail_write(call);
    }
}

/* Reading. */

static void mail_on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct mail_call *call = handle->data;
    (void)wanted;
    *ret = uv_buf_init(call->bytes, sizeof call->bytes);
}

static void mail_tls_failed(struct mail_call *call)
{
    const char *distrust = tls_distrust(call->tls);
    char text[200];
    if (tls_is_ready(call->tls)) {
        mail_fail_uv(call, UV_EOF);
        return;
    }
    (void)snprintf(text, sizeof text, "the relay's certificate is not trusted: %s", distrust ? distrust : "");
    if (distrust)
        mail_fail(call, HTTP_TLS_VERIFY, ERR_UNAVAILABLE, "tls", text);
    else
        mail_fail(call, HTTP_CONNECT, ERR_UNAVAILABLE, "tls_handshake", "the TLS handshake failed");
}

static void mail_receive_tls(struct mail_call *call, struct str cipher)
{
    char plain[MAIL_READ_BYTES];
    int size;
    bool was_ready = tls_is_ready(call->tls);
    if (tls_receive(call->tls, cipher, NULL) != ERR_OK) {
        mail_fail(call, HTTP_BROKEN, ERR_MEMORY, NULL, "out of memory");
        return;
    }
    while ((size = tls_read(call->tls, plain, sizeof plain)) > 0)
        smtp_session_receive(&call->session, (struct str){ plain, (size_t)size });
    if (!was_ready && tls_is_ready(call->tls) && call->session.wants_tls)
        smtp_session_secured(&call->session);
    if (size < 0 && call->session.state != SMTP_OVER)
        mail_tls_failed(call);
}

static void mail_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct mail_call *call = stream->data;
    if (size == 0)
        return;
    if (call->phase == MAIL_QUITTING) {
        mail_close(call);
        return;
    }
    if (size < 0) {
        mail_fail_uv(call, (int)size);
        return;
    }
    struct str received = { bytes->base, (size_t)size };
    if (call->tls)
        mail_receive_tls(call, received);
    else
        smtp_session_receive(&call->session, received);
    if (call->phase != MAIL_TALKING)
        return;
    if (call->session.state == SMTP_OVER)
        mail_end(call);
    else
        mail_pump(call);
}

/* Beginning. */

static void mail_on_timeout(uv_timer_t *timer)
{
    struct mail_call *call = timer->data;
    char text[120];
    (void)snprintf(text, sizeof text, "no answer to %s within the time", smtp_session_awaits(&call->session));
    mail_fail(call, HTTP_TIMEOUT, ERR_TIMEOUT, "timeout", text);
}

/* RFC 5321, 4.1.1.1: our name where the machine has a full one, else our address. */
static FALLIBLE mail_name_self(struct mail_call *call, struct str *ret, struct err_info *why)
{
    char name[256] = "", text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_storage own = { 0 };
    int size = sizeof own;
    bool is_name = gethostname(name, sizeof name - 1) == 0 && strchr(name, '.') != NULL;
    for (const char *at = name; *at; at++)
        is_name = is_name &&
            (strchr("-.", *at) || (*at >= '0' && *at <= '9') || ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z'));
    if (is_name)
        return arena_printf(&call->arena, ret, why, "%s", name);
    if (uv_tcp_getsockname(&call->tcp, (struct sockaddr *)&own, &size) < 0 || own.ss_family == AF_UNSPEC)
        return arena_printf(&call->arena, ret, why, "localhost");
    bool is_v6 = own.ss_family == AF_INET6;
    (void)uv_ip_name((const struct sockaddr *)&own, text, sizeof text); /* stays empty on a strange family */
    return arena_printf(&call->arena, ret, why, "[%s%s]", is_v6 ? "IPv6:" : "", text);
}

/* The socket is the call's, whatever happens. */
static FALLIBLE mail_adopt(struct mail_call *call, int fd, struct err_info *why)
{
    int status = uv_tcp_init(call->client->uv, &call->tcp);
    if (status == 0) {
        call->tcp.data = call;
        call->has_tcp = true;
        call->handle_count++;
        status = uv_tcp_open(&call->tcp, fd);
    }
    if (status < 0) {
        (void)close(fd); /* nothing was written */
        return err_uv(why, status, "watch a connection");
    }
    struct str hello;
    TRY(mail_name_self(call, &hello, why));
    call->session.hello = hello;
    if (call->request.tls == MAIL_TLS_IMPLICIT)
        TRY(mail_begin_tls(call, why));
    status = uv_read_start((uv_stream_t *)&call->tcp, mail_on_room, mail_on_read);
    return status < 0 ? err_uv(why, status, "read from a connection") : ERR_OK;
}

static void mail_on_connected(void *context, const struct http_answer *answer, int fd)
{
    struct mail_call *call = context;
    struct http_answer failed = { .failure = HTTP_CONNECT };
    call->connecting = NULL;
    if (answer->failure != HTTP_OK) {
        mail_report_failure(call, answer);
        return;
    }
    if (mail_adopt(call, fd, &failed.why) != ERR_OK) {
        mail_report_failure(call, &failed);
        return;
    }
    int64_t left_us = call->deadline_us - clock_monotonic_us(clock_system());
    call->phase = MAIL_TALKING;
    uv_update_time(call->client->uv); /* timers count from the loop's idea of now, which may be old */
    /* Ours and libuv's are cut to whole milliseconds, and its clock may lag by one. */
    uint64_t left_ms = left_us > 0 ? (uint64_t)(left_us / US_PER_MS) + 3 : 1;
    (void)uv_timer_start(&call->timer, mail_on_timeout, left_ms, 0); /* is not closing */
    mail_pump(call);
}

static FALLIBLE mail_prepare(struct mail_call *call, const struct mail_request *request, struct err_info *why)
{
    struct str peer;
    int64_t timeout_us = request->timeout_us > 0 ? request->timeout_us : CALL_SECONDS_DEFAULT * US_PER_S;
    TRY(mail_copy(call, request, why));
    uint16_t *status = ARENA_ARRAY(&call->arena, request->to_count, uint16_t);
    if (!status)
        return err_memory(why);
    TRY(arena_printf(
        &call->arena, &peer, why, "%.*s port %u", STR_ARG(call->request.host), call->request.port));
    smtp_session_init(&call->session, &call->request, STR(""), peer, status);
    call->deadline_us = clock_monotonic_us(clock_system()) + timeout_us;
    struct http_place place = { call->request.host, call->request.port, timeout_us };
    return http_connect_start(call->client, place, mail_on_connected, call, &call->connecting, why);
}

enum err mail_call_start(struct http_client *base, const struct mail_request *request, mail_done *done,
    void *context, struct mail_call **ret, struct err_info *why)
{
    struct http_client_curl *client = http_client_curl_of(base);
    struct mail_call *call = heap_zeroed(sizeof *call);
    if (!call)
        return err_memory(why);
    call->client = client;
    call->done = done;
    call->context = context;
    enum err failed = mail_prepare(call, request, why);
    if (failed != ERR_OK) {
        mail_forget(call);
        return failed;
    }
    (void)uv_timer_init(client->uv, &call->timer); /* opens nothing, cannot fail */
    call->timer.data = call;
    call->handle_count = 1;
    call->next = client->mails;
    if (client->mails)
        client->mails->previous = call;
    client->mails = call;
    client->open_handle_count++;
    if (ret)
        *ret = call;
    return ERR_OK;
}

void mail_call_cancel(struct http_client *base, struct mail_call *call)
{
    assert(call->done);
    if (call->phase == MAIL_CONNECTING) {
        http_call_cancel(base, call->connecting); /* ends in mail_on_connected */
        return;
    }
    mail_fail(call, HTTP_CANCELLED, ERR_CANCELLED, NULL, "the mail was cancelled");
}

void mail_calls_abandon(struct http_client_curl *client)
{
    for (struct mail_call *call = client->mails, *next; call; call = next) {
        next = call->next;
        if (call->done)
            mail_call_cancel(&client->client, call);
        mail_close(call);
    }
}

enum err mail_send(struct http_client *client, const struct mail_request *request, mail_done *done,
    void *context, struct mail_call **ret, struct err_info *why)
{
    TRY(mail_check(request, why));
    if (!client->ops->send_mail)
        return err_named(why, ERR_UNAVAILABLE, "no_mail", "this process sends no mail");
    return client->ops->send_mail(client, request, done, context, ret, why);
}

void mail_cancel(struct http_client *client, struct mail_call *call)
{
    client->ops->cancel_mail(client, call);
}
