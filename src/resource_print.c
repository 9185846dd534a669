#include "base/timetext.h"
#include "resource.h"

static void add_field(struct buf *buf, const char *name, struct value v, bool has_colours)
{
    AUTO(buf) struct buf cell = { 0 };
    if (v.type == VALUE_NULL || (v.type == VALUE_STRING && v.size == 0))
        return;
    table_add_cell(&cell, v, 0);
    buf_printf(buf, "%-10s ", name);
    paint_add(buf, paint_of_status(buf_str(&cell)), buf_str(&cell), has_colours);
    buf_add_byte(buf, '\n');
}

static void add_fields(struct buf *buf, const struct table_column *fields, struct value map, bool has_colours)
{
    for (; fields->title; fields++)
        add_field(buf, fields->title, value_get(map, str_of(fields->path)), has_colours);
}

/* ---- runs ---- */

static int64_t time_us(struct value v)
{
    struct instant at = { 0 };
    if (v.type == VALUE_STRING)
        (void)instant_parse(value_str(v), &at); /* what is no time is 0 */
    return at.us;
}

void print_span(struct buf *buf, int64_t us)
{
    if (us < 10 * US_PER_S)
        buf_printf(buf, "%.3fs", (double)us / 1e6);
    else if (us < 2 * US_PER_MIN)
        buf_printf(buf, "%.1fs", (double)us / 1e6);
    else if (us < 2 * US_PER_HOUR)
        buf_printf(buf, "%lldm%llds", (long long)(us / US_PER_MIN), (long long)(us / US_PER_S % 60));
    else
        buf_printf(buf, "%lldh%lldm", (long long)(us / US_PER_HOUR), (long long)(us / US_PER_MIN % 60));
}

static void add_error(struct buf *buf, struct value error)
{
    if (error.type != VALUE_MAP)
        return;
    buf_add_text(buf, "  ");
    table_add_cell(buf, value_get(error, STR("code")), 0);
    buf_add_text(buf, ": ");
    table_add_cell(buf, value_get(error, STR("message")), 200);
}

static void add_step(struct buf *buf, struct value step, unsigned depth, bool has_colours);

static void add_steps(struct buf *buf, struct value steps, unsigned depth, bool has_colours)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        add_step(buf, steps.items[i], depth, has_colours);
}

static void add_step(struct buf *buf, struct value step, unsigned depth, bool has_colours)
{
    AUTO(buf) struct buf name = { 0 };
    AUTO(buf) struct buf word = { 0 };
    struct value action = value_get(step, STR("action"));
    struct value iteration = value_get(step, STR("iteration")), attempts = value_get(step, STR("attempts"));
    int64_t started = time_us(value_get(step, STR("started"))),
            ended = time_us(value_get(step, STR("ended")));
    table_add_cell(&name, value_get(step, STR("id")), 0);
    if (iteration.type == VALUE_INT)
        buf_printf(&name, "[%lld]", (long long)iteration.integer);
    buf_printf(buf, "  %*s", (int)depth * 2, "");
    table_add_cell(&word, value_get(step, STR("status")), 0);
    paint_add(buf, paint_of_status(buf_str(&word)), buf_str(&word), has_colours);
    buf_printf(buf, "%*s ", word.size < 10 ? (int)(10 - word.size) : 0, "");
    buf_add(buf, buf_str(&name));
    buf_add_text(buf, "  ");
    table_add_cell(buf, action.type == VALUE_STRING ? action : value_get(step, STR("kind")), 0);
    if (started != 0 && ended >= started + US_PER_MS) {
        buf_add_text(buf, "  ");
        print_span(buf, ended - started);
    }
    if (attempts.type == VALUE_INT && attempts.integer > 1)
        buf_printf(buf, "  %lld attempts", (long long)attempts.integer);
    if (value_get(step, STR("simulated")).type == VALUE_BOOL)
        buf_add_text(buf, "  recorded, not done");
    add_error(buf, value_get(step, STR("error")));
    buf_add_byte(buf, '\n');
    add_steps(buf, value_get(step, STR("steps")), depth + 1, has_colours);
}

static void add_json(struct buf *buf, const char *title, struct value v)
{
    if (v.type == VALUE_NULL)
        return;
    buf_printf(buf, "%s:\n", title);
    table_add_json(buf, v);
}

void print_run(struct buf *buf, struct value run, bool has_colours)
{
    static const struct table_column fields[] = { { "run", "id" }, { "playbook", "playbook" },
        { "version", "version" }, { "status", "status" }, { "started", "started" }, { "ended", "ended" },
        { "alert", "alert_id" }, { "event", "event_id" }, { "case", "case_id" }, { "parent", "parent" },
        { NULL, NULL } };
    add_fields(buf, fields, run, has_colours);
    buf_add_text(buf, "steps:\n");
    add_steps(buf, value_get(run, STR("steps")), 0, has_colours);
    struct value error = value_get(run, STR("error")), tasks = value_get(run, STR("tasks"));
    if (error.type == VALUE_MAP) {
        buf_add_text(buf, "error:");
        add_error(buf, error);
        buf_add_byte(buf, '\n');
    }
    add_json(buf, "output", value_get(run, STR("output")));
    for (uint32_t i = 0; tasks.type == VALUE_LIST && i < tasks.size; i++) {
        buf_add_text(buf, "task ");
        table_add_cell(buf, value_get(tasks.items[i], STR("id")), 0);
        buf_add_text(buf, "  ");
        table_add_cell(buf, value_get(tasks.items[i], STR("status")), 0);
        buf_add_text(buf, "  ");
        table_add_cell(buf, value_get(tasks.items[i], STR("title")), 0);
        buf_add_byte(buf, '\n');
    }
}

/* ---- tasks ---- */

void print_task(struct buf *buf, struct value task, bool has_colours)
{
    static const struct table_column fields[] = { { "task", "id" }, { "title", "title" },
        { "status", "status" }, { "step", "step" }, { "run", "run_id" }, { "to", "to" },
        { "created", "created" }, { "expires", "expires" }, { "closed", "closed" }, { "by", "by" },
        { NULL, NULL } };
    struct value show = value_get(task, STR("show")), options = value_get(task, STR("options"));
    struct value form = value_get(task, STR("form")), answer = value_get(task, STR("answer"));
    add_fields(buf, fields, task, has_colours);
    if (show.type == VALUE_MAP && show.size > 0) {
        buf_add_text(buf, "shown:\n");
        table_print_fields(buf, show, 2);
    }
    for (uint32_t i = 0; options.type == VALUE_LIST && i < options.size; i++) {
        buf_add_text(buf, i == 0 ? "choices:   --choice " : "           --choice ");
        table_add_cell(buf, options.items[i], 0);
        buf_add_byte(buf, '\n');
    }
    if (form.type != VALUE_NULL && form.size > 0)
        add_json(buf, "form", form);
    if (answer.type == VALUE_MAP && answer.size > 0) {
        buf_add_text(buf, "answer:\n");
        table_print_fields(buf, answer, 2);
    }
}

/* ---- connectors ---- */

void print_connector(struct buf *buf, struct value connector, bool has_colours)
{
    static const struct table_column fields[] = { { "connector", "name" }, { "title", "title" },
        { "about", "description" }, { NULL, NULL } };
    static const struct table_column settings[] = { { "SETTING", "name" }, { "TYPE", "type" },
        { "REQUIRED", "required" }, { "SECRET", "secret" }, { "HELP", "help" }, { NULL, NULL } };
    static const struct table_column actions[] = { { "ACTION", "name" }, { "KIND", "kind" },
        { "UNDO", "undo" }, { "SUMMARY", "summary" }, { NULL, NULL } };
    struct value body = connector.type == VALUE_LIST && connector.size == 1 ? connector.items[0] : connector;
    struct value its_settings = value_get(body, STR("settings")),
                 its_actions = value_get(body, STR("actions"));
    add_fields(buf, fields, body, has_colours);
    if (its_settings.type == VALUE_LIST && its_settings.size > 0)
        table_print(buf, settings, its_settings, has_colours);
    if (its_actions.type == VALUE_LIST && its_actions.size > 0)
        table_print(buf, actions, its_actions, has_colours);
}
