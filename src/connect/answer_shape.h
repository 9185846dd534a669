/* What answers look like, learned from real ones: for each field the types seen, how often it was there, how
 * often null, and its values when they are few texts (enum-like). Comparing and learning are one pass.
 *
 * Only the owner's thread at a time. Memory is bounded: past ANSWER_SHAPE_NODES_MAX fields,
 * ANSWER_SHAPE_CHILDREN_MAX of one object or ANSWER_SHAPE_DEPTH_MAX levels nothing more is learned, and
 * nothing is reported about what is beyond.
 */
#ifndef TOCSIN_CONNECT_ANSWER_SHAPE_H
#define TOCSIN_CONNECT_ANSWER_SHAPE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/value.h"
#include "expr/type.h"

#define ANSWER_SHAPE_NODES_MAX 4000
#define ANSWER_SHAPE_CHILDREN_MAX 256
#define ANSWER_SHAPE_DEPTH_MAX 16
#define ANSWER_SHAPE_ITEMS_LOOKED_AT 16 /* of each list */
#define ANSWER_SHAPE_CHOICES_MAX 12
#define ANSWER_SHAPE_CHOICE_BYTES_MAX 40
/* A field is known after so many answers; its values count as all there are after so many more. */
#define ANSWER_SHAPE_KNOWN_AFTER 20
#define ANSWER_SHAPE_CHOICES_KNOWN_AFTER 100
#define ANSWER_SHAPE_REPORT_AGAIN_SECONDS 3600 /* of the same kind at the same field */

struct answer_shape;

enum drift_kind {
    DRIFT_MISSING, /* was there in at least 99 of 100 answers */
    DRIFT_TYPE, /* of a type that fewer than 1 of 100 had */
    DRIFT_NULL, /* the same, of null */
    DRIFT_VALUE, /* a text beside the few that were ever seen */
    DRIFT_DECLARED, /* does not fit what the action declares */
    DRIFT_KIND_COUNT,
};
const char *drift_kind_name(enum drift_kind kind); /* "missing", "type", "null", "value", "declared" */

/* Texts are borrowed for the call. */
struct drift {
    enum drift_kind kind;
    struct str field; /* "hosts[].name"; empty: the answer itself */
    struct str before, now; /* "string, in 412 of 412 answers"; "missing" */
};
typedef void answer_shape_report(void *context, const struct drift *drift);

FALLIBLE answer_shape_new(struct answer_shape **ret, struct err_info *why);
void answer_shape_free(struct answer_shape *shape); /* NULL is fine */

/* Reports where the answer differs from those before it, and learns from it. Without memory it learns less.
 */
void answer_shape_observe(struct answer_shape *shape, struct value answer, struct instant now,
    answer_shape_report *report, void *context);
uint64_t answer_shape_count(const struct answer_shape *shape); /* answers seen */

/* The type that fits what was seen, in `arena`: what was always there is required, what was null may be,
 * records are open; dyn where answers differ. NULL before ANSWER_SHAPE_KNOWN_AFTER answers and without
 * memory. */
const struct type *answer_shape_type(const struct answer_shape *shape, struct arena *arena);

/* {"seen","types":{"string":N,…},"choices":{"text":N},"fields":{name:…},"items":…}: as shown, and as stored.
 */
FALLIBLE answer_shape_describe(
    const struct answer_shape *shape, struct arena *arena, struct value *ret, struct err_info *why);
/* What answer_shape_describe gave. ERR_INVALID when it is not that. */
FALLIBLE answer_shape_restore(struct value described, struct answer_shape **ret, struct err_info *why);

#endif
