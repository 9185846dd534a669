/* What a step may call. The engine knows actions only through this header; connect/ fills it, for
 * declarative connectors and native actions alike. A native action is one const struct. */
#ifndef TOCSIN_PLAYBOOK_ACTION_H
#define TOCSIN_PLAYBOOK_ACTION_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/value.h"
#include "expr/type.h"

struct loop; /* io/loop.h */
struct store_conn; /* store/store.h */
struct action;
struct action_call;

/* docs/playbooks.md, "Autonomy". From `notify` on an action changes the world outside. */
enum action_kind {
    ACTION_QUERY,
    ACTION_ENRICH,
    ACTION_NOTIFY,
    ACTION_TICKET,
    ACTION_CONTAIN,
    ACTION_REMEDIATE
};
const char *action_kind_name(enum action_kind kind);
bool action_kind_parse(struct str text, enum action_kind *ret);

/* Whether the call took effect: what may be done about a failure or a crash hangs on it. */
enum action_effect {
    ACTION_NOT_SENT, /* provably never left: any action may be tried again */
    ACTION_ANSWERED, /* the other side said yes or no */
    ACTION_UNKNOWN, /* it may have happened */
};

struct action_error {
    struct str code; /* "http_503", "timeout", "connection_missing", "rate_limited", … */
    struct str message;
    bool is_retryable;
};

struct action_result {
    bool is_ok;
    struct value output; /* when ok; fits action->out */
    struct str
        packed_output; /* `output` as pack_value makes it, where that is there already; empty: not yet */
    struct action_error error; /* when not */
    enum action_effect effect;
    int64_t retry_after_us; /* what the other side asked for; 0: nothing */
};

enum action_purpose {
    ACTION_DO,
    ACTION_PROBE, /* did an earlier call with the same idempotency key take effect? Answers ok with the
                     output (it did), or not ok with effect ACTION_NOT_SENT (it did not) or ACTION_UNKNOWN */
};

/* One call in flight. The engine owns it until `finish`; everything it points to lives as long. */
struct action_call {
    const struct action *action;
    enum action_purpose purpose;
    int64_t tenant;
    struct str connection; /* a configured instance's name; empty: the connector's default one */
    struct value with; /* checked against action->in, defaults filled in */
    struct str idempotency_key; /* the same for all attempts of one step execution and after a crash */
    struct id run_id, alert_id, case_id;
    struct str playbook, step;
    struct instant now; /* of the turn */
    struct instant deadline;
    struct arena *arena; /* the call's; output and errors may live in it */
    struct loop *loop; /* the shard's; `start` and `finish` run on it */
    void *host; /* what connect/ gave the shard: clients, limits */
    /* Exactly once, on the loop, never from inside `start`. The call is gone afterwards. */
    void (*finish)(struct action_call *call, const struct action_result *result);
    void *state; /* the action's own while in flight */
};

struct action {
    struct str name; /* "connector.action" */
    struct str summary;
    enum action_kind kind;
    bool is_made_up; /* a mock: nothing outside is touched, so dry runs call it too */
    bool is_idempotent; /* safe to repeat: with the same key and parameters it takes effect once */
    const struct type *in; /* a record */
    const struct type *out;
    struct value example_in, example_out; /* docs, shadow mode and `run` without --live; null: none */
    const struct value *defaults; /* map of `in` fields left out; NULL: none */

    /* Remote actions. */
    void (*start)(const struct action *action, struct action_call *call);
    void (*cancel)(const struct action *action, struct action_call *call); /* finishes it soon; may be NULL */
    bool has_probe; /* start understands ACTION_PROBE */

    /* Local actions: their effect and their result are one commit. Runs on the store's writer inside the open
     * transaction; when set, `start` is NULL. A failure is the step's error, nothing of it stays. */
    enum err (*apply)(const struct action *action, struct action_call *call, struct store_conn *conn,
        struct value *ret_output, struct err_info *why);

    /* What ends a containment; empty: nothing does. `undo_with` makes the undo's parameters; NULL: the same.
     */
    struct str undo;
    enum err (*undo_with)(const struct action *action, struct arena *arena, struct value with,
        struct value output, struct value *ret_with, struct err_info *why);

    /* For actions whose kind or safety hangs on what they are called with (`http.request`: on the method).
     * Gives the variant that counts for this call, of the same catalogue. `host` is the shard's or NULL (the
     * linter's); `with` may be null when it is not known. NULL: the action is always itself. */
    const struct action *(*refine)(
        const struct action *action, void *host, int64_t tenant, struct str connection, struct value with);

    const void *definition; /* connect's own */
};
/* The action that gates, policies and retries of this very call go by. */
static inline const struct action *action_refine(
    const struct action *action, void *host, int64_t tenant, struct str connection, struct value with)
{
    return action->refine ? action->refine(action, host, tenant, connection, with) : action;
}

/* All actions of one moment; immutable. Whoever holds a snapshot releases it. */
struct catalogue {
    const struct action *(*find)(const struct catalogue *catalogue, struct str name);
    const struct action *(*at)(const struct catalogue *catalogue, uint32_t index); /* NULL past the end */
};
static inline const struct action *catalogue_find(const struct catalogue *catalogue, struct str name)
{
    return catalogue->find(catalogue, name);
}
/* Refcounted provider: content may be reloaded while calls are out. */
struct catalogue_source {
    const struct catalogue *(*acquire)(struct catalogue_source *source);
    void (*release)(struct catalogue_source *source, const struct catalogue *catalogue);
};

#endif
