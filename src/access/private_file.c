#include "access/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

/* errno, or 0. The file is closed in any case; its first failure counts. */
static int sync_and_close(int fd, int failed)
{
    if (failed == 0 && fsync(fd) != 0)
        failed = errno;
    if (close(fd) != 0 && failed == 0)
        failed = errno;
    return failed;
}

static int write_synced(const char *path, struct str text)
{
    (void)unlink(path); /* of an earlier start that was cut off; who may not is told by open */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    errno = EIO; /* what a short write is */
    return sync_and_close(fd, write(fd, text.data, text.size) == (ssize_t)text.size ? 0 : errno);
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? errno : sync_and_close(fd, 0);
}

FALLIBLE private_file_write(const char *path, struct str text, const char *doing, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str fresh, folder = STR(".");
    const char *slash = strrchr(path, '/');
    TRY(arena_printf(&arena, &fresh, why, "%s.new", path));
    if (slash != NULL)
        TRY(arena_str(&arena, (struct str){ path, (size_t)(slash - path) + 1 }, &folder, why));
    int failed = write_synced(fresh.data, text);
    if (failed == 0 && rename(fresh.data, path) != 0)
        failed = errno;
    if (failed == 0)
        failed = sync_folder(folder.data);
    return failed != 0 ? err_errno(why, failed, doing) : ERR_OK;
}
