/* Faults found in content: FILE:LINE:COL: error: TEXT [code]. */
#ifndef TOCSIN_PLAYBOOK_DIAGNOSTIC_H
#define TOCSIN_PLAYBOOK_DIAGNOSTIC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum diagnostic_level { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
    enum diagnostic_level level;
    struct str file;
    uint32_t line, column;
    const char *code; /* a literal: "unknown_action"; documented in docs/lint.md */
    struct str text; /* says what and how to mend it */
};

#define DIAGNOSTICS_MAX 500

struct diagnostics {
    struct arena *arena;
    struct str file; /* given to each one that is added */
    struct diagnostic *items;
    uint32_t count, room, error_count;
    bool is_out_of_memory; /* set by diagnostics_lack_memory */
};

void diagnostics_init(struct diagnostics *found, struct arena *arena, struct str file);
/* What is read is not whole for want of memory: that counts as an error, so that nobody goes on with it, and
 * whoever gives an answer says ERR_MEMORY. */
void diagnostics_lack_memory(struct diagnostics *found);
/* Past DIAGNOSTICS_MAX they are only counted; one that finds no room sets is_out_of_memory. */
void diagnostics_add(struct diagnostics *found, enum diagnostic_level level, const char *code, uint32_t line,
    uint32_t column, const char *format, ...) PRINTF_LIKE(6, 7);
/* The same with a text that was put together, or was not for want of memory. */
void diagnostics_add_text(struct diagnostics *found, enum diagnostic_level level, const char *code,
    uint32_t line, uint32_t column, const struct buf *text);
void diagnostics_sort(struct diagnostics *found); /* by file, line, column */
void diagnostic_print(struct buf *buf, const struct diagnostic *item);
void diagnostic_print_json(struct buf *buf, const struct diagnostic *item);

#endif
