#include "ingest/subject_type.h"

#include <string.h>

#include "ingest/ocsf.h"

#define FIELD(text, kind, required) \
    { \
        .name = STR_INIT(text), .type = (kind), .is_required = (required) \
    }
#define OWN(text) \
    { \
        .name = STR_INIT(text), .type = &type_string, .is_required = true, .is_own = true \
    }
#define COUNT(rows) ((uint32_t)(sizeof(rows) / sizeof((rows)[0])))

static const struct type texts = { .kind = TYPE_LIST, .item = &type_string };
static const struct type text_or_null = { .kind = TYPE_NULLABLE, .item = &type_string };
static const struct type time_or_null = { .kind = TYPE_NULLABLE, .item = &type_timestamp };

static const struct type_field observable_fields[] = {
    FIELD("name", &type_string, false),
    FIELD("type", &type_string, true),
    FIELD("type_id", &type_int, true),
    FIELD("value", &type_string, true),
};
static const struct type observable_type = {
    .kind = TYPE_RECORD, .fields = observable_fields, .field_count = COUNT(observable_fields)
};
static const struct type observables_type = { .kind = TYPE_LIST, .item = &observable_type };

/* What every alert has: alert_row_value, mapping_apply. */
static const struct type_field own_fields[] = {
    OWN("id"),
    OWN("source"),
    FIELD("severity_id", &type_int, true),
    OWN("severity"),
    FIELD("status_id", &type_int, true),
    OWN("status"),
    FIELD("count", &type_int, true),
    FIELD("first_seen", &type_timestamp, true),
    FIELD("last_seen", &type_timestamp, true),
    FIELD("tags", &texts, true),
    FIELD("owner", &text_or_null, true),
    FIELD("resolution", &text_or_null, true),
    OWN("event_id"),
    FIELD("revision", &type_int, true),
    FIELD("class_uid", &type_int, true),
    FIELD("class_name", &type_string, true),
    FIELD("category_uid", &type_int, true),
    FIELD("category_name", &type_string, true),
    FIELD("activity_id", &type_int, true),
    FIELD("activity_name", &type_string, true),
    FIELD("type_uid", &type_int, true),
    FIELD("type_name", &type_string, true),
    FIELD("is_alert", &type_bool, true),
    FIELD("time", &type_int, true),
    FIELD("time_dt", &type_timestamp, true),
    FIELD("observables", &observables_type, true),
    FIELD("unmapped", &type_map_dyn, false),
    FIELD("vendor_attributes", &type_map_dyn, false),
};

/* Beside what the table has, at these objects. */
static const struct type_field metadata_fields[] = {
    FIELD("version", &type_string, true),
    FIELD("profiles", &texts, true),
    FIELD("logged_time", &type_int, true),
};
static const struct type_field file_fields[] = {
    FIELD("type_id", &type_int, false),
    FIELD("name", &type_string, false),
};

struct addition {
    const char *object; /* the last part of its path */
    const struct type_field *fields;
    uint32_t count;
};
static const struct addition additions[] = {
    { "", own_fields, COUNT(own_fields) },
    { "metadata", metadata_fields, COUNT(metadata_fields) },
    { "file", file_fields, COUNT(file_fields) },
};
/* What the mapping always sets of what the table has. */
static const char *const certain[] = { "finding_info", "finding_info.title", "finding_info.uid", "metadata",
    "metadata.product", "metadata.product.name" };

static bool is_certain(struct str path)
{
    for (size_t i = 0; i < COUNT(certain); i++)
        if (str_equal(path, str_of(certain[i])))
            return true;
    return false;
}

static const struct type *leaf_type(enum ocsf_kind kind)
{
    switch (kind) {
    case OCSF_STRING:
    case OCSF_IP: return &type_string;
    case OCSF_INT:
    case OCSF_ROUNDED:
    case OCSF_TIME: return &type_int;
    case OCSF_BOOL: return &type_bool;
    case OCSF_STRINGS: return &texts;
    case OCSF_ANY: return &type_dyn;
    }
    return &type_dyn;
}

/* Rows of the table that share the first `prefix` bytes of their paths; sorted, so an object's rows stand
 * together. Depth is that of the table's paths. */
struct group {
    const struct ocsf_field *rows;
    uint32_t count;
    size_t prefix;
};

static FALLIBLE build(
    struct arena *arena, const struct group *group, const struct type **ret, struct err_info *why);

static bool has_field(const struct type *record, struct str name)
{
    return type_find_field(record, name) != NULL;
}

static void add_own(struct type *record, struct type_field *fields, struct str path)
{
    for (size_t i = path.size; i > 0; i--) {
        if (path.data[i - 1] != '.')
            continue;
        path = str_slice(path, i, path.size);
        break;
    }
    for (size_t i = 0; i < COUNT(additions); i++) {
        if (!str_equal(str_of(additions[i].object), path))
            continue;
        memcpy(fields, additions[i].fields, additions[i].count * sizeof *fields);
        record->field_count = additions[i].count;
    }
}

/* The rows from `first` on that are the same object's as the first one; 1 for a plain field. */
static uint32_t rows_of(const struct group *group, uint32_t first, struct str *ret_path)
{
    struct str path = group->rows[first].path;
    ptrdiff_t dot = str_find_byte(path, '.', group->prefix);
    uint32_t count = 1;
    *ret_path = dot < 0 ? path : str_slice(path, 0, (size_t)dot);
    if (dot < 0)
        return count;
    struct str whole = str_slice(path, 0, (size_t)dot + 1);
    while (first + count < group->count && str_starts(group->rows[first + count].path, whole))
        count++;
    return count;
}

static FALLIBLE build(
    struct arena *arena, const struct group *group, const struct type **ret, struct err_info *why)
{
    struct type *record = ARENA_NEW(arena, struct type);
    struct type_field *fields = ARENA_ARRAY(arena, group->count + COUNT(own_fields), struct type_field);
    if (record == NULL || fields == NULL)
        return err_memory(why);
    *record = (struct type){ .kind = TYPE_RECORD, .fields = fields };
    add_own(
        record, fields, group->prefix > 0 ? str_slice(group->rows[0].path, 0, group->prefix - 1) : STR(""));
    for (uint32_t i = 0, count; i < group->count; i += count) {
        struct str path;
        count = rows_of(group, i, &path);
        const struct type *type = leaf_type(group->rows[i].kind);
        struct group inner = { group->rows + i, count, path.size + 1 };
        if (path.size < group->rows[i].path.size)
            TRY(build(arena, &inner, &type, why));
        struct str name = str_slice(path, group->prefix, path.size);
        if (!has_field(record, name))
            fields[record->field_count++] = (struct type_field){
                .name = name, .type = type, .is_required = is_certain(path)
            };
    }
    *ret = record;
    return ERR_OK;
}

enum err subject_type_alert(struct arena *arena, const struct type **ret, struct err_info *why)
{
    struct group all = { 0 };
    all.rows = ocsf_fields(&all.count);
    return build(arena, &all, ret, why);
}

/* case_row_value */
static const struct type_field case_fields[] = {
    OWN("id"),
    FIELD("number", &type_int, true),
    FIELD("title", &type_string, true),
    OWN("status"),
    FIELD("severity_id", &type_int, true),
    OWN("severity"),
    FIELD("owner", &text_or_null, true),
    FIELD("phase", &type_string, true),
    FIELD("summary", &type_string, true),
    FIELD("tags", &texts, true),
    FIELD("resolution", &text_or_null, true),
    FIELD("opened", &type_timestamp, true),
    FIELD("updated", &type_timestamp, true),
    FIELD("closed", &time_or_null, true),
    FIELD("alert_count", &type_int, true),
    FIELD("observable_count", &type_int, true),
    FIELD("revision", &type_int, true),
};
const struct type subject_type_case = {
    .kind = TYPE_RECORD, .fields = case_fields, .field_count = COUNT(case_fields)
};
