/* GET /api/v1/stream: the outbox as Server-Sent Events. A stream reads a batch on a reader's thread, sends it
 * from the server's loop, and reads on until it has caught up; then the next commit wakes it. It owns its
 * memory: when the peer goes away while a read is out, the stream goes once the read is back. */
#include "api/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "base/container.h"
#include "base/memory.h"
#include "base/timetext.h"

#define BEAT_US (15 * US_PER_S)

struct streams {
    struct api_options options;
    struct stream *first; /* the loop's thread, as all that follows but where said */
    struct loop_timer beat; /* armed while there are streams */
    struct loop_job wake; /* posted by the writer's thread when `is_woken` turns true */
    atomic_bool is_woken;
    pthread_mutex_t mutex; /* guards reads_out, and orders a read's end before streams_free */
    pthread_cond_t read_ended;
    unsigned reads_out;
};

struct stream {
    struct streams *streams;
    struct stream *next, *previous;
    struct http_exchange *exchange; /* NULL once the peer is gone */
    int64_t tenant;
    uint64_t topics; /* bit: index in topic_permissions */
    bool is_reading; /* then the fields below belong to the read */
    bool is_due; /* a commit came while a read was out; the loop's */
    struct store_op op;
    struct loop_job job;
    bool starts_at_newest;
    bool has_more; /* the batch ended before the outbox did */
    uint64_t after; /* number of the last entry that was read */
    struct buf batch;
    enum err result;
    struct err_info why;
};

static const struct topic_permission {
    struct str topic;
    enum permission permission;
} topic_permissions[] = {
    { STR_INIT("alert"), PERMISSION_ALERTS_READ },
    { STR_INIT("case"), PERMISSION_CASES_READ },
    { STR_INIT("run"), PERMISSION_RUNS_READ },
    { STR_INIT("step"), PERMISSION_RUNS_READ },
    { STR_INIT("task"), PERMISSION_TASKS_READ },
    { STR_INIT("containment"), PERMISSION_CONTAINMENTS_READ },
};
#define TOPICS (sizeof topic_permissions / sizeof topic_permissions[0])

static uint64_t topics_of(const struct principal *principal)
{
    uint64_t topics = 0;
    for (unsigned i = 0; i < TOPICS; i++)
        if (principal_can(principal, topic_permissions[i].permission))
            topics |= UINT64_C(1) << i;
    return topics;
}

/* A topic that the table lacks goes to nobody. */
static bool is_wanted(const struct stream *stream, struct str topic)
{
    for (unsigned i = 0; i < TOPICS; i++)
        if (str_equal(topic, topic_permissions[i].topic))
            return stream->topics >> i & 1;
    return false;
}

/* ---- a read, on a reader's thread ---- */

/* The body's members behind those already written. A line feed would end the event's data: in JSON it can
 * only stand between tokens, where a space does as well. */
static void print_members(struct buf *buf, struct str body)
{
    body = str_trim(body);
    if (body.size < 2 || body.data[0] != '{' || body.data[body.size - 1] != '}')
        return;
    body = str_trim(str_slice(body, 1, body.size - 1));
    if (body.size == 0)
        return;
    buf_add_byte(buf, ',');
    for (size_t i = 0; i < body.size; i++)
        buf_add_byte(buf, body.data[i] == '\n' || body.data[i] == '\r' ? ' ' : body.data[i]);
}

static void print_entry(struct buf *buf, struct rows *rows)
{
    struct instant at = rows_instant(rows, 1);
    struct str topic = rows_bytes(rows, 2);
    struct id_text subject = id_text(rows_id(rows, 3));
    buf_printf(buf, "id: %lld\nevent: %.*s\ndata: {\"at\":\"", (long long)rows_int(rows, 0), STR_ARG(topic));
    time_print_rfc3339(buf, at.us / US_PER_S, (int32_t)(at.us % US_PER_S * 1000));
    buf_printf(buf, "\",\"subject\":\"%.*s\"", STR_ARG(id_str(&subject)));
    print_members(buf, rows_bytes(rows, 4));
    buf_add(buf, STR("}\n\n"));
}

/* Tells a reader that entries are missing: those trimmed, or all, when its number is from another outbox. */
static void check_position(struct stream *stream, uint64_t oldest, uint64_t newest)
{
    if (stream->after <= newest && stream->after + 1 >= oldest)
        return;
    stream->after = stream->after > newest ? newest : oldest - 1;
    buf_printf(&stream->batch, "id: %llu\nevent: reset\ndata: {\"oldest\":%llu}\n\n",
        (unsigned long long)stream->after, (unsigned long long)oldest);
}

static enum err read_entries(
    struct stream *stream, struct store_conn *conn, uint64_t newest, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    uint64_t oldest = 0;
    unsigned count = 0;
    bool is_full = false;
    TRY(outbox_read(conn, stream->tenant, stream->after, STREAM_ENTRIES_MAX, &rows, &oldest, why));
    check_position(stream, oldest, newest);
    while (!is_full && rows_next(&rows)) {
        stream->after = (uint64_t)rows_int(&rows, 0);
        if (is_wanted(stream, rows_bytes(&rows, 2)))
            print_entry(&stream->batch, &rows);
        count++;
        is_full = stream->batch.size >= STREAM_BATCH_BYTES_MAX;
    }
    stream->has_more = is_full || count == STREAM_ENTRIES_MAX;
    /* Caught up: other tenants' entries are behind us too, so that trimming them is no loss of ours. */
    if (!stream->has_more && stream->after < newest)
        stream->after = newest;
    return is_full ? ERR_OK : rows_end(&rows, why);
}

static enum err apply_read(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct stream *stream = CONTAINER_OF(op, struct stream, op);
    uint64_t newest = 0;
    TRY(outbox_newest(conn, &newest, why));
    if (stream->starts_at_newest) {
        /* An event without data only sets the client's last id: it may resume before the first one came. */
        stream->starts_at_newest = false;
        stream->after = newest;
        buf_printf(&stream->batch, "id: %llu\n\n", (unsigned long long)newest);
    } else {
        TRY(read_entries(stream, conn, newest, why));
    }
    return buf_check(&stream->batch, why);
}

/* The mutex is held until the last touch: streams_free may free the stream right after. */
static void read_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct stream *stream = CONTAINER_OF(op, struct stream, op);
    struct streams *streams = stream->streams;
    stream->result = result;
    if (result != ERR_OK)
        stream->why = *why;
    (void)pthread_mutex_lock(&streams->mutex); /* a plain mutex: can't fail */
    loop_post(streams->options.loop, &stream->job);
    streams->reads_out--;
    (void)pthread_cond_signal(&streams->read_ended);
    (void)pthread_mutex_unlock(&streams->mutex);
}

/* ---- on the server's loop ---- */

static void stream_free(struct stream *stream)
{
    struct streams *streams = stream->streams;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        streams->first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    if (streams->first == NULL)
        loop_timer_stop(streams->options.loop, &streams->beat);
    buf_done(&stream->batch);
    memory_free(stream);
}

static void stream_closed(void *context)
{
    struct stream *stream = context;
    stream->exchange = NULL;
    if (!stream->is_reading)
        stream_free(stream);
}

static void stream_pump(struct stream *stream)
{
    struct streams *streams = stream->streams;
    if (stream->is_reading) {
        stream->is_due = true;
        return;
    }
    stream->is_reading = true;
    stream->is_due = stream->has_more = false;
    buf_clear(&stream->batch);
    (void)pthread_mutex_lock(&streams->mutex); /* a plain mutex: can't fail */
    streams->reads_out++;
    (void)pthread_mutex_unlock(&streams->mutex);
    store_read(streams->options.store, &stream->op);
}

/* False when the stream was ended, and is gone: a slow reader comes back with its last id. */
static bool stream_send(struct stream *stream, struct str bytes)
{
    struct err_info why = { 0 };
    if (http_stream_write(stream->exchange, bytes, &why) == ERR_OK)
        return true;
    http_stream_end(stream->exchange);
    return false;
}

static void read_arrived(struct loop_job *job)
{
    struct stream *stream = CONTAINER_OF(job, struct stream, job);
    stream->is_reading = false;
    if (stream->exchange == NULL) {
        stream_free(stream);
        return;
    }
    if (stream->result != ERR_OK) {
        log_failure(stream->streams->options.log, LOG_WARN, "an event stream ended", &stream->why);
        http_stream_end(stream->exchange);
        return;
    }
    if (!stream_send(stream, buf_str(&stream->batch)))
        return;
    if (stream->has_more || stream->is_due)
        stream_pump(stream);
}

static void wake_all(struct loop_job *job)
{
    struct streams *streams = CONTAINER_OF(job, struct streams, wake);
    atomic_store(&streams->is_woken, false); /* before the reads: a later commit posts anew */
    for (struct stream *stream = streams->first; stream; stream = stream->next)
        if (stream->exchange)
            stream_pump(stream);
}

static void committed(void *context, uint64_t last_seq)
{
    struct streams *streams = context;
    (void)last_seq; /* each stream asks the outbox */
    if (!atomic_exchange(&streams->is_woken, true))
        loop_post(streams->options.loop, &streams->wake);
}

static void arm_beat(struct streams *streams)
{
    struct instant due = loop_now(streams->options.loop);
    due.us += BEAT_US;
    loop_timer_start(streams->options.loop, &streams->beat, due);
}

static void beat_all(struct loop_timer *timer)
{
    struct streams *streams = CONTAINER_OF(timer, struct streams, beat);
    struct stream *next;
    for (struct stream *stream = streams->first; stream; stream = next) {
        next = stream->next;
        if (stream->exchange)
            (void)stream_send(stream, STR(": beat\n\n")); /* gone or not, the next one's turn */
    }
    if (streams->first != NULL)
        arm_beat(streams);
}

static void stream_begin(struct request *request, struct stream *stream)
{
    static const struct http_header headers[] = {
        { STR_INIT("Content-Type"), STR_INIT("text/event-stream; charset=utf-8") },
        { STR_INIT("Cache-Control"), STR_INIT("no-store") },
        { STR_INIT("X-Content-Type-Options"), STR_INIT("nosniff") },
        { STR_INIT("X-Accel-Buffering"), STR_INIT("no") }, /* nginx passes events on at once */
    };
    struct streams *streams = stream->streams;
    struct err_info why = { 0 };
    enum err result = http_stream_begin(request->exchange, 200, headers, sizeof headers / sizeof headers[0],
        STREAM_PENDING_BYTES_MAX, stream_closed, stream, &why);
    if (result != ERR_OK) {
        memory_free(stream);
        request_fail(request, result, &why);
        return;
    }
    stream->exchange = request_detach(request);
    stream->next = streams->first;
    if (stream->next)
        stream->next->previous = stream;
    else
        arm_beat(streams);
    streams->first = stream;
    stream_pump(stream);
}

/* The header wins: a browser that reconnects sends it along with the query it began with. */
static bool take_position(struct request *request, bool *ret_is_given, uint64_t *ret)
{
    struct str text = http_header_get(request->exchange, "last-event-id");
    *ret_is_given = text.size > 0 || request_query(request, "last_event_id", &text);
    if (!*ret_is_given || str_to_uint(text, ret))
        return true;
    request_problem(
        request, 400, "last_event_id", "Last-Event-ID must be the number of an event of this stream");
    return false;
}

void route_stream(struct request *request)
{
    bool is_given = false;
    uint64_t after = 0;
    if (!take_position(request, &is_given, &after))
        return;
    struct stream *stream = memory_alloc(sizeof *stream);
    if (stream == NULL) {
        request_problem(request, 503, "memory", "there is no memory for the stream");
        return;
    }
    *stream = (struct stream){ .streams = request->api->streams,
        .tenant = request->principal.tenant,
        .topics = topics_of(&request->principal),
        .op = { .apply = apply_read, .done = read_done },
        .job = { .run = read_arrived },
        .starts_at_newest = !is_given,
        .after = after };
    stream_begin(request, stream);
}

/* ---- all streams ---- */

enum err streams_new(const struct api_options *options, struct streams **ret, struct err_info *why)
{
    struct streams *streams = memory_alloc(sizeof *streams);
    if (streams == NULL)
        return err_memory(why);
    *streams = (struct streams){
        .options = *options, .beat = { .fire = beat_all }, .wake = { .run = wake_all }
    };
    (void)pthread_mutex_init(&streams->mutex, NULL); /* without attributes neither fails on Linux */
    (void)pthread_cond_init(&streams->read_ended, NULL);
    store_on_commit(options->store, committed, streams);
    *ret = streams;
    return ERR_OK;
}

static enum err do_nothing(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    (void)conn;
    (void)why;
    return ERR_OK;
}

void streams_free(struct streams *streams)
{
    struct err_info why = { 0 };
    store_on_commit(streams->options.store, NULL, NULL);
    /* The writer may be inside `committed`: when it has done one more write it is not. */
    enum err passed = store_write_wait(streams->options.store, do_nothing, NULL, &why);
    (void)pthread_mutex_lock(&streams->mutex); /* a plain mutex: can't fail */
    while (streams->reads_out > 0)
        (void)pthread_cond_wait(&streams->read_ended, &streams->mutex);
    (void)pthread_mutex_unlock(&streams->mutex);
    while (streams->first)
        stream_free(streams->first); /* jobs still posted never run: the loop has stopped */
    if (passed != ERR_OK)
        return; /* a writer that can't be waited for might still call */
    (void)pthread_cond_destroy(&streams->read_ended);
    (void)pthread_mutex_destroy(&streams->mutex);
    memory_free(streams);
}
