/* Which branches of a playbook its test cases took: guards, `then` and `else`, cases, bodies of loops,
 * branches of `parallel`, `catch`, steps under `on_error`, `on_failure`. */
#ifndef TOCSIN_COVERAGE_H
#define TOCSIN_COVERAGE_H

#include "base/buf.h"
#include "playbook/playbook.h"

struct coverage_branch {
    const struct step *step; /* NULL: the playbook's own */
    const char *word; /* "then", "case", … */
    uint32_t number; /* of several of the same word; 0: the only one */
    const struct block *block; /* NULL: a guard */
    bool is_taken;
};

struct coverage {
    struct str file;
    struct playbook *playbook; /* a reference of its own */
    struct coverage_branch *branches;
    uint32_t count, room;
};

/* In `arena`; the playbook is acquired. */
FALLIBLE coverage_init(struct coverage *coverage, struct arena *arena, struct str file,
    struct playbook *playbook, struct err_info *why);
void coverage_done(struct coverage *coverage);
/* Takes in a run's steps, as run_show gives them. */
void coverage_add(struct coverage *coverage, struct value steps);
uint32_t coverage_taken(const struct coverage *coverage);
/* "act: else", "decide: case 2". */
void coverage_print_branch(struct buf *buf, const struct coverage_branch *branch);

#endif
