/* `return:` and `fail:`. A `return` ends the run from wherever it stands, past everything but `finally`. A
 * `fail` is an error like another: it ends the run unless a `catch` or an `on_error` is in its way. */
#include "base/json.h"
#include "engine/turn.h"

static void return_enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct value output;
    names_init(&names, turn->run, frame);
    if (names_fill(&names, step->give.value, &output, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct op op = { .kind = OP_RUN };
    op_value(&op, FIELD_OUTPUT, output);
    turn_emit(turn, &op);
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_RETURNED });
}

/* What is no text is shown as JSON. */
static FALLIBLE text_of(
    struct turn *turn, struct value v, struct str otherwise, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    if (value_is(v, VALUE_NULL)) {
        *ret = otherwise;
        return ERR_OK;
    }
    if (value_is(v, VALUE_STRING)) {
        *ret = value_str(v);
        return ERR_OK;
    }
    json_print(&buf, v, 0);
    TRY(buf_check(&buf, why));
    return arena_str(turn->arena, buf_str(&buf), ret, why);
}

static void fail_enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct value code, message;
    struct str code_text, message_text;
    names_init(&names, turn->run, frame);
    if (names_fill(&names, step->fail.code, &code, &why) != ERR_OK ||
        names_fill(&names, step->fail.message, &message, &why) != ERR_OK ||
        text_of(turn, code, STR("failed"), &code_text, &why) != ERR_OK ||
        text_of(turn, message, STR("the playbook ended the run"), &message_text, &why) != ERR_OK)
        step_fail_why(turn, frame, &why);
    else
        step_fail(turn, frame, code_text, message_text, false);
}

const struct step_ops step_return_ops = { .enter = return_enter };
const struct step_ops step_fail_ops = { .enter = fail_enter };
