#include "expr/infer.h"

#include <string.h>

#include "base/limits.h"

/* Types from outside nest no deeper than this; those of an expression are bounded by its height. */
#define INFER_DEPTH_MAX (2 * EXPR_DEPTH_MAX)

static const struct type *or_dyn(struct inference *inference, const struct type *type)
{
    if (type != NULL)
        return type;
    inference->is_out_of_memory = true;
    return &type_dyn;
}

const struct type *infer_fresh(struct inference *inference)
{
    if (inference->count == inference->room) {
        uint32_t room = inference->room ? inference->room * 2 : 16;
        const struct type **bound = ARENA_ARRAY(inference->arena, room, const struct type *);
        if (bound == NULL)
            return or_dyn(inference, NULL);
        if (inference->count > 0)
            memcpy(bound, inference->bound, inference->count * sizeof(bound[0]));
        inference->bound = bound;
        inference->room = room;
    }
    struct type *type = ARENA_NEW(inference->arena, struct type);
    if (type == NULL)
        return or_dyn(inference, NULL);
    type->kind = TYPE_PARAMETER;
    inference->bound[inference->count++] = NULL;
    type->variable = inference->count;
    return type;
}

const struct type *infer_list(struct inference *inference, const struct type *item)
{
    return or_dyn(inference, type_list_of(inference->arena, item));
}

const struct type *infer_map(struct inference *inference, const struct type *key, const struct type *item)
{
    return or_dyn(inference, type_map_of(inference->arena, key, item));
}

const struct type *infer_optional(struct inference *inference, const struct type *item)
{
    return or_dyn(inference, type_optional_of(inference->arena, item));
}

static bool is_variable(const struct type *type)
{
    return type->kind == TYPE_PARAMETER && type->variable != 0;
}

const struct type *infer_resolve(const struct inference *inference, const struct type *type)
{
    while (is_variable(type) && inference->bound[type->variable - 1] != NULL)
        type = inference->bound[type->variable - 1];
    return type;
}

/* Whether what is known of the type leads to the variable, be it through other variables. */
static bool occurs(const struct inference *inference, const struct type *variable, const struct type *type)
{
    while (is_variable(type)) {
        if (type->variable == variable->variable)
            return true;
        if (inference->bound[type->variable - 1] == NULL)
            return false;
        type = inference->bound[type->variable - 1];
    }
    return (type->item != NULL && occurs(inference, variable, type->item)) ||
        (type->key != NULL && occurs(inference, variable, type->key));
}

static bool is_wild(const struct type *type)
{
    return type->kind == TYPE_DYN || type->kind == TYPE_ERROR;
}

/* Says nothing that `b` does not say more exactly. */
static bool is_more_general(const struct inference *inference, const struct type *a, const struct type *b)
{
    a = infer_resolve(inference, a);
    b = infer_resolve(inference, b);
    if (is_wild(a) || a->kind == TYPE_PARAMETER)
        return true;
    if (is_wild(b) || b->kind == TYPE_PARAMETER)
        return false;
    if (a->kind == TYPE_NULLABLE)
        return is_more_general(inference, a->item, b->kind == TYPE_NULLABLE ? b->item : b);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TYPE_LIST:
    case TYPE_OPTIONAL: return is_more_general(inference, a->item, b->item);
    case TYPE_MAP:
        return is_more_general(inference, a->key, b->key) && is_more_general(inference, a->item, b->item);
    case TYPE_RECORD: return type_equal(a, b);
    default: return true;
    }
}

static const struct type *most_general(
    const struct inference *inference, const struct type *a, const struct type *b)
{
    /* Null fits beside what takes it, but says nothing of it. */
    if (infer_resolve(inference, b)->kind == TYPE_NULL)
        return a;
    if (infer_resolve(inference, a)->kind == TYPE_NULL)
        return b;
    if (is_more_general(inference, a, b))
        return a;
    /* A record beside a map or another record: neither says what both are. */
    return is_more_general(inference, b, a) ? b : &type_dyn;
}

static bool assign(struct inference *inference, const struct type *to, const struct type *from);

/* Without memory for the trail the variable stays as it is; the checker then gives up anyway. */
static void set_bound(struct inference *inference, const struct type *variable, const struct type *type)
{
    const struct type **bound = &inference->bound[variable->variable - 1];
    if (inference->trail_count == inference->trail_room) {
        uint32_t room = inference->trail_room ? inference->trail_room * 2 : 16;
        struct binding *trail = ARENA_ARRAY(inference->arena, room, struct binding);
        if (trail == NULL) {
            inference->is_out_of_memory = true;
            return;
        }
        if (inference->trail_count > 0)
            memcpy(trail, inference->trail, inference->trail_count * sizeof(trail[0]));
        inference->trail = trail;
        inference->trail_room = room;
    }
    inference->trail[inference->trail_count++] = (struct binding){ variable->variable - 1, *bound };
    *bound = type;
}

/* Undoes what was bound since the trail had this length. */
static void undo(struct inference *inference, uint32_t trail_count)
{
    while (inference->trail_count > trail_count) {
        struct binding last = inference->trail[--inference->trail_count];
        inference->bound[last.variable] = last.before;
    }
}

/* Gives the variable the type, or widens what it has. */
static bool bind(struct inference *inference, const struct type *variable, const struct type *type)
{
    const struct type *bound = inference->bound[variable->variable - 1];
    if (bound == NULL) {
        if (occurs(inference, variable, type))
            return infer_resolve(inference, type) == variable;
        set_bound(inference, variable, type);
        return true;
    }
    if (!assign(inference, type, bound))
        return false;
    bound = inference->bound[variable->variable - 1];
    const struct type *wider = most_general(inference, type, bound);
    if (wider != bound && !occurs(inference, variable, wider))
        set_bound(inference, variable, wider);
    return true;
}

static bool is_bound(const struct inference *inference, const struct type *variable)
{
    return inference->bound[variable->variable - 1] != NULL;
}

/* Wrapper-like types hold null; so do the abstract ones (langdef, "Equality", on boxed primitives). */
static bool takes_null(const struct type *type)
{
    return type->kind == TYPE_NULL || type->kind == TYPE_NULLABLE || type->kind == TYPE_TIMESTAMP ||
        type->kind == TYPE_DURATION || type->kind == TYPE_OPTIONAL || type->kind == TYPE_IP ||
        type->kind == TYPE_CIDR;
}

static bool assign_map(struct inference *inference, const struct type *to, const struct type *from)
{
    if (to->kind == TYPE_RECORD && from->kind == TYPE_RECORD)
        return true;
    const struct type *map = to->kind == TYPE_MAP ? to : from;
    const struct type *other = to->kind == TYPE_MAP ? from : to;
    if (other->kind == TYPE_RECORD)
        return assign(inference, map->key, &type_string) && assign(inference, map->item, &type_dyn);
    return assign(inference, to->key, from->key) && assign(inference, to->item, from->item);
}

static bool is_map(const struct type *type)
{
    return type->kind == TYPE_MAP || type->kind == TYPE_RECORD;
}

/* What is of an unknown type may have anything where a variable stands: what is known of that is not all. */
static void widen(struct inference *inference, const struct type *type)
{
    if (is_variable(type))
        (void)bind(inference, type, &type_dyn); /* dyn takes everything */
    if (type->item != NULL)
        widen(inference, type->item);
    if (type->key != NULL)
        widen(inference, type->key);
}

static bool assign(struct inference *inference, const struct type *to, const struct type *from)
{
    if (to == from)
        return true;
    if (is_variable(from)) {
        bool was_bound = is_bound(inference, from);
        if (bind(inference, from, to))
            return true;
        if (was_bound)
            return false;
    }
    if (is_variable(to))
        return bind(inference, to, from);
    if (is_wild(from))
        widen(inference, to);
    if (is_wild(to) || is_wild(from))
        return true;
    if (to->kind == TYPE_NULL)
        return takes_null(from);
    if (from->kind == TYPE_NULL)
        return takes_null(to);
    if (to->kind == TYPE_NULLABLE)
        return assign(inference, to->item, from);
    if (from->kind == TYPE_NULLABLE)
        return assign(inference, to, from->item);
    if (is_map(to) && is_map(from))
        return assign_map(inference, to, from);
    if (to->kind != from->kind)
        return false;
    if (to->kind == TYPE_LIST || to->kind == TYPE_OPTIONAL)
        return assign(inference, to->item, from->item);
    return true;
}

bool infer_assign(struct inference *inference, const struct type *to, const struct type *from)
{
    if (inference->is_lenient)
        return true;
    uint32_t mark = inference->trail_count;
    if (assign(inference, to, from))
        return true;
    undo(inference, mark); /* a failure half-way leaves no trace */
    return false;
}

const struct type *infer_join(struct inference *inference, const struct type *joined, const struct type *next)
{
    if (joined == NULL || inference->is_lenient)
        return next;
    if (joined == next || infer_assign(inference, joined, next))
        return most_general(inference, joined, next);
    return &type_dyn;
}

static const struct type *settle(struct inference *inference, const struct type *type, unsigned depth)
{
    type = infer_resolve(inference, type);
    if (type->kind == TYPE_PARAMETER || depth > INFER_DEPTH_MAX)
        return &type_dyn;
    const struct type *item = NULL, *key = NULL;
    if (type->item != NULL)
        item = settle(inference, type->item, depth + 1);
    if (type->key != NULL)
        key = settle(inference, type->key, depth + 1);
    if (item == type->item && key == type->key)
        return type;
    struct type *settled = ARENA_NEW(inference->arena, struct type);
    if (settled == NULL)
        return or_dyn(inference, NULL);
    *settled = *type;
    settled->item = item;
    settled->key = key;
    return settled;
}

const struct type *infer_settle(struct inference *inference, const struct type *type)
{
    return settle(inference, type, 0);
}

/* ---- overloads ---- */

/* The fresh variables of one overload; declarations use A and B only. */
struct instance {
    const struct type *a, *b;
};

static const struct type *instantiate(
    struct inference *inference, struct instance *instance, const struct type *type)
{
    if (type->kind == TYPE_PARAMETER) {
        const struct type **made = type->name.data[0] == 'A' ? &instance->a : &instance->b;
        if (*made == NULL)
            *made = infer_fresh(inference);
        return *made;
    }
    const struct type *item = type->item ? instantiate(inference, instance, type->item) : NULL;
    const struct type *key = type->key ? instantiate(inference, instance, type->key) : NULL;
    if (item == type->item && key == type->key)
        return type;
    struct type *made = ARENA_NEW(inference->arena, struct type);
    if (made == NULL)
        return or_dyn(inference, NULL);
    *made = *type;
    made->item = item;
    made->key = key;
    return made;
}

static bool try_overload(struct inference *inference, const struct overload *overload,
    const struct type *const *arguments, const struct type **ret_result)
{
    struct instance instance = { NULL, NULL };
    uint32_t mark = inference->trail_count, variables = inference->count;
    for (uint32_t i = 0; i < overload->count; i++) {
        const struct type *parameter = instantiate(inference, &instance, overload->parameters[i]);
        if (!assign(inference, parameter, arguments[i])) {
            undo(inference, mark);
            inference->count = variables;
            return false;
        }
    }
    *ret_result = instantiate(inference, &instance, overload->result);
    return true;
}

static bool same_result(const struct inference *inference, const struct type *a, const struct type *b)
{
    a = infer_resolve(inference, a);
    b = infer_resolve(inference, b);
    if (a == b)
        return true;
    if (a->kind != b->kind || a->kind == TYPE_PARAMETER)
        return false;
    return (a->item == NULL || same_result(inference, a->item, b->item)) &&
        (a->key == NULL || same_result(inference, a->key, b->key));
}

const struct type *infer_call(struct inference *inference, const struct function *function, bool is_member,
    const struct type *const *arguments, uint32_t count)
{
    if (inference->is_lenient)
        return &type_dyn;
    const struct type *result = NULL;
    for (uint32_t i = 0; i < function->overload_count; i++) {
        const struct overload *overload = &function->overloads[i];
        const struct type *here = NULL;
        if (overload->is_member != is_member || overload->count != count)
            continue;
        if (!try_overload(inference, overload, arguments, &here))
            continue;
        if (result == NULL)
            result = here;
        else if (!is_wild(infer_resolve(inference, result)) && !same_result(inference, result, here))
            result = &type_dyn;
    }
    return result;
}
