/* The steps of all, exists, map, filter and their kin. */
#include <string.h>

#include "expr/lists.h"
#include "expr/machine.h"

/* What range[*] goes over: a list, which may be an optional's; of none there are no items. */
static FALLIBLE open_each(struct machine *machine, struct value *range)
{
    if (!value_open(range))
        *range = value_part_of(*range, call_list(NULL, 0));
    if (range->type == VALUE_LIST)
        return ERR_OK;
    return call_fail(&machine->call, "no such overload: %s[*]; '[*]' takes the items of a list%s",
        value_type_name(range->type),
        range->type == VALUE_MAP ? ", the values of a map are m.transformList(key, v, v.field)" : "");
}

FALLIBLE step_loop_begin(struct machine *machine, const struct step *step)
{
    struct value range = machine_operand(machine, step->a);
    struct loop_state *loop = &machine->loops[step->dst];
    if (loop_is_each(step->flags))
        TRY(open_each(machine, &range));
    if (range.type != VALUE_LIST && range.type != VALUE_MAP)
        return call_fail(
            &machine->call, "a value of type %s can't be looped over", value_type_name(range.type));
    *loop = (struct loop_state){ .kind = step->flags,
        .count = range.size,
        .variables = step->variables,
        .is_map = range.type == VALUE_MAP,
        .flags = range.flags & VALUE_OUTSIDE };
    if (loop->is_map)
        loop->entries = value_map_entries(range);
    else
        loop->items = range.items;
    switch (loop->kind) {
    case LOOP_SORT_BY:
        TRY(call_items(&machine->call, loop->count, &loop->keys));
        return call_items(&machine->call, loop->count, &loop->made);
    case LOOP_MAP:
    case LOOP_FILTER:
    case LOOP_EACH:
    case LOOP_EACH_PRESENT:
    case LOOP_EACH_FLAT: return call_items(&machine->call, loop->count, &loop->made);
    case LOOP_TRANSFORM_MAP:
    case LOOP_TRANSFORM_ENTRY: value_map_begin(&loop->map, machine->call.arena); return ERR_OK;
    default: return ERR_OK;
    }
}

/* What the first variable stands for: the list's item or index, the map's key. */
static struct value first_variable(const struct loop_state *loop, uint32_t index)
{
    if (!loop->is_map && loop->variables == 2)
        return value_int(index);
    struct value item = loop->is_map ? loop->entries[index].key : loop->items[index];
    item.flags |= loop->flags;
    return item;
}

FALLIBLE step_loop_next(struct machine *machine, const struct step *step)
{
    struct loop_state *loop = &machine->loops[step->a];
    if (loop->index == loop->count) {
        machine->pc = step->b;
        return ERR_OK;
    }
    uint32_t index = loop->index++;
    machine->registers[step->dst] = first_variable(loop, index);
    if (step->variables == 2) {
        struct value *second = &machine->registers[step->dst + 1];
        *second = loop->is_map ? loop->entries[index].value : loop->items[index];
        second->flags |= loop->flags;
    }
    return ERR_OK;
}

FALLIBLE step_loop_keep(struct machine *machine, const struct step *step)
{
    struct value keep = machine_operand(machine, step->a);
    if (keep.type != VALUE_BOOL)
        return call_fail(&machine->call, "no such overload: %s is no bool", value_type_name(keep.type));
    if (!keep.boolean)
        machine->pc = step->b;
    return ERR_OK;
}

/* all() and exists() end at the first entry that decides; errors count only when none does. */
static FALLIBLE yield_logic(
    struct machine *machine, const struct step *step, struct loop_state *loop, struct value v)
{
    if (v.type == VALUE_BOOL) {
        if (v.boolean == (loop->kind == LOOP_EXISTS)) {
            loop->is_decided = true;
            loop->index = loop->count;
        }
        return ERR_OK;
    }
    if (v.type != VALUE_ERROR)
        TRY(machine_no_bool(machine, step, v, &v));
    if (loop->fault == NULL)
        loop->fault = machine_fault(v);
    return ERR_OK;
}

static FALLIBLE yield_predicate(struct machine *machine, struct loop_state *loop, struct value v)
{
    if (v.type != VALUE_BOOL)
        return call_fail(&machine->call, "no such overload: %s is no bool", value_type_name(v.type));
    if (!v.boolean)
        return ERR_OK;
    loop->hits++;
    if (loop->kind == LOOP_FILTER)
        loop->made[loop->made_count++] = first_variable(loop, loop->index - 1);
    return ERR_OK;
}

static FALLIBLE add_entry(struct machine *machine, struct loop_state *loop, struct value key, struct value v)
{
    struct call *call = &machine->call;
    TRY(call_charge(call, 2));
    enum err err = value_map_add(&loop->map, key, v, &call->why);
    if (err == ERR_CONFLICT)
        return call_fail(call, "the entries have a repeated key");
    return err;
}

static FALLIBLE yield_entry(struct machine *machine, struct loop_state *loop, struct value v)
{
    if (v.type != VALUE_MAP)
        return call_fail(
            &machine->call, "no such overload: an entry is a map, not %s", value_type_name(v.type));
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; i < v.size; i++)
        TRY(add_entry(machine, loop, value_part_of(v, entries[i].key), value_part_of(v, entries[i].value)));
    return ERR_OK;
}

/* An item without the field gives nothing. */
static FALLIBLE yield_present(struct machine *machine, struct loop_state *loop, struct value v)
{
    if (v.type != VALUE_OPTIONAL)
        return call_no_overload(&machine->call);
    if (v.inside == NULL)
        return ERR_OK;
    loop->made[loop->made_count++] = value_part_of(v, *v.inside);
    return ERR_OK;
}

FALLIBLE step_loop_yield(struct machine *machine, const struct step *step)
{
    struct loop_state *loop = &machine->loops[step->dst];
    struct value v = machine_operand(machine, step->a);
    machine->pc = step->b;
    switch (loop->kind) {
    case LOOP_ALL:
    case LOOP_EXISTS: return yield_logic(machine, step, loop, v);
    case LOOP_EXISTS_ONE:
    case LOOP_FILTER: return yield_predicate(machine, loop, v);
    case LOOP_MAP:
    case LOOP_EACH:
    case LOOP_EACH_FLAT: loop->made[loop->made_count++] = v; return ERR_OK;
    case LOOP_EACH_PRESENT: return yield_present(machine, loop, v);
    case LOOP_SORT_BY:
        loop->keys[loop->made_count] = v;
        loop->made[loop->made_count++] = first_variable(loop, loop->index - 1);
        return ERR_OK;
    case LOOP_TRANSFORM_MAP: return add_entry(machine, loop, first_variable(loop, loop->index - 1), v);
    case LOOP_TRANSFORM_ENTRY: return yield_entry(machine, loop, v);
    }
    return ERR_OK;
}

/* The lists that an inner path gave, one behind another. */
static FALLIBLE end_flat(struct machine *machine, const struct loop_state *loop, struct value *ret)
{
    struct value *items = NULL;
    uint64_t count = 0;
    for (uint32_t i = 0; i < loop->made_count; i++)
        count += loop->made[i].size;
    TRY(call_items(&machine->call, count, &items));
    uint32_t at = 0; /* the charge keeps the count far below its limit */
    for (uint32_t i = 0; i < loop->made_count; i++) {
        const struct value list = loop->made[i];
        for (uint32_t k = 0; k < list.size; k++)
            items[at++] = value_part_of(list, list.items[k]);
    }
    *ret = call_list(items, at);
    return ERR_OK;
}

FALLIBLE step_loop_end(struct machine *machine, const struct step *step)
{
    struct loop_state *loop = &machine->loops[step->a];
    struct value *dst = &machine->registers[step->dst];
    switch (loop->kind) {
    case LOOP_ALL:
    case LOOP_EXISTS:
        if (!loop->is_decided && loop->fault != NULL)
            return machine_raise(machine, loop->fault);
        *dst = value_bool(loop->is_decided == (loop->kind == LOOP_EXISTS));
        return ERR_OK;
    case LOOP_EXISTS_ONE: *dst = value_bool(loop->hits == 1); return ERR_OK;
    case LOOP_MAP:
    case LOOP_FILTER:
    case LOOP_EACH:
    case LOOP_EACH_PRESENT: *dst = call_list(loop->made, loop->made_count); return ERR_OK;
    case LOOP_EACH_FLAT: return end_flat(machine, loop, dst);
    case LOOP_SORT_BY: return list_sort(&machine->call, loop->made, loop->keys, loop->made_count, dst);
    case LOOP_TRANSFORM_MAP:
    case LOOP_TRANSFORM_ENTRY: *dst = value_map_end(&loop->map); return ERR_OK;
    }
    return ERR_OK;
}
