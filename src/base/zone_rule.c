#include "base/zone_rule.h"

#include "base/timetext.h"

#define SECONDS_PER_DAY 86400

struct scan {
    struct str text;
    size_t at;
    bool has_failed;
};

static char peek(const struct scan *scan)
{
    return scan->at < scan->text.size ? scan->text.data[scan->at] : '\0';
}

static bool accept(struct scan *scan, char c)
{
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

static void expect(struct scan *scan, char c)
{
    if (!accept(scan, c))
        scan->has_failed = true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int scan_number(struct scan *scan, int least, int most)
{
    int number = 0, digits = 0;
    for (; is_digit(peek(scan)) && digits < 3; digits++)
        number = number * 10 + (scan->text.data[scan->at++] - '0');
    if (digits == 0 || number < least || number > most)
        scan->has_failed = true;
    return number;
}

/* "CET", or "<+0330>" for names with other characters. The name itself is of no use to us. */
static void scan_name(struct scan *scan)
{
    size_t from = scan->at;
    if (accept(scan, '<')) {
        while (is_letter(peek(scan)) || is_digit(peek(scan)) || peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        expect(scan, '>');
        return;
    }
    while (is_letter(peek(scan)))
        scan->at++;
    if (scan->at - from < 3)
        scan->has_failed = true;
}

/* [+-]hh[:mm[:ss]] */
static int32_t scan_time(struct scan *scan, int hours_most)
{
    bool is_negative = accept(scan, '-');
    if (!is_negative)
        (void)accept(scan, '+'); /* the sign may be absent */
    int32_t seconds = scan_number(scan, 0, hours_most) * 3600;
    if (accept(scan, ':'))
        seconds += scan_number(scan, 0, 59) * 60;
    if (accept(scan, ':'))
        seconds += scan_number(scan, 0, 59);
    return is_negative ? -seconds : seconds;
}

static struct zone_day scan_day(struct scan *scan)
{
    struct zone_day day = { .seconds = 2 * 3600 };
    if (accept(scan, 'M')) {
        day.kind = ZONE_DAY_OF_MONTH;
        day.month = scan_number(scan, 1, 12);
        expect(scan, '.');
        day.week = scan_number(scan, 1, 5);
        expect(scan, '.');
        day.day = scan_number(scan, 0, 6);
    } else if (accept(scan, 'J')) {
        day.kind = ZONE_DAY_OF_JULIAN;
        day.day = scan_number(scan, 1, 365);
    } else {
        day.kind = ZONE_DAY_OF_YEAR;
        day.day = scan_number(scan, 0, 365);
    }
    if (accept(scan, '/'))
        day.seconds = scan_time(scan, 167);
    return day;
}

bool zone_rule_parse(struct str text, struct zone_rule *ret)
{
    struct scan scan = { .text = text };
    struct zone_rule rule = { 0 };
    scan_name(&scan);
    rule.standard_offset = -scan_time(&scan, 24); /* POSIX counts west of Greenwich */
    if (!scan.has_failed && scan.at < text.size) {
        rule.has_summer = true;
        scan_name(&scan);
        rule.summer_offset = rule.standard_offset + 3600;
        if (peek(&scan) != ',')
            rule.summer_offset = -scan_time(&scan, 24);
        expect(&scan, ',');
        rule.start = scan_day(&scan);
        expect(&scan, ',');
        rule.end = scan_day(&scan);
    }
    if (scan.has_failed || scan.at != text.size)
        return false;
    *ret = rule;
    return true;
}

/* Of a day in a year, as seconds since 1970 of its local midnight plus the time of day. */
static int64_t day_in_year(const struct zone_day *day, int64_t year)
{
    struct civil_time first = { .year = year, .month = 1, .day = 1 };
    if (day->kind == ZONE_DAY_OF_MONTH)
        first.month = day->month;
    int64_t start = civil_to_seconds(&first);
    struct civil_time next = first;
    next.year += first.month == 12;
    next.month = first.month == 12 ? 1 : first.month + 1;
    int days = 0;
    switch (day->kind) {
    case ZONE_DAY_OF_MONTH: {
        int days_in_month = (int)((civil_to_seconds(&next) - start) / SECONDS_PER_DAY);
        int weekday = civil_from_seconds(start).weekday;
        days = (day->day - weekday + 7) % 7 + (day->week - 1) * 7;
        if (days >= days_in_month)
            days -= 7; /* week 5 means the last one */
        break;
    }
    case ZONE_DAY_OF_JULIAN: {
        /* Counts as if there were no 29 February. */
        struct civil_time march = { .year = year, .month = 3, .day = 1 };
        bool is_leap = (civil_to_seconds(&march) - start) / SECONDS_PER_DAY == 60;
        days = day->day - 1 + (is_leap && day->day >= 60);
        break;
    }
    case ZONE_DAY_OF_YEAR: days = day->day; break;
    }
    return start + (int64_t)days * SECONDS_PER_DAY + day->seconds;
}

struct zone_span zone_rule_span_at(const struct zone_rule *rule, int64_t seconds)
{
    struct zone_span span = { INT64_MIN, INT64_MAX, rule->standard_offset };
    if (!rule->has_summer)
        return span;
    int64_t year = civil_from_seconds(seconds).year;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t start = day_in_year(&rule->start, y) - rule->standard_offset;
        int64_t end = day_in_year(&rule->end, y) - rule->summer_offset;
        if (end <= seconds && end > span.from)
            span = (struct zone_span){ end, span.until, rule->standard_offset };
        /* When summer time starts as another ends, it goes on: "all year" is written so. */
        if (start <= seconds && start >= span.from)
            span = (struct zone_span){ start, span.until, rule->summer_offset };
        if (start > seconds && start < span.until)
            span.until = start;
        if (end > seconds && end < span.until)
            span.until = end;
    }
    return span;
}
