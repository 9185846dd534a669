/* Starts a program many times and links it once: LD_PRELOAD=libpreload_spawn.so PROGRAM waits, before its
 * main, for requests on the socket TOCSIN_SPAWN_FD. A request is `SECONDS\0ARGUMENT\0ARGUMENT\0…` (at most
 * REQUEST_BYTES_MAX) and two descriptors, standard output and error. Its answer is the process's number, four
 * bytes. The process is a child of who asks, not of this one, and dies with it. It runs main as ever, with
 * a clock that is SECONDS ahead.
 *
 * Without the socket it only does what is asked for: TOCSIN_CLOCK_AHEAD=SECONDS, and, with the socket too,
 * TOCSIN_CONNECT_INSTEAD=PORT:OTHER, who connects to PORT comes to OTHER. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload.h"

#define REQUEST_BYTES_MAX 16384
#define ARGUMENTS_MAX 64

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(
    main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static main_function *program;
static long ahead_s;
static uint16_t port_asked, port_instead;

__attribute__((constructor)) static void start(void)
{
    const char *ahead = getenv("TOCSIN_CLOCK_AHEAD");
    ahead_s = ahead ? atol(ahead) : 0;
    const char *ports = getenv("TOCSIN_CONNECT_INSTEAD"), *other = ports ? strchr(ports, ':') : NULL;
    if (other) {
        port_asked = htons((uint16_t)atoi(ports));
        port_instead = htons((uint16_t)atoi(other + 1));
    }
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in there;
    if (port_asked && address->sa_family == AF_INET && size == sizeof(there)) {
        memcpy(&there, address, sizeof(there));
        if (there.sin_port == port_asked)
            there.sin_port = port_instead;
        address = (const struct sockaddr *)&there;
    }
    return REAL(int (*)(int, const struct sockaddr *, socklen_t), "connect")(fd, address, size);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = REAL(int (*)(clockid_t, struct timespec *), "clock_gettime");
    int result = real(which, now);
    if (result == 0 && which == CLOCK_REALTIME)
        now->tv_sec += ahead_s;
    return result;
}

struct request {
    char text[REQUEST_BYTES_MAX];
    ssize_t size;
    int fds[2];
};

static bool receive(int fd, struct request *request)
{
    char control[CMSG_SPACE(sizeof(request->fds))];
    struct iovec part = { request->text, sizeof(request->text) - 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    do
        request->size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (request->size < 0 && errno == EINTR);
    struct cmsghdr *head = request->size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(request->fds)))
        return false; /* who asked is gone */
    memcpy(request->fds, CMSG_DATA(head), sizeof(request->fds));
    request->text[request->size] = '\0';
    return true;
}

/* In the child: never returns. */
static void run(struct request *request, char **environment)
{
    static char *arguments[ARGUMENTS_MAX + 1];
    int count = 0;
    char *at = request->text, *end = request->text + request->size;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ahead_s = atol(at);
    for (at += strlen(at) + 1; at < end && count < ARGUMENTS_MAX; at += strlen(at) + 1)
        arguments[count++] = at;
    dup2(request->fds[0], STDOUT_FILENO);
    dup2(request->fds[1], STDERR_FILENO);
    exit(program(count, arguments, environment));
}

static int serve(int argc, char **argv, char **environment)
{
    const char *name = getenv("TOCSIN_SPAWN_FD");
    if (!name)
        return program(argc, argv, environment);
    int fd = atoi(name);
    static struct request request;
    /* What the program starts is not for us. */
    unsetenv("TOCSIN_SPAWN_FD");
    unsetenv("LD_PRELOAD");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (receive(fd, &request)) {
        pid_t child = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            close(fd);
            run(&request, environ);
        }
        close(request.fds[0]);
        close(request.fds[1]);
        if (send(fd, &child, sizeof(child), MSG_NOSIGNAL) < 0)
            break;
    }
    return 0;
}

int __libc_start_main(main_function *main_of_it, int argc, char **argv, void (*begin)(void),
    void (*end)(void), void (*linker_end)(void), void *stack_end);
int __libc_start_main(main_function *main_of_it, int argc, char **argv, void (*begin)(void),
    void (*end)(void), void (*linker_end)(void), void *stack_end)
{
    program = main_of_it;
    return REAL(start_function *, "__libc_start_main")(serve, argc, argv, begin, end, linker_end, stack_end);
}
