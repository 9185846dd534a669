/* A playbook: YAML turned into an immutable typed graph, docs/playbooks.md being the language. Refcounted;
 * read by many threads. What changes while it runs sits in the engine's run. */
#ifndef TOCSIN_PLAYBOOK_PLAYBOOK_H
#define TOCSIN_PLAYBOOK_PLAYBOOK_H

#include "base/arena.h"
#include "base/value.h"
#include "expr/expr.h"
#include "playbook/action.h"
#include "playbook/cron.h"
#include "playbook/diagnostic.h"

/* Names in scope: their slots in every expression of a playbook. Loop names follow, the outermost first. */
enum scope_slot {
    SCOPE_EVENT,
    SCOPE_ALERT,
    SCOPE_CASE,
    SCOPE_INPUTS,
    SCOPE_VARS,
    SCOPE_STEPS,
    SCOPE_RUN,
    SCOPE_NOW,
    SCOPE_IT,
    SCOPE_LOOP, /* + loop depth from 0 */
};
#define SCOPE_LOOPS_MAX 16
extern const char *const scope_slot_names[SCOPE_LOOP];

/* A YAML value with `${{ }}` in it. */
enum template_kind { TEMPLATE_CONSTANT, TEMPLATE_EXPR, TEMPLATE_TEXT, TEMPLATE_LIST, TEMPLATE_MAP };
struct template
{
    enum template_kind kind;
    uint32_t line, column;
    struct value constant;
    const struct expr *expr; /* EXPR: keeps the value's type */
    const struct template *parts; /* TEXT: concatenated as strings; LIST: items; MAP: values */
    const struct str *keys; /* MAP */
    uint32_t count;
};

/* Steps that run one after another. */
struct block {
    const struct step *const *steps;
    uint32_t count;
};

enum step_kind {
    STEP_DO,
    STEP_SET,
    STEP_IF,
    STEP_SWITCH,
    STEP_FOR_EACH,
    STEP_WHILE,
    STEP_PARALLEL,
    STEP_ASK,
    STEP_WAIT,
    STEP_RUN,
    STEP_SCRIPT,
    STEP_TRY,
    STEP_RETURN,
    STEP_FAIL,
    STEP_KIND_COUNT,
};
const char *step_kind_name(enum step_kind kind); /* "do", "set", … */

enum backoff { BACKOFF_FIXED, BACKOFF_LINEAR, BACKOFF_EXPONENTIAL };
struct retry_policy {
    uint32_t attempts; /* in all; 1: none again */
    enum backoff backoff;
    int64_t first_us, max_us;
};

enum on_error { ON_ERROR_FAIL, ON_ERROR_CONTINUE, ON_ERROR_STEPS };
enum join { JOIN_ALL, JOIN_ANY, JOIN_COUNT };
enum wait_kind { WAIT_SPAN, WAIT_UNTIL, WAIT_EVENT };

struct assignment {
    struct str name;
    const struct template *value;
};
struct switch_case {
    const struct expr *when; /* `it` is the switched value */
    struct block steps;
};
/* `form:` of an ask. */
struct form_field {
    struct str name, title;
    const struct type *type;
    bool is_required;
    struct value default_value; /* null: none */
};

struct step {
    uint32_t index; /* in playbook->steps, in the order of the text; stable inside a version */
    struct str id; /* as given, or made: "step_7" */
    bool has_given_id;
    struct str name; /* for people; may be empty */
    enum step_kind kind;
    uint32_t line, column;
    const struct step *parent; /* NULL at the top */
    uint32_t loop_depth; /* loop names visible here */
    const struct expr *when; /* NULL: always */
    int64_t timeout_us; /* 0: none */
    struct retry_policy retry;
    enum on_error on_error;
    struct block error_steps;

    union {
        struct {
            struct str action;
            const struct template *with; /* NULL: none */
            struct str connection;
            const struct template *lease; /* `for:`; NULL: not bounded. A span text or a duration */
        } call;
        struct {
            const struct assignment *items;
            uint32_t count;
        } set;
        struct {
            const struct expr *condition;
            struct block then_steps, else_steps;
        } branch;
        struct {
            const struct expr *subject;
            const struct switch_case *cases;
            uint32_t case_count;
            struct block default_steps;
        } choice;
        struct {
            const struct expr *items; /* a list, or a map: then the loop name holds {"key", "value"} */
            struct str as;
            uint32_t parallel; /* 1: one after another */
            struct block steps;
            const struct template *collect; /* NULL: no output list */
        } for_each;
        struct {
            const struct expr *condition;
            uint32_t max;
            struct block steps;
        } loop;
        struct {
            const struct block *branches;
            const struct str *branch_names; /* may be empty texts */
            uint32_t count;
            enum join join;
            uint32_t join_count;
        } parallel;
        struct {
            const struct template *to, *title, *show; /* to: list of "role:x", "user:x", addresses */
            const struct str *via;
            uint32_t via_count;
            const struct str *options;
            uint32_t option_count;
            const struct form_field *form;
            uint32_t form_count;
            bool fails_on_timeout;
            struct str on_timeout; /* an option; empty: none given */
        } ask; /* the step's timeout is the question's */
        struct {
            enum wait_kind kind;
            int64_t span_us;
            const struct template *span; /* SPAN given as an expression; else NULL */
            const struct template *until; /* UNTIL */
            const struct expr *event; /* EVENT: sees `alert` and `event` of the arriving one as `it.alert`,
                                         `it.event`, and the run's scope */
        } wait;
        struct {
            struct str playbook;
            const struct template *with;
            bool is_awaited;
        } run;
        struct {
            struct str language, code;
            const struct template *with;
        } script;
        struct {
            struct block try_steps, catch_steps, finally_steps;
            bool has_catch;
        } attempt;
        struct {
            const struct template *value; /* NULL: null */
        } give; /* return */
        struct {
            const struct template *code, *message;
        } fail;
    };
};

enum trigger_kind {
    TRIGGER_ALERT,
    TRIGGER_WEBHOOK,
    TRIGGER_SCHEDULE,
    TRIGGER_EMAIL,
    TRIGGER_SYSLOG,
    TRIGGER_CASE,
    TRIGGER_MANUAL,
    TRIGGER_PLAYBOOK,
};
struct trigger {
    enum trigger_kind kind;
    const struct expr *filter; /* NULL: all */
    bool is_for_repeats;
    struct str path; /* WEBHOOK */
    struct str secret; /* WEBHOOK: name of the secret of its HMAC or token */
    struct str cron, timezone; /* SCHEDULE */
    struct cron times; /* SCHEDULE: what `cron` says */
    struct str connection; /* EMAIL: mailbox */
    struct str case_event; /* CASE: "created", "updated", "closed" */
    uint32_t line, column;
};

struct playbook_input {
    struct str name;
    const struct type *type;
    bool is_required;
    const struct template *default_value; /* NULL: none */
    struct str help;
};

enum playbook_mode { MODE_SHADOW, MODE_SUGGEST, MODE_AUTO };
enum when_full { WHEN_FULL_QUEUE, WHEN_FULL_SKIP, WHEN_FULL_CANCEL_RUNNING };

struct playbook {
    struct str name, title, description;
    const struct str *attack;
    uint32_t attack_count;
    enum playbook_mode mode;
    const struct trigger *triggers;
    uint32_t trigger_count;
    const struct playbook_input *inputs;
    uint32_t input_count;
    const struct type *output; /* declared `out:`, or dyn */
    const struct template *concurrency_key; /* NULL: none */
    uint32_t concurrency_max;
    enum when_full when_full;
    int64_t timeout_us; /* 0: RUN_SECONDS_MAX */
    struct block steps, on_failure;
    const struct step *const *all_steps; /* by index */
    uint32_t step_count;
    struct str source; /* the YAML text, as given */
    struct str digest; /* hex BLAKE2b-256 of the text: the version's identity */
};

/* What a playbook is checked against. All may be NULL: then names of that kind are not checked. */
struct playbook_world {
    const struct catalogue *catalogue;
    const struct type *alert_type, *case_type; /* what `alert` and `case` are; records */
    /* What the output of this playbook's step has been so far, where its action declares less; NULL when
     * nothing is known. In `arena`. May be NULL. */
    const struct type *(*learned_output)(const struct playbook_world *world, const struct playbook *playbook,
        const struct step *step, const struct action *action, struct arena *arena);
    /* The inputs and output of another playbook; false when there is none of that name. */
    bool (*find_playbook)(const struct playbook_world *world, struct str name, const struct playbook **ret);
    const void *context;
};

/* Reads and checks in one go: all faults are added to `found` (file, line, column, code, mend), errors and
 * warnings. ERR_INVALID when there was an error; then no playbook is returned. The playbook has one
 * reference. `file` is only for messages. Without a world (NULL) only what a run needs is looked at: for
 * texts that were checked when they were published. */
FALLIBLE playbook_parse(struct str text, const struct playbook_world *world, struct diagnostics *found,
    struct playbook **ret, struct err_info *why);
struct playbook *playbook_acquire(struct playbook *playbook); /* thread-safe */
void playbook_release(struct playbook *playbook); /* thread-safe; NULL is fine */
const struct step *playbook_find_step(const struct playbook *playbook, struct str id);
const struct playbook_input *playbook_find_input(const struct playbook *playbook, struct str name);

/* Evaluates a template; pure. Errors are those of expr_eval; mixed text renders values as in JSON, strings
 * bare. */
FALLIBLE template_eval(const struct template *template, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits, struct value *ret,
    struct err_info *why);

#endif
