#include "cases/observable_row.h"

#include "base/limits.h"
#include "base/text.h"

static const struct sql observable_last = {
    "SELECT coalesce(max(number), 0) FROM cases_observables WHERE tenant = $1 AND subject = $2", NULL
};
static const struct sql observable_insert = {
    "INSERT INTO cases_observables (tenant, subject, number, at, type, value, name)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, subject, type, value) DO NOTHING",
    NULL
};
static const struct sql observable_of = {
    "SELECT type, value, name FROM cases_observables WHERE tenant = $1 AND subject = $2 ORDER BY number", NULL
};

enum err observable_check(const struct observable_spec *spec, struct err_info *why)
{
    if (spec->value.size == 0)
        return err_named(why, ERR_INVALID, "field", "observable: the value is empty");
    if (spec->value.size > OBSERVABLE_VALUE_BYTES_MAX || spec->name.size > OBSERVABLE_VALUE_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "OBSERVABLE_VALUE_BYTES_MAX",
            "observable: %zu bytes, %d are the limit", spec->value.size, OBSERVABLE_VALUE_BYTES_MAX);
    return ERR_OK;
}

static enum err read_type(
    struct value given, uint32_t number, enum observable_type *ret, struct err_info *why)
{
    struct value type = value_get(given, STR("type_id"));
    if (type.type == VALUE_INT && type.integer > 0 && type.integer <= OBSERVABLE_OTHER) {
        *ret = (enum observable_type)type.integer;
        return ERR_OK;
    }
    type = value_get(given, STR("type"));
    if (type.type == VALUE_STRING && observable_type_parse(value_str(type), ret))
        return ERR_OK;
    return err_named(why, ERR_INVALID, "field",
        "observables[%u]: a type such as 'ip', 'domain', 'url', 'hash', 'email', 'user' is needed", number);
}

enum err observable_read(
    struct value given, uint32_t number, struct observable_spec *ret, struct err_info *why)
{
    struct observable_spec spec = { 0 };
    struct value v = value_get(given, STR("value")), name = value_get(given, STR("name"));
    if (given.type != VALUE_MAP)
        return err_named(
            why, ERR_INVALID, "field", "observables[%u]: a map with type and value is needed", number);
    TRY(read_type(given, number, &spec.type, why));
    if (v.type != VALUE_STRING)
        return err_named(why, ERR_INVALID, "field", "observables[%u].value: a string is needed", number);
    spec.value = value_str(v);
    if (name.type == VALUE_STRING)
        spec.name = value_str(name);
    TRY(observable_check(&spec, why));
    *ret = spec;
    return ERR_OK;
}

enum err observable_value(
    const struct observable_spec *spec, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    if (spec->name.size > 0)
        TRY(value_map_set(&map, "name", value_outside(spec->name), why));
    TRY(value_map_set(&map, "type", value_string(str_of(observable_type_caption(spec->type))), why));
    TRY(value_map_set(&map, "type_id", value_int(spec->type), why));
    TRY(value_map_set(&map, "value", value_outside(spec->value), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err observable_rows_add(struct store_conn *conn, int64_t tenant, struct id subject,
    const struct observable_spec *spec, bool *ret_added, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &observable_last, SQL_ARGS(arg_int(tenant), arg_id(&subject)), why));
    int64_t last = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    if (last >= SUBJECT_OBSERVABLES_MAX)
        return err_named(why, ERR_LIMIT, "SUBJECT_OBSERVABLES_MAX", "observables: %d are the limit",
            SUBJECT_OBSERVABLES_MAX);
    int64_t changed = 0;
    TRY(sql_run(conn, &observable_insert,
        SQL_ARGS(arg_int(tenant), arg_id(&subject), arg_int(last + 1), arg_instant(store_commit_time(conn)),
            arg_int(spec->type), arg_bytes(spec->value), arg_bytes(spec->name)),
        &changed, why));
    *ret_added = changed > 0;
    return ERR_OK;
}

enum err observable_rows_list(struct store_conn *conn, int64_t tenant, struct id subject, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder list;
    value_list_begin(&list, arena);
    TRY(rows_open(&rows, conn, &observable_of, SQL_ARGS(arg_int(tenant), arg_id(&subject)), why));
    while (rows_next(&rows)) {
        struct observable_spec spec = { .type = (enum observable_type)rows_int(&rows, 0) };
        struct value item;
        TRY(arena_str(arena, rows_bytes(&rows, 1), &spec.value, why));
        TRY(arena_str(arena, rows_bytes(&rows, 2), &spec.name, why));
        TRY(observable_value(&spec, arena, &item, why));
        TRY(value_list_add(&list, item, why));
    }
    TRY(rows_end(&rows, why));
    *ret = value_list_end(&list);
    return ERR_OK;
}
