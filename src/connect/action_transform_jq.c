/* transform.jq: a jq filter over a value, in a process of its own (jq_child.h). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/jq_child.h"
#include "connect/native.h"

#define JQ_FILTER_BYTES_MAX (64 * KIB)
#define JQ_SECONDS_DEFAULT 5
#define JQ_SECONDS_MAX 60

static const struct type_field in_fields[] = {
    FIELD("filter", &type_string, true, "jq 1.6; modules, files and the environment are out of reach"),
    FIELD("input", &type_dyn, true, "what `.` is; numbers beyond 2^53 lose digits, as jq has only doubles"),
    FIELD("args", &type_map_dyn, false, "each NAME is $NAME in the filter"),
    FIELD("timeout", &type_dyn, false, "span, at most 60s; 5s when not given"),
};
static const struct type in_type = RECORD(in_fields);
static const struct type_field out_fields[] = {
    FIELD("result", &type_dyn, true, "the first output; null when there is none"),
    FIELD("results", &type_list_dyn, true, "all outputs"),
};
static const struct type out_type = RECORD(out_fields);

struct jq_call {
    struct blocking_call blocking; /* first */
    int64_t timeout_us;
    struct buf input, output, errors;
    struct child_stopper stopper;
};

static void clean(struct jq_call *jq)
{
    child_stopper_done(&jq->stopper);
    buf_done(&jq->input);
    buf_done(&jq->output);
    buf_done(&jq->errors);
}

static FALLIBLE read_outputs(const struct jq_call *jq, struct value *ret, struct err_info *why)
{
    struct arena *arena = jq->blocking.call->arena;
    struct json_options options = { .copy_strings = true };
    struct value_list_builder results;
    struct value_map_builder output;
    size_t offset = 0;
    bool is_more = true;
    value_list_begin(&results, arena);
    for (;;) {
        struct value v;
        TRY(json_parse_next(arena, buf_str(&jq->output), &offset, &options, &v, &is_more, why));
        if (!is_more)
            break;
        TRY(value_list_add(&results, v, why));
    }
    struct value list = value_list_end(&results);
    value_map_begin(&output, arena);
    TRY(value_map_set(&output, "result", list.size ? list.items[0] : value_null(), why));
    TRY(value_map_set(&output, "results", list, why));
    *ret = value_map_end(&output);
    return ERR_OK;
}

static FALLIBLE judge(const struct jq_call *jq, const struct child_result *child, struct err_info *why)
{
    struct str said = str_trim(buf_str(&jq->errors));
    if (child->was_stopped)
        return err_named(why, ERR_CANCELLED, "cancelled", "the filter was ended before its time");
    if (child->timed_out)
        return err_named(why, ERR_LIMIT, "jq_timeout", "the filter ran longer than %lldms",
            (long long)(jq->timeout_us / US_PER_MS));
    if (child->signal == SIGABRT) /* libjq's way to say that memory is used up */
        return err_named(why, ERR_LIMIT, "jq_memory", "the filter used more memory than it may");
    if (child->signal)
        return err_named(why, ERR_INTERNAL, "jq_crashed",
            "the jq process was ended by signal %d: the filter may recurse too deep", child->signal);
    switch (child->exit_status) {
    case JQ_CHILD_OK: return ERR_OK;
    case JQ_CHILD_BAD_FILTER: return err_named(why, ERR_INVALID, "jq_filter", "%.*s", STR_ARG(said));
    case JQ_CHILD_FAILED: return err_named(why, ERR_INVALID, "jq_failed", "%.*s", STR_ARG(said));
    case JQ_CHILD_TOO_LARGE:
        return err_named(
            why, ERR_LIMIT, "jq_output", "the filter's output is larger than JQ_OUTPUT_BYTES_MAX");
    default:
        return err_named(why, ERR_INTERNAL, "jq_process", "the jq process ended with %d: %.*s",
            child->exit_status, STR_ARG(said));
    }
}

static FALLIBLE run(struct jq_call *jq, struct err_info *why)
{
    static const char *const own[] = { "/proc/self/exe", JQ_CHILD_WORD, NULL };
    const char *const *given = jq->blocking.connect->options.jq_command;
    char parent[48];
    snprintf(parent, sizeof(parent), JQ_CHILD_PARENT "=%lld", (long long)getpid());
    const char *const environment[] = { parent, NULL };
    struct child_request request = { .arguments = given ? given : own,
        .environment = environment,
        .input = buf_str(&jq->input),
        .output_bytes_max = JQ_OUTPUT_BYTES_MAX,
        .timeout_us = jq->timeout_us,
        .stoppers = { &jq->stopper, &jq->blocking.connect->stopper } };
    struct child_result child = { .output = &jq->output, .errors = &jq->errors };
    struct action_result *result = &jq->blocking.result;
    TRY(child_run(&request, &child, why));
    TRY(judge(jq, &child, why));
    *result = (struct action_result){ .is_ok = true, .effect = ACTION_ANSWERED };
    return read_outputs(jq, &result->output, why);
}

static void work(struct blocking_call *blocking)
{
    struct jq_call *jq = (struct jq_call *)blocking;
    struct err_info why = { 0 };
    if (run(jq, &why) != ERR_OK)
        blocking->result = result_from_why(blocking->call->arena, &why, ACTION_NOT_SENT);
}

/* Not before: until then a cancel may come. */
static void release(struct blocking_call *blocking)
{
    clean((struct jq_call *)blocking);
}

static FALLIBLE read_timeout(struct value v, int64_t *ret_us, struct err_info *why)
{
    *ret_us = JQ_SECONDS_DEFAULT * US_PER_S;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    if (!call_read_span(v, ret_us) || *ret_us <= 0 || *ret_us > JQ_SECONDS_MAX * US_PER_S)
        return err_named(why, ERR_INVALID, "bad_input", "`timeout` must be a span of at most 60s");
    return ERR_OK;
}

static FALLIBLE prepare(struct jq_call *jq, struct value with, struct err_info *why)
{
    struct str filter = value_str(value_get(with, STR("filter")));
    struct value args = value_get(with, STR("args"));
    if (filter.size > JQ_FILTER_BYTES_MAX || str_find_byte(filter, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "bad_input", "`filter` is longer than 64 KiB, or holds a NUL");
    TRY(read_timeout(value_get(with, STR("timeout")), &jq->timeout_us, why));
    int64_t left_us = call_time_left(jq->blocking.call);
    if (left_us <= 0)
        return err_named(why, ERR_TIMEOUT, "timeout", "the deadline passed before the filter could run");
    if (jq->timeout_us > left_us)
        jq->timeout_us = left_us;
    jq->input.bytes_max = JQ_INPUT_BYTES_MAX;
    buf_printf(&jq->input, "%zu\n", filter.size);
    buf_add(&jq->input, filter);
    buf_add_byte(&jq->input, '[');
    json_print(&jq->input, value_get(with, STR("input")), 0);
    buf_add_byte(&jq->input, ',');
    json_print(&jq->input, args.type == VALUE_MAP ? args : (struct value){ .type = VALUE_MAP }, 0);
    buf_add_byte(&jq->input, ']');
    if (jq->input.failed == ERR_LIMIT)
        return err_named(why, ERR_LIMIT, "JQ_INPUT_BYTES_MAX", "`input` is too large");
    return buf_check(&jq->input, why);
}

static void start(const struct action *action, struct action_call *call)
{
    struct err_info why = { 0 };
    struct jq_call *jq = blocking_call_new(call, sizeof(*jq), work);
    (void)action; /* there is one kind */
    if (!jq)
        return;
    jq->blocking.release = release;
    jq->blocking.is_slow = true;
    enum err result = child_stopper_init(&jq->stopper, &why);
    if (result == ERR_OK)
        result = prepare(jq, call->with, &why);
    if (result == ERR_OK)
        result = blocking_call_submit(&jq->blocking, &why);
    if (result == ERR_OK)
        return;
    clean(jq);
    call->state = NULL;
    call_fail_soon(call, &why);
}

static void cancel(const struct action *action, struct action_call *call)
{
    struct jq_call *jq = call->state;
    (void)action; /* there is one kind */
    /* `state` is another's when the call waits to be told that there was no memory. */
    if (jq && jq->blocking.call == call)
        child_stopper_raise(&jq->stopper); /* ends in `work` */
}

const struct native_action action_transform_jq = {
    .action = {
        .name = STR_INIT("transform.jq"),
        .summary = STR_INIT("Runs a jq filter over a value"),
        .kind = ACTION_QUERY,
        .is_idempotent = true,
        .in = &in_type,
        .out = &out_type,
        .start = start,
        .cancel = cancel,
    },
    .example_in = "{\"filter\":\"[.[] | .ip]\",\"input\":[{\"ip\":\"203.0.113.9\"}]}",
    .example_out = "{\"result\":[\"203.0.113.9\"],\"results\":[[\"203.0.113.9\"]]}",
};
