/* Parts of timestamps and durations (langdef, "Date/Time Functions"). */
#include "base/timetext.h"
#include "base/zone.h"
#include "expr/function.h"

/* Reading a zone's file costs as much as this many steps. */
#define ZONE_LOAD_UNITS 500

static FALLIBLE zone_of(struct call *call, struct value name, const struct zone **ret)
{
    struct str text = value_str(name);
    if (call->zone == NULL || !str_equal(call->zone_name, text)) {
        TRY(call_charge(call, ZONE_LOAD_UNITS));
        enum err err = zone_load(call->arena, NULL, text, &call->zone, &call->why);
        if (err == ERR_MEMORY)
            return err;
        if (err != ERR_OK) {
            call->zone = NULL;
            return call_fail(call, "no time zone '%.*s'", STR_ARG(str_slice(text, 0, 60)));
        }
        call->zone_name = text;
    }
    *ret = call->zone;
    return ERR_OK;
}

enum part {
    DATE,
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    DAY_OF_YEAR,
    FULL_YEAR,
    HOURS,
    MILLISECONDS,
    MINUTES,
    MONTH,
    SECONDS
};

/* `count` is 2 with a time zone's name behind the timestamp. */
static FALLIBLE part_of(
    struct call *call, const struct value *a, uint32_t count, enum part part, struct value *ret)
{
    const struct zone *zone = zone_utc();
    if (count == 2)
        TRY(zone_of(call, a[1], &zone));
    struct civil_time civil = civil_from_seconds(a[0].seconds + zone_offset_at(zone, a[0].seconds));
    int64_t number = 0;
    switch (part) {
    case DATE: number = civil.day; break;
    case DAY_OF_MONTH: number = civil.day - 1; break;
    case DAY_OF_WEEK: number = civil.weekday; break;
    case DAY_OF_YEAR: number = civil.year_day; break;
    case FULL_YEAR: number = civil.year; break;
    case HOURS: number = civil.hour; break;
    case MILLISECONDS: number = value_nanos(a[0]) / 1000000; break;
    case MINUTES: number = civil.minute; break;
    case MONTH: number = civil.month - 1; break;
    case SECONDS: number = civil.second; break;
    }
    *ret = value_int(number);
    return ERR_OK;
}

#define PART(name, part) \
    static FALLIBLE name##_utc(struct call *call, const struct value *a, struct value *ret) \
    { \
        return part_of(call, a, 1, part, ret); \
    } \
    static FALLIBLE name##_zone(struct call *call, const struct value *a, struct value *ret) \
    { \
        return part_of(call, a, 2, part, ret); \
    }

PART(date, DATE)
PART(day_of_month, DAY_OF_MONTH)
PART(day_of_week, DAY_OF_WEEK)
PART(day_of_year, DAY_OF_YEAR)
PART(full_year, FULL_YEAR)
PART(hours, HOURS)
PART(milliseconds, MILLISECONDS)
PART(minutes, MINUTES)
PART(month, MONTH)
PART(seconds, SECONDS)

/* Hours, minutes and seconds of a duration are the whole of it in that unit. */
static FALLIBLE duration_hours(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(a[0].seconds / 3600);
    return ERR_OK;
}

static FALLIBLE duration_minutes(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(a[0].seconds / 60);
    return ERR_OK;
}

static FALLIBLE duration_seconds(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(a[0].seconds);
    return ERR_OK;
}

/* This one is the part below a second. */
static FALLIBLE duration_milliseconds(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(value_nanos(a[0]) / 1000000);
    return ERR_OK;
}

#define UTC_ROW(name) \
    { \
        true, 1, { &type_timestamp }, &type_int, name##_utc \
    }
#define ZONE_ROW(name) \
    { \
        true, 2, { &type_timestamp, &type_string }, &type_int, name##_zone \
    }
#define DURATION_ROW(name) \
    { \
        true, 1, { &type_duration }, &type_int, duration_##name \
    }

static const struct overload date_rows[] = { UTC_ROW(date), ZONE_ROW(date) };
static const struct overload day_of_month_rows[] = { UTC_ROW(day_of_month), ZONE_ROW(day_of_month) };
static const struct overload day_of_week_rows[] = { UTC_ROW(day_of_week), ZONE_ROW(day_of_week) };
static const struct overload day_of_year_rows[] = { UTC_ROW(day_of_year), ZONE_ROW(day_of_year) };
static const struct overload full_year_rows[] = { UTC_ROW(full_year), ZONE_ROW(full_year) };
static const struct overload hours_rows[] = { UTC_ROW(hours), ZONE_ROW(hours), DURATION_ROW(hours) };
static const struct overload milliseconds_rows[] = { UTC_ROW(milliseconds), ZONE_ROW(milliseconds),
    DURATION_ROW(milliseconds) };
static const struct overload minutes_rows[] = { UTC_ROW(minutes), ZONE_ROW(minutes), DURATION_ROW(minutes) };
static const struct overload month_rows[] = { UTC_ROW(month), ZONE_ROW(month) };
static const struct overload seconds_rows[] = { UTC_ROW(seconds), ZONE_ROW(seconds), DURATION_ROW(seconds) };

static const struct function functions[] = {
    FUNCTION("getDate", date_rows),
    FUNCTION("getDayOfMonth", day_of_month_rows),
    FUNCTION("getDayOfWeek", day_of_week_rows),
    FUNCTION("getDayOfYear", day_of_year_rows),
    FUNCTION("getFullYear", full_year_rows),
    FUNCTION("getHours", hours_rows),
    FUNCTION("getMilliseconds", milliseconds_rows),
    FUNCTION("getMinutes", minutes_rows),
    FUNCTION("getMonth", month_rows),
    FUNCTION("getSeconds", seconds_rows),
};

const struct library library_time = { "time", functions, sizeof(functions) / sizeof(functions[0]) };
