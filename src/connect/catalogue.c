#include "connect/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "connect/connect_impl.h"
#include "connect/native.h"
#include "connect/remote_action.h"

#define CONNECTORS_MAX 2000

static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    const struct action_catalogue *self = (const struct action_catalogue *)catalogue;
    uint32_t low = 0, high = self->action_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(name, self->actions[middle]->name);
        if (order == 0)
            return self->actions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct action *action_at(const struct catalogue *catalogue, uint32_t index)
{
    const struct action_catalogue *self = (const struct action_catalogue *)catalogue;
    return index < self->action_count ? self->actions[index] : NULL;
}

const struct connector *action_catalogue_find_connector(
    const struct action_catalogue *catalogue, struct str name)
{
    for (uint32_t i = 0; i < catalogue->connector_count; i++) {
        if (str_equal(catalogue->connectors[i]->name, name))
            return catalogue->connectors[i];
    }
    return NULL;
}

void action_catalogue_release(struct action_catalogue *catalogue)
{
    if (!catalogue || atomic_fetch_sub(&catalogue->references, 1) != 1)
        return;
    arena_done(&catalogue->arena);
    free(catalogue);
}

/* ---- building ---- */

static FALLIBLE read_text(struct arena *arena, const char *text, struct value *ret, struct err_info *why)
{
    struct json_options options = { 0 };
    *ret = value_null();
    return text ? json_parse(arena, str_of(text), &options, ret, why) : ERR_OK;
}

static FALLIBLE add_native(
    struct action_catalogue *catalogue, const struct native_action *native, struct err_info *why)
{
    struct arena *arena = &catalogue->arena;
    struct action *action = ARENA_NEW(arena, struct action);
    struct native_bound *bound = ARENA_NEW(arena, struct native_bound);
    struct value *defaults = ARENA_NEW(arena, struct value);
    if (!action || !bound || !defaults)
        return err_memory(why);
    *action = native->action;
    bound->native = native;
    bound->connector = action_catalogue_find_connector(catalogue, action_connector_name(action));
    action->definition = bound;
    TRY(read_text(arena, native->defaults, defaults, why));
    TRY(read_text(arena, native->example_in, &action->example_in, why));
    TRY(read_text(arena, native->example_out, &action->example_out, why));
    action->defaults = native->defaults ? defaults : NULL;
    if (native->prepare)
        TRY(native->prepare(action, bound, arena, why));
    catalogue->actions[catalogue->action_count++] = action;
    return ERR_OK;
}

static int compare_actions(const void *left, const void *right)
{
    const struct action *const *a = left, *const *b = right;
    return str_compare((*a)->name, (*b)->name);
}

static int compare_connectors(const void *left, const void *right)
{
    const struct connector *const *a = left, *const *b = right;
    return str_compare((*a)->name, (*b)->name);
}

static void fault(struct diagnostics *found, const struct connector *connector, uint32_t line,
    uint32_t column, const char *code, const char *text, struct str name)
{
    struct str before = found->file;
    /* The catalogue may be gone before the faults are shown. Without memory the name stays as it was. */
    if (arena_str(found->arena, connector->file, &found->file, NULL) != ERR_OK)
        found->file = before;
    diagnostics_add(found, DIAGNOSTIC_ERROR, code, line, column, "%s `%.*s`", text, STR_ARG(name));
    found->file = before;
}

/* Two connectors of one name replace each other, so one of the two actions is native and this is not. */
static void fault_twice(const struct action *declared, struct diagnostics *found)
{
    const struct connector_action *definition = declared->definition;
    fault(found, definition->connector, definition->line, definition->column, "duplicate_action",
        "a native action can't be replaced:", declared->name);
}

/* All native actions, one after another; NULL past the end. */
static const struct native_action *native_at(uint32_t index)
{
    uint32_t listed = 0;
    while (native_actions[listed])
        listed++;
    return index < listed ? native_actions[index] : local_action_at(index - listed);
}

static FALLIBLE add_actions(
    struct action_catalogue *catalogue, struct diagnostics *found, struct err_info *why)
{
    uint32_t count = 0;
    while (native_at(count))
        count++;
    uint32_t natives = count;
    for (uint32_t i = 0; i < catalogue->connector_count; i++)
        count += catalogue->connectors[i]->action_count;
    catalogue->actions = ARENA_ARRAY(&catalogue->arena, count, const struct action *);
    if (!catalogue->actions)
        return err_memory(why);
    for (uint32_t i = 0; i < natives; i++)
        TRY(add_native(catalogue, native_at(i), why));
    for (uint32_t i = 0; i < catalogue->connector_count; i++) {
        const struct connector *connector = catalogue->connectors[i];
        for (uint32_t k = 0; k < connector->action_count; k++)
            catalogue->actions[catalogue->action_count++] = &connector->actions[k].action;
    }
    qsort(catalogue->actions, catalogue->action_count, sizeof(*catalogue->actions), compare_actions);
    for (uint32_t i = 1; i < catalogue->action_count; i++) {
        const struct action *one = catalogue->actions[i - 1], *other = catalogue->actions[i];
        if (str_equal(one->name, other->name))
            fault_twice(one->start == remote_start ? one : other, found);
    }
    return ERR_OK;
}

/* ---- what shows only beside other actions ---- */

/* The names in a `with` against the action that it is for. */
static void check_with(const struct stencil *with, const struct type *in, const struct connector *connector,
    uint32_t line, uint32_t column, const char *what, struct diagnostics *found)
{
    AUTO(buf) struct buf text = { 0 };
    uint32_t count = with->kind == STENCIL_MAP ? with->count : 0; /* a list has items, no keys */
    for (uint32_t i = 0; i < in->field_count; i++) {
        const struct type_field *field = &in->fields[i];
        bool is_given = !field->is_required;
        for (uint32_t k = 0; k < count && !is_given; k++)
            is_given = str_equal(with->keys[k], field->name);
        buf_clear(&text);
        buf_printf(&text, "%s lacks", what);
        if (!is_given && buf_check(&text, NULL) == ERR_OK)
            fault(found, connector, line, column, "missing_field", text.data, field->name);
    }
    for (uint32_t k = 0; k < count; k++) {
        buf_clear(&text);
        buf_printf(&text, "%s has a field too many:", what);
        if (!type_find_field(in, with->keys[k]) && buf_check(&text, NULL) == ERR_OK)
            fault(found, connector, line, column, "unknown_field", text.data, with->keys[k]);
    }
}

static void check_undo(const struct action_catalogue *catalogue, const struct connector_action *action,
    struct diagnostics *found)
{
    const struct action *undo = find_action(&catalogue->catalogue, action->action.undo);
    uint32_t line = action->line, column = action->column;
    if (!undo) {
        fault(found, action->connector, line, column, "unknown_action",
            "`undo` names no action:", action->action.undo);
        return;
    }
    if (action->has_undo_with)
        check_with(&action->undo_with, undo->in, action->connector, line, column, "`undo.with`", found);
}

static void check_connector(
    const struct action_catalogue *catalogue, const struct connector *connector, struct diagnostics *found)
{
    for (uint32_t i = 0; i < connector->action_count; i++) {
        if (connector->actions[i].action.undo.size)
            check_undo(catalogue, &connector->actions[i], found);
    }
    if (!connector->test_action.size)
        return;
    AUTO(buf) struct buf name = { 0 };
    buf_printf(&name, "%.*s.%.*s", STR_ARG(connector->name), STR_ARG(connector->test_action));
    if (buf_check(&name, NULL) != ERR_OK) {
        diagnostics_lack_memory(found);
        return;
    }
    const struct action *action = find_action(&catalogue->catalogue, buf_str(&name));
    if (!action) {
        fault(found, connector, connector->line, connector->column, "unknown_action",
            "`test` names no action:", connector->test_action);
        return;
    }
    static const struct stencil nothing = { .kind = STENCIL_MAP };
    check_with(connector->has_test_with ? &connector->test_with : &nothing, action->in, connector,
        connector->line, connector->column, "`test.with`", found);
}

static void add_connector(struct action_catalogue *catalogue, const struct connector *connector)
{
    for (uint32_t i = 0; i < catalogue->connector_count; i++) {
        if (str_equal(catalogue->connectors[i]->name, connector->name)) {
            catalogue->connectors[i] = connector;
            return;
        }
    }
    catalogue->connectors[catalogue->connector_count++] = connector;
}

static FALLIBLE read_files(struct action_catalogue *catalogue, const struct connector_file *files,
    size_t count, struct diagnostics *found, struct err_info *why)
{
    if (count > CONNECTORS_MAX)
        return err_named(
            why, ERR_LIMIT, "CONNECTORS_MAX", "there are more than %d connectors", CONNECTORS_MAX);
    catalogue->connectors = ARENA_ARRAY(&catalogue->arena, count ? count : 1, const struct connector *);
    if (!catalogue->connectors)
        return err_memory(why);
    for (size_t i = 0; i < count; i++) {
        TRY(arena_str(found->arena, files[i].name, &found->file, why));
        const struct connector *connector = connector_read(&catalogue->arena, files[i].text, found);
        if (connector)
            add_connector(catalogue, connector);
    }
    if (catalogue->connector_count > 1)
        qsort(catalogue->connectors, catalogue->connector_count, sizeof(*catalogue->connectors),
            compare_connectors);
    return ERR_OK;
}

static FALLIBLE fill(struct action_catalogue *catalogue, const struct connector_file *files, size_t count,
    struct diagnostics *found, struct err_info *why)
{
    uint32_t errors_before = found->error_count;
    struct str file = found->file;
    enum err result = read_files(catalogue, files, count, found, why);
    found->file = file;
    TRY(result);
    TRY(add_actions(catalogue, found, why));
    for (uint32_t i = 0; i < catalogue->connector_count; i++)
        check_connector(catalogue, catalogue->connectors[i], found);
    if (found->error_count != errors_before)
        return err_set(why, ERR_INVALID, "%u faults in the connectors", found->error_count - errors_before);
    return ERR_OK;
}

FALLIBLE action_catalogue_build(const struct connector_file *files, size_t count, struct diagnostics *found,
    struct action_catalogue **ret, struct err_info *why)
{
    struct action_catalogue *catalogue = calloc(1, sizeof(*catalogue));
    if (!catalogue)
        return err_memory(why);
    catalogue->catalogue = (struct catalogue){ .find = find_action, .at = action_at };
    atomic_init(&catalogue->references, 1);
    enum err result = fill(catalogue, files, count, found, why);
    if (result == ERR_OK)
        *ret = catalogue;
    else
        action_catalogue_release(catalogue);
    return result;
}

bool connector_check(struct str text, struct diagnostics *found)
{
    struct action_catalogue *catalogue = NULL;
    struct connector_file file = { .name = found->file, .text = text };
    uint32_t errors_before = found->error_count;
    struct err_info why = { 0 };
    enum err result = action_catalogue_build(&file, 1, found, &catalogue, &why);
    if (result == ERR_MEMORY)
        diagnostics_lack_memory(found);
    else if (result != ERR_OK && found->error_count == errors_before)
        diagnostics_add(found, DIAGNOSTIC_ERROR, "unreadable", 1, 1, "%s", why.text);
    action_catalogue_release(catalogue);
    return found->error_count == errors_before;
}

/* ---- the source ---- */

static const struct catalogue *acquire(struct catalogue_source *source)
{
    struct catalogues *self = (struct catalogues *)source;
    pthread_mutex_lock(&self->mutex);
    struct action_catalogue *current = self->current;
    atomic_fetch_add(&current->references, 1);
    pthread_mutex_unlock(&self->mutex);
    return &current->catalogue;
}

static void release(struct catalogue_source *source, const struct catalogue *catalogue)
{
    (void)source; /* the snapshot knows its references */
    action_catalogue_release((struct action_catalogue *)(uintptr_t)catalogue);
}

FALLIBLE catalogues_init(struct catalogues *catalogues, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    diagnostics_init(&found, &arena, STR("native actions"));
    *catalogues = (struct catalogues){ .source = { .acquire = acquire, .release = release } };
    pthread_mutex_init(&catalogues->mutex, NULL);
    return action_catalogue_build(NULL, 0, &found, &catalogues->current, why);
}

void catalogues_done(struct catalogues *catalogues)
{
    action_catalogue_release(catalogues->current);
    pthread_mutex_destroy(&catalogues->mutex);
}

void catalogues_swap(struct catalogues *catalogues, struct action_catalogue *next)
{
    pthread_mutex_lock(&catalogues->mutex);
    struct action_catalogue *before = catalogues->current;
    catalogues->current = next;
    pthread_mutex_unlock(&catalogues->mutex);
    action_catalogue_release(before);
}
