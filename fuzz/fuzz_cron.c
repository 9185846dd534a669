/* Any text as a schedule: the next time fits it, lies ahead, and none between fits. */
#include <stddef.h>
#include <stdint.h>

#include "base/timetext.h"
#include "playbook/cron.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fits(const struct cron *cron, int64_t seconds)
{
    struct civil_time civil = civil_from_seconds(seconds);
    bool day = cron->days >> civil.day & 1, weekday = cron->weekdays >> civil.weekday & 1;
    bool is_day = cron->is_any_day || cron->is_any_weekday ? day && weekday : day || weekday;
    return (cron->minutes >> civil.minute & 1) && (cron->hours >> civil.hour & 1) &&
        (cron->months >> civil.month & 1) && is_day;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct cron cron;
    const struct zone *utc;
    if (cron_parse((struct str){ (const char *)data, size }, &cron, &why) != ERR_OK) {
        require(why.text[0] != '\0');
        return 0;
    }
    require(zone_load(&arena, "/usr/share/zoneinfo", STR("UTC"), &utc, NULL) == ERR_OK);
    int64_t at = 1700000000 + (size > 0 ? data[size - 1] * 100003 : 0);
    for (int i = 0; i < 3; i++) {
        struct instant next = cron_next(&cron, utc, (struct instant){ at * US_PER_S });
        int64_t seconds = next.us / US_PER_S;
        require(next.us % US_PER_MIN == 0 && seconds > at && fits(&cron, seconds));
        require(seconds - at < 41 * 366 * 86400LL);
        for (int64_t between = at / 60 * 60 + 60; between < seconds && between < at + 90000; between += 60)
            require(!fits(&cron, between));
        at = seconds;
    }
    return 0;
}
