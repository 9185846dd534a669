#include "coverage.h"

#include <string.h>

#define BRANCHES_FIRST 64

/* ---- the branches ---- */

static FALLIBLE add(struct coverage *coverage, struct arena *arena, const struct coverage_branch *branch,
    struct err_info *why)
{
    if (coverage->count == coverage->room) {
        uint32_t room = coverage->room ? coverage->room * 2 : BRANCHES_FIRST;
        struct coverage_branch *more = ARENA_ARRAY(arena, room, struct coverage_branch);
        if (more == NULL)
            return err_memory(why);
        if (coverage->count > 0)
            memcpy(more, coverage->branches, coverage->count * sizeof *more);
        coverage->branches = more;
        coverage->room = room;
    }
    coverage->branches[coverage->count++] = *branch;
    return ERR_OK;
}

static FALLIBLE add_block(struct coverage *coverage, struct arena *arena, const struct step *step,
    const char *word, uint32_t number, const struct block *block, struct err_info *why)
{
    const struct coverage_branch branch = { .step = step, .word = word, .number = number, .block = block };
    return add(coverage, arena, &branch, why);
}

static FALLIBLE add_cases(
    struct coverage *coverage, struct arena *arena, const struct step *step, struct err_info *why)
{
    for (uint32_t i = 0; i < step->choice.case_count; i++)
        TRY(add_block(coverage, arena, step, "case", i + 1, &step->choice.cases[i].steps, why));
    return add_block(coverage, arena, step, "default", 0, &step->choice.default_steps, why);
}

static FALLIBLE add_kind(
    struct coverage *coverage, struct arena *arena, const struct step *step, struct err_info *why)
{
    switch (step->kind) {
    case STEP_IF:
        TRY(add_block(coverage, arena, step, "then", 0, &step->branch.then_steps, why));
        return add_block(coverage, arena, step, "else", 0, &step->branch.else_steps, why);
    case STEP_SWITCH: return add_cases(coverage, arena, step, why);
    case STEP_FOR_EACH: return add_block(coverage, arena, step, "body", 0, &step->for_each.steps, why);
    case STEP_WHILE: return add_block(coverage, arena, step, "body", 0, &step->loop.steps, why);
    case STEP_TRY:
        if (!step->attempt.has_catch)
            return ERR_OK;
        return add_block(coverage, arena, step, "catch", 0, &step->attempt.catch_steps, why);
    case STEP_PARALLEL:
        for (uint32_t i = 0; i < step->parallel.count; i++)
            TRY(add_block(coverage, arena, step, "branch", i + 1, &step->parallel.branches[i], why));
        return ERR_OK;
    default: return ERR_OK;
    }
}

static FALLIBLE add_step(
    struct coverage *coverage, struct arena *arena, const struct step *step, struct err_info *why)
{
    if (step->when != NULL) {
        TRY(add_block(coverage, arena, step, "runs", 0, NULL, why));
        TRY(add_block(coverage, arena, step, "is skipped", 0, NULL, why));
    }
    TRY(add_kind(coverage, arena, step, why));
    if (step->on_error == ON_ERROR_STEPS)
        TRY(add_block(coverage, arena, step, "on_error", 0, &step->error_steps, why));
    return ERR_OK;
}

enum err coverage_init(struct coverage *coverage, struct arena *arena, struct str file,
    struct playbook *playbook, struct err_info *why)
{
    *coverage = (struct coverage){ .file = file, .playbook = playbook_acquire(playbook) };
    for (uint32_t i = 0; i < playbook->step_count; i++)
        TRY(add_step(coverage, arena, playbook->all_steps[i], why));
    if (playbook->on_failure.count > 0)
        TRY(add_block(coverage, arena, NULL, "on_failure", 0, &playbook->on_failure, why));
    return ERR_OK;
}

void coverage_done(struct coverage *coverage)
{
    playbook_release(coverage->playbook);
    coverage->playbook = NULL;
}

/* ---- what was taken ---- */

static bool has_step(const struct block *block, const struct step *step)
{
    for (uint32_t i = 0; i < block->count; i++)
        if (block->steps[i] == step)
            return true;
    return false;
}

/* A block without steps leaves no trace below its step: it was taken when there is none of any other. */
static void take_step(struct coverage *coverage, const struct step *step, bool is_skipped, bool is_bare)
{
    for (uint32_t i = 0; i < coverage->count; i++) {
        struct coverage_branch *branch = &coverage->branches[i];
        if (branch->block == NULL)
            branch->is_taken |= branch->step == step && is_skipped == (strcmp(branch->word, "runs") != 0);
        else if (branch->block->count == 0)
            branch->is_taken |= branch->step == step && is_bare && !is_skipped;
        else
            branch->is_taken |= has_step(branch->block, step);
    }
}

void coverage_add(struct coverage *coverage, struct value steps)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++) {
        struct value shown = steps.items[i], inside = value_get(shown, STR("steps"));
        struct value id = value_get(shown, STR("id"));
        bool is_skipped = value_is_text(value_get(shown, STR("status")), STR("skipped"));
        bool is_bare = inside.type != VALUE_LIST || inside.size == 0;
        const struct step *step = id.type == VALUE_STRING
            ? playbook_find_step(coverage->playbook, value_str(id))
            : NULL;
        if (step != NULL)
            take_step(coverage, step, is_skipped, is_bare);
        coverage_add(coverage, inside);
    }
}

uint32_t coverage_taken(const struct coverage *coverage)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < coverage->count; i++)
        taken += coverage->branches[i].is_taken;
    return taken;
}

void coverage_print_branch(struct buf *buf, const struct coverage_branch *branch)
{
    if (branch->step != NULL)
        buf_printf(buf, "%.*s: ", STR_ARG(branch->step->id));
    buf_add_text(buf, branch->word);
    if (branch->number > 0)
        buf_printf(buf, " %u", branch->number);
}
