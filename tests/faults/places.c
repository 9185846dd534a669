#include "places.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/value.h"

#define DEPTH_MAX 16
#define SEEN_MAX (1 << 20) /* a power of two */
#define LIST_MAX (1 << 18)

static struct {
    pthread_mutex_t mutex;
    enum { IDLE, LOOKING, REFUSING } mode;
    enum fault_kind kind;
    long count; /* calls so far */
    long refused;
    int code;
    bool has_struck;
    unsigned depth;
    long numbers[LIST_MAX];
    long number_count;
    uint64_t seen[SEEN_MAX];
} faults = { .mutex = PTHREAD_MUTEX_INITIALIZER, .depth = 6 };

/* The program's own text, from the linker. */
extern const char __executable_start, etext;

static bool is_ours(uintptr_t address)
{
    return address >= (uintptr_t)&__executable_start && address < (uintptr_t)&etext;
}

/* Over the frame pointers, which our code keeps and libraries do not: it ends where a library called us. */
static __attribute__((noinline)) uint64_t place_here(const uintptr_t *frame, enum fault_kind kind)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)kind;
    for (unsigned i = 0; i < faults.depth; i++) {
        uintptr_t address = frame[1];
        if (!is_ours(address))
            break;
        hash = (hash ^ (address - (uintptr_t)&__executable_start)) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
        const uintptr_t *above = (const uintptr_t *)frame[0];
        if (above <= frame || (uintptr_t)above - (uintptr_t)frame > (1u << 20))
            break;
        frame = above;
    }
    return hash | 1;
}

/* FAULT_TRACE=1 tells where: addr2line -fie PROGRAM ADDRESS… */
static void trace(const uintptr_t *frame)
{
    fprintf(stderr, "refused:");
    while (is_ours(frame[1])) {
        fprintf(stderr, " 0x%zx", (size_t)(frame[1] - (uintptr_t)&__executable_start - 1));
        if (frame[0] <= (uintptr_t)frame)
            break;
        frame = (const uintptr_t *)frame[0];
    }
    fprintf(stderr, "\n");
}

/* True when it was not there. */
static bool seen_add(uint64_t hash)
{
    for (size_t at = (hash >> 7) & (SEEN_MAX - 1);; at = (at + 1) & (SEEN_MAX - 1)) {
        if (faults.seen[at] == hash)
            return false;
        if (faults.seen[at] != 0)
            continue;
        faults.seen[at] = hash;
        return true;
    }
}

static bool fails_now(enum fault_kind kind, const uintptr_t *frame)
{
    bool fails = false;
    if (faults.mode == IDLE)
        return false;
    pthread_mutex_lock(&faults.mutex);
    if (faults.mode != IDLE && faults.kind == kind) {
        if (faults.mode == LOOKING && faults.number_count < LIST_MAX && seen_add(place_here(frame, kind)))
            faults.numbers[faults.number_count++] = faults.count;
        fails = faults.mode == REFUSING && faults.count == faults.refused;
        faults.has_struck |= fails;
        if (fails && getenv("FAULT_TRACE"))
            trace(frame);
        faults.count++;
    }
    pthread_mutex_unlock(&faults.mutex);
    return fails;
}

#define FAILS(kind) fails_now(kind, (const uintptr_t *)__builtin_frame_address(0))

static void begin(enum fault_kind kind, long refused, int code)
{
    pthread_mutex_lock(&faults.mutex);
    faults.mode = refused < 0 ? LOOKING : REFUSING;
    faults.kind = kind;
    faults.refused = refused;
    faults.code = code;
    faults.count = 0;
    faults.has_struck = false;
    if (refused < 0)
        faults.number_count = 0;
    pthread_mutex_unlock(&faults.mutex);
}

void faults_look(enum fault_kind kind)
{
    begin(kind, -1, 0);
}

struct fault_list faults_looked(void)
{
    (void)faults_end(); /* nothing was refused */
    return (struct fault_list){ faults.numbers, faults.number_count };
}

void faults_refuse(enum fault_kind kind, long number, int code)
{
    begin(kind, number, code);
}

bool faults_end(void)
{
    pthread_mutex_lock(&faults.mutex);
    faults.mode = IDLE;
    bool has_struck = faults.has_struck;
    pthread_mutex_unlock(&faults.mutex);
    return has_struck;
}

void faults_set_depth(unsigned depth)
{
    faults.depth = depth < 1 ? 1 : depth > DEPTH_MAX ? DEPTH_MAX : depth;
}

/* ---- what the linker leads here ---- */

#define LED(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)
LED(void *, malloc, size_t size);
LED(void *, calloc, size_t count, size_t size);
LED(void *, realloc, void *old, size_t size);
LED(char *, strdup, const char *text);
LED(char *, strndup, const char *text, size_t size);
LED(int, sqlite3_step, sqlite3_stmt *statement);
LED(int, sqlite3_prepare_v3, sqlite3 *db, const char *text, int size, unsigned flags,
    sqlite3_stmt **statement, const char **rest);
LED(enum err, value_list_add, struct value_list_builder *b, struct value item, struct err_info *why);
LED(enum err, value_map_add, struct value_map_builder *b, struct value key, struct value v,
    struct err_info *why);
LED(enum err, value_map_put, struct value_map_builder *b, struct value key, struct value v,
    struct err_info *why);
LED(enum err, value_map_set, struct value_map_builder *b, const char *name, struct value v,
    struct err_info *why);

void *__wrap_malloc(size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return FAILS(FAULT_MEMORY) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return FAILS(FAULT_MEMORY) ? NULL : __real_strndup(text, size);
}

/* A builder asks for memory now and then only; here any entry may be the one too many. */
enum err __wrap_value_list_add(struct value_list_builder *b, struct value item, struct err_info *why)
{
    return FAILS(FAULT_MEMORY) ? err_memory(why) : __real_value_list_add(b, item, why);
}

enum err __wrap_value_map_add(
    struct value_map_builder *b, struct value key, struct value v, struct err_info *why)
{
    return FAILS(FAULT_MEMORY) ? err_memory(why) : __real_value_map_add(b, key, v, why);
}

enum err __wrap_value_map_put(
    struct value_map_builder *b, struct value key, struct value v, struct err_info *why)
{
    return FAILS(FAULT_MEMORY) ? err_memory(why) : __real_value_map_put(b, key, v, why);
}

enum err __wrap_value_map_set(
    struct value_map_builder *b, const char *name, struct value v, struct err_info *why)
{
    return FAILS(FAULT_MEMORY) ? err_memory(why) : __real_value_map_set(b, name, v, why);
}

/* A commit that fails otherwise than for want of room stops the store for good: test_store_fault's matter. */
static bool ends_transaction(sqlite3_stmt *statement)
{
    return strcmp(sqlite3_sql(statement), "COMMIT") == 0;
}

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    if (!ends_transaction(statement) && FAILS(FAULT_STORE))
        return faults.code;
    return __real_sqlite3_step(statement);
}

int __wrap_sqlite3_prepare_v3(
    sqlite3 *db, const char *text, int size, unsigned flags, sqlite3_stmt **statement, const char **rest)
{
    if (FAILS(FAULT_STORE)) {
        *statement = NULL;
        return faults.code;
    }
    return __real_sqlite3_prepare_v3(db, text, size, flags, statement, rest);
}
