/* What a turn wants done outside of its run's state: in the same commit (rows) or after it (calls).
 *
 * An effect holds no values of the run, only bytes in the turn's arena, so the run may be compacted while
 * the turn goes on. Effects are done in the order in which they were asked for. */
#ifndef TOCSIN_ENGINE_EFFECT_H
#define TOCSIN_ENGINE_EFFECT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/value.h"

enum effect_kind {
    EFFECT_NONE, /* taken back */
    /* After the commit, on the shard. */
    EFFECT_CALL, /* of step frame `frame`, for `purpose` */
    EFFECT_CALL_CANCEL,
    /* In the commit. */
    EFFECT_LOCAL, /* the local action of `frame`; its result joins the record */
    EFFECT_TASK_OPEN, /* `task` */
    EFFECT_TASK_CLOSE, /* `object` becomes `status`; by `actor` with `bytes` when it was answered */
    EFFECT_CHILD, /* a run `object` begins; `bytes` is its first record */
    EFFECT_CANCEL_CHILD, /* run `object` is told to stop */
    EFFECT_SUBSCRIBE, /* frame `frame` waits for events */
    EFFECT_UNSUBSCRIBE,
    EFFECT_LEASE, /* `lease` */
    EFFECT_INBOX_DONE, /* message `number` is used up */
    EFFECT_AUDIT, /* `actor` did `operation` on `object_kind` `object` */
};

enum task_status {
    TASK_OPEN = 0,
    TASK_ANSWERED = 1,
    TASK_EXPIRED = 2,
    TASK_CANCELLED = 3,
    TASK_STATUS_COUNT
};
enum task_kind { TASK_ASK = 0, TASK_APPROVE = 1, TASK_UNCERTAIN = 2, TASK_UNDO = 3, TASK_KIND_COUNT };

struct task_open {
    struct id id;
    enum task_kind kind;
    struct str step, title;
    struct str payload; /* packed {to, via, show, options, form, digest} */
    struct instant expires; /* us 0: never */
};

struct lease_open {
    struct id id;
    struct str step, action, connection;
    struct str undo, undo_with; /* packed */
    struct str with, output; /* packed */
    struct instant due; /* us 0: only by hand */
};

struct effect {
    enum effect_kind kind;
    uint32_t frame;
    uint32_t purpose; /* enum action_purpose */
    uint32_t status; /* enum task_status */
    int64_t number;
    struct id object;
    struct str bytes, key, actor;
    const char *operation, *object_kind;
    struct task_open *task;
    struct lease_open *lease;
    struct playbook_version *version; /* of a child; a reference */
    struct effect *next;
};

struct effect_list {
    struct arena *arena;
    struct effect *first, **end;
};
void effect_list_init(struct effect_list *list, struct arena *arena);
/* NULL without memory. */
struct effect *effect_add(struct effect_list *list, enum effect_kind kind, uint32_t frame);
/* Takes back an effect that has not been done yet; false when there is none. */
bool effect_take_back(struct effect_list *list, enum effect_kind kind, uint32_t frame);
bool effect_list_has(const struct effect_list *list, enum effect_kind kind);
void effect_list_done(struct effect_list *list); /* releases references */
/* Packs a value into the arena. */
FALLIBLE effect_pack(struct arena *arena, struct value v, struct str *ret, struct err_info *why);

#endif
