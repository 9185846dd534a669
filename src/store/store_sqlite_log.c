#include "store/store_sqlite_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's own VFS takes a call of 128 KiB for one of nothing. */
#define GATHERED_BYTES_MAX (124 * 1024)

/* Where a write may tear its neighbours, SQLite fills the commit's last sector with copies of its last frame,
 * syncs in the middle of one, and shows readers all of it: what remains of a frame, head and page, is not to
 * be kept. */
#define WRITES_AFTER_SYNC 2

struct sqlite_log_vfs {
    sqlite3_vfs vfs;
    char name[40];
};

/* Of one connection. Only the writer's ever gathers: no other writes to the log. */
struct log_file {
    sqlite3_file file;
    sqlite3_file *real;
    char *bytes; /* GATHERED_BYTES_MAX of them; NULL before the first write */
    int size;
    sqlite3_int64 at; /* where they begin */
    int passed_on; /* writes that still go on at once */
};

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return log_of(file)->real;
}

/* A failure is forgotten with what was gathered: the commit that it belongs to fails, and the next writes
 * over the same place. */
static int hand_on(struct log_file *log)
{
    int size = log->size;
    log->size = 0;
    return size > 0 ? log->real->pMethods->xWrite(log->real, log->bytes, size, log->at) : SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    if (log->passed_on > 0) {
        log->passed_on--;
        return log->real->pMethods->xWrite(log->real, bytes, size, at);
    }
    if (log->size > 0 && (at != log->at + log->size || size > GATHERED_BYTES_MAX - log->size)) {
        int code = hand_on(log);
        if (code != SQLITE_OK)
            return code;
    }
    if (!log->bytes)
        log->bytes = malloc(GATHERED_BYTES_MAX);
    if (!log->bytes || size > GATHERED_BYTES_MAX)
        return log->real->pMethods->xWrite(log->real, bytes, size, at);
    if (log->size == 0)
        log->at = at;
    memcpy(log->bytes + log->size, bytes, (size_t)size);
    log->size += size;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    if (log->size > 0 && at < log->at + log->size && at + size > log->at) {
        int code = hand_on(log);
        if (code != SQLITE_OK)
            return code;
    }
    return log->real->pMethods->xRead(log->real, bytes, size, at);
}

static int log_sync(sqlite3_file *file, int flags)
{
    int code = hand_on(log_of(file));
    log_of(file)->passed_on = WRITES_AFTER_SYNC;
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = hand_on(log_of(file));
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = hand_on(log_of(file));
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xFileSize(real_of(file), size);
}

/* What is still gathered belongs to no commit: each ends with a sync. */
static int log_close(sqlite3_file *file)
{
    free(log_of(file)->bytes);
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int log_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int log_is_reserved(sqlite3_file *file, int *is_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_reserved);
}

static int log_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int log_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int log_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_device,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    sqlite3_vfs *base = vfs->pAppData;
    if (!(flags & SQLITE_OPEN_WAL))
        return base->xOpen(base, name, file, flags, ret_flags);
    struct log_file *log = log_of(file);
    *log = (struct log_file){ .real = (sqlite3_file *)(void *)(log + 1) };
    int code = base->xOpen(base, name, log->real, flags, ret_flags);
    if (log->real->pMethods) /* else there is nothing to close, says SQLite */
        log->file.pMethods = &log_methods;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int must_sync_folder)
{
    sqlite3_vfs *base = vfs->pAppData;
    return base->xDelete(base, name, must_sync_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    sqlite3_vfs *base = vfs->pAppData;
    return base->xAccess(base, name, flags, ret);
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int room, char *ret)
{
    sqlite3_vfs *base = vfs->pAppData;
    return base->xFullPathname(base, name, room, ret);
}

enum err sqlite_log_vfs_new(const char *base_name, struct sqlite_log_vfs **ret, struct err_info *why)
{
    sqlite3_vfs *base = sqlite3_vfs_find(base_name);
    if (!base)
        return err_set(why, ERR_INVALID, "SQLite has no VFS of that name");
    struct sqlite_log_vfs *self = malloc(sizeof(*self));
    if (!self)
        return err_memory(why);
    (void)snprintf(self->name, sizeof(self->name), "tocsin-%p", (void *)self); /* always fits */
    self->vfs = *base; /* what is not told below needs no VFS: chance, sleep, time */
    self->vfs.zName = self->name;
    self->vfs.szOsFile = (int)sizeof(struct log_file) + base->szOsFile;
    self->vfs.pNext = NULL;
    self->vfs.pAppData = base;
    self->vfs.xOpen = vfs_open;
    self->vfs.xDelete = vfs_delete;
    self->vfs.xAccess = vfs_access;
    self->vfs.xFullPathname = vfs_full_name;
    if (sqlite3_vfs_register(&self->vfs, 0) != SQLITE_OK) {
        free(self);
        return err_memory(why);
    }
    *ret = self;
    return ERR_OK;
}

void sqlite_log_vfs_free(struct sqlite_log_vfs *self)
{
    if (!self)
        return;
    (void)sqlite3_vfs_unregister(&self->vfs); /* it is registered */
    free(self);
}

const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *self)
{
    return self->name;
}
