#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "file.h"
#include "server.h"
#include "store/store_copy.h"

#define DEPTH_MAX 8
#define PART_BYTES 65536

/* ---- files ---- */

static FALLIBLE join(
    struct arena *arena, const char *folder, const char *name, const char **ret, struct err_info *why)
{
    struct str path;
    TRY(arena_printf(arena, &path, why, "%s/%s", folder, name));
    *ret = path.data;
    return ERR_OK;
}

static FALLIBLE sync_folder(const char *path, struct err_info *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(why, errno, path);
    int failed = fsync(fd) != 0 ? errno : 0;
    (void)close(fd); /* nothing was written through it */
    return failed ? err_errno(why, failed, path) : ERR_OK;
}

/* The name `path` in its folder is durable then; it does not end in a slash. */
static FALLIBLE sync_parent(struct arena *arena, struct str path, struct err_info *why)
{
    struct str parent;
    TRY(arena_str(arena, file_folder(path), &parent, why));
    return sync_folder(parent.data, why);
}

static FALLIBLE copy_bytes(int from, int to, const char *path, uint64_t *ret_bytes, struct err_info *why)
{
    char part[PART_BYTES];
    for (;;) {
        ssize_t size = read(from, part, sizeof part);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_errno(why, errno, path);
        if (size == 0)
            break;
        if (write(to, part, (size_t)size) != size)
            return err_errno(why, errno ? errno : ENOSPC, path);
        *ret_bytes += (uint64_t)size;
    }
    return fsync(to) == 0 ? ERR_OK : err_errno(why, errno, path);
}

/* `to` is new, and nobody else's. */
static FALLIBLE copy_file(const char *from, const char *to, uint64_t *ret_bytes, struct err_info *why)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return err_errno(why, errno, from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err result = out < 0 ? err_errno(why, errno, to) : copy_bytes(in, out, to, ret_bytes, why);
    (void)close(in); /* only read from */
    if (out >= 0 && close(out) != 0 && result == ERR_OK)
        result = err_errno(why, errno, to);
    return result;
}

static FALLIBLE copy_folder(
    const char *from, const char *to, unsigned depth, struct backup_report *report, struct err_info *why);

static FALLIBLE copy_entry(const char *from, const char *to, const char *name, unsigned depth,
    struct backup_report *report, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    const char *source, *target;
    struct stat info;
    TRY(join(&arena, from, name, &source, why));
    TRY(join(&arena, to, name, &target, why));
    if (lstat(source, &info) != 0)
        return errno == ENOENT ? ERR_OK : err_errno(why, errno, source); /* half written then, gone now */
    if (S_ISDIR(info.st_mode))
        return copy_folder(source, target, depth + 1, report, why);
    if (!S_ISREG(info.st_mode))
        return ERR_OK;
    report->blob_count++;
    return copy_file(source, target, &report->blob_bytes, why);
}

static enum err copy_folder(
    const char *from, const char *to, unsigned depth, struct backup_report *report, struct err_info *why)
{
    if (depth > DEPTH_MAX)
        return err_set(why, ERR_INVALID, "%s: folders of payloads are not nested that deep", from);
    DIR *folder = opendir(from);
    if (folder == NULL)
        return errno == ENOENT ? ERR_OK : err_errno(why, errno, from);
    enum err result = mkdir(to, 0700) == 0 ? ERR_OK : err_errno(why, errno, to);
    for (struct dirent *entry; result == ERR_OK && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            result = copy_entry(from, to, entry->d_name, depth, report, why);
    closedir(folder);
    TRY(result);
    return sync_folder(to, why);
}

/* ---- a data folder ---- */

static FALLIBLE copy_store(
    struct arena *arena, const char *from, const char *to, struct backup_report *report, struct err_info *why)
{
    const char *source, *target;
    struct stat info;
    TRY(join(arena, from, "tocsin.db", &source, why));
    TRY(join(arena, to, "tocsin.db", &target, why));
    TRY(store_file_copy(source, target, why));
    TRY(store_file_check(target, server_migrations, why));
    if (stat(target, &info) != 0)
        return err_errno(why, errno, target);
    report->store_bytes = (uint64_t)info.st_size;
    return ERR_OK;
}

static FALLIBLE copy_key(
    struct arena *arena, const char *from, const char *to, struct backup_report *report, struct err_info *why)
{
    const char *source, *target;
    uint64_t bytes = 0;
    TRY(join(arena, from, "master.key", &source, why));
    TRY(join(arena, to, "master.key", &target, why));
    if (access(source, F_OK) != 0 && errno == ENOENT)
        return ERR_OK; /* it comes from TOCSIN_MASTER_KEY */
    report->has_key = true;
    return copy_file(source, target, &bytes, why);
}

/* The store first: a payload is durable before the row that names it, and none is ever removed, so what is
 * copied later has all that the store names. */
static FALLIBLE copy_all(
    const char *from, const char *to, bool with_key, struct backup_report *report, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    const char *source, *target;
    TRY(copy_store(&arena, from, to, report, why));
    TRY(join(&arena, from, "blobs", &source, why));
    TRY(join(&arena, to, "blobs", &target, why));
    TRY(copy_folder(source, target, 0, report, why));
    if (with_key)
        TRY(copy_key(&arena, from, to, report, why));
    return sync_folder(to, why);
}

/* Under another name until it is whole. */
static FALLIBLE make_folder(
    const char *from, const char *to, bool with_key, struct backup_report *report, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str path = str_of(to), unfinished;
    const char *store;
    TRY(join(&arena, from, "tocsin.db", &store, why));
    if (access(store, F_OK) != 0 && errno == ENOENT)
        return err_set(why, ERR_NOT_FOUND, "there is no store %s", store);
    while (path.size > 1 && str_ends(path, STR("/")))
        path.size--;
    TRY(arena_printf(&arena, &unfinished, why, "%.*s.unfinished", STR_ARG(path)));
    if (mkdir(unfinished.data, 0700) != 0 && errno == EEXIST)
        return err_set(
            why, ERR_CONFLICT, "%s is left from an earlier try; look at it and remove it", unfinished.data);
    if (access(unfinished.data, W_OK) != 0)
        return err_errno(why, errno, unfinished.data);
    TRY(copy_all(from, unfinished.data, with_key, report, why));
    if (rename(unfinished.data, to) != 0)
        return err_errno(why, errno, to);
    return sync_parent(&arena, path, why);
}

static FALLIBLE check_is_new(const char *path, struct err_info *why)
{
    struct stat info;
    if (lstat(path, &info) == 0)
        return err_set(why, ERR_CONFLICT, "%s is there already; name a folder that is not", path);
    return ERR_OK;
}

enum err backup_make(
    const char *data, const char *to, bool with_key, struct backup_report *ret, struct err_info *why)
{
    *ret = (struct backup_report){ 0 };
    TRY(check_is_new(to, why));
    return make_folder(data, to, with_key, ret, why);
}

enum err backup_restore(const char *from, const char *data, struct backup_report *ret, struct err_info *why)
{
    *ret = (struct backup_report){ 0 };
    TRY(check_is_new(data, why));
    return make_folder(from, data, true, ret, why);
}
