#include "content_watch.h"

#include "base/container.h"

static void log_faults(struct log *log, const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        AUTO(buf) struct buf line = { 0 };
        const struct diagnostic *item = &found->items[i];
        if (item->level != DIAGNOSTIC_ERROR)
            continue;
        diagnostic_print(&line, item);
        LOG(log, LOG_ERROR, "content has a fault", LOG_S("fault", str_trim(buf_str(&line))));
    }
}

static FALLIBLE first_fault(const struct diagnostics *found, enum err result, struct err_info *why)
{
    if (result != ERR_INVALID || found->count == 0)
        return result;
    const struct diagnostic *item = &found->items[0];
    return err_named(why, ERR_INVALID, "content", "%.*s:%u:%u: %.*s", STR_ARG(item->file), item->line,
        item->column, STR_ARG(item->text));
}

/* Takes faulty files out of the content, or their faults out of them, and tells which. */
static FALLIBLE sift(
    struct content_watch *watch, struct content *content, struct arena *arena, struct err_info *why)
{
    struct diagnostics found;
    diagnostics_init(&found, arena, STR("content"));
    TRY(content_sound_sift(&watch->sound, content, &found, why));
    log_faults(watch->log, &found);
    for (size_t i = 0; i < content->count; i++) {
        const struct content_file *file = &content->files[i];
        if (file->state == CONTENT_LEFT_OUT)
            LOG(watch->log, LOG_ERROR, "a faulty file of content is left out", LOG_S("file", file->name));
        else if (file->state == CONTENT_AS_BEFORE)
            LOG(watch->log, LOG_ERROR, "a faulty file of content counts as it was before",
                LOG_S("file", file->name));
    }
    return ERR_OK;
}

static FALLIBLE load(struct content_watch *watch, const struct content *content, struct diagnostics *found,
    struct err_info *why)
{
    enum err result = content_load_connectors(content, watch->connect, found, why);
    if (result == ERR_OK)
        result = content_load_sources(content, watch->ingest, found, why);
    return result != ERR_OK && found->is_out_of_memory ? err_memory(why) : result;
}

static FALLIBLE load_builtin(struct content_watch *watch, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct content content;
    diagnostics_init(&found, &arena, STR("content"));
    TRY(content_read(&arena, NULL, 0, &content, why));
    enum err result = load(watch, &content, &found, why);
    return first_fault(&found, result, why);
}

enum err content_watch_load(struct content_watch *watch, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct content content;
    if (watch->folder_count == 0)
        return load_builtin(watch, why);
    diagnostics_init(&found, &arena, STR("content"));
    watch->stamp = content_stamp(watch->folders, watch->folder_count);
    TRY(content_read(&arena, watch->folders, watch->folder_count, &content, why));
    TRY(sift(watch, &content, &arena, why));
    enum err result = load(watch, &content, &found, why);
    if (result != ERR_INVALID) /* what is wrong between files is left */
        return result;
    log_faults(watch->log, &found);
    return load_builtin(watch, why);
}

static FALLIBLE publish(
    struct content_watch *watch, const struct content *content, struct arena *arena, struct err_info *why)
{
    struct diagnostics found;
    size_t failed;
    diagnostics_init(&found, arena, STR("content"));
    TRY(content_publish(content, watch->engine, &found, &failed, why));
    if (failed > 0)
        log_faults(watch->log, &found);
    return ERR_OK;
}

enum err content_watch_publish(struct content_watch *watch, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct content content;
    TRY(content_read(&arena, watch->folders, watch->folder_count, &content, why));
    return publish(watch, &content, &arena, why);
}

/* ---- while the server runs ---- */

static FALLIBLE reload(struct content_watch *watch, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct content content;
    diagnostics_init(&found, &arena, STR("content"));
    TRY(content_read(&arena, watch->folders, watch->folder_count, &content, why));
    TRY(sift(watch, &content, &arena, why));
    enum err result = load(watch, &content, &found, why);
    if (result == ERR_INVALID)
        log_faults(watch->log, &found);
    else if (result != ERR_OK)
        return result;
    TRY(publish(watch, &content, &arena, why));
    LOG(watch->log, LOG_INFO, "content was read again", LOG_I("files", (int64_t)content.count));
    return ERR_OK;
}

static void look(struct executor_task *task)
{
    struct content_watch *watch = CONTAINER_OF(task, struct content_watch, task);
    struct err_info why = { 0 };
    uint64_t stamp = content_stamp(watch->folders, watch->folder_count);
    if (stamp == watch->stamp)
        return;
    watch->stamp = stamp;
    enum err result = reload(watch, &why);
    if (result == ERR_MEMORY)
        watch->stamp = 0; /* once more at the next look */
    if (result != ERR_OK)
        log_failure(watch->log, LOG_ERROR, "content could not be read again", &why);
}

static void looked(struct executor_task *task)
{
    CONTAINER_OF(task, struct content_watch, task)->is_busy = false;
}

static void arm(struct content_watch *watch)
{
    struct instant due = { loop_now(watch->loop).us + CONTENT_WATCH_SECONDS * US_PER_S };
    loop_timer_start(watch->loop, &watch->timer, due);
}

static void due(struct loop_timer *timer)
{
    struct content_watch *watch = CONTAINER_OF(timer, struct content_watch, timer);
    if (!watch->is_busy) {
        watch->task = (struct executor_task){ .work = look, .done = looked, .reply_to = watch->loop };
        /* A full queue is met again at the next tick. */
        watch->is_busy = watch->executor->ops->submit(watch->executor, &watch->task, NULL) == ERR_OK;
    }
    arm(watch);
}

void content_watch_start(struct content_watch *watch)
{
    if (watch->folder_count == 0)
        return;
    watch->timer.fire = due;
    arm(watch);
}

void content_watch_stop(struct content_watch *watch)
{
    if (watch->timer.is_armed)
        loop_timer_stop(watch->loop, &watch->timer);
}

void content_watch_done(struct content_watch *watch)
{
    content_sound_done(&watch->sound);
}
