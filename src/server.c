#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/migrations.h"
#include "api/api.h"
#include "api/idempotency.h"
#include "base/memory.h"
#include "base/rand.h"
#include "cases/migrations.h"
#include "connect/connect.h"
#include "content_watch.h"
#include "contract_book.h"
#include "engine/engine.h"
#include "house.h"
#include "ingest/event.h"
#include "ingest/ingest.h"
#include "ingest/subject_type.h"
#include "intake_engine.h"
#include "step_times.h"
#include "subjects.h"

#define EXIT_STORE_FAILED 70
#define EXECUTOR_THREADS 2
#define EXECUTOR_QUEUE_MAX 1000
#define ANSWER_THREADS \
    2 /* of low priority, for large answers: one alone would let the smaller wait for the largest */

struct server {
    struct settings settings;
    struct log *log;
    struct arena arena;
    struct loop *loop;
    struct store *store;
    struct vault *vault;
    struct tokens *tokens;
    struct connections *connections;
    struct executor *executor, *slow_executor, *answer_executor;
    struct egress *egress;
    struct contract_book *contracts;
    struct connect *connect;
    void *connect_host; /* of the server's own loop */
    struct engine_subjects subjects;
    struct step_times *step_times;
    struct engine *engine;
    struct intake_engine intake;
    struct ingest *ingest;
    struct api *api;
    struct http_server *http;
    struct setup_text setup;
    struct house house;
    struct content_watch content;
};

/* A failed sync leaves nothing to rely on: the node ends here, and the next start reads what the disk has. */
static void store_failed(void *context, const struct err_info *why)
{
    struct server *server = context;
    log_failure(server->log, LOG_ERROR, "the store failed; the node stops", why);
    _exit(EXIT_STORE_FAILED);
}

const struct store_migration *const server_migrations[] = { store_migrations, access_migrations,
    cases_migrations, engine_migrations, ingest_migrations, api_migrations, contract_migrations, NULL };

static enum err open_store(struct server *server, struct err_info *why)
{
    struct str url;
    if (mkdir(server->settings.data.data, 0700) != 0 && errno != EEXIST)
        return err_errno(why, errno, "making the data folder");
    if (server->settings.store.size > 0)
        url = server->settings.store;
    else
        TRY(arena_printf(&server->arena, &url, why, "sqlite:%.*s/tocsin.db", STR_ARG(server->settings.data)));
    struct store_options options = { .url = url,
        .clock = clock_system(),
        .migrations = server_migrations,
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
    if (server->settings.collector_token_file.size > 0)
        TRY(setup_collector_file(server->store, server->tokens, server->settings.collector_token_file, why));
    if (server->settings.bootstrap_token_file.size > 0)
        return setup_bootstrap_file(
            server->store, server->tokens, server->settings.bootstrap_token_file, why);
    return setup_begin(server->store, server->tokens, &server->setup, why);
}

static FALLIBLE open_egress(struct server *server, struct err_info *why)
{
    const struct setting_list *allow = &server->settings.egress_allow;
    struct str *rules = ARENA_ARRAY(&server->arena, allow->count + 1, struct str);
    if (rules == NULL)
        return err_memory(why);
    for (size_t i = 0; i < allow->count; i++)
        rules[i] = str_of(allow->items[i]);
    return egress_new(&server->arena, rules, allow->count, &server->egress, why);
}

static enum err open_connect(struct server *server, struct err_info *why)
{
    TRY(executor_new(EXECUTOR_THREADS, EXECUTOR_QUEUE_MAX, &server->executor, why));
    TRY(executor_new(EXECUTOR_THREADS, EXECUTOR_QUEUE_MAX, &server->slow_executor, why));
    TRY(executor_new_background(ANSWER_THREADS, EXECUTOR_QUEUE_MAX, &server->answer_executor, why));
    TRY(open_egress(server, why));
    struct connect_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .log = server->log,
        .vault = server->vault,
        .connections = server->connections,
        .executor = server->executor,
        .slow_executor = server->slow_executor,
        .answer_executor = server->answer_executor,
        .contracts = contract_book_contracts(server->contracts),
        .http = { .egress = server->egress,
            .user_agent = STR("tocsin/" TOCSIN_VERSION),
            .connections_max = 256,
            .connections_per_host_max = 32 } };
    return connect_new(&options, &server->connect, why);
}

static const struct type *learned_output(void *context, int64_t tenant, const struct action *action,
    struct str playbook, struct str step, struct arena *arena)
{
    struct server *server = context;
    const struct call_place place = { playbook, step };
    return contracts_output_type(contract_book_contracts(server->contracts), tenant, action, &place, arena);
}

static FALLIBLE open_engine(struct server *server, struct err_info *why)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t workers = server->settings.workers;
    subjects_init(&server->subjects);
    TRY(step_times_new(&server->step_times, why));
    struct engine_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .log = server->log,
        .store = server->store,
        .catalogues = connect_catalogues(server->connect),
        .case_type = &subject_type_case,
        .subjects = &server->subjects,
        .learned_output = learned_output,
        .learned_context = server,
        .seal = subjects_seal,
        .seal_context = server->vault,
        .shard_count = workers > 0 ? (unsigned)workers
            : cores > 2            ? (unsigned)cores - 1
                                   : 1,
        .make_host = connect_make_host,
        .free_host = connect_free_host,
        .host_context = server->connect,
        .observe = step_times_observe,
        .observe_context = server->step_times };
    TRY(subject_type_alert(&server->arena, &options.alert_type, why));
    return engine_new(&options, &server->engine, why);
}

static FALLIBLE open_ingest(struct server *server, struct err_info *why)
{
    intake_engine_init(&server->intake, server->engine);
    struct ingest_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .intake = &server->intake.intake,
        .vault = server->vault,
        .executor = server->executor,
        .rate_per_s = server->settings.ingest_rate };
    TRY(ingest_new(&options, &server->ingest, why));
    return suppressions_load(ingest_suppressions(server->ingest), server->store, why);
}

/* Connectors and sources before the engine takes up its runs, playbooks after. */
static FALLIBLE open_content(struct server *server, struct err_info *why)
{
    server->content = (struct content_watch){ .loop = server->loop,
        .executor = server->executor,
        .connect = server->connect,
        .ingest = server->ingest,
        .engine = server->engine,
        .log = server->log,
        .folders = server->settings.content.items,
        .folder_count = server->settings.content.count };
    TRY(content_watch_load(&server->content, why));
    TRY(engine_start(server->engine, why));
    return content_watch_publish(&server->content, why);
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
        .connect = server->connect,
        .connect_host = server->connect_host,
        .contracts = contract_book_contracts(server->contracts),
        .engine = server->engine,
        .ingest = server->ingest,
        .executor = server->executor,
        .print_metrics = step_times_print,
        .metrics_context = server->step_times,
        .trusted_proxies = server->settings.trusted_proxies.items,
        .trusted_proxy_count = server->settings.trusted_proxies.count,
        .event_body_bytes_max = server->settings.ingest_body_max };
    TRY(api_new(&api, &server->api, why));
    struct http_server_options http = { .listen = server->settings.listen,
        .connections_max = HTTP_CONNECTIONS_MAX,
        .tls_cert_file = server->settings.tls_cert,
        .tls_key_file = server->settings.tls_key };
    return http_server_new(server->loop, &http, api_handler(server->api), &server->http, why);
}

static enum err open_parts(struct server *server, struct err_info *why)
{
    TRY(open_store(server, why));
    TRY(open_access(server, why));
    TRY(loop_new(clock_system(), &server->loop, why));
    TRY(contract_book_open(
        server->store, server->loop, clock_system(), server->log, &server->contracts, why));
    TRY(open_connect(server, why));
    TRY(connect_make_host(server->connect, server->loop, 0, &server->connect_host, why));
    TRY(open_engine(server, why));
    TRY(open_ingest(server, why));
    contract_book_join(server->contracts, server->engine, server->ingest);
    TRY(open_content(server, why));
    return open_http(server, why);
}

enum err server_open(
    const struct settings *settings, struct log *log, struct server **ret, struct err_info *why)
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
    const char *scheme = server->settings.tls_cert.size > 0 ? "https" : "http";
    printf("Tocsin " TOCSIN_VERSION " listens on %s://%.*s\n", scheme, STR_ARG(address));
    if (server->setup.text[0] != '\0' && url.size > 0)
        printf("Create the administrator: %.*s/setup/%s\n", STR_ARG(url), server->setup.text);
    else if (server->setup.text[0] != '\0')
        printf(
            "Create the administrator: %s://%.*s/setup/%s\n", scheme, STR_ARG(address), server->setup.text);
    fflush(stdout);
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
    server->house = (struct house){ .store = server->store,
        .vault = server->vault,
        .tokens = server->tokens,
        .log = server->log,
        .loop = server->loop,
        .contracts = server->contracts,
        .retention_events_us = server->settings.retention_events_us,
        .retention_runs_us = server->settings.retention_runs_us };
    house_start(&server->house);
    content_watch_start(&server->content);
    loop_run(server->loop);
    pthread_join(waiter, NULL);
    http_server_stop_accepting(server->http);
    content_watch_stop(&server->content);
    house_stop(&server->house);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    if (server->http != NULL)
        http_server_free(server->http);
    if (server->connect_host != NULL)
        connect_free_host(server->connect, server->connect_host);
    if (server->api != NULL)
        api_free(server->api);
    engine_stop(server->engine);
    connect_stop(server->connect);
    /* Waits for the work that is under way, whose ends go to the shards' loops and to ingest. */
    if (server->executor != NULL)
        server->executor->ops->free(server->executor);
    if (server->slow_executor != NULL)
        server->slow_executor->ops->free(server->slow_executor);
    if (server->answer_executor != NULL)
        server->answer_executor->ops->free(server->answer_executor);
    content_watch_done(&server->content);
    engine_free(server->engine);
    step_times_free(server->step_times);
    if (server->ingest != NULL)
        ingest_free(server->ingest);
    connect_free(server->connect);
    contract_book_close(server->contracts);
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
