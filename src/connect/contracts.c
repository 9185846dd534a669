#include "connect/contracts.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

struct contract {
    int64_t tenant;
    struct str action, scope; /* owned, in one piece of memory at `action` */
    struct answer_shape *shape;
    bool is_changed;
};

struct contracts {
    struct clock *clock;
    contract_report *report;
    void *context;
    pthread_mutex_t mutex; /* guards all that follows */
    struct contract *items[CONTRACTS_MAX]; /* sorted */
    uint32_t count;
};

enum err contracts_new(
    struct clock *clock, contract_report *report, void *context, struct contracts **ret, struct err_info *why)
{
    struct contracts *contracts = memory_alloc(sizeof(*contracts));
    if (!contracts)
        return err_memory(why);
    memset(contracts, 0, sizeof(*contracts));
    contracts->clock = clock;
    contracts->report = report;
    contracts->context = context;
    int failed = pthread_mutex_init(&contracts->mutex, NULL);
    if (failed != 0) {
        memory_free(contracts);
        return err_errno(why, failed, "make a lock");
    }
    *ret = contracts;
    return ERR_OK;
}

static void contract_free(struct contract *contract)
{
    answer_shape_free(contract->shape);
    memory_free((void *)(uintptr_t)contract->action.data);
    memory_free(contract);
}

void contracts_free(struct contracts *contracts)
{
    if (!contracts)
        return;
    for (uint32_t i = 0; i < contracts->count; i++)
        contract_free(contracts->items[i]);
    (void)pthread_mutex_destroy(&contracts->mutex); /* fails only on misuse */
    memory_free(contracts);
}

static void lock(struct contracts *contracts)
{
    (void)pthread_mutex_lock(&contracts->mutex); /* fails only on misuse */
}

static void unlock(struct contracts *contracts)
{
    (void)pthread_mutex_unlock(&contracts->mutex); /* fails only on misuse */
}

/* ---- finding ---- */

static int compare(const struct contract *contract, const struct contract_row *key)
{
    if (contract->tenant != key->tenant)
        return contract->tenant < key->tenant ? -1 : 1;
    int order = str_compare(contract->action, key->action);
    return order != 0 ? order : str_compare(contract->scope, key->scope);
}

static uint32_t place_of(
    const struct contracts *contracts, const struct contract_row *key, bool *ret_is_there)
{
    uint32_t low = 0, high = contracts->count;
    *ret_is_there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(contracts->items[middle], key);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct contract *contract_new(const struct contract_row *key)
{
    struct contract *contract = memory_alloc(sizeof(*contract));
    char *texts = memory_alloc(key->action.size + key->scope.size + 1);
    if (!contract || !texts) {
        memory_free(contract);
        memory_free(texts);
        return NULL;
    }
    memcpy(texts, key->action.data, key->action.size);
    if (key->scope.size > 0)
        memcpy(texts + key->action.size, key->scope.data, key->scope.size);
    *contract = (struct contract){ .tenant = key->tenant,
        .action = { texts, key->action.size },
        .scope = { texts + key->action.size, key->scope.size } };
    return contract;
}

/* Takes over the shape, or makes one when it is NULL. NULL at the limit and without memory. */
static struct contract *add(
    struct contracts *contracts, const struct contract_row *key, struct answer_shape *shape)
{
    bool is_there;
    uint32_t place = place_of(contracts, key, &is_there);
    if (is_there || contracts->count == CONTRACTS_MAX) {
        answer_shape_free(shape);
        return is_there ? contracts->items[place] : NULL;
    }
    struct contract *contract = contract_new(key);
    if (!contract || (!shape && answer_shape_new(&shape, NULL) != ERR_OK)) {
        if (contract)
            contract_free(contract);
        answer_shape_free(shape);
        return NULL;
    }
    contract->shape = shape;
    memmove(&contracts->items[place + 1], &contracts->items[place],
        (contracts->count - place) * sizeof(contracts->items[0]));
    contracts->items[place] = contract;
    contracts->count++;
    return contract;
}

/* ---- calls ---- */

static bool is_free_form(const struct action *action)
{
    return str_equal(action->name, STR("http.request"));
}

static void print_scope(struct buf *buf, struct str playbook, struct str step)
{
    buf_printf(buf, "%.*s/%.*s", STR_ARG(playbook), STR_ARG(step));
}

struct telling {
    struct contracts *contracts;
    const struct action_call *call;
    bool is_body;
};

static void tell(void *context, const struct drift *drift)
{
    const struct telling *telling = context;
    const struct action_call *call = telling->call;
    struct contract_drift found = { .tenant = call->tenant,
        .action = call->action->name,
        .playbook = call->playbook,
        .step = call->step,
        .drift = *drift };
    AUTO(buf) struct buf field = { 0 };
    if (telling->is_body) {
        bool is_items = str_starts(drift->field, STR("[]"));
        buf_printf(
            &field, "body%s%.*s", drift->field.size > 0 && !is_items ? "." : "", STR_ARG(drift->field));
        if (buf_check(&field, NULL) == ERR_OK)
            found.drift.field = buf_str(&field);
    }
    telling->contracts->report(telling->contracts->context, &found);
}

void contracts_observe(struct contracts *contracts, const struct action_call *call, struct value output)
{
    struct contract_row key = { .tenant = call->tenant, .action = call->action->name };
    struct telling telling = { contracts, call, is_free_form(call->action) };
    AUTO(buf) struct buf scope = { 0 };
    struct value looked_at = output;
    if (telling.is_body) {
        print_scope(&scope, call->playbook, call->step);
        if (buf_check(&scope, NULL) != ERR_OK)
            return; /* learned from the next one */
        key.scope = buf_str(&scope);
        looked_at = value_get(output, STR("body"));
    }
    lock(contracts);
    struct contract *contract = add(contracts, &key, NULL);
    if (contract) {
        contract->is_changed = true;
        answer_shape_observe(contract->shape, looked_at, clock_now(contracts->clock), tell, &telling);
    }
    unlock(contracts);
}

/* "hosts[3].name" as playbooks read it: "hosts[].name". */
static void add_field(struct buf *buf, struct str path)
{
    for (size_t i = 0; i < path.size; i++) {
        bool is_inside = buf->size > 0 && buf->data[buf->size - 1] == '[';
        if (!is_inside || path.data[i] < '0' || path.data[i] > '9')
            buf_add_byte(buf, path.data[i]);
    }
}

/* "hosts[3].name: expected string, got int", as type_check_value says it, in its parts. Other texts stay
 * whole. */
static void mismatch_parts(struct str text, struct drift *drift, struct buf *field)
{
    ptrdiff_t expected = str_find(text, STR("expected "), 0), got = str_find(text, STR(", got "), 0);
    ptrdiff_t required = str_find(text, STR(": a value is required"), 0);
    *drift = (struct drift){ DRIFT_DECLARED, STR(""), STR("what the action declares"), text };
    if (required < 0 && (expected < 0 || got < expected))
        return;
    add_field(field,
        str_slice(text, 0,
            required > 0       ? (size_t)required
                : expected > 2 ? (size_t)expected - 2
                               : 0));
    if (buf_check(field, NULL) == ERR_OK)
        drift->field = buf_str(field);
    if (required >= 0) {
        drift->before = STR("always there, as declared");
        drift->now = STR("missing");
        return;
    }
    drift->before = str_slice(text, (size_t)expected + strlen("expected "), (size_t)got);
    drift->now = str_slice(text, (size_t)got + strlen(", got "), text.size);
}

void contracts_mismatch(struct contracts *contracts, const struct action_call *call, struct str text)
{
    struct telling telling = { contracts, call, false };
    struct str head = STR(ANSWER_MISMATCH_HEAD);
    AUTO(buf) struct buf field = { 0 };
    struct drift drift;
    if (str_starts(text, head))
        text = str_slice(text, head.size, text.size);
    mismatch_parts(text, &drift, &field);
    tell(&telling, &drift);
}

/* ---- as a type ---- */

static const struct type *learned_type(struct contracts *contracts, int64_t tenant,
    const struct action *action, struct str scope, struct arena *arena)
{
    const struct contract_row key = { .tenant = tenant, .action = action->name, .scope = scope };
    bool is_there;
    lock(contracts);
    uint32_t place = place_of(contracts, &key, &is_there);
    const struct type *type = is_there ? answer_shape_type(contracts->items[place]->shape, arena) : NULL;
    unlock(contracts);
    return type;
}

static bool has_holes(const struct type *declared)
{
    switch (declared->kind) {
    case TYPE_DYN: return true;
    case TYPE_LIST: return has_holes(declared->item);
    case TYPE_RECORD:
        for (uint32_t i = 0; i < declared->field_count; i++)
            if (has_holes(declared->fields[i].type))
                return true;
        return false;
    default: return false;
    }
}

/* What is declared stands; where nothing is, what was learned does. Types are as deep as they were written,
 * and a shape at most ANSWER_SHAPE_DEPTH_MAX. Without memory the declared type is all there is. */
static const struct type *fill(const struct type *declared, const struct type *learned, struct arena *arena)
{
    if (declared->kind == TYPE_DYN)
        return learned;
    if (declared->kind != learned->kind || !has_holes(declared))
        return declared;
    struct type *filled = ARENA_NEW(arena, struct type);
    if (!filled)
        return declared;
    *filled = *declared;
    if (declared->kind == TYPE_LIST) {
        filled->item = fill(declared->item, learned->item, arena);
        return filled;
    }
    struct type_field *fields = ARENA_ARRAY(arena, declared->field_count, struct type_field);
    if (!fields)
        return declared;
    for (uint32_t i = 0; i < declared->field_count; i++) {
        const struct type_field *seen = type_find_field(learned, declared->fields[i].name);
        fields[i] = declared->fields[i];
        if (seen)
            fields[i].type = fill(fields[i].type, seen->type, arena);
    }
    filled->fields = fields;
    return filled;
}

static const struct type *free_form_type(struct contracts *contracts, int64_t tenant,
    const struct action *action, const struct call_place *place, struct arena *arena)
{
    AUTO(buf) struct buf scope = { 0 };
    print_scope(&scope, place->playbook, place->step);
    const struct type *body = buf_check(&scope, NULL) == ERR_OK
        ? learned_type(contracts, tenant, action, buf_str(&scope), arena)
        : NULL;
    const struct type_field fields[] = { { .name = STR_INIT("body"), .type = body } };
    const struct type learned = { .kind = TYPE_RECORD, .fields = fields, .field_count = 1 };
    return body && action->out ? fill(action->out, &learned, arena) : NULL;
}

const struct type *contracts_output_type(struct contracts *contracts, int64_t tenant,
    const struct action *action, const struct call_place *place, struct arena *arena)
{
    if (is_free_form(action))
        return free_form_type(contracts, tenant, action, place, arena);
    const struct type *declared = action->out ? action->out : &type_dyn;
    const struct type *learned = has_holes(declared) ? learned_type(contracts, tenant, action, STR(""), arena)
                                                     : NULL;
    return learned ? fill(declared, learned, arena) : NULL;
}

/* ---- as values ---- */

static FALLIBLE describe_one(
    const struct contract *contract, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct value shape;
    struct str action, rest, playbook = STR("");
    TRY(answer_shape_describe(contract->shape, arena, &shape, why));
    TRY(arena_str(arena, contract->action, &action, why));
    TRY(arena_str(arena, contract->scope, &rest, why));
    if (rest.size > 0)
        (void)str_split(&rest, '/', &playbook);
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "action", value_string(action), why));
    TRY(value_map_set(&map, "playbook", playbook.size > 0 ? value_string(playbook) : value_null(), why));
    TRY(value_map_set(&map, "step", playbook.size > 0 ? value_string(rest) : value_null(), why));
    TRY(value_map_set(&map, "shape", shape, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static bool is_of_connector(const struct contract *contract, struct str connector)
{
    struct str action = contract->action;
    return connector.size == 0 ||
        (str_starts(action, connector) && action.size > connector.size && action.data[connector.size] == '.');
}

enum err contracts_describe(struct contracts *contracts, int64_t tenant, struct str connector,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder items;
    enum err result = ERR_OK;
    value_list_begin(&items, arena);
    lock(contracts);
    for (uint32_t i = 0; i < contracts->count && result == ERR_OK; i++) {
        struct value item;
        if (contracts->items[i]->tenant != tenant || !is_of_connector(contracts->items[i], connector))
            continue;
        result = describe_one(contracts->items[i], arena, &item, why);
        if (result == ERR_OK)
            result = value_list_add(&items, item, why);
    }
    unlock(contracts);
    *ret = value_list_end(&items);
    return result;
}

enum err contracts_changed(
    struct contracts *contracts, contract_each *each, void *context, struct err_info *why)
{
    enum err result = ERR_OK;
    lock(contracts);
    for (uint32_t i = 0; i < contracts->count && result == ERR_OK; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct contract *contract = contracts->items[i];
        struct contract_row row = {
            .tenant = contract->tenant, .action = contract->action, .scope = contract->scope
        };
        if (!contract->is_changed)
            continue;
        result = answer_shape_describe(contract->shape, &arena, &row.shape, why);
        if (result == ERR_OK)
            result = each(context, &row, why);
        contract->is_changed = result != ERR_OK;
    }
    unlock(contracts);
    return result;
}

enum err contracts_restore(struct contracts *contracts, const struct contract_row *row, struct err_info *why)
{
    struct answer_shape *shape;
    TRY(answer_shape_restore(row->shape, &shape, why));
    lock(contracts);
    struct contract *contract = add(contracts, row, shape);
    unlock(contracts);
    return contract ? ERR_OK : err_memory(why);
}

/* ---- what was described, read again ---- */

static FALLIBLE restore_one(
    struct contracts *contracts, int64_t tenant, struct value item, struct err_info *why)
{
    AUTO(buf) struct buf scope = { 0 };
    struct value action = value_get(item, STR("action")), playbook = value_get(item, STR("playbook")),
                 step = value_get(item, STR("step"));
    if (action.type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "a learned shape without its action");
    if (playbook.type == VALUE_STRING && step.type == VALUE_STRING)
        print_scope(&scope, value_str(playbook), value_str(step));
    TRY(buf_check(&scope, why));
    const struct contract_row row = { .tenant = tenant,
        .action = value_str(action),
        .scope = buf_str(&scope),
        .shape = value_get(item, STR("shape")) };
    return contracts_restore(contracts, &row, why);
}

enum err contracts_read(
    struct contracts *contracts, int64_t tenant, struct value described, struct err_info *why)
{
    struct value items = described.type == VALUE_MAP ? value_get(described, STR("items")) : described;
    if (items.type != VALUE_LIST)
        return err_set(
            why, ERR_INVALID, "these are no learned shapes; `tocsin connector contracts --json` prints them");
    for (uint32_t i = 0; i < items.size; i++)
        TRY(restore_one(contracts, tenant, items.items[i], why));
    return ERR_OK;
}
