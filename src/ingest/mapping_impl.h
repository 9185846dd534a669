/* One mapping under way; shared by the files of the mapping. */
#ifndef TOCSIN_INGEST_MAPPING_IMPL_H
#define TOCSIN_INGEST_MAPPING_IMPL_H

#include "ingest/mapping.h"
#include "ingest/observe.h"
#include "ingest/source_impl.h"
#include "ingest/survey.h"

struct mapping {
    const struct source *source;
    struct str name;
    struct value event;
    struct instant received;
    struct arena *arena;
    struct err_info *why;
    struct value slots[SOURCE_SLOT_COUNT];
    struct expr_values activation;
    struct value_map_builder body, unmapped;
    struct observations observations;
    struct survey survey;
};

/* What the way or rule gives; null when it gives nothing. Errors: ERR_MEMORY. */
FALLIBLE way_eval(struct mapping *mapping, const struct way *way, struct value *ret);
FALLIBLE rule_eval(struct mapping *mapping, const struct rule *rule, struct value *ret);

/* The value in the field's kind. `*ret` is null when it can't be made. Errors: ERR_MEMORY. */
FALLIBLE field_convert(struct mapping *mapping, enum ocsf_kind kind, struct value v, struct value *ret);
/* Calls `add` for a text, or each text of a list; numbers are printed. */
FALLIBLE texts_each(struct mapping *mapping, struct value v,
    enum err (*add)(void *context, struct str text, struct err_info *why), void *context);

FALLIBLE finding_build(struct mapping *mapping, struct value *ret);
FALLIBLE fingerprint_make(struct mapping *mapping, struct mapped *ret);

/* The mapped fields below `first` into `into`. */
FALLIBLE mapping_build(struct mapping *mapping, const struct map_node *first, struct value_map_builder *into);
const struct map_node *mapping_find(const struct map_node *first, struct str name);
/* The field of this name as built so far; null when there is none. */
struct value mapping_built(const struct value_map_builder *map, const char *name);
/* A text's first line, cut at ALERT_TITLE_BYTES_MAX. */
struct str first_line(struct str text);

#endif
