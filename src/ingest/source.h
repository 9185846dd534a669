/* Sources: YAML that says how a product's events become alerts (docs/sources.md). Immutable once read; all
 * threads may map with one at the same time. */
#ifndef TOCSIN_INGEST_SOURCE_H
#define TOCSIN_INGEST_SOURCE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/value.h"
#include "playbook/diagnostic.h"

struct source;
struct sources;

/* [a-z0-9][a-z0-9_-]{0,63} */
bool source_name_is_valid(struct str name);

/* How a sender without a token proves itself. Each is an HMAC of the body's raw bytes under a secret. */
enum hmac_scheme {
    HMAC_NONE = 0,
    HMAC_GITHUB, /* X-Hub-Signature-256: sha256=HEX */
    HMAC_JIRA, /* X-Hub-Signature: sha256=HEX */
    HMAC_SLACK, /* X-Slack-Signature: v0=HEX over "v0:TIME:BODY", X-Slack-Request-Timestamp */
    HMAC_STRIPE, /* Stripe-Signature: t=TIME,v1=HEX over "TIME.BODY" */
    HMAC_HEADER, /* a header of one's own: prefix, hex or base64, SHA-256 or SHA-512 */
};

struct source_hmac {
    enum hmac_scheme scheme;
    struct str secret; /* name of the secret */
    struct str header, prefix; /* HEADER */
    bool is_base64, is_sha512; /* HEADER */
    int64_t tolerance_us; /* SLACK, STRIPE: how old a signature may be */
};

/* Borrowed from the source. */
struct str source_name(const struct source *source);
struct str source_title(const struct source *source);
const struct source_hmac *source_hmac(const struct source *source); /* NULL: tokens only */
/* Whether a body of this type (without parameters) is taken; all when the source lists none. */
bool source_takes(const struct source *source, struct str content_type);

/* Reads one source's YAML into `arena`; faults are added to `found` with their places. ERR_INVALID when there
 * was an error. */
FALLIBLE source_parse(struct arena *arena, struct str text, struct diagnostics *found, struct source **ret,
    struct err_info *why);
/* The linter's: true when the file has no errors. */
bool source_check(struct str text, struct diagnostics *found);

/* ---- all of them; replaced as a whole ---- */

struct source_file {
    struct str name; /* for messages: "content/sources/wazuh.yaml" */
    struct str text;
};
/* Owned by the caller; has `generic` built in, which a file may replace. A later file of the same source
 * replaces an earlier one. ERR_INVALID when a file has an error; then nothing is returned. */
FALLIBLE sources_read(const struct source_file *files, size_t count, struct diagnostics *found,
    struct sources **ret, struct err_info *why);
void sources_free(struct sources *sources);
/* The source of this name, else `generic`; never NULL. */
const struct source *sources_get(const struct sources *sources, struct str name);
/* NULL when there is none of this name. */
const struct source *sources_find(const struct sources *sources, struct str name);
/* [{"name","title","description","product","content_types","hmac","dedup_window","fingerprint","fields":N}]
 * by name; one of them when `name` is not empty (ERR_NOT_FOUND). */
FALLIBLE sources_describe(const struct sources *sources, struct str name, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
