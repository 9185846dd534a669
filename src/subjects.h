/* What runs are about: fills the engine's view of alerts, cases and the audit chain from the floors that keep
 * them. */
#ifndef TOCSIN_SUBJECTS_H
#define TOCSIN_SUBJECTS_H

#include "engine/engine.h"

/* Without state: may be used by several engines. */
void subjects_init(struct engine_subjects *subjects);

/* engine_options.seal, with a `struct vault` as context: a text by its bytes, anything else as JSON. */
enum err subjects_seal(void *vault, int64_t tenant, struct value plain, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
