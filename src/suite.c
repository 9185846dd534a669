#include "suite.h"

#include <string.h>

#include "base/timetext.h"
#include "file.h"
#include "playbook/reader.h"
#include "suite_shape.h"

/* A YAML part as a value; null when it is not there. */
static struct value read_value(struct reader *r, const struct yaml_node *node)
{
    struct err_info why = { 0 };
    struct value v = value_null();
    if (node == NULL)
        return v;
    enum err result = yaml_to_value(r->arena, node, &v, &why);
    if (result == ERR_MEMORY)
        r->is_out_of_memory = true;
    else if (result != ERR_OK)
        reader_fault(r, node, why.name ? why.name : "yaml", "%s", why.text);
    return result == ERR_OK ? v : value_null();
}

static struct value read_typed(
    struct reader *r, const struct yaml_node *node, enum yaml_kind kind, const char *what)
{
    if (node != NULL && node->kind != kind) {
        reader_fault(r, node, kind == YAML_MAPPING ? "mapping_expected" : "list_expected",
            kind == YAML_MAPPING ? "%s should be a mapping, `key: value`" : "%s should be a list", what);
        return value_null();
    }
    return read_value(r, node);
}

static void check_expect(struct reader *r, const struct yaml_node *node)
{
    static const char *const statuses[] = { "queued", "running", "waiting", "succeeded", "failed",
        "cancelled", "uncertain", NULL };
    uint32_t count;
    if (!reader_shape(r, node, "`expect`", &shape_expect))
        return;
    (void)reader_word(r, yaml_find(node, STR("status")), statuses, 0); /* read again as a value */
    (void)reader_bool(r, yaml_find(node, STR("triggered")), true);
    (void)reader_texts(r, yaml_find(node, STR("path")), &count);
    (void)reader_texts(r, yaml_find(node, STR("not_called")), &count);
    const struct yaml_node *calls = yaml_find(node, STR("calls"));
    (void)read_typed(r, calls, YAML_MAPPING, "`calls`");
    for (uint32_t i = 0; calls && calls->kind == YAML_MAPPING && i < calls->count; i++)
        if (calls->pairs[i].value->kind != YAML_SEQUENCE)
            reader_fault(r, calls->pairs[i].value, "list_expected",
                "the calls of an action should be a list with the parameters of each");
}

static void read_event(
    struct reader *r, const struct suite *suite, const struct yaml_node *node, struct suite_case *ret)
{
    if (node == NULL)
        return;
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        ret->event = read_value(r, node);
        return;
    }
    bool is_absolute = str_starts(node->text, STR("/"));
    enum err result = is_absolute ? arena_str(r->arena, node->text, &ret->event_file, NULL)
                                  : arena_printf(r->arena, &ret->event_file, NULL, "%.*s/%.*s",
                                        STR_ARG(suite->folder), STR_ARG(node->text));
    if (result != ERR_OK)
        r->is_out_of_memory = true;
}

static struct instant read_now(struct reader *r, const struct yaml_node *node)
{
    struct instant at = { 0 };
    if (node != NULL && (node->kind != YAML_SCALAR || !instant_parse(node->text, &at)))
        reader_fault(r, node, "time_expected", "a time such as 2026-01-02T03:04:05Z should stand here");
    return at;
}

static void read_case(
    struct reader *r, const struct suite *suite, const struct yaml_node *node, struct suite_case *ret)
{
    ret->line = node->line;
    if (!reader_shape(r, node, "a case", &shape_suite_case))
        return;
    const struct yaml_node *expect = yaml_find(node, STR("expect"));
    const struct yaml_node *source = yaml_find(node, STR("source"));
    ret->name = reader_text(r, yaml_find(node, STR("name")), "`name`");
    ret->source = reader_text(r, source, "`source`");
    ret->inputs = read_typed(r, yaml_find(node, STR("inputs")), YAML_MAPPING, "`inputs`");
    ret->mocks = read_typed(r, yaml_find(node, STR("mocks")), YAML_MAPPING, "`mocks`");
    ret->answers = read_typed(r, yaml_find(node, STR("answers")), YAML_MAPPING, "`answers`");
    ret->now = read_now(r, yaml_find(node, STR("now")));
    read_event(r, suite, yaml_find(node, STR("event")), ret);
    if (ret->name.size == 0)
        reader_fault(r, node, "missing_key", "a case needs a `name`");
    if (source != NULL && yaml_find(node, STR("event")) == NULL)
        reader_fault(
            r, source, "unused_key", "`source` says where `event` comes from, and there is no event");
    if (expect == NULL) {
        reader_fault(r, node, "missing_key", "a case needs `expect`: what should have happened");
        return;
    }
    check_expect(r, expect);
    ret->expect = read_value(r, expect);
}

static void read_suite(struct reader *r, const struct yaml_node *root, struct suite *ret)
{
    if (!reader_shape(r, root, "a test file", &shape_suite))
        return;
    const struct yaml_node *cases = yaml_find(root, STR("cases"));
    ret->playbook = reader_text(r, yaml_find(root, STR("playbook")), "`playbook`");
    if (ret->playbook.size == 0)
        reader_fault(r, root, "missing_key", "a test file needs `playbook`: the name of what it tests");
    if (cases == NULL || cases->kind != YAML_SEQUENCE) {
        reader_fault(r, cases ? cases : root, "list_expected", "a test file needs `cases`, a list");
        return;
    }
    ret->cases = READER_ARRAY(r, cases->count, struct suite_case);
    if (ret->cases == NULL)
        return;
    ret->count = cases->count;
    for (uint32_t i = 0; i < cases->count; i++)
        read_case(r, ret, cases->items[i], &ret->cases[i]);
}

enum err suite_parse(struct arena *arena, const char *path, struct str text, struct diagnostics *found,
    struct suite *ret, struct err_info *why)
{
    struct yaml_node *root;
    struct reader r = { .arena = arena, .found = found, .source = text };
    uint32_t errors_before = found->error_count;
    *ret = (struct suite){ .path = str_of(path), .folder = file_folder(str_of(path)) };
    enum err result = yaml_parse(arena, text, &root, why);
    if (result == ERR_INVALID || result == ERR_LIMIT)
        diagnostics_add(
            found, DIAGNOSTIC_ERROR, why->name ? why->name : "yaml", why->line, why->column, "%s", why->text);
    else
        TRY(result);
    if (result == ERR_OK)
        read_suite(&r, root, ret);
    if (r.is_out_of_memory)
        return err_memory(why);
    if (found->error_count > errors_before)
        return err_named(why, ERR_INVALID, "suite", "%s has errors", path);
    return ERR_OK;
}
