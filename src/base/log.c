#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timetext.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Without quotes where nothing could be mistaken: no space, quote, '=' or control character. */
static bool is_bare(struct str s)
{
    for (size_t i = 0; i < s.size; i++) {
        unsigned char byte = (unsigned char)s.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '=' || byte == '\\')
            return false;
    }
    return s.size > 0;
}

/* What could move a terminal's cursor, colour it or turn the direction of its text. */
static bool is_unsafe(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x202a && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069);
}

/* In quotes, for people: escapes as in JSON. */
static void add_quoted(struct buf *line, struct str text)
{
    buf_add_byte(line, '"');
    for (size_t at = 0; at < text.size;) {
        size_t from = at;
        int32_t c = utf8_next(text, &at);
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_add_text(line, "\\n");
        else if (c < 0)
            utf8_add(line, 0xfffd);
        else if (is_unsafe(c))
            buf_printf(line, "\\u%04x", (unsigned)c);
        else
            buf_add(line, str_slice(text, from, at));
    }
    buf_add_byte(line, '"');
}

/* A long value is cut between characters, and says so. */
static void add_field_text(struct buf *line, enum log_format format, struct str text)
{
    char cut[LOG_VALUE_BYTES_MAX + sizeof "…"];
    if (text.size > LOG_VALUE_BYTES_MAX) {
        size_t size = LOG_VALUE_BYTES_MAX;
        for (int i = 0; i < 3 && ((unsigned char)text.data[size] & 0xc0) == 0x80; i++)
            size--;
        memcpy(cut, text.data, size);
        memcpy(cut + size, "…", strlen("…"));
        text = (struct str){ cut, size + strlen("…") };
    }
    if (format == LOG_JSON)
        json_print_string(line, text);
    else if (is_bare(text))
        buf_add(line, text);
    else
        add_quoted(line, text);
}

static void add_field(struct buf *line, enum log_format format, const struct log_field *field)
{
    if (format == LOG_TEXT) {
        buf_add_byte(line, ' ');
        buf_add_text(line, field->name);
        buf_add_byte(line, '=');
    } else {
        buf_add_byte(line, ',');
        json_print_string(line, str_of(field->name));
        buf_add_byte(line, ':');
    }
    switch (field->type) {
    case LOG_FIELD_STR: add_field_text(line, format, field->text); break;
    case LOG_FIELD_INT: buf_add_int(line, field->number); break;
    case LOG_FIELD_ID: {
        struct id_text text = id_text(field->id);
        add_field_text(line, format, id_str(&text));
        break;
    }
    }
}

static void add_head(struct buf *line, struct log *log, enum log_level level, const char *message)
{
    struct time_text now = instant_text(clock_now(log->clock));
    if (log->format == LOG_TEXT) {
        buf_printf(line, "%s %-5s ", now.text, level_names[level]);
        /* A message is a literal of ours, but it may be built from a text with a line end in it. */
        for (const char *at = message; *at != '\0'; at++)
            buf_add_byte(line, (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at);
        return;
    }
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", now.text, level_names[level]);
    json_print_string(line, str_of(message));
}

static void write_all(int fd, struct str bytes)
{
    while (bytes.size > 0) {
        ssize_t wrote = write(fd, bytes.data, bytes.size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return; /* there is nowhere to say that logging failed */
        bytes = str_slice(bytes, (size_t)wrote, bytes.size);
    }
}

void log_write(struct log *log, enum log_level level, const char *message, const struct log_field *fields,
    size_t field_count)
{
    if (level < log->level)
        return;
    AUTO(buf) struct buf line = { .bytes_max = LOG_LINE_BYTES_MAX };
    add_head(&line, log, level, message);
    for (size_t i = 0; i < field_count; i++)
        add_field(&line, log->format, &fields[i]);
    buf_add_text(&line, log->format == LOG_TEXT ? "\n" : "}\n");
    if (buf_check(&line, NULL) == ERR_OK)
        write_all(log->fd, buf_str(&line));
    else
        write_all(log->fd,
            STR("{\"level\":\"error\",\"message\":\"a log line was lost: too long or no memory\"}\n"));
}

void log_failure(struct log *log, enum log_level level, const char *message, const struct err_info *why)
{
    struct log_field fields[5] = {
        LOG_S("code", str_of(err_word(why->code))),
        LOG_S("why", str_of(why->text)),
    };
    size_t count = 2;
    if (why->name != NULL)
        fields[count++] = LOG_S("name", str_of(why->name));
    if (why->line != 0) {
        fields[count++] = LOG_I("line", why->line);
        fields[count++] = LOG_I("column", why->column);
    }
    log_write(log, level, message, fields, count);
}
