#include "playbook/playbook.h"

#include <sodium.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/msan.h"
#include "base/text.h"
#include "playbook/lint.h"
#include "playbook/reader.h"
#include "playbook/shape.h"
#include "playbook/type_read.h"

const char *const scope_slot_names[SCOPE_LOOP] = {
    [SCOPE_EVENT] = "event",
    [SCOPE_ALERT] = "alert",
    [SCOPE_CASE] = "case",
    [SCOPE_INPUTS] = "inputs",
    [SCOPE_VARS] = "vars",
    [SCOPE_STEPS] = "steps",
    [SCOPE_RUN] = "run",
    [SCOPE_NOW] = "now",
    [SCOPE_IT] = "it",
};

struct counted_playbook {
    struct playbook playbook; /* first: the two have one address */
    atomic_uint references;
    struct arena arena;
};

struct playbook *playbook_acquire(struct playbook *playbook)
{
    struct counted_playbook *counted = (struct counted_playbook *)playbook;
    atomic_fetch_add_explicit(&counted->references, 1, memory_order_relaxed);
    return playbook;
}

void playbook_release(struct playbook *playbook)
{
    struct counted_playbook *counted = (struct counted_playbook *)playbook;
    if (counted == NULL || atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&counted->arena);
    memory_free(counted);
}

const struct step *playbook_find_step(const struct playbook *playbook, struct str id)
{
    for (uint32_t i = 0; i < playbook->step_count; i++)
        if (str_equal(playbook->all_steps[i]->id, id))
            return playbook->all_steps[i];
    return NULL;
}

const struct playbook_input *playbook_find_input(const struct playbook *playbook, struct str name)
{
    for (uint32_t i = 0; i < playbook->input_count; i++)
        if (str_equal(playbook->inputs[i].name, name))
            return &playbook->inputs[i];
    return NULL;
}

static bool is_kebab(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && (c != '-' || i == 0 || i + 1 == name.size))
            return false;
    }
    return name.size > 0 && name.size <= 100;
}

static void read_concurrency(struct reader *r, const struct yaml_node *node, struct playbook *playbook)
{
    if (node == NULL || !reader_shape(r, node, "`concurrency`", &shape_concurrency))
        return;
    if (yaml_find(node, STR("key")) == NULL)
        reader_fault(r, node, "missing_key", "`concurrency` needs `key:`");
    playbook->concurrency_key = reader_template(r, yaml_find(node, STR("key")));
    playbook->concurrency_max = (uint32_t)reader_number(r, yaml_find(node, STR("max")), 1, 1000000, 1);
    playbook->when_full = (enum when_full)reader_word(
        r, yaml_find(node, STR("when_full")), words_when_full, WHEN_FULL_QUEUE);
}

static void read_head(struct reader *r, const struct yaml_node *root, struct playbook *playbook)
{
    const struct yaml_node *name = yaml_find(root, STR("playbook")), *output = yaml_find(root, STR("out"));
    playbook->name = reader_text(r, name, "`playbook`");
    r->name = playbook->name;
    if (name == NULL)
        reader_fault(r, root, "missing_key", "a playbook needs `playbook:`, its name");
    else if (!is_kebab(playbook->name))
        reader_fault(r, name, "playbook_name", "a name is made of a-z, 0-9 and '-', as in block-ip");
    playbook->title = reader_text(r, yaml_find(root, STR("title")), "`title`");
    playbook->description = reader_text(r, yaml_find(root, STR("description")), "`description`");
    playbook->attack = reader_texts(r, yaml_find(root, STR("attack")), &playbook->attack_count);
    playbook->mode = (enum playbook_mode)reader_word(r, yaml_find(root, STR("mode")), words_mode, MODE_AUTO);
    playbook->inputs = reader_inputs(r, yaml_find(root, STR("inputs")), &playbook->input_count);
    playbook->output = output ? type_read(r->arena, output, r->found) : &type_dyn;
    playbook->triggers = reader_triggers(r, yaml_find(root, STR("triggers")), &playbook->trigger_count);
    playbook->timeout_us = reader_span(r, yaml_find(root, STR("timeout")), 0);
    read_concurrency(r, yaml_find(root, STR("concurrency")), playbook);
}

static void read_root(struct reader *r, const struct yaml_node *root, struct playbook *playbook)
{
    const struct yaml_node *steps = yaml_find(root, STR("steps")),
                           *failure = yaml_find(root, STR("on_failure"));
    if (!reader_shape(r, root, "a playbook", &shape_playbook))
        return;
    read_head(r, root, playbook);
    if (steps == NULL || steps->kind != YAML_SEQUENCE || steps->count == 0)
        reader_fault(r, steps ? steps : root, "missing_key",
            "a playbook needs `steps:`, a list with one step at least");
    else
        playbook->steps = reader_block(r, steps, NULL);
    if (failure != NULL)
        playbook->on_failure = reader_block(r, failure, NULL);
    playbook->all_steps = (const struct step *const *)r->steps;
    playbook->step_count = r->step_count;
}

static enum err set_source(
    struct arena *arena, struct str text, struct playbook *playbook, struct err_info *why)
{
    unsigned char hash[32];
    AUTO(buf) struct buf hex = { 0 };
    TRY(arena_str(arena, text, &playbook->source, why));
    if (crypto_generichash(hash, sizeof hash, (const unsigned char *)text.data, text.size, NULL, 0) != 0)
        return err_set(why, ERR_INTERNAL, "BLAKE2b failed");
    msan_is_written(hash, sizeof hash);
    hex_add(&hex, (struct str){ (const char *)hash, sizeof hash });
    TRY(buf_check(&hex, why));
    return arena_str(arena, buf_str(&hex), &playbook->digest, why);
}

/* A conditional without quotes: to YAML its ` : ` is a mapping inside a mapping. */
static const char *syntax_hint(struct str source, uint32_t line)
{
    struct str rest = source, text = STR("");
    for (uint32_t i = 0; i < line && str_split(&rest, '\n', &text); i++)
        ;
    ptrdiff_t colon = str_find(text, STR(": "), 0);
    if (colon >= 0 && str_find(text, STR(" : "), (size_t)colon + 1) >= 0)
        return "; an expression with ` : ` in it needs quotes around it";
    return "";
}

static bool is_yaml11_octal(const struct yaml_node *node)
{
    size_t at = node->text.size > 0 && (node->text.data[0] == '-' || node->text.data[0] == '+');
    size_t digits = node->text.size - at;
    if (node->kind != YAML_SCALAR || !node->is_plain || node->tag.size > 0 || digits < 2 ||
        node->text.data[at] != '0')
        return false;
    for (; at < node->text.size; at++)
        if (node->text.data[at] < '0' || node->text.data[at] > '9')
            return false;
    return true;
}

/* What YAML 1.1 read otherwise, wherever it stands. Depth is that of the reader (YAML_DEPTH_MAX). */
static void find_yaml11(struct reader *r, const struct yaml_node *node)
{
    if (is_yaml11_octal(node))
        reader_warn(r, node, "yaml11_octal",
            "a zero in front means nothing in YAML 1.2, and base 8 in YAML 1.1: write 0o… for that, or put "
            "quotes "
            "around a text");
    for (uint32_t i = 0; node->kind == YAML_SEQUENCE && i < node->count; i++)
        find_yaml11(r, node->items[i]);
    for (uint32_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        if (pair->key->kind == YAML_SCALAR && pair->key->is_plain && str_equal(pair->key->text, STR("<<")))
            reader_fault(r, pair->key, "yaml11_merge",
                "YAML 1.2 knows no `<<`: write the keys out, or give one *name for the whole value");
        find_yaml11(r, pair->value);
    }
}

static enum err parse(struct counted_playbook *counted, const struct playbook_world *world,
    struct diagnostics *found, struct str text, struct err_info *why)
{
    struct yaml_node *root;
    struct err_info yaml_why = { 0 };
    struct reader r = { .arena = &counted->arena, .found = found, .world = world };
    uint32_t errors_before = found->error_count;
    bool can_be_read = false;
    TRY(set_source(&counted->arena, text, &counted->playbook, why));
    r.source = counted->playbook.source;
    enum err result = yaml_parse(&counted->arena, counted->playbook.source, &root, &yaml_why);
    if (result == ERR_MEMORY)
        return err_memory(why);
    if (result != ERR_OK) {
        diagnostics_add(found, DIAGNOSTIC_ERROR, yaml_why.name ? yaml_why.name : "yaml", yaml_why.line,
            yaml_why.column, "%s%s", yaml_why.text, syntax_hint(counted->playbook.source, yaml_why.line));
    } else {
        find_yaml11(&r, root);
        can_be_read = found->error_count == errors_before; /* what `<<` was to bring is missing everywhere */
    }
    if (can_be_read)
        read_root(&r, root, &counted->playbook);
    if (r.is_out_of_memory)
        return err_memory(why);
    if (can_be_read && world != NULL)
        TRY(lint_flow(&r, &counted->playbook, why));
    if (found->is_out_of_memory)
        return err_memory(why);
    uint32_t errors = found->error_count - errors_before;
    if (errors > 0)
        return err_named(
            why, ERR_INVALID, "playbook", "the playbook has %u error%s", errors, errors == 1 ? "" : "s");
    return ERR_OK;
}

enum err playbook_parse(struct str text, const struct playbook_world *world, struct diagnostics *found,
    struct playbook **ret, struct err_info *why)
{
    struct counted_playbook *counted = memory_alloc(sizeof *counted);
    if (counted == NULL)
        return err_memory(why);
    *counted = (struct counted_playbook){ 0 };
    atomic_init(&counted->references, 1);
    enum err result = parse(counted, world, found, text, why);
    if (result != ERR_OK) {
        playbook_release(&counted->playbook);
        return result;
    }
    *ret = &counted->playbook;
    return ERR_OK;
}
