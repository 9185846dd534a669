/* A small world for tests of the linter: a few actions, two playbooks, what `alert` and `case` are. */
#ifndef TOCSIN_TESTS_PLAYBOOK_WORLD_H
#define TOCSIN_TESTS_PLAYBOOK_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "playbook/playbook.h"
#include "playbook_refusals.h"

#define FIELDS(rows) .kind = TYPE_RECORD, .fields = (rows), .field_count = sizeof(rows) / sizeof((rows)[0])

static const struct type nullable_string = { .kind = TYPE_NULLABLE, .item = &type_string };
static const struct type list_of_strings = { .kind = TYPE_LIST, .item = &type_string };

static const struct type_field check_in[] = {
    { .name = STR_INIT("ip"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("max_age_days"), .type = &type_int },
    { .name = STR_INIT("since"), .type = &type_timestamp },
};
static const struct type check_in_type = { FIELDS(check_in) };
static const struct type_field network_fields[] = {
    { .name = STR_INIT("asn"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("name"), .type = &nullable_string },
    { .name = STR_INIT("alias"), .type = &nullable_string, .is_required = true },
};
static const struct type network_type = { FIELDS(network_fields) };
static const struct type nullable_network = { .kind = TYPE_NULLABLE, .item = &network_type };
static const struct type networks_type = { .kind = TYPE_LIST, .item = &network_type };
static const struct type_field check_out[] = {
    { .name = STR_INIT("score"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("owner"), .type = &nullable_string, .is_required = true },
    { .name = STR_INIT("country"), .type = &type_string },
    { .name = STR_INIT("network"), .type = &network_type },
    { .name = STR_INIT("networks"), .type = &networks_type, .is_required = true },
    { .name = STR_INIT("parent"), .type = &nullable_network, .is_required = true },
};
static const struct type check_out_type = { FIELDS(check_out) };

static const struct type_field block_in[] = {
    { .name = STR_INIT("ip"), .type = &type_string, .is_required = true },
};
static const struct type block_in_type = { FIELDS(block_in) };
static const struct type_field run_in[] = {
    { .name = STR_INIT("command"), .type = &type_string, .is_required = true, .sink = SINK_SHELL },
    { .name = STR_INIT("page"), .type = &type_string, .sink = SINK_HTML },
};
static const struct type run_in_type = { FIELDS(run_in) };
static const struct type_field open_in[] = {
    { .name = STR_INIT("title"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("tags"), .type = &list_of_strings },
};
static const struct type open_in_type = { FIELDS(open_in) };
static const struct type_field open_out[] = {
    { .name = STR_INIT("id"), .type = &type_string, .is_required = true, .is_own = true },
    { .name = STR_INIT("number"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("title"), .type = &type_string, .is_required = true },
};
static const struct type open_out_type = { FIELDS(open_out) };

/* What answers from this server alone has `apply`. */
static enum err apply_nothing(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    (void)action;
    (void)call;
    (void)conn;
    *ret_output = value_null();
    return err_set(why, ERR_INTERNAL, "only for the linter");
}

static const struct action test_actions[] = {
    { .name = STR_INIT("abuseipdb.check_ip"),
        .kind = ACTION_ENRICH,
        .in = &check_in_type,
        .out = &check_out_type },
    { .name = STR_INIT("case.open"),
        .kind = ACTION_TICKET,
        .in = &open_in_type,
        .out = &open_out_type,
        .apply = apply_nothing },
    { .name = STR_INIT("firewall.drop"), .kind = ACTION_CONTAIN, .in = &type_map_dyn, .out = &type_dyn },
    { .name = STR_INIT("nftables.block_ip"),
        .kind = ACTION_CONTAIN,
        .in = &block_in_type,
        .out = &type_dyn,
        .undo = STR_INIT("nftables.unblock_ip") },
    { .name = STR_INIT("ssh.run"), .kind = ACTION_QUERY, .in = &run_in_type, .out = &type_dyn },
};

static inline const struct action *test_action_at(const struct catalogue *catalogue, uint32_t index)
{
    (void)catalogue;
    return index < sizeof test_actions / sizeof test_actions[0] ? &test_actions[index] : NULL;
}
static inline const struct action *test_action_find(const struct catalogue *catalogue, struct str name)
{
    const struct action *action;
    for (uint32_t i = 0; (action = test_action_at(catalogue, i)) != NULL; i++)
        if (str_equal(action->name, name))
            return action;
    return NULL;
}
static const struct catalogue test_catalogue = { .find = test_action_find, .at = test_action_at };

static const struct playbook_input helper_inputs[] = {
    { .name = STR_INIT("ip"), .type = &type_string, .is_required = true },
};
static const struct trigger helper_triggers[] = { { .kind = TRIGGER_PLAYBOOK } };
static const struct trigger nightly_triggers[] = { { .kind = TRIGGER_SCHEDULE } };
static const struct type_field helper_out[] = {
    { .name = STR_INIT("blocked"), .type = &type_bool, .is_required = true },
};
static const struct type helper_out_type = { FIELDS(helper_out) };
static const struct playbook test_playbooks[] = {
    { .name = STR_INIT("helper"),
        .triggers = helper_triggers,
        .trigger_count = 1,
        .inputs = helper_inputs,
        .input_count = 1,
        .output = &helper_out_type },
    { .name = STR_INIT("nightly"), .triggers = nightly_triggers, .trigger_count = 1, .output = &type_dyn },
};

static inline bool test_find_playbook(
    const struct playbook_world *world, struct str name, const struct playbook **ret)
{
    (void)world;
    for (size_t i = 0; i < sizeof test_playbooks / sizeof test_playbooks[0]; i++) {
        if (!str_equal(test_playbooks[i].name, name))
            continue;
        *ret = &test_playbooks[i];
        return true;
    }
    return false;
}

static const struct type_field info_fields[] = {
    { .name = STR_INIT("title"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("desc"), .type = &type_string },
};
static const struct type info_type = { FIELDS(info_fields) };
static const struct type_field endpoint_fields[] = {
    { .name = STR_INIT("ip"), .type = &type_string },
    { .name = STR_INIT("port"), .type = &type_int },
};
static const struct type endpoint_type = { FIELDS(endpoint_fields) };
static const struct type_field user_fields[] = { { .name = STR_INIT("name"), .type = &type_string } };
static const struct type user_type = { FIELDS(user_fields) };
static const struct type_field observable_fields[] = {
    { .name = STR_INIT("type_id"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("value"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("name"), .type = &type_string },
};
static const struct type observable_type = { FIELDS(observable_fields) };
static const struct type observables_type = { .kind = TYPE_LIST, .item = &observable_type };
static const struct type_field alert_fields[] = {
    { .name = STR_INIT("id"), .type = &type_string, .is_required = true, .is_own = true },
    { .name = STR_INIT("source"), .type = &type_string, .is_required = true, .is_own = true },
    { .name = STR_INIT("severity_id"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("count"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("tags"), .type = &list_of_strings, .is_required = true },
    { .name = STR_INIT("finding_info"), .type = &info_type, .is_required = true },
    { .name = STR_INIT("observables"), .type = &observables_type, .is_required = true },
    { .name = STR_INIT("src_endpoint"), .type = &endpoint_type },
    { .name = STR_INIT("user"), .type = &user_type },
    { .name = STR_INIT("unmapped"), .type = &type_map_dyn },
};
static const struct type test_alert_type = { FIELDS(alert_fields) };
static const struct type_field case_fields[] = {
    { .name = STR_INIT("id"), .type = &type_string, .is_required = true, .is_own = true },
    { .name = STR_INIT("number"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("title"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("owner"), .type = &nullable_string, .is_required = true },
};
static const struct type test_case_type = { FIELDS(case_fields) };

static const struct playbook_world test_world = { .catalogue = &test_catalogue,
    .alert_type = &test_alert_type,
    .case_type = &test_case_type,
    .find_playbook = test_find_playbook };

/* Gathers the faults of a text; one without a name of its own gets "example", in front and on no line more.
 */
static inline void test_lint(struct str text, struct arena *arena, struct diagnostics *found)
{
    struct playbook *playbook = NULL;
    struct err_info why = { 0 };
    AUTO(buf) struct buf whole = { 0 };
    bool is_named = str_starts(text, STR("playbook:")) || str_starts(text, STR("%"));
    diagnostics_init(found, arena, STR("test.yaml"));
    if (!is_named)
        buf_add_text(&whole, "playbook: example\n");
    buf_add(&whole, text);
    if (playbook_refusals(buf_str(&whole), &test_world) != 0)
        abort(); /* what was wrong is printed; not cmocka's, as fuzz_playbook has this header too */
    enum err result = playbook_parse(buf_str(&whole), &test_world, found, &playbook, &why);
    if (result != ERR_OK && found->count == 0)
        fprintf(stderr, "%s\n", why.text);
    playbook_release(playbook);
    diagnostics_sort(found);
}

static inline bool test_has_code(const struct diagnostics *found, struct str code)
{
    for (uint32_t i = 0; i < found->count; i++)
        if (str_equal(str_of(found->items[i].code), code))
            return true;
    return false;
}

static inline void test_print_faults(const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++)
        fprintf(stderr, "%u:%u %s %.*s\n", found->items[i].line, found->items[i].column, found->items[i].code,
            STR_ARG(found->items[i].text));
}

#endif
