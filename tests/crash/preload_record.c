/* Records what a process does to the files below TOCSIN_RECORD_FOLDER and what it sends to its sockets, in
 * the order in which it does it, into TOCSIN_RECORD_FILE. tests/crash/power_cut.py makes of it the states
 * that a power cut can leave.
 *
 * A record is a line `KIND SIZE OFFSET PATH [PATH]`, and SIZE bytes after it, and a line feed. Kinds: write,
 * truncate (OFFSET: the length), make, folder, rename, unlink; sync-begin and sync-end of a file or folder
 * (what was written before its begin is durable at its end); send (to a socket: what others may know from
 * here on). */
#undef _FILE_OFFSET_BITS /* so that pwrite and pwrite64 are two names, as they are in the C library */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "preload.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char folder[4096];

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("TOCSIN_RECORD_FILE"), *below = getenv("TOCSIN_RECORD_FOLDER");
    if (!name || !below || !realpath(below, folder))
        return;
    log_fd = REAL(int (*)(const char *, int, ...), "open")(
        name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_below(const char *path)
{
    size_t size = strlen(folder);
    return log_fd >= 0 && size > 0 && !strncmp(path, folder, size) && !preload_ends(path, "-shm");
}

static void record(
    const char *kind, const char *path, const char *to, off64_t at, const struct iovec *parts, int part_count)
{
    char head[9000];
    size_t size = 0;
    struct iovec all[66];
    for (int i = 0; i < part_count && i < 64; i++)
        size += parts[i].iov_len;
    int length = snprintf(head, sizeof(head), "%s %zu %lld %s%s%s\n", kind, size, (long long)at, path,
        to ? " " : "", to ? to : "");
    all[0] = (struct iovec){ head, (size_t)length };
    int count = 1;
    for (int i = 0; i < part_count && i < 64; i++)
        all[count++] = parts[i];
    all[count++] = (struct iovec){ (void *)(uintptr_t) "\n", 1 };
    /* One call, appended whole. */
    if (REAL(ssize_t(*)(int, const struct iovec *, int), "writev")(log_fd, all, count) < 0)
        abort();
}

static void note(const char *kind, const char *path, const char *to, off64_t at)
{
    pthread_mutex_lock(&mutex);
    record(kind, path, to, at, NULL, 0);
    pthread_mutex_unlock(&mutex);
}

static bool file_of(int fd, char *path, size_t size)
{
    if (log_fd < 0 || fd == log_fd)
        return false;
    preload_path(fd, path, size);
    return is_below(path);
}

/* The record stands before the write: what a sync that ends meanwhile covers is told by its begin. */
static void note_write(int fd, const struct iovec *parts, int count, off64_t at)
{
    char path[4096];
    if (log_fd < 0 || fd == log_fd)
        return;
    preload_path(fd, path, sizeof(path));
    bool is_socket = !strncmp(path, "socket:", 7);
    if (!is_socket && !is_below(path))
        return;
    pthread_mutex_lock(&mutex);
    if (!is_socket && at < 0)
        at = lseek(fd, 0, SEEK_CUR);
    record(is_socket ? "send" : "write", path, NULL, at, parts, count);
    pthread_mutex_unlock(&mutex);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    struct iovec part = { (void *)(uintptr_t)bytes, size };
    note_write(fd, &part, 1, at);
    return REAL(ssize_t(*)(int, const void *, size_t, off64_t), "pwrite64")(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    struct iovec part = { (void *)(uintptr_t)bytes, size };
    note_write(fd, &part, 1, -1);
    return REAL(ssize_t(*)(int, const void *, size_t), "write")(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    note_write(fd, parts, count, -1);
    return REAL(ssize_t(*)(int, const struct iovec *, int), "writev")(fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    struct iovec part = { (void *)(uintptr_t)bytes, size };
    note_write(fd, &part, 1, -1);
    return REAL(ssize_t(*)(int, const void *, size_t, int), "send")(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    note_write(fd, message->msg_iov, (int)message->msg_iovlen, -1);
    return REAL(ssize_t(*)(int, const struct msghdr *, int), "sendmsg")(fd, message, flags);
}

static int note_sync(int fd, const char *name)
{
    char path[4096];
    bool is_ours = file_of(fd, path, sizeof(path));
    if (is_ours)
        note("sync-begin", path, NULL, 0);
    int result = REAL(int (*)(int), name)(fd);
    int error = errno;
    if (is_ours && result == 0)
        note("sync-end", path, NULL, 0);
    errno = error;
    return result;
}

int fsync(int fd)
{
    return note_sync(fd, "fsync");
}

int fdatasync(int fd)
{
    return note_sync(fd, "fdatasync");
}

int ftruncate64(int fd, off64_t size)
{
    char path[4096];
    if (file_of(fd, path, sizeof(path)))
        note("truncate", path, NULL, size);
    return REAL(int (*)(int, off64_t), "ftruncate64")(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

static int note_open(const char *path, int flags, mode_t mode)
{
    char real[4096];
    int fd = REAL(int (*)(const char *, int, ...), "open64")(path, flags, mode);
    int error = errno;
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) && file_of(fd, real, sizeof(real)))
        note(flags & O_TRUNC ? "empty" : "make", real, NULL, 0);
    errno = error;
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return note_open(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return note_open(path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    char real[4096];
    int result = REAL(int (*)(const char *, mode_t), "mkdir")(path, mode);
    int error = errno;
    if (result == 0 && realpath(path, real) && is_below(real))
        note("folder", real, NULL, 0);
    errno = error;
    return result;
}

int rename(const char *from, const char *to)
{
    char real[4096];
    bool is_ours = realpath(from, real) && is_below(real);
    int result = REAL(int (*)(const char *, const char *), "rename")(from, to);
    int error = errno;
    char target[4096];
    if (result == 0 && is_ours && realpath(to, target))
        note("rename", real, target, 0);
    errno = error;
    return result;
}

int unlink(const char *path)
{
    char real[4096];
    bool is_ours = realpath(path, real) && is_below(real);
    if (is_ours)
        note("unlink", real, NULL, 0);
    return REAL(int (*)(const char *), "unlink")(path);
}
