/* Triggers and inputs. */
#include "base/limits.h"
#include "base/zone.h"
#include "playbook/cron.h"
#include "playbook/reader.h"
#include "playbook/shape.h"
#include "playbook/type_read.h"

static void read_alert(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    trigger->filter = reader_expr(r, node);
}

static void read_webhook(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    if (node->kind == YAML_SCALAR) {
        trigger->path = reader_text(r, node, "`webhook`");
    } else if (reader_shape(r, node, "`webhook`", &shape_webhook)) {
        trigger->path = reader_text(r, yaml_find(node, STR("path")), "`path`");
        trigger->secret = reader_text(r, yaml_find(node, STR("secret")), "`secret`");
    }
    if (trigger->path.size == 0)
        reader_fault(r, node, "missing_key", "`webhook` needs `path:`");
}

static void read_cron(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    struct err_info why = { 0 };
    if (trigger->cron.size > 0 && cron_parse(trigger->cron, &trigger->times, &why) != ERR_OK)
        reader_fault(r, node, "cron_syntax", "%s", why.text);
}

/* Whether a machine has the zone's file is its own matter: that is a warning. */
static void check_timezone(struct reader *r, const struct yaml_node *node, struct str name)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct zone *zone;
    struct err_info why = { 0 };
    enum err result = node != NULL ? zone_load(&arena, NULL, name, &zone, &why) : ERR_OK;
    r->is_out_of_memory = r->is_out_of_memory || result == ERR_MEMORY;
    if (result == ERR_INVALID || result == ERR_NOT_FOUND)
        reader_warn(r, node, "unknown_timezone", "%s; zones are named as in Europe/Vienna", why.text);
}

static void read_schedule(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    if (node->kind == YAML_SCALAR) {
        trigger->cron = reader_text(r, node, "`schedule`");
        read_cron(r, node, trigger);
    } else if (reader_shape(r, node, "`schedule`", &shape_schedule)) {
        trigger->cron = reader_text(r, yaml_find(node, STR("cron")), "`cron`");
        trigger->timezone = reader_text(r, yaml_find(node, STR("timezone")), "`timezone`");
        read_cron(r, yaml_find(node, STR("cron")), trigger);
        check_timezone(r, yaml_find(node, STR("timezone")), trigger->timezone);
    }
    if (trigger->cron.size == 0)
        reader_fault(r, node, "missing_key", "`schedule` needs a cron text");
}

static void read_email(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    if (!reader_shape(r, node, "`email`", &shape_email))
        return;
    trigger->connection = reader_text(r, yaml_find(node, STR("connection")), "`connection`");
    trigger->filter = reader_expr(r, yaml_find(node, STR("filter")));
}

static void read_case(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    trigger->case_event = str_of(words_case_event[reader_word(r, node, words_case_event, 0)]);
}

static void read_flag(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    (void)trigger; /* its kind says all */
    if (!reader_bool(r, node, true))
        reader_warn(r, node, "trigger_off", "leave the trigger out instead of setting it to false");
}

static const struct {
    const char *key;
    enum trigger_kind kind;
    void (*read)(struct reader *r, const struct yaml_node *node, struct trigger *trigger);
} readers[] = {
    { "alert", TRIGGER_ALERT, read_alert },
    { "webhook", TRIGGER_WEBHOOK, read_webhook },
    { "schedule", TRIGGER_SCHEDULE, read_schedule },
    { "email", TRIGGER_EMAIL, read_email },
    { "syslog", TRIGGER_SYSLOG, read_alert },
    { "case", TRIGGER_CASE, read_case },
    { "manual", TRIGGER_MANUAL, read_flag },
    { "playbook", TRIGGER_PLAYBOOK, read_flag },
};

static unsigned count_kinds(const struct yaml_node *node)
{
    unsigned count = 0;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        count += yaml_find(node, str_of(readers[i].key)) != NULL;
    return count;
}

static void read_trigger(struct reader *r, const struct yaml_node *node, struct trigger *trigger)
{
    trigger->line = node->line;
    trigger->column = node->column;
    trigger->kind = TRIGGER_MANUAL;
    if (!reader_shape(r, node, "a trigger", &shape_trigger))
        return;
    if (count_kinds(node) > 1)
        reader_fault(r, node, "trigger_kind", "a trigger has one kind; make each an item of its own, `- `");
    trigger->is_for_repeats = reader_bool(r, yaml_find(node, STR("repeats")), false);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        const struct yaml_node *value = yaml_find(node, str_of(readers[i].key));
        if (value == NULL)
            continue;
        trigger->kind = readers[i].kind;
        readers[i].read(r, value, trigger);
        return;
    }
    reader_fault(r, node, "trigger_kind",
        "a trigger needs one of alert, webhook, schedule, email, syslog, case, "
        "manual, playbook");
}

const struct trigger *reader_triggers(struct reader *r, const struct yaml_node *node, uint32_t *ret_count)
{
    *ret_count = 0;
    if (node == NULL)
        return NULL;
    if (node->kind != YAML_SEQUENCE) {
        reader_fault(r, node, "list_expected", "`triggers` should be a list");
        return NULL;
    }
    struct trigger *triggers = READER_ARRAY(r, node->count, struct trigger);
    if (triggers == NULL)
        return NULL;
    for (uint32_t i = 0; i < node->count; i++)
        read_trigger(r, node->items[i], &triggers[i]);
    *ret_count = node->count;
    return triggers;
}

const struct playbook_input *reader_inputs(
    struct reader *r, const struct yaml_node *node, uint32_t *ret_count)
{
    *ret_count = 0;
    if (node == NULL)
        return NULL;
    if (node->kind != YAML_MAPPING) {
        reader_fault(r, node, "mapping_expected", "`name: { type: …, default: … }` should stand here");
        return NULL;
    }
    struct playbook_input *inputs = READER_ARRAY(r, node->count, struct playbook_input);
    if (inputs == NULL)
        return NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *value = node->pairs[i].value, *title = yaml_find(value, STR("title"));
        inputs[i].name = node->pairs[i].key->text;
        inputs[i].type = type_read(r->arena, value, r->found);
        if (value->kind == YAML_MAPPING)
            reader_shape(r, value, "an input", &shape_input);
        inputs[i].default_value = reader_template(r, yaml_find(value, STR("default")));
        inputs[i].is_required = reader_bool(
            r, yaml_find(value, STR("required")), yaml_find(value, STR("default")) == NULL);
        inputs[i].help = reader_text(r, title ? title : yaml_find(value, STR("help")), "`help`");
    }
    *ret_count = node->count;
    return inputs;
}
