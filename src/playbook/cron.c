#include "playbook/cron.h"

#include <assert.h>
#include <string.h>

#include "base/timetext.h"

struct cron_part {
    const char *what;
    unsigned least, most;
    const char *names; /* three letters each, from `least` on; NULL: none */
};
static const struct cron_part parts[] = {
    { "minute", 0, 59, NULL },
    { "hour", 0, 23, NULL },
    { "day", 1, 31, NULL },
    { "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec" },
    { "weekday", 0, 7, "sunmontuewedthufrisat" },
};
enum { PART_MINUTE, PART_HOUR, PART_DAY, PART_MONTH, PART_WEEKDAY, PART_COUNT };

/* ---- reading ---- */

static bool read_number(const struct cron_part *part, struct str text, unsigned *ret)
{
    uint64_t number;
    if (str_to_uint(text, &number)) {
        *ret = (unsigned)number;
        return number >= part->least && number <= part->most;
    }
    for (size_t i = 0; part->names != NULL && text.size == 3 && part->names[i * 3] != '\0'; i++) {
        bool is_same = true;
        for (size_t k = 0; k < 3; k++)
            is_same = is_same && (text.data[k] | 0x20) == part->names[i * 3 + k];
        if (is_same) {
            *ret = part->least + (unsigned)i;
            return true;
        }
    }
    return false;
}

/* `*`, `5`, `mon-fri`, each with or without `/n`. */
static bool read_range(const struct cron_part *part, struct str text, uint64_t *bits)
{
    unsigned from = part->least, to = part->most;
    uint64_t step = 1;
    ptrdiff_t slash = str_find_byte(text, '/', 0);
    struct str range = slash >= 0 ? str_slice(text, 0, (size_t)slash) : text;
    if (slash >= 0 &&
        (!str_to_uint(str_slice(text, (size_t)slash + 1, text.size), &step) || step == 0 ||
            step > part->most))
        return false;
    ptrdiff_t dash = str_find_byte(range, '-', 0);
    if (dash > 0) {
        if (!read_number(part, str_slice(range, 0, (size_t)dash), &from) ||
            !read_number(part, str_slice(range, (size_t)dash + 1, range.size), &to))
            return false;
    } else if (!str_equal(range, STR("*"))) {
        if (!read_number(part, range, &from))
            return false;
        to = slash >= 0 ? part->most : from;
    }
    for (unsigned i = from; i <= to; i += (unsigned)step)
        *bits |= UINT64_C(1) << i;
    return from <= to;
}

static FALLIBLE read_part(const struct cron_part *part, struct str text, uint64_t *ret, struct err_info *why)
{
    struct str rest = text, one;
    *ret = 0;
    while (str_split(&rest, ',', &one))
        if (!read_range(part, one, ret))
            return err_named(why, ERR_INVALID, "cron_syntax",
                "\"%.*s\" is no %s: %u to %u, *, a-b, */n, or some with commas between", STR_ARG(one),
                part->what, part->least, part->most);
    return *ret != 0 ? ERR_OK : err_named(why, ERR_INVALID, "cron_syntax", "the %s is missing", part->what);
}

static struct str spelled_out(struct str text)
{
    static const struct {
        struct str name, meaning;
    } names[] = {
        { STR_INIT("@hourly"), STR_INIT("0 * * * *") },
        { STR_INIT("@daily"), STR_INIT("0 0 * * *") },
        { STR_INIT("@midnight"), STR_INIT("0 0 * * *") },
        { STR_INIT("@weekly"), STR_INIT("0 0 * * 0") },
        { STR_INIT("@monthly"), STR_INIT("0 0 1 * *") },
        { STR_INIT("@yearly"), STR_INIT("0 0 1 1 *") },
        { STR_INIT("@annually"), STR_INIT("0 0 1 1 *") },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(text, names[i].name))
            return names[i].meaning;
    return text;
}

/* The longest that a month can be. */
static unsigned month_days(unsigned month)
{
    static const unsigned char days[] = { 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month];
}

/* Some month among those named has some day among those named. */
static bool comes_ever(const struct cron *cron)
{
    for (unsigned month = 1; month <= 12; month++)
        for (unsigned day = 1; (cron->months >> month & 1) && day <= month_days(month); day++)
            if (cron->days >> day & 1)
                return true;
    return !cron->is_any_weekday;
}

FALLIBLE cron_parse(struct str text, struct cron *ret, struct err_info *why)
{
    uint64_t bits[PART_COUNT] = { 0 };
    struct str words[PART_COUNT];
    struct str rest = spelled_out(str_trim(text));
    unsigned count = 0;
    for (size_t at = 0; at < rest.size;) {
        size_t end = at;
        while (end < rest.size && rest.data[end] != ' ' && rest.data[end] != '\t')
            end++;
        if (end > at && count < PART_COUNT)
            words[count] = str_slice(rest, at, end);
        count += end > at;
        at = end + 1;
    }
    if (count != PART_COUNT)
        return err_named(why, ERR_INVALID, "cron_syntax",
            "a schedule has five parts, MINUTE HOUR DAY MONTH WEEKDAY, such as \"0 6 * * mon-fri\"; here are "
            "%u",
            count);
    for (unsigned i = 0; i < PART_COUNT; i++)
        TRY(read_part(&parts[i], words[i], &bits[i], why));
    uint8_t weekdays = (uint8_t)(bits[PART_WEEKDAY] & 0x7f);
    if (bits[PART_WEEKDAY] >> 7 & 1)
        weekdays |= 1; /* 7 is Sunday, too */
    struct cron cron = { .minutes = bits[PART_MINUTE],
        .hours = (uint32_t)bits[PART_HOUR],
        .days = (uint32_t)bits[PART_DAY],
        .months = (uint32_t)bits[PART_MONTH],
        .weekdays = weekdays,
        .is_any_day = words[PART_DAY].data[0] == '*',
        .is_any_weekday = words[PART_WEEKDAY].data[0] == '*' };
    if (!comes_ever(&cron))
        return err_named(why, ERR_INVALID, "cron_syntax", "such a day never comes");
    *ret = cron;
    return ERR_OK;
}

/* ---- the next time ---- */

#define DAY_S 86400
/* From one 29 February that is a Sunday to the next, over a century whose year has none. */
#define DAYS_MAX (41 * 366)

/* crontab(5): a restricted day and a restricted weekday are either enough; `*` restricts nothing. */
static bool fits_day(const struct cron *cron, const struct civil_time *civil)
{
    bool day = cron->days >> civil->day & 1, by_week = cron->weekdays >> civil->weekday & 1;
    if (!(cron->months >> civil->month & 1))
        return false;
    if (cron->is_any_day || cron->is_any_weekday)
        return day && by_week;
    return day || by_week;
}

/* The first fitting minute of the local day at or after `from` seconds into it; -1 when there is none. */
static int64_t fits_time(const struct cron *cron, int64_t from)
{
    for (int64_t minute = (from + 59) / 60; minute < DAY_S / 60; minute++)
        if ((cron->hours >> (minute / 60) & 1) && (cron->minutes >> (minute % 60) & 1))
            return minute * 60;
    return -1;
}

static int64_t floor_days(int64_t seconds)
{
    return seconds >= 0 ? seconds / DAY_S : -((-seconds + DAY_S - 1) / DAY_S);
}

struct instant cron_next(const struct cron *cron, const struct zone *zone, struct instant after)
{
    int64_t now = after.us / US_PER_S;
    int64_t local = now + zone_offset_at(zone, now) + 1;
    int64_t day = floor_days(local);
    int64_t from = local - day * DAY_S;
    for (int64_t i = 0; i < DAYS_MAX; i++, day++, from = 0) {
        struct civil_time civil = civil_from_seconds(day * DAY_S);
        if (!fits_day(cron, &civil))
            continue;
        for (int64_t at = fits_time(cron, from); at >= 0; at = fits_time(cron, at + 60)) {
            struct zone_instants when = zone_local_to_utc(zone, day * DAY_S + at);
            int64_t utc = when.fit == ZONE_NEVER ? when.change : when.earlier;
            if (utc > now)
                return (struct instant){ utc * US_PER_S };
        }
    }
    assert(false); /* cron_parse refuses days that never come */
    return after;
}
