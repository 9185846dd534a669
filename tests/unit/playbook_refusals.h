/* Reading a playbook with refused allocations, where the tests of a table are linked with them: see
 * refusals.h. */
#ifndef TOCSIN_TESTS_PLAYBOOK_REFUSALS_H
#define TOCSIN_TESTS_PLAYBOOK_REFUSALS_H

#include "playbook/playbook.h"

#ifdef TOCSIN_REFUSALS
#include "refusals.h"

struct playbook_refusals {
    struct str text;
    const struct playbook_world *world;
};

static inline enum err playbook_refusals_operation(void *context, struct buf *result, struct err_info *why)
{
    const struct playbook_refusals *asked = context;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    diagnostics_init(&found, &arena, STR("refusals.yaml"));
    TRY(playbook_parse(asked->text, asked->world, &found, &playbook, why));
    for (uint32_t i = 0; i < found.count; i++)
        buf_printf(result, "%s %u:%u ", found.items[i].code, found.items[i].line, found.items[i].column);
    buf_printf(result, "%u steps", playbook->step_count);
    playbook_release(playbook);
    return buf_check(result, why);
}

/* The number of faults, which are printed. */
static inline unsigned playbook_refusals(struct str text, const struct playbook_world *world)
{
    struct playbook_refusals asked = { text, world };
    return refusals_of_memory(text.data, playbook_refusals_operation, &asked);
}
#else
static inline unsigned playbook_refusals(struct str text, const struct playbook_world *world)
{
    (void)text, (void)world;
    return 0;
}
#endif

#endif
