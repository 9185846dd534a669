#include "run_progress.h"

#include <stdio.h>

#include "resource.h"

void progress_init(struct progress *progress)
{
    *progress = (struct progress){ .has_colours = table_has_colours(), .run = ID_NONE };
}

static void add_step(
    struct buf *buf, const struct progress *progress, const struct engine_observation *observation)
{
    AUTO(buf) struct buf name = { 0 };
    struct str word = str_of(step_status_name(observation->step_status));
    paint_add(buf, paint_of_status(word), word, progress->has_colours);
    buf_printf(buf, "%*s ", word.size < 10 ? (int)(10 - word.size) : 0, "");
    if (!id_equal(observation->run_id, progress->run) && observation->playbook)
        buf_printf(&name, "%.*s: ", STR_ARG(observation->playbook->name));
    buf_add(&name, observation->path);
    if (observation->step != NULL && observation->step->kind == STEP_DO)
        buf_printf(&name, "  %.*s", STR_ARG(observation->step->call.action));
    else if (observation->step != NULL && !observation->step->has_given_id)
        buf_printf(&name, "  %s", step_kind_name(observation->step->kind));
    buf_add(buf, buf_str(&name));
    if (observation->elapsed_us >= US_PER_MS) {
        buf_add_text(buf, "  ");
        print_span(buf, observation->elapsed_us);
    }
    if (observation->step_status == STEP_FAILED && observation->detail.type == VALUE_MAP) {
        buf_add_text(buf, "  ");
        table_add_cell(buf, value_get(observation->detail, STR("code")), 0);
        buf_add_text(buf, ": ");
        table_add_cell(buf, value_get(observation->detail, STR("message")), 200);
    }
    buf_add_byte(buf, '\n');
}

void progress_observe(void *context, const struct engine_observation *observation)
{
    AUTO(buf) struct buf line = { 0 };
    struct progress *progress = context;
    if (observation->what == OBSERVE_RUN_STARTED && id_is_none(progress->run))
        progress->run = observation->run_id;
    if (observation->what != OBSERVE_STEP_ENDED)
        return;
    add_step(&line, progress, observation);
    if (buf_check(&line, NULL) == ERR_OK)
        fwrite(line.data, 1, line.size, stdout);
    fflush(stdout);
}

/* Names of actions that were recorded and not done. */
static void add_recorded(struct buf *buf, struct value steps)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++) {
        struct value step = steps.items[i];
        if (value_get(step, STR("simulated")).type == VALUE_BOOL) {
            buf_add_text(buf, "recorded, not done: ");
            table_add_cell(buf, value_get(step, STR("action")), 0);
            buf_add_byte(buf, ' ');
            table_add_cell(buf, value_get(step, STR("input")), 200);
            buf_add_byte(buf, '\n');
        }
        add_recorded(buf, value_get(step, STR("steps")));
    }
}

void progress_print_end(struct buf *buf, struct value run, bool has_colours)
{
    struct value status = value_get(run, STR("status")), output = value_get(run, STR("output"));
    struct value error = value_get(run, STR("error"));
    struct str word = status.type == VALUE_STRING ? value_str(status) : STR("?");
    add_recorded(buf, value_get(run, STR("steps")));
    buf_add_text(buf, "the run ");
    buf_add_text(buf, str_equal(word, STR("waiting")) || str_equal(word, STR("uncertain")) ? "is " : "has ");
    paint_add(buf, paint_of_status(word), word, has_colours);
    if (error.type == VALUE_MAP) {
        buf_add_text(buf, ": ");
        table_add_cell(buf, value_get(error, STR("code")), 0);
        buf_add_text(buf, ": ");
        table_add_cell(buf, value_get(error, STR("message")), 0);
    }
    buf_add_byte(buf, '\n');
    if (output.type != VALUE_NULL)
        table_add_json(buf, output);
}
