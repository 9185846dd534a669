/* `tocsin run show ID --follow`: the steps as they end, until the run has ended. */
#include <stdio.h>
#include <time.h>

#include "resource.h"

#define FOLLOW_PAUSE_MS 250

struct follow {
    const struct resource *resource;
    uint32_t shown; /* lines of ended steps printed so far */
};

static bool has_ended(struct value v)
{
    struct value ended = value_get(v, STR("ended"));
    return ended.type == VALUE_STRING;
}

/* Ended steps in the order of the tree; a step stands behind those inside of it. */
static void add_ended(struct buf *buf, struct value steps, struct str above, uint32_t *count, uint32_t from)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++) {
        AUTO(buf) struct buf path = { 0 };
        struct value step = steps.items[i], iteration = value_get(step, STR("iteration"));
        buf_add(&path, above);
        buf_add_text(&path, above.size ? "/" : "");
        table_add_cell(&path, value_get(step, STR("id")), 0);
        if (iteration.type == VALUE_INT)
            buf_printf(&path, "[%lld]", (long long)iteration.integer);
        add_ended(buf, value_get(step, STR("steps")), buf_str(&path), count, from);
        if (!has_ended(step) || (*count)++ < from)
            continue;
        table_add_cell(buf, value_get(step, STR("status")), 0);
        buf_add_byte(buf, ' ');
        buf_add(buf, buf_str(&path));
        buf_add_byte(buf, '\n');
    }
}

static enum err look(struct follow *follow, struct client_answer *ret, struct err_info *why)
{
    AUTO(buf) struct buf lines = { 0 };
    uint32_t count = 0;
    TRY(resource_ask(follow->resource, "GET", "/api/v1/runs/*", value_null(), ret, why));
    if (resource_wants_json(follow->resource))
        return ERR_OK;
    add_ended(&lines, value_get(ret->body, STR("steps")), STR(""), &count, follow->shown);
    TRY(buf_check(&lines, why));
    fwrite(lines.data ? lines.data : "", 1, lines.size, stdout);
    fflush(stdout);
    follow->shown = count > follow->shown ? count : follow->shown;
    return ERR_OK;
}

int follow_run(const struct resource *resource)
{
    struct follow follow = { .resource = resource };
    bool follows = resource_option(resource, ON_FOLLOW)->is_set;
    for (;;) {
        AUTO(arena) struct arena arena = { 0 };
        struct resource now = *resource;
        struct client_answer answer;
        struct err_info why = { 0 };
        now.arena = &arena;
        follow.resource = &now;
        enum err result = follows ? look(&follow, &answer, &why)
                                  : resource_ask(&now, "GET", "/api/v1/runs/*", value_null(), &answer, &why);
        if (result != ERR_OK)
            return resource_fail(&why);
        if (!follows || has_ended(answer.body)) {
            resource_show(&now, answer.body);
            return follows && !value_is_text(value_get(answer.body, STR("status")), STR("succeeded")) ? 1 : 0;
        }
        struct timespec pause = { .tv_nsec = FOLLOW_PAUSE_MS * 1000000L };
        nanosleep(&pause, NULL);
    }
}
