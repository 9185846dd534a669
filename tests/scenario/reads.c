/* What can be read of a run and around it, read again with one call refused at each place: it is what it was,
 * or an error that says what was wanting. */
#include "base/json.h"
#include "faults.h"

/* One read: its value as JSON in `text`. */
typedef enum err reading(struct played *played, struct arena *arena, struct buf *text, struct err_info *why);

static FALLIBLE print(struct value v, struct buf *text, struct err_info *why)
{
    json_print(text, v, 0);
    return buf_check(text, why);
}

static enum err read_run(struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    struct value v;
    TRY(rehearsal_show(played->rehearsal, played->run, arena, &v, why));
    return print(v, text, why);
}

static enum err read_journal(
    struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    (void)arena; /* the text is all there is */
    return rehearsal_journal(played->rehearsal, played->run, text, why);
}

struct brief {
    struct id run;
    struct arena *arena;
    struct value v;
};

static enum err brief_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct brief *brief = context;
    return run_brief(conn, TENANT_DEFAULT, brief->run, brief->arena, &brief->v, why);
}

static enum err read_brief(struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    struct brief brief = { .run = played->run, .arena = arena };
    TRY(store_read_wait(rehearsal_store(played->rehearsal), brief_apply, &brief, why));
    return print(brief.v, text, why);
}

static FALLIBLE read_list(struct played *played, rehearsal_list_read *list, const struct list_query *query,
    struct arena *arena, struct buf *text, struct err_info *why)
{
    struct value v;
    TRY(rehearsal_list(played->rehearsal, list, query, arena, &v, why));
    return print(v, text, why);
}

static enum err read_runs(struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    const struct list_query all = { .limit = 100 };
    const struct list_query some = { .limit = 1,
        .status = STR("succeeded,failed,cancelled,waiting"),
        .since = { 1 },
        .until = { INT64_MAX / 2 } };
    TRY(read_list(played, run_list, &all, arena, text, why));
    return read_list(played, run_list, &some, arena, text, why);
}

static enum err read_tasks(struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    const struct list_query all = { .limit = 100 };
    const struct list_query some = { .limit = 1, .status = STR("open,answered"), .run_id = played->run };
    TRY(read_list(played, task_list, &all, arena, text, why));
    return read_list(played, task_list, &some, arena, text, why);
}

static enum err read_leases(
    struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    const struct list_query all = { .limit = 100 };
    const struct list_query some = { .limit = 1, .status = STR("active,ended"), .run_id = played->run };
    TRY(read_list(played, containment_list, &all, arena, text, why));
    return read_list(played, containment_list, &some, arena, text, why);
}

static enum err read_playbooks(
    struct played *played, struct arena *arena, struct buf *text, struct err_info *why)
{
    const struct list_query all = { .limit = 100 };
    return read_list(played, playbook_list, &all, arena, text, why);
}

static void read_disturbed(struct played *played, enum fault_kind kind, long number, const char *name,
    reading *read, const struct buf *wanted)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct err_info why = { 0 };
    faults_refuse(kind, number, scenario_want_code(number));
    enum err result = read(played, &arena, &text, &why);
    bool has_struck = faults_end();
    bool is_same = result == ERR_OK && str_equal(buf_str(&text), buf_str(wanted));
    if (!is_same && !(has_struck && scenario_want_is_said(kind, result, &why)))
        scenario_fault(played, "%s, call %ld refused: %s: %s %.*s", name, number, err_word(result), why.text,
            (int)text.size, text.data ? text.data : "");
}

void scenario_read_disturbed(struct played *played, enum fault_kind kind)
{
    static const struct {
        const char *name;
        reading *read;
    } reads[] = { { "run", read_run }, { "journal", read_journal }, { "brief", read_brief },
        { "runs", read_runs }, { "tasks", read_tasks }, { "containments", read_leases },
        { "playbooks", read_playbooks } };
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf wanted = { 0 };
        struct err_info why = { 0 };
        if (i < 3 && id_is_none(played->run))
            continue;
        faults_look(kind);
        enum err result = reads[i].read(played, &arena, &wanted, &why);
        const struct fault_list list = faults_looked();
        if (result != ERR_OK)
            scenario_fault(played, "%s: %s", reads[i].name, why.text);
        for (long k = 0; k < list.count; k++)
            read_disturbed(played, kind, list.numbers[k], reads[i].name, reads[i].read, &wanted);
    }
}
