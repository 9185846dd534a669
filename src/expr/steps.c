/* The steps of operators, calls and literals. */
#include <string.h>

#include "base/limits.h"
#include "expr/compare.h"
#include "expr/lists.h"
#include "expr/machine.h"

/* A text that was made safe for a sink stays so where it is passed on or put beside others that are; whatever
 * else is done with it may undo the encoding. */
static uint8_t safety(const struct function *function, uint8_t flags, uint8_t safe)
{
    /* One encoding over another undoes the first: HTML's "&#39;" ends a shell's word. */
    if (function->is_encoder)
        return flags;
    if (!function->keeps_parts)
        return flags & (uint8_t)~VALUE_SAFE_MASK;
    return flags | (safe & VALUE_SAFE_MASK);
}

static bool is_container(struct value v)
{
    return v.type == VALUE_LIST || v.type == VALUE_MAP || v.type == VALUE_OPTIONAL;
}

/* Texts and what holds them are from outside when a text that they were made of is. Lists and maps that an
 * expression made carry no mark of their own, so that one marked part does not mark its neighbours; a text
 * made out of all of them is looked for the mark inside. */
static FALLIBLE mark_result(
    struct call *call, const struct call_site *site, const struct value *arguments, struct value *v)
{
    struct value_marks marks = value_marks_none(call->cost_max - call->cost);
    bool is_text = v->type == VALUE_STRING || v->type == VALUE_BYTES;
    if (v->type < VALUE_STRING || site->function->gives_own_words)
        return ERR_OK;
    for (uint32_t i = 0; i < site->count; i++) {
        if (is_text || !is_container(arguments[i]))
            value_marks_add(&marks, arguments[i]);
        else if (arguments[i].flags & VALUE_OUTSIDE)
            marks.is_outside = true;
    }
    uint8_t flags = v->flags;
    if (marks.is_outside)
        flags |= VALUE_OUTSIDE;
    v->flags = safety(site->function, flags, marks.is_outside && is_text ? marks.safe : 0);
    return call_charge(call, marks.looked_at);
}

FALLIBLE machine_call(struct machine *machine, const struct call_site *site, struct value *ret)
{
    struct value arguments[FUNCTION_PARAMETERS_MAX];
    for (uint32_t i = 0; i < site->count; i++)
        arguments[i] = machine_operand(machine, site->operands[i]);
    const struct function *function = site->function;
    for (uint32_t i = 0; i < function->overload_count; i++) {
        const struct overload *overload = &function->overloads[i];
        if (!overload_matches(overload, arguments, site->count, site->is_member))
            continue;
        struct value v;
        TRY(overload->apply(&machine->call, arguments, &v));
        TRY(mark_result(&machine->call, site, arguments, &v));
        *ret = v;
        return ERR_OK;
    }
    const char *first = site->count > 0 ? value_type_name(arguments[0].type) : "";
    const char *second = site->count > 1 ? value_type_name(arguments[1].type) : "";
    return call_fail(&machine->call, "no such overload: %.*s(%s%s%s%s)", STR_ARG(function->name), first,
        site->count > 1 ? ", " : "", second, site->count > 2 ? ", …" : "");
}

FALLIBLE step_call(struct machine *machine, const struct step *step)
{
    return machine_call(machine, step->call, &machine->registers[step->dst]);
}

FALLIBLE step_not(struct machine *machine, const struct step *step)
{
    struct value v = machine_operand(machine, step->a);
    if (v.type != VALUE_BOOL)
        return machine_call(machine, step->call, &machine->registers[step->dst]);
    machine->registers[step->dst] = value_bool(!v.boolean);
    return ERR_OK;
}

FALLIBLE step_add(struct machine *machine, const struct step *step)
{
    struct value a = machine_operand(machine, step->a), b = machine_operand(machine, step->b);
    int64_t sum;
    if (a.type == VALUE_INT && b.type == VALUE_INT && !__builtin_add_overflow(a.integer, b.integer, &sum)) {
        machine->registers[step->dst] = value_int(sum);
        return ERR_OK;
    }
    return machine_call(machine, step->call, &machine->registers[step->dst]);
}

FALLIBLE step_subtract(struct machine *machine, const struct step *step)
{
    struct value a = machine_operand(machine, step->a), b = machine_operand(machine, step->b);
    int64_t difference;
    if (a.type == VALUE_INT && b.type == VALUE_INT &&
        !__builtin_sub_overflow(a.integer, b.integer, &difference)) {
        machine->registers[step->dst] = value_int(difference);
        return ERR_OK;
    }
    return machine_call(machine, step->call, &machine->registers[step->dst]);
}

static bool is_small(struct value v)
{
    return v.type <= VALUE_DOUBLE;
}

FALLIBLE step_equal(struct machine *machine, const struct step *step)
{
    struct value a = machine_operand(machine, step->a), b = machine_operand(machine, step->b);
    bool is_equal;
    if (a.type == VALUE_STRING && b.type == VALUE_STRING) {
        is_equal = a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
        machine->call.cost += is_equal ? a.size / CALL_BYTES_PER_UNIT : 0;
    } else if (a.type == VALUE_INT && b.type == VALUE_INT) {
        is_equal = a.integer == b.integer;
    } else if (is_small(a) || is_small(b)) {
        is_equal = compare_equal(a, b);
    } else {
        /* Lists and maps: charged by their size, in the function. */
        struct value result;
        TRY(machine_call(machine, step->call, &result));
        machine->registers[step->dst] = result;
        return ERR_OK;
    }
    machine->registers[step->dst] = value_bool(is_equal == (step->op == STEP_EQUAL));
    return ERR_OK;
}

FALLIBLE step_order(struct machine *machine, const struct step *step)
{
    struct value a = machine_operand(machine, step->a), b = machine_operand(machine, step->b);
    int order = 0;
    bool is_ordered = true;
    if (a.type == VALUE_INT && b.type == VALUE_INT)
        order = a.integer < b.integer ? -1 : a.integer > b.integer;
    else if (!(is_ordered = compare_order(a, b, &order)) && !(compare_is_number(a) && compare_is_number(b)))
        return machine_call(machine, step->call, &machine->registers[step->dst]);
    if (a.type == VALUE_STRING || a.type == VALUE_BYTES)
        machine->call.cost += (a.size < b.size ? a.size : b.size) / CALL_BYTES_PER_UNIT;
    bool is_true = false;
    switch (step->op) {
    case STEP_LESS: is_true = order < 0; break;
    case STEP_LESS_EQUAL: is_true = order <= 0; break;
    case STEP_GREATER: is_true = order > 0; break;
    default: is_true = order >= 0; break;
    }
    machine->registers[step->dst] = value_bool(is_ordered && is_true); /* nothing is in order with NaN */
    return ERR_OK;
}

FALLIBLE step_index(struct machine *machine, const struct step *step)
{
    struct value container = machine_operand(machine, step->a), key = machine_operand(machine, step->b);
    return list_or_map_index(&machine->call, container, key, &machine->registers[step->dst]);
}

/* ---- literals ---- */

/* The value of an entry behind '?'; false when there is none. */
static FALLIBLE unwrap_entry(struct machine *machine, struct value *v, bool *ret_is_there)
{
    if (v->type != VALUE_OPTIONAL)
        return call_fail(
            &machine->call, "an entry behind '?' must be optional, not %s", value_type_name(v->type));
    *ret_is_there = v->inside != NULL;
    if (v->inside != NULL) {
        uint8_t flags = v->flags & VALUE_OUTSIDE;
        *v = *v->inside;
        v->flags |= flags;
    }
    return ERR_OK;
}

FALLIBLE step_literal_list(struct machine *machine, const struct step *step)
{
    const struct literal_site *site = step->literal;
    struct value *items = NULL;
    uint32_t count = 0;
    TRY(call_items(&machine->call, site->count, &items));
    for (uint32_t i = 0; i < site->count; i++) {
        struct value v = machine_operand(machine, site->operands[i]);
        bool is_there = true;
        if (site->optional_entries != NULL && site->optional_entries[i])
            TRY(unwrap_entry(machine, &v, &is_there));
        if (is_there)
            items[count++] = v;
    }
    machine->registers[step->dst] = call_list(items, count);
    return ERR_OK;
}

static FALLIBLE check_key(struct machine *machine, struct value key)
{
    if (key.type == VALUE_STRING || key.type == VALUE_INT || key.type == VALUE_UINT || key.type == VALUE_BOOL)
        return ERR_OK;
    return call_fail(&machine->call, "a value of type %s can't be a key", value_type_name(key.type));
}

FALLIBLE step_literal_map(struct machine *machine, const struct step *step)
{
    const struct literal_site *site = step->literal;
    struct call *call = &machine->call;
    TRY(call_charge(call, site->count));
    struct value_entry *entries = ARENA_ARRAY(call->arena, site->count / 2 + 1, struct value_entry);
    if (entries == NULL)
        return err_memory(&call->why);
    uint32_t count = 0, duplicate = 0;
    for (uint32_t i = 0; i < site->count; i += 2) {
        struct value_entry entry = { machine_operand(machine, site->operands[i]),
            machine_operand(machine, site->operands[i + 1]) };
        bool is_there = true;
        TRY(check_key(machine, entry.key));
        if (site->optional_entries != NULL && site->optional_entries[i / 2])
            TRY(unwrap_entry(machine, &entry.value, &is_there));
        if (is_there)
            entries[count++] = entry;
    }
    TRY(value_map_adopt(call->arena, entries, count, &machine->registers[step->dst], &duplicate, &call->why));
    return duplicate == UINT32_MAX ? ERR_OK : call_fail(call, "the map has a repeated key");
}
