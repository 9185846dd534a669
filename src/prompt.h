/* Asks the person at the terminal what a task asks. */
#ifndef TOCSIN_PROMPT_H
#define TOCSIN_PROMPT_H

#include <stdio.h>

#include "base/arena.h"
#include "base/value.h"

/* Where a person types: standard input, or the terminal itself when that is taken; NULL: there is none.
 * Closed by prompt_close. */
FILE *prompt_open(bool is_input_taken);
void prompt_close(FILE *terminal);

/* Shows the task (as task_show gives it) on standard error and reads an option by its number or name, or each
 * field of its form; asks again until it fits. ERR_CANCELLED at the end of input. In `arena`. */
FALLIBLE prompt_task(
    FILE *terminal, struct value task, struct arena *arena, struct value *ret_answer, struct err_info *why);

#endif
