#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/timetext.h"
#include "base/zone.h"
#include "base/zone_rule.h"

static const char *const names[] = { "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe",
    "Europe/Dublin", "Africa/Casablanca", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "EST5EDT" };

static bool has_zone_files(void)
{
    if (access(ZONE_FOLDER_DEFAULT "/Europe/Berlin", R_OK) == 0)
        return true;
    printf("skipped: no time zone files at " ZONE_FOLDER_DEFAULT " (package tzdata)\n");
    return false;
}

static const struct zone *load(struct arena *arena, const char *name)
{
    const struct zone *zone = NULL;
    struct err_info why = { 0 };
    if (zone_load(arena, NULL, str_of(name), &zone, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return zone;
}

static int64_t at(const char *text)
{
    int64_t seconds = 0;
    int32_t nanos;
    assert_true(time_parse_rfc3339(str_of(text), &seconds, &nanos));
    return seconds;
}

/* glibc reads the same files by its own code: both must agree at any instant. */
static void offsets_agree_with_the_c_library(void **state)
{
    (void)state;
    if (!has_zone_files())
        return;
    AUTO(arena) struct arena arena = { 0 };
    struct rand_seeded chance;
    rand_seeded_init(&chance, 7);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const struct zone *zone = load(&arena, names[n]);
        assert_int_equal(setenv("TZ", names[n], 1), 0);
        tzset();
        for (int i = 0; i < 3000; i++) {
            /* 1940 to 2140: before the tables, within, and by the footer's rule */
            int64_t seconds = (int64_t)rand_below(&chance.rand, INT64_C(200) * 31556952) -
                INT64_C(30) * 31556952;
            time_t when = seconds;
            struct tm local;
            assert_non_null(localtime_r(&when, &local));
            if (local.tm_gmtoff != zone_offset_at(zone, seconds))
                fail_msg("%s at %lld: %d, the C library has %ld", names[n], (long long)seconds,
                    zone_offset_at(zone, seconds), local.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void every_change_separates_two_spans(void **state)
{
    (void)state;
    if (!has_zone_files())
        return;
    AUTO(arena) struct arena arena = { 0 };
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const struct zone *zone = load(&arena, names[n]);
        int64_t seconds = INT64_MIN;
        for (int i = 0; i < 1000; i++) {
            int64_t next = zone_next_change(zone, seconds);
            assert_true(next > seconds);
            if (next == INT64_MAX || next > at("2200-01-01T00:00:00Z"))
                break;
            assert_int_equal(zone_next_change(zone, next - 1), next);
            seconds = next;
        }
    }
}

static void local_times_find_their_instants(void **state)
{
    (void)state;
    if (!has_zone_files())
        return;
    AUTO(arena) struct arena arena = { 0 };
    const struct zone *berlin = load(&arena, "Europe/Berlin");
    struct zone_instants once = zone_local_to_utc(berlin, at("2024-07-01T12:00:00Z"));
    assert_int_equal(once.fit, ZONE_ONCE);
    assert_int_equal(once.earlier, at("2024-07-01T10:00:00Z"));
    assert_int_equal(once.later, once.earlier);

    struct zone_instants gap = zone_local_to_utc(berlin, at("2024-03-31T02:30:00Z"));
    assert_int_equal(gap.fit, ZONE_NEVER);
    assert_int_equal(gap.change, at("2024-03-31T01:00:00Z"));
    assert_int_equal(gap.earlier, at("2024-03-31T00:30:00Z"));
    assert_int_equal(gap.later, at("2024-03-31T01:30:00Z"));

    struct zone_instants twice = zone_local_to_utc(berlin, at("2024-10-27T02:30:00Z"));
    assert_int_equal(twice.fit, ZONE_TWICE);
    assert_int_equal(twice.earlier, at("2024-10-27T00:30:00Z"));
    assert_int_equal(twice.later, at("2024-10-27T01:30:00Z"));

    /* Both edges of the gap and of the repeated hour, by the footer's rule in 2099. */
    assert_int_equal(zone_local_to_utc(berlin, at("2099-03-29T01:59:59Z")).fit, ZONE_ONCE);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-03-29T02:00:00Z")).fit, ZONE_NEVER);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-03-29T02:59:59Z")).fit, ZONE_NEVER);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-03-29T03:00:00Z")).fit, ZONE_ONCE);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-10-25T01:59:59Z")).fit, ZONE_ONCE);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-10-25T02:00:00Z")).fit, ZONE_TWICE);
    assert_int_equal(zone_local_to_utc(berlin, at("2099-10-25T03:00:00Z")).fit, ZONE_ONCE);

    /* Samoa left out the whole 30th of December 2011. */
    struct zone_instants day = zone_local_to_utc(load(&arena, "Pacific/Apia"), at("2011-12-30T12:00:00Z"));
    assert_int_equal(day.fit, ZONE_NEVER);
    assert_int_equal(day.change, at("2011-12-30T10:00:00Z"));
}

static void local_time_and_back_is_the_same_instant(void **state)
{
    (void)state;
    if (!has_zone_files())
        return;
    AUTO(arena) struct arena arena = { 0 };
    struct rand_seeded chance;
    rand_seeded_init(&chance, 8);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        const struct zone *zone = load(&arena, names[n]);
        for (int i = 0; i < 1000; i++) {
            int64_t utc = (int64_t)rand_below(&chance.rand, INT64_C(150) * 31556952);
            struct zone_instants back = zone_local_to_utc(zone, utc + zone_offset_at(zone, utc));
            assert_int_not_equal(back.fit, ZONE_NEVER);
            assert_true(back.earlier == utc || back.later == utc);
        }
    }
}

static void fixed_offsets_need_no_file(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t offset;
    } good[] = { { "+02:00", 7200 }, { "-09:30", -34200 }, { "02:00", 7200 }, { "UTC", 0 }, { "", 0 },
        { "-00:00", 0 }, { "+23:59", 86340 } };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        const struct zone *zone;
        assert_int_equal(zone_load(&arena, "/nowhere", str_of(good[i].name), &zone, NULL), ERR_OK);
        assert_int_equal(zone_offset_at(zone, 1700000000), good[i].offset);
        assert_true(zone_next_change(zone, 0) == INT64_MAX);
        assert_int_equal(zone_local_to_utc(zone, 1000000).earlier, 1000000 - good[i].offset);
    }
}

static void names_that_leave_the_folder_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "../etc/passwd", "/etc/localtime", "Europe/../../x", ".", "..",
        "Europe/", "a b", "Europe/Berlin\n", "+24:00", "+02:60", "+2:00", "tzdata.zi",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    AUTO(arena) struct arena arena = { 0 };
    const struct zone *zone = NULL;
    struct err_info why = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(zone_load(&arena, NULL, str_of(bad[i]), &zone, &why), ERR_INVALID);
        assert_string_equal(why.name, "zone_name");
    }
    assert_int_equal(zone_load(&arena, NULL, (struct str){ "UTC\0x", 5 }, &zone, &why), ERR_INVALID);
    assert_int_equal(zone_load(&arena, NULL, STR("Europe/Atlantis"), &zone, &why), ERR_NOT_FOUND);
    assert_string_equal(why.name, "zone_unknown");
    assert_int_equal(zone_load(&arena, NULL, STR("Europe"), &zone, &why), ERR_NOT_FOUND);
    assert_null(zone);
}

/* --- files of our own ------------------------------------------------------------------------------ */

static void put_number(struct buf *buf, uint64_t number, int size)
{
    for (int i = size - 1; i >= 0; i--)
        buf_add_byte(buf, (char)(number >> (8 * i)));
}

static void put_header(struct buf *buf, uint32_t change_count, uint32_t type_count)
{
    buf_add(buf, STR("TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    put_number(buf, 0, 4);
    put_number(buf, 0, 4);
    put_number(buf, 0, 4);
    put_number(buf, change_count, 4);
    put_number(buf, type_count, 4);
    put_number(buf, 4, 4);
}

/* One change, at 1,000,000,000, from one hour to two; then the footer. */
static void put_zone(struct buf *buf, const char *footer)
{
    put_header(buf, 0, 1);
    buf_add(buf, STR("\0\0\0\0\0\0LMT\0"));
    put_header(buf, 1, 2);
    put_number(buf, 1000000000, 8);
    buf_add(buf, STR("\1"));
    put_number(buf, 3600, 4);
    buf_add(buf, STR("\0\0"));
    put_number(buf, 7200, 4);
    buf_add(buf, STR("\0\0LMT\0"));
    buf_printf(buf, "\n%s\n", footer);
}

struct folder {
    char path[64];
};

static void folder_cleanup(struct folder *folder)
{
    char file[96];
    snprintf(file, sizeof file, "%s/Own", folder->path);
    unlink(file);
    rmdir(folder->path);
}

static struct folder folder_new(void)
{
    struct folder folder = { "/tmp/tocsin-zone-XXXXXX" };
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static enum err load_bytes(struct arena *arena, const struct folder *folder, struct str bytes,
    const struct zone **ret, struct err_info *why)
{
    char path[96];
    snprintf(path, sizeof path, "%s/Own", folder->path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
    return zone_load(arena, folder->path, STR("Own"), ret, why);
}

static void own_file_is_read(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf bytes = { 0 };
    AUTO(folder) struct folder folder = folder_new();
    const struct zone *zone;
    put_zone(&bytes, "");
    assert_int_equal(load_bytes(&arena, &folder, buf_str(&bytes), &zone, NULL), ERR_OK);
    assert_int_equal(zone_offset_at(zone, 999999999), 3600);
    assert_int_equal(zone_offset_at(zone, 1000000000), 7200);
    assert_int_equal(zone_offset_at(zone, INT64_MAX / 2), 7200);
    assert_int_equal(zone_next_change(zone, 0), 1000000000);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf bytes = { 0 };
    AUTO(folder) struct folder folder = folder_new();
    const struct zone *zone = NULL;
    put_zone(&bytes, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t size = 0; size < bytes.size; size++) {
        struct err_info why = { 0 };
        assert_int_equal(
            load_bytes(&arena, &folder, str_slice(buf_str(&bytes), 0, size), &zone, &why), ERR_INVALID);
        assert_string_equal(why.name, "zone_file");
    }
    /* Any single damaged byte gives a zone or an error, never worse. */
    for (size_t i = 0; i < bytes.size; i++) {
        char good = bytes.data[i];
        bytes.data[i] = (char)0xff;
        if (load_bytes(&arena, &folder, buf_str(&bytes), &zone, NULL) == ERR_OK)
            (void)zone_offset_at(zone, 1700000000);
        bytes.data[i] = good;
    }
    buf_clear(&bytes);
    put_zone(&bytes, "nonsense");
    assert_int_equal(load_bytes(&arena, &folder, buf_str(&bytes), &zone, NULL), ERR_INVALID);
}

static void rules_are_read_strictly(void **state)
{
    (void)state;
    static const char *const good[] = { "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "EST5EDT,0/0,J365/25", "IST-1GMT0,M10.5.0,M3.5.0/1",
        "AAA-24BBB-24:59:59,J1,365/167" };
    static const char *const bad[] = { "", "CE-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-25",
        "CET-1CEST,J0,J1", "CET-1CEST,366,J1", "CET-1CEST,M3.5.0/168,M10.5.0", "<CET-1",
        "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1:60" };
    struct zone_rule rule;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!zone_rule_parse(str_of(good[i]), &rule))
            fail_msg("refused %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (zone_rule_parse(str_of(bad[i]), &rule))
            fail_msg("took %s", bad[i]);
}

static int32_t rule_offset(const char *text, const char *when)
{
    struct zone_rule rule;
    assert_true(zone_rule_parse(str_of(text), &rule));
    struct zone_span span = zone_rule_span_at(&rule, at(when));
    assert_true(span.from <= at(when) && at(when) < span.until);
    return span.offset;
}

static void rules_hold_at_their_edges(void **state)
{
    (void)state;
    const char *cet = "CET-1CEST,M3.5.0,M10.5.0/3";
    assert_int_equal(rule_offset(cet, "2024-03-31T00:59:59Z"), 3600);
    assert_int_equal(rule_offset(cet, "2024-03-31T01:00:00Z"), 7200);
    assert_int_equal(rule_offset(cet, "2024-10-27T00:59:59Z"), 7200);
    assert_int_equal(rule_offset(cet, "2024-10-27T01:00:00Z"), 3600);
    /* Summer over the turn of the year. */
    const char *sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
    assert_int_equal(rule_offset(sydney, "2024-01-01T00:00:00Z"), 11 * 3600);
    assert_int_equal(rule_offset(sydney, "2024-07-01T00:00:00Z"), 10 * 3600);
    assert_int_equal(rule_offset(sydney, "2024-12-31T23:59:59Z"), 11 * 3600);
    /* Summer time all year (RFC 8536, 3.3.1), across the instant where one ends and the next starts. */
    const char *always = "XXX3EDT4,0/0,J365/23";
    assert_int_equal(rule_offset(always, "2024-01-01T03:59:59Z"), -4 * 3600);
    assert_int_equal(rule_offset(always, "2024-01-01T04:00:00Z"), -4 * 3600);
    assert_int_equal(rule_offset(always, "2024-06-01T00:00:00Z"), -4 * 3600);
    /* J60 is 1 March in every year; 59 is 29 February in leap years. */
    assert_int_equal(rule_offset("AAA0BBB,J60/0,J365/0", "2024-02-29T12:00:00Z"), 0);
    assert_int_equal(rule_offset("AAA0BBB,J60/0,J365/0", "2024-03-01T00:00:00Z"), 3600);
    assert_int_equal(rule_offset("AAA0BBB,59/0,J365/0", "2024-02-29T00:00:00Z"), 3600);
    assert_int_equal(rule_offset("AAA0BBB,59/0,J365/0", "2023-02-28T23:59:59Z"), 0);
}

static void zones_are_read_once_and_shared(void **state)
{
    (void)state;
    struct zones *zones;
    const struct zone *first, *again;
    assert_int_equal(zones_new(NULL, &zones, NULL), ERR_OK);
    assert_int_equal(zones_get(zones, STR("+02:00"), &first, NULL), ERR_OK);
    assert_int_equal(zones_get(zones, STR("02:00"), &again, NULL), ERR_OK);
    assert_ptr_equal(first, again);
    assert_int_equal(zones_get(zones, STR("Europe/Atlantis"), &first, NULL), ERR_NOT_FOUND);
    if (has_zone_files()) {
        assert_int_equal(zones_get(zones, STR("Asia/Tokyo"), &first, NULL), ERR_OK);
        assert_int_equal(zones_get(zones, STR("Asia/Tokyo"), &again, NULL), ERR_OK);
        assert_ptr_equal(first, again);
        assert_int_equal(zone_offset_at(first, 1700000000), 9 * 3600);
    }
    zones_free(zones);
    zones_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_agree_with_the_c_library),
        cmocka_unit_test(every_change_separates_two_spans),
        cmocka_unit_test(local_times_find_their_instants),
        cmocka_unit_test(local_time_and_back_is_the_same_instant),
        cmocka_unit_test(fixed_offsets_need_no_file),
        cmocka_unit_test(names_that_leave_the_folder_are_refused),
        cmocka_unit_test(own_file_is_read),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(rules_are_read_strictly),
        cmocka_unit_test(rules_hold_at_their_edges),
        cmocka_unit_test(zones_are_read_once_and_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
