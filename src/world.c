#include "world.h"

#include "access/migrations.h"
#include "base/limits.h"
#include "base/memory.h"
#include "cases/alert.h"
#include "cases/migrations.h"
#include "file.h"
#include "ingest/mapping.h"
#include "ingest/subject_type.h"
#include "subjects.h"

#define PUBLISH_DEPTH_MAX 32

struct world {
    struct library *library;
    struct engine_subjects subjects;
    struct mocks *mocks;
    struct rehearsal *rehearsal;
};

/* ---- life ---- */

static FALLIBLE open_mocks(struct world *world, const struct world_options *options, struct err_info *why)
{
    TRY(mocks_new(connect_catalogues(world->library->connect), options->unlisted, &world->mocks, why));
    if (options->unlisted == MOCKS_REFUSE) {
        TRY(mocks_pass(world->mocks, STR("log.write"), why));
        TRY(mocks_pass(world->mocks, STR("transform.jq"), why));
    }
    return mocks_set(world->mocks, options->mocks, why);
}

static FALLIBLE open_parts(struct world *world, const struct world_options *options, struct err_info *why)
{
    static const struct store_migration *const migrations[] = { access_migrations, cases_migrations, NULL };
    TRY(open_mocks(world, options, why));
    subjects_init(&world->subjects);
    struct rehearsal_options rehearsal = { .catalogues = mocks_catalogues(world->mocks),
        .is_real = options->is_real,
        .start = options->start,
        .subjects = &world->subjects,
        .seal = subjects_seal,
        .seal_context = world->library->vault,
        .alert_type = world->library->alert_type,
        .case_type = &subject_type_case,
        .migrations = migrations,
        .is_dry = options->is_dry,
        .make_host = connect_make_host,
        .free_host = connect_free_host,
        .host_context = world->library->connect,
        .observe = options->observe,
        .observe_context = options->observe_context,
        .observe_details = options->observe_details };
    return rehearsal_new(&rehearsal, &world->rehearsal, why);
}

enum err world_new(const struct world_options *options, struct world **ret, struct err_info *why)
{
    struct world *world = memory_alloc(sizeof *world);
    if (world == NULL)
        return err_memory(why);
    *world = (struct world){ .library = options->library };
    enum err result = open_parts(world, options, why);
    if (result != ERR_OK) {
        world_free(world);
        return result;
    }
    *ret = world;
    return ERR_OK;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    if (world->mocks != NULL)
        mocks_drop_calls(world->mocks);
    rehearsal_free(world->rehearsal);
    mocks_free(world->mocks);
    memory_free(world);
}

struct rehearsal *world_rehearsal(struct world *world)
{
    return world->rehearsal;
}

struct mocks *world_mocks(struct world *world)
{
    return world->mocks;
}

/* ---- playbooks ---- */

struct publishing {
    struct world *world;
    const char *folder;
    struct diagnostics *found;
    struct arena *arena;
};

static FALLIBLE publish(const struct publishing *publishing, struct str file, struct str text,
    bool is_enabled, unsigned depth, struct err_info *why);

/* False when the library has none of this name either: the check of its caller will say so. */
static FALLIBLE find_text(const struct publishing *publishing, struct str name, struct str *ret_file,
    struct str *ret_text, bool *ret_found, struct err_info *why)
{
    *ret_found = false;
    if (publishing->folder != NULL) {
        TRY(arena_printf(
            publishing->arena, ret_file, why, "%s/%.*s.yaml", publishing->folder, STR_ARG(name)));
        enum err result = file_read(ret_file->data, YAML_BYTES_MAX, publishing->arena, ret_text, why);
        *ret_found = result == ERR_OK;
        if (result != ERR_NOT_FOUND)
            return result;
    }
    const struct content_file *file = library_find_playbook(publishing->world->library, name);
    if (file == NULL)
        return ERR_OK;
    *ret_file = file->name;
    *ret_text = file->text;
    *ret_found = true;
    return ERR_OK;
}

static FALLIBLE publish_called(const struct publishing *publishing, const struct playbook *playbook,
    unsigned depth, struct err_info *why)
{
    struct engine *engine = rehearsal_engine(publishing->world->rehearsal);
    for (uint32_t i = 0; i < playbook->step_count; i++) {
        const struct step *step = playbook->all_steps[i];
        struct str file, text;
        bool is_found = false;
        if (step->kind != STEP_RUN)
            continue;
        struct playbook *known = engine_find_playbook(engine, TENANT_DEFAULT, step->run.playbook, NULL, NULL);
        playbook_release(known);
        if (known != NULL || str_equal(step->run.playbook, playbook->name))
            continue;
        TRY(find_text(publishing, step->run.playbook, &file, &text, &is_found, why));
        if (is_found)
            TRY(publish(publishing, file, text, false, depth + 1, why));
    }
    return ERR_OK;
}

static enum err publish(const struct publishing *publishing, struct str file, struct str text,
    bool is_enabled, unsigned depth, struct err_info *why)
{
    struct diagnostics ignored; /* told by the engine's own check, against all that it knows then */
    struct playbook *playbook = NULL;
    uint32_t version;
    if (depth > PUBLISH_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "publish_depth", "playbooks call each other more than %d deep",
            PUBLISH_DEPTH_MAX);
    diagnostics_init(&ignored, publishing->arena, file);
    enum err result = playbook_parse(text, NULL, &ignored, &playbook, NULL);
    if (result == ERR_OK)
        result = publish_called(publishing, playbook, depth, why);
    playbook_release(playbook);
    if (result != ERR_OK && result != ERR_INVALID)
        return result;
    publishing->found->file = file;
    return engine_publish(rehearsal_engine(publishing->world->rehearsal), TENANT_DEFAULT, STR("command"),
        text, is_enabled, publishing->found, &version, why);
}

enum err world_publish(struct world *world, const char *folder, struct str file, struct str text,
    bool is_enabled, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct publishing publishing = { world, folder, found, &arena };
    return publish(&publishing, file, text, is_enabled, 0, why);
}

/* ---- events ---- */

static enum err record(void *context, struct engine_event *event, struct store_conn *conn,
    struct arena *arena, enum event_fate *ret_fate, struct err_info *why)
{
    const struct alert_new *arriving = context;
    struct alert_arrival arrival;
    TRY(alert_arrive(conn, arriving, arena, &arrival, why));
    *ret_fate = arrival.is_merged ? FATE_MERGED : FATE_RUN;
    if (!arrival.is_merged)
        return ERR_OK;
    event->alert_id = arrival.id;
    return alert_value(conn, TENANT_DEFAULT, arrival.id, arena, &event->alert, why);
}

static FALLIBLE map_event(struct world *world, struct world_event *event, struct alert_new *arriving,
    struct arena *arena, struct err_info *why)
{
    struct instant now = rehearsal_now(world->rehearsal);
    struct mapped mapped;
    if (event->source.size == 0)
        event->source = STR("generic");
    TRY(mapping_apply(sources_get(world->library->sources, event->source), event->source, event->event, now,
        arena, &mapped, why));
    event->event_id = rehearsal_new_id(world->rehearsal);
    event->alert_id = rehearsal_new_id(world->rehearsal);
    *arriving = (struct alert_new){ .tenant = TENANT_DEFAULT,
        .id = event->alert_id,
        .event_id = event->event_id,
        .source = event->source,
        .fingerprint = mapped.fingerprint,
        .window_us = event->is_distinct ? 0 : mapped.window_us,
        .seen = now,
        .severity = mapped.severity,
        .status = ALERT_NEW,
        .body = mapped.body,
        .tags = mapped.tags };
    TRY(alert_prepare(arriving, arena, why));
    return alert_value_of_new(arriving, arena, &event->alert, why);
}

enum err world_offer(
    struct world *world, struct world_event *event, struct arena *arena, struct err_info *why)
{
    struct alert_new arriving;
    TRY(map_event(world, event, &arriving, arena, why));
    struct engine_event own = {
        .event_id = event->event_id, .alert_id = event->alert_id, .event = event->event, .alert = event->alert
    };
    TRY(rehearsal_offer_recorded(world->rehearsal, event->source, &own, record, &arriving, arena, why));
    event->alert_id = own.alert_id;
    event->alert = own.alert;
    event->fate = own.fate;
    event->run_count = own.run_count;
    for (uint32_t i = 0; i < own.run_count; i++)
        event->runs[i] = own.runs[i];
    return ERR_OK;
}

enum err world_start(struct world *world, struct str playbook, struct value inputs,
    const struct world_event *event, struct id *ret_run, struct err_info *why)
{
    struct engine_start_request request = { .playbook = playbook,
        .inputs = inputs,
        .actor = STR("command"),
        .event = value_null(),
        .alert = value_null(),
        .case_value = value_null() };
    if (event != NULL) {
        request.event = event->event;
        request.alert = event->alert;
        request.event_id = event->event_id;
        request.alert_id = event->alert_id;
    }
    return rehearsal_start(world->rehearsal, &request, ret_run, why);
}

/* ---- people ---- */

struct task_reading {
    struct id task;
    struct arena *arena;
    struct value shown;
};

static enum err read_task(void *context, struct store_conn *conn, struct err_info *why)
{
    struct task_reading *reading = context;
    return task_show(conn, TENANT_DEFAULT, reading->task, reading->arena, &reading->shown, why);
}

enum err world_task(
    struct world *world, struct id task, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct task_reading reading = { .task = task, .arena = arena };
    TRY(store_read_wait(rehearsal_store(world->rehearsal), read_task, &reading, why));
    *ret = reading.shown;
    return ERR_OK;
}

/* Null when nothing is given for the step. */
static struct value next_answer(struct world_answers *answers, struct value step)
{
    if (answers->given.type != VALUE_MAP)
        return value_null();
    const struct value_entry *entries = value_map_entries(answers->given);
    for (uint32_t i = 0; i < answers->given.size; i++) {
        struct value v = entries[i].value;
        if (!value_equal(entries[i].key, step))
            continue;
        if (v.type != VALUE_LIST)
            return v;
        uint32_t number = i < ANSWERED_STEPS_MAX ? answers->used[i]++ : 0;
        return v.size == 0 ? value_null() : v.items[number < v.size ? number : v.size - 1];
    }
    return value_null();
}

enum err world_answer(struct world *world, struct id task, struct world_answers *answers, struct arena *arena,
    bool *ret_answered, struct err_info *why)
{
    struct value shown;
    *ret_answered = false;
    TRY(world_task(world, task, arena, &shown, why));
    struct value given = next_answer(answers, value_get(shown, STR("step")));
    if (given.type == VALUE_NULL)
        return ERR_OK;
    *ret_answered = true;
    return rehearsal_answer(world->rehearsal, task, STR("user:person"), given, why);
}
