/* A peer that says what its script says, on a thread of its own. It allocates nothing through base/memory.h.
 */
#ifndef TOCSIN_TESTS_IO_PEER_H
#define TOCSIN_TESTS_IO_PEER_H

#include "io_helpers.h"

enum peer_then {
    PEER_CLOSE,
    PEER_RESET,
    PEER_HOLD, /* keeps the connection open and silent until the peer is stopped */
    PEER_AGAIN, /* the next request on this connection gets the next script */
};

/* What happens at one request. */
struct peer_script {
    const char *answer; /* NULL: nothing */
    size_t answer_size; /* 0: strlen */
    enum peer_then then;
    unsigned wait_ms; /* before the answer */
};

struct peer {
    int listener, stop[2];
    unsigned port;
    pthread_t thread;
    const struct peer_script *scripts;
    size_t script_count;
    atomic_uint connection_count, request_count;
    int held[16];
    unsigned held_count;
    char last_request[8192];
};

UNUSED static bool peer_waits(struct peer *peer, int fd)
{
    struct pollfd fds[2] = { { fd, POLLIN, 0 }, { peer->stop[0], POLLIN, 0 } };
    return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

/* Reads a head and as much body as it announces. False at the end of the connection. */
UNUSED static bool peer_read_request(struct peer *peer, int fd)
{
    size_t size = 0, wanted = SIZE_MAX;
    while (size < wanted && size < sizeof peer->last_request - 1) {
        if (!peer_waits(peer, fd))
            return false;
        ssize_t got = recv(fd, peer->last_request + size, sizeof peer->last_request - 1 - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        peer->last_request[size] = '\0';
        const char *end = strstr(peer->last_request, "\r\n\r\n");
        const char *length = strcasestr(peer->last_request, "\r\nContent-Length: ");
        if (end)
            wanted = (size_t)(end - peer->last_request) + 4 +
                (length && length < end ? (size_t)atoi(length + strlen("\r\nContent-Length: ")) : 0);
    }
    return true;
}

UNUSED static void peer_end(struct peer *peer, int fd, enum peer_then then)
{
    struct linger hard = { 1, 0 };
    if (then == PEER_HOLD) {
        peer->held[peer->held_count++] = fd;
        return;
    }
    if (then == PEER_RESET)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

UNUSED static void *peer_thread(void *argument)
{
    struct peer *peer = argument;
    size_t next = 0;
    while (peer_waits(peer, peer->listener)) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        enum peer_then then = PEER_CLOSE;
        peer->connection_count++;
        do {
            then = PEER_CLOSE;
            if (!peer_read_request(peer, fd) || next >= peer->script_count)
                break;
            const struct peer_script *script = &peer->scripts[next++];
            peer->request_count++;
            test_sleep_ms(script->wait_ms);
            if (script->answer)
                raw_send(fd,
                    (struct str){
                        script->answer, script->answer_size ? script->answer_size : strlen(script->answer) });
            then = script->then;
        } while (then == PEER_AGAIN);
        peer_end(peer, fd, then);
    }
    return NULL;
}

UNUSED static void peer_start(struct peer *peer, const struct peer_script *scripts, size_t script_count)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    *peer = (struct peer){ .scripts = scripts, .script_count = script_count };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 64), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pipe(peer->stop), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_thread, peer), 0);
}

UNUSED static void peer_stop(struct peer *peer)
{
    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    for (unsigned i = 0; i < peer->held_count; i++)
        close(peer->held[i]);
    close(peer->stop[0]);
    close(peer->listener);
}

#endif
