#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "server.h"

enum { SERVE_DATA, SERVE_LISTEN, SERVE_PUBLIC_URL, SERVE_BOOTSTRAP, SERVE_LOG_FORMAT };
static const struct option_spec specs[] = {
    [SERVE_DATA] = { "data", OPTION_TEXT, "DIR", "the data folder (TOCSIN_DATA; ./tocsin-data)" },
    [SERVE_LISTEN] = { "listen", OPTION_TEXT, "ADDR:PORT",
        "where to listen (TOCSIN_LISTEN; 127.0.0.1:8473)" },
    [SERVE_PUBLIC_URL] = { "public-url", OPTION_TEXT, "URL",
        "how people reach it, for links (TOCSIN_PUBLIC_URL)" },
    [SERVE_BOOTSTRAP] = { "bootstrap-token-file", OPTION_TEXT, "FILE",
        "write an administrator's token there (mode 0600) instead of printing a set-up link" },
    [SERVE_LOG_FORMAT] = { "log-format", OPTION_TEXT, "text|json",
        "how log lines look (TOCSIN_LOG_FORMAT; text)" },
    { .name = NULL },
};

/* The option, else its environment variable, else the default. */
static struct str setting(
    const struct options *options, int index, const char *variable, const char *otherwise)
{
    if (options->values[index].is_set)
        return str_of(options->values[index].text);
    const char *value = variable ? getenv(variable) : NULL;
    return str_of(value && *value ? value : otherwise);
}

int cmd_serve(int argc, char **argv)
{
    struct options options = { .usage = "tocsin serve [--data DIR] [--listen ADDR:PORT]",
        .summary = "Runs the server until SIGINT or SIGTERM. The first start prints a one-time link that "
                   "creates the\n"
                   "administrator.",
        .specs = specs };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count > 0)
        return options_wrong(&options, "'%s' is not expected here", options.arguments[0]);
    struct str format = setting(&options, SERVE_LOG_FORMAT, "TOCSIN_LOG_FORMAT", "text");
    if (!str_equal(format, STR("text")) && !str_equal(format, STR("json")))
        return options_wrong(&options, "--log-format is text or json");
    struct log log = { .clock = clock_system(),
        .level = LOG_INFO,
        .format = str_equal(format, STR("json")) ? LOG_JSON : LOG_TEXT,
        .fd = STDERR_FILENO };
    struct server_settings settings = { .data = setting(&options, SERVE_DATA, "TOCSIN_DATA", "./tocsin-data"),
        .listen = setting(&options, SERVE_LISTEN, "TOCSIN_LISTEN", "127.0.0.1:8473"),
        .public_url = setting(&options, SERVE_PUBLIC_URL, "TOCSIN_PUBLIC_URL", ""),
        .bootstrap_token_file = setting(&options, SERVE_BOOTSTRAP, NULL, "") };
    struct server *server;
    struct err_info why = { 0 };
    /* Blocked before any thread starts, so that one thread alone takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (server_open(&settings, &log, &server, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 1;
    }
    server_announce(server);
    server_run(server);
    server_close(server);
    return 0;
}
