/* Does an answer fit its question? */
#ifndef TOCSIN_ENGINE_TASK_ANSWER_H
#define TOCSIN_ENGINE_TASK_ANSWER_H

#include "base/value.h"

/* `payload` is the task's, `answer` has "choice" or "form" and perhaps "comment". The answer as it counts,
 * defaults filled in, in `arena`. ERR_INVALID with the field and a mend; ERR_LIMIT TASK_TEXT_BYTES_MAX. */
FALLIBLE task_check_answer(
    struct value payload, struct value answer, struct arena *arena, struct value *ret, struct err_info *why);

#endif
