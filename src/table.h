/* Values for people: aligned tables of lists, indented fields of one thing. What came from elsewhere is
 * cleaned of control characters before it reaches a terminal; colours stand only on a terminal without
 * NO_COLOR. */
#ifndef TOCSIN_TABLE_H
#define TOCSIN_TABLE_H

#include "base/buf.h"
#include "base/value.h"

struct table_column {
    const char *title; /* NULL ends the columns */
    const char *path; /* dotted: "error.code" */
};

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_FAINT };

/* Whether standard output is a terminal that wants colours. */
bool table_has_colours(void);
/* Around a word; nothing when there are no colours. */
void paint_add(struct buf *buf, enum paint paint, struct str text, bool has_colours);
/* What a status word of a run, step, task or alert deserves. */
enum paint paint_of_status(struct str word);

/* One line: texts bare and clean, lists of texts as "a, b", RFC 3339 times as "2026-01-02 03:04:05Z", null
 * and the empty list as "-", the rest JSON. At most `width_max` characters, the rest cut with "…"; 0: all. */
void table_add_cell(struct buf *buf, struct value v, size_t width_max);
/* As indented JSON, clean too; ends with a line's end. */
void table_add_json(struct buf *buf, struct value v);
/* A line of titles and one for each item; columns as wide as their widest cell. */
void table_print(struct buf *buf, const struct table_column *columns, struct value items, bool has_colours);
/* "key: value" a line, what is nested below it indented. */
void table_print_fields(struct buf *buf, struct value map, unsigned indent);

#endif
