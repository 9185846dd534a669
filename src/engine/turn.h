/* A turn: the interpreter of playbooks. It takes things that happened, runs every pure step that they
 * enable, and ends in effects. It changes the run only through turn_emit, which writes the operation to the
 * turn's record and applies it.
 *
 * A failure (memory, a state that does not fit) is sticky in `failed`: later calls do nothing, the turn is
 * thrown away with the run's state in memory, and the run is loaded from its journal again. Nothing is
 * lost, since nothing of a turn counts before its commit.
 *
 * Frames are freed by the calls that end them: keep ids across calls, not pointers. */
#ifndef TOCSIN_ENGINE_TURN_H
#define TOCSIN_ENGINE_TURN_H

#include "engine/effect.h"
#include "engine/names.h"
#include "engine/run.h"
#include "engine/seal.h"

struct registry;

/* What a turn needs to know of the engine. */
struct turn_world {
    struct catalogue_source *catalogues;
    struct guardrail *guardrail; /* NULL: allow */
    struct sealer sealer;
    struct registry *registry; /* NULL in tests of single steps: no sub-playbooks */
    struct clock *clock;
    struct rand *rand;
    void *host;
    unsigned shard, shard_count;
    bool is_dry;
    bool wants_details; /* and reads outputs and errors, which have to be packed for it */
};

/* The numbers are stored. */
enum happening_kind {
    HAPPENED_START = 1,
    HAPPENED_RESULT = 2, /* `frame`, `result`, `action`, `arena` */
    HAPPENED_LOCAL = 3, /* `frame`: the result stands in the frame */
    HAPPENED_TIMER = 4,
    HAPPENED_ANSWER = 5, /* `object` is the task, `data` the answer, `actor` who gave it */
    HAPPENED_EVENT = 6, /* `frame`, `data` is {event, alert, …} */
    HAPPENED_CHILD = 7, /* `frame`, `data` is {status, output, error}, `object` the child */
    HAPPENED_CANCEL = 8, /* `code`, `text`, `actor` */
    HAPPENED_CONTINUE = 9, /* the turn before was cut */
    HAPPENED_RECOVER = 10, /* the run was loaded; calls that were out are lost */
    HAPPENED_RETRY = 11,
    HAPPENED_ABORT = 13, /* `code`, `text`: it can't go on */
    HAPPENED_SUBJECT = 12, /* `frame` is enum subject, `object` its id, `data` its value */
};

struct happening {
    enum happening_kind kind;
    uint32_t frame;
    struct id object;
    const struct action_result *result;
    const struct action *action; /* that was called, as it was then; NULL: whoever tells does not know it */
    struct arena *arena; /* where the result's values live; the turn may take all of it. NULL: it may not */
    struct value data; /* need not live in the run's arena */
    struct str code, text, actor;
    int64_t inbox_number; /* 0: not from the inbox */
};

/* What ended, for observers. Lives in the turn's arena. */
struct turn_note {
    const struct step *step; /* NULL: the run */
    struct str path;
    enum step_status status;
    int64_t elapsed_us;
    struct id task; /* opened; ID_NONE: none */
    struct str detail; /* packed output or error; empty: none */
    struct turn_note *next;
};

struct turn {
    const struct turn_world *world;
    struct run *run;
    struct arena *arena;
    struct buf record;
    struct effect_list effects;
    struct turn_note *notes, **notes_end;
    uint32_t *ready; /* blocks whose next step is due; a stack */
    uint32_t ready_count, ready_room;
    uint32_t steps;
    bool is_cut; /* more could be done at once */
    bool has_changed; /* the record holds more than its head */
    enum run_status old_status;
    enum err failed;
    struct err_info why;
};

enum outcome_kind { OUTCOME_OK = 0, OUTCOME_FAILED, OUTCOME_RETURNED, OUTCOME_CANCELLED };
struct outcome {
    enum outcome_kind kind;
    struct value output, error;
    struct str packed_output; /* as in struct op */
};
#define OUTCOME_DONE ((struct outcome){ .kind = OUTCOME_OK })

/* `arena` is the turn's own and lives until its commit was answered. */
void turn_begin(struct turn *turn, const struct turn_world *world, struct run *run, struct instant now,
    struct arena *arena);
void turn_happen(struct turn *turn, const struct happening *happening);
/* Runs what is ready, decides the run's status. ERR_OK, or why the turn is void. */
FALLIBLE turn_end(struct turn *turn, struct err_info *why);
void turn_done(struct turn *turn);

/* The earliest instant at which the run has something to do; INSTANT_NEVER. Calls have their own deadlines.
 */
struct instant run_next_due(const struct run *run);
/* Nothing to do but wait: it may leave memory. */
bool run_is_parked(const struct run *run);

/* ---- for the step kinds (step_*.c) ---- */

struct ended_block {
    uint32_t id, part, number;
};

struct step_ops {
    /* A step that takes no time, without a frame of its own; `block` is where it stands. NULL: it has one. */
    struct outcome (*leaf)(struct turn *turn, const struct frame *block, const struct step *step);
    void (*enter)(struct turn *turn, struct frame *frame);
    /* Before a block that ended well closes: its names are still there. NULL: nothing to do. */
    struct outcome (*collect)(struct turn *turn, struct frame *frame, const struct frame *block);
    void (*block_ended)(
        struct turn *turn, struct frame *frame, struct ended_block block, struct outcome outcome);
    /* Its `due` has come. */
    void (*wake)(struct turn *turn, struct frame *frame);
    /* Ends it early; what is below it first. NULL: stops its blocks. */
    void (*cancel)(struct turn *turn, struct frame *frame, bool is_forced);
};
extern const struct step_ops step_do_ops, step_set_ops, step_if_ops, step_switch_ops, step_for_each_ops,
    step_while_ops, step_parallel_ops, step_ask_ops, step_wait_ops, step_run_ops, step_script_ops,
    step_try_ops, step_return_ops, step_fail_ops;

const struct step *frame_step(const struct turn *turn, const struct frame *frame);
/* Sticky. */
void turn_fail(struct turn *turn, enum err result, const struct err_info *why);
void turn_emit(struct turn *turn, const struct op *op);
/* Sets fields of a step's frame. */
struct op frame_op(const struct frame *frame);
void frame_set_phase(struct turn *turn, struct frame *frame, enum frame_phase phase);

void block_open(
    struct turn *turn, const struct frame *owner, enum block_part part, uint32_t number, uint32_t flags);
/* Tells all blocks below to end. They may have ended, and the frame be gone, when it returns. */
void frame_stop_blocks(struct turn *turn, uint32_t frame, bool is_forced);
bool frame_has_blocks(const struct turn *turn, const struct frame *frame);

/* The step ended: retries it, handles its error, or closes its frame and goes on above. */
void step_finish(struct turn *turn, struct frame *frame, struct outcome outcome);
void step_fail(
    struct turn *turn, struct frame *frame, struct str code, struct str message, bool is_retryable);
/* With what an expression's evaluation left in `why`. */
void step_fail_why(struct turn *turn, struct frame *frame, const struct err_info *why);
void step_stop(struct turn *turn, struct frame *frame, enum stop_reason reason, bool is_forced);

/* An outcome that is settled while other blocks of the step still run: they are stopped, and once the last
 * has ended, container_end gives the outcome to step_finish. A stop from above settles it too. */
void container_settle(struct turn *turn, struct frame *frame, struct outcome outcome);
bool container_is_settled(const struct frame *frame);
void container_end(struct turn *turn, struct frame *frame);

struct outcome outcome_failed(
    struct turn *turn, struct str code, struct str message, bool is_retryable, const struct step *step);
struct outcome outcome_of_why(struct turn *turn, const struct err_info *why, const struct step *step);

/* Copies into the run's arena; null and a failed turn without memory. */
struct value turn_keep(struct turn *turn, struct value v);
/* Likewise of a value that lives in `from`, all of which the run's arena takes over when it is large. */
struct value turn_take(struct turn *turn, struct value v, struct arena *from);
struct str turn_pack(struct turn *turn, struct value v); /* into the turn's arena */
struct effect *turn_effect(struct turn *turn, enum effect_kind kind, uint32_t frame);

void run_finish(struct turn *turn, enum run_status status, struct value error);
void run_stop(struct turn *turn, enum stop_reason reason, struct value error);

/* Opens a task for the frame; its id, which the caller puts into the frame. `payload` is what task_show
 * shows: {to, via, show, options, form}. */
struct id turn_open_task(struct turn *turn, const struct frame *frame, enum task_kind kind,
    struct value title, struct value payload, struct instant expires);
void turn_close_task(struct turn *turn, const struct frame *frame, enum task_status status);

void turn_note_step(
    struct turn *turn, const struct frame *above, const struct step *step, struct result result);

/* ---- happenings for steps of one kind ---- */
void step_do_result(struct turn *turn, struct frame *frame, const struct happening *happening);
void step_do_local(struct turn *turn, struct frame *frame);
void step_do_lost(struct turn *turn, struct frame *frame);
void step_do_answer(struct turn *turn, struct frame *frame, struct value answer, struct str actor);
void step_ask_answer(struct turn *turn, struct frame *frame, struct value answer, struct str actor);
void step_wait_event(struct turn *turn, struct frame *frame, struct value event);
void step_run_ended(struct turn *turn, struct frame *frame, struct value ended);

#endif
