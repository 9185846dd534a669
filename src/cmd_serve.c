#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "server.h"

/* Connections are descriptors: the soft limit of 1,024 that most shells give would be the first to be
 * reached. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else it stays as it is, and fewer connections are taken */
}

int cmd_serve(int argc, char **argv)
{
    struct options options = {
        .usage = "tocsin serve [--config FILE] [--data DIR] [--listen ADDR:PORT] [--content DIR]...",
        .summary = "Runs the server until SIGINT or SIGTERM. The first start prints a one-time link that "
                   "creates the\n"
                   "administrator. A setting is taken from its option, else from its TOCSIN_* variable, else "
                   "from\nthe file.",
        .specs = setting_options
    };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count > 0)
        return options_wrong(&options, "'%s' is not expected here", options.arguments[0]);
    AUTO(arena) struct arena arena = { 0 };
    struct settings settings;
    struct server *server;
    struct err_info why = { 0 };
    if (settings_read(&options, &arena, &settings, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 2;
    }
    struct log log = { .clock = clock_system(),
        .level = settings.log_level,
        .format = settings.log_format,
        .fd = STDERR_FILENO };
    /* Blocked before any thread starts, so that one thread alone takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if (server_open(&settings, &log, &server, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 1;
    }
    server_announce(server);
    server_run(server);
    server_close(server);
    return 0;
}
