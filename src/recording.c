#include "recording.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timetext.h"
#include "client.h"
#include "file.h"
#include "recorded.h"

#define FILE_BYTES_MAX (200 * MIB)
#define EVENTS_PAGE 1000

static FALLIBLE add(
    struct recordings *list, struct arena *arena, const struct recording *recording, struct err_info *why)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 256;
        struct recording *more = ARENA_ARRAY(arena, room, struct recording);
        if (more == NULL)
            return err_memory(why);
        if (list->count > 0)
            memcpy(more, list->items, list->count * sizeof *more);
        list->items = more;
        list->room = room;
    }
    list->items[list->count++] = *recording;
    return ERR_OK;
}

static struct str text_of(struct value map, const char *name)
{
    struct value v = value_get(map, str_of(name));
    return v.type == VALUE_STRING ? value_str(v) : STR("");
}

static struct instant instant_of(struct value map, const char *name)
{
    struct instant at = { 0 };
    (void)instant_parse(text_of(map, name), &at); /* what is no time is none */
    return at;
}

/* ---- files ---- */

/* What recording_print writes has this key; an event of a product has it not. */
#define MARK "tocsin_recording"

static FALLIBLE add_value(
    struct recordings *list, struct arena *arena, struct str source, struct value v, struct err_info *why)
{
    struct recording recording = { .source = source, .event = v };
    if (value_get(v, STR(MARK)).type == VALUE_NULL)
        return add(list, arena, &recording, why);
    struct value has_before = value_get(v, STR("has_before"));
    recording = (struct recording){ .id = text_of(v, "id"),
        .source = text_of(v, "source"),
        .at = instant_of(v, "at"),
        .event = value_get(v, STR("event")),
        .mocks = value_get(v, STR("mocks")),
        .answers = value_get(v, STR("answers")),
        .run_id = text_of(v, "run_id"),
        .run = value_get(v, STR("run")),
        .has_before = has_before.type == VALUE_BOOL && has_before.boolean };
    return add(list, arena, &recording, why);
}

enum err recordings_read(
    struct arena *arena, const char *path, struct str source, struct recordings *ret, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct err_info inner = { 0 };
    struct str text;
    size_t offset = 0;
    *ret = (struct recordings){ 0 };
    TRY(file_read(path, FILE_BYTES_MAX, arena, &text, why));
    for (;;) {
        struct value v = value_null();
        bool more = true;
        enum err result = json_parse_next(arena, text, &offset, &options, &v, &more, &inner);
        if (result != ERR_OK)
            return err_set(why, result, "%s:%u:%u: %s", path, inner.line, inner.column, inner.text);
        if (!more)
            return ERR_OK;
        if (v.type != VALUE_LIST)
            TRY(add_value(ret, arena, source, v, why));
        for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
            TRY(add_value(ret, arena, source, v.items[i], why));
    }
}

static void print_field(struct buf *buf, const char *name, struct value v)
{
    buf_printf(buf, ",\"%s\":", name);
    json_print(buf, v, 0);
}

void recording_print(struct buf *buf, const struct recording *recording)
{
    struct time_text at = instant_text(recording->at);
    buf_add_text(buf, "{\"" MARK "\":1");
    print_field(buf, "id", value_string(recording->id));
    print_field(buf, "source", value_string(recording->source));
    print_field(buf, "at", value_string(str_of(at.text)));
    print_field(buf, "event", recording->event);
    print_field(buf, "mocks", recording->mocks);
    print_field(buf, "answers", recording->answers);
    print_field(buf, "run_id", value_string(recording->run_id));
    print_field(buf, "run", recording->run);
    print_field(buf, "has_before", value_bool(recording->has_before));
    buf_add_text(buf, "}\n");
}

/* ---- the server ---- */

struct fetching {
    struct arena *arena;
    const struct login *login;
    struct str playbook;
    struct recordings *list;
};

static FALLIBLE get(const struct fetching *fetching, struct str path, struct value *ret, struct err_info *why)
{
    struct client_request request = {
        .login = *fetching->login, .method = "GET", .path = path, .body = value_null()
    };
    struct client_answer answer;
    TRY(client_ask(&request, fetching->arena, &answer, why));
    *ret = answer.body;
    return ERR_OK;
}

static FALLIBLE get_one(const struct fetching *fetching, const char *folder, struct str id, struct value *ret,
    struct err_info *why)
{
    struct str path;
    TRY(arena_printf(fetching->arena, &path, why, "/api/v1/%s/%.*s", folder, STR_ARG(id)));
    return get(fetching, path, ret, why);
}

/* The event's run of the playbook, if it started one. */
static FALLIBLE find_run(
    const struct fetching *fetching, struct value runs, struct recording *recording, struct err_info *why)
{
    struct recorded recorded;
    for (uint32_t i = 0; runs.type == VALUE_LIST && i < runs.size; i++) {
        struct value run;
        if (runs.items[i].type != VALUE_STRING)
            continue;
        TRY(get_one(fetching, "runs", value_str(runs.items[i]), &run, why));
        if (!str_equal(text_of(run, "playbook"), fetching->playbook))
            continue;
        TRY(recorded_take(fetching->arena, run, &recorded, why));
        recording->run = run;
        recording->run_id = text_of(run, "id");
        recording->mocks = recorded.mocks;
        recording->answers = recorded.answers;
        return ERR_OK;
    }
    return ERR_OK;
}

static FALLIBLE fetch_event(const struct fetching *fetching, struct value item, struct err_info *why)
{
    struct value event;
    struct str fate = text_of(item, "fate");
    struct recording recording = { .id = text_of(item, "id"), .has_before = true };
    if (!str_equal(fate, STR("run")) && !str_equal(fate, STR("no_trigger")))
        return ERR_OK; /* merged into another, or none of the triggers' business */
    TRY(get_one(fetching, "events", recording.id, &event, why));
    recording.source = text_of(event, "source");
    recording.at = instant_of(event, "received");
    recording.event = value_get(event, STR("event"));
    TRY(find_run(fetching, value_get(item, STR("runs")), &recording, why));
    return add(fetching->list, fetching->arena, &recording, why);
}

enum err recordings_fetch(struct arena *arena, const struct login *login, struct str playbook,
    struct instant since, void (*tell)(size_t count), struct recordings *ret, struct err_info *why)
{
    struct time_text from = instant_text(since);
    struct str after = STR("");
    *ret = (struct recordings){ 0 };
    struct fetching fetching = { arena, login, playbook, ret };
    for (;;) {
        struct str path;
        struct value page;
        TRY(arena_printf(arena, &path, why, "/api/v1/events?limit=%d&since=%s%s%.*s", EVENTS_PAGE, from.text,
            after.size ? "&after=" : "", STR_ARG(after)));
        TRY(get(&fetching, path, &page, why));
        struct value items = value_get(page, STR("items"));
        for (uint32_t i = 0; items.type == VALUE_LIST && i < items.size; i++) {
            TRY(fetch_event(&fetching, items.items[i], why));
            if (tell != NULL)
                tell(ret->count);
        }
        after = text_of(page, "next");
        if (after.size == 0)
            return ERR_OK;
    }
}
