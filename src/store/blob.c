/* Blobs by content: files FOLDER/blobs/TENANT/aa/HASH beside the database, or rows where there is no
 * folder (in memory, under a VFS of a test). A file is complete and durable before it has its name, and
 * the row that counts it is part of the caller's commit; an operation that is undone leaves a file that
 * nobody names, which does no harm. What is read is checked against its name. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/store_impl.h"

static const struct sql blob_find = { "SELECT size FROM store_blobs WHERE tenant = $1 AND hash = $2", NULL };
static const struct sql blob_insert = {
    "INSERT INTO store_blobs (tenant, hash, size, at) VALUES ($1, $2, $3, $4)", NULL
};
static const struct sql blob_bytes_insert = {
    "INSERT INTO store_blob_bytes (tenant, hash, bytes) VALUES ($1, $2, $3)", NULL
};
static const struct sql blob_bytes_find = {
    "SELECT bytes FROM store_blob_bytes WHERE tenant = $1 AND hash = $2", NULL
};

/* How a payload column begins. */
#define PAYLOAD_INLINE 0
#define PAYLOAD_BLOB 1

static struct str hash_bytes(const struct blob_hash *hash)
{
    return (struct str){ (const char *)hash->bytes, sizeof(hash->bytes) };
}

static struct blob_hash hash_of(struct str bytes)
{
    struct blob_hash hash;
    int failed = crypto_generichash(
        hash.bytes, sizeof(hash.bytes), (const unsigned char *)bytes.data, bytes.size, NULL, 0);
    assert(!failed); /* only wrong sizes fail */
    (void)failed;
    return hash;
}

enum err blob_start(struct store *store, struct err_info *why)
{
    if (sodium_init() < 0)
        return err_set(why, ERR_INTERNAL, "libsodium does not start");
    if (!store->path[0] || store->vfs)
        return ERR_OK;
    const char *slash = strrchr(store->path, '/');
    size_t folder_size = slash ? (size_t)(slash - store->path) + 1 : 0;
    if (asprintf(&store->blob_directory, "%.*sblobs", (int)folder_size, store->path) < 0) {
        store->blob_directory = NULL;
        return err_memory(why);
    }
    return ERR_OK;
}

/* ---- files ---- */

struct blob_path {
    char *folder; /* of the file */
    char *file;
    char *fresh; /* while it is being written */
};

static void blob_path_cleanup(struct blob_path *path)
{
    free(path->folder);
    free(path->file);
    free(path->fresh);
}

static enum err path_of(const struct store *store, int64_t tenant, const struct blob_hash *hash,
    struct blob_path *ret, struct err_info *why)
{
    char hex[2 * sizeof(hash->bytes) + 1];
    (void)sodium_bin2hex(hex, sizeof(hex), hash->bytes, sizeof(hash->bytes)); /* returns `hex` */
    if (asprintf(&ret->folder, "%s/%lld/%.2s", store->blob_directory, (long long)tenant, hex) < 0) {
        ret->folder = NULL;
        return err_memory(why);
    }
    if (asprintf(&ret->file, "%s/%s", ret->folder, hex) < 0) {
        ret->file = NULL;
        return err_memory(why);
    }
    if (asprintf(&ret->fresh, "%s.new", ret->file) < 0) {
        ret->fresh = NULL;
        return err_memory(why);
    }
    return ERR_OK;
}

static enum err sync_folder(const char *path, struct err_info *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(why, errno, "opening a folder of blobs");
    int failed = fsync(fd) ? errno : 0;
    (void)close(fd); /* nothing was written through it */
    return failed ? err_errno(why, failed, "syncing a folder of blobs") : ERR_OK;
}

/* Makes one folder, durable in its parent. */
static enum err make_one(const char *path, struct err_info *why)
{
    if (!mkdir(path, 0700)) {
        char *parent = strndup(path, (size_t)(strrchr(path, '/') ? strrchr(path, '/') - path : 0));
        if (!parent)
            return err_memory(why);
        enum err result = sync_folder(parent[0] ? parent : ".", why);
        free(parent);
        return result;
    }
    return errno == EEXIST ? ERR_OK : err_errno(why, errno, "making a folder for blobs");
}

static enum err make_folders(const struct store *store, const char *folder, struct err_info *why)
{
    TRY(make_one(store->blob_directory, why));
    char *path = strdup(folder);
    if (!path)
        return err_memory(why);
    enum err result = ERR_OK;
    for (char *slash = path + strlen(store->blob_directory) + 1; result == ERR_OK && slash;) {
        slash = strchr(slash, '/');
        if (slash)
            *slash = '\0';
        result = make_one(path, why);
        if (slash)
            *slash++ = '/';
    }
    free(path);
    return result;
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        bytes = str_slice(bytes, (size_t)written, bytes.size);
    }
    return 0;
}

static enum err write_file(
    const struct store *store, const struct blob_path *path, struct str bytes, struct err_info *why)
{
    int fd = open(path->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT) {
        TRY(make_folders(store, path->folder, why));
        fd = open(path->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        return err_errno(why, errno, "making a blob");
    int failed = write_all(fd, bytes);
    if (!failed && fsync(fd))
        failed = errno;
    if (close(fd) && !failed)
        failed = errno;
    if (!failed && rename(path->fresh, path->file))
        failed = errno;
    if (!failed)
        return sync_folder(path->folder, why);
    (void)unlink(path->fresh); /* the first failure is what counts */
    return err_errno(why, failed, "writing a blob");
}

static enum err read_all(int fd, char *data, size_t size, struct err_info *why)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, data + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(why, errno, "reading a blob");
        if (got == 0)
            return err_named(why, ERR_INTERNAL, "blob_corrupt", "a blob's file ends early");
        have += (size_t)got;
    }
    return ERR_OK;
}

static enum err read_file(
    const char *file, size_t size, struct arena *arena, struct str *ret, struct err_info *why)
{
    char *data = arena_bytes(arena, size + 1);
    if (!data)
        return err_memory(why);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_named(
            why, ERR_INTERNAL, "blob_corrupt", "the blob %s is missing: restore it from a backup", file);
    if (fd < 0)
        return err_errno(why, errno, "opening a blob");
    enum err result = read_all(fd, data, size, why);
    (void)close(fd); /* nothing was written */
    TRY(result);
    data[size] = '\0';
    *ret = (struct str){ data, size };
    return ERR_OK;
}

/* ---- the interface ---- */

static enum err find_size(struct store_conn *conn, int64_t tenant, const struct blob_hash *hash,
    bool *ret_found, size_t *ret_size, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &blob_find, SQL_ARGS(arg_int(tenant), arg_bytes(hash_bytes(hash))), why));
    bool found = rows_next(&rows);
    size_t size = found ? (size_t)rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    *ret_found = found;
    *ret_size = size;
    return ERR_OK;
}

static enum err store_bytes(struct store_conn *conn, int64_t tenant, const struct blob_hash *hash,
    struct str bytes, struct err_info *why)
{
    if (!conn->store->blob_directory)
        return sql_run(conn, &blob_bytes_insert,
            SQL_ARGS(arg_int(tenant), arg_bytes(hash_bytes(hash)), arg_bytes(bytes)), NULL, why);
    AUTO(blob_path) struct blob_path path = { 0 };
    TRY(path_of(conn->store, tenant, hash, &path, why));
    return write_file(conn->store, &path, bytes, why);
}

enum err blob_add(
    struct store_conn *conn, int64_t tenant, struct str bytes, struct blob_hash *ret, struct err_info *why)
{
    assert(conn->is_writer);
    struct blob_hash hash = hash_of(bytes);
    bool found = false;
    size_t size = 0;
    TRY(find_size(conn, tenant, &hash, &found, &size, why));
    if (!found) {
        TRY(store_bytes(conn, tenant, &hash, bytes, why));
        TRY(sql_run(conn, &blob_insert,
            SQL_ARGS(arg_int(tenant), arg_bytes(hash_bytes(&hash)), arg_int((int64_t)bytes.size),
                arg_instant(conn->commit_time)),
            NULL, why));
    }
    *ret = hash;
    return ERR_OK;
}

static enum err read_row(struct store_conn *conn, int64_t tenant, const struct blob_hash *hash,
    struct arena *arena, struct str *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(
        &rows, conn, &blob_bytes_find, SQL_ARGS(arg_int(tenant), arg_bytes(hash_bytes(hash))), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_named(why, ERR_INTERNAL, "blob_corrupt", "a blob's row is missing");
    }
    TRY(arena_str(arena, rows_bytes(&rows, 0), ret, why));
    return rows_end(&rows, why);
}

enum err blob_get(struct store_conn *conn, int64_t tenant, const struct blob_hash *hash, struct arena *arena,
    struct str *ret, struct err_info *why)
{
    bool found = false;
    size_t size = 0;
    TRY(find_size(conn, tenant, hash, &found, &size, why));
    if (!found)
        return err_set(why, ERR_NOT_FOUND, "there is no such blob");
    struct str bytes = { 0 };
    if (conn->store->blob_directory) {
        AUTO(blob_path) struct blob_path path = { 0 };
        TRY(path_of(conn->store, tenant, hash, &path, why));
        TRY(read_file(path.file, size, arena, &bytes, why));
    } else {
        TRY(read_row(conn, tenant, hash, arena, &bytes, why));
    }
    struct blob_hash have = hash_of(bytes);
    if (memcmp(have.bytes, hash->bytes, sizeof(have.bytes)))
        return err_named(why, ERR_INTERNAL, "blob_corrupt",
            "a blob of %zu bytes is damaged: its content does not match its hash", bytes.size);
    *ret = bytes;
    return ERR_OK;
}

enum err payload_put(struct store_conn *conn, int64_t tenant, struct str bytes, struct arena *arena,
    struct str *ret_stored, struct err_info *why)
{
    struct blob_hash hash;
    bool is_inline = bytes.size <= BLOB_INLINE_BYTES_MAX;
    size_t size = 1 + (is_inline ? bytes.size : sizeof(hash.bytes));
    char *stored = arena_bytes(arena, size);
    if (!stored)
        return err_memory(why);
    stored[0] = is_inline ? PAYLOAD_INLINE : PAYLOAD_BLOB;
    if (is_inline) {
        if (bytes.size > 0)
            memcpy(stored + 1, bytes.data, bytes.size);
    } else {
        TRY(blob_add(conn, tenant, bytes, &hash, why));
        memcpy(stored + 1, hash.bytes, sizeof(hash.bytes));
    }
    *ret_stored = (struct str){ stored, size };
    return ERR_OK;
}

enum err payload_get(struct store_conn *conn, int64_t tenant, struct str stored, struct arena *arena,
    struct str *ret_bytes, struct err_info *why)
{
    struct str rest = str_slice(stored, 1, stored.size);
    struct blob_hash hash;
    if (stored.size >= 1 && stored.data[0] == PAYLOAD_INLINE)
        return arena_str(arena, rest, ret_bytes, why);
    if (stored.size != 1 + sizeof(hash.bytes) || stored.data[0] != PAYLOAD_BLOB)
        return err_named(
            why, ERR_INTERNAL, "payload_corrupt", "a stored payload of %zu bytes is damaged", stored.size);
    memcpy(hash.bytes, rest.data, sizeof(hash.bytes));
    return blob_get(conn, tenant, &hash, arena, ret_bytes, why);
}
