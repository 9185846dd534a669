/* What a source is made of; shared by the files that read one and map with it. */
#ifndef TOCSIN_INGEST_SOURCE_IMPL_H
#define TOCSIN_INGEST_SOURCE_IMPL_H

#include "base/yaml.h"
#include "cases/alert.h"
#include "expr/expr.h"
#include "ingest/ocsf.h"
#include "ingest/source.h"

/* Names in scope of a source's expressions. */
enum source_slot { SOURCE_EVENT, SOURCE_NAME, SOURCE_RECEIVED, SOURCE_SLOT_COUNT };

/* One way to a value. Most are plain paths into the event, `event.data.srcip` or `event["@timestamp"]`, which
 * need no evaluator; a missing part gives nothing in both forms. */
struct way {
    const struct str *keys;
    uint32_t key_count;
    const struct expr *expr; /* NULL: the keys */
};
/* Ways in order: the first that gives a value other than null and the empty text. */
struct rule {
    const struct way *ways;
    uint32_t count;
};

/* The mapping as a tree of OCSF's objects: a leaf has a field. */
struct map_node {
    struct str name;
    const struct ocsf_field *field; /* NULL: an object */
    struct str path;
    struct rule rule;
    struct map_node *children;
    struct map_node *next;
};

struct severity_word {
    struct str word;
    enum severity severity;
};

struct observable_rule {
    enum observable_type type;
    struct str name;
    struct rule rule;
};

struct source {
    struct str name, title, description;
    struct str vendor, product, product_version;
    const struct str *content_types;
    uint32_t content_type_count;
    struct source_hmac hmac;
    const struct str *absent; /* texts that stand for nothing, such as "<NA>" */
    uint32_t absent_count;
    int64_t window_us;
    const struct rule *fingerprint;
    uint32_t fingerprint_count;
    struct rule parse; /* what a text becomes before it is mapped */
    struct rule severity, time, tags, attack;
    const struct severity_word *severity_words; /* NULL: what the words mean everywhere */
    uint32_t severity_word_count;
    bool has_severity_default;
    enum severity severity_default;
    /* Addresses, host, user and product are looked for too, not only title, severity and time. */
    bool is_guessing;
    bool is_extracting; /* observables are searched for in all texts */
    struct map_node *mapping; /* children of the root */
    uint32_t field_count;
    const struct observable_rule *observables;
    uint32_t observable_count;
};

/* `generic`, as YAML. */
extern const char source_generic_text[];

#endif
