/* Time zones from the system's TZif files (RFC 8536), without the C library's global state: a zone is
 * read once, never changes afterwards and may be used by any number of threads.
 *
 * Times are seconds since 1970-01-01. "Local seconds" are what civil_to_seconds makes of a local date and
 * time as if it were UTC. */
#ifndef TOCSIN_BASE_ZONE_H
#define TOCSIN_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define ZONE_FOLDER_DEFAULT "/usr/share/zoneinfo"

struct zone;

/* A zone by its name, e.g. "Europe/Berlin", or a fixed offset as CEL writes it: "+02:00", "-09:30",
 * "02:00". "UTC" and the empty name need no file. `folder` NULL means ZONE_FOLDER_DEFAULT. The zone lives
 * in the arena. Errors: ERR_INVALID for a name that can be none or a file that is no good, ERR_NOT_FOUND,
 * ERR_IO. */
FALLIBLE zone_load(struct arena *arena, const char *folder, struct str name, const struct zone **ret_zone,
    struct err_info *why);
const struct zone *zone_utc(void);

/* Seconds to add to UTC for local time, at this instant. Before the first known change the zone's first
 * offset holds, behind the last one the rule in the file's footer. */
int32_t zone_offset_at(const struct zone *zone, int64_t seconds);
/* The first instant after `seconds` at which the offset may change; INT64_MAX when it never does. */
int64_t zone_next_change(const struct zone *zone, int64_t seconds);

enum zone_fit {
    ZONE_ONCE, /* the local time occurs once */
    ZONE_TWICE, /* clocks went back: it occurs twice */
    ZONE_NEVER, /* clocks went forward over it */
};

struct zone_instants {
    enum zone_fit fit;
    /* UTC seconds. ONCE: both are the same. TWICE: the first and the last occurrence. NEVER: what the
     * local time means by the offset behind the change, which is before it, and by the offset before
     * the change, which is behind it. */
    int64_t earlier, later;
    int64_t change; /* NEVER: when the clocks went forward. Else the same as `earlier`. */
};

struct zone_instants zone_local_to_utc(const struct zone *zone, int64_t local_seconds);

/* Zones by name, each read once, for use by many threads. */
struct zones;

FALLIBLE zones_new(const char *folder, struct zones **ret_zones, struct err_info *why);
void zones_free(struct zones *zones);
/* As zone_load; the zone lives as long as `zones`. ERR_LIMIT past ZONES_MAX. */
FALLIBLE zones_get(struct zones *zones, struct str name, const struct zone **ret_zone, struct err_info *why);

#endif
