/* The alert and the case of a run, as the store has them: a load brings them, and so does a commit in which a
 * local action may have changed them. */
#include "engine/engine_impl.h"

enum err subjects_read(struct engine *engine, struct store_conn *conn, const struct run *run,
    struct arena *arena, struct subjects_seen *ret, struct err_info *why)
{
    struct engine_subjects *subjects = engine->options.subjects;
    const struct playbook_reads *reads = &run->version->reads;
    bool reads_alert = subject_is_read(&reads->alert), reads_case = subject_is_read(&reads->case_value);
    if (!subjects || !(reads_alert || reads_case))
        return ERR_OK;
    *ret = (struct subjects_seen){
        .alert = run->alert, .case_value = run->case_value, .case_id = run->case_id
    };
    if (id_is_none(ret->case_id) && subjects->find_case && !id_is_none(run->alert_id))
        TRY(subjects->find_case(subjects, conn, run->tenant, run->alert_id, &ret->case_id, why));
    if (reads_alert && !id_is_none(run->alert_id))
        TRY(subjects->load_alert(subjects, conn, run->tenant, run->alert_id, arena, &ret->alert, why));
    if (reads_case && !id_is_none(ret->case_id))
        TRY(subjects->load_case(subjects, conn, run->tenant, ret->case_id, arena, &ret->case_value, why));
    ret->are_read = true;
    TRY(subject_reads_pick(&reads->alert, ret->alert, arena, &ret->alert, why));
    return subject_reads_pick(&reads->case_value, ret->case_value, arena, &ret->case_value, why);
}

static FALLIBLE deliver_subject(
    struct active *active, enum subject subject, struct id id, struct value v, struct err_info *why)
{
    struct pending *pending = pending_new(HAPPENED_SUBJECT);
    if (!pending)
        return err_memory(why);
    pending->happening.frame = subject;
    pending->happening.object = id;
    enum err result = value_copy(&pending->arena, v, &pending->happening.data, why);
    if (result != ERR_OK)
        pending_free(pending);
    else
        active_deliver(active, pending);
    return result;
}

enum err subjects_deliver(struct active *active, const struct subjects_seen *seen, struct err_info *why)
{
    const struct run *run = active->run;
    if (seen->are_read && subject_is_read(&run->version->reads.alert))
        TRY(deliver_subject(active, SUBJECT_ALERT, run->alert_id, seen->alert, why));
    if (seen->are_read && !id_is_none(seen->case_id))
        TRY(deliver_subject(active, SUBJECT_CASE, seen->case_id, seen->case_value, why));
    return ERR_OK;
}
