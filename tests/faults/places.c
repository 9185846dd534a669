#include "places.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/value.h"

#define DEPTH_MAX 16
#define FAULT_CALLERS_MAX 32
#define SEEN_MAX (1 << 20) /* a power of two */
#define LIST_MAX (1 << 18)

struct faults {
    pthread_mutex_t mutex;
    enum { IDLE, LOOKING, REFUSING } mode;
    enum fault_kind kind;
    long count; /* calls so far */
    long refused;
    int code;
    bool has_struck;
    unsigned depth;
    unsigned caller_count;
    size_t callers[FAULT_CALLERS_MAX];
    long numbers[LIST_MAX];
    long number_count;
    uint64_t seen[SEEN_MAX];
};
static struct faults own = { .mutex = PTHREAD_MUTEX_INITIALIZER, .depth = 6 };
static struct faults *faults = &own;

bool faults_share(void)
{
    unsigned depth = faults->depth;
    struct faults *shared = mmap(
        NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return false;
    shared->depth = depth;
    faults = shared;
    return true;
}

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
    for (unsigned i = 0; i < faults->depth; i++) {
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

/* Who asked for what was refused, the nearest first. */
static void keep_callers(const uintptr_t *frame)
{
    faults->caller_count = 0;
    while (is_ours(frame[1]) && faults->caller_count < FAULT_CALLERS_MAX) {
        faults->callers[faults->caller_count++] = (size_t)(frame[1] - (uintptr_t)&__executable_start - 1);
        if (frame[0] <= (uintptr_t)frame)
            break;
        frame = (const uintptr_t *)frame[0];
    }
    if (!getenv("FAULT_TRACE"))
        return;
    fprintf(stderr, "refused:");
    for (unsigned i = 0; i < faults->caller_count; i++)
        fprintf(stderr, " 0x%zx", faults->callers[i]);
    fprintf(stderr, "\n");
}

unsigned faults_callers(const size_t **ret)
{
    *ret = faults->callers;
    return faults->caller_count;
}

/* True when it was not there. */
static bool seen_add(uint64_t hash)
{
    for (size_t at = (hash >> 7) & (SEEN_MAX - 1);; at = (at + 1) & (SEEN_MAX - 1)) {
        if (faults->seen[at] == hash)
            return false;
        if (faults->seen[at] != 0)
            continue;
        faults->seen[at] = hash;
        return true;
    }
}

static bool fails_now(enum fault_kind kind, const uintptr_t *frame)
{
    bool fails = false;
    if (faults->mode == IDLE)
        return false;
    pthread_mutex_lock(&faults->mutex);
    if (faults->mode != IDLE && faults->kind == kind) {
        if (faults->mode == LOOKING && faults->number_count < LIST_MAX && seen_add(place_here(frame, kind)))
            faults->numbers[faults->number_count++] = faults->count;
        fails = faults->mode == REFUSING && faults->count == faults->refused;
        faults->has_struck |= fails;
        if (fails)
            keep_callers(frame);
        faults->count++;
    }
    pthread_mutex_unlock(&faults->mutex);
    return fails;
}

#define FAILS(kind) fails_now(kind, (const uintptr_t *)__builtin_frame_address(0))

/* Nobody else counts now: a process that was killed while it did may have left the lock taken. */
static void begin(enum fault_kind kind, long refused, int code)
{
    faults->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&faults->mutex);
    faults->mode = refused < 0 ? LOOKING : REFUSING;
    faults->kind = kind;
    faults->refused = refused;
    faults->code = code;
    faults->count = 0;
    faults->has_struck = false;
    if (refused < 0)
        faults->number_count = 0;
    pthread_mutex_unlock(&faults->mutex);
}

void faults_look(enum fault_kind kind)
{
    begin(kind, -1, 0);
}

struct fault_list faults_looked(void)
{
    faults->mode = IDLE;
    return (struct fault_list){ faults->numbers, faults->number_count };
}

void faults_refuse(enum fault_kind kind, long number, int code)
{
    begin(kind, number, code);
}

bool faults_end(void)
{
    pthread_mutex_lock(&faults->mutex);
    faults->mode = IDLE;
    bool has_struck = faults->has_struck;
    pthread_mutex_unlock(&faults->mutex);
    return has_struck;
}

void faults_set_depth(unsigned depth)
{
    faults->depth = depth < 1 ? 1 : depth > DEPTH_MAX ? DEPTH_MAX : depth;
}

/* ---- what the linker leads here ---- */

#define LED(type, name, parameters, arguments, kind, failure) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        if (FAILS(kind)) { \
            errno = kind == FAULT_MEMORY ? ENOMEM : EIO; \
            return failure; \
        } \
        return __real_##name arguments; \
    }

LED(void *, malloc, (size_t size), (size), FAULT_MEMORY, NULL)
LED(void *, calloc, (size_t count, size_t size), (count, size), FAULT_MEMORY, NULL)
LED(void *, realloc, (void *old, size_t size), (old, size), FAULT_MEMORY, NULL)
LED(char *, strdup, (const char *text), (text), FAULT_MEMORY, NULL)
LED(char *, strndup, (const char *text, size_t size), (text, size), FAULT_MEMORY, NULL)

/* A builder asks for memory now and then only; here any entry may be the one too many. */
LED(enum err, value_list_add, (struct value_list_builder * b, struct value item, struct err_info *why),
    (b, item, why), FAULT_MEMORY, err_memory(why))
LED(enum err, value_map_add,
    (struct value_map_builder * b, struct value key, struct value v, struct err_info *why), (b, key, v, why),
    FAULT_MEMORY, err_memory(why))
LED(enum err, value_map_put,
    (struct value_map_builder * b, struct value key, struct value v, struct err_info *why), (b, key, v, why),
    FAULT_MEMORY, err_memory(why))
LED(enum err, value_map_set,
    (struct value_map_builder * b, const char *name, struct value v, struct err_info *why), (b, name, v, why),
    FAULT_MEMORY, err_memory(why))

LED(void *, sodium_malloc, (size_t size), (size), FAULT_MEMORY, NULL)
LED(int, sodium_init, (void), (), FAULT_SYSTEM, -1)
LED(int, fchmod, (int fd, mode_t mode), (fd, mode), FAULT_SYSTEM, -1)

/* It closes all the same, as Linux does. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool fails = FAILS(FAULT_SYSTEM);
    int result = __real_close(fd);
    if (!fails)
        return result;
    errno = EIO;
    return -1;
}

/* ---- the store ---- */

/* A commit that fails otherwise than for want of room stops the store for good: test_store_fault's matter. */
static int code_for(sqlite3_stmt *statement)
{
    return faults->code && strcmp(sqlite3_sql(statement), "COMMIT") != 0 ? faults->code : SQLITE_FULL;
}

int __real_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    return FAILS(FAULT_STORE) ? code_for(statement) : __real_sqlite3_step(statement);
}

static int fail_to_prepare(sqlite3_stmt **statement)
{
    *statement = NULL;
    return faults->code ? faults->code : SQLITE_NOMEM;
}

LED(int, sqlite3_prepare_v3,
    (sqlite3 * db, const char *text, int size, unsigned flags, sqlite3_stmt **statement, const char **rest),
    (db, text, size, flags, statement, rest), FAULT_STORE, fail_to_prepare(statement))
LED(int, sqlite3_prepare_v2,
    (sqlite3 * db, const char *text, int size, sqlite3_stmt **statement, const char **rest),
    (db, text, size, statement, rest), FAULT_STORE, fail_to_prepare(statement))
LED(int, sqlite3_exec,
    (sqlite3 * db, const char *text, int (*each)(void *, int, char **, char **), void *context, char **error),
    (db, text, each, context, error), FAULT_STORE, SQLITE_IOERR)
LED(int, sqlite3_bind_int64, (sqlite3_stmt * statement, int at, sqlite3_int64 number),
    (statement, at, number), FAULT_STORE, SQLITE_NOMEM)
LED(int, sqlite3_bind_text64,
    (sqlite3_stmt * statement, int at, const char *text, sqlite3_uint64 size, void (*drop)(void *),
        unsigned char encoding),
    (statement, at, text, size, drop, encoding), FAULT_STORE, SQLITE_NOMEM)
LED(int, sqlite3_bind_blob64,
    (sqlite3_stmt * statement, int at, const void *bytes, sqlite3_uint64 size, void (*drop)(void *)),
    (statement, at, bytes, size, drop), FAULT_STORE, SQLITE_NOMEM)

/* ---- the system ---- */

LED(int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode), FAULT_SYSTEM, -1)
LED(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), FAULT_SYSTEM, -1)
LED(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), FAULT_SYSTEM, -1)
LED(int, fsync, (int fd), (fd), FAULT_SYSTEM, -1)
LED(int, flock, (int fd, int how), (fd, how), FAULT_SYSTEM, -1)
LED(int, mkdir, (const char *path, mode_t mode), (path, mode), FAULT_SYSTEM, -1)
LED(int, rename, (const char *from, const char *to), (from, to), FAULT_SYSTEM, -1)
LED(int, unlink, (const char *path), (path), FAULT_SYSTEM, -1)
LED(int, fstat64, (int fd, struct stat *status), (fd, status), FAULT_SYSTEM, -1)
LED(int, stat64, (const char *path, struct stat *status), (path, status), FAULT_SYSTEM, -1)
LED(int, socket, (int domain, int type, int protocol), (domain, type, protocol), FAULT_SYSTEM, -1)
LED(int, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), FAULT_SYSTEM,
    -1)
LED(int, listen, (int fd, int waiting), (fd, waiting), FAULT_SYSTEM, -1)
LED(int, pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *context),
    (thread, how, run, context), FAULT_SYSTEM, EAGAIN)
LED(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *how), (mutex, how),
    FAULT_SYSTEM, ENOMEM)
LED(int, pthread_cond_init, (pthread_cond_t * condition, const pthread_condattr_t *how), (condition, how),
    FAULT_SYSTEM, ENOMEM)
LED(int, pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t *how), (lock, how),
    FAULT_SYSTEM, ENOMEM)
