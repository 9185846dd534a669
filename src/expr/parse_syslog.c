/* Syslog: RFC 5424 strictly where its version stands behind the priority, else RFC 3164 as loosely as
 * senders write it. */
#include <string.h>

#include "base/text.h"
#include "base/timetext.h"
#include "expr/network.h"
#include "expr/parsers.h"

struct syslog {
    struct arena *arena;
    struct str text;
    size_t at;
    struct value_map_builder map;
};

static int byte_at(const struct syslog *log, size_t at)
{
    return at < log->text.size ? (unsigned char)log->text.data[at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static FALLIBLE refuse(const struct syslog *log, struct err_info *why, const char *text)
{
    return err_at(why, ERR_INVALID, "syslog", 1, (uint32_t)log->at + 1, "%s", text);
}

/* <PRI>: facility * 8 + severity, 0 to 191. */
static FALLIBLE read_priority(struct syslog *log, struct err_info *why)
{
    unsigned priority = 0;
    size_t at = log->at + 1;
    if (byte_at(log, log->at) != '<')
        return refuse(log, why, "a priority, as <34>, is missing");
    for (; is_digit(byte_at(log, at)) && at - log->at <= 3; at++)
        priority = priority * 10 + (unsigned)(byte_at(log, at) - '0');
    if (byte_at(log, at) != '>' || at == log->at + 1 || priority > 191)
        return refuse(log, why, "the priority is no number from 0 to 191 in <>");
    log->at = at + 1;
    TRY(value_map_set(&log->map, "facility", value_int(priority / 8), why));
    return value_map_set(&log->map, "severity", value_int(priority % 8), why);
}

/* ---- RFC 5424 ---- */

/* The word up to the next blank; "-" stands for nothing and leaves the field out. */
static FALLIBLE read_word(struct syslog *log, const char *name, size_t size_max, struct err_info *why)
{
    size_t start = log->at;
    while (byte_at(log, log->at) > ' ' && byte_at(log, log->at) < 0x7f)
        log->at++;
    struct str word = str_slice(log->text, start, log->at);
    if (word.size == 0 || word.size > size_max)
        return refuse(log, why, "a field of the header is empty or too long");
    if (str_equal(word, STR("-")))
        return ERR_OK;
    return value_map_set(&log->map, name, value_string(word), why);
}

static FALLIBLE take_blank(struct syslog *log, struct err_info *why)
{
    if (byte_at(log, log->at) != ' ')
        return refuse(log, why, "a blank is missing between the fields of the header");
    log->at++;
    return ERR_OK;
}

static FALLIBLE read_timestamp(struct syslog *log, struct err_info *why)
{
    int64_t seconds;
    int32_t nanos;
    size_t start = log->at;
    while (byte_at(log, log->at) > ' ')
        log->at++;
    struct str word = str_slice(log->text, start, log->at);
    if (str_equal(word, STR("-")))
        return ERR_OK;
    if (!time_parse_rfc3339(word, &seconds, &nanos))
        return refuse(log, why, "the timestamp is not one of RFC 3339");
    return value_map_set(&log->map, "timestamp", value_timestamp(seconds, nanos), why);
}

static bool is_sd_name_byte(int c)
{
    return c > ' ' && c < 0x7f && c != '=' && c != ']' && c != '"';
}

static FALLIBLE read_sd_name(struct syslog *log, struct value *ret, struct err_info *why)
{
    size_t start = log->at;
    while (is_sd_name_byte(byte_at(log, log->at)))
        log->at++;
    if (log->at == start || log->at - start > 32)
        return refuse(log, why, "a name in the structured data is empty or longer than 32 bytes");
    *ret = value_string(str_slice(log->text, start, log->at));
    return ERR_OK;
}

/* "…" with \" \\ \] for what they protect. */
static FALLIBLE read_sd_value(struct syslog *log, struct value *ret, struct err_info *why)
{
    if (byte_at(log, log->at) != '=' || byte_at(log, log->at + 1) != '"')
        return refuse(log, why, "a parameter of the structured data is not written as name=\"value\"");
    size_t start = log->at + 2, end = start, size = 0;
    while (end < log->text.size && log->text.data[end] != '"')
        end += log->text.data[end] == '\\' ? 2 : 1;
    if (end >= log->text.size)
        return refuse(log, why, "a value in the structured data does not end");
    char *copy = arena_bytes(log->arena, end - start + 1);
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = start; i < end; i++) {
        int next = byte_at(log, i + 1);
        i += log->text.data[i] == '\\' && (next == '"' || next == '\\' || next == ']');
        copy[size++] = log->text.data[i];
    }
    log->at = end + 1;
    *ret = value_string((struct str){ copy, size });
    return ERR_OK;
}

static FALLIBLE read_sd_element(struct syslog *log, struct value_map_builder *elements, struct err_info *why)
{
    struct value_map_builder parameters;
    struct value id;
    log->at++;
    value_map_begin(&parameters, log->arena);
    TRY(read_sd_name(log, &id, why));
    while (byte_at(log, log->at) == ' ') {
        struct value name, v;
        log->at++;
        TRY(read_sd_name(log, &name, why));
        TRY(read_sd_value(log, &v, why));
        TRY(value_map_put(&parameters, name, v, why));
    }
    if (byte_at(log, log->at) != ']')
        return refuse(log, why, "an element of the structured data does not end with ']'");
    log->at++;
    return value_map_put(elements, id, value_map_end(&parameters), why);
}

static FALLIBLE read_structured_data(struct syslog *log, struct err_info *why)
{
    struct value_map_builder elements;
    if (byte_at(log, log->at) == '-') {
        log->at++;
        return ERR_OK;
    }
    if (byte_at(log, log->at) != '[')
        return refuse(log, why, "the structured data is missing; '-' stands for none");
    value_map_begin(&elements, log->arena);
    while (byte_at(log, log->at) == '[')
        TRY(read_sd_element(log, &elements, why));
    return value_map_set(&log->map, "structured_data", value_map_end(&elements), why);
}

static FALLIBLE set_message(struct syslog *log, struct err_info *why)
{
    struct str message = str_slice(log->text, log->at, log->text.size);
    if (str_starts(message, STR("\xef\xbb\xbf")))
        message = str_slice(message, 3, message.size);
    while (message.size > 0 &&
        (message.data[message.size - 1] == '\n' || message.data[message.size - 1] == '\0'))
        message.size--;
    return message.size == 0 ? ERR_OK : value_map_set(&log->map, "message", value_string(message), why);
}

/* CEF and LEEF are sent right behind the host, where the standard has four more fields. */
static bool event_starts(const struct syslog *log)
{
    struct str rest = str_slice(log->text, log->at, log->text.size);
    return str_starts(rest, STR("CEF:")) || str_starts(rest, STR("LEEF:"));
}

static FALLIBLE read_5424(struct syslog *log, struct err_info *why)
{
    TRY(read_timestamp(log, why));
    TRY(take_blank(log, why));
    TRY(read_word(log, "host", 255, why));
    TRY(take_blank(log, why));
    if (event_starts(log))
        return set_message(log, why);
    TRY(read_word(log, "app", 48, why));
    TRY(take_blank(log, why));
    TRY(read_word(log, "process_id", 128, why));
    TRY(take_blank(log, why));
    TRY(read_word(log, "message_id", 32, why));
    TRY(take_blank(log, why));
    TRY(read_structured_data(log, why));
    if (log->at < log->text.size && byte_at(log, log->at) != '\n')
        TRY(take_blank(log, why));
    return set_message(log, why);
}

/* ---- RFC 3164 ---- */

static bool digits_at(const struct syslog *log, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(byte_at(log, at + i)))
            return false;
    }
    return true;
}

static bool month_at(const struct syslog *log, size_t at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct str text = str_slice(log->text, at, at + 3);
    ptrdiff_t found = str_find(STR(months), text, 0);
    while (found >= 0 && found % 3 != 0)
        found = str_find(STR(months), text, (size_t)found + 1);
    return text.size == 3 && found >= 0 && byte_at(log, at + 3) == ' ';
}

/* The end of "22:14:15" with or without a fraction at `at`, or `at`. */
static size_t clock_end(const struct syslog *log, size_t at)
{
    bool is_clock = digits_at(log, at, 2) && byte_at(log, at + 2) == ':' && digits_at(log, at + 3, 2) &&
        byte_at(log, at + 5) == ':' && digits_at(log, at + 6, 2);
    if (!is_clock)
        return at;
    size_t end = at + 8;
    if (byte_at(log, end) == '.' && is_digit(byte_at(log, end + 1))) {
        for (end++; is_digit(byte_at(log, end)); end++)
            ;
    }
    return end;
}

/* "Oct 11 22:14:15", with a year in front or behind the day, or none: so it stays text, only the receiver
 * knows when it came. 0 when it is none. */
static size_t bsd_time_size(const struct syslog *log)
{
    size_t at = log->at;
    if (digits_at(log, at, 4) && byte_at(log, at + 4) == ' ' && month_at(log, at + 5))
        at += 5;
    if (!month_at(log, at))
        return 0;
    at += 4;
    at += byte_at(log, at) == ' ';
    if (!is_digit(byte_at(log, at)))
        return 0;
    at += 1 + is_digit(byte_at(log, at + 1));
    if (byte_at(log, at++) != ' ')
        return 0;
    if (digits_at(log, at, 4) && byte_at(log, at + 4) == ' ')
        at += 5;
    size_t end = clock_end(log, at);
    return end > at ? end - log->at : 0;
}

/* "1760220855.5 ": seconds since 1970, as some appliances send them. */
static bool read_epoch(struct syslog *log, int64_t *ret_seconds, int32_t *ret_nanos)
{
    size_t at = log->at + 10;
    int32_t unit = 100000000;
    if (!digits_at(log, log->at, 10))
        return false;
    *ret_nanos = 0;
    if (byte_at(log, at) == '.') {
        for (at++; is_digit(byte_at(log, at)); at++, unit /= 10)
            *ret_nanos += (byte_at(log, at) - '0') * unit;
    }
    bool is_epoch = byte_at(log, at) == ' ' &&
        str_to_int(str_slice(log->text, log->at, log->at + 10), ret_seconds);
    if (is_epoch)
        log->at = at + 1;
    return is_epoch;
}

static FALLIBLE read_bsd_time(struct syslog *log, struct err_info *why)
{
    int64_t seconds;
    int32_t nanos;
    size_t size = bsd_time_size(log), end = log->at;
    if (size > 0) {
        struct str text = str_slice(log->text, log->at, log->at + size);
        log->at += size;
        return value_map_set(&log->map, "timestamp_text", value_string(text), why);
    }
    if (read_epoch(log, &seconds, &nanos))
        return value_map_set(&log->map, "timestamp", value_timestamp(seconds, nanos), why);
    while (byte_at(log, end) > ' ')
        end++;
    if (!time_parse_rfc3339(str_slice(log->text, log->at, end), &seconds, &nanos))
        return ERR_OK;
    log->at = end;
    return value_map_set(&log->map, "timestamp", value_timestamp(seconds, nanos), why);
}

/* Blanks, and colons that stand alone, as " : " behind a host. */
static void skip_marks(struct syslog *log)
{
    while (byte_at(log, log->at) == ' ' || (byte_at(log, log->at) == ':' && byte_at(log, log->at + 1) == ' '))
        log->at++;
}

static bool is_tag_byte(int c)
{
    return c > ' ' && c < 0x7f && c != ':' && c != '[' && c != ']';
}

/* "su[123]: " or "su: "; 0 when the word at `at` is no tag. */
static size_t tag_end(const struct syslog *log, size_t at, size_t *ret_name, size_t *ret_id)
{
    size_t end = at;
    while (is_tag_byte(byte_at(log, end)) && end - at < 64)
        end++;
    *ret_name = end;
    *ret_id = 0;
    if (end == at)
        return 0;
    if (byte_at(log, end) == '[') {
        *ret_id = end + 1;
        for (end++; byte_at(log, end) > ' ' && byte_at(log, end) != ']'; end++)
            ;
        if (byte_at(log, end) != ']')
            return 0;
        end++;
    }
    return byte_at(log, end) == ':' ? end : 0;
}

/* A name or an address, maybe in brackets; a pair with '=' or a list is the message's beginning. */
static bool is_host(struct str word)
{
    bool has_brackets = word.size > 2 && word.data[0] == '[' && word.data[word.size - 1] == ']';
    for (size_t i = has_brackets; i < word.size - has_brackets; i++) {
        char c = word.data[i];
        bool is_good = is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-' ||
            c == '_' || c == ':';
        if (!is_good)
            return false;
    }
    return word.size > 0 && !str_equal(word, STR("-"));
}

/* Where the address ends that the word at `at` is, with or without a colon behind it; `at` when it is none.
 * The first colon of an IPv6 address ends no tag. */
static size_t address_end(const struct syslog *log, size_t at)
{
    struct value_net net;
    size_t end = at;
    while (byte_at(log, end) > ' ')
        end++;
    if (network_parse_ip(str_slice(log->text, at, end), &net) == NULL)
        return end;
    bool has_colon = end > at && byte_at(log, end - 1) == ':';
    return has_colon && network_parse_ip(str_slice(log->text, at, end - 1), &net) == NULL ? end - 1 : at;
}

/* The word in front of the tag; "192.0.2.1:" is a host too. */
static FALLIBLE read_host(struct syslog *log, size_t end, struct err_info *why)
{
    struct str host = str_slice(log->text, log->at, end);
    if (host.data[0] == '[')
        host = str_slice(host, 1, host.size - 1);
    log->at = end;
    skip_marks(log);
    return value_map_set(&log->map, "host", value_string(host), why);
}

static FALLIBLE read_3164(struct syslog *log, struct err_info *why)
{
    size_t name = 0, id = 0;
    skip_marks(log);
    TRY(read_bsd_time(log, why));
    skip_marks(log);
    size_t host = log->at, end = event_starts(log) ? host : tag_end(log, host, &name, &id);
    size_t address = address_end(log, host);
    if (address > host) {
        TRY(read_host(log, address, why));
        end = event_starts(log) ? 0 : tag_end(log, log->at, &name, &id);
    } else if (end == 0) {
        /* A host stands in front of the tag, when a blank follows. */
        while (byte_at(log, host) > ' ')
            host++;
        if (byte_at(log, host) == ' ' && is_host(str_slice(log->text, log->at, host))) {
            TRY(read_host(log, host, why));
            end = event_starts(log) ? 0 : tag_end(log, log->at, &name, &id);
        }
    }
    if (end <= log->at)
        return set_message(log, why);
    TRY(value_map_set(&log->map, "app", value_string(str_slice(log->text, log->at, name)), why));
    if (id > 0)
        TRY(value_map_set(&log->map, "process_id", value_string(str_slice(log->text, id, end - 1)), why));
    log->at = end + 1 + (byte_at(log, end + 1) == ' ');
    return set_message(log, why);
}

/* The size of "1 " in front of a timestamp or "-": a version of RFC 5424, of which so far only 1 is
 * defined, but senders count on. 0 when none stands there; then a host of digits might. A message that says
 * "1 " and goes on otherwise is read as loosely as RFC 3164's. */
static size_t version_size(const struct syslog *log)
{
    size_t at = log->at;
    if (byte_at(log, at) == '0')
        return 0;
    while (is_digit(byte_at(log, at)) && at - log->at < 3)
        at++;
    if (at == log->at || byte_at(log, at) != ' ')
        return 0;
    size_t size = ++at - log->at;
    bool is_date = byte_at(log, at + 4) == '-';
    for (size_t i = 0; i < 4; i++)
        is_date = is_date && is_digit(byte_at(log, at + i));
    return is_date || (byte_at(log, at) == '-' && byte_at(log, at + 1) == ' ') ? size : 0;
}

FALLIBLE parse_syslog(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct syslog log = { .arena = arena, .text = text };
    value_map_begin(&log.map, arena);
    TRY(read_priority(&log, why));
    size_t version = version_size(&log);
    bool is_odd = version == 0 && byte_at(&log, log.at) == '1' && byte_at(&log, log.at + 1) == ' ';
    log.at += is_odd ? 2 : 0;
    log.at += version;
    TRY(version > 0 ? read_5424(&log, why) : read_3164(&log, why));
    *ret = value_map_end(&log.map);
    return ERR_OK;
}
