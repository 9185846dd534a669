#include "ingest/ingest.h"

#include <stdatomic.h>
#include <string.h>

#include "access/secret.h"
#include "base/container.h"
#include "base/memory.h"
#include "base/text.h"
#include "ingest/bucket.h"
#include "ingest/counts.h"
#include "ingest/event_row.h"
#include "ingest/hmac.h"
#include "ingest/mapping.h"
#include "ingest/receive.h"

/* Kept until the last request that maps with it was answered: alerts share memory with their source. */
struct source_set {
    struct sources *sources;
    unsigned references; /* one of them ingest's own while it is the newest */
    struct source_set *next; /* older */
};

struct ingest {
    struct ingest_options options;
    pthread_mutex_t mutex; /* guards `sets` and what is in them */
    struct source_set *sets; /* newest first */
    struct suppressions *suppressions;
    atomic_size_t pending_bytes; /* of bodies whose answer is out yet */
    struct bucket bucket;
    struct counts counts;
};

/* What becomes rows of one event, beside the intake's part. */
struct ingest_event {
    struct alert_new arriving;
    struct value alert; /* as it is when nothing stands that it merges into */
    struct str raw;
    unsigned flags;
    struct str rule; /* that suppresses it; empty: none */
};

/* ---- sources ---- */

static enum err set_add(struct ingest *ingest, struct sources *sources, struct err_info *why)
{
    struct source_set *set = memory_alloc(sizeof(*set));
    if (!set) {
        sources_free(sources);
        return err_memory(why);
    }
    (void)pthread_mutex_lock(&ingest->mutex); /* fails only on misuse */
    *set = (struct source_set){ .sources = sources, .references = 1, .next = ingest->sets };
    struct source_set *older = ingest->sets;
    ingest->sets = set;
    (void)pthread_mutex_unlock(&ingest->mutex);
    if (older)
        ingest_release_sources(ingest, older->sources);
    return ERR_OK;
}

enum err ingest_load(struct ingest *ingest, const struct source_file *files, size_t count,
    struct diagnostics *found, struct err_info *why)
{
    struct sources *sources;
    TRY(sources_read(files, count, found, &sources, why));
    return set_add(ingest, sources, why);
}

const struct sources *ingest_acquire_sources(struct ingest *ingest)
{
    (void)pthread_mutex_lock(&ingest->mutex);
    struct source_set *set = ingest->sets;
    set->references++;
    (void)pthread_mutex_unlock(&ingest->mutex);
    return set->sources;
}

void ingest_release_sources(struct ingest *ingest, const struct sources *sources)
{
    (void)pthread_mutex_lock(&ingest->mutex);
    struct source_set **at = &ingest->sets;
    while ((*at)->sources != sources)
        at = &(*at)->next;
    struct source_set *set = *at, *unused = NULL;
    if (--set->references == 0) {
        *at = set->next;
        unused = set;
    }
    (void)pthread_mutex_unlock(&ingest->mutex);
    if (unused) {
        sources_free(unused->sources);
        memory_free(unused);
    }
}

/* ---- life ---- */

static enum err ingest_init(struct ingest *ingest, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct diagnostics found;
    const struct ingest_options *options = &ingest->options;
    diagnostics_init(&found, &scratch, STR(""));
    TRY(suppressions_new(options->clock, options->rand, &ingest->suppressions, why));
    return ingest_load(ingest, NULL, 0, &found, why);
}

static enum err ingest_init_locks(struct ingest *ingest, struct err_info *why)
{
    int failed = pthread_mutex_init(&ingest->mutex, NULL);
    if (failed != 0)
        return err_errno(why, failed, "make a lock");
    enum err result = bucket_init(&ingest->bucket, ingest->options.clock, ingest->options.rate_per_s, why);
    if (result == ERR_OK) {
        result = counts_init(&ingest->counts, why);
        if (result == ERR_OK)
            return ERR_OK;
        bucket_done(&ingest->bucket);
    }
    (void)pthread_mutex_destroy(&ingest->mutex); /* fails only on misuse */
    return result;
}

enum err ingest_new(const struct ingest_options *options, struct ingest **ret, struct err_info *why)
{
    struct ingest *ingest = memory_alloc(sizeof(*ingest));
    if (!ingest)
        return err_memory(why);
    *ingest = (struct ingest){ .options = *options };
    enum err result = ingest_init_locks(ingest, why);
    if (result != ERR_OK) {
        memory_free(ingest);
        return result;
    }
    result = ingest_init(ingest, why);
    if (result != ERR_OK) {
        ingest_free(ingest);
        return result;
    }
    *ret = ingest;
    return ERR_OK;
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    while (ingest->sets)
        ingest_release_sources(ingest, ingest->sets->sources);
    suppressions_free(ingest->suppressions);
    counts_done(&ingest->counts);
    bucket_done(&ingest->bucket);
    (void)pthread_mutex_destroy(&ingest->mutex);
    memory_free(ingest);
}

struct suppressions *ingest_suppressions(struct ingest *ingest)
{
    return ingest->suppressions;
}

void ingest_count_rejected(struct ingest *ingest, const char *reason)
{
    counts_add(&ingest->counts, false, str_of(reason), 1);
}

void ingest_metrics(struct ingest *ingest, ingest_metric_visit *visit, void *context)
{
    counts_visit(&ingest->counts, visit, context);
}

/* ---- authentication by signature ---- */

bool ingest_takes_signatures(struct ingest *ingest, struct str source)
{
    const struct sources *sources = ingest_acquire_sources(ingest);
    const struct source *found = sources_find(sources, source);
    bool takes = found && source_hmac(found);
    ingest_release_sources(ingest, sources);
    return takes;
}

static enum err verify(struct ingest *ingest, int64_t tenant, const struct source_hmac *hmac, struct str body,
    const struct header_source *headers, struct err_info *why)
{
    AUTO(secret) struct secret secret = { 0 };
    struct err_info own = { 0 };
    if (!hmac || !ingest->options.vault)
        return err_named(why, ERR_DENIED, "signature", "the source takes no signatures; send a token");
    /* The sender learns nothing of which secrets there are. */
    if (secret_open(ingest->options.vault, tenant, hmac->secret, &secret, &own) != ERR_OK)
        return err_named(why, ERR_DENIED, "signature", "the secret of the source's signatures is not set");
    return hmac_verify(hmac, secret_str(&secret), body, headers, clock_now(ingest->options.clock), why);
}

enum err ingest_authenticate(struct ingest *ingest, int64_t tenant, struct str source, struct str body,
    const struct header_source *headers, struct principal *ret, struct err_info *why)
{
    const struct sources *sources = ingest_acquire_sources(ingest);
    const struct source *found = sources_find(sources, source);
    enum err result = verify(ingest, tenant, found ? source_hmac(found) : NULL, body, headers, why);
    ingest_release_sources(ingest, sources);
    if (result == ERR_OK)
        principal_init(ret, PRINCIPAL_SOURCE, tenant, ID_NONE, source);
    return result;
}

/* By the header that the sender chose. */
static enum hmac_scheme scheme_of(const struct header_source *headers)
{
    static const struct {
        const char *header;
        enum hmac_scheme scheme;
    } schemes[] = {
        { "X-Hub-Signature-256", HMAC_GITHUB },
        { "X-Hub-Signature", HMAC_JIRA },
        { "X-Slack-Signature", HMAC_SLACK },
        { "Stripe-Signature", HMAC_STRIPE },
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (headers->get(headers, schemes[i].header).size > 0)
            return schemes[i].scheme;
    return HMAC_NONE;
}

enum err ingest_authenticate_hook(struct ingest *ingest, int64_t tenant, struct str name, struct str body,
    const struct header_source *headers, struct principal *ret, struct err_info *why)
{
    struct source_hmac hmac = {
        .scheme = scheme_of(headers), .secret = name, .tolerance_us = HOOK_TOLERANCE_SECONDS * US_PER_S
    };
    if (hmac.scheme != HMAC_NONE) {
        TRY(verify(ingest, tenant, &hmac, body, headers, why));
    } else {
        AUTO(secret) struct secret secret = { 0 };
        struct str given = headers->get(headers, "X-Tocsin-Token");
        if (!ingest->options.vault ||
            secret_open(ingest->options.vault, tenant, name, &secret, NULL) != ERR_OK ||
            !secret_equal(&secret, given))
            return err_named(why, ERR_DENIED, "signature",
                "send the webhook's secret as X-Tocsin-Token, or a signature made with it");
    }
    principal_init(ret, PRINCIPAL_SOURCE, tenant, ID_NONE, STR("webhook"));
    return ERR_OK;
}

/* ---- inside the commit ---- */

static struct ingest_request *request_of(struct intake_batch *batch)
{
    return CONTAINER_OF(batch, struct ingest_request, batch);
}

/* May be called again for the same event, when its commit is tried anew: it sets all that it changes. */
static enum err record(struct intake_batch *batch, uint32_t index, struct store_conn *conn,
    enum intake_fate *ret_fate, struct err_info *why)
{
    struct intake_event *event = &batch->events[index];
    struct ingest_event *own = &request_of(batch)->events[index];
    struct alert_arrival arrival;
    *ret_fate = INTAKE_RUN;
    if (batch->hook.size > 0)
        return ERR_OK;
    TRY(alert_arrive(conn, &own->arriving, batch->arena, &arrival, why));
    event->alert_id = arrival.id;
    event->alert = own->alert;
    *ret_fate = own->rule.size > 0 ? INTAKE_SUPPRESSED : arrival.is_merged ? INTAKE_MERGED : INTAKE_RUN;
    if (arrival.is_merged)
        return alert_value(conn, batch->tenant, arrival.id, batch->arena, &event->alert, why);
    return ERR_OK;
}

static enum err settle(
    struct intake_batch *batch, uint32_t index, struct store_conn *conn, struct err_info *why)
{
    const struct ingest_request *request = request_of(batch);
    const struct intake_event *event = &batch->events[index];
    const struct ingest_event *own = &request->events[index];
    struct event_row row = {
        .tenant = batch->tenant,
        .id = event->event_id,
        .alert_id = event->alert_id,
        .source = batch->source,
        .received = own->arriving.seen,
        .fate = event->fate,
        .flags = own->flags,
        .run_count = event->run_count,
        .runs = { (const char *)event->runs, event->run_count * sizeof(struct id) },
        .content_type = request->content_type,
        .detail = event->fate == INTAKE_SUPPRESSED ? own->rule : (struct str){ 0 },
    };
    return event_row_insert(conn, &row, own->raw, batch->arena, why);
}

/* ---- before the commit ---- */

static void finish(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct ingest *ingest = request->ingest;
    if (result == ERR_OK)
        counts_add(&ingest->counts, true, request->source, request->batch.event_count);
    else
        ingest_count_rejected(ingest, why && why->name ? why->name : err_word(result));
    atomic_fetch_sub(&ingest->pending_bytes, request->body.size);
    ingest_release_sources(ingest, request->sources);
    request->sources = NULL;
    request->accepted(request, result, why);
}

static void batch_accepted(struct intake_batch *batch, enum err result, const struct err_info *why)
{
    finish(request_of(batch), result, why);
}

static enum err check(struct ingest_request *request, const struct source *source, struct err_info *why)
{
    struct str type = content_type_of(request->content_type);
    if (!source_name_is_valid(request->source))
        return err_named(why, ERR_INVALID, "source",
            "'%.*s' is no name of a source: lower-case letters, digits, '-' and '_', at most %d",
            STR_ARG(request->source), SOURCE_NAME_BYTES_MAX);
    if (type.size > 0 && !source_takes(source, type))
        return err_named(why, ERR_INVALID, "content_type", "the source '%.*s' does not take '%.*s'",
            STR_ARG(request->source), STR_ARG(type));
    return ERR_OK;
}

/* What all events of a request share on their way. */
struct preparing {
    struct ingest_request *request;
    const struct source *source;
    const struct suppression_set *rules;
};

/* A suppressed alert has a fingerprint of its own, so that what comes after the rule's end is never merged
 * into an alert that nobody looks at. */
static void suppress(struct alert_new *arriving)
{
    arriving->status = ALERT_SUPPRESSED;
    for (size_t i = 0; i < sizeof(arriving->fingerprint.bytes); i++)
        arriving->fingerprint.bytes[i] ^= 0xff;
}

static enum err prepare_alert(struct preparing *preparing, const struct intake_event *event,
    struct ingest_event *own, struct err_info *why)
{
    struct ingest_request *request = preparing->request;
    struct arena *arena = request->arena;
    struct str rule;
    TRY(alert_value_of_new(&own->arriving, arena, &own->alert, why));
    struct suppressible arriving = { .tenant = request->tenant,
        .source = request->source,
        .alert = own->alert,
        .event = event->event,
        .received = own->arriving.seen };
    TRY(suppression_find(preparing->rules, &arriving, arena, &rule, why));
    if (rule.size > 0) {
        TRY(arena_str(arena, rule, &own->rule, why));
        suppress(&own->arriving);
        TRY(alert_value_of_new(&own->arriving, arena, &own->alert, why));
    }
    return alert_prepare(&own->arriving, arena, why);
}

static enum err map_event(struct preparing *preparing, const struct received *received,
    struct intake_event *event, struct ingest_event *own, struct err_info *why)
{
    struct ingest_request *request = preparing->request;
    const struct ingest_options *options = &request->ingest->options;
    struct instant seen = own->arriving.seen;
    struct mapped mapped;
    TRY(mapping_apply(
        preparing->source, request->source, received->event, seen, request->arena, &mapped, why));
    event->alert_id = id_new(options->clock, options->rand);
    own->flags |= mapped.has_duplicate_keys ? EVENT_DUPLICATE_KEYS : 0;
    own->arriving = (struct alert_new){ .tenant = request->tenant,
        .id = event->alert_id,
        .event_id = event->event_id,
        .source = request->source,
        .fingerprint = mapped.fingerprint,
        .window_us = mapped.window_us,
        .seen = seen,
        .severity = mapped.severity,
        .status = ALERT_NEW,
        .body = mapped.body,
        .tags = mapped.tags };
    TRY(prepare_alert(preparing, event, own, why));
    event->alert = own->alert;
    return ERR_OK;
}

static enum err prepare_event(
    struct preparing *preparing, const struct received *received, uint32_t index, struct err_info *why)
{
    struct ingest_request *request = preparing->request;
    const struct ingest_options *options = &request->ingest->options;
    struct intake_event *event = &request->batch.events[index];
    struct ingest_event *own = &request->events[index];
    *event = (struct intake_event){ .event_id = id_new(options->clock, options->rand),
        .event = received->event };
    *own = (struct ingest_event){ .raw = received->raw,
        .flags = received->is_json ? 0 : EVENT_NO_JSON,
        .arriving = { .seen = clock_now(options->clock) } };
    /* A webhook's event is a call of its playbook, not an alert. */
    if (request->hook.size > 0)
        return ERR_OK;
    return map_event(preparing, received, event, own, why);
}

static enum err prepare_events(struct ingest_request *request, const struct source *source,
    const struct received *received, struct err_info *why)
{
    struct suppressions *suppressions = request->ingest->suppressions;
    struct preparing preparing = {
        .request = request, .source = source, .rules = suppressions_acquire(suppressions)
    };
    enum err result = ERR_OK;
    for (uint32_t i = 0; i < request->batch.event_count && result == ERR_OK; i++)
        result = prepare_event(&preparing, &received[i], i, why);
    suppressions_release(suppressions, preparing.rules);
    return result;
}

static enum err prepare(struct ingest_request *request, struct err_info *why)
{
    const struct source *source = sources_get(request->sources, request->source);
    struct received *received;
    uint32_t count;
    TRY(check(request, source, why));
    TRY(receive_body(request->arena, request->content_type, request->body, &received, &count, why));
    if (!bucket_take(&request->ingest->bucket, count, &request->retry_after_us))
        return err_named(why, ERR_LIMIT, "ingest_rate",
            "more than %llu events a second; try again in %lld ms",
            (unsigned long long)request->ingest->options.rate_per_s,
            (long long)(request->retry_after_us / US_PER_MS + 1));
    request->events = ARENA_ARRAY(request->arena, count, struct ingest_event);
    request->batch = (struct intake_batch){ .tenant = request->tenant,
        .source = request->source,
        .hook = request->hook,
        .events = ARENA_ARRAY(request->arena, count, struct intake_event),
        .event_count = count,
        .arena = request->arena,
        .record = record,
        .settle = settle,
        .accepted = batch_accepted,
        .reply_to = request->reply_to };
    if (count > 0 && (!request->events || !request->batch.events))
        return err_memory(why);
    return prepare_events(request, source, received, why);
}

static void offer(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct intake *intake = request->ingest->options.intake;
    if (result != ERR_OK || request->batch.event_count == 0)
        finish(request, result, why);
    else
        intake->offer(intake, &request->batch);
}

/* A large body's share, on a thread of the pool. */
struct later {
    struct executor_task task;
    struct ingest_request *request;
    enum err result;
    struct err_info why;
};

static void prepare_later(struct executor_task *task)
{
    struct later *later = CONTAINER_OF(task, struct later, task);
    later->result = prepare(later->request, &later->why);
}

static void prepared_later(struct executor_task *task)
{
    struct later *later = CONTAINER_OF(task, struct later, task);
    offer(later->request, later->result, &later->why);
}

/* False when the pool has no room: then the body costs its sender's loop what it costs. */
static bool receive_later(struct ingest_request *request)
{
    struct executor *executor = request->ingest->options.executor;
    struct later *later = ARENA_NEW(request->arena, struct later);
    if (!later)
        return false;
    later->task = (struct executor_task){
        .work = prepare_later, .done = prepared_later, .reply_to = request->reply_to
    };
    later->request = request;
    return executor->ops->submit(executor, &later->task, NULL) == ERR_OK;
}

/* Counts the body, which one alone may always be. */
static bool has_room(const struct ingest_request *request)
{
    size_t before = atomic_fetch_add(&request->ingest->pending_bytes, request->body.size);
    return before == 0 || before + request->body.size <= INGEST_PENDING_BYTES_MAX;
}

void ingest_receive(struct ingest *ingest, struct ingest_request *request)
{
    struct err_info why = { 0 };
    bool is_large = request->body.size > INGEST_INLINE_BYTES_MAX;
    request->ingest = ingest;
    request->sources = ingest_acquire_sources(ingest);
    if (!has_room(request)) {
        finish(request,
            err_named(&why, ERR_UNAVAILABLE, "INGEST_PENDING_BYTES_MAX",
                "as many events are under way as fit into memory; try again in a second"),
            &why);
        return;
    }
    if (is_large && ingest->options.executor && request->reply_to && receive_later(request))
        return;
    enum err result = prepare(request, &why);
    offer(request, result, &why);
}
