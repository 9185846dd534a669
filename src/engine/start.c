#include "engine/start.h"

#include <assert.h>

#include "base/json.h"
#include "base/timetext.h"
#include "engine/names.h"

struct id start_id(struct clock *clock, struct rand *rand, unsigned shard, unsigned shard_count)
{
    assert(shard_count >= 1 && shard_count <= 256 && shard < shard_count);
    struct id id = id_new(clock, rand);
    unsigned last = id.bytes[15] - id.bytes[15] % shard_count + shard;
    id.bytes[15] = (uint8_t)(last > 255 ? last - shard_count : last);
    return id;
}

/* What inputs and keys may read: nothing of the run exists yet. */
struct start_names {
    struct value values[SCOPE_IT];
};

static void names_set(
    struct start_names *names, const struct creation *creation, struct value inputs, struct instant now)
{
    *names = (struct start_names){ 0 };
    names->values[SCOPE_EVENT] = creation->event;
    names->values[SCOPE_ALERT] = creation->alert;
    names->values[SCOPE_CASE] = creation->case_value;
    names->values[SCOPE_INPUTS] = inputs;
    names->values[SCOPE_NOW] = value_from_instant(now);
}

static FALLIBLE fill(struct start_names *names, const struct template *template, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct expr_values values;
    struct expr_limits limits = { 0 };
    expr_values_init(&values, names->values, SCOPE_IT);
    return template_eval(template, arena, &values.activation, &limits, ret, why);
}

static FALLIBLE input_value(const struct playbook_input *input, struct value given, struct start_names *names,
    struct arena *arena, struct value *ret, bool *ret_has, struct err_info *why)
{
    const struct value *v = value_map_find(given, input->name);
    *ret_has = true;
    if (v)
        *ret = *v;
    else if (input->default_value)
        TRY(fill(names, input->default_value, arena, ret, why));
    else if (input->is_required)
        return err_set(why, ERR_INVALID, "the input \"%.*s\" is missing", STR_ARG(input->name));
    else
        *ret_has = false;
    if (!*ret_has)
        return ERR_OK;
    struct err_info inner = { 0 };
    enum err result = type_check_value(input->type, *ret, &inner);
    if (result == ERR_OK) /* a word that the playbook lists is its own, whoever chose it */
        return type_is_plain(input->type) ? value_copy_marked(arena, *ret, false, ret, why) : ERR_OK;
    return err_set(why, result, "the input \"%.*s\" does not fit: %s", STR_ARG(input->name), inner.text);
}

static FALLIBLE no_unknown_inputs(const struct playbook *playbook, struct value given, struct err_info *why)
{
    for (uint32_t i = 0; given.type == VALUE_MAP && i < given.size; i++) {
        struct value key = value_map_entries(given)[i].key;
        if (key.type == VALUE_STRING && !playbook_find_input(playbook, value_str(key)))
            return err_set(why, ERR_INVALID, "the playbook %.*s has no input \"%.*s\"",
                STR_ARG(playbook->name), STR_ARG(value_str(key)));
    }
    return ERR_OK;
}

/* In the order of the text, so that a default may use the inputs above it. */
static FALLIBLE inputs_of(const struct playbook *playbook, struct value given, struct creation *creation,
    struct instant now, struct arena *arena, struct err_info *why)
{
    struct value inputs;
    struct start_names names;
    TRY(no_unknown_inputs(playbook, given, why));
    struct value_map_builder none = { 0 };
    value_map_begin(&none, arena);
    inputs = value_map_end(&none);
    for (uint32_t i = 0; i < playbook->input_count; i++) {
        struct value v;
        bool has = false;
        names_set(&names, creation, inputs, now);
        TRY(input_value(&playbook->inputs[i], given, &names, arena, &v, &has, why));
        if (has)
            TRY(value_map_with(arena, inputs, value_string(playbook->inputs[i].name), v, &inputs, why));
    }
    creation->inputs = inputs;
    if (playbook->concurrency_key) {
        names_set(&names, creation, inputs, now);
        TRY(fill(&names, playbook->concurrency_key, arena, &creation->concurrency_key, why));
    }
    return ERR_OK;
}

enum err start_inputs(const struct playbook_version *version, struct value given, struct creation *creation,
    struct instant now, struct arena *arena, struct err_info *why)
{
    struct err_info wrong = { 0 };
    creation->playbook_number = version->number;
    creation->playbook_version = version->version;
    enum err result = inputs_of(version->playbook, given, creation, now, arena, &wrong);
    if (result == ERR_OK)
        return ERR_OK;
    creation->concurrency_key = value_null();
    return error_value(
        arena, STR("invalid_inputs"), str_of(wrong.text), false, STR(""), &creation->error, why);
}

enum err start_key(struct value key, struct arena *arena, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    *ret = STR("");
    if (value_is(key, VALUE_NULL))
        return ERR_OK;
    json_print(&buf, key, JSON_CANONICAL);
    TRY(buf_check(&buf, why));
    return arena_str(arena, buf_str(&buf), ret, why);
}

static FALLIBLE needed(const struct playbook_version *version, const struct creation *creation,
    struct arena *arena, struct creation *ret, struct err_info *why)
{
    const struct playbook_reads *reads = &version->reads;
    *ret = *creation;
    TRY(subject_reads_pick(&reads->event, creation->event, arena, &ret->event, why));
    TRY(subject_reads_pick(&reads->alert, creation->alert, arena, &ret->alert, why));
    return subject_reads_pick(&reads->case_value, creation->case_value, arena, &ret->case_value, why);
}

enum err start_record(const struct playbook_version *version, const struct creation *creation,
    struct instant now, struct buf *record, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct creation kept;
    struct op op = { .kind = OP_CREATE };
    struct value packed;
    TRY(needed(version, creation, &scratch, &kept, why));
    TRY(creation_pack(&kept, &scratch, &packed, why));
    op_value(&op, FIELD_DATA, packed);
    journal_begin(record, now);
    journal_add(record, &op);
    return buf_check(record, why);
}

enum err start_run(int64_t tenant, struct id id, struct playbook_version *version,
    const struct creation *creation, struct instant now, struct run **ret, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct creation kept;
    struct run *run = NULL;
    struct op op = { .kind = OP_CREATE };
    struct value packed, copy;
    TRY(needed(version, creation, &scratch, &kept, why));
    TRY(run_new(tenant, id, &run, why));
    run->version = playbook_version_acquire(version);
    run->playbook = version->playbook;
    run->now = now;
    enum err result = creation_pack(&kept, &scratch, &packed, why);
    if (result == ERR_OK)
        result = value_copy(&run->arena, packed, &copy, why);
    if (result == ERR_OK) {
        op_value(&op, FIELD_DATA, copy);
        result = run_apply(run, &op, why);
        run->creation = copy;
    }
    if (result != ERR_OK) {
        run_free(run);
        return result;
    }
    *ret = run;
    return ERR_OK;
}
