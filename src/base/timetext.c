#include "base/timetext.h"

#include <stdio.h>
#include <string.h>

#define SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_SECONDS_MAX INT64_C(315576000000) /* of google.protobuf.Duration: 10,000 years */

struct time_text instant_text(struct instant at)
{
    int64_t seconds = at.us / US_PER_S, rest = at.us % US_PER_S;
    if (rest < 0) {
        rest += US_PER_S;
        seconds -= 1;
    }
    struct civil_time civil = civil_from_seconds(seconds);
    struct time_text ret;
    (void)snprintf(ret.text, sizeof ret.text, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ", (long long)civil.year,
        civil.month, civil.day, civil.hour, civil.minute, civil.second, (int)(rest / US_PER_MS));
    return ret;
}

/* Reads from the front of a text; `failed` sticks. */
struct scan {
    struct str text;
    size_t at;
    bool failed;
};

static char scan_peek(const struct scan *scan)
{
    return scan->at < scan->text.size ? scan->text.data[scan->at] : '\0';
}

static bool scan_is_digit(const struct scan *scan)
{
    char c = scan_peek(scan);
    return c >= '0' && c <= '9';
}

static int scan_digits(struct scan *scan, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (!scan_is_digit(scan)) {
            scan->failed = true;
            return 0;
        }
        number = number * 10 + (scan->text.data[scan->at++] - '0');
    }
    return number;
}

static bool scan_accept(struct scan *scan, const char *any_of)
{
    char c = scan_peek(scan);
    if (c == '\0' || strchr(any_of, c) == NULL)
        return false;
    scan->at++;
    return true;
}

static void scan_expect(struct scan *scan, const char *any_of)
{
    if (!scan_accept(scan, any_of))
        scan->failed = true;
}

/* ".5" is 500,000,000; nothing is 0; more than nine digits are refused. */
static int32_t scan_fraction(struct scan *scan)
{
    if (!scan_accept(scan, "."))
        return 0;
    int32_t nanos = 0;
    int digits = 0;
    for (; scan_is_digit(scan) && digits < 9; digits++)
        nanos = nanos * 10 + (scan->text.data[scan->at++] - '0');
    if (digits == 0 || scan_is_digit(scan))
        scan->failed = true;
    for (; digits < 9; digits++)
        nanos *= 10;
    return nanos;
}

static int scan_offset(struct scan *scan)
{
    if (scan_accept(scan, "Zz"))
        return 0;
    bool is_west = scan_peek(scan) == '-';
    scan_expect(scan, "+-");
    int hours = scan_digits(scan, 2);
    (void)scan_accept(scan, ":"); /* sensors leave it out */
    int minutes = scan_digits(scan, 2);
    if (hours > 23 || minutes > 59)
        scan->failed = true;
    int offset = hours * 3600 + minutes * 60;
    return is_west ? -offset : offset;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

static bool civil_is_valid(const struct civil_time *civil)
{
    return civil->year >= 1 && civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
        civil->day <= days_in_month(civil->year, civil->month) && civil->hour <= 23 && civil->minute <= 59 &&
        civil->second <= 60;
}

bool time_parse_rfc3339(struct str text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    struct scan scan = { .text = text };
    struct civil_time civil = { 0 };
    civil.year = scan_digits(&scan, 4);
    scan_expect(&scan, "-");
    civil.month = scan_digits(&scan, 2);
    scan_expect(&scan, "-");
    civil.day = scan_digits(&scan, 2);
    scan_expect(&scan, "Tt ");
    civil.hour = scan_digits(&scan, 2);
    scan_expect(&scan, ":");
    civil.minute = scan_digits(&scan, 2);
    scan_expect(&scan, ":");
    civil.second = scan_digits(&scan, 2);
    int32_t nanos = scan_fraction(&scan);
    int offset = scan_offset(&scan);
    if (scan.failed || scan.at != text.size || !civil_is_valid(&civil))
        return false;
    int64_t seconds = civil_to_seconds(&civil) - offset;
    /* A leap second (RFC 3339, 5.7) ends a UTC day; POSIX time has no place for it but the next. */
    if (civil.second == 60 && seconds % 86400 != 0)
        return false;
    if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

bool instant_parse(struct str text, struct instant *ret)
{
    int64_t seconds;
    int32_t nanos;
    if (!time_parse_rfc3339(text, &seconds, &nanos))
        return false;
    ret->us = seconds * US_PER_S + nanos / 1000;
    return true;
}

void time_print_rfc3339(struct buf *buf, int64_t seconds, int32_t nanos)
{
    struct civil_time civil = civil_from_seconds(seconds);
    buf_printf(buf, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)civil.year, civil.month, civil.day,
        civil.hour, civil.minute, civil.second);
    if (nanos % 1000 != 0)
        buf_printf(buf, ".%09d", nanos);
    else if (nanos % 1000000 != 0)
        buf_printf(buf, ".%06d", nanos / 1000);
    else if (nanos != 0)
        buf_printf(buf, ".%03d", nanos / 1000000);
    buf_add_byte(buf, 'Z');
}

struct unit {
    struct str name;
    int64_t ns;
};

static const struct unit units[] = {
    { STR_INIT("d"), INT64_C(86400000000000) },
    { STR_INIT("h"), INT64_C(3600000000000) },
    { STR_INIT("m"), INT64_C(60000000000) },
    { STR_INIT("s"), INT64_C(1000000000) },
    { STR_INIT("ms"), INT64_C(1000000) },
    { STR_INIT("us"), INT64_C(1000) },
    { STR_INIT("ns"), 1 },
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static const struct unit *scan_unit(struct scan *scan)
{
    size_t from = scan->at;
    while (scan_peek(scan) >= 'a' && scan_peek(scan) <= 'z')
        scan->at++;
    struct str name = str_slice(scan->text, from, scan->at);
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (str_equal(units[i].name, name))
            return &units[i];
    scan->failed = true;
    return NULL;
}

static uint64_t scan_number(struct scan *scan)
{
    size_t from = scan->at;
    while (scan_is_digit(scan))
        scan->at++;
    uint64_t number = 0;
    if (!str_to_uint(str_slice(scan->text, from, scan->at), &number))
        scan->failed = true;
    return number;
}

static enum err span_invalid(struct str text, struct err_info *why)
{
    return err_named(why, ERR_INVALID, "span",
        "\"%.*s\" is no span of time: write a number and a unit (ms, s, m, h, d), such as 30s or 1h30m",
        STR_ARG(str_slice(text, 0, 64)));
}

enum err span_parse(struct str text, int64_t *ret_us, struct err_info *why)
{
    struct scan scan = { .text = text };
    int64_t total = 0, smallest = INT64_MAX;
    if (text.size == 0)
        return span_invalid(text, why);
    while (scan.at < text.size) {
        uint64_t number = scan_number(&scan);
        const struct unit *unit = scan_unit(&scan);
        int64_t part;
        /* Each unit once, from large to small: "30m1h" is more likely a slip than meant. */
        if (scan.failed || unit->ns < 1000000 || unit->ns >= smallest)
            return span_invalid(text, why);
        smallest = unit->ns;
        if (__builtin_mul_overflow(number, unit->ns / 1000, &part) ||
            __builtin_add_overflow(total, part, &total))
            return err_named(
                why, ERR_INVALID, "span", "\"%.*s\" is too long a span", STR_ARG(str_slice(text, 0, 64)));
    }
    *ret_us = total;
    return ERR_OK;
}

/* One "1.5h" as nanoseconds. 128 bits hold every digit string that scan_number takes. */
static __int128 scan_duration_part(struct scan *scan)
{
    size_t from = scan->at;
    uint64_t whole = scan_peek(scan) == '.' ? 0 : scan_number(scan);
    bool has_whole = scan->at > from;
    uint64_t fraction = 0, scale = 1;
    if (scan_accept(scan, ".")) {
        size_t digits_from = scan->at;
        for (; scan_is_digit(scan); scan->at++) {
            if (scale >= UINT64_C(1000000000000000))
                continue; /* below a nanosecond of any unit */
            fraction = fraction * 10 + (uint64_t)(scan_peek(scan) - '0');
            scale *= 10;
        }
        if (!has_whole && scan->at == digits_from)
            scan->failed = true;
    }
    const struct unit *unit = scan_unit(scan);
    if (scan->failed || str_equal(unit->name, STR("d"))) {
        scan->failed = true;
        return 0;
    }
    return (__int128)whole * unit->ns + (__int128)fraction * unit->ns / (__int128)scale;
}

bool duration_parse(struct str text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    struct scan scan = { .text = text };
    bool is_negative = scan_peek(&scan) == '-';
    (void)scan_accept(&scan, "+-"); /* the sign may be absent */
    if (scan.at == text.size)
        return false;
    __int128 total = 0;
    const __int128 most = (__int128)DURATION_SECONDS_MAX * 1000000000;
    if (!str_equal(str_slice(text, scan.at, text.size), STR("0"))) {
        while (scan.at < text.size) {
            total += scan_duration_part(&scan);
            if (scan.failed || total > most)
                return false;
        }
    }
    if (is_negative)
        total = -total;
    *ret_seconds = (int64_t)(total / 1000000000);
    *ret_nanos = (int32_t)(total % 1000000000);
    return true;
}

void duration_print(struct buf *buf, int64_t seconds, int32_t nanos)
{
    if (seconds < 0 || nanos < 0)
        buf_add_byte(buf, '-');
    buf_add_uint(buf, seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds);
    uint32_t rest = nanos < 0 ? 0 - (uint32_t)nanos : (uint32_t)nanos;
    if (rest != 0) {
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%09u", rest);
        size_t size = 9;
        while (digits[size - 1] == '0')
            size--;
        buf_add_byte(buf, '.');
        buf_add(buf, (struct str){ digits, size });
    }
    buf_add_byte(buf, 's');
}
