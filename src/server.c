#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/audit.h"
#include "access/migrations.h"
#include "api/api.h"
#include "base/container.h"
#include "base/memory.h"
#include "base/rand.h"
#include "cases/migrations.h"
#include "connect/connect.h"
#include "embedded.h"

#define EXIT_STORE_FAILED 70
#define HOUSE_SECONDS TOKEN_USES_SECONDS
#define EXECUTOR_THREADS 2
#define EXECUTOR_QUEUE_MAX 1000

struct server {
    struct server_settings settings;
    struct log *log;
    struct arena arena;
    struct loop *loop;
    struct store *store;
    struct vault *vault;
    struct tokens *tokens;
    struct connections *connections;
    struct executor *executor;
    struct egress *egress;
    struct connect *connect;
    struct api *api;
    struct http_server *http;
    struct setup_text setup;
    struct loop_timer house_timer;
    struct store_op house_op;
    bool is_house_busy;
};

/* A failed sync leaves nothing to rely on: the node ends here, and the next start reads what the disk has. */
static void store_failed(void *context, const struct err_info *why)
{
    struct server *server = context;
    log_failure(server->log, LOG_ERROR, "the store failed; the node stops", why);
    _exit(EXIT_STORE_FAILED);
}

static enum err open_store(struct server *server, struct err_info *why)
{
    static const struct store_migration *const migrations[] = { store_migrations, access_migrations,
        cases_migrations, NULL };
    struct str url;
    if (mkdir(server->settings.data.data, 0700) != 0 && errno != EEXIST)
        return err_errno(why, errno, "making the data folder");
    TRY(arena_printf(&server->arena, &url, why, "sqlite:%.*s/tocsin.db", STR_ARG(server->settings.data)));
    struct store_options options = { .url = url,
        .clock = clock_system(),
        .migrations = migrations,
        .on_fatal = store_failed,
        .fatal_context = server };
    return store_open(&options, &server->store, why);
}

static enum err open_access(struct server *server, struct err_info *why)
{
    struct str key_file;
    const char *key_text = getenv("TOCSIN_MASTER_KEY");
    TRY(arena_printf(&server->arena, &key_file, why, "%.*s/master.key", STR_ARG(server->settings.data)));
    struct vault_options vault = {
        .store = server->store, .rand = rand_system(), .key_text = str_of(key_text), .key_file = key_file
    };
    TRY(vault_open(&vault, &server->vault, why));
    struct tokens_options tokens = {
        .store = server->store, .vault = server->vault, .rand = rand_system(), .clock = clock_system()
    };
    TRY(tokens_open(&tokens, &server->tokens, why));
    TRY(connections_open(server->store, rand_system(), &server->connections, why));
    if (server->settings.bootstrap_token_file.size > 0)
        return setup_bootstrap_file(
            server->store, server->tokens, server->settings.bootstrap_token_file, why);
    return setup_begin(server->store, server->tokens, &server->setup, why);
}

/* The connectors of the binary; a fault in them is a fault of the build, said with its place. */
static enum err load_content(struct server *server, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    size_t count = 0, used = 0;
    while (embedded_content[count].name)
        count++;
    struct connector_file *files = ARENA_ARRAY(&arena, count, struct connector_file);
    if (files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < count; i++)
        if (str_starts(str_of(embedded_content[i].name), STR("connectors/")))
            files[used++] = (struct connector_file){ str_of(embedded_content[i].name),
                { embedded_content[i].bytes, embedded_content[i].size } };
    diagnostics_init(&found, &arena, STR("content"));
    enum err result = connect_load(server->connect, files, used, &found, why);
    if (result == ERR_INVALID && found.count > 0)
        return err_named(why, ERR_INVALID, "content", "%.*s:%u:%u: %.*s", STR_ARG(found.items[0].file),
            found.items[0].line, found.items[0].column, STR_ARG(found.items[0].text));
    return result;
}

static enum err open_connect(struct server *server, struct err_info *why)
{
    TRY(executor_new(EXECUTOR_THREADS, EXECUTOR_QUEUE_MAX, &server->executor, why));
    TRY(egress_new(&server->arena, NULL, 0, &server->egress, why));
    struct connect_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .log = server->log,
        .vault = server->vault,
        .connections = server->connections,
        .executor = server->executor,
        .http = { .egress = server->egress,
            .user_agent = STR("tocsin/" TOCSIN_VERSION),
            .connections_max = 256,
            .connections_per_host_max = 32 } };
    TRY(connect_new(&options, &server->connect, why));
    return load_content(server, why);
}

static enum err open_http(struct server *server, struct err_info *why)
{
    struct api_options api = { .loop = server->loop,
        .clock = clock_system(),
        .log = server->log,
        .store = server->store,
        .vault = server->vault,
        .tokens = server->tokens,
        .connections = server->connections,
        .connect = server->connect };
    TRY(api_new(&api, &server->api, why));
    struct http_server_options http = { .listen = server->settings.listen,
        .connections_max = HTTP_CONNECTIONS_MAX };
    return http_server_new(server->loop, &http, api_handler(server->api), &server->http, why);
}

static enum err open_parts(struct server *server, struct err_info *why)
{
    TRY(open_store(server, why));
    TRY(open_access(server, why));
    TRY(open_connect(server, why));
    TRY(loop_new(clock_system(), &server->loop, why));
    return open_http(server, why);
}

enum err server_open(
    const struct server_settings *settings, struct log *log, struct server **ret, struct err_info *why)
{
    struct server *server = memory_alloc(sizeof *server);
    if (server == NULL)
        return err_memory(why);
    *server = (struct server){ .settings = *settings, .log = log };
    enum err result = open_parts(server, why);
    if (result != ERR_OK) {
        server_close(server);
        return result;
    }
    *ret = server;
    return ERR_OK;
}

void server_announce(const struct server *server)
{
    struct str address = http_server_address(server->http), url = server->settings.public_url;
    printf("Tocsin " TOCSIN_VERSION " listens on http://%.*s\n", STR_ARG(address));
    if (server->setup.text[0] != '\0' && url.size > 0)
        printf("Create the administrator: %.*s/setup/%s\n", STR_ARG(url), server->setup.text);
    else if (server->setup.text[0] != '\0')
        printf("Create the administrator: http://%.*s/setup/%s\n", STR_ARG(address), server->setup.text);
    fflush(stdout);
}

/* ---- housekeeping: what is kept in memory between commits, and the audit chain's anchors ---- */

static enum err store_uses(void *context, struct store_conn *conn, struct err_info *why)
{
    struct server *server = context;
    return tokens_store_uses(server->tokens, conn, why);
}

struct anchoring {
    struct server *server;
    uint64_t seq;
    struct audit_hash hash;
};

static enum err store_anchor(void *context, struct store_conn *conn, struct err_info *why)
{
    struct anchoring *anchoring = context;
    return audit_anchor(
        conn, anchoring->server->vault, TENANT_DEFAULT, &anchoring->seq, &anchoring->hash, why);
}

static void keep_house(struct server *server)
{
    struct err_info why = { 0 };
    struct anchoring anchoring = { .server = server };
    if (tokens_have_uses(server->tokens) &&
        store_write_wait(server->store, store_uses, server, &why) != ERR_OK)
        log_failure(server->log, LOG_WARN, "times of use were not stored", &why);
    if (store_write_wait(server->store, store_anchor, &anchoring, &why) != ERR_OK)
        log_failure(server->log, LOG_WARN, "the audit chain was not anchored", &why);
    else if (anchoring.seq != 0)
        LOG(server->log, LOG_INFO, "the audit chain is anchored", LOG_I("seq", (int64_t)anchoring.seq));
}

/* While the server runs the same is done between requests, without waiting on the loop. */
static enum err apply_house(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct server *server = CONTAINER_OF(op, struct server, house_op);
    struct anchoring anchoring = { .server = server };
    if (tokens_have_uses(server->tokens))
        TRY(store_uses(server, conn, why));
    return store_anchor(&anchoring, conn, why);
}

static void house_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct server *server = CONTAINER_OF(op, struct server, house_op);
    server->is_house_busy = false;
    if (result != ERR_OK)
        log_failure(server->log, LOG_WARN, "times of use and the audit anchor were not stored", why);
}

static void arm_house(struct server *server)
{
    struct instant due = { loop_now(server->loop).us + HOUSE_SECONDS * US_PER_S };
    loop_timer_start(server->loop, &server->house_timer, due);
}

static void house_due(struct loop_timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, house_timer);
    if (!server->is_house_busy) {
        server->is_house_busy = true;
        server->house_op = (struct store_op){
            .apply = apply_house, .done = house_done, .reply_to = server->loop
        };
        store_submit(server->store, &server->house_op);
    }
    arm_house(server);
}

static void *wait_for_signal(void *context)
{
    struct server *server = context;
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigwait(&signals, &number);
    LOG(server->log, LOG_INFO, "stopping", LOG_I("signal", number));
    loop_stop(server->loop);
    return NULL;
}

void server_run(struct server *server)
{
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, wait_for_signal, server) != 0) {
        LOG(server->log, LOG_ERROR, "no thread for signals", LOG_I("errno", errno));
        return;
    }
    server->house_timer.fire = house_due;
    arm_house(server);
    loop_run(server->loop);
    loop_timer_stop(server->loop, &server->house_timer);
    pthread_join(waiter, NULL);
    http_server_stop_accepting(server->http);
    keep_house(server);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    if (server->http != NULL)
        http_server_free(server->http);
    if (server->api != NULL)
        api_free(server->api);
    connect_free(server->connect);
    if (server->executor != NULL)
        server->executor->ops->free(server->executor);
    if (server->connections != NULL)
        connections_close(server->connections);
    if (server->tokens != NULL)
        tokens_close(server->tokens);
    if (server->vault != NULL)
        vault_close(server->vault);
    if (server->store != NULL)
        store_close(server->store);
    loop_free(server->loop);
    arena_done(&server->arena);
    memory_free(server);
}
