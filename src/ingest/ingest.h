/* From a request's bytes to events that are durable and mapped to alerts, or to an error with nothing stored.
 *
 * body → events (receive) → alerts (mapping) → one batch to the intake → `accepted` after its commit. */
#ifndef TOCSIN_INGEST_INGEST_H
#define TOCSIN_INGEST_INGEST_H

#include "access/vault.h"
#include "base/clock.h"
#include "base/rand.h"
#include "ingest/intake.h"
#include "ingest/source.h"
#include "ingest/suppression.h"
#include "io/executor.h"

struct ingest;

struct ingest_options {
    struct clock *clock;
    struct rand *rand;
    struct intake *intake;
    struct vault *vault; /* secrets of the HMAC schemes; NULL: those are refused */
    struct executor
        *executor; /* reads and maps bodies above INGEST_INLINE_BYTES_MAX; NULL: the caller does */
    uint64_t rate_per_s; /* events a second, with a burst of as many; 0: no limit */
};
/* What `options` points to must outlive it. Starts with the built-in `generic` source alone. */
FALLIBLE ingest_new(const struct ingest_options *options, struct ingest **ret, struct err_info *why);
void ingest_free(struct ingest *ingest); /* after the last request was answered */
/* Its suppression rules; main loads them at boot, routes change them. */
struct suppressions *ingest_suppressions(struct ingest *ingest);

/* Reads all files and swaps the sources when none has an error; else ERR_INVALID and the old ones stay. Any
 * thread. */
FALLIBLE ingest_load(struct ingest *ingest, const struct source_file *files, size_t count,
    struct diagnostics *found, struct err_info *why);
/* The sources as they are now; released by whoever acquired them. Any thread. */
const struct sources *ingest_acquire_sources(struct ingest *ingest);
void ingest_release_sources(struct ingest *ingest, const struct sources *sources);

/* ---- authentication by signature ---- */

/* Gives the value of a request's header, empty when absent. */
struct header_source {
    struct str (*get)(const struct header_source *source, const char *name);
};
/* Whether the source has a scheme of signatures. Any thread. */
bool ingest_takes_signatures(struct ingest *ingest, struct str source);
/* Checks the source's HMAC over the raw body and gives its principal. ERR_DENIED, name "signature", when the
 * source has no scheme, or the signature is missing, wrong or too old. */
FALLIBLE ingest_authenticate(struct ingest *ingest, int64_t tenant, struct str source, struct str body,
    const struct header_source *headers, struct principal *ret, struct err_info *why);

/* The same for a webhook of a playbook, whose secret has this name: the header X-Tocsin-Token has the secret
 * itself, or the request is signed with it as GitHub, Jira, Slack or Stripe sign. */
FALLIBLE ingest_authenticate_hook(struct ingest *ingest, int64_t tenant, struct str secret, struct str body,
    const struct header_source *headers, struct principal *ret, struct err_info *why);

/* ---- events ---- */

/* Owned by the caller until `accepted`. */
struct ingest_request {
    int64_t tenant;
    struct str source; /* a valid name; need not be defined */
    struct str hook; /* not empty: the path of a webhook. Its events become no alerts */
    struct str content_type; /* as sent, with parameters; empty: JSON if it reads as JSON, else text */
    struct str body; /* lives until `accepted` */
    struct arena *arena; /* the same; everything made for this request lives in it */
    /* Exactly once, on `reply_to` (NULL: any thread), maybe before ingest_receive returns. ERR_OK:
     * `batch.events` has ids, fates and runs, and all is durable. Else nothing is stored: ERR_INVALID with
     * the line (name "json_…", "body_…"), ERR_LIMIT (name: the limit, or "ingest_rate" with retry_after_us),
     * ERR_UNAVAILABLE. Name "content_type": the source does not take this type (415). */
    void (*accepted)(struct ingest_request *request, enum err result, const struct err_info *why);
    struct loop *reply_to;
    void *context; /* the caller's */

    /* Filled in. */
    struct intake_batch batch;
    int64_t retry_after_us;
    /* Ingest's own. */
    struct ingest *ingest;
    const struct sources *sources;
    struct ingest_event *events;
};
void ingest_receive(struct ingest *ingest, struct ingest_request *request);

/* A fault met before ingest_receive (401, 413, …), for the counters. `reason` is a literal. */
void ingest_count_rejected(struct ingest *ingest, const char *reason);

/* Counters by label: calls `visit` for each source (is_accepted) and each reason (not). Names past
 * INGEST_LABELS_MAX sources are counted under "other". Any thread. */
typedef void ingest_metric_visit(void *context, bool is_accepted, struct str label, uint64_t count);
void ingest_metrics(struct ingest *ingest, ingest_metric_visit *visit, void *context);

#endif
