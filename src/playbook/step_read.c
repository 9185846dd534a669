/* Steps: one reader a kind, in one table. */
#include "playbook/reader.h"

#include <string.h>

#include "base/limits.h"
#include "playbook/lint.h"
#include "playbook/shape.h"

struct step_reader {
    const char *key; /* the one that says what the step is */
    enum step_kind kind;
    void (*read)(struct reader *r, const struct yaml_node *node, struct step *step);
};

static const struct yaml_node *part(const struct yaml_node *node, const char *key)
{
    return yaml_find(node, str_of(key));
}

/* A block at `key`; a missing one is empty. */
static struct block inner(
    struct reader *r, const struct yaml_node *node, const char *key, const struct step *step)
{
    const struct yaml_node *list = part(node, key);
    return list ? reader_block(r, list, step) : (struct block){ 0 };
}

static struct block inner_needed(
    struct reader *r, const struct yaml_node *node, const char *key, const struct step *step)
{
    if (part(node, key) == NULL)
        reader_fault(r, node, "missing_key", "this step needs `%s:`, a list of steps", key);
    return inner(r, node, key, step);
}

static void read_do(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->call.action = reader_text(r, part(node, "do"), "`do`");
    step->call.with = reader_template(r, part(node, "with"));
    step->call.connection = reader_text(r, part(node, "connection"), "`connection`");
    step->call.lease = reader_template(r, part(node, "for"));
    if (str_find_byte(step->call.action, '.', 0) <= 0)
        reader_fault(r, part(node, "do"), "action_name", "an action is written connector.action");
    else
        lint_action(r, node, step);
}

static void read_set(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *map = part(node, "set");
    if (map->kind != YAML_MAPPING || map->count == 0) {
        reader_fault(r, map, "mapping_expected", "`set` should be a mapping, `name: value`");
        return;
    }
    struct assignment *items = READER_ARRAY(r, map->count, struct assignment);
    if (items == NULL)
        return;
    for (uint32_t i = 0; i < map->count; i++) {
        items[i].name = map->pairs[i].key->text;
        items[i].value = reader_template(r, map->pairs[i].value);
    }
    step->set.items = items;
    step->set.count = map->count;
}

static void read_if(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->branch.condition = reader_expr(r, part(node, "if"));
    step->branch.then_steps = inner_needed(r, node, "then", step);
    step->branch.else_steps = inner(r, node, "else", step);
}

static void read_switch(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *list = part(node, "cases");
    step->choice.subject = reader_expr(r, part(node, "switch"));
    step->choice.default_steps = inner(r, node, "default", step);
    if (list == NULL || list->kind != YAML_SEQUENCE || list->count == 0) {
        reader_fault(
            r, list ? list : node, "missing_key", "`switch` needs `cases:`, a list of `when` and `steps`");
        return;
    }
    struct switch_case *cases = READER_ARRAY(r, list->count, struct switch_case);
    if (cases == NULL)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        bool had_it = r->has_it;
        if (!reader_shape(r, item, "a case", &shape_case))
            continue;
        r->has_it = true;
        if (part(item, "when") == NULL)
            reader_fault(r, item, "missing_key", "a case needs `when:`");
        cases[i].when = reader_expr(r, part(item, "when"));
        r->has_it = had_it;
        cases[i].steps = inner_needed(r, item, "steps", step);
    }
    step->choice.cases = cases;
    step->choice.case_count = list->count;
}

static bool is_scope_name(struct str name)
{
    for (unsigned i = 0; i < SCOPE_LOOP; i++)
        if (str_equal(str_of(scope_slot_names[i]), name))
            return true;
    return false;
}

/* The loop's name is in scope for `steps` and `collect`. */
static bool open_loop(struct reader *r, const struct yaml_node *node, struct str name)
{
    if (r->loop_depth == SCOPE_LOOPS_MAX) {
        reader_fault(r, node, "loop_depth", "loops are nested deeper than %d", SCOPE_LOOPS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < r->loop_depth; i++)
        if (str_equal(r->loop_names[i], name))
            reader_warn(r, node, "shadowed_name",
                "`%.*s` hides the loop name further out; give the inner loop another one by `as:`",
                STR_ARG(name));
    if (is_scope_name(name))
        reader_warn(
            r, node, "shadowed_name", "`%.*s` hides what has that name everywhere else", STR_ARG(name));
    r->loop_names[r->loop_depth++] = name;
    return true;
}

static void read_for_each(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *as = part(node, "as");
    step->for_each.items = reader_expr(r, part(node, "for_each"));
    step->for_each.as = as ? reader_text(r, as, "`as`") : STR("item");
    step->for_each.parallel = (uint32_t)reader_number(r, part(node, "parallel"), 1, PARALLEL_MAX, 1);
    if (!open_loop(r, node, step->for_each.as))
        return;
    step->for_each.steps = inner_needed(r, node, "steps", step);
    step->for_each.collect = reader_template(r, part(node, "collect"));
    r->loop_depth--;
}

static void read_while(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->loop.condition = reader_expr(r, part(node, "while"));
    if (part(node, "max") == NULL)
        reader_fault(r, node, "unbounded_loop", "`while` needs `max:`, the most iterations it may take");
    step->loop.max = (uint32_t)reader_number(r, part(node, "max"), 1, LOOP_ITEMS_MAX, 1);
    step->loop.steps = inner_needed(r, node, "steps", step);
}

static void read_join(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *join = part(node, "join");
    if (join == NULL || (join->kind == YAML_SCALAR && str_equal(join->text, STR("all")))) {
        step->parallel.join = JOIN_ALL;
    } else if (join->kind == YAML_SCALAR && str_equal(join->text, STR("any"))) {
        step->parallel.join = JOIN_ANY;
    } else {
        step->parallel.join = JOIN_COUNT;
        step->parallel.join_count = (uint32_t)reader_number(
            r, join, 1, step->parallel.count ? step->parallel.count : 1, 1);
    }
}

/* A branch is a list of steps, or a mapping with `name` and `steps`, or one step. */
static void read_parallel(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *list = part(node, "parallel");
    if (list->kind != YAML_SEQUENCE || list->count == 0 || list->count > PARALLEL_MAX) {
        reader_fault(
            r, list, "list_expected", "`parallel` should be a list of 1 to %d branches", PARALLEL_MAX);
        return;
    }
    struct block *branches = READER_ARRAY(r, list->count, struct block);
    struct str *names = READER_ARRAY(r, list->count, struct str);
    if (branches == NULL || names == NULL)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct yaml_node *branch = list->items[i];
        if (branch->kind == YAML_MAPPING && part(branch, "steps") != NULL &&
            part(branch, "for_each") == NULL && part(branch, "while") == NULL) {
            reader_shape(r, branch, "a branch", &shape_branch);
            names[i] = reader_text(r, part(branch, "name"), "`name`");
            branch = part(branch, "steps");
        }
        branches[i] = reader_block(r, branch, step);
    }
    step->parallel.branches = branches;
    step->parallel.branch_names = names;
    step->parallel.count = list->count;
    read_join(r, node, step);
}

static const struct template *read_words(struct reader *r, const struct yaml_node *node)
{
    r->takes_text = true;
    const struct template *words = reader_template(r, node);
    r->takes_text = false;
    return words;
}

static void read_form(struct reader *r, const struct yaml_node *node, struct step *step)
{
    uint32_t count;
    const struct playbook_input *inputs = reader_inputs(r, node, &count);
    struct form_field *fields = READER_ARRAY(r, count, struct form_field);
    if (fields == NULL)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct template *otherwise = inputs[i].default_value;
        fields[i] = (struct form_field){ .name = inputs[i].name,
            .title = inputs[i].help,
            .type = inputs[i].type,
            .is_required = inputs[i].is_required,
            .default_value = otherwise && otherwise->kind == TEMPLATE_CONSTANT ? otherwise->constant
                                                                               : value_null() };
    }
    step->ask.form = fields;
    step->ask.form_count = count;
}

static void read_on_timeout(struct reader *r, const struct yaml_node *node, struct step *step)
{
    if (node == NULL)
        return;
    step->ask.on_timeout = reader_text(r, node, "`on_timeout`");
    if (str_equal(step->ask.on_timeout, STR("fail"))) {
        step->ask.fails_on_timeout = true;
        step->ask.on_timeout = STR("");
        return;
    }
    for (uint32_t i = 0; i < step->ask.option_count; i++)
        if (str_equal(step->ask.options[i], step->ask.on_timeout))
            return;
    reader_fault(r, node, "on_timeout", "`on_timeout` should be one of the options, or `fail`");
}

static void read_ask(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *ask = part(node, "ask");
    if (!reader_shape(r, ask, "`ask`", &shape_ask))
        return;
    if (part(ask, "title") == NULL)
        reader_fault(r, ask, "missing_key", "`ask` needs `title:`, the question");
    step->ask.to = reader_template(r, part(ask, "to"));
    step->ask.title = read_words(r, part(ask, "title"));
    step->ask.show = reader_template(r, part(ask, "show"));
    step->ask.via = reader_texts(r, part(ask, "via"), &step->ask.via_count);
    step->ask.options = reader_texts(r, part(ask, "options"), &step->ask.option_count);
    if (part(ask, "form") != NULL)
        read_form(r, part(ask, "form"), step);
    if (part(ask, "options") != NULL && step->ask.option_count == 0)
        reader_fault(r, part(ask, "options"), "list_expected", "`options` should have one answer at least");
    else if (step->ask.option_count == 0 && step->ask.form_count == 0)
        reader_fault(r, ask, "missing_key", "`ask` needs `options:`, a list of answers, or `form:`");
    step->timeout_us = reader_span(r, part(ask, "timeout"), step->timeout_us);
    read_on_timeout(r, part(ask, "on_timeout"), step);
}

static void read_wait(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *wait = part(node, "wait");
    if (wait->kind == YAML_SCALAR) {
        step->wait.kind = WAIT_SPAN;
        if (str_contains(wait->text, STR("${{")))
            step->wait.span = reader_template(r, wait);
        else
            step->wait.span_us = reader_span(r, wait, 0);
        return;
    }
    if (!reader_shape(r, wait, "`wait`", &shape_wait))
        return;
    step->timeout_us = reader_span(r, part(wait, "timeout"), step->timeout_us);
    if (part(wait, "event") != NULL && part(wait, "until") != NULL) {
        reader_fault(r, wait, "unknown_key", "`wait` has `until:` or `event:`, not both");
    } else if (part(wait, "event") != NULL) {
        bool had_it = r->has_it;
        step->wait.kind = WAIT_EVENT;
        r->has_it = true;
        step->wait.event = reader_expr(r, part(wait, "event"));
        r->has_it = had_it;
    } else if (part(wait, "until") != NULL) {
        step->wait.kind = WAIT_UNTIL;
        step->wait.until = reader_template(r, part(wait, "until"));
    } else {
        reader_fault(r, wait, "missing_key", "`wait` needs a span, `until:` or `event:`");
    }
}

static void read_run(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->run.playbook = reader_text(r, part(node, "run"), "`run`");
    step->run.with = reader_template(r, part(node, "with"));
    step->run.is_awaited = reader_bool(r, part(node, "wait"), true);
    lint_run(r, node, step);
}

static void read_script(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->script.language = reader_text(r, part(node, "script"), "`script`");
    r->takes_text = true; /* what looks like an expression in there is the script's own */
    step->script.code = reader_text(r, part(node, "code"), "`code`");
    r->takes_text = false;
    step->script.with = reader_template(r, part(node, "with"));
    if (!str_equal(step->script.language, STR("python")))
        reader_fault(r, part(node, "script"), "script_language", "scripts are written in `python`");
    if (step->script.code.size == 0)
        reader_fault(r, node, "missing_key", "`script` needs `code:`");
}

static void read_try(struct reader *r, const struct yaml_node *node, struct step *step)
{
    step->attempt.try_steps = inner_needed(r, node, "try", step);
    step->attempt.catch_steps = inner(r, node, "catch", step);
    step->attempt.finally_steps = inner(r, node, "finally", step);
    step->attempt.has_catch = part(node, "catch") != NULL;
    if (part(node, "catch") == NULL && part(node, "finally") == NULL)
        reader_fault(r, node, "missing_key", "`try` needs `catch:` or `finally:`");
}

static void read_return(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *value = part(node, "return");
    step->give.value = yaml_is_null(value) ? NULL : reader_template(r, value);
}

static void read_fail(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *fail = part(node, "fail");
    if (fail->kind == YAML_SCALAR) {
        step->fail.message = read_words(r, fail);
    } else if (reader_shape(r, fail, "`fail`", &shape_fail)) {
        step->fail.code = reader_template(r, part(fail, "code"));
        step->fail.message = read_words(r, part(fail, "message"));
    }
}

/* In this order: `parallel` and `wait` are also options of other kinds, so they are looked for last. */
static const struct step_reader readers[] = {
    { "do", STEP_DO, read_do },
    { "set", STEP_SET, read_set },
    { "if", STEP_IF, read_if },
    { "switch", STEP_SWITCH, read_switch },
    { "for_each", STEP_FOR_EACH, read_for_each },
    { "while", STEP_WHILE, read_while },
    { "ask", STEP_ASK, read_ask },
    { "run", STEP_RUN, read_run },
    { "script", STEP_SCRIPT, read_script },
    { "try", STEP_TRY, read_try },
    { "return", STEP_RETURN, read_return },
    { "fail", STEP_FAIL, read_fail },
    { "parallel", STEP_PARALLEL, read_parallel },
    { "wait", STEP_WAIT, read_wait },
};
#define READER_COUNT (sizeof readers / sizeof readers[0])

const char *step_kind_name(enum step_kind kind)
{
    for (size_t i = 0; i < READER_COUNT; i++)
        if (readers[i].kind == kind)
            return readers[i].key;
    return "?";
}

static const struct step_reader *find_reader(struct reader *r, const struct yaml_node *node)
{
    for (size_t i = 0; i < READER_COUNT; i++)
        if (part(node, readers[i].key) != NULL)
            return &readers[i];
    reader_fault(r, node, "step_kind",
        "nothing says what this step is; it needs one of do, set, if, switch, for_each, while, parallel, "
        "ask, wait, "
        "run, script, try, return, fail");
    return NULL;
}

/* `do` and `wait` in one step: adds what is told of here to the keys that are known. */
static size_t check_second_kind(struct reader *r, const struct yaml_node *node,
    const struct step_reader *reader, const char **keys, size_t count)
{
    size_t known = count;
    for (size_t i = 0; i < READER_COUNT; i++) {
        bool is_own = &readers[i] == reader;
        for (size_t k = 0; k < known; k++)
            is_own = is_own || strcmp(keys[k], readers[i].key) == 0;
        if (is_own || part(node, readers[i].key) == NULL)
            continue;
        reader_fault(r, part(node, readers[i].key), "step_kind",
            "a step does one thing, and here stand `%s` and `%s`; make two steps of it", reader->key,
            readers[i].key);
        keys[count++] = readers[i].key;
    }
    return count;
}

static void check_keys(struct reader *r, const struct yaml_node *node, const struct step_reader *reader)
{
    const char *keys[2 * SHAPE_KEYS_MAX + READER_COUNT + 1], *own[SHAPE_KEYS_MAX + 1];
    size_t count = 0;
    shape_names(&shape_step_common, keys);
    shape_names(&shape_steps[reader->kind], own);
    while (keys[count] != NULL)
        count++;
    for (size_t i = 0; own[i] != NULL; i++)
        keys[count++] = own[i];
    count = check_second_kind(r, node, reader, keys, count);
    keys[count] = NULL;
    reader_keys(r, node, "this step", keys);
}

static void read_retry(struct reader *r, const struct yaml_node *node, struct retry_policy *policy)
{
    *policy = (struct retry_policy){ .attempts = 1 };
    if (node == NULL || !reader_shape(r, node, "`retry`", &shape_retry))
        return;
    policy->attempts = (uint32_t)reader_number(r, part(node, "attempts"), 1, RETRY_ATTEMPTS_MAX, 3);
    policy->backoff = (enum backoff)reader_word(r, part(node, "backoff"), words_backoff, BACKOFF_EXPONENTIAL);
    policy->first_us = reader_span(r, part(node, "first"), US_PER_S);
    policy->max_us = reader_span(r, part(node, "max"), 5 * US_PER_MIN);
}

static void read_on_error(struct reader *r, const struct yaml_node *node, struct step *step)
{
    static const char *const words[] = { "fail", "continue", NULL };
    if (node != NULL && node->kind == YAML_SEQUENCE) {
        step->on_error = ON_ERROR_STEPS;
        step->error_steps = reader_block(r, node, step);
    } else {
        step->on_error = (enum on_error)reader_word(r, node, words, ON_ERROR_FAIL);
    }
}

/* Words of CEL that no selection can name. */
static bool is_keyword(struct str id)
{
    return str_equal(id, STR("true")) || str_equal(id, STR("false")) || str_equal(id, STR("null")) ||
        str_equal(id, STR("in"));
}

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.size; i++) {
        char c = id.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return id.size > 0 && id.size <= 64 && !is_keyword(id);
}

static void read_id(struct reader *r, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *id = part(node, "id");
    struct err_info why;
    if (id == NULL) {
        if (arena_printf(r->arena, &step->id, &why, "step_%u", step->index + 1) != ERR_OK)
            r->is_out_of_memory = true;
        return;
    }
    step->id = reader_text(r, id, "`id`");
    step->has_given_id = true;
    if (!is_id(step->id))
        reader_fault(r, id, "step_id", "an id is made of letters, digits and '_' and begins with no digit");
    for (uint32_t i = 0; i < step->index; i++)
        if (r->steps[i] != NULL && str_equal(r->steps[i]->id, step->id))
            reader_fault(r, id, "duplicate_id", "the id \"%.*s\" is taken by the step in line %u",
                STR_ARG(step->id), r->steps[i]->line);
}

static bool add_step(struct reader *r, struct step *step)
{
    if (r->step_count == r->step_room) {
        uint32_t room = r->step_room ? r->step_room * 2 : 32;
        struct step **steps = READER_ARRAY(r, room, struct step *);
        if (steps == NULL)
            return false;
        if (r->step_count > 0)
            memcpy((void *)steps, (void *)r->steps, r->step_count * sizeof(struct step *));
        r->steps = steps;
        r->step_room = room;
    }
    step->index = r->step_count;
    r->steps[r->step_count++] = step;
    return true;
}

static struct step *read_step(struct reader *r, const struct yaml_node *node, const struct step *parent)
{
    if (node->kind != YAML_MAPPING) {
        reader_fault(r, node, "mapping_expected", "a step should be a mapping, `do: connector.action`");
        return NULL;
    }
    if (r->step_count == PLAYBOOK_STEPS_MAX) {
        reader_fault(r, node, "playbook_steps", "more than %d steps", PLAYBOOK_STEPS_MAX);
        return NULL;
    }
    const struct step_reader *reader = find_reader(r, node);
    struct step *step = READER_ARRAY(r, 1, struct step);
    if (reader == NULL || step == NULL || !add_step(r, step))
        return NULL;
    step->kind = reader->kind;
    step->line = node->line;
    step->column = node->column;
    step->parent = parent;
    step->loop_depth = r->loop_depth;
    check_keys(r, node, reader);
    read_id(r, node, step);
    step->name = reader_text(r, part(node, "name"), "`name`");
    step->when = reader_expr(r, part(node, "when"));
    step->timeout_us = reader_span(r, part(node, "timeout"), 0);
    read_retry(r, part(node, "retry"), &step->retry);
    reader->read(r, node, step);
    read_on_error(r, part(node, "on_error"), step);
    return step;
}

struct block reader_block(struct reader *r, const struct yaml_node *node, const struct step *parent)
{
    struct block block = { 0 };
    if (yaml_is_null(node))
        return block;
    bool is_list = node->kind == YAML_SEQUENCE;
    if (!is_list && node->kind != YAML_MAPPING) {
        reader_fault(r, node, "list_expected", "a list of steps should stand here");
        return block;
    }
    if (r->nesting == PLAYBOOK_NESTING_MAX) {
        reader_fault(r, node, "playbook_nesting", "steps are nested deeper than %d", PLAYBOOK_NESTING_MAX);
        return block;
    }
    uint32_t count = is_list ? node->count : 1;
    const struct step **steps = READER_ARRAY(r, count, const struct step *);
    if (steps == NULL)
        return block;
    r->nesting++;
    for (uint32_t i = 0; i < count; i++) {
        const struct step *step = read_step(r, is_list ? node->items[i] : node, parent);
        if (step != NULL)
            steps[block.count++] = step;
    }
    r->nesting--;
    block.steps = steps;
    return block;
}
