/* Liveness, readiness, Prometheus metrics. */
#include "api/handlers.h"
#include "base/latency.h"
#include "connect/connect.h"
#include "ingest/ingest.h"

void route_health(struct request *request)
{
    request_reply_text(request, 200, "text/plain", STR("ok\n"));
}

void route_ready(struct request *request)
{
    const struct api_options *options = &request->api->options;
    if (options->is_ready != NULL && !options->is_ready(options->ready_context))
        request_problem(request, 503, "not_ready", "the node is starting or stopping");
    else
        request_reply_text(request, 200, "text/plain", STR("ready\n"));
}

static void add_head(struct buf *buf, const char *name, const char *type, const char *help)
{
    buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_engine(struct buf *buf, struct engine *engine)
{
    struct engine_metrics metrics;
    engine_metrics(engine, &metrics);
    add_head(buf, "tocsin_runs_total", "counter", "Runs that ended, by status.");
    for (int status = 0; status < RUN_STATUS_COUNT; status++)
        if (status != RUN_QUEUED && status != RUN_RUNNING && status != RUN_WAITING)
            buf_printf(buf, "tocsin_runs_total{status=\"%s\"} %llu\n",
                run_status_name((enum run_status)status), (unsigned long long)metrics.runs_by_status[status]);
    add_head(buf, "tocsin_runs_active", "gauge", "Runs in memory.");
    buf_printf(buf, "tocsin_runs_active %llu\n", (unsigned long long)metrics.runs_active);
    add_head(buf, "tocsin_runs_parked", "gauge", "Runs that wait and are only a row.");
    buf_printf(buf, "tocsin_runs_parked %llu\n", (unsigned long long)metrics.runs_parked);
    add_head(buf, "tocsin_run_seconds", "histogram", "From acceptance to the end of a run.");
    latency_print(buf, "tocsin_run_seconds", STR(""), metrics.run_us_buckets, ENGINE_LATENCY_BUCKETS,
        metrics.run_us_sum);
}

static void add_store(struct buf *buf, struct store *store)
{
    struct store_metrics metrics;
    store_metrics(store, &metrics);
    add_head(buf, "tocsin_store_commit_seconds", "histogram", "Time of a group commit.");
    latency_print(buf, "tocsin_store_commit_seconds", STR(""), metrics.commit_us_buckets,
        STORE_LATENCY_BUCKETS, metrics.commit_us_sum);
    add_head(buf, "tocsin_store_commit_ops_total", "counter", "Operations committed.");
    buf_printf(buf, "tocsin_store_commit_ops_total %llu\n", (unsigned long long)metrics.commit_ops);
    add_head(buf, "tocsin_store_commit_rows", "counter", "Rows changed by commits.");
    buf_printf(buf, "tocsin_store_commit_rows %llu\n", (unsigned long long)metrics.commit_rows);
    add_head(buf, "tocsin_store_queue", "gauge", "Operations that wait for the writer.");
    buf_printf(buf, "tocsin_store_queue %llu\n", (unsigned long long)metrics.queue_length);
}

struct counting {
    struct buf *buf;
    bool is_accepted;
};

static void add_count(void *context, bool is_accepted, struct str label, uint64_t count)
{
    const struct counting *counting = context;
    if (is_accepted == counting->is_accepted)
        buf_printf(counting->buf, "tocsin_events_%s_total{%s=\"%.*s\"} %llu\n",
            is_accepted ? "accepted" : "rejected", is_accepted ? "source" : "reason", STR_ARG(label),
            (unsigned long long)count);
}

static void add_ingest(struct buf *buf, struct ingest *ingest)
{
    struct counting accepted = { buf, true }, rejected = { buf, false };
    add_head(buf, "tocsin_events_accepted_total", "counter", "Events that are durable, by source.");
    ingest_metrics(ingest, add_count, &accepted);
    add_head(buf, "tocsin_events_rejected_total", "counter", "Requests with events that were refused.");
    ingest_metrics(ingest, add_count, &rejected);
}

static void add_connections(struct buf *buf, const struct api_options *options)
{
    struct connection_snapshot *snapshot = connections_get(options->connections);
    add_head(buf, "tocsin_connection_health", "gauge", "1: calls go out; 0: the circuit breaker is open.");
    for (size_t i = 0; i < connection_count(snapshot); i++) {
        const struct connection *connection = connection_at(snapshot, i);
        struct connection_health health;
        if (connect_health(options->connect, connection->id, &health))
            buf_printf(buf, "tocsin_connection_health{connection=\"%.*s\"} %.1f\n", STR_ARG(connection->name),
                health.health);
    }
    connection_snapshot_release(snapshot);
}

void route_metrics(struct request *request)
{
    const struct api_options *options = &request->api->options;
    AUTO(buf) struct buf buf = { 0 };
    if (options->engine != NULL)
        add_engine(&buf, options->engine);
    add_ingest(&buf, options->ingest);
    add_connections(&buf, options);
    if (options->print_metrics != NULL)
        options->print_metrics(options->metrics_context, &buf);
    add_store(&buf, options->store);
    add_head(&buf, "tocsin_http_requests_total", "counter", "Requests to the API.");
    buf_printf(&buf, "tocsin_http_requests_total %llu\n", (unsigned long long)request->api->requests);
    if (buf_check(&buf, NULL) != ERR_OK)
        request_problem(request, 503, "memory", "there is no memory for the answer");
    else
        request_reply_text(request, 200, "text/plain; version=0.0.4", buf_str(&buf));
}
