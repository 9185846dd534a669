#include "disk.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512

/* A write that was not synced yet; a truncation has no bytes. */
struct change {
    struct change *next; /* older */
    int64_t at;
    int size; /* of the bytes; -1: a truncation to `at` */
    int64_t size_before;
    int old_size; /* what could be read there before */
    unsigned char *new_bytes, *old_bytes;
};

struct kept_file {
    struct kept_file *next;
    char *name;
    struct change *newest;
};

struct disk_file {
    sqlite3_file file;
    struct kept_file *kept; /* NULL: of no name, or not written through us */
    sqlite3_file *real;
};

static struct {
    struct kept_file *files;
    uint32_t left; /* until death, when `counts` */
    bool counts, is_dead;
    sqlite3_vfs vfs;
} disk;

static struct disk_file *disk_of(sqlite3_file *file)
{
    return (struct disk_file *)(void *)file;
}
static sqlite3_file *real_of(sqlite3_file *file)
{
    return disk_of(file)->real;
}

static bool dies_here(void)
{
    if (disk.counts && !disk.is_dead && disk.left-- == 0)
        disk.is_dead = true;
    return disk.is_dead;
}

static void change_free(struct change *change)
{
    free(change->new_bytes);
    free(change->old_bytes);
    free(change);
}

static void forget_changes(struct kept_file *kept)
{
    while (kept->newest) {
        struct change *next = kept->newest->next;
        change_free(kept->newest);
        kept->newest = next;
    }
}

static struct kept_file *keep(const char *name)
{
    for (struct kept_file *kept = disk.files; kept; kept = kept->next)
        if (strcmp(kept->name, name) == 0)
            return kept;
    struct kept_file *kept = calloc(1, sizeof *kept);
    assert(kept);
    kept->name = strdup(name);
    kept->next = disk.files;
    disk.files = kept;
    return kept;
}

static void remember(sqlite3_file *file, const void *bytes, int size, int64_t at)
{
    struct kept_file *kept = disk_of(file)->kept;
    sqlite3_int64 size_before = 0;
    if (!kept)
        return;
    struct change *change = calloc(1, sizeof *change);
    assert(change);
    (void)real_of(file)->pMethods->xFileSize(real_of(file), &size_before);
    *change = (struct change){ .next = kept->newest, .at = at, .size = size, .size_before = size_before };
    int64_t end = size < 0 ? size_before : at + size;
    if (end > size_before)
        end = size_before;
    if (end > at) {
        change->old_size = (int)(end - at);
        change->old_bytes = malloc((size_t)change->old_size);
        assert(change->old_bytes);
        (void)real_of(file)->pMethods->xRead(real_of(file), change->old_bytes, change->old_size, at);
    }
    if (size > 0) {
        change->new_bytes = malloc((size_t)size);
        assert(change->new_bytes);
        memcpy(change->new_bytes, bytes, (size_t)size);
    }
    kept->newest = change;
}

/* ---- the VFS ---- */

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods ? real_of(file)->pMethods->xClose(real_of(file)) : SQLITE_OK;
}
static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, size, at);
}
static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    if (dies_here())
        return SQLITE_IOERR_WRITE;
    remember(file, bytes, size, at);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, size, at);
}
static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (dies_here())
        return SQLITE_IOERR_TRUNCATE;
    remember(file, NULL, -1, size);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    if (dies_here())
        return SQLITE_IOERR_FSYNC;
    if (disk_of(file)->kept)
        forget_changes(disk_of(file)->kept);
    return SQLITE_OK; /* what is on the real disk does not matter here */
}
static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int file_reserved(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int file_device(sqlite3_file *file)
{
    (void)file;
    return 0; /* no promises: writes may be torn and come in any order */
}
static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, at);
}
static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int file_shm_unmap(sqlite3_file *file, int remove_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct disk_file *own = disk_of(file);
    own->real = (sqlite3_file *)(void *)(own + 1);
    own->file.pMethods = &methods;
    own->kept = name && !(flags & SQLITE_OPEN_DELETEONCLOSE) ? keep(name) : NULL;
    return real->xOpen(
        real, name, own->real, flags | (flags & SQLITE_OPEN_READONLY ? 0 : SQLITE_OPEN_CREATE), out_flags);
}

/* A dead disk deletes nothing: the log stays for the next start. */
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    sqlite3_vfs *real = vfs->pAppData;
    if (disk.is_dead)
        return SQLITE_IOERR_DELETE;
    forget_changes(keep(name));
    return real->xDelete(real, name, sync_folder);
}

void disk_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    disk.vfs = *real;
    disk.vfs.zName = "simulated";
    disk.vfs.szOsFile = (int)sizeof(struct disk_file) + real->szOsFile;
    disk.vfs.pAppData = real;
    disk.vfs.xOpen = vfs_open;
    disk.vfs.xDelete = vfs_delete;
    disk.vfs.pNext = NULL;
    int status = sqlite3_vfs_register(&disk.vfs, 0);
    assert(status == SQLITE_OK);
    (void)status;
}

void disk_die_after(uint32_t operations)
{
    disk.left = operations;
    disk.counts = true;
}

void disk_live_on(void)
{
    disk.counts = false;
}

void disk_die(void)
{
    disk.is_dead = true;
}

bool disk_is_dead(void)
{
    return disk.is_dead;
}

/* ---- after a death ---- */

static void write_all(int fd, const unsigned char *bytes, int size, int64_t at)
{
    ssize_t done = size > 0 ? pwrite(fd, bytes, (size_t)size, at) : 0;
    assert(done == size);
    (void)done;
}

static void take_back(int fd, const struct change *change)
{
    int status = ftruncate(fd, change->size_before);
    assert(status == 0);
    (void)status;
    write_all(fd, change->old_bytes, change->old_size, change->at);
}

/* Some sectors of it, or all. */
static void do_again(int fd, const struct change *change, bool is_torn, struct rand *chance)
{
    if (change->size < 0) {
        int status = ftruncate(fd, change->at);
        assert(status == 0);
        (void)status;
        return;
    }
    if (!is_torn) {
        write_all(fd, change->new_bytes, change->size, change->at);
        return;
    }
    for (int from = 0; from < change->size; from += SECTOR) {
        int size = change->size - from < SECTOR ? change->size - from : SECTOR;
        if (rand_below(chance, 2))
            write_all(fd, change->new_bytes + from, size, change->at + from);
    }
}

static void settle(struct kept_file *kept, struct rand *chance)
{
    uint32_t count = 0;
    for (const struct change *change = kept->newest; change; change = change->next)
        count++;
    int fd = count > 0 ? open(kept->name, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        struct change **in_order = calloc(count, sizeof *in_order);
        assert(in_order);
        uint32_t place = count;
        for (struct change *change = kept->newest; change; change = change->next) {
            take_back(fd, change);
            in_order[--place] = change;
        }
        /* Nothing of it, the first ones, or any. */
        uint64_t kind = rand_below(chance, 3);
        uint64_t end = kind == 0 ? 0 : kind == 1 ? rand_below(chance, count + 1) : count;
        for (uint32_t i = 0; i < end; i++)
            if (kind == 1 || rand_below(chance, 2))
                do_again(fd, in_order[i], rand_below(chance, 4) == 0, chance);
        free((void *)in_order);
        close(fd);
    }
    forget_changes(kept);
}

void disk_revive(struct rand *chance)
{
    for (struct kept_file *kept = disk.files; kept; kept = kept->next)
        settle(kept, chance);
    disk.is_dead = disk.counts = false;
}

void disk_forget(void)
{
    while (disk.files) {
        struct kept_file *next = disk.files->next;
        forget_changes(disk.files);
        free(disk.files->name);
        free(disk.files);
        disk.files = next;
    }
    disk.is_dead = disk.counts = false;
}
