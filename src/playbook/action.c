#include "playbook/action.h"

static const char *const names[] = { "query", "enrich", "notify", "ticket", "contain", "remediate" };

const char *action_kind_name(enum action_kind kind)
{
    return names[kind];
}

bool action_kind_parse(struct str text, enum action_kind *ret)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_equal(text, str_of(names[i]))) {
            *ret = (enum action_kind)i;
            return true;
        }
    }
    return false;
}
