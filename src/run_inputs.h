/* `--input NAME=TEXT` as a playbook's inputs. */
#ifndef TOCSIN_RUN_INPUTS_H
#define TOCSIN_RUN_INPUTS_H

#include "playbook/playbook.h"

/* What is text stays text; for a declared number, bool, list or map the text is read as JSON. NAME:=JSON is
 * always JSON. Null when `count` is 0. ERR_INVALID. In `arena`. */
FALLIBLE inputs_read(const char *const *pairs, size_t count, const struct playbook *playbook,
    struct arena *arena, struct value *ret, struct err_info *why);

#endif
