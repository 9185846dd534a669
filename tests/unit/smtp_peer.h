/* A mail relay that says what a test wants, on a thread of its own, with or without TLS. It allocates nothing
 * through base/memory.h. Include it in one file of a test program, after io_helpers.h. */
#ifndef TOCSIN_TESTS_SMTP_PEER_H
#define TOCSIN_TESTS_SMTP_PEER_H

#include <openssl/ssl.h>

#include "io_helpers.h"

enum smtp_then {
    SMTP_GO_ON,
    SMTP_CLOSE,
    SMTP_RESET,
    SMTP_HOLD, /* silent and open until the peer is stopped */
};

/* What is answered to lines that begin with `to`; each rule serves once, the first that fits. `to` "greeting"
 * is the start of a connection, "text" the end of a message, "part" its beginning: before the first line. */
struct smtp_rule {
    const char *to, *answer; /* NULL: nothing */
    enum smtp_then then;
};

#define SMTP_RULES_MAX 12

struct smtp_peer {
    struct smtp_rule rules[SMTP_RULES_MAX];
    const char *ehlo; /* the answer to EHLO in plain text; NULL: an ordinary one */
    const char *ehlo_tls; /* the same inside TLS; NULL: with AUTH PLAIN LOGIN */
    const struct test_tls *tls; /* NULL: it can't do TLS */
    bool is_implicit;
    bool is_slow_text; /* reads no message: the sender's writes stop */
    /* What came; read it after smtp_peer_stop. */
    char said[16384]; /* lines, each with "\n"; "[tls]" where TLS began */
    char *text; /* the message as it came over the wire, without the ending dot */
    size_t text_size, text_room;
    unsigned message_count;
    atomic_uint connection_count, ended_count; /* any time */
    bool is_ended_by_peer; /* the last connection: the client closed it */
    /* The peer's own. */
    bool is_used[SMTP_RULES_MAX];
    int listener, stop[2], fd;
    unsigned port;
    pthread_t thread;
    SSL_CTX *context;
    SSL *ssl;
    char bytes[65536];
    size_t begin, end; /* of what is not read yet */
};

UNUSED static bool smtp_peer_fill(struct smtp_peer *peer)
{
    struct pollfd fds[2] = { { peer->fd, POLLIN, 0 }, { peer->stop[0], POLLIN, 0 } };
    if (!peer->ssl || SSL_pending(peer->ssl) == 0) {
        if (poll(fds, 2, -1) <= 0 || fds[1].revents)
            return false;
    }
    ssize_t size = peer->ssl ? SSL_read(peer->ssl, peer->bytes, sizeof peer->bytes)
                             : recv(peer->fd, peer->bytes, sizeof peer->bytes, 0);
    peer->begin = 0;
    peer->end = size > 0 ? (size_t)size : 0;
    peer->is_ended_by_peer = size <= 0;
    return size > 0;
}

/* One line with its end; what does not fit is cut. */
UNUSED static bool smtp_peer_line(struct smtp_peer *peer, char *line, size_t room, size_t *ret_size)
{
    size_t size = 0;
    for (;;) {
        if (peer->begin == peer->end && !smtp_peer_fill(peer))
            return false;
        char byte = peer->bytes[peer->begin++];
        if (size + 1 < room)
            line[size++] = byte;
        if (byte != '\n')
            continue;
        line[size] = '\0';
        *ret_size = size;
        return true;
    }
}

UNUSED static void smtp_peer_say(struct smtp_peer *peer, const char *text)
{
    if (peer->ssl)
        (void)SSL_write(peer->ssl, text, (int)strlen(text));
    else
        raw_send(peer->fd, str_of(text));
}

UNUSED static bool smtp_peer_secure(struct smtp_peer *peer)
{
    char note[] = "[tls]\n";
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    if (SSL_accept(peer->ssl) != 1)
        return false;
    strncat(peer->said, note, sizeof peer->said - strlen(peer->said) - 1);
    return true;
}

UNUSED static void smtp_peer_hold(struct smtp_peer *peer)
{
    struct pollfd stop = { peer->stop[0], POLLIN, 0 };
    (void)poll(&stop, 1, -1);
}

UNUSED static void smtp_peer_end(struct smtp_peer *peer, enum smtp_then then)
{
    struct linger hard = { 1, 0 };
    if (then == SMTP_HOLD)
        smtp_peer_hold(peer);
    if (then == SMTP_RESET)
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (peer->ssl)
        SSL_free(peer->ssl);
    peer->ssl = NULL;
    close(peer->fd);
    peer->ended_count++;
}

/* The answer to what came; `*ret_then` tells how it goes on. */
UNUSED static const char *smtp_peer_answer(
    struct smtp_peer *peer, const char *line, const char *usual, enum smtp_then *ret_then)
{
    *ret_then = SMTP_GO_ON;
    for (int i = 0; i < SMTP_RULES_MAX && peer->rules[i].to; i++) {
        if (peer->is_used[i] || strncasecmp(line, peer->rules[i].to, strlen(peer->rules[i].to)) != 0)
            continue;
        peer->is_used[i] = true;
        *ret_then = peer->rules[i].then;
        return peer->rules[i].answer;
    }
    return usual;
}

UNUSED static const char *smtp_peer_usual(struct smtp_peer *peer, const char *line)
{
    const char *tls = peer->ehlo_tls ? peer->ehlo_tls
                                     : "250-peer\r\n250-SIZE 10000000\r\n250 AUTH PLAIN LOGIN\r\n";
    const char *plain = peer->ehlo ? peer->ehlo
        : peer->tls                ? "250-peer\r\n250-SIZE 10000000\r\n250 STARTTLS\r\n"
                                   : "250-peer\r\n250 SIZE 10000000\r\n";
    if (strncasecmp(line, "EHLO", 4) == 0)
        return peer->ssl ? tls : plain;
    if (strncasecmp(line, "DATA", 4) == 0)
        return "354 go on\r\n";
    if (strncasecmp(line, "STARTTLS", 8) == 0)
        return "220 ready\r\n";
    if (strncasecmp(line, "AUTH", 4) == 0)
        return "235 welcome\r\n";
    if (strncasecmp(line, "QUIT", 4) == 0)
        return "221 bye\r\n";
    return "250 fine\r\n";
}

/* The message up to its dot. */
UNUSED static bool smtp_peer_take_text(struct smtp_peer *peer)
{
    char line[4096];
    size_t size;
    while (smtp_peer_line(peer, line, sizeof line, &size)) {
        if (strcmp(line, ".\r\n") == 0) {
            peer->message_count++;
            return true;
        }
        if (peer->text_size + size + 1 > peer->text_room) {
            peer->text_room = 2 * (peer->text_size + size + 1);
            peer->text = realloc(peer->text, peer->text_room);
        }
        memcpy(peer->text + peer->text_size, line, size + 1);
        peer->text_size += size;
    }
    return false;
}

/* False when the connection is to end as `*ret_then` says. */
UNUSED static bool smtp_peer_step(struct smtp_peer *peer, const char *line, enum smtp_then *ret_then)
{
    const char *answer = smtp_peer_answer(peer, line, smtp_peer_usual(peer, line), ret_then);
    if (answer)
        smtp_peer_say(peer, answer);
    if (*ret_then != SMTP_GO_ON)
        return false;
    if (strncasecmp(line, "QUIT", 4) == 0)
        *ret_then = SMTP_CLOSE;
    if (answer && strncasecmp(line, "STARTTLS", 8) == 0 && strncmp(answer, "220", 3) == 0)
        return smtp_peer_secure(peer);
    if (!answer || strncasecmp(line, "DATA", 4) != 0 || strncmp(answer, "354", 3) != 0)
        return *ret_then == SMTP_GO_ON;
    answer = smtp_peer_answer(peer, "part", NULL, ret_then);
    if (answer)
        smtp_peer_say(peer, answer);
    if (*ret_then != SMTP_GO_ON || !smtp_peer_take_text(peer))
        return false;
    answer = smtp_peer_answer(peer, "text", "250 2.0.0 queued as 1\r\n", ret_then);
    if (answer)
        smtp_peer_say(peer, answer);
    return *ret_then == SMTP_GO_ON;
}

UNUSED static void smtp_peer_serve(struct smtp_peer *peer)
{
    enum smtp_then then = SMTP_CLOSE;
    char line[2048];
    size_t size;
    peer->begin = peer->end = 0;
    peer->is_ended_by_peer = false;
    bool goes_on = !peer->is_implicit || smtp_peer_secure(peer);
    if (goes_on) {
        const char *greeting = smtp_peer_answer(peer, "greeting", "220 peer ESMTP\r\n", &then);
        if (greeting)
            smtp_peer_say(peer, greeting);
        goes_on = then == SMTP_GO_ON;
    }
    while (goes_on && smtp_peer_line(peer, line, sizeof line, &size)) {
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            line[--size] = '\0';
        strncat(peer->said, line, sizeof peer->said - strlen(peer->said) - 1);
        strncat(peer->said, "\n", sizeof peer->said - strlen(peer->said) - 1);
        goes_on = smtp_peer_step(peer, line, &then);
    }
    smtp_peer_end(peer, then);
}

UNUSED static void *smtp_peer_thread(void *argument)
{
    struct smtp_peer *peer = argument;
    struct pollfd fds[2] = { { peer->listener, POLLIN, 0 }, { peer->stop[0], POLLIN, 0 } };
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        peer->fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        int on = 1;
        setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        peer->connection_count++;
        smtp_peer_serve(peer);
    }
    return NULL;
}

UNUSED static void smtp_peer_start(struct smtp_peer *peer)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (peer->tls) {
        peer->context = SSL_CTX_new(TLS_server_method());
        assert_int_equal(SSL_CTX_use_certificate_chain_file(peer->context, peer->tls->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(peer->context, peer->tls->key, SSL_FILETYPE_PEM), 1);
    }
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 16), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pipe(peer->stop), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, smtp_peer_thread, peer), 0);
}

/* Ends at once; what came can be read then. */
UNUSED static void smtp_peer_stop(struct smtp_peer *peer)
{
    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    close(peer->stop[0]);
    close(peer->listener);
    SSL_CTX_free(peer->context);
    peer->context = NULL;
}

UNUSED static void smtp_peer_free(struct smtp_peer *peer)
{
    free(peer->text);
    free(peer);
}

#endif
