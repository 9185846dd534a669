/* What is written about a change: its line in the timeline, its audit row, its entry in the event stream. */
#ifndef TOCSIN_CASES_NOTE_H
#define TOCSIN_CASES_NOTE_H

#include "base/value.h"
#include "cases/change.h"

struct note {
    struct str subject_kind; /* "alert" or "case" */
    struct id subject;
    struct str verb; /* "update", "comment", …: the audit's action is subject_kind.verb */
    struct value before, after; /* null when there is none */
    struct str text; /* of a comment; may be empty */
};

/* Timeline and audit. `ret_id` (may be NULL): of the line. */
FALLIBLE note_write(
    const struct change *change, const struct note *note, struct id *ret_id, struct err_info *why);
/* The line that an earlier change with this key wrote; ID_NONE when there is none. */
FALLIBLE note_find_key(const struct change *change, struct id *ret, struct err_info *why);
/* The newest ACTIVITY_SHOWN_MAX lines of a timeline, oldest first:
 * [{"id","at","kind","actor":{"kind","name"}, "run_id","text","before","after"}]. */
FALLIBLE note_list(struct store_conn *conn, int64_t tenant, struct id subject, struct arena *arena,
    struct value *ret, struct err_info *why);

/* 1 … COMMENT_BYTES_MAX bytes of text. */
FALLIBLE note_check_comment(struct str text, struct err_info *why);
/* ERR_CONFLICT, name "revision", unless the change asks for any revision or for this one. */
FALLIBLE note_check_revision(const struct change *change, uint64_t now, struct err_info *why);

/* What a field was and is, when that differs; both maps may stay empty. */
struct difference {
    struct value_map_builder before, after;
};
void difference_begin(struct difference *difference, struct arena *arena);
FALLIBLE difference_add(
    struct difference *difference, const char *name, struct value was, struct value is, struct err_info *why);
static inline struct value text_or_null(struct str text)
{
    return text.size > 0 ? value_string(text) : value_null();
}

/* To the event stream: `body` is a map. */
FALLIBLE note_announce(struct store_conn *conn, int64_t tenant, struct str topic, struct id subject,
    struct value body, struct err_info *why);

/* Small helpers for building answers. */
FALLIBLE set_id(
    struct value_map_builder *map, const char *name, struct id id, struct err_info *why); /* none: null */
FALLIBLE set_text(
    struct value_map_builder *map, const char *name, struct str text, struct err_info *why); /* empty: null */
FALLIBLE set_instant(
    struct value_map_builder *map, const char *name, struct instant at, struct err_info *why); /* 0: null */
FALLIBLE id_value(struct arena *arena, struct id id, struct value *ret, struct err_info *why);

#endif
