#include "ingest/when.h"

#include <math.h>

#include "base/timetext.h"

#define SECONDS_LEAST INT64_C(315532800) /* 1980 */
#define SECONDS_MOST INT64_C(7258118400) /* 2200 */

static bool is_plausible(int64_t seconds)
{
    return seconds >= SECONDS_LEAST && seconds < SECONDS_MOST;
}

/* The unit shows in the size. */
static bool from_number(double number, struct instant *ret)
{
    double units[] = { 1, 1e3, 1e6, 1e9 };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double seconds = number / units[i];
        if (seconds >= (double)SECONDS_LEAST && seconds < (double)SECONDS_MOST) {
            *ret = (struct instant){ (int64_t)llround(seconds * 1e6) };
            return true;
        }
    }
    return false;
}

/* Exact: a double has no room for nanoseconds since 1970. */
static bool from_integer(int64_t number, struct instant *ret)
{
    static const struct {
        int64_t per_second;
    } units[] = { { 1 }, { 1000 }, { 1000000 }, { 1000000000 } };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t unit = units[i].per_second;
        if (!is_plausible(number / unit))
            continue;
        *ret = (struct instant){ unit <= US_PER_S ? number * (US_PER_S / unit) : number / (unit / US_PER_S) };
        return true;
    }
    return false;
}

static bool take_digits(struct str *text, size_t count, int *ret)
{
    int number = 0;
    if (text->size < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        number = number * 10 + (text->data[i] - '0');
    }
    *text = str_slice(*text, count, text->size);
    *ret = number;
    return true;
}

static bool take_one_of(struct str *text, const char *bytes)
{
    for (; text->size > 0 && *bytes; bytes++) {
        if (text->data[0] == *bytes) {
            *text = str_slice(*text, 1, text->size);
            return true;
        }
    }
    return false;
}

static int32_t take_fraction(struct str *text)
{
    int32_t nanos = 0, unit = 100000000;
    if (!take_one_of(text, ".,"))
        return 0;
    while (text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        nanos += (text->data[0] - '0') * unit;
        unit /= 10;
        *text = str_slice(*text, 1, text->size);
    }
    return nanos;
}

/* "Z", "UTC", "GMT", "+0100", "+01:00", "+01.00", "+01", "+0000 UTC", or nothing. */
static bool take_offset(struct str *text, int *ret_seconds)
{
    int hours = 0, minutes = 0;
    *ret_seconds = 0;
    *text = str_trim(*text);
    bool is_behind = text->size > 0 && text->data[0] == '-';
    if (take_one_of(text, "+-")) {
        if (!take_digits(text, 2, &hours))
            return false;
        (void)take_one_of(text, ":."); /* may be left out */
        if (!take_digits(text, 2, &minutes))
            minutes = 0;
        *ret_seconds = (is_behind ? -1 : 1) * (hours * 3600 + minutes * 60);
        *text = str_trim(*text);
    }
    return text->size == 0 || str_equal_nocase(*text, STR("Z")) || str_equal(*text, STR("UTC")) ||
        str_equal(*text, STR("GMT"));
}

static bool take_clock(struct str *text, struct civil_time *civil)
{
    if (!take_digits(text, 2, &civil->hour) || !take_one_of(text, ":") ||
        !take_digits(text, 2, &civil->minute))
        return false;
    if (take_one_of(text, ":") && !take_digits(text, 2, &civil->second))
        return false;
    return civil->hour < 24 && civil->minute < 60 && civil->second <= 60;
}

static bool from_loose_text(struct str text, struct instant *ret)
{
    struct civil_time civil = { 0 };
    int year = 0, offset = 0;
    int32_t nanos = 0;
    if (!take_digits(&text, 4, &year) || !take_one_of(&text, "-/.") || !take_digits(&text, 2, &civil.month) ||
        !take_one_of(&text, "-/.") || !take_digits(&text, 2, &civil.day))
        return false;
    if (text.size > 0) {
        if (!take_one_of(&text, "Tt _") || !take_clock(&text, &civil))
            return false;
        nanos = take_fraction(&text);
        if (!take_offset(&text, &offset))
            return false;
    }
    if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > 31)
        return false;
    civil.year = year;
    int64_t seconds = civil_to_seconds(&civil) - offset;
    *ret = (struct instant){ seconds * US_PER_S + nanos / 1000 };
    return is_plausible(seconds);
}

static bool from_text(struct str text, struct instant *ret)
{
    int64_t seconds, integer;
    int32_t nanos;
    double number;
    text = str_trim(text);
    if (text.size < 8 || text.size > 64)
        return false;
    if (time_parse_rfc3339(text, &seconds, &nanos)) {
        *ret = (struct instant){ seconds * US_PER_S + nanos / 1000 };
        return is_plausible(seconds);
    }
    if (str_to_int(text, &integer))
        return from_integer(integer, ret);
    if (str_to_double(text, &number))
        return from_number(number, ret);
    return from_loose_text(text, ret);
}

bool when_parse(struct value v, struct instant *ret)
{
    switch (v.type) {
    case VALUE_INT: return from_integer(v.integer, ret);
    case VALUE_UINT: return v.uinteger <= INT64_MAX && from_integer((int64_t)v.uinteger, ret);
    case VALUE_DOUBLE: return from_number(v.number, ret);
    case VALUE_STRING: return from_text(value_str(v), ret);
    case VALUE_TIMESTAMP: *ret = value_to_instant(v); return is_plausible(v.seconds);
    default: return false;
    }
}
