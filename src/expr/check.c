#include "expr/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "expr/infer.h"
#include "expr/parse.h"
#include "expr/resolve.h"

struct checker {
    struct arena *arena;
    const struct expr_env *env;
    struct inference inference;
    const struct local *scope; /* innermost */
    struct expr_reference *references;
    uint32_t reference_count, reference_room;
};

/* Larger literals are tables, not records; each pair of keys is compared. */
#define RECORD_LITERAL_FIELDS_MAX 64

static FALLIBLE check_node(struct checker *checker, struct node *node, struct err_info *why);
static FALLIBLE check_inner(struct checker *checker, struct node *node, struct err_info *why);

static FALLIBLE refuse(const struct node *node, struct err_info *why, const char *format, ...)
    PRINTF_LIKE(3, 4);

static FALLIBLE refuse(const struct node *node, struct err_info *why, const char *format, ...)
{
    char text[ERR_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return err_at(why, ERR_INVALID, "expr_check", node->line, node->column, "%s", text);
}

/* An unchecked expression may hold what can't be evaluated, in a branch that never is. */
static FALLIBLE refuse_or_fail(struct checker *checker, struct node *node, struct err_info *why,
    const char *format, ...) PRINTF_LIKE(4, 5);

static FALLIBLE refuse_or_fail(
    struct checker *checker, struct node *node, struct err_info *why, const char *format, ...)
{
    char text[ERR_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (!checker->env->is_unchecked)
        return refuse(node, why, "%s", text);
    TRY(arena_str(checker->arena, str_of(text), &node->name, why));
    node->kind = NODE_FAIL;
    node->type = &type_dyn;
    node->count = 0;
    return ERR_OK;
}

struct type_text {
    char text[160];
};

static struct type_text type_text(struct checker *checker, const struct type *type)
{
    struct type_text text = { .text = "" };
    AUTO(buf) struct buf buf = { .bytes_max = 64 * KIB };
    type_print(&buf, infer_settle(&checker->inference, type));
    snprintf(text.text, sizeof(text.text), "%.*s", STR_ARG(buf_str(&buf)));
    return text;
}

static const struct type *resolved(struct checker *checker, const struct node *node)
{
    return infer_resolve(&checker->inference, node->type);
}

static FALLIBLE require(struct checker *checker, const struct node *node, const struct type *type,
    const char *what, struct err_info *why)
{
    if (infer_assign(&checker->inference, type, node->type))
        return ERR_OK;
    return refuse(node, why, "%s must be %s, not %s", what, type_text(checker, type).text,
        type_text(checker, node->type).text);
}

/* ---- references ---- */

static bool is_field_index(const struct node *node)
{
    return node->kind == NODE_CALL && node->count == 2 &&
        (str_equal(node->name, STR("_[_]")) || str_equal(node->name, STR("_[?_]"))) &&
        node->children[1]->kind == NODE_CONST && node->children[1]->value.type == VALUE_STRING;
}

static bool is_path_part(const struct node *node)
{
    return node->kind == NODE_SELECT || is_field_index(node);
}

static bool is_tested(const struct node *node)
{
    return node->is_test || node->is_optional ||
        (node->kind == NODE_CALL && str_equal(node->name, STR("_[?_]")));
}

static FALLIBLE add_reference(
    struct checker *checker, const struct expr_reference *reference, struct err_info *why)
{
    if (checker->reference_count == checker->reference_room) {
        uint32_t room = checker->reference_room ? checker->reference_room * 2 : 8;
        struct expr_reference *grown = ARENA_ARRAY(checker->arena, room, struct expr_reference);
        if (grown == NULL)
            return err_memory(why);
        if (checker->reference_count > 0)
            memcpy(grown, checker->references, checker->reference_count * sizeof(*grown));
        checker->references = grown;
        checker->reference_room = room;
    }
    checker->references[checker->reference_count++] = *reference;
    return ERR_OK;
}

/* The item of a list that a path goes over: the path goes on into the list. */
static bool is_item(const struct node *node)
{
    return node->kind == NODE_NAME && node->reference == NAME_LOCAL && node->local->range != NULL;
}

static const struct node *inward(const struct node *part)
{
    return is_item(part) ? part->local->range : part->children[0];
}

/* `node` is the end of a path. Adds what it refers to when a variable stands at its start. */
static FALLIBLE record_path(struct checker *checker, const struct node *node, struct err_info *why)
{
    uint32_t count = 0, plain = 0; /* fields, and how many of them are read before the first test */
    const struct node *root = node;
    for (; is_path_part(root) || is_item(root); root = inward(root)) {
        if (is_item(root))
            continue;
        count++;
        plain++;
        if (is_tested(root))
            plain = 0;
    }
    if (root->kind != NODE_NAME || root->reference != NAME_VARIABLE)
        return ERR_OK;
    struct str *fields = ARENA_ARRAY(checker->arena, count ? count : 1, struct str);
    if (fields == NULL)
        return err_memory(why);
    /* `plain` counted from the end down to the last test met, which is the first of the path. */
    const struct node *last_plain = root;
    uint32_t at = count;
    for (const struct node *part = node; part != root; part = inward(part)) {
        if (is_item(part))
            continue;
        fields[--at] = part->kind == NODE_SELECT ? part->name : value_str(part->children[1]->value);
        if (last_plain == root && at + 1 == plain)
            last_plain = part;
    }
    struct expr_reference reference = { .root = root->name,
        .fields = fields,
        .field_count = plain,
        .kind = EXPR_READS,
        .line = last_plain->line,
        .column = last_plain->column,
        .type = last_plain->type };
    if (plain > 0 || count == 0)
        TRY(add_reference(checker, &reference, why));
    if (plain == count)
        return ERR_OK;
    reference = (struct expr_reference){ .root = root->name,
        .fields = fields,
        .field_count = count,
        .kind = EXPR_TESTS,
        .line = node->line,
        .column = node->column,
        .type = node->type };
    return add_reference(checker, &reference, why);
}

/* The operand of a path's part: recorded only when the path does not go on. */
static FALLIBLE check_operand(struct checker *checker, struct node *node, struct err_info *why)
{
    return is_path_part(node) || node->kind == NODE_NAME ? check_inner(checker, node, why)
                                                         : check_node(checker, node, why);
}

/* ---- names and selections ---- */

static FALLIBLE check_name(struct checker *checker, struct node *node, struct err_info *why)
{
    struct qualified_name name;
    const struct local *local = node->is_root ? NULL : resolve_local(checker->scope, node->name);
    if (local != NULL) {
        node->reference = NAME_LOCAL;
        node->local = local;
        node->type = local->type;
        return ERR_OK;
    }
    if (qualified_name(node, &name) && resolve_name(checker->env, &name, node))
        return ERR_OK;
    char suggestion[128];
    resolve_suggestion(checker->env, checker->scope, node->name, suggestion, sizeof(suggestion));
    return refuse_or_fail(
        checker, node, why, "undeclared reference to '%.*s'%s", STR_ARG(node->name), suggestion);
}

/* The longest prefix of a.b.c that is a name wins over selecting a field. */
static bool resolve_selection(struct checker *checker, struct node *node)
{
    struct qualified_name name;
    if (!qualified_name(node, &name))
        return false;
    if (!name.root->is_root && resolve_local(checker->scope, name.root->name) != NULL)
        return false;
    return resolve_name(checker->env, &name, node);
}

static FALLIBLE select_field(struct checker *checker, const struct node *node, const struct type *record,
    const struct type **ret, struct err_info *why)
{
    struct str name = node->kind == NODE_SELECT ? node->name : value_str(node->children[1]->value);
    const struct type_field *field = type_find_field(record, name);
    *ret = field != NULL ? field->type : &type_dyn;
    if (field != NULL || record->is_open || checker->env->is_tolerant)
        return ERR_OK;
    const struct type_field *nearest = type_nearest_field(record, name);
    if (nearest != NULL)
        return refuse(
            node, why, "no field '%.*s'; did you mean '%.*s'?", STR_ARG(name), STR_ARG(nearest->name));
    return refuse(node, why, "no field '%.*s'", STR_ARG(name));
}

/* The type of operand.name, the operand being neither optional nor to be tested. */
static FALLIBLE selected_type(struct checker *checker, const struct node *node, const struct type *operand,
    const struct type **ret, struct err_info *why)
{
    operand = infer_resolve(&checker->inference, operand);
    if (operand->kind == TYPE_NULLABLE)
        operand = infer_resolve(&checker->inference, operand->item);
    switch (operand->kind) {
    case TYPE_RECORD: return select_field(checker, node, operand, ret, why);
    case TYPE_MAP: *ret = operand->item; return ERR_OK;
    case TYPE_PARAMETER:
        (void)infer_assign(&checker->inference, &type_dyn, operand); /* dyn takes everything */
        *ret = &type_dyn;
        return ERR_OK;
    case TYPE_DYN:
    case TYPE_ERROR: *ret = &type_dyn; return ERR_OK;
    default:
        *ret = &type_dyn;
        if (checker->env->is_tolerant)
            return ERR_OK;
        return refuse(node, why, "a value of type %s has no fields%s", type_text(checker, operand).text,
            operand->kind == TYPE_LIST ? "; x[*].f takes one from each item" : "");
    }
}

static FALLIBLE check_select(struct checker *checker, struct node *node, struct err_info *why)
{
    if (!node->is_test && !node->is_optional && resolve_selection(checker, node))
        return ERR_OK;
    TRY(check_operand(checker, node->children[0], why));
    const struct type *operand = resolved(checker, node->children[0]);
    node->type = &type_dyn;
    if (checker->env->is_unchecked)
        return ERR_OK;
    bool is_optional = operand->kind == TYPE_OPTIONAL;
    const struct type *type = NULL;
    TRY(selected_type(checker, node, is_optional ? operand->item : operand, &type, why));
    if (node->is_test)
        node->type = &type_bool;
    else if (is_optional || node->is_optional)
        node->type = infer_optional(&checker->inference, type);
    else
        node->type = type;
    return ERR_OK;
}

/* ---- calls ---- */

/* "+" of "_+_". */
static struct str operator_mark(struct str name)
{
    size_t from = name.data[0] == '_' ? 1 : 0, to = name.size;
    if (name.data[to - 1] == '_')
        to--;
    return str_slice(name, from, to);
}

static FALLIBLE no_overload(struct checker *checker, const struct node *node, const struct type *const *types,
    uint32_t count, struct err_info *why)
{
    AUTO(buf) struct buf list = { .bytes_max = 64 * KIB };
    for (uint32_t i = 0; i < count; i++) {
        bool is_receiver = node->is_member && i == 0;
        if (i > (node->is_member ? 1u : 0u))
            buf_add_text(&list, ", ");
        if (!is_receiver)
            buf_add_text(&list, type_text(checker, types[i]).text);
    }
    struct str name = node->name;
    if (name.data[0] == '_' || name.data[0] == '!' || name.data[0] == '-')
        return refuse(node, why, "operator '%.*s' is not for (%.*s)", STR_ARG(operator_mark(name)),
            STR_ARG(buf_str(&list)));
    if (node->is_member)
        return refuse(node, why, "no such overload: %s.%.*s(%.*s)", type_text(checker, types[0]).text,
            STR_ARG(name), STR_ARG(buf_str(&list)));
    return refuse(
        node, why, "no such overload: %.*s(%.*s)", STR_ARG(node->function->name), STR_ARG(buf_str(&list)));
}

/* The type that holds both when neither takes the other: a value or null, or anything. */
static const struct type *either(struct checker *checker, const struct type *a, const struct type *b)
{
    a = infer_resolve(&checker->inference, a);
    b = infer_resolve(&checker->inference, b);
    if (a->kind != TYPE_NULL && b->kind != TYPE_NULL)
        return &type_dyn;
    struct type *nullable = ARENA_NEW(checker->arena, struct type);
    if (nullable == NULL) {
        checker->inference.is_out_of_memory = true;
        return &type_dyn;
    }
    *nullable = (struct type){ .kind = TYPE_NULLABLE, .item = a->kind == TYPE_NULL ? b : a };
    return nullable;
}

static bool is_number(const struct type *type)
{
    return type->kind == TYPE_INT || type->kind == TYPE_UINT || type->kind == TYPE_DOUBLE;
}

/* What no overload is declared for and what nevertheless evaluates: x == null, 1 == 1.0, [1] + ["a"],
 * x.orValue(null). NULL for everything else. */
static const struct type *tolerated(
    struct checker *checker, const struct node *node, const struct type *const *types)
{
    if (!checker->env->is_tolerant || node->count != 2)
        return NULL;
    const struct type *a = infer_resolve(&checker->inference, types[0]);
    const struct type *b = infer_resolve(&checker->inference, types[1]);
    struct str name = node->name;
    if (str_equal(name, STR("_==_")) || str_equal(name, STR("_!=_")))
        return a->kind == TYPE_NULL || b->kind == TYPE_NULL || (is_number(a) && is_number(b)) ? &type_bool
                                                                                              : NULL;
    if (str_equal(name, STR("_+_")))
        return a->kind == TYPE_LIST && b->kind == TYPE_LIST ? &type_list_dyn : NULL;
    if (str_equal(name, STR("orValue")) && a->kind == TYPE_OPTIONAL)
        return either(checker, a->item, b);
    return NULL;
}

/* math.abs(x) is parsed as a method of `math`; drops the prefix when such a function exists. */
static void resolve_namespace(struct checker *checker, struct node *node)
{
    struct qualified_name prefix;
    if (!node->is_member || !qualified_name(node->children[0], &prefix))
        return;
    bool is_root = prefix.root->is_root;
    if (!is_root && resolve_local(checker->scope, prefix.root->name) != NULL)
        return;
    node->function = resolve_function(
        checker->env, is_root, (struct str){ prefix.text, prefix.size }, node->name);
    if (node->function == NULL)
        return;
    node->is_member = false;
    node->children++;
    node->count--;
}

static FALLIBLE unknown_function(struct checker *checker, struct node *node, struct err_info *why)
{
    struct qualified_name prefix = { .size = 0 };
    const char *usage = macro_usage(node->name);
    if (usage != NULL)
        return refuse_or_fail(
            checker, node, why, "the macro '%.*s' is written as %s", STR_ARG(node->name), usage);
    char whole[QUALIFIED_NAME_BYTES_MAX + 256];
    if (node->is_member && qualified_name(node->children[0], &prefix))
        snprintf(whole, sizeof(whole), "%.*s.%.*s", (int)prefix.size, prefix.text, STR_ARG(node->name));
    else
        snprintf(whole, sizeof(whole), "%.*s", STR_ARG(node->name));
    struct str nearest = function_nearest(str_of(whole));
    if (nearest.data == NULL)
        nearest = function_nearest(node->name);
    if (nearest.data != NULL)
        return refuse_or_fail(checker, node, why, "no function '%.*s'; did you mean '%.*s'?",
            STR_ARG(node->name), STR_ARG(nearest));
    return refuse_or_fail(checker, node, why, "no function '%.*s'", STR_ARG(node->name));
}

static FALLIBLE check_field_index(
    struct checker *checker, struct node *node, bool *ret_done, struct err_info *why)
{
    const struct type *operand = resolved(checker, node->children[0]);
    const struct type *type = NULL;
    bool is_optional = is_tested(node) || operand->kind == TYPE_OPTIONAL;
    if (operand->kind == TYPE_OPTIONAL)
        operand = infer_resolve(&checker->inference, operand->item);
    if (operand->kind == TYPE_NULLABLE)
        operand = operand->item;
    *ret_done = operand->kind == TYPE_RECORD;
    if (!*ret_done)
        return ERR_OK;
    TRY(select_field(checker, node, operand, &type, why));
    node->type = is_optional ? infer_optional(&checker->inference, type) : type;
    return ERR_OK;
}

static FALLIBLE check_call(struct checker *checker, struct node *node, struct err_info *why)
{
    resolve_namespace(checker, node);
    if (node->function == NULL)
        node->function = resolve_function(checker->env, node->is_root, (struct str){ NULL, 0 }, node->name);
    if (node->function == NULL)
        return unknown_function(checker, node, why);
    bool is_path = is_path_part(node);
    const struct type *few[8];
    const struct type **types = node->count <= 8
        ? few
        : ARENA_ARRAY(checker->arena, node->count, const struct type *);
    if (types == NULL)
        return err_memory(why);
    for (uint32_t i = 0; i < node->count; i++) {
        TRY(is_path && i == 0 ? check_operand(checker, node->children[i], why)
                              : check_node(checker, node->children[i], why));
        types[i] = node->children[i]->type;
    }
    bool is_done = false;
    if (is_path && !checker->env->is_unchecked)
        TRY(check_field_index(checker, node, &is_done, why));
    if (is_done)
        return ERR_OK;
    node->type = infer_call(&checker->inference, node->function, node->is_member, types, node->count);
    if (node->type == NULL)
        node->type = tolerated(checker, node, types);
    return node->type != NULL ? ERR_OK : no_overload(checker, node, types, node->count, why);
}

/* ---- literals ---- */

static FALLIBLE entry_type(struct checker *checker, const struct node *node, bool is_optional,
    const struct type **ret, struct err_info *why)
{
    *ret = node->type;
    if (!is_optional || checker->env->is_unchecked)
        return ERR_OK;
    const struct type *item = infer_fresh(&checker->inference);
    TRY(require(checker, node, infer_optional(&checker->inference, item), "an entry behind '?'", why));
    *ret = item;
    return ERR_OK;
}

static FALLIBLE check_list(struct checker *checker, struct node *node, struct err_info *why)
{
    const struct type *item = NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct type *type = NULL;
        TRY(check_node(checker, node->children[i], why));
        TRY(entry_type(
            checker, node->children[i], node->optional_entries && node->optional_entries[i], &type, why));
        item = infer_join(&checker->inference, item, type);
    }
    node->type = infer_list(&checker->inference, item ? item : infer_fresh(&checker->inference));
    return ERR_OK;
}

/* What can be no key fails when it is evaluated; as a type it would only make maps of maps of maps, which a
 * chain of bindings doubles at each step. */
static const struct type *key_type(struct checker *checker, const struct node *node)
{
    const struct type *type = resolved(checker, node);
    return type->item != NULL || type->kind == TYPE_RECORD ? &type_dyn : type;
}

/* Whether a map's keys all stand in the text, each of them always and once. */
static bool has_written_keys(const struct node *node)
{
    for (uint32_t i = 0; i < node->count; i += 2) {
        const struct node *key = node->children[i];
        if (key->kind != NODE_CONST || key->value.type != VALUE_STRING ||
            (node->optional_entries != NULL && node->optional_entries[i / 2]))
            return false;
        for (uint32_t k = 0; k < i; k += 2)
            if (value_equal(node->children[k]->value, key->value))
                return false;
    }
    return node->count > 0 && node->count <= 2 * RECORD_LITERAL_FIELDS_MAX;
}

/* {'name': x} for the linter, which wants to know its fields. */
static FALLIBLE check_record(struct checker *checker, struct node *node, struct err_info *why)
{
    uint32_t count = node->count / 2;
    struct type_field *fields = ARENA_ARRAY(checker->arena, count, struct type_field);
    struct type *record = ARENA_NEW(checker->arena, struct type);
    if (fields == NULL || record == NULL)
        return err_memory(why);
    for (uint32_t i = 0; i < count; i++) {
        TRY(check_node(checker, node->children[2 * i], why));
        TRY(check_node(checker, node->children[2 * i + 1], why));
        fields[i] = (struct type_field){ .name = value_str(node->children[2 * i]->value),
            .type = infer_settle(&checker->inference, node->children[2 * i + 1]->type),
            .is_required = true };
    }
    *record = (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = count };
    node->type = record;
    return ERR_OK;
}

static FALLIBLE check_map(struct checker *checker, struct node *node, struct err_info *why)
{
    if (checker->env->is_tolerant && has_written_keys(node))
        return check_record(checker, node, why);

    const struct type *key = NULL, *item = NULL;
    for (uint32_t i = 0; i < node->count; i += 2) {
        const struct type *type = NULL;
        TRY(check_node(checker, node->children[i], why));
        key = infer_join(&checker->inference, key, key_type(checker, node->children[i]));
        TRY(check_node(checker, node->children[i + 1], why));
        TRY(entry_type(checker, node->children[i + 1],
            node->optional_entries && node->optional_entries[i / 2], &type, why));
        item = infer_join(&checker->inference, item, type);
    }
    if (key == NULL) {
        key = infer_fresh(&checker->inference);
        item = infer_fresh(&checker->inference);
    }
    node->type = infer_map(&checker->inference, key, item);
    return ERR_OK;
}

/* ---- logic ---- */

static FALLIBLE check_logic(struct checker *checker, struct node *node, struct err_info *why)
{
    const char *what = node->kind == NODE_AND ? "an operand of '&&'" : "an operand of '||'";
    for (uint32_t i = 0; i < node->count; i++) {
        TRY(check_node(checker, node->children[i], why));
        TRY(require(checker, node->children[i], &type_bool, what, why));
    }
    node->type = &type_bool;
    return ERR_OK;
}

static FALLIBLE check_condition(struct checker *checker, struct node *node, struct err_info *why)
{
    for (uint32_t i = 0; i < 3; i++)
        TRY(check_node(checker, node->children[i], why));
    TRY(require(checker, node->children[0], &type_bool, "the condition in front of '?'", why));
    const struct type *branch = infer_fresh(&checker->inference);
    node->type = &type_dyn;
    if (checker->env->is_unchecked)
        return ERR_OK;
    (void)infer_assign(&checker->inference, branch, node->children[1]->type); /* what is fresh takes all */
    bool is_one_type = infer_assign(&checker->inference, branch, node->children[2]->type);
    if (!is_one_type && checker->env->is_tolerant)
        branch = either(checker, node->children[1]->type, node->children[2]->type);
    else if (!is_one_type)
        return refuse(node, why,
            "the branches of '?:' have different types, %s and %s; dyn() of one makes it dynamic",
            type_text(checker, node->children[1]->type).text,
            type_text(checker, node->children[2]->type).text);
    node->type = branch;
    return ERR_OK;
}

/* ---- macros ---- */

static FALLIBLE no_range(
    struct checker *checker, const struct node *node, const struct type *range, struct err_info *why)
{
    bool has_keys = range->kind == TYPE_MAP || range->kind == TYPE_RECORD;
    if (!loop_is_each(node->loop))
        return refuse(node->children[0], why, "%.*s() goes over a list or a map, not over %s",
            STR_ARG(node->name), type_text(checker, range).text);
    return refuse(node->children[0], why, "no such overload: %s[*]; '[*]' takes the items of a list%s",
        type_text(checker, range).text,
        has_keys ? ", the values of a map are m.transformList(key, v, v.field)" : "");
}

/* What the variables of a loop stand for. */
static FALLIBLE loop_variables(struct checker *checker, const struct node *node, struct err_info *why)
{
    bool is_each = loop_is_each(node->loop);
    const struct type *range = resolved(checker, node->children[0]);
    const struct type *first = &type_dyn, *second = &type_dyn;
    if (is_each && range->kind == TYPE_OPTIONAL)
        range = infer_resolve(&checker->inference, range->item);
    if (range->kind == TYPE_NULLABLE)
        range = infer_resolve(&checker->inference, range->item);
    if (is_each && (range->kind == TYPE_MAP || range->kind == TYPE_RECORD) && !checker->env->is_unchecked)
        return no_range(checker, node, range, why);
    switch (range->kind) {
    case TYPE_LIST:
        first = node->local_count == 2 ? &type_int : range->item;
        second = range->item;
        break;
    case TYPE_MAP:
        first = range->key;
        second = range->item;
        break;
    case TYPE_RECORD: first = &type_string; break;
    case TYPE_DYN:
    case TYPE_ERROR:
    case TYPE_PARAMETER: break;
    default:
        if (!checker->env->is_unchecked)
            return no_range(checker, node, range, why);
    }
    node->locals[0].type = first;
    if (node->local_count == 2)
        node->locals[1].type = second;
    return ERR_OK;
}

static void enter(struct checker *checker, struct node *node, uint32_t from)
{
    for (uint32_t i = from; i < node->local_count; i++) {
        node->locals[i].outer = checker->scope;
        checker->scope = &node->locals[i];
    }
}

static FALLIBLE loop_result(struct checker *checker, struct node *node, struct err_info *why)
{
    struct inference *inference = &checker->inference;
    const struct node *body = node->children[2];
    switch ((enum loop_kind)node->loop) {
    case LOOP_ALL:
    case LOOP_EXISTS:
    case LOOP_EXISTS_ONE:
        node->type = &type_bool;
        return require(checker, body, &type_bool, "the predicate", why);
    case LOOP_FILTER:
        node->type = infer_list(inference, node->locals[0].type);
        return require(checker, body, &type_bool, "the predicate", why);
    case LOOP_MAP: node->type = infer_list(inference, body->type); return ERR_OK;
    case LOOP_SORT_BY: node->type = infer_list(inference, node->locals[0].type); return ERR_OK;
    case LOOP_TRANSFORM_MAP:
        node->type = infer_map(inference, node->locals[0].type, body->type);
        return ERR_OK;
    case LOOP_TRANSFORM_ENTRY:
        node->type = infer_map(inference, infer_fresh(inference), infer_fresh(inference));
        return require(checker, body, node->type, "the entry", why);
    case LOOP_EACH: node->type = infer_list(inference, body->type); return ERR_OK;
    case LOOP_EACH_FLAT: node->type = body->type; return ERR_OK; /* a list, of a loop like this one */
    case LOOP_EACH_PRESENT: {
        const struct type *item = infer_fresh(inference);
        node->type = infer_list(inference, item);
        return require(checker, body, infer_optional(inference, item), "what stands behind '?'", why);
    }
    }
    return ERR_OK;
}

static FALLIBLE check_loop(struct checker *checker, struct node *node, struct err_info *why)
{
    /* The path behind a [*] is recorded with the range's in front of it. */
    TRY(loop_is_each(node->loop) ? check_operand(checker, node->children[0], why)
                                 : check_node(checker, node->children[0], why));
    TRY(loop_variables(checker, node, why));
    const struct local *outer = checker->scope;
    enter(checker, node, 0);
    if (node->children[1] != NULL) {
        TRY(check_node(checker, node->children[1], why));
        TRY(require(checker, node->children[1], &type_bool, "the predicate", why));
    }
    TRY(check_node(checker, node->children[2], why));
    checker->scope = outer;
    return loop_result(checker, node, why);
}

/* cel.bind and cel.block: each value is in scope behind the place where it stands. */
static FALLIBLE check_bindings(struct checker *checker, struct node *node, struct err_info *why)
{
    const struct local *outer = checker->scope;
    for (uint32_t i = 0; i < node->local_count; i++) {
        TRY(check_node(checker, node->children[i], why));
        node->locals[i].type = node->children[i]->type;
        node->locals[i].can_fail = node->children[i]->kind != NODE_CONST;
        node->locals[i].outer = checker->scope;
        checker->scope = &node->locals[i];
    }
    TRY(check_node(checker, node->children[node->local_count], why));
    checker->scope = outer;
    node->type = node->children[node->local_count]->type;
    return ERR_OK;
}

static FALLIBLE check_opt_map(struct checker *checker, struct node *node, struct err_info *why)
{
    const struct type *inside = infer_fresh(&checker->inference);
    const struct local *outer = checker->scope;
    TRY(check_node(checker, node->children[0], why));
    TRY(require(checker, node->children[0], infer_optional(&checker->inference, inside), "the value", why));
    node->locals[0].type = inside;
    enter(checker, node, 0);
    TRY(check_node(checker, node->children[1], why));
    checker->scope = outer;
    node->type = infer_optional(&checker->inference, node->children[1]->type);
    if (!node->is_optional)
        return ERR_OK;
    node->type = infer_optional(&checker->inference, infer_fresh(&checker->inference));
    return require(checker, node->children[1], node->type, "the result of optFlatMap", why);
}

static FALLIBLE check_inner(struct checker *checker, struct node *node, struct err_info *why)
{
    switch ((enum node_kind)node->kind) {
    case NODE_CONST: node->type = type_of_scalar(node->value); return ERR_OK;
    case NODE_NAME: return check_name(checker, node, why);
    case NODE_SELECT: return check_select(checker, node, why);
    case NODE_CALL: return check_call(checker, node, why);
    case NODE_LIST: return check_list(checker, node, why);
    case NODE_MAP: return check_map(checker, node, why);
    case NODE_MESSAGE:
        return refuse_or_fail(checker, node, why,
            "no message type '%.*s'; values are JSON's, write a map: {'field': …}", STR_ARG(node->name));
    case NODE_AND:
    case NODE_OR: return check_logic(checker, node, why);
    case NODE_CONDITION: return check_condition(checker, node, why);
    case NODE_LOOP: return check_loop(checker, node, why);
    case NODE_BIND:
    case NODE_BLOCK: return check_bindings(checker, node, why);
    case NODE_OPT_MAP: return check_opt_map(checker, node, why);
    case NODE_FAIL: return ERR_OK;
    }
    return ERR_OK;
}

static FALLIBLE check_node(struct checker *checker, struct node *node, struct err_info *why)
{
    TRY(check_inner(checker, node, why));
    if (node->kind == NODE_NAME || is_path_part(node))
        return record_path(checker, node, why);
    return ERR_OK;
}

/* Depth is bounded by the parser's EXPR_DEPTH_MAX. */
static void settle_tree(struct checker *checker, struct node *node)
{
    if (node->type != NULL)
        node->type = infer_settle(&checker->inference, node->type);
    for (uint32_t i = 0; i < node->local_count; i++)
        if (node->locals[i].type != NULL)
            node->locals[i].type = infer_settle(&checker->inference, node->locals[i].type);
    for (uint32_t i = 0; i < node->count; i++)
        if (node->children[i] != NULL)
            settle_tree(checker, node->children[i]);
}

FALLIBLE check_tree(struct arena *arena, const struct expr_env *env, struct node *root, struct checked *ret,
    struct err_info *why)
{
    struct checker checker = {
        .arena = arena, .env = env, .inference = { .arena = arena, .is_lenient = env->is_unchecked }
    };
    TRY(check_node(&checker, root, why));
    struct checked checked = { .type = infer_settle(&checker.inference, root->type),
        .references = checker.references,
        .reference_count = checker.reference_count };
    for (uint32_t i = 0; i < checked.reference_count; i++)
        checked.references[i].type = infer_settle(&checker.inference, checked.references[i].type);
    if (env->is_tolerant)
        settle_tree(&checker, root);
    if (checker.inference.is_out_of_memory)
        return err_memory(why);
    *ret = checked;
    return ERR_OK;
}
