/* What of event, alert and case a playbook reads, so that its runs keep no more than that; and what a stored
 * version says of itself without being compiled. */
#ifndef TOCSIN_ENGINE_PLAYBOOK_READS_H
#define TOCSIN_ENGINE_PLAYBOOK_READS_H

#include "playbook/playbook.h"

#define SUBJECT_FIELDS_MAX 24

/* The fields at the top of one of them; all when an expression takes it as a whole, or too many are read. */
struct subject_reads {
    bool is_whole;
    uint32_t count;
    struct str names[SUBJECT_FIELDS_MAX]; /* borrowed from the playbook */
};
struct playbook_reads {
    struct subject_reads event, alert, case_value;
};
void playbook_reads_find(const struct playbook *playbook, struct playbook_reads *ret);
static inline bool subject_is_read(const struct subject_reads *reads)
{
    return reads->is_whole || reads->count > 0;
}
/* `v` without the fields that are not read; null when none is. Shares memory with `v`. ERR_MEMORY only. */
FALLIBLE subject_reads_pick(const struct subject_reads *reads, struct value v, struct arena *arena,
    struct value *ret, struct err_info *why);

/* {"title","description","mode","attack","triggers","inputs","steps":[[id, kind, action, name] by index]}. */
FALLIBLE playbook_about(
    const struct playbook *playbook, struct arena *arena, struct value *ret, struct err_info *why);
const char *playbook_mode_name(enum playbook_mode mode);
const char *trigger_kind_name(enum trigger_kind kind);

#endif
