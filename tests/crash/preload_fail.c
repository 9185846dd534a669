/* Makes one call of the C library fail, once: TOCSIN_FAIL=CALL:N[:ERRNO], the Nth call of open, read, write
 * (with pwrite, writev), sync (fsync, fdatasync), rename, connect, accept or alloc (malloc, calloc, realloc,
 * called from the program itself, not from its libraries) fails with ERRNO (a number; EIO, or what the call
 * is known for, when not given). TOCSIN_COUNT_FILE=F: how many there were is written to F at the end. Calls
 * of descriptors that are no files below TOCSIN_FAIL_FOLDER don't count for open, read, write, sync. */
#undef _FILE_OFFSET_BITS /* so that pwrite and pwrite64 are two names, as they are in the C library */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "preload_fail.h"

enum call {
    CALL_OPEN,
    CALL_READ,
    CALL_WRITE,
    CALL_SYNC,
    CALL_RENAME,
    CALL_CONNECT,
    CALL_ACCEPT,
    CALL_ALLOC,
    CALL_COUNT
};
static const char *const names[CALL_COUNT] = { "open", "read", "write", "sync", "rename", "connect", "accept",
    "alloc" };
static const int errors[CALL_COUNT] = { EMFILE, EIO, EIO, EIO, EIO, ENETUNREACH, EMFILE, ENOMEM };

static atomic_long counts[CALL_COUNT];
static int failing = -1, error_number;
static long failing_at;
static char folder[4096];

__attribute__((constructor)) static void start(void)
{
    const char *plan = getenv("TOCSIN_FAIL"), *below = getenv("TOCSIN_FAIL_FOLDER");
    if (below && !realpath(below, folder))
        folder[0] = '\0';
    for (int i = 0; plan && i < CALL_COUNT; i++) {
        size_t size = strlen(names[i]);
        if (strncmp(plan, names[i], size) || plan[size] != ':')
            continue;
        char *rest;
        failing_at = strtol(plan + size + 1, &rest, 10);
        error_number = *rest == ':' ? atoi(rest + 1) : errors[i];
        failing = i;
    }
}

static bool is_below(const char *path)
{
    return folder[0] && !strncmp(path, folder, strlen(folder));
}

static bool is_file(int fd)
{
    char path[4096];
    preload_path(fd, path, sizeof(path));
    return is_below(path);
}

static bool fails(enum call call)
{
    long number = atomic_fetch_add(&counts[call], 1) + 1;
    if ((int)call != failing || number != failing_at)
        return false;
    errno = error_number;
    return true;
}

bool preload_alloc_fails(void)
{
    return fails(CALL_ALLOC);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    if (is_file(fd) && fails(CALL_WRITE))
        return -1;
    return REAL(ssize_t(*)(int, const void *, size_t, off64_t), "pwrite64")(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (is_file(fd) && fails(CALL_WRITE))
        return -1;
    return REAL(ssize_t(*)(int, const void *, size_t), "write")(fd, bytes, size);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    if (is_file(fd) && fails(CALL_READ))
        return -1;
    return REAL(ssize_t(*)(int, void *, size_t, off64_t), "pread64")(fd, bytes, size, at);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
    return pread64(fd, bytes, size, at);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    if (is_file(fd) && fails(CALL_READ))
        return -1;
    return REAL(ssize_t(*)(int, void *, size_t), "read")(fd, bytes, size);
}

/* SQLite shrugs off a sync of a folder that failed; ours come after it. Only files count. */
static bool is_plain(int fd)
{
    struct stat status;
    return is_file(fd) && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

int fsync(int fd)
{
    return is_plain(fd) && fails(CALL_SYNC) ? -1 : REAL(int (*)(int), "fsync")(fd);
}

int fdatasync(int fd)
{
    return is_plain(fd) && fails(CALL_SYNC) ? -1 : REAL(int (*)(int), "fdatasync")(fd);
}

static int open_it(const char *path, int flags, mode_t mode)
{
    if (is_below(path) && fails(CALL_OPEN))
        return -1;
    return REAL(int (*)(const char *, int, ...), "open64")(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_it(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_it(path, flags, mode);
}

int rename(const char *from, const char *to)
{
    return fails(CALL_RENAME) ? -1 : REAL(int (*)(const char *, const char *), "rename")(from, to);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return fails(CALL_CONNECT)
        ? -1
        : REAL(int (*)(int, const struct sockaddr *, socklen_t), "connect")(fd, address, size);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    if (fails(CALL_ACCEPT))
        return -1;
    return REAL(int (*)(int, struct sockaddr *, socklen_t *, int), "accept4")(fd, address, size, flags);
}

__attribute__((destructor)) static void report(void)
{
    const char *name = getenv("TOCSIN_COUNT_FILE");
    FILE *file = name ? fopen(name, "w") : NULL;
    for (int i = 0; file && i < CALL_COUNT; i++)
        fprintf(file, "%s %ld\n", names[i], (long)counts[i]);
    if (file)
        fclose(file);
}
