#include "io/http_client_curl.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/heap.h"
#include "io/loop_uv.h"

#define SPARES_MAX 64
#define SPARE_BYTES_MAX (64 * KIB)
#define CONNECTIONS_MAX_DEFAULT 256
#define CONNECTIONS_PER_HOST_DEFAULT 32
#define CONNECTION_IDLE_SECONDS 60L

/* A descriptor that curl wants watched. Ours are kept from open to close and left armed between requests:
 * a kept-alive connection then costs no epoll_ctl a request. curl's own (the resolver's) live from its first
 * wish to its last. */
struct http_socket {
    uv_poll_t poll;
    struct http_client_curl *client;
    curl_socket_t fd;
    int armed, wanted; /* UV_READABLE, UV_WRITABLE */
    bool is_ours;
    ino_t inode; /* of ours, by which a descriptor that was closed and given out again is told apart */
    bool is_established; /* ours, whose first request is over: curl says when it closes it */
};

static const struct http_client_ops http_client_curl_ops;

struct http_client_curl *http_client_curl_of(struct http_client *client)
{
    assert(client->ops == &http_client_curl_ops);
    return (struct http_client_curl *)client;
}

/* Ends. */

static void http_client_release(struct http_client_curl *client)
{
    if (!client->is_freed || client->open_handle_count > 0)
        return;
    memory_free(client->sockets);
    memory_free(client->user_agent);
    memory_free(client);
    curl_global_cleanup();
}

void http_client_handle_closed(struct http_client_curl *client)
{
    client->open_handle_count--;
    http_client_release(client);
}

static void http_client_on_timer_closed(uv_handle_t *handle)
{
    http_client_handle_closed(handle->data);
}

static void http_socket_on_closed(uv_handle_t *handle)
{
    struct http_socket *socket = handle->data;
    struct http_client_curl *client = socket->client;
    memory_free(socket);
    http_client_handle_closed(client);
}

/* Sockets. */

static struct http_socket *http_socket_find(const struct http_client_curl *client, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < client->socket_room ? client->sockets[fd] : NULL;
}

static bool http_sockets_grow(struct http_client_curl *client, curl_socket_t fd)
{
    size_t room = client->socket_room;
    if ((size_t)fd < room)
        return true;
    while (room <= (size_t)fd)
        room = room ? room * 2 : 64;
    struct http_socket **sockets = memory_realloc(client->sockets, room * sizeof(struct http_socket *));
    if (!sockets)
        return false;
    memset(sockets + client->socket_room, 0, (room - client->socket_room) * sizeof(struct http_socket *));
    client->sockets = sockets;
    client->socket_room = room;
    return true;
}

static struct http_socket *http_socket_new(struct http_client_curl *client, curl_socket_t fd)
{
    if (!http_sockets_grow(client, fd))
        return NULL;
    struct http_socket *socket = heap_zeroed(sizeof *socket);
    if (!socket)
        return NULL;
    if (uv_poll_init(client->uv, &socket->poll, fd) < 0) {
        memory_free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    socket->client = client;
    socket->fd = fd;
    client->sockets[fd] = socket;
    client->open_handle_count++;
    return socket;
}

static void http_socket_close(struct http_socket *socket)
{
    socket->client->sockets[socket->fd] = NULL;
    uv_close((uv_handle_t *)&socket->poll, http_socket_on_closed);
}

static void http_client_take_messages(struct http_client_curl *client);

static void http_socket_on_event(uv_poll_t *poll, int status, int events)
{
    struct http_socket *socket = poll->data;
    struct http_client_curl *client = socket->client;
    if (socket->wanted == 0) { /* between two requests: the peer has closed, which curl finds out by itself */
        socket->armed = 0;
        (void)uv_poll_stop(poll); /* never fails */
        return;
    }
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
        (status < 0 ? CURL_CSELECT_ERR : 0);
    int running;
    /* Fails only on bad arguments; what went wrong with transfers comes as messages. */
    (void)curl_multi_socket_action(client->multi, socket->fd, flags, &running);
    http_client_take_messages(client);
}

/* curl (7.88) closes a socket that has not become a connection, after a failed or cancelled connect, without
 * a word to http_client_on_close; all that comes is the wish to watch it no longer. */
static bool http_socket_is_gone(struct http_socket *socket)
{
    struct stat status;
    if (socket->is_established)
        return false;
    socket->is_established = fstat(socket->fd, &status) == 0 && status.st_ino == socket->inode;
    return !socket->is_established;
}

/* There is no memory to watch the socket of this call. Were curl told so, it would give up all calls of the
 * client, now and for ever; so this one ends by itself (http_client_end_lost). */
static void http_client_lose(struct http_client_curl *client, CURL *easy)
{
    struct http_call *call = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call); /* NULL for a handle of curl's own */
    if (call) {
        call->stop = HTTP_STOP_MEMORY;
        call->is_lost = client->has_lost = true;
    }
}

static int http_client_on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)unused;
    struct http_client_curl *client = context;
    struct http_socket *socket = http_socket_find(client, fd);
    if (what == CURL_POLL_REMOVE) {
        if (socket)
            socket->wanted = 0;
        if (socket && (!socket->is_ours || http_socket_is_gone(socket)))
            http_socket_close(socket);
        return 0;
    }
    if (!socket)
        socket = http_socket_new(client, fd);
    if (!socket) {
        http_client_lose(client, easy);
        return 0;
    }
    socket->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (socket->armed == socket->wanted)
        return 0;
    socket->armed = socket->wanted;
    if (uv_poll_start(&socket->poll, socket->armed, http_socket_on_event) < 0)
        http_client_lose(client, easy);
    return 0;
}

/* The socket that curl has closed without a word may be asked for again, as the next address of a host is
 * tried. curl then takes the old wish for the new one's. */
static struct http_socket *http_socket_renew(struct http_client_curl *client, curl_socket_t fd)
{
    struct http_socket *old = http_socket_find(client, fd);
    int wanted = old ? old->wanted : 0;
    if (old)
        http_socket_close(old);
    struct http_socket *socket = http_socket_new(client, fd);
    if (!socket || wanted == 0)
        return socket;
    socket->wanted = socket->armed = wanted;
    if (uv_poll_start(&socket->poll, wanted, http_socket_on_event) == 0)
        return socket;
    http_socket_close(socket);
    return NULL;
}

/* Where the egress policy sees the real address. */
static curl_socket_t http_call_on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct http_call *call = context;
    if (egress_check(call->client->egress, call->url.host, &address->addr, &call->why) != ERR_OK) {
        call->stop = HTTP_STOP_DENIED;
        return CURL_SOCKET_BAD;
    }
    curl_socket_t fd = socket(
        address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct stat status;
    struct http_socket *watched = fstat(fd, &status) == 0 ? http_socket_renew(call->client, fd) : NULL;
    if (!watched) {
        (void)close(fd); /* nothing was written */
        call->stop = HTTP_STOP_MEMORY;
        return CURL_SOCKET_BAD;
    }
    watched->is_ours = true;
    watched->inode = status.st_ino;
    call->socket_count++;
    return fd;
}

static int http_client_on_close(void *context, curl_socket_t fd)
{
    struct http_client_curl *client = context;
    struct http_socket *socket = http_socket_find(client, fd);
    if (socket)
        http_socket_close(socket);
    return close(fd);
}

/* RFC 9110, 9.2.2 */
static bool http_method_is_repeatable(struct str method)
{
    static const char *const repeatable[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE" };
    for (size_t i = 0; i < sizeof repeatable / sizeof repeatable[0]; i++) {
        if (str_equal(method, str_of(repeatable[i])))
            return true;
    }
    return false;
}

/* Before each request goes out, also on a connection that is used again. */
static int http_call_on_send(void *context, char *peer, char *local, int peer_port, int local_port)
{
    (void)local;
    (void)local_port;
    struct http_call *call = context;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = { .any.sa_family = AF_UNSPEC };
    if (inet_pton(AF_INET, peer, &address.four.sin_addr) == 1) {
        address.four.sin_family = AF_INET;
        address.four.sin_port = htons((uint16_t)peer_port);
    } else if (inet_pton(AF_INET6, peer, &address.six.sin6_addr) == 1) {
        address.six.sin6_family = AF_INET6;
        address.six.sin6_port = htons((uint16_t)peer_port);
    }
    if (egress_check(call->client->egress, call->url.host, &address.any, &call->why) != ERR_OK) {
        call->stop = HTTP_STOP_DENIED;
        return CURL_PREREQFUNC_ABORT;
    }
    /* When a kept connection dies under a request, curl sends it again on a fresh one. The server may have
     * taken the first, so only what is safe to repeat goes out twice. */
    if (++call->send_count > 1)
        call->has_retried = true;
    if (call->send_count > 1 && !http_method_is_repeatable(call->request.method)) {
        call->stop = HTTP_STOP_RETRY;
        return CURL_PREREQFUNC_ABORT;
    }
    call->may_have_left = true;
    return CURL_PREREQFUNC_OK;
}

/* Time. */

static void http_client_on_timeout(uv_timer_t *timer)
{
    struct http_client_curl *client = timer->data;
    int running;
    (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running); /* as above */
    http_client_take_messages(client);
}

static int http_client_on_timer(CURLM *multi, long wait_ms, void *context)
{
    (void)multi;
    struct http_client_curl *client = context;
    if (wait_ms < 0)
        (void)uv_timer_stop(&client->timer); /* never fails */
    else /* fails only on a handle that closes */
        (void)uv_timer_start(&client->timer, http_client_on_timeout, (uint64_t)wait_ms, 0);
    return 0;
}

/* curl closes a bare connection with its handle: ours is a second descriptor of it. */
static int http_call_take_socket(struct http_call *call, CURLcode *code)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (!call->connected || *code != CURLE_OK)
        return -1;
    (void)curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd); /* stays bad without a connection */
    int ours = fd == CURL_SOCKET_BAD ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (ours < 0)
        *code = CURLE_COULDNT_CONNECT;
    return ours;
}

static struct http_call *http_client_find_lost(const struct http_client_curl *client)
{
    struct http_call *call = client->calls;
    while (call && !call->is_lost)
        call = call->next;
    return call;
}

static void http_client_end_lost(struct http_client_curl *client)
{
    struct http_call *call;
    while (client->has_lost && (call = http_client_find_lost(client))) {
        call->is_lost = false;
        (void)curl_multi_remove_handle(client->multi, call->easy); /* it is there */
        http_call_on_done(call, CURLE_OUT_OF_MEMORY, -1);
    }
    client->has_lost = false;
}

static void http_client_take_messages(struct http_client_curl *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct http_call *call = NULL;
        CURLcode code = message->data.result; /* `message` dies with curl_multi_remove_handle */
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call); /* set in http_call_new */
        int fd = http_call_take_socket(call, &code);
        (void)curl_multi_remove_handle(client->multi, call->easy); /* it is there */
        call->is_lost = false;
        http_call_on_done(call, code, fd);
    }
    http_client_end_lost(client);
}

/* Calls. */

/* What is the same for every request. True when curl took all. */
static bool http_call_set_constants(struct http_call *call)
{
    struct http_client_curl *client = call->client;
    CURL *easy = call->easy;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_text);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the environment's variables do not count */
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* http_call.c does, with its checks */
    bad |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_SECONDS);
    bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    /* Else a call that ends while its name is being resolved would block the loop for the resolver's thread.
     */
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_call_on_open);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_client_on_close);
    bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, http_call_on_send);
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    return bad == 0;
}

enum err http_call_new(
    struct http_client_curl *client, http_connected *connected, struct http_call **ret, struct err_info *why)
{
    if (!connected && client->spares) {
        *ret = client->spares;
        client->spares = (*ret)->next;
        client->spare_count--;
        (*ret)->next = NULL;
        return ERR_OK;
    }
    struct http_call *call = heap_zeroed(sizeof *call);
    if (!call)
        return err_memory(why);
    call->client = client;
    call->connected = connected;
    call->easy = curl_easy_init();
    if (!call->easy || !http_call_set_constants(call)) {
        curl_easy_cleanup(call->easy);
        memory_free(call);
        return err_memory(why);
    }
    *ret = call;
    return ERR_OK;
}

/* Back to what http_call_new gave, but for the memory. */
static void http_call_reset(struct http_call *call)
{
    if (call->arena.bytes_held > SPARE_BYTES_MAX)
        arena_done(&call->arena);
    else
        arena_reset(&call->arena);
    if (call->body.room > SPARE_BYTES_MAX)
        buf_done(&call->body);
    else
        buf_clear(&call->body);
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    call->hop_count = call->send_count = call->socket_count = 0;
    call->has_left_origin = call->may_have_left = call->has_headers = false;
    call->is_lost = false;
    call->stop = HTTP_STOP_NONE;
    call->answer_headers = NULL;
    call->answer_header_count = call->answer_header_room = 0;
    call->answer_header_bytes = 0;
    call->why.code = ERR_OK;
}

void http_call_free(struct http_call *call)
{
    struct http_client_curl *client = call->client;
    /* curl counts second tries for the life of a handle and gives up at five. */
    bool is_reusable = !call->connected && !call->has_retried && !client->is_freed;
    http_call_reset(call);
    if (is_reusable && client->spare_count < SPARES_MAX) {
        call->next = client->spares;
        client->spares = call;
        client->spare_count++;
        return;
    }
    curl_easy_cleanup(call->easy);
    arena_done(&call->arena);
    buf_done(&call->body);
    memory_free(call);
}

enum err http_call_begin(struct http_call *call, struct err_info *why)
{
    struct http_client_curl *client = call->client;
    CURLMcode code = curl_multi_add_handle(client->multi, call->easy);
    if (code == CURLM_OUT_OF_MEMORY)
        return err_memory(why);
    if (code != CURLM_OK)
        return err_set(why, ERR_INTERNAL, "the HTTP library: %s", curl_multi_strerror(code));
    if (call->hop_count > 0) /* in the list already */
        return ERR_OK;
    call->next = client->calls;
    call->previous = NULL;
    if (client->calls)
        client->calls->previous = call;
    client->calls = call;
    return ERR_OK;
}

static void http_call_unlink(struct http_call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        call->client->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    call->next = call->previous = NULL;
}

void http_call_report(struct http_call *call, const struct http_answer *answer, int fd)
{
    http_call_unlink(call);
    if (call->connected)
        call->connected(call->context, answer, fd);
    else
        call->done(call->context, answer);
    http_call_free(call);
}

/* The client. */

static void http_client_curl_free(struct http_client *base)
{
    struct http_client_curl *client = http_client_curl_of(base);
    while (client->calls)
        http_call_cancel(base, client->calls);
    mail_calls_abandon(client);
    client->is_freed = true;
    while (client->spares) {
        struct http_call *call = client->spares;
        client->spares = call->next;
        http_call_free(call);
    }
    (void)curl_multi_cleanup(client->multi); /* closes the connections; NULL is fine */
    uv_close((uv_handle_t *)&client->timer, http_client_on_timer_closed);
}

static const struct http_client_ops http_client_curl_ops = {
    .start = http_call_start,
    .cancel = http_call_cancel,
    .send_mail = mail_call_start,
    .cancel_mail = mail_call_cancel,
    .free = http_client_curl_free,
};

static bool http_client_set_options(
    struct http_client_curl *client, const struct http_client_options *options)
{
    unsigned all = options->connections_max ? options->connections_max : CONNECTIONS_MAX_DEFAULT;
    unsigned per_host = options->connections_per_host_max ? options->connections_per_host_max
                                                          : CONNECTIONS_PER_HOST_DEFAULT;
    unsigned bad = 0;
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, http_client_on_socket);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, http_client_on_timer);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)all);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_host);
    bad |= (unsigned)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)all);
    return bad == 0;
}

/* Where the system keeps its CAs. A folder of hashed files is read one file a handshake; a bundle is parsed
 * whole, which takes 10 ms, so it is the second choice (curl then keeps it parsed). */
static void http_client_find_cas(struct http_client_curl *client, CURL *easy)
{
    const char *path = NULL, *bundle = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_CAPATH, &path); /* leaves NULL when it has none */
    (void)curl_easy_getinfo(easy, CURLINFO_CAINFO, &bundle);
    if (path && access(path, R_OK | X_OK) == 0)
        client->ca_path = path;
    else
        client->ca_bundle = bundle;
}

static FALLIBLE http_client_open(
    struct http_client_curl *client, const struct http_client_options *options, struct err_info *why)
{
    struct str agent = options->user_agent.size ? options->user_agent : STR("tocsin/" TOCSIN_VERSION);
    client->user_agent = memory_alloc(agent.size + 1);
    if (client->user_agent) {
        memcpy(client->user_agent, agent.data, agent.size);
        client->user_agent[agent.size] = '\0';
    }
    client->multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    if (easy)
        http_client_find_cas(client, easy);
    bool is_good = client->user_agent && client->multi && easy && http_client_set_options(client, options);
    curl_easy_cleanup(easy);
    return is_good ? ERR_OK : err_memory(why);
}

enum err http_client_new(struct loop *loop, const struct http_client_options *options,
    struct http_client **ret, struct err_info *why)
{
    assert(options->egress);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(why, ERR_INTERNAL, "the HTTP library cannot be set up");
    struct http_client_curl *client = heap_zeroed(sizeof *client);
    if (!client) {
        curl_global_cleanup();
        return err_memory(why);
    }
    client->client.ops = &http_client_curl_ops;
    client->loop = loop;
    client->uv = loop_uv(loop);
    client->egress = options->egress;
    (void)uv_timer_init(client->uv, &client->timer); /* opens nothing, cannot fail */
    client->timer.data = client;
    client->open_handle_count = 1;
    enum err failed = http_client_open(client, options, why);
    if (failed != ERR_OK) {
        http_client_curl_free(&client->client);
        return failed;
    }
    *ret = &client->client;
    return ERR_OK;
}
