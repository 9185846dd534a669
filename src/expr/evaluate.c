#include <string.h>

#include "base/limits.h"
#include "expr/machine.h"
#include "expr/pattern.h"

/* Programs of usual size run without taking anything from the arena. */
#define SMALL_VALUES 32
#define SMALL_LOOPS 2

/* ---- errors as values ---- */

FALLIBLE machine_keep_fault(struct machine *machine, const struct step *step, struct value *ret)
{
    struct call *call = &machine->call;
    struct value text;
    size_t size = strlen(call->why.text);
    TRY(call_string(call, (struct str){ call->why.text, size }, &text));
    TRY(call_charge(call, 1));
    struct fault *fault = ARENA_NEW(call->arena, struct fault);
    if (fault == NULL)
        return err_memory(&call->why);
    const struct place *place = &machine->expr->places[step - machine->expr->steps];
    bool is_placed = call->why.line != 0; /* it was a value before and was raised again */
    *fault = (struct fault){ value_str(text), is_placed ? call->why.line : place->line,
        is_placed ? call->why.column : place->column };
    call->why.line = 0;
    *ret = machine_error(fault);
    return ERR_OK;
}

FALLIBLE machine_no_bool(struct machine *machine, const struct step *step, struct value v, struct value *ret)
{
    enum err err = call_fail(&machine->call, "no such overload: %s is no bool", value_type_name(v.type));
    return err == ERR_INVALID ? machine_keep_fault(machine, step, ret) : err;
}

FALLIBLE machine_raise(struct machine *machine, const struct fault *fault)
{
    struct err_info *why = &machine->call.why;
    return err_at(why, ERR_INVALID, "expr_eval", fault->line, fault->column, "%.*s", STR_ARG(fault->text));
}

/* ---- selections ---- */

static FALLIBLE no_field(struct machine *machine, struct value operand)
{
    return call_fail(&machine->call, "a value of type %s has no fields%s", value_type_name(operand.type),
        operand.type == VALUE_LIST ? "; x[*].f takes one from each item" : "");
}

/* A map of few entries is searched here, without a call: it is the evaluator's most frequent work. */
static inline const struct value *find_field(struct value map, struct str field)
{
    const struct value_map *m = map.map;
    if (m->index_mask != 0)
        return value_map_find(map, field);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct value *key = &m->entries[i].key;
        if (key->size == field.size && key->type == VALUE_STRING &&
            memcmp(key->bytes, field.data, field.size) == 0)
            return &m->entries[i].value;
    }
    return NULL;
}

static FALLIBLE select_optional(
    struct machine *machine, struct value operand, struct str field, struct value *ret)
{
    if (!value_open(&operand)) {
        *ret = call_none();
        return ERR_OK;
    }
    if (operand.type != VALUE_MAP)
        return no_field(machine, operand);
    const struct value *found = find_field(operand, field);
    if (found != NULL)
        return call_optional(&machine->call, value_part_of(operand, *found), ret);
    *ret = call_none();
    return ERR_OK;
}

FALLIBLE machine_select(struct machine *machine, struct value operand, struct str field, struct value *ret)
{
    if (operand.type != VALUE_MAP)
        return operand.type == VALUE_OPTIONAL ? select_optional(machine, operand, field, ret)
                                              : no_field(machine, operand);
    const struct value *found = find_field(operand, field);
    if (found == NULL)
        return call_fail(&machine->call, "no such key: %.*s", STR_ARG(field));
    *ret = value_part_of(operand, *found);
    return ERR_OK;
}

static FALLIBLE step_select(struct machine *machine, const struct step *step)
{
    return machine_select(
        machine, machine_operand(machine, step->a), *step->field, &machine->registers[step->dst]);
}

static FALLIBLE step_opt_select(struct machine *machine, const struct step *step)
{
    return select_optional(
        machine, machine_operand(machine, step->a), *step->field, &machine->registers[step->dst]);
}

static FALLIBLE step_has(struct machine *machine, const struct step *step)
{
    struct value inside = machine_operand(machine, step->a);
    bool is_there = value_open(&inside);
    if (is_there && inside.type != VALUE_MAP)
        return no_field(machine, inside);
    machine->registers[step->dst] = value_bool(is_there && find_field(inside, *step->field) != NULL);
    return ERR_OK;
}

static FALLIBLE read_variable(struct machine *machine, uint32_t variable)
{
    const struct expr *expr = machine->expr;
    const struct expr_activation *activation = machine->activation;
    if (activation != NULL &&
        activation->get(activation, expr->slots[variable], &machine->variables[variable]))
        return ERR_OK;
    machine->variables[variable].type = VALUE_UNREAD;
    return call_fail(&machine->call, "no such attribute: %.*s", STR_ARG(expr->slot_names[variable]));
}

static FALLIBLE step_path(struct machine *machine, const struct step *step)
{
    if (machine->variables[step->a].type == VALUE_UNREAD)
        TRY(read_variable(machine, step->a));
    struct value v = machine->variables[step->a];
    const struct path *path = step->path;
    for (uint32_t i = 0; i < path->count; i++)
        TRY(machine_select(machine, v, path->fields[i], &v));
    machine->call.cost += path->count;
    machine->registers[step->dst] = v;
    return ERR_OK;
}

/* ---- moving and jumping ---- */

static FALLIBLE step_move(struct machine *machine, const struct step *step)
{
    struct value v = machine_operand(machine, step->a);
    if (v.type == VALUE_ERROR)
        return machine_raise(machine, machine_fault(v));
    machine->registers[step->dst] = v;
    return ERR_OK;
}

static FALLIBLE step_jump(struct machine *machine, const struct step *step)
{
    machine->pc = step->b;
    return ERR_OK;
}

static FALLIBLE step_branch(struct machine *machine, const struct step *step)
{
    struct value test = machine_operand(machine, step->a);
    if (test.type != VALUE_BOOL)
        return call_fail(&machine->call, "no such overload: %s ? … : …", value_type_name(test.type));
    if (!test.boolean)
        machine->pc = step->b;
    return ERR_OK;
}

/* One operand of && or ||. What decides the result wins over errors, whichever came first. */
static FALLIBLE step_logic(struct machine *machine, const struct step *step)
{
    bool is_or = (step->flags & LOGIC_OR) != 0;
    struct value *dst = &machine->registers[step->dst];
    struct value v = machine->registers[step->a];
    if (v.type == VALUE_BOOL && v.boolean == is_or) {
        *dst = v;
        machine->pc = step->b;
        return ERR_OK;
    }
    if (v.type != VALUE_BOOL && v.type != VALUE_ERROR) {
        TRY(machine_no_bool(machine, step, v, &v));
    }
    if ((step->flags & LOGIC_FIRST) || dst->type != VALUE_ERROR)
        *dst = v;
    return ERR_OK;
}

static FALLIBLE step_logic_end(struct machine *machine, const struct step *step)
{
    struct value v = machine->registers[step->dst];
    return v.type == VALUE_ERROR ? machine_raise(machine, machine_fault(v)) : ERR_OK;
}

/* ---- optionals ---- */

static FALLIBLE step_opt_test(struct machine *machine, const struct step *step)
{
    struct value optional = machine_operand(machine, step->a);
    if (optional.type != VALUE_OPTIONAL)
        return call_no_overload(&machine->call);
    if (optional.inside == NULL)
        machine->pc = step->b;
    else
        machine->registers[step->dst] = value_part_of(optional, *optional.inside);
    return ERR_OK;
}

static FALLIBLE step_opt_none(struct machine *machine, const struct step *step)
{
    machine->registers[step->dst] = call_none();
    return ERR_OK;
}

static FALLIBLE step_opt_of(struct machine *machine, const struct step *step)
{
    struct value v = machine_operand(machine, step->a);
    if (!step->flags)
        return call_optional(&machine->call, v, &machine->registers[step->dst]);
    if (v.type != VALUE_OPTIONAL)
        return call_no_overload(&machine->call);
    machine->registers[step->dst] = v;
    return ERR_OK;
}

static FALLIBLE step_matches(struct machine *machine, const struct step *step)
{
    struct value text = machine_operand(machine, step->a);
    if (text.type != VALUE_STRING)
        return call_no_overload(&machine->call);
    TRY(pattern_charge(&machine->call, step->regex, text.size));
    machine->registers[step->dst] = value_bool(regex_matches(step->regex, value_str(text)));
    return ERR_OK;
}

static FALLIBLE step_fail(struct machine *machine, const struct step *step)
{
    return call_fail(&machine->call, "%.*s", STR_ARG(*step->text));
}

/* ---- the loop ---- */

static step_function *const step_functions[STEP_OP_COUNT] = {
    [STEP_MOVE] = step_move,
    [STEP_PATH] = step_path,
    [STEP_SELECT] = step_select,
    [STEP_HAS] = step_has,
    [STEP_OPT_SELECT] = step_opt_select,
    [STEP_CALL] = step_call,
    [STEP_NOT] = step_not,
    [STEP_ADD] = step_add,
    [STEP_SUBTRACT] = step_subtract,
    [STEP_EQUAL] = step_equal,
    [STEP_NOT_EQUAL] = step_equal,
    [STEP_LESS] = step_order,
    [STEP_LESS_EQUAL] = step_order,
    [STEP_GREATER] = step_order,
    [STEP_GREATER_EQUAL] = step_order,
    [STEP_INDEX] = step_index,
    [STEP_MATCHES] = step_matches,
    [STEP_LIST] = step_literal_list,
    [STEP_MAP] = step_literal_map,
    [STEP_JUMP] = step_jump,
    [STEP_BRANCH] = step_branch,
    [STEP_LOGIC] = step_logic,
    [STEP_LOGIC_END] = step_logic_end,
    [STEP_LOOP_BEGIN] = step_loop_begin,
    [STEP_LOOP_NEXT] = step_loop_next,
    [STEP_LOOP_KEEP] = step_loop_keep,
    [STEP_LOOP_YIELD] = step_loop_yield,
    [STEP_LOOP_END] = step_loop_end,
    [STEP_OPT_TEST] = step_opt_test,
    [STEP_OPT_NONE] = step_opt_none,
    [STEP_OPT_OF] = step_opt_of,
    [STEP_FAIL] = step_fail,
};

/* To the step's handler with the error, or out. */
static FALLIBLE handle(struct machine *machine, const struct step *step, enum err err)
{
    if (err == ERR_INVALID && step->handler != 0) {
        const struct handler *handler = &machine->expr->handlers[step->handler - 1];
        TRY(machine_keep_fault(machine, step, &machine->registers[handler->reg]));
        machine->pc = handler->target;
        return ERR_OK;
    }
    if (machine->call.why.line == 0) {
        const struct place *place = &machine->expr->places[step - machine->expr->steps];
        machine->call.why.line = place->line;
        machine->call.why.column = place->column;
    }
    return err;
}

static FALLIBLE run(struct machine *machine, struct value *ret)
{
    const struct step *steps = machine->expr->steps;
    for (;;) {
        const struct step *step = &steps[machine->pc++];
        if (step->op == STEP_RETURN) {
            *ret = machine_operand(machine, step->a);
            /* Comparisons leave it to the step behind them to look at what they cost. */
            enum err spent = call_charge(&machine->call, 0);
            return spent == ERR_OK ? ERR_OK : handle(machine, step, spent);
        }
        enum err err = ++machine->call.cost > machine->call.cost_max
            ? call_charge(&machine->call, 0)
            : step_functions[step->op](machine, step);
        if (err != ERR_OK)
            TRY(handle(machine, step, err));
    }
}

static FALLIBLE run_with_room(struct machine *machine, struct value *ret)
{
    const struct expr *expr = machine->expr;
    uint32_t value_count = expr->register_count + expr->variable_count;
    struct value values[SMALL_VALUES];
    struct loop_state loops[SMALL_LOOPS];
    machine->registers = values;
    machine->loops = loops;
    if (value_count > SMALL_VALUES)
        machine->registers = ARENA_ARRAY(machine->call.arena, value_count, struct value);
    if (expr->loop_count > SMALL_LOOPS)
        machine->loops = ARENA_ARRAY(machine->call.arena, expr->loop_count, struct loop_state);
    if (machine->registers == NULL || machine->loops == NULL)
        return err_memory(&machine->call.why);
    machine->variables = machine->registers + expr->register_count;
    for (uint32_t i = 0; i < expr->variable_count; i++)
        machine->variables[i].type = VALUE_UNREAD;
    enum err err = run(machine, ret);
    machine->registers = machine->variables = NULL; /* their room ends here */
    machine->loops = NULL;
    return err;
}

/* Whoever gets the result walks it whole, to print or to store it: what a literal made may be a tree of any
 * size that shares its parts. Parts of what came in were measured when they did. */
static FALLIBLE check_result(struct machine *machine, struct value v)
{
    uint64_t units = 0;
    bool is_made = machine->expr->is_building && v.type >= VALUE_LIST;
    if (!is_made && v.type != VALUE_OPTIONAL)
        return ERR_OK;
    enum err err = call_measure(&machine->call, v, machine->call.cost_max, &units);
    if (err != ERR_OK) {
        const struct place *place = &machine->expr->places[machine->expr->step_count - 1];
        machine->call.why.line = place->line;
        machine->call.why.column = place->column;
    }
    return err;
}

/* Field by field: the text of an error is large, and mostly there is none. */
static void machine_init(struct machine *machine, const struct expr *expr, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits)
{
    machine->call.arena = arena;
    machine->call.cost = 0;
    machine->call.cost_max = limits != NULL && limits->cost_max != 0 ? limits->cost_max : EXPR_COST_MAX;
    machine->call.regex = NULL;
    machine->call.zone = NULL;
    machine->call.why.line = 0;
    machine->call.why.column = 0;
    machine->call.why.name = NULL;
    machine->expr = expr;
    machine->activation = activation;
    machine->pc = 0;
}

FALLIBLE expr_eval(const struct expr *expr, struct arena *arena, const struct expr_activation *activation,
    const struct expr_limits *limits, struct value *ret, struct err_info *why)
{
    struct machine machine;
    struct value v;
    machine_init(&machine, expr, arena, activation, limits);
    enum err err = run_with_room(&machine, &v);
    if (err == ERR_OK)
        err = check_result(&machine, v);
    regex_free(machine.call.regex);
    if (limits != NULL && limits->ret_cost != NULL)
        *limits->ret_cost = machine.call.cost;
    if (err == ERR_OK)
        *ret = v;
    else if (why != NULL)
        *why = machine.call.why;
    return err;
}
