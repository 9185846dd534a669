#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/msan.h"
#include "base/zone_rule.h"

struct zone {
    uint32_t count; /* of changes */
    const int64_t *changes; /* ascending instants */
    const int32_t *offsets; /* from the change with the same number on */
    int32_t first_offset; /* before all changes */
    bool has_rule; /* behind all changes */
    struct zone_rule rule;
};

const struct zone *zone_utc(void)
{
    static const struct zone utc = { 0 };
    return &utc;
}

/* --- reading a file -------------------------------------------------------------------------------- */

struct file {
    struct str bytes;
    struct str name; /* of the zone, for errors */
    struct err_info *why;
};

/* The six counts of a header (RFC 8536, 3.1). */
struct header {
    char version;
    uint32_t is_ut_count, is_standard_count, leap_count, change_count, type_count, char_count;
};

#define HEADER_BYTES 44
#define TYPE_BYTES 6

static uint64_t big_endian(const char *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

static FALLIBLE bad_file(const struct file *file, const char *what)
{
    return err_named(file->why, ERR_INVALID, "zone_file", "the file of time zone \"%.*s\" is no good: %s",
        STR_ARG(file->name), what);
}

static FALLIBLE read_header(const struct file *file, size_t at, struct header *ret)
{
    struct str bytes = str_slice(file->bytes, at, at + HEADER_BYTES);
    if (bytes.size < HEADER_BYTES || !str_starts(bytes, STR("TZif")))
        return bad_file(file, "it does not start as a TZif file does");
    const char *counts = bytes.data + 20;
    *ret = (struct header){
        .version = bytes.data[4],
        .is_ut_count = (uint32_t)big_endian(counts, 4),
        .is_standard_count = (uint32_t)big_endian(counts + 4, 4),
        .leap_count = (uint32_t)big_endian(counts + 8, 4),
        .change_count = (uint32_t)big_endian(counts + 12, 4),
        .type_count = (uint32_t)big_endian(counts + 16, 4),
        .char_count = (uint32_t)big_endian(counts + 20, 4),
    };
    if (ret->type_count == 0 || ret->type_count > 256 || ret->change_count > ZONE_FILE_BYTES_MAX)
        return bad_file(file, "its header has impossible counts");
    if (ret->leap_count != 0)
        return bad_file(file, "it counts leap seconds; use the zone's name without \"right/\"");
    return ERR_OK;
}

static size_t body_bytes(const struct header *header, size_t time_bytes)
{
    return (size_t)header->change_count * (time_bytes + 1) + (size_t)header->type_count * TYPE_BYTES +
        header->char_count + header->is_standard_count + header->is_ut_count;
}

static FALLIBLE read_offset(const struct file *file, struct str types, unsigned type, int32_t *ret)
{
    if (type >= types.size / TYPE_BYTES)
        return bad_file(file, "a change names a type that is not there");
    int32_t offset = (int32_t)(uint32_t)big_endian(types.data + type * TYPE_BYTES, 4);
    /* RFC 8536, 3.2: "SHOULD NOT be outside" of -25 to 26 hours. */
    if (offset < -25 * 3600 || offset > 26 * 3600)
        return bad_file(file, "an offset is larger than a day");
    *ret = offset;
    return ERR_OK;
}

static FALLIBLE read_body(struct arena *arena, const struct file *file, const struct header *header,
    size_t at, size_t time_bytes, struct zone *zone)
{
    struct str body = str_slice(file->bytes, at, at + body_bytes(header, time_bytes));
    if (body.size < body_bytes(header, time_bytes))
        return bad_file(file, "it ends early");
    uint32_t count = header->change_count;
    int64_t *changes = ARENA_ARRAY(arena, count, int64_t);
    int32_t *offsets = ARENA_ARRAY(arena, count, int32_t);
    if (changes == NULL || offsets == NULL)
        return err_memory(file->why);
    struct str indexes = str_slice(body, count * time_bytes, count * (time_bytes + 1));
    struct str types = str_slice(
        body, count * (time_bytes + 1), count * (time_bytes + 1) + header->type_count * TYPE_BYTES);
    TRY(read_offset(file, types, 0, &zone->first_offset));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = big_endian(body.data + i * time_bytes, time_bytes);
        changes[i] = time_bytes == 8 ? (int64_t)bits : (int32_t)(uint32_t)bits;
        if (i > 0 && changes[i] <= changes[i - 1])
            return bad_file(file, "its changes are not in order");
        TRY(read_offset(file, types, (unsigned char)indexes.data[i], &offsets[i]));
    }
    zone->count = count;
    zone->changes = changes;
    zone->offsets = offsets;
    return ERR_OK;
}

static FALLIBLE read_footer(const struct file *file, size_t at, struct zone *zone)
{
    ptrdiff_t end = str_find_byte(file->bytes, '\n', at + 1);
    if (at >= file->bytes.size || file->bytes.data[at] != '\n' || end < 0)
        return bad_file(file, "its footer is missing");
    struct str text = str_slice(file->bytes, at + 1, (size_t)end);
    if (text.size == 0)
        return ERR_OK;
    if (!zone_rule_parse(text, &zone->rule))
        return bad_file(file, "its footer is no rule");
    zone->has_rule = true;
    return ERR_OK;
}

/* Version 1 has one block with 32-bit times; later ones have that block, then a second one with 64-bit
 * times and the footer. */
static FALLIBLE read_zone(struct arena *arena, const struct file *file, struct zone *zone)
{
    struct header header;
    TRY(read_header(file, 0, &header));
    if (header.version == '\0')
        return read_body(arena, file, &header, HEADER_BYTES, 4, zone);
    size_t second = HEADER_BYTES + body_bytes(&header, 4);
    TRY(read_header(file, second, &header));
    TRY(read_body(arena, file, &header, second + HEADER_BYTES, 8, zone));
    return read_footer(file, second + HEADER_BYTES + body_bytes(&header, 8), zone);
}

/* --- names ----------------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
        c == '-' || c == '+' || c == '/';
}

/* No dot is allowed at all, so no path can leave the folder. */
static bool is_good_name(struct str name)
{
    if (name.size == 0 || name.size > ZONE_NAME_BYTES_MAX || name.data[0] == '/' ||
        name.data[name.size - 1] == '/')
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_byte(name.data[i]))
            return false;
    return true;
}

static int two_digits(const char *text)
{
    bool is_number = text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9';
    return is_number ? (text[0] - '0') * 10 + (text[1] - '0') : -1;
}

/* [+-]hh:mm */
static bool parse_fixed(struct str name, int32_t *ret_offset)
{
    bool has_sign = name.size > 0 && (name.data[0] == '+' || name.data[0] == '-');
    struct str digits = str_slice(name, has_sign, name.size);
    if (digits.size != 5 || digits.data[2] != ':')
        return false;
    int hours = two_digits(digits.data), minutes = two_digits(digits.data + 3);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    int32_t offset = hours * 3600 + minutes * 60;
    *ret_offset = name.data[0] == '-' ? -offset : offset;
    return true;
}

static void descriptor_cleanup(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor); /* it was only read from */
}

static FALLIBLE read_whole(int descriptor, char *bytes, size_t size, struct err_info *why)
{
    size_t got = 0;
    while (got < size) {
        ssize_t part = read(descriptor, bytes + got, size - got);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return err_errno(why, errno, "reading a time zone's file");
        if (part == 0)
            return err_set(why, ERR_IO, "a time zone's file became shorter while it was read");
        got += (size_t)part;
    }
    return ERR_OK;
}

static FALLIBLE no_such_zone(struct str name, struct err_info *why)
{
    return err_named(why, ERR_NOT_FOUND, "zone_unknown",
        "no time zone \"%.*s\": write a name such as "
        "Europe/Berlin or UTC, or an offset such as +02:00",
        STR_ARG(name));
}

/* The file's bytes go to `scratch`: the zone keeps none of them. */
static FALLIBLE read_file(
    struct arena *scratch, const char *folder, struct str name, struct str *ret, struct err_info *why)
{
    char path[512];
    int size = snprintf(path, sizeof path, "%s/%.*s", folder ? folder : ZONE_FOLDER_DEFAULT, STR_ARG(name));
    if (size < 0 || (size_t)size >= sizeof path)
        return err_named(why, ERR_INVALID, "zone_name", "the path to the time zones is too long");
    AUTO(descriptor) int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR))
        return no_such_zone(name, why);
    if (descriptor < 0)
        return err_errno(why, errno, "opening a time zone's file");
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return err_errno(why, errno, "opening a time zone's file");
    msan_is_written(&info, sizeof info);
    if (!S_ISREG(info.st_mode))
        return no_such_zone(name, why); /* "Europe" is a folder */
    if (info.st_size > ZONE_FILE_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "zone_file_bytes_max", "a time zone's file is larger than %d bytes",
            ZONE_FILE_BYTES_MAX);
    char *bytes = arena_bytes(scratch, (size_t)info.st_size);
    if (bytes == NULL)
        return err_memory(why);
    TRY(read_whole(descriptor, bytes, (size_t)info.st_size, why));
    *ret = (struct str){ bytes, (size_t)info.st_size };
    return ERR_OK;
}

enum err zone_load(struct arena *arena, const char *folder, struct str name, const struct zone **ret_zone,
    struct err_info *why)
{
    if (name.size == 0 || str_equal(name, STR("UTC")) || str_equal(name, STR("Z"))) {
        *ret_zone = zone_utc();
        return ERR_OK;
    }
    struct zone *zone = ARENA_NEW(arena, struct zone);
    if (zone == NULL)
        return err_memory(why);
    if (parse_fixed(name, &zone->first_offset)) {
        *ret_zone = zone;
        return ERR_OK;
    }
    if (!is_good_name(name))
        return err_named(why, ERR_INVALID, "zone_name",
            "\"%.*s\" can't be a time zone: write a name such as "
            "Europe/Berlin or UTC, or an offset such as +02:00",
            STR_ARG(str_slice(name, 0, 64)));
    AUTO(arena) struct arena scratch = { 0 };
    struct file file = { .name = name, .why = why };
    TRY(read_file(&scratch, folder, name, &file.bytes, why));
    TRY(read_zone(arena, &file, zone));
    *ret_zone = zone;
    return ERR_OK;
}

/* --- questions ------------------------------------------------------------------------------------- */

/* The number of changes at or before the instant. */
static uint32_t changes_until(const struct zone *zone, int64_t seconds)
{
    uint32_t low = 0, high = zone->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct zone_span span_at(const struct zone *zone, int64_t seconds)
{
    uint32_t passed = changes_until(zone, seconds);
    int64_t from = passed > 0 ? zone->changes[passed - 1] : INT64_MIN;
    if (passed == zone->count && zone->has_rule) {
        struct zone_span span = zone_rule_span_at(&zone->rule, seconds);
        if (span.from < from)
            span.from = from;
        return span;
    }
    int32_t offset = passed > 0 ? zone->offsets[passed - 1] : zone->first_offset;
    return (struct zone_span){ from, passed < zone->count ? zone->changes[passed] : INT64_MAX, offset };
}

int32_t zone_offset_at(const struct zone *zone, int64_t seconds)
{
    return span_at(zone, seconds).offset;
}

int64_t zone_next_change(const struct zone *zone, int64_t seconds)
{
    return span_at(zone, seconds).until;
}

/* No offset is larger, so every instant that may have this local time lies within. */
#define OFFSET_MOST (26 * 3600)

struct zone_instants zone_local_to_utc(const struct zone *zone, int64_t local_seconds)
{
    int64_t last = local_seconds + OFFSET_MOST;
    struct zone_span span = span_at(zone, local_seconds - OFFSET_MOST);
    struct zone_instants gap = { ZONE_NEVER, 0, 0, 0 }, found = { 0 };
    bool is_found = false;
    for (;;) {
        int64_t utc = local_seconds - span.offset;
        if (utc >= span.from && utc < span.until) {
            if (is_found)
                found = (struct zone_instants){ ZONE_TWICE, found.earlier, utc, found.earlier };
            else
                found = (struct zone_instants){ ZONE_ONCE, utc, utc, utc };
            is_found = true;
        }
        if (span.until > last)
            break;
        struct zone_span next = span_at(zone, span.until);
        if (utc >= span.until && local_seconds - next.offset < span.until)
            gap = (struct zone_instants){ ZONE_NEVER, local_seconds - next.offset, utc, span.until };
        span = next;
    }
    return is_found ? found : gap;
}

/* --- zones by name --------------------------------------------------------------------------------- */

struct known_zone {
    struct str name;
    const struct zone *zone;
};

#define FIXED_MINUTES_MOST (24 * 60 - 1)

struct zones {
    pthread_mutex_t lock;
    struct arena arena;
    const char *folder;
    struct known_zone known[ZONES_MAX];
    uint32_t count;
    /* By minutes, apart: whoever writes many offsets must not use up the room for names. */
    const struct zone *fixed[2 * FIXED_MINUTES_MOST + 1];
};

enum err zones_new(const char *folder, struct zones **ret_zones, struct err_info *why)
{
    struct zones *zones = memory_alloc(sizeof *zones);
    if (zones == NULL)
        return err_memory(why);
    memset(zones, 0, sizeof *zones);
    int failed = pthread_mutex_init(&zones->lock, NULL);
    if (failed != 0) {
        memory_free(zones);
        return err_errno(why, failed, "making a lock");
    }
    struct str copy;
    enum err result = arena_str(&zones->arena, str_of(folder ? folder : ZONE_FOLDER_DEFAULT), &copy, why);
    if (result != ERR_OK) {
        zones_free(zones);
        return result;
    }
    zones->folder = copy.data;
    *ret_zones = zones;
    return ERR_OK;
}

void zones_free(struct zones *zones)
{
    if (zones == NULL)
        return;
    arena_done(&zones->arena);
    pthread_mutex_destroy(&zones->lock);
    memory_free(zones);
}

static FALLIBLE add_zone(
    struct zones *zones, struct str name, const struct zone **ret_zone, struct err_info *why)
{
    struct known_zone known;
    /* An unknown name must cost no memory that stays, however often it is asked for. */
    AUTO(arena) struct arena scratch = { 0 };
    TRY(zone_load(&scratch, zones->folder, name, &known.zone, why));
    if (zones->count == ZONES_MAX)
        return err_named(why, ERR_LIMIT, "zones_max", "more than %d time zones are in use", ZONES_MAX);
    TRY(zone_load(&zones->arena, zones->folder, name, &known.zone, why));
    TRY(arena_str(&zones->arena, name, &known.name, why));
    zones->known[zones->count++] = known;
    *ret_zone = known.zone;
    return ERR_OK;
}

static FALLIBLE get_fixed(
    struct zones *zones, struct str name, int32_t offset, const struct zone **ret_zone, struct err_info *why)
{
    const struct zone **fixed = &zones->fixed[offset / 60 + FIXED_MINUTES_MOST];
    if (*fixed == NULL)
        TRY(zone_load(&zones->arena, zones->folder, name, fixed, why));
    *ret_zone = *fixed;
    return ERR_OK;
}

static FALLIBLE get_named(
    struct zones *zones, struct str name, const struct zone **ret_zone, struct err_info *why)
{
    for (uint32_t i = 0; i < zones->count; i++) {
        if (str_equal(zones->known[i].name, name)) {
            *ret_zone = zones->known[i].zone;
            return ERR_OK;
        }
    }
    return add_zone(zones, name, ret_zone, why);
}

enum err zones_get(struct zones *zones, struct str name, const struct zone **ret_zone, struct err_info *why)
{
    int32_t offset;
    bool is_fixed = parse_fixed(name, &offset);
    pthread_mutex_lock(&zones->lock);
    enum err result = is_fixed ? get_fixed(zones, name, offset, ret_zone, why)
                               : get_named(zones, name, ret_zone, why);
    pthread_mutex_unlock(&zones->lock);
    return result;
}
