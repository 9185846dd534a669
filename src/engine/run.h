/* A run's state: what a fold of its journal gives. Plain data; no expression is evaluated here and nothing is
 * decided: the interpreter (turn.h) decides, writes an operation and has it applied.
 *
 * The state is a tree of frames. A step's frame is one activation of a step; a block's frame is a list of
 * steps that run one after another, and belongs to the step's frame above it (the top ones to the run).
 * Blocks with a scope of their own (iterations, branches) hold what was named in them; it goes when they
 * close. All memory is one arena; what is not reachable any more stays in it as garbage until run_compact. */
#ifndef TOCSIN_ENGINE_RUN_H
#define TOCSIN_ENGINE_RUN_H

#include "engine/engine.h"
#include "engine/journal.h"

#define STEP_NONE UINT32_MAX /* no step: the run's own blocks */

/* The numbers of these enums are stored in journals. */
enum frame_kind { FRAME_BLOCK = 1, FRAME_STEP = 2 };

/* Which block of its step (or of the run) a block's frame runs. */
enum block_part {
    PART_MAIN = 1,
    PART_ON_FAILURE = 2,
    PART_THEN = 3,
    PART_ELSE = 4,
    PART_CASE = 5, /* `number` tells which */
    PART_DEFAULT = 6,
    PART_BODY = 7, /* iteration `number` of a loop */
    PART_BRANCH = 8, /* branch `number` of a parallel */
    PART_TRY = 9,
    PART_CATCH = 10,
    PART_FINALLY = 11,
    PART_ERROR = 12, /* steps under on_error */
};

enum frame_phase {
    BLOCK_READY = 1, /* its next step, or its end, is due */
    BLOCK_BUSY = 2, /* one of its steps has a frame */

    PHASE_ENTER = 10, /* to be entered: after a retry of the run */
    PHASE_INSIDE = 11, /* blocks of it run */
    PHASE_CALL = 12, /* a call is out, or was when the process died */
    PHASE_PROBE = 13, /* asking whether it took effect */
    PHASE_LOCAL = 14, /* a local action, done inside this turn's commit */
    PHASE_LOCAL_DONE = 15, /* its result stands in `output` or `error` */
    PHASE_APPROVAL = 16, /* a person has to allow the call */
    PHASE_BACKOFF = 17,
    PHASE_ASK = 18,
    PHASE_WAIT = 19,
    PHASE_EVENT = 20,
    PHASE_CHILD = 21,
    PHASE_UNCERTAIN = 22,
    PHASE_HANDLING = 23, /* the steps under on_error run */
};

/* Why what is below a frame is being ended. */
enum stop_reason {
    STOP_NONE = 0,
    STOP_CANCEL = 1, /* the run was cancelled */
    STOP_TIMEOUT = 2, /* of this step, or of the run */
    STOP_LIMIT = 3, /* the run reached one of its limits */
    STOP_SETTLED = 4, /* the step's outcome is settled (`output`, `error`); the rest is not needed */
};

enum frame_flags {
    FRAME_HAS_STEPS = 0x01, /* block: results of its steps are its own */
    FRAME_HAS_VARS = 0x02, /* block: assignments stay in it */
    FRAME_HAS_RESULT = 0x04, /* step: `steps.ID` shows it already */
    FRAME_RETURNS = 0x08, /* step: a `return` below it is under way */
    FRAME_FAILS = 0x10, /* step: it fails with `error` once what is below has ended */
    FRAME_FORCED = 0x20, /* step: even its `finally` was told to stop */
    FRAME_SIMULATED = 0x40, /* step: recorded, not done */
    FRAME_APPROVED = 0x80, /* step: a person allowed this call */
    FRAME_TIMED_OUT = 0x100, /* step: its time was over before its call answered */
    FRAME_COLLECTED = 0x400, /* step, inside a snapshot: `output` is what it has gathered so far */
    FRAME_CANCELS = 0x200, /* step: it ends as cancelled once what is below has ended */
};

enum run_phase {
    RUN_PHASE_CREATED = 0,
    RUN_PHASE_MAIN = 1,
    RUN_PHASE_ON_FAILURE = 2,
    RUN_PHASE_ENDED = 3,
};

enum subject { SUBJECT_EVENT = 1, SUBJECT_ALERT = 2, SUBJECT_CASE = 3 };

struct result {
    uint32_t step;
    uint32_t attempt;
    enum step_status status;
    struct instant started, ended;
    struct value output, error;
    struct value shown; /* the record that `steps.ID` is, once it was asked for; else null */
};

struct variable {
    struct str name;
    struct value v;
};

struct scope {
    struct result *results; /* by step index */
    uint32_t result_count, result_room;
    struct variable *variables; /* in the order of their first assignment */
    uint32_t variable_count, variable_room;
    /* Caches of what expressions see from here, good while the run's `names_version` is the same. */
    uint64_t steps_version, vars_version;
    struct value steps, vars;
};

struct frame {
    uint32_t id, parent; /* ids are never used again */
    uint32_t kind; /* enum frame_kind */
    uint32_t part; /* block: enum block_part */
    uint32_t step; /* index in the playbook; a block: of the step that it belongs to */
    uint32_t number; /* block: of the case, the iteration, the branch */
    uint32_t phase, stop, flags;
    uint32_t attempt; /* step: from 1 */
    uint32_t position; /* block: its next step. step: iterations begun, try's stage, … */
    uint32_t count; /* step: blocks ended well, items, … */
    struct instant started, due, deadline; /* us 0: none */
    struct id object; /* task, child run */
    struct value data; /* step: its input */
    struct value output, error;
    struct value *collected; /* for_each: `collected_count` of them */
    uint32_t collected_count;
    struct scope *scope;
    struct frame *next_free;
};

struct playbook_version; /* registry.h */

struct run {
    struct arena arena;
    struct id id;
    int64_t tenant;
    int64_t number; /* of its row; 0 until it was committed */
    struct playbook_version *version; /* a reference of its own; NULL only while a fold begins */
    const struct playbook *playbook; /* the version's */
    int64_t playbook_number;
    uint32_t playbook_version;

    enum run_status status;
    enum run_phase phase;
    uint32_t stop, flags;
    uint32_t depth; /* 0: not called by another run */
    struct id event_id, alert_id, case_id, parent_id, containment_id;
    int64_t parent_number;
    uint32_t parent_frame;
    struct value event, alert, case_value, inputs;
    struct value concurrency_key; /* null: none */
    struct value creation; /* of a run that was just made, until its first record is written; else null */
    struct value output, error;
    struct instant created, started, ended, deadline;
    struct instant paused; /* since when `deadline` stands still, for people are asked; us 0: it does not */

    uint32_t next_frame;
    uint32_t seq; /* records so far */
    uint32_t snapshot_seq; /* the last one that holds the whole state; 0: none */
    uint64_t steps_begun;
    struct instant now; /* of the turn under way */

    struct frame **frames; /* by id */
    uint32_t frame_count, frame_room;
    struct frame *free_frames;
    struct scope scope;
    uint64_t names_version; /* goes up when a name's value changes */
    struct value shown; /* `run` as expressions see it; null: to be made */
    size_t live_bytes; /* held right after the last compaction; or the largest answer taken since */
};

FALLIBLE run_new(int64_t tenant, struct id id, struct run **ret, struct err_info *why);
void run_free(struct run *run); /* NULL is fine */

/* Applies one operation as of `run->now`. Values and texts in it must live in the run's arena. ERR_MEMORY;
 * ERR_INVALID "journal_damaged" when it does not fit the state. */
FALLIBLE run_apply(struct run *run, const struct op *op, struct err_info *why);
/* Applies one record. `bytes` must live in the run's arena. */
FALLIBLE run_fold(struct run *run, struct str bytes, struct err_info *why);

struct frame *run_find_frame(const struct run *run, uint32_t id); /* NULL when it is gone */
/* The first frame below `parent` with an id above `after`; NULL: none. */
struct frame *run_next_child(const struct run *run, uint32_t parent, uint32_t after);
/* The scope in which what runs below `frame` finds or puts names of that kind (FRAME_HAS_…); `ret_frame`:
 * the block's id, 0 for the run's own. `frame` NULL: the run's. */
struct scope *run_scope(const struct run *run, const struct frame *frame, uint32_t kind, uint32_t *ret_frame);
/* The error that handlers above `frame` deal with; the run's own when there is none. */
struct value run_handled_error(const struct run *run, const struct frame *frame);
/* Where the frame, the step's result is, or would be put. */
uint32_t run_frame_index(const struct run *run, uint32_t id);
uint32_t scope_result_index(const struct scope *scope, uint32_t step);

/* The playbook's, or RUN_SECONDS_MAX. */
int64_t run_timeout_us(const struct run *run);

/* Copies what is live into a fresh arena. Values handed out before are gone afterwards. */
FALLIBLE run_compact(struct run *run, struct err_info *why);
bool run_wants_compaction(const struct run *run);
/* Appends operations that make the state anew: OP_SNAPSHOT, OP_RUN, frames, scopes. */
FALLIBLE run_add_snapshot(
    const struct run *run, struct buf *record, struct arena *scratch, struct err_info *why);

/* What a run starts with, as OP_CREATE keeps it. */
struct creation {
    struct id event_id, alert_id, case_id, parent_id, containment_id;
    int64_t parent_number;
    uint32_t parent_frame, depth;
    int64_t playbook_number;
    uint32_t playbook_version;
    struct value event, alert, case_value, inputs;
    struct value concurrency_key;
    struct value error; /* why it can't start: it fails with this at once. null: it can */
    struct str actor;
};
FALLIBLE creation_pack(
    const struct creation *creation, struct arena *arena, struct value *ret, struct err_info *why);
FALLIBLE creation_unpack(struct value packed, struct creation *ret, struct err_info *why);

#endif
