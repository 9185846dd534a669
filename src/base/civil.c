/* The proleptic Gregorian calendar, after Howard Hinnant's "chrono-compatible low-level date
 * algorithms": exact for every int64 day that fits. */
#include <stdbool.h>

#include "base/timetext.h"

#define DAYS_PER_ERA 146097 /* 400 years */
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

struct civil_time civil_from_seconds(int64_t seconds)
{
    int64_t days = floor_div(seconds, 86400);
    int rest = (int)(seconds - days * 86400);
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = (int)(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
    int month_from_march = (5 * day_of_year + 2) / 153;
    struct civil_time civil = { 0 };
    civil.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    civil.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    civil.year = year_of_era + era * 400 + (civil.month <= 2);
    civil.hour = rest / 3600;
    civil.minute = rest / 60 % 60;
    civil.second = rest % 60;
    int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
    civil.weekday = (int)(weekday < 0 ? weekday + 7 : weekday);
    civil.year_day = (day_of_year + 59 + is_leap(civil.year)) % (365 + is_leap(civil.year));
    if (civil.month <= 2)
        civil.year_day = day_of_year - 306;
    return civil;
}

int64_t civil_to_seconds(const struct civil_time *civil)
{
    int64_t days = days_from_civil(civil->year, civil->month, civil->day);
    return days * 86400 + civil->hour * 3600 + civil->minute * 60 + civil->second;
}
