/* Any bytes as a TZif file: offsets stay within a day or so, changes go forward, local times come back. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/zone.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_instant(const struct zone *zone, int64_t seconds)
{
    int32_t offset = zone_offset_at(zone, seconds);
    require(offset >= -26 * 3600 && offset <= 26 * 3600);
    int64_t next = zone_next_change(zone, seconds);
    require(next > seconds);
    struct zone_instants back = zone_local_to_utc(zone, seconds + offset);
    require(back.fit != ZONE_NEVER && back.earlier <= seconds && seconds <= back.later);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    char name[16];
    int file = memfd_create("zone", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(name, sizeof name, "%d", file);
    const struct zone *zone;
    if (zone_load(&arena, "/proc/self/fd", str_of(name), &zone, NULL) == ERR_OK) {
        int64_t seconds = -4000000000;
        for (int i = 0; i < 100 && seconds < 8000000000; i++) {
            check_instant(zone, seconds);
            int64_t next = zone_next_change(zone, seconds);
            seconds = next < seconds + 100000000 ? next : seconds + 100000000;
        }
    }
    close(file);
    return 0;
}
