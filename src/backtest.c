#include "backtest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define WORLD_RUNS_MAX 500 /* then a fresh one: its store is memory */
#define TELL_EVERY 64
#define THREADS_MAX 64
#define WORKER_ARENA_BYTES_MAX (UINT64_C(4) << 30)

struct worker {
    struct backtest *backtest;
    pthread_t thread;
    bool has_thread;
    size_t first, step; /* of the recordings */
    struct arena arena; /* of what stays */
    struct world *now, *before;
    unsigned world_runs;
    _Atomic uint64_t *done;
    struct diagnostics found;
    enum err result;
    struct err_info why;
    /* What it found; changes newest first. */
    struct backtest_change *changes;
    struct backtest_total *totals;
    uint64_t runs, no_runs, changed, unsure, missing, compared;
};

/* ---- one side of one recording ---- */

static FALLIBLE open_side(struct worker *worker, const struct backtest_side *side, struct instant start,
    struct world **world, struct err_info *why)
{
    const struct world_options options = {
        .library = worker->backtest->library, .start = start, .is_dry = true, .unlisted = MOCKS_REFUSE
    };
    world_free(*world);
    *world = NULL;
    TRY(world_new(&options, world, why));
    worker->found.count = 0;
    return world_publish(*world, side->folder, side->file, side->text, true, &worker->found, why);
}

/* Recorded answers first, then the general ones; of actions that are still there. */
static FALLIBLE set_mocks(struct worker *worker, struct world *world, const struct recording *recording,
    struct arena *arena, struct err_info *why)
{
    struct catalogue_source *source = mocks_catalogues(world_mocks(world));
    const struct catalogue *catalogue = source->acquire(source);
    struct value_map_builder map;
    const struct value tables[] = { worker->backtest->mocks, recording->mocks };
    enum err result = ERR_OK;
    value_map_begin(&map, arena);
    for (size_t table = 0; table < 2; table++) {
        if (tables[table].type != VALUE_MAP)
            continue;
        const struct value_entry *entries = value_map_entries(tables[table]);
        for (uint32_t i = 0; i < tables[table].size; i++)
            if (result == ERR_OK && catalogue_find(catalogue, value_str(entries[i].key)) != NULL)
                result = value_map_put(&map, entries[i].key, entries[i].value, why);
    }
    source->release(source, catalogue);
    TRY(result);
    return mocks_set(world_mocks(world), value_map_end(&map), why);
}

/* Without an answer time passes, as when nobody is there. */
static FALLIBLE go_on(struct world *world, struct id run, const struct recording *recording,
    struct arena *arena, uint32_t *missing, struct err_info *why)
{
    struct world_answers answers = { .given = recording->answers };
    for (;;) {
        enum run_status status;
        struct id task;
        bool is_answered;
        enum err result = rehearsal_go_on(world_rehearsal(world), run, INSTANT_NEVER, &status, &task, why);
        if (result == ERR_TIMEOUT)
            return ERR_OK; /* nothing will happen any more: it stays as it is */
        TRY(result);
        if (id_is_none(task))
            return ERR_OK;
        result = world_answer(world, task, &answers, arena, &is_answered, why);
        if (result != ERR_OK && result != ERR_INVALID) /* an answer that fits no more is none */
            return result;
        *missing += !is_answered || result == ERR_INVALID;
    }
}

static FALLIBLE decide(struct worker *worker, struct world *world, const struct recording *recording,
    struct arena *arena, struct decisions *ret, struct err_info *why)
{
    struct world_event event = {
        .source = recording->source, .event = recording->event, .is_distinct = true
    };
    struct catalogue_source *source = mocks_catalogues(world_mocks(world));
    struct value shown = value_null();
    uint32_t missing = 0;
    TRY(set_mocks(worker, world, recording, arena, why));
    if (recording->at.us > rehearsal_now(world_rehearsal(world)).us)
        rehearsal_wait_until(world_rehearsal(world), recording->at);
    TRY(world_offer(world, &event, arena, why));
    if (event.run_count > 0) {
        TRY(go_on(world, event.runs[0], recording, arena, &missing, why));
        TRY(rehearsal_show(world_rehearsal(world), event.runs[0], arena, &shown, why));
    }
    const struct catalogue *catalogue = source->acquire(source);
    enum err result = decisions_take(arena, catalogue, shown, ret, why);
    source->release(source, catalogue);
    ret->missing += missing;
    return result;
}

/* ---- what differs ---- */

static FALLIBLE find_total(
    struct worker *worker, const struct decision *decision, struct backtest_total **ret, struct err_info *why)
{
    for (*ret = worker->totals; *ret; *ret = (*ret)->next)
        if ((*ret)->outcome == decision->outcome && str_equal((*ret)->name, decision->name))
            return ERR_OK;
    if ((*ret = ARENA_NEW(&worker->arena, struct backtest_total)) == NULL)
        return err_memory(why);
    (*ret)->outcome = decision->outcome;
    (*ret)->next = worker->totals;
    worker->totals = *ret;
    return arena_str(&worker->arena, decision->name, &(*ret)->name, why);
}

static FALLIBLE count_all(
    struct worker *worker, const struct decisions *decisions, bool is_now, struct err_info *why)
{
    for (uint32_t i = 0; i < decisions->count; i++) {
        struct backtest_total *total;
        TRY(find_total(worker, &decisions->items[i], &total, why));
        total->now += is_now;
        total->before += !is_now;
    }
    return ERR_OK;
}

struct comparing {
    struct worker *worker;
    const struct recording *recording;
    enum err result;
    struct err_info *why;
    uint32_t count;
};

static FALLIBLE note_change(
    struct comparing *comparing, const struct decision *decision, bool is_new, struct err_info *why)
{
    struct worker *worker = comparing->worker;
    struct backtest_total *total;
    struct backtest_change *change = ARENA_NEW(&worker->arena, struct backtest_change);
    if (change == NULL)
        return err_memory(why);
    TRY(find_total(worker, decision, &total, why));
    total->added += is_new;
    total->removed += !is_new;
    *change = (struct backtest_change){ .recording = comparing->recording,
        .decision = { .outcome = decision->outcome, .name = total->name },
        .is_new = is_new,
        .next = worker->changes };
    worker->changes = change;
    comparing->count++;
    return arena_str(&worker->arena, decision->target, &change->decision.target, why);
}

static void visit_change(void *context, const struct decision *decision, bool is_new)
{
    struct comparing *comparing = context;
    if (comparing->result == ERR_OK)
        comparing->result = note_change(comparing, decision, is_new, comparing->why);
}

static FALLIBLE decide_before(struct worker *worker, const struct recording *recording, struct arena *arena,
    struct decisions *ret, bool *ret_known, struct err_info *why)
{
    struct catalogue_source *source = connect_catalogues(worker->backtest->library->connect);
    *ret_known = recording->has_before || worker->before != NULL;
    if (worker->before != NULL)
        return decide(worker, worker->before, recording, arena, ret, why);
    if (!recording->has_before)
        return ERR_OK;
    const struct catalogue *catalogue = source->acquire(source);
    enum err result = decisions_take(arena, catalogue, recording->run, ret, why);
    source->release(source, catalogue);
    return result;
}

static FALLIBLE run_recording(struct worker *worker, const struct recording *recording, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct decisions now, before = { 0 };
    struct comparing comparing = { .worker = worker, .recording = recording, .why = why };
    bool has_before;
    TRY(decide(worker, worker->now, recording, &arena, &now, why));
    TRY(decide_before(worker, recording, &arena, &before, &has_before, why));
    bool is_run = !(now.count == 1 && str_equal(now.items[0].name, STR("no run")));
    worker->runs += is_run;
    worker->no_runs += !is_run;
    worker->missing += now.missing;
    worker->unsure += now.missing > 0;
    TRY(count_all(worker, &now, true, why));
    if (!has_before)
        return ERR_OK;
    worker->compared++;
    TRY(count_all(worker, &before, false, why));
    decisions_compare(&before, &now, visit_change, &comparing);
    worker->changed += comparing.count > 0;
    return comparing.result;
}

/* ---- workers ---- */

static FALLIBLE renew_worlds(struct worker *worker, struct instant start, struct err_info *why)
{
    const struct backtest *backtest = worker->backtest;
    if (worker->now != NULL && worker->world_runs++ < WORLD_RUNS_MAX)
        return ERR_OK;
    worker->world_runs = 0;
    if (backtest->before.text.size > 0)
        TRY(open_side(worker, &backtest->before, start, &worker->before, why));
    return open_side(worker, &backtest->now, start, &worker->now, why);
}

static FALLIBLE work(struct worker *worker, struct err_info *why)
{
    const struct backtest *backtest = worker->backtest;
    for (size_t i = worker->first; i < backtest->recordings->count; i += worker->step) {
        const struct recording *recording = &backtest->recordings->items[i];
        TRY(renew_worlds(worker, recording->at, why));
        TRY(run_recording(worker, recording, why));
        uint64_t done = atomic_fetch_add(worker->done, 1) + 1;
        if (backtest->tell != NULL && done % TELL_EVERY == 0)
            backtest->tell(backtest->context, done);
    }
    return ERR_OK;
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    arena_init(&worker->arena, WORKER_ARENA_BYTES_MAX);
    diagnostics_init(&worker->found, &worker->arena, worker->backtest->now.file);
    worker->result = work(worker, &worker->why);
    world_free(worker->now);
    world_free(worker->before);
    return NULL;
}

/* ---- joining what they found ---- */

static FALLIBLE join_totals(struct backtest *backtest, const struct worker *worker, struct err_info *why)
{
    for (const struct backtest_total *from = worker->totals; from; from = from->next) {
        struct backtest_total *to = backtest->totals;
        while (to && !(to->outcome == from->outcome && str_equal(to->name, from->name)))
            to = to->next;
        if (to == NULL) {
            if ((to = ARENA_NEW(backtest->arena, struct backtest_total)) == NULL)
                return err_memory(why);
            *to = (struct backtest_total){ .outcome = from->outcome, .next = backtest->totals };
            TRY(arena_str(backtest->arena, from->name, &to->name, why));
            backtest->totals = to;
        }
        to->before += from->before;
        to->now += from->now;
        to->added += from->added;
        to->removed += from->removed;
    }
    return ERR_OK;
}

static int compare_totals(const void *a, const void *b)
{
    const struct backtest_total *left = *(struct backtest_total *const *)a;
    const struct backtest_total *right = *(struct backtest_total *const *)b;
    if (left->outcome != right->outcome)
        return left->outcome < right->outcome ? -1 : 1;
    return str_compare(left->name, right->name);
}

static FALLIBLE sort_totals(struct backtest *backtest, struct err_info *why)
{
    size_t count = 0;
    for (const struct backtest_total *total = backtest->totals; total; total = total->next)
        count++;
    struct backtest_total **all = ARENA_ARRAY(backtest->arena, count + 1, struct backtest_total *);
    if (all == NULL)
        return err_memory(why);
    count = 0;
    for (struct backtest_total *total = backtest->totals; total; total = total->next)
        all[count++] = total;
    if (count > 0)
        qsort((void *)all, count, sizeof(struct backtest_total *), compare_totals);
    backtest->totals = NULL;
    while (count-- > 0) {
        all[count]->next = backtest->totals;
        backtest->totals = all[count];
    }
    return ERR_OK;
}

/* Each worker's changes are newest first, so the one with the latest recording comes next in front. */
static FALLIBLE join_changes(
    struct backtest *backtest, struct worker *workers, unsigned count, struct err_info *why)
{
    for (;;) {
        struct worker *latest = NULL;
        for (unsigned i = 0; i < count; i++)
            if (workers[i].changes &&
                (latest == NULL || workers[i].changes->recording > latest->changes->recording))
                latest = &workers[i];
        if (latest == NULL)
            return ERR_OK;
        struct backtest_change *change = ARENA_NEW(backtest->arena, struct backtest_change);
        if (change == NULL)
            return err_memory(why);
        *change = *latest->changes;
        TRY(arena_str(backtest->arena, change->decision.name, &change->decision.name, why));
        TRY(arena_str(backtest->arena, change->decision.target, &change->decision.target, why));
        change->next = backtest->changes;
        backtest->changes = change;
        latest->changes = latest->changes->next;
    }
}

static FALLIBLE join(struct backtest *backtest, struct worker *workers, unsigned count,
    struct diagnostics *found, struct err_info *why)
{
    for (unsigned i = 0; i < count; i++) {
        const struct worker *worker = &workers[i];
        if (worker->result != ERR_OK) {
            for (uint32_t j = 0; j < worker->found.count; j++) {
                const struct diagnostic *item = &worker->found.items[j];
                found->file = item->file;
                diagnostics_add(
                    found, item->level, item->code, item->line, item->column, "%.*s", STR_ARG(item->text));
            }
            return err_named(why, worker->result, worker->why.name, "%s", worker->why.text);
        }
        backtest->runs += worker->runs;
        backtest->no_runs += worker->no_runs;
        backtest->changed += worker->changed;
        backtest->unsure += worker->unsure;
        backtest->missing += worker->missing;
        backtest->compared += worker->compared;
        TRY(join_totals(backtest, worker, why));
    }
    TRY(sort_totals(backtest, why));
    return join_changes(backtest, workers, count, why);
}

enum err backtest_run(struct backtest *backtest, struct diagnostics *found, struct err_info *why)
{
    struct worker workers[THREADS_MAX];
    _Atomic uint64_t done = 0;
    unsigned count = backtest->thread_count ? backtest->thread_count : 1;
    if (count > THREADS_MAX)
        count = THREADS_MAX;
    for (unsigned i = 0; i < count; i++)
        workers[i] = (struct worker){ .backtest = backtest, .first = i, .step = count, .done = &done };
    for (unsigned i = 1; i < count; i++)
        workers[i].has_thread = pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) == 0;
    for (unsigned i = 0; i < count; i++)
        if (!workers[i].has_thread)
            run_worker(&workers[i]); /* the first, and those that the system gave no thread */
    for (unsigned i = 1; i < count; i++)
        if (workers[i].has_thread)
            pthread_join(workers[i].thread, NULL);
    enum err result = join(backtest, workers, count, found, why);
    for (unsigned i = 0; i < count; i++)
        arena_done(&workers[i].arena);
    return result;
}
