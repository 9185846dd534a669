#include <string.h>

#include "expr/parsers.h"

struct csv {
    struct arena *arena;
    struct str text;
    size_t at;
    char separator;
    uint32_t line;
};

static bool at_line_end(const struct csv *csv)
{
    return csv->at >= csv->text.size || csv->text.data[csv->at] == '\n' || csv->text.data[csv->at] == '\r';
}

static void skip_line_end(struct csv *csv)
{
    if (csv->at < csv->text.size && csv->text.data[csv->at] == '\r')
        csv->at++;
    if (csv->at < csv->text.size && csv->text.data[csv->at] == '\n')
        csv->at++;
    csv->line++;
}

/* In bytes, from 1 on. */
static uint32_t column_of(const struct csv *csv, size_t at)
{
    size_t start = at;
    while (start > 0 && csv->text.data[start - 1] != '\n')
        start--;
    return (uint32_t)(at - start + 1);
}

/* Behind the opening quote; doubled quotes stand for one. */
static FALLIBLE read_quoted(struct csv *csv, struct value *ret, struct err_info *why)
{
    uint32_t line = csv->line;
    size_t start = csv->at, doubled = 0;
    for (;; csv->at++) {
        ptrdiff_t quote = str_find_byte(csv->text, '"', csv->at);
        if (quote < 0)
            return err_at(
                why, ERR_INVALID, "csv", line, column_of(csv, start - 1), "a quoted field does not end");
        csv->at = (size_t)quote + 1;
        if (csv->at >= csv->text.size || csv->text.data[csv->at] != '"')
            break;
        doubled++;
    }
    struct str raw = str_slice(csv->text, start, csv->at - 1);
    for (size_t i = 0; i < raw.size; i++)
        csv->line += raw.data[i] == '\n';
    *ret = value_string(raw);
    if (doubled == 0)
        return ERR_OK;
    char *copy = arena_bytes(csv->arena, raw.size);
    if (copy == NULL)
        return err_memory(why);
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        copy[size++] = raw.data[i];
        i += raw.data[i] == '"'; /* the second of the pair */
    }
    *ret = value_string((struct str){ copy, size });
    return ERR_OK;
}

static FALLIBLE read_field(struct csv *csv, struct value *ret, struct err_info *why)
{
    if (csv->at < csv->text.size && csv->text.data[csv->at] == '"') {
        csv->at++;
        TRY(read_quoted(csv, ret, why));
        if (at_line_end(csv) || csv->text.data[csv->at] == csv->separator)
            return ERR_OK;
        return err_at(why, ERR_INVALID, "csv", csv->line, column_of(csv, csv->at),
            "something stands between a closing quote and the separator");
    }
    size_t start = csv->at;
    while (!at_line_end(csv) && csv->text.data[csv->at] != csv->separator)
        csv->at++;
    *ret = value_string(str_slice(csv->text, start, csv->at));
    return ERR_OK;
}

static FALLIBLE read_row(struct csv *csv, struct value *ret, struct err_info *why)
{
    struct value_list_builder row;
    value_list_begin(&row, csv->arena);
    for (;;) {
        struct value field;
        TRY(read_field(csv, &field, why));
        TRY(value_list_add(&row, field, why));
        if (at_line_end(csv))
            break;
        csv->at++;
    }
    skip_line_end(csv);
    *ret = value_list_end(&row);
    return ERR_OK;
}

FALLIBLE parse_csv(
    struct arena *arena, struct str text, char separator, struct value *ret, struct err_info *why)
{
    struct csv csv = { .arena = arena, .text = text, .separator = separator, .line = 1 };
    struct value_list_builder rows;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        csv.at = 3;
    value_list_begin(&rows, arena);
    while (csv.at < text.size) {
        struct value row;
        if (at_line_end(&csv)) {
            skip_line_end(&csv);
            continue;
        }
        TRY(read_row(&csv, &row, why));
        TRY(value_list_add(&rows, row, why));
    }
    *ret = value_list_end(&rows);
    return ERR_OK;
}

FALLIBLE parse_csv_records(
    struct arena *arena, struct str text, char separator, struct value *ret, struct err_info *why)
{
    struct value rows;
    struct value_list_builder records;
    TRY(parse_csv(arena, text, separator, &rows, why));
    value_list_begin(&records, arena);
    for (uint32_t i = 1; i < rows.size; i++) {
        struct value names = rows.items[0], row = rows.items[i];
        struct value_map_builder map;
        if (row.size > names.size)
            return err_set(why, ERR_INVALID, "row %u has %u fields, the first row names %u", i + 1, row.size,
                names.size);
        value_map_begin(&map, arena);
        for (uint32_t k = 0; k < row.size; k++)
            TRY(value_map_put(&map, names.items[k], row.items[k], why));
        TRY(value_list_add(&records, value_map_end(&map), why));
    }
    *ret = value_list_end(&records);
    return ERR_OK;
}
