/* Structured logs, one line an event on standard error, as text or JSON. Library floors do not log:
 * the command, route or scheduler that gives up logs once. Values are escaped and cut at
 * LOG_VALUE_BYTES_MAX; secrets never come here. Thread-safe: a line is one write(2). */
#ifndef TOCSIN_BASE_LOG_H
#define TOCSIN_BASE_LOG_H

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
    struct clock *clock;
    enum log_level level; /* the lowest that is written */
    enum log_format format;
    int fd;
};

struct log_field {
    const char *name;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_ID } type;
    struct str text;
    int64_t number;
    struct id id;
};

#define LOG_S(n, s) ((struct log_field){ .name = (n), .type = LOG_FIELD_STR, .text = (s) })
#define LOG_I(n, i) ((struct log_field){ .name = (n), .type = LOG_FIELD_INT, .number = (i) })
#define LOG_U(n, i) ((struct log_field){ .name = (n), .type = LOG_FIELD_ID, .id = (i) })

void log_write(struct log *log, enum log_level level, const char *message, const struct log_field *fields,
    size_t field_count);
/* With why's code, name and text. */
void log_failure(struct log *log, enum log_level level, const char *message, const struct err_info *why);

#define LOG(log, level, message, ...) \
    log_write((log), (level), (message), (const struct log_field[]){ __VA_ARGS__ }, \
        sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

#endif
