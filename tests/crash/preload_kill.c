/* Kills its process at a chosen step of the store's log (SIGKILL: nothing of the process runs after it).
 *
 *   TOCSIN_KILL_SYNC=N    after the Nth sync of a file that ends in "-wal": the commit is durable, nobody was
 * told TOCSIN_KILL_WRITE=N   in the middle of the Nth write to one: half of its bytes are written
 *   TOCSIN_COUNT_FILE=F   how many syncs and writes there were is written to F at the end ("SYNCS WRITES") */
#undef _FILE_OFFSET_BITS /* so that pwrite and pwrite64 are two names, as they are in the C library */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>

#include "preload.h"

static atomic_long syncs, writes;

static long wanted(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static bool is_log(int fd)
{
    char path[4096];
    preload_path(fd, path, sizeof(path));
    return preload_ends(path, "-wal");
}

__attribute__((noreturn)) static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int after_sync(int fd, int result)
{
    if (is_log(fd) && atomic_fetch_add(&syncs, 1) + 1 == wanted("TOCSIN_KILL_SYNC"))
        die();
    return result;
}

int fsync(int fd)
{
    return after_sync(fd, REAL(int (*)(int), "fsync")(fd));
}

int fdatasync(int fd)
{
    return after_sync(fd, REAL(int (*)(int), "fdatasync")(fd));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = REAL(
        ssize_t(*)(int, const void *, size_t, off64_t), "pwrite64");
    if (is_log(fd) && atomic_fetch_add(&writes, 1) + 1 == wanted("TOCSIN_KILL_WRITE")) {
        (void)!real(fd, bytes, size / 2, at);
        die();
    }
    return real(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

__attribute__((destructor)) static void report(void)
{
    const char *name = getenv("TOCSIN_COUNT_FILE");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld %ld\n", (long)syncs, (long)writes);
    fclose(file);
}
