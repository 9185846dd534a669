/* One expression: checked against the types in scope, then walked for what the checker tolerates and what
 * hangs on the place. On the way the walk finds out for which sinks the value is not safe. */
#include <string.h>

#include "expr/check.h"
#include "expr/function.h"
#include "playbook/lint_visit.h"

/* ---- reports ---- */

static struct text_place place_of(const struct visit *v, const struct node *node)
{
    return reader_site_place(v->l->reader, v->site, node->line, node->column);
}

void lint_report_at(const struct visit *v, const struct node *node, enum diagnostic_level level,
    const char *code, const struct buf *text)
{
    struct text_place at = place_of(v, node);
    diagnostics_add_text(v->l->found, level, code, at.line, at.column, text);
}

/* Presence and null are left alone where a failure says no more than "no": an input's default that can't be
 * had makes the input missing, a trigger that can't be evaluated does not start. */
static bool looks_at_presence(const struct visit *v)
{
    return v->flow != NULL && v->l->where == LINT_IN_STEPS;
}

static void unknown_field(const struct visit *v, const struct node *node, const struct path *path,
    const struct type *record, struct str name)
{
    AUTO(buf) struct buf text = { 0 };
    struct str root = path != NULL ? path_root_name(path) : STR("");
    const struct type_field *nearest = type_nearest_field(record, name);
    const char *code = "no_such_field";
    if (str_equal(root, STR("inputs")) && path_depth(path) == 1) {
        code = "unknown_input";
        buf_printf(&text, "the playbook declares no input \"%.*s\"", STR_ARG(name));
    } else if (str_equal(root, STR("steps")) && path_depth(path) > 2) {
        code = "unknown_output";
        buf_add_text(&text, "the action gives no field \"");
        buf_add(&text, name);
        buf_add_byte(&text, '"');
    } else {
        buf_printf(&text, "there is no field \"%.*s\" here", STR_ARG(name));
    }
    if (nearest != NULL)
        buf_printf(&text, "; did you mean \"%.*s\"?", STR_ARG(nearest->name));
    lint_report_at(v, node, DIAGNOSTIC_ERROR, code, &text);
}

static void no_fields(
    const struct visit *v, const struct node *node, const struct type *type, struct str name)
{
    AUTO(buf) struct buf text = { 0 };
    if (type->kind == TYPE_LIST) {
        buf_printf(&text,
            "this is a list and has no field \"%.*s\"; take it from one item, `[0].%.*s`, or from each, "
            "`[*].%.*s`",
            STR_ARG(name), STR_ARG(name), STR_ARG(name));
    } else {
        buf_add_text(&text, "a value of type ");
        type_print(&text, type);
        buf_printf(&text, " has no field \"%.*s\"", STR_ARG(name));
    }
    lint_report_at(v, node, DIAGNOSTIC_ERROR, "no_fields", &text);
}

static void may_be_absent(const struct visit *v, const struct node *node, const struct path *path)
{
    AUTO(buf) struct buf text = { 0 };
    bool is_each = path_is_over_list(path);
    buf_add_byte(&text, '`');
    path_print(&text, path);
    buf_add_text(&text, "` may be absent; ");
    if (!is_each) {
        buf_add_text(&text, "test `has(");
        path_print(&text, path);
        buf_add_text(&text, ")` first, or ");
    }
    buf_add_text(&text, "write `");
    path_print(&text, path->outer);
    buf_printf(
        &text, is_each ? ".?%.*s`, which leaves those items out" : ".?%.*s.orValue(…)`", STR_ARG(path->name));
    lint_report_at(v, node, DIAGNOSTIC_WARNING, "may_be_absent", &text);
    v->flow->facts = fact_add(v->l, v->flow->facts, FACT_PRESENT, path);
}

static void may_be_null(const struct visit *v, const struct node *node, const struct path *path)
{
    AUTO(buf) struct buf text = { 0 };
    if (path == NULL) {
        buf_add_text(
            &text, "this may be null; test it first, or say what stands for it: `x == null ? … : x`");
        lint_report_at(v, node, DIAGNOSTIC_WARNING, "may_be_null", &text);
        return;
    }
    buf_add_byte(&text, '`');
    path_print(&text, path);
    buf_add_text(&text, "` may be null; ");
    if (path_is_over_list(path)) {
        buf_add_text(&text, "take such items out first, with `.filter(x, …)`");
    } else {
        buf_add_text(&text, "test `");
        path_print(&text, path);
        buf_add_text(&text, " != null` first");
    }
    lint_report_at(v, node, DIAGNOSTIC_WARNING, "may_be_null", &text);
    v->flow->facts = fact_add(v->l, v->flow->facts, FACT_NOT_NULL, path);
}

/* ---- names and fields ---- */

static bool may_be_null_here(
    const struct visit *v, const struct type *type, const struct path *path, const struct fact *facts)
{
    if (type->kind != TYPE_NULLABLE)
        return type->kind == TYPE_NULL;
    return path == NULL ||
        !(fact_is_not_null(facts, path) || (v->flow != NULL && fact_is_not_null(v->flow->facts, path)));
}

void lint_check_null(struct visit *v, const struct node *node, const struct seen *seen)
{
    if (looks_at_presence(v) && seen->may_be_null && (seen->path != NULL || seen->is_told))
        may_be_null(v, node, seen->path);
}

/* What is joined or put in order must not be null. */
static void check_items(
    struct visit *v, const struct node *call, const struct node *list, const struct seen *seen)
{
    static const char *const names[] = { "join", "sort", "greatest", "least" };
    AUTO(buf) struct buf text = { 0 };
    bool wants_all = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        wants_all = wants_all || str_equal(call->name, str_of(names[i]));
    if (!wants_all || !looks_at_presence(v) || list->type->kind != TYPE_LIST || !seen->holds_null)
        return;
    buf_add_text(
        &text, "an item of this list may be null; take those out first, with `.filter(x, x != null)`");
    lint_report_at(v, list, DIAGNOSTIC_WARNING, "may_be_null", &text);
}

/* Of a path: whether an item of the list, or what the optional holds, may be null. */
static bool holds_null_here(
    const struct visit *v, const struct type *type, const struct path *path, const struct fact *facts)
{
    if ((type->kind != TYPE_LIST && type->kind != TYPE_OPTIONAL) || type->item->kind != TYPE_NULLABLE)
        return false;
    const struct path *inner = type->kind == TYPE_LIST ? path_extend(v->l, path, STR("[*]")) : path;
    return inner != NULL && may_be_null_here(v, type->item, inner, facts);
}

static void check_place(const struct visit *v, const struct node *node)
{
    static const char *const wheres[] = { "", "an input's default and the concurrency key see",
        "a trigger's filter sees" };
    bool is_missing = v->l->where == LINT_IN_START
        ? node->slot == SCOPE_VARS || node->slot == SCOPE_STEPS || node->slot == SCOPE_RUN
        : node->slot != SCOPE_EVENT && node->slot != SCOPE_ALERT && node->slot != SCOPE_NOW;
    if (v->flow == NULL || v->l->where == LINT_IN_STEPS || !is_missing)
        return;
    AUTO(buf) struct buf text = { 0 };
    buf_printf(
        &text, "%s no `%.*s`: nothing of the run exists yet", wheres[v->l->where], STR_ARG(node->name));
    lint_report_at(v, node, DIAGNOSTIC_ERROR, "not_in_scope", &text);
}

static struct seen visit_name(struct visit *v, const struct node *node)
{
    struct seen seen = { NULL, 0 };
    if (node->reference == NAME_LOCAL) {
        for (const struct bound *bound = v->l->bounds; bound != NULL; bound = bound->outer)
            if (bound->local == node->local)
                return (struct seen){ bound->path, bound->taint };
        return (struct seen){ NULL, TAINTED };
    }
    check_place(v, node);
    if (node->slot == SCOPE_VARS || node->slot == SCOPE_STEPS || node->slot >= SCOPE_IT)
        v->is_fixed = false;
    seen.path = path_root(v->l, node->name, NULL);
    seen.taint = v->l->name_taints[node->slot];
    return seen;
}

/* `vars` or `steps` as a whole, not one of their fields: to_json(vars), vars[name]. */
void lint_visit_whole(struct visit *v, const struct node *node, struct seen *seen)
{
    if (node->kind != NODE_NAME || node->reference != NAME_VARIABLE)
        return;
    if (node->slot == SCOPE_STEPS)
        seen->taint = TAINTED;
    for (uint32_t i = 0; node->slot == SCOPE_VARS && i < v->l->variable_count; i++) {
        struct variable *variable = &v->l->variables[i];
        seen->taint |= variable->taint;
        variable->is_read = variable->is_read || v->flow != NULL;
        v->is_deferred = v->is_deferred || variable->type == NULL;
    }
}

/* Of `steps.ID.output` and the like; of `vars.NAME`. */
static uint8_t taint_of(struct visit *v, const struct path *path, uint8_t outer)
{
    struct str root = path_root_name(path);
    uint32_t depth = path_depth(path);
    if (str_equal(root, STR("vars")) && depth == 1) {
        const struct variable *variable = lint_find_variable(v->l, path->name);
        v->is_deferred = v->is_deferred || (variable != NULL && variable->type == NULL);
        return variable != NULL ? variable->taint : 0;
    }
    if (str_equal(root, STR("steps")) && depth == 2) {
        const struct step *step = lint_find_step(v->l, path->outer->name);
        if (step == NULL || str_equal(path->name, STR("error")))
            return TAINTED;
        if (!str_equal(path->name, STR("output")))
            return 0;
        v->is_deferred = v->is_deferred || v->l->outputs[step->index].type == NULL;
        return v->l->outputs[step->index].taint;
    }
    if (str_equal(root, STR("run")) && depth == 1)
        return str_equal(path->name, STR("error")) ? TAINTED : 0;
    return outer;
}

/* True when the field has been looked at and is no ordinary one. */
static bool read_special(
    struct visit *v, const struct node *node, const struct path *path, bool is_test, const struct fact *facts)
{
    struct str root = path_root_name(path);
    uint32_t depth = path_depth(path);
    bool is_step = str_equal(root, STR("steps")), is_variable = str_equal(root, STR("vars"));
    if (!(is_step && depth <= 2) && !(is_variable && depth == 1))
        return false;
    if (!looks_at_presence(v))
        return true;
    struct reading reading = { v->l, v->flow, facts, v->site, node->line, node->column, path, is_test };
    if (is_variable)
        lint_read_variable(&reading);
    else if (depth == 1)
        lint_read_step(&reading);
    else
        lint_read_step_field(&reading);
    return true;
}

/* Gives the field, NULL when it is not declared. */
static const struct type_field *check_field(struct visit *v, const struct node *node, const struct path *path,
    const struct type *record, struct str name, const struct fact *facts, bool is_test)
{
    const struct type_field *field = type_find_field(record, name);
    if (field == NULL) {
        if (v->flow != NULL && !record->is_open)
            unknown_field(v, node, path, record, name);
        return NULL;
    }
    if (field->is_required || is_test || path == NULL || !looks_at_presence(v) ||
        fact_is_present(facts, path) || fact_is_present(v->flow->facts, path))
        return field;
    may_be_absent(v, node, path);
    return field;
}

/* operand.name, operand.?name, has(operand.name), operand["name"], operand[?"name"] */
static struct seen visit_field(
    struct visit *v, const struct node *node, struct str name, bool is_test, const struct fact *facts)
{
    const struct node *operand = node->children[0];
    struct seen seen = lint_visit_node(v, operand, facts);
    const struct type *type = operand->type;
    bool is_chain = type->kind == TYPE_OPTIONAL; /* a.?b.c: no c is no error */
    if (is_chain) {
        type = type->item;
        seen.may_be_null = may_be_null_here(v, type, seen.path, facts); /* but null in place of b is one */
    }
    lint_check_null(v, operand, &seen);
    if (type->kind == TYPE_NULLABLE)
        type = type->item;
    seen.path = seen.path != NULL ? path_extend(v->l, seen.path, name) : NULL;
    if (seen.path != NULL) {
        seen.taint = taint_of(v, seen.path, seen.taint);
        if (read_special(v, node, seen.path, is_test || is_chain, facts))
            return seen;
    }
    const struct type_field *field = NULL;
    switch (type->kind) {
    case TYPE_RECORD:
        field = check_field(v, node, seen.path, type, name, facts, is_test || is_chain);
        seen.taint = field != NULL && field->is_own ? 0 : seen.taint;
        break;
    case TYPE_DYN:
    case TYPE_ERROR:
    case TYPE_MAP:
    case TYPE_PARAMETER: break;
    default:
        if (v->flow != NULL)
            no_fields(v, node, type, name);
    }
    return seen;
}

/* ---- calls ---- */

/* Null may go in. */
static bool takes_null(const struct node *call)
{
    static const char *const names[] = { "_==_", "_!=_", "_in_", "dyn", "type", "to_json", "of",
        "ofNonZeroValue", "optional.of", "optional.ofNonZeroValue", "or", "orValue" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(call->name, str_of(names[i])))
            return true;
    return false;
}

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

static bool opens_optional(const struct node *node)
{
    return str_equal(node->name, STR("orValue")) || str_equal(node->name, STR("value"));
}

/* What a call says of null by its operand, the first of `given`: where it gives the same items, one of them,
 * or what they hold. */
static void pass_null_on(
    struct visit *v, const struct node *node, const struct seen *given, uint32_t count, struct seen *ret)
{
    static const char *const same[] = { "reverse", "sort", "distinct", "slice" };
    static const char *const one[] = { "first", "last" };
    static const char *const held[] = { "of", "optional.of" };
    struct str name = node->name;
    if (count == 0)
        return;
    ret->is_told = opens_optional(node) || str_equal(name, STR("_[_]"));
    if (is_one_of(name, same, 4)) {
        ret->path = given[0].path;
        ret->holds_null = given[0].holds_null;
    } else if (is_one_of(name, one, 2) && node->is_member) {
        ret->path = path_extend(v->l, given[0].path, STR("[*]"));
        ret->holds_null = given[0].holds_null;
    } else if (is_one_of(name, held, 2)) {
        ret->holds_null = given[0].may_be_null && (given[0].path != NULL || given[0].is_told);
    } else if (opens_optional(node)) {
        ret->path = given[0].path; /* `a.?b.orValue(x)` is a.b where there is one, which may be null */
        ret->may_be_null = given[0].holds_null || (count == 2 && given[1].may_be_null);
    } else if (str_equal(name, STR("_[_]"))) {
        ret->path = path_index(v->l, given[0].path, node->children[1]);
        ret->may_be_null = given[0].holds_null && given[0].path == NULL;
    } else if (str_equal(name, STR("_+_")) || str_equal(name, STR("or"))) {
        ret->holds_null = given[0].holds_null || (count == 2 && given[1].holds_null);
    }
}

static uint8_t taint_of_call(const struct node *node, uint8_t taint)
{
    const struct function *function = node->function;
    enum type_sink sink;
    if (function->gives_own_words)
        return 0;
    if (function->is_encoder && taint != 0 &&
        type_sink_parse(str_slice(function->name, strlen("encode_"), function->name.size), &sink))
        return (uint8_t)(TAINTED & ~(1u << sink));
    return taint != 0 && !function->keeps_parts ? TAINTED : taint;
}

/* `choice == "blokc"`: a word that can never come. */
static void check_choice(const struct visit *v, const struct node *node)
{
    bool is_comparison = str_equal(node->name, STR("_==_")) || str_equal(node->name, STR("_!=_"));
    for (uint32_t i = 0; is_comparison && v->flow != NULL && node->count == 2 && i < 2; i++) {
        const struct type *type = node->children[i]->type;
        const struct node *other = node->children[1 - i];
        if (type->kind == TYPE_NULLABLE)
            type = type->item;
        if (type->kind != TYPE_STRING || type->choice_count == 0 || other->kind != NODE_CONST ||
            other->value.type != VALUE_STRING || type_check_value(type, other->value, NULL) == ERR_OK)
            continue;
        AUTO(buf) struct buf text = { 0 };
        buf_printf(&text, "\"%.*s\" never comes; one of these does: ", STR_ARG(value_str(other->value)));
        for (uint32_t k = 0; k < type->choice_count; k++)
            buf_printf(&text, "%s%.*s", k > 0 ? ", " : "", STR_ARG(type->choices[k]));
        lint_report_at(v, other, DIAGNOSTIC_WARNING, "never_equal", &text);
    }
}

static struct seen visit_call(struct visit *v, const struct node *node, const struct fact *facts)
{
    struct seen seen = { NULL, 0 };
    bool is_index = node->count == 2 &&
        (str_equal(node->name, STR("_[_]")) || str_equal(node->name, STR("_[?_]")));
    bool is_test = str_equal(node->name, STR("_[?_]"));
    if (is_index && node->children[1]->kind == NODE_CONST && node->children[1]->value.type == VALUE_STRING)
        return visit_field(v, node, value_str(node->children[1]->value), is_test, facts);
    struct seen first[2] = { { NULL, 0 }, { NULL, 0 } };
    for (uint32_t i = 0; i < node->count; i++) {
        struct seen argument = lint_visit_node(v, node->children[i], facts);
        lint_visit_whole(v, node->children[i], &argument);
        if (i < 2)
            first[i] = argument;
        if (!takes_null(node) && !is_test)
            lint_check_null(v, node->children[i], &argument);
        check_items(v, node, node->children[i], &argument);
        seen.taint |= argument.taint;
    }
    check_choice(v, node);
    seen.taint = taint_of_call(node, seen.taint);
    if (is_index && is_test)
        seen.path = path_of(v->l, node);
    else
        pass_null_on(v, node, first, node->count < 2 ? node->count : 2, &seen);
    return seen;
}

/* ---- logic ---- */

/* CEL's && and || take in an error when another operand decides, so each operand is guarded by all others. */
static struct seen visit_logic(struct visit *v, const struct node *node, const struct fact *facts)
{
    bool needed = node->kind == NODE_AND;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct fact *here = facts;
        for (uint32_t k = 0; k < node->count; k++)
            if (k != i)
                here = facts_when(v->l, node->children[k], needed, here);
        (void)lint_visit_node(v, node->children[i], here); /* a bool has no path and no taint */
    }
    return (struct seen){ NULL, 0 };
}

static struct seen visit_condition(struct visit *v, const struct node *node, const struct fact *facts)
{
    (void)lint_visit_node(v, node->children[0], facts); /* its value goes nowhere */
    struct seen a = lint_visit_node(v, node->children[1], facts_when(v->l, node->children[0], true, facts));
    struct seen b = lint_visit_node(v, node->children[2], facts_when(v->l, node->children[0], false, facts));
    lint_visit_whole(v, node->children[1], &a);
    lint_visit_whole(v, node->children[2], &b);
    return (struct seen){ .taint = a.taint | b.taint,
        .may_be_null = a.may_be_null || b.may_be_null,
        .is_told = true,
        .holds_null = a.holds_null || b.holds_null };
}

/* ---- literals ---- */

static struct seen visit_literal(struct visit *v, const struct node *node, const struct fact *facts)
{
    struct seen seen = { NULL, 0 };
    for (uint32_t i = 0; i < node->count; i++) {
        struct seen part = lint_visit_node(v, node->children[i], facts);
        lint_visit_whole(v, node->children[i], &part);
        seen.taint |= part.taint;
        seen.holds_null = seen.holds_null || (node->kind == NODE_LIST && lint_is_told_null(&part));
    }
    return seen;
}

static struct seen visit_kind(struct visit *v, const struct node *node, const struct fact *facts)
{
    switch ((enum node_kind)node->kind) {
    case NODE_NAME: return visit_name(v, node);
    case NODE_SELECT: return visit_field(v, node, node->name, node->is_test || node->is_optional, facts);
    case NODE_CALL: return visit_call(v, node, facts);
    case NODE_AND:
    case NODE_OR: return visit_logic(v, node, facts);
    case NODE_CONDITION: return visit_condition(v, node, facts);
    case NODE_LOOP: return lint_visit_loop(v, node, facts);
    case NODE_BIND:
    case NODE_BLOCK: return lint_visit_bindings(v, node, facts);
    case NODE_OPT_MAP: return lint_visit_opt_map(v, node, facts);
    case NODE_LIST:
    case NODE_MAP: return visit_literal(v, node, facts);
    case NODE_CONST:
    case NODE_MESSAGE:
    case NODE_FAIL: break;
    }
    return (struct seen){ NULL, 0 };
}

struct seen lint_visit_node(struct visit *v, const struct node *node, const struct fact *facts)
{
    struct seen seen = visit_kind(v, node, facts);
    if (type_is_plain(node->type))
        seen.taint = 0;
    if (seen.path != NULL) {
        seen.may_be_null = may_be_null_here(v, node->type, seen.path, facts);
        seen.holds_null = holds_null_here(v, node->type, seen.path, facts);
    } else if (!seen.is_told) {
        seen.may_be_null = may_be_null_here(v, node->type, NULL, facts);
    }
    return seen;
}

/* ---- whole expressions ---- */

static uint32_t hash_of(const struct expr *expr)
{
    uint64_t bits = (uintptr_t)expr;
    return (uint32_t)((bits * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

bool lint_examine_init(struct linter *l)
{
    const struct reader *r = l->reader;
    uint32_t size = 64;
    while (size < r->site_count * 2)
        size *= 2;
    l->table = ARENA_ARRAY(&l->arena, size, uint32_t);
    l->examined = ARENA_ARRAY(&l->arena, r->site_count + 1, struct examined);
    l->table_mask = size - 1;
    if (l->table == NULL || l->examined == NULL)
        return false;
    memset(l->table, 0, size * sizeof *l->table);
    for (uint32_t i = 0; i < r->site_count; i++) {
        uint32_t at = hash_of(r->sites[i].expr) & l->table_mask;
        while (l->table[at] != 0)
            at = (at + 1) & l->table_mask;
        l->table[at] = i + 1;
        l->examined[i] = (struct examined){ .site = &r->sites[i] };
    }
    return true;
}

static struct examined *find(const struct linter *l, const struct expr *expr)
{
    for (uint32_t at = hash_of(expr) & l->table_mask; l->table[at] != 0; at = (at + 1) & l->table_mask)
        if (l->examined[l->table[at] - 1].site->expr == expr)
            return &l->examined[l->table[at] - 1];
    return NULL;
}

const struct node *lint_tree(struct linter *l, const struct expr *expr)
{
    const struct examined *examined = expr != NULL ? find(l, expr) : NULL;
    return examined != NULL ? examined->root : NULL;
}

struct text_place lint_place(struct linter *l, const struct expr *expr, uint32_t line, uint32_t column)
{
    const struct examined *examined = find(l, expr);
    return examined != NULL ? reader_site_place(l->reader, examined->site, line, column)
                            : (struct text_place){ 1, 1 };
}

/* Parses it again, since the checker writes into the tree; false when its types do not go together. */
static bool check(struct linter *l, struct flow *flow, struct examined *examined)
{
    struct expr_env env = { .names = l->names, .name_count = l->name_count, .is_tolerant = true };
    struct checked checked;
    struct node *root = NULL;
    struct err_info why = { 0 };
    enum err result = ast_parse(&l->arena, expr_source(examined->site->expr), &root, &why);
    if (result == ERR_OK)
        result = check_tree(&l->arena, &env, root, &checked, &why);
    examined->root = NULL;
    if (result == ERR_OK) {
        examined->root = root;
        examined->verdict.type = checked.type;
        examined->version = l->version;
        return true;
    }
    if (result == ERR_MEMORY)
        l->is_out_of_memory = true;
    else if (flow != NULL) {
        struct text_place at = reader_site_place(l->reader, examined->site, why.line, why.column);
        const char *code = result == ERR_LIMIT || why.name == NULL ? "expr_limit" : why.name;
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, code, at.line, at.column, "%s", why.text);
    }
    return false;
}

/* What an expression with a fault reads is read all the same. */
static void note_reads(struct linter *l, const struct flow *flow, const struct expr *expr)
{
    uint32_t count = 0;
    const struct expr_reference *references = expr_references(expr, &count);
    for (uint32_t i = 0; flow != NULL && i < count; i++) {
        if (!str_equal(references[i].root, STR("vars")) || references[i].field_count == 0)
            continue;
        struct variable *variable = lint_find_variable(l, references[i].fields[0]);
        if (variable != NULL)
            variable->is_read = true;
    }
}

/* The type that a value has by what is seen where it is made. */
static const struct type *seen_type(
    const struct visit *v, const struct node *root, const struct seen *seen, const struct type *type)
{
    if (type->kind == TYPE_NULLABLE && !seen->may_be_null)
        return type->item; /* a condition says so */
    if (type->kind != TYPE_LIST || root->kind != NODE_LOOP)
        return type;
    if (root->loop == LOOP_FILTER && v->filtered == root && v->filter_item != NULL)
        return lint_refined(v, type);
    bool is_known = root->loop == LOOP_MAP || loop_is_each(root->loop);
    if (!is_known || type->item->kind != TYPE_NULLABLE || seen->holds_null)
        return type;
    const struct type *list = type_list_of(&v->l->arena, type->item->item);
    v->l->is_out_of_memory = v->l->is_out_of_memory || list == NULL;
    return list != NULL ? list : type;
}

struct verdict lint_examine(struct linter *l, struct flow *flow, const struct expr *expr)
{
    struct verdict failed = { &type_error, 0 };
    struct examined *examined = expr != NULL ? find(l, expr) : NULL;
    if (examined == NULL)
        return failed;
    bool is_good = examined->root != NULL && (examined->is_fixed || examined->version == l->version);
    if (!is_good && !check(l, flow, examined)) {
        note_reads(l, flow, expr);
        return failed;
    }
    struct visit v = { .l = l, .flow = flow, .site = examined->site, .is_fixed = true };
    l->bounds = NULL;
    struct seen seen = lint_visit_node(&v, examined->root, flow != NULL ? flow->facts : NULL);
    lint_visit_whole(&v, examined->root, &seen);
    examined->verdict.taint = seen.taint;
    examined->is_fixed = v.is_fixed;
    struct verdict verdict = examined->verdict;
    if (v.is_deferred) {
        examined->root = flow != NULL ? examined->root : NULL;
        verdict.type = flow != NULL ? &type_dyn : NULL;
    }
    if (verdict.type != NULL)
        verdict.type = seen_type(&v, examined->root, &seen, verdict.type);
    return verdict;
}
