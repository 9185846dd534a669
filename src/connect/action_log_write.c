/* log.write: a line in the server's log. */
#include "base/log.h"
#include "connect/connect_impl.h"
#include "connect/native.h"

static const struct str levels[] = { STR_INIT("debug"), STR_INIT("info"), STR_INIT("warn"),
    STR_INIT("error") };
static const struct type level_type = { .kind = TYPE_STRING, .choices = levels, .choice_count = 4 };
static const struct type_field in_fields[] = {
    FIELD("message", &type_string, true, "the line"),
    FIELD("level", &level_type, false, "debug, info, warn or error; info when not given"),
};
static const struct type in_type = RECORD(in_fields);
static const struct type out_type = { .kind = TYPE_RECORD };

static enum log_level level_of(struct value with)
{
    struct value level = value_get(with, STR("level"));
    for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (value_is_text(level, levels[i]))
            return (enum log_level)i;
    }
    return LOG_INFO;
}

static void start(const struct action *action, struct action_call *call)
{
    struct log *log = call_host(call)->connect->options.log;
    struct action_result result = {
        .is_ok = true, .output = { .type = VALUE_MAP }, .effect = ACTION_ANSWERED
    };
    (void)action; /* there is one kind of line */
    if (log)
        LOG(log, level_of(call->with), "playbook",
            LOG_S("message", value_str(value_get(call->with, STR("message")))),
            LOG_S("playbook", call->playbook), LOG_S("step", call->step), LOG_U("run", call->run_id));
    call_finish_soon(call, &result);
}

const struct native_action action_log_write = {
    .action = {
        .name = STR_INIT("log.write"),
        .summary = STR_INIT("Writes a line into the server's log"),
        .kind = ACTION_QUERY,
        .is_idempotent = true,
        .in = &in_type,
        .out = &out_type,
        .start = start,
    },
    .defaults = "{\"level\":\"info\"}",
    .example_in = "{\"message\":\"nothing found\",\"level\":\"info\"}",
    .example_out = "{}",
};
