/* What declarative actions put into struct action. */
#ifndef TOCSIN_CONNECT_REMOTE_ACTION_H
#define TOCSIN_CONNECT_REMOTE_ACTION_H

#include "playbook/action.h"

void remote_start(const struct action *action, struct action_call *call);
void remote_cancel(const struct action *action, struct action_call *call);
enum err remote_undo_with(const struct action *action, struct arena *arena, struct value with,
    struct value output, struct value *ret_with, struct err_info *why);
/* `map` with the fields of `defaults` that it lacks. */
FALLIBLE value_with_defaults(
    struct arena *arena, struct value map, struct value defaults, struct value *ret, struct err_info *why);

#endif
