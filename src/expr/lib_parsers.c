/* Texts with structure in them, to values and back. The readers themselves are in parse_*.c. */
#include "base/json.h"
#include "base/limits.h"
#include "expr/function.h"
#include "expr/parsers.h"

/* Building the tree takes more than reading the bytes. */
#define READINGS 4

/* The error of a reader as one of the evaluation: its place is inside the text that was read, which is
 * not the expression's. */
static FALLIBLE as_eval_error(
    struct call *call, enum err err, const char *function, const struct err_info *why)
{
    if (err != ERR_INVALID && err != ERR_LIMIT && err != ERR_CONFLICT) {
        call->why = *why;
        call->why.line = 0;
        return err;
    }
    if (why->line > 0)
        return call_fail(call, "%s: line %u, column %u: %s", function, why->line, why->column, why->text);
    return call_fail(call, "%s: %s", function, why->text);
}

static FALLIBLE read_with(struct call *call, struct value text,
    enum err (*parse)(struct arena *arena, struct str text, struct value *ret, struct err_info *why),
    const char *function, struct value *ret)
{
    struct err_info why = { .code = ERR_OK };
    TRY(call_charge_bytes(call, READINGS * (uint64_t)text.size));
    enum err err = parse(call->arena, value_str(text), ret, &why);
    return err == ERR_OK ? ERR_OK : as_eval_error(call, err, function, &why);
}

static FALLIBLE json(struct call *call, const struct value *a, struct value *ret)
{
    struct err_info why = { .code = ERR_OK };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = a[0].flags & VALUE_OUTSIDE };
    TRY(call_charge_bytes(call, READINGS * (uint64_t)a[0].size));
    enum err err = json_parse(call->arena, value_str(a[0]), &options, ret, &why);
    return err == ERR_OK ? ERR_OK : as_eval_error(call, err, "parse_json", &why);
}

static FALLIBLE to_json(struct call *call, const struct value *a, struct value *ret)
{
    AUTO(buf) struct buf buf = { .bytes_max = EXPR_STRING_BYTES_MAX };
    TRY(call_charge_value(call, a[0]));
    json_print(&buf, a[0], 0);
    TRY(buf_check(&buf, &call->why));
    return call_string(call, buf_str(&buf), ret);
}

static FALLIBLE csv_separator(struct call *call, struct value text, char *ret)
{
    if (text.size != 1 || text.bytes[0] == '"' || text.bytes[0] == '\n')
        return call_fail(call, "parse_csv: the separator is one character, as ';'");
    *ret = text.bytes[0];
    return ERR_OK;
}

static FALLIBLE csv_rows(
    struct call *call, struct value text, char separator, bool has_names, struct value *ret)
{
    struct err_info why = { .code = ERR_OK };
    TRY(call_charge_bytes(call, READINGS * (uint64_t)text.size));
    enum err err = has_names ? parse_csv_records(call->arena, value_str(text), separator, ret, &why)
                             : parse_csv(call->arena, value_str(text), separator, ret, &why);
    return err == ERR_OK ? ERR_OK : as_eval_error(call, err, "parse_csv", &why);
}

static FALLIBLE csv(struct call *call, const struct value *a, struct value *ret)
{
    return csv_rows(call, a[0], ',', false, ret);
}

static FALLIBLE csv_with(struct call *call, const struct value *a, struct value *ret)
{
    char separator = ',';
    TRY(csv_separator(call, a[1], &separator));
    return csv_rows(call, a[0], separator, false, ret);
}

static FALLIBLE csv_records(struct call *call, const struct value *a, struct value *ret)
{
    return csv_rows(call, a[0], ',', true, ret);
}

static FALLIBLE csv_records_with(struct call *call, const struct value *a, struct value *ret)
{
    char separator = ',';
    TRY(csv_separator(call, a[1], &separator));
    return csv_rows(call, a[0], separator, true, ret);
}

#define READER(name, function) \
    static FALLIBLE name(struct call *call, const struct value *a, struct value *ret) \
    { \
        return read_with(call, a[0], function, #function, ret); \
    }

READER(kv, parse_kv)
READER(url, parse_url)
READER(cef, parse_cef)
READER(leef, parse_leef)
READER(syslog, parse_syslog)
READER(xml, parse_xml)

/* ---- types of the results ---- */

#define FIELD(text, of, needed) \
    { \
        .name = STR_INIT(text), .type = (of), .is_required = (needed) \
    }
#define RECORD(rows) \
    { \
        .kind = TYPE_RECORD, .fields = (rows), .field_count = sizeof(rows) / sizeof((rows)[0]) \
    }

static const struct type strings_by_name = { .kind = TYPE_MAP, .key = &type_string, .item = &type_string };
static const struct type list_of_rows = { .kind = TYPE_LIST, .item = &type_list_string };
static const struct type list_of_records = { .kind = TYPE_LIST, .item = &strings_by_name };
static const struct type groups_by_name = { .kind = TYPE_MAP, .key = &type_string, .item = &strings_by_name };

static const struct type_field url_fields[] = {
    FIELD("scheme", &type_string, true),
    FIELD("user", &type_string, true),
    FIELD("host", &type_string, true),
    FIELD("port", &type_int, false),
    FIELD("path", &type_string, true),
    FIELD("query", &type_string, true),
    FIELD("params", &strings_by_name, true),
    FIELD("fragment", &type_string, true),
};
static const struct type_field cef_fields[] = {
    FIELD("version", &type_string, true),
    FIELD("device_vendor", &type_string, true),
    FIELD("device_product", &type_string, true),
    FIELD("device_version", &type_string, true),
    FIELD("signature_id", &type_string, true),
    FIELD("name", &type_string, true),
    FIELD("severity", &type_string, true),
    FIELD("extension", &strings_by_name, true),
};
static const struct type_field leef_fields[] = {
    FIELD("version", &type_string, true),
    FIELD("vendor", &type_string, true),
    FIELD("product", &type_string, true),
    FIELD("product_version", &type_string, true),
    FIELD("event_id", &type_string, true),
    FIELD("attributes", &strings_by_name, true),
};
static const struct type_field syslog_fields[] = {
    FIELD("facility", &type_int, true),
    FIELD("severity", &type_int, true),
    FIELD("timestamp", &type_timestamp, false),
    FIELD("timestamp_text", &type_string, false),
    FIELD("host", &type_string, false),
    FIELD("app", &type_string, false),
    FIELD("process_id", &type_string, false),
    FIELD("message_id", &type_string, false),
    FIELD("structured_data", &groups_by_name, false),
    FIELD("message", &type_string, false),
};
static const struct type url_type = RECORD(url_fields);
static const struct type cef_type = RECORD(cef_fields);
static const struct type leef_type = RECORD(leef_fields);
static const struct type syslog_type = RECORD(syslog_fields);

#define S &type_string

static const struct overload cef_rows[] = { { false, 1, { S }, &cef_type, cef } };
static const struct overload csv_overloads[] = {
    { false, 1, { S }, &list_of_rows, csv },
    { false, 2, { S, S }, &list_of_rows, csv_with },
};
static const struct overload csv_records_rows[] = {
    { false, 1, { S }, &list_of_records, csv_records },
    { false, 2, { S, S }, &list_of_records, csv_records_with },
};
static const struct overload json_rows[] = { { false, 1, { S }, &type_dyn, json } };
static const struct overload kv_rows[] = { { false, 1, { S }, &strings_by_name, kv } };
static const struct overload leef_rows[] = { { false, 1, { S }, &leef_type, leef } };
static const struct overload syslog_rows[] = { { false, 1, { S }, &syslog_type, syslog } };
static const struct overload to_json_rows[] = { { false, 1, { &type_dyn }, S, to_json } };
static const struct overload url_rows[] = { { false, 1, { S }, &url_type, url } };
static const struct overload xml_rows[] = { { false, 1, { S }, &type_map_dyn, xml } };

static const struct function functions[] = {
    FUNCTION("parse_cef", cef_rows),
    FUNCTION("parse_csv", csv_overloads),
    FUNCTION("parse_csv_records", csv_records_rows),
    FUNCTION("parse_json", json_rows),
    FUNCTION("parse_kv", kv_rows),
    FUNCTION("parse_leef", leef_rows),
    FUNCTION("parse_syslog", syslog_rows),
    FUNCTION("parse_url", url_rows),
    FUNCTION("parse_xml", xml_rows),
    FUNCTION("to_json", to_json_rows),
};

const struct library library_parsers = { "parsers", functions, sizeof(functions) / sizeof(functions[0]) };
