#include "suite_shape.h"

#include <stddef.h>

#define END \
    { \
        .name = NULL \
    }

static const char *const statuses[] = { "queued", "running", "waiting", "succeeded", "failed", "cancelled",
    "uncertain", NULL };
static const struct shape_key expect_keys[] = {
    { "status", SHAPE_WORD, .words = statuses },
    { "triggered", SHAPE_BOOL, .help = "whether the event starts the playbook at all" },
    { "path", SHAPE_TEXTS, .help = "the steps with an id of their own that ran, in order" },
    { "calls", SHAPE_OWN, .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\"}}",
        .help = "per action a list with the parameters of each call" },
    { "not_called", SHAPE_TEXTS },
    { "output", SHAPE_ANY },
    { "error", SHAPE_ANY },
    END,
};
const struct shape shape_expect = { "expect", .keys = expect_keys };

static const struct shape_key case_keys[] = {
    { "name", SHAPE_TEXT, .is_required = true },
    { "event", SHAPE_ANY, .help = "the event itself, or a file beside this one" },
    { "source", SHAPE_TEXT, .help = "whose mapping makes the alert" },
    { "inputs", SHAPE_NAMED },
    { "mocks", SHAPE_NAMED, .help = "per action an answer, or a list of them" },
    { "answers", SHAPE_NAMED, .help = "per question what is answered" },
    { "now", SHAPE_PATTERN, .pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}",
        .help = "where the clock starts" },
    { "expect", SHAPE_MAP, .is_required = true, .shape = &shape_expect },
    END,
};
const struct shape shape_suite_case = { "suite_case", .keys = case_keys,
    .also = "\"dependentRequired\":{\"source\":[\"event\"]}" };

static const struct shape_key suite_keys[] = {
    { "playbook", SHAPE_TEXT, .is_required = true, .help = "the name of what is tested" },
    { "cases", SHAPE_LIST, .is_required = true, .shape = &shape_suite_case },
    END,
};
const struct shape shape_suite = { "suite", "Tests of a Tocsin playbook", suite_keys };
