/* Which of event, alert and case a playbook reads at all, so that its runs keep no more than that; and what a
 * stored version says of itself without being compiled. */
#ifndef TOCSIN_ENGINE_PLAYBOOK_READS_H
#define TOCSIN_ENGINE_PLAYBOOK_READS_H

#include "playbook/playbook.h"

struct playbook_reads {
    bool event, alert, case_value;
};
struct playbook_reads playbook_reads(const struct playbook *playbook);

/* {"title","description","mode","attack","triggers","inputs","steps":[[id, kind, action, name] by index]}. */
FALLIBLE playbook_about(
    const struct playbook *playbook, struct arena *arena, struct value *ret, struct err_info *why);
const char *playbook_mode_name(enum playbook_mode mode);
const char *trigger_kind_name(enum trigger_kind kind);

#endif
