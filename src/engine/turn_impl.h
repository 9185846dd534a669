/* Shared by turn*.c alone. */
#ifndef TOCSIN_ENGINE_TURN_IMPL_H
#define TOCSIN_ENGINE_TURN_IMPL_H

#include "engine/turn.h"

void turn_push(struct turn *turn, uint32_t block);
/* Runs the next step of a ready block, or ends it. */
void block_go_on(struct turn *turn, struct frame *block);
void block_end(struct turn *turn, struct frame *block, struct outcome outcome);
void run_block_ended(struct turn *turn, uint32_t part, struct outcome outcome);
void turn_limit(struct turn *turn, const char *name, uint64_t limit);
void step_enter(struct turn *turn, struct frame *frame);

/* Whether the frame's `due`, its `deadline` wake it in its phase. */
bool frame_waits_for_due(const struct frame *frame);
bool frame_has_deadline(const struct frame *frame);
bool frame_has_task(const struct frame *frame);

extern const struct step_ops *const step_kind_ops[STEP_KIND_COUNT];

#endif
