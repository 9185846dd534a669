/* What a run starts with, as a value: OP_CREATE holds it. Names are stored; new ones may be added. */
#include <string.h>

#include "engine/run.h"

static FALLIBLE add_id(
    struct value_map_builder *map, const char *name, const struct id *id, struct err_info *why)
{
    return id_is_none(*id) ? ERR_OK : value_map_set(map, name, value_bytes(id_bytes(id)), why);
}

static FALLIBLE add_value(
    struct value_map_builder *map, const char *name, struct value v, struct err_info *why)
{
    return value_is(v, VALUE_NULL) ? ERR_OK : value_map_set(map, name, v, why);
}

static FALLIBLE add_number(
    struct value_map_builder *map, const char *name, int64_t number, struct err_info *why)
{
    return number == 0 ? ERR_OK : value_map_set(map, name, value_int(number), why);
}

enum err creation_pack(
    const struct creation *creation, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "p", value_int(creation->playbook_number), why));
    TRY(value_map_set(&map, "v", value_int(creation->playbook_version), why));
    TRY(add_id(&map, "event_id", &creation->event_id, why));
    TRY(add_id(&map, "alert_id", &creation->alert_id, why));
    TRY(add_id(&map, "case_id", &creation->case_id, why));
    TRY(add_id(&map, "parent_id", &creation->parent_id, why));
    TRY(add_id(&map, "containment_id", &creation->containment_id, why));
    TRY(add_number(&map, "parent", creation->parent_number, why));
    TRY(add_number(&map, "parent_frame", creation->parent_frame, why));
    TRY(add_number(&map, "depth", creation->depth, why));
    TRY(add_value(&map, "event", creation->event, why));
    TRY(add_value(&map, "alert", creation->alert, why));
    TRY(add_value(&map, "case", creation->case_value, why));
    TRY(add_value(&map, "inputs", creation->inputs, why));
    TRY(add_value(&map, "key", creation->concurrency_key, why));
    TRY(add_value(&map, "error", creation->error, why));
    if (creation->actor.size > 0)
        TRY(value_map_set(&map, "actor", value_string(creation->actor), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static struct id get_id(struct value packed, struct str name)
{
    struct value v = value_get(packed, name);
    struct id id = ID_NONE;
    if (v.type == VALUE_BYTES && v.size == sizeof(id.bytes))
        memcpy(id.bytes, v.bytes, sizeof(id.bytes));
    return id;
}

static int64_t get_number(struct value packed, struct str name)
{
    struct value v = value_get(packed, name);
    return v.type == VALUE_INT ? v.integer : 0;
}

enum err creation_unpack(struct value packed, struct creation *ret, struct err_info *why)
{
    if (!value_is(packed, VALUE_MAP))
        return err_named(why, ERR_INVALID, "journal_damaged", "the first record of a run holds no creation");
    struct value actor = value_get(packed, STR("actor"));
    *ret = (struct creation){
        .playbook_number = get_number(packed, STR("p")),
        .playbook_version = (uint32_t)get_number(packed, STR("v")),
        .event_id = get_id(packed, STR("event_id")),
        .alert_id = get_id(packed, STR("alert_id")),
        .case_id = get_id(packed, STR("case_id")),
        .parent_id = get_id(packed, STR("parent_id")),
        .containment_id = get_id(packed, STR("containment_id")),
        .parent_number = get_number(packed, STR("parent")),
        .parent_frame = (uint32_t)get_number(packed, STR("parent_frame")),
        .depth = (uint32_t)get_number(packed, STR("depth")),
        .event = value_get(packed, STR("event")),
        .alert = value_get(packed, STR("alert")),
        .case_value = value_get(packed, STR("case")),
        .inputs = value_get(packed, STR("inputs")),
        .concurrency_key = value_get(packed, STR("key")),
        .error = value_get(packed, STR("error")),
        .actor = value_is(actor, VALUE_STRING) ? value_str(actor) : STR(""),
    };
    return ERR_OK;
}
