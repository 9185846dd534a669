#include "playbook/shape.h"

#include <stddef.h>

#include "base/limits.h"

#define END \
    { \
        .name = NULL \
    }

void shape_names(const struct shape *shape, const char *ret[SHAPE_KEYS_MAX + 1])
{
    unsigned count = 0;
    for (; count < SHAPE_KEYS_MAX && shape->keys[count].name != NULL; count++)
        ret[count] = shape->keys[count].name;
    ret[count] = NULL;
}

/* ---- words ---- */

const char *const words_mode[] = { "shadow", "suggest", "auto", NULL };
const char *const words_when_full[] = { "queue", "skip", "cancel_running", NULL };
const char *const words_backoff[] = { "fixed", "linear", "exponential", NULL };
const char *const words_case_event[] = { "created", "updated", "closed", NULL };
static const char *const languages[] = { "python", NULL };

#define KEBAB "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
#define ACTION "^[^.]+[.]"

/* ---- steps ---- */

static const struct shape_key retry_keys[] = {
    { "attempts", SHAPE_NUMBER, .least = 1, .most = RETRY_ATTEMPTS_MAX, .help = "in all" },
    { "backoff", SHAPE_WORD, .words = words_backoff },
    { "first", SHAPE_SPAN, .help = "the first pause" },
    { "max", SHAPE_SPAN, .help = "the longest pause" },
    END,
};
const struct shape shape_retry = { "retry", .keys = retry_keys };

static const struct shape_key common_keys[] = {
    { "id", SHAPE_OWN,
        .schema = "{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]*$\",\"maxLength\":64,"
                  "\"not\":{\"enum\":[\"true\",\"false\",\"null\",\"in\"]}}",
        .help = "what `steps.ID` names" },
    { "name", SHAPE_TEXT, .help = "for people" },
    { "when", SHAPE_EXPRESSION, .help = "the step is skipped unless this holds" },
    { "timeout", SHAPE_SPAN },
    { "retry", SHAPE_MAP, .shape = &shape_retry },
    { "on_error", SHAPE_OWN,
        .schema = "{\"anyOf\":[{\"enum\":[\"fail\",\"continue\"]},"
                  "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/step\"}}]}",
        .help = "fail, continue, or steps that run then" },
    END,
};
const struct shape shape_step_common = { "step_common", .keys = common_keys };

static const struct shape_key case_keys[] = {
    { "when", SHAPE_EXPRESSION, .is_required = true, .help = "`it` is the value" },
    { "steps", SHAPE_STEPS, .is_required = true },
    END,
};
const struct shape shape_case = { "case", .keys = case_keys };

static const struct shape_key branch_keys[] = {
    { "name", SHAPE_TEXT },
    { "steps", SHAPE_STEPS, .is_required = true },
    END,
};
const struct shape shape_branch = { "branch", .keys = branch_keys };

static const char *const ask_needs[] = { "options", "form", NULL };
static const struct shape_key ask_keys[] = {
    { "to", SHAPE_ANY, .help = "role:NAME, user:NAME, addresses" },
    { "via", SHAPE_TEXTS, .help = "channels; the first answer counts" },
    { "title", SHAPE_ANY, .is_required = true, .help = "the question" },
    { "show", SHAPE_ANY, .help = "what it takes to decide" },
    { "options", SHAPE_OWN,
        .schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},"
                  "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/text\"}}]}" },
    { "form", SHAPE_INPUTS },
    { "timeout", SHAPE_SPAN },
    { "on_timeout", SHAPE_TEXT, .help = "an option, or `fail`" },
    END,
};
const struct shape shape_ask = { "ask", .keys = ask_keys, .any_of = ask_needs };

static const char *const wait_needs[] = { "until", "event", NULL };
static const struct shape_key wait_keys[] = {
    { "until", SHAPE_ANY, .help = "a point in time" },
    { "event", SHAPE_EXPRESSION, .help = "`it.alert` and `it.event` are what arrived" },
    { "timeout", SHAPE_SPAN },
    END,
};
const struct shape shape_wait = { "wait", .keys = wait_keys, .any_of = wait_needs, .is_one_alone = true };

static const struct shape_key fail_keys[] = { { "code", SHAPE_ANY }, { "message", SHAPE_ANY }, END };
const struct shape shape_fail = { "fail", .keys = fail_keys };

static const struct shape_key do_keys[] = {
    { "do", SHAPE_PATTERN, .is_required = true, .pattern = ACTION, .help = "connector.action" },
    { "with", SHAPE_ANY, .help = "what the action takes" },
    { "connection", SHAPE_TEXT, .help = "one of several configured instances" },
    { "for", SHAPE_ANY, .help = "a containment ends after this span" },
    END,
};
static const struct shape_key set_keys[] = {
    { "set", SHAPE_NAMED, .is_required = true, .least = 1, .help = "variables, as `vars.NAME`" },
    END,
};
static const struct shape_key if_keys[] = {
    { "if", SHAPE_EXPRESSION, .is_required = true },
    { "then", SHAPE_STEPS, .is_required = true },
    { "else", SHAPE_STEPS },
    END,
};
static const struct shape_key switch_keys[] = {
    { "switch", SHAPE_EXPRESSION, .is_required = true },
    { "cases", SHAPE_LIST, .is_required = true, .shape = &shape_case, .least = 1 },
    { "default", SHAPE_STEPS },
    END,
};
static const struct shape_key for_each_keys[] = {
    { "for_each", SHAPE_EXPRESSION, .is_required = true, .help = "a list, or a map of `key` and `value`" },
    { "as", SHAPE_TEXT, .help = "the item's name; `item` when not given" },
    { "parallel", SHAPE_NUMBER, .least = 1, .most = PARALLEL_MAX, .help = "how many at a time" },
    { "steps", SHAPE_STEPS, .is_required = true },
    { "collect", SHAPE_ANY, .help = "what each iteration gives, in order" },
    END,
};
static const struct shape_key while_keys[] = {
    { "while", SHAPE_EXPRESSION, .is_required = true },
    { "max", SHAPE_NUMBER, .is_required = true, .least = 1, .most = LOOP_ITEMS_MAX },
    { "steps", SHAPE_STEPS, .is_required = true },
    END,
};
static const struct shape_key parallel_keys[] = {
    { "parallel", SHAPE_OWN, .is_required = true,
        .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"anyOf\":[{\"$ref\":\"#/$defs/branch\"},"
                  "{\"$ref\":\"#/$defs/steps\"}]}}",
        .help = "branches that run at once" },
    { "join", SHAPE_OWN,
        .schema = "{\"anyOf\":[{\"enum\":[\"all\",\"any\"]},{\"type\":\"integer\",\"minimum\":1}]}",
        .help = "all, any, or how many" },
    END,
};
static const struct shape_key ask_step_keys[] = {
    { "ask", SHAPE_MAP, .is_required = true, .shape = &shape_ask },
    END,
};
static const struct shape_key wait_step_keys[] = {
    { "wait", SHAPE_OWN, .is_required = true,
        .schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/span\"},{\"type\":\"string\",\"pattern\":\"[$][{][{]\"},"
                  "{\"$ref\":\"#/$defs/wait\"}]}",
        .help = "a span, `until:` or `event:`" },
    END,
};
static const struct shape_key run_keys[] = {
    { "run", SHAPE_TEXT, .is_required = true, .help = "another playbook" },
    { "with", SHAPE_ANY },
    { "wait", SHAPE_BOOL, .help = "false: start it and go on" },
    END,
};
static const struct shape_key script_keys[] = {
    { "script", SHAPE_WORD, .is_required = true, .words = languages },
    { "code", SHAPE_TEXT, .is_required = true },
    { "with", SHAPE_ANY },
    END,
};
static const char *const try_needs[] = { "catch", "finally", NULL };
static const struct shape_key try_keys[] = {
    { "try", SHAPE_STEPS, .is_required = true },
    { "catch", SHAPE_STEPS },
    { "finally", SHAPE_STEPS },
    END,
};
static const struct shape_key return_keys[] = { { "return", SHAPE_ANY, .is_required = true }, END };
static const struct shape_key fail_step_keys[] = {
    { "fail", SHAPE_OWN, .is_required = true,
        .schema =
            "{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/text\"},{\"$ref\":\"#/$defs/fail\"}]}" },
    END,
};

const struct shape shape_steps[] = {
    { "do_step", "calls an action", do_keys },
    { "set_step", "assigns variables", set_keys },
    { "if_step", "branches", if_keys },
    { "switch_step", "the first case that matches", switch_keys },
    { "for_each_step", "loops over a list or a map", for_each_keys },
    { "while_step", "loops while something holds", while_keys },
    { "parallel_step", "branches that run at once", parallel_keys },
    { "ask_step", "asks a person", ask_step_keys },
    { "wait_step", "waits", wait_step_keys },
    { "run_step", "calls another playbook", run_keys },
    { "script_step", "runs a script in a sandbox", script_keys },
    { "try_step", "handles errors", try_keys, try_needs },
    { "return_step", "ends the run with a result", return_keys },
    { "fail_step", "ends the run with an error", fail_step_keys },
};

/* ---- the head ---- */

static const struct shape_key webhook_keys[] = {
    { "path", SHAPE_TEXT, .is_required = true },
    { "secret", SHAPE_TEXT, .help = "name of the secret of its token or HMAC" },
    END,
};
const struct shape shape_webhook = { "webhook", .keys = webhook_keys };
static const struct shape_key schedule_keys[] = {
    { "cron", SHAPE_TEXT, .is_required = true },
    { "timezone", SHAPE_TEXT },
    END,
};
const struct shape shape_schedule = { "schedule", .keys = schedule_keys };
static const struct shape_key email_keys[] = {
    { "connection", SHAPE_TEXT, .help = "a mailbox" },
    { "filter", SHAPE_EXPRESSION },
    END,
};
const struct shape shape_email = { "email", .keys = email_keys };

static const char *const trigger_needs[] = { "alert", "webhook", "schedule", "email", "syslog", "case",
    "manual", "playbook", NULL };
static const struct shape_key trigger_keys[] = {
    { "alert", SHAPE_EXPRESSION, .help = "a filter over normalised alerts" },
    { "webhook", SHAPE_TEXT_OR_MAP, .shape = &shape_webhook },
    { "schedule", SHAPE_TEXT_OR_MAP, .shape = &shape_schedule },
    { "email", SHAPE_MAP, .shape = &shape_email },
    { "syslog", SHAPE_EXPRESSION },
    { "case", SHAPE_WORD, .words = words_case_event },
    { "manual", SHAPE_BOOL },
    { "playbook", SHAPE_BOOL, .help = "others may call it" },
    { "repeats", SHAPE_BOOL, .help = "also when dedup folds a repeat into a standing alert" },
    END,
};
const struct shape shape_trigger = { "trigger", .keys = trigger_keys, .any_of = trigger_needs,
    .is_one_alone = true };

static const struct shape_key input_keys[] = {
    { "type", SHAPE_TYPE },
    { "default", SHAPE_ANY },
    { "required", SHAPE_BOOL },
    { "help", SHAPE_TEXT },
    { "title", SHAPE_TEXT },
    { "items", SHAPE_TYPE },
    { "values", SHAPE_TYPE },
    { "fields", SHAPE_OWN,
        .schema = "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/type\"}}" },
    { "enum", SHAPE_OWN,
        .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/text\"}}" },
    { "nullable", SHAPE_BOOL },
    END,
};
const struct shape shape_input = { "input", .keys = input_keys };

static const struct shape_key concurrency_keys[] = {
    { "key", SHAPE_ANY, .is_required = true },
    { "max", SHAPE_NUMBER, .least = 1, .most = 1000000 },
    { "when_full", SHAPE_WORD, .words = words_when_full },
    END,
};
const struct shape shape_concurrency = { "concurrency", .keys = concurrency_keys };

static const struct shape_key playbook_keys[] = {
    { "playbook", SHAPE_OWN, .is_required = true,
        .schema = "{\"type\":[\"string\",\"number\",\"boolean\"],\"pattern\":\"" KEBAB
                  "\",\"maxLength\":100}",
        .help = "its name" },
    { "title", SHAPE_TEXT },
    { "description", SHAPE_TEXT },
    { "attack", SHAPE_TEXTS, .help = "MITRE ATT&CK techniques that it answers" },
    { "mode", SHAPE_WORD, .words = words_mode },
    { "triggers", SHAPE_LIST, .shape = &shape_trigger },
    { "inputs", SHAPE_INPUTS },
    { "out", SHAPE_TYPE, .help = "what it gives to its callers" },
    { "concurrency", SHAPE_MAP, .shape = &shape_concurrency },
    { "timeout", SHAPE_SPAN },
    { "steps", SHAPE_OWN, .is_required = true,
        .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/step\"}}" },
    { "on_failure", SHAPE_STEPS },
    END,
};
const struct shape shape_playbook = { "playbook", "A Tocsin playbook", playbook_keys };
