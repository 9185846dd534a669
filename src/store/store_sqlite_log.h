/* Gathers what SQLite writes to its write-ahead log.
 *
 * SQLite writes each page of a commit with two calls, its frame's head and the page: a group commit of 25
 * runs makes 350 of them, and half of what they cost is the call. Here they are gathered and handed on in few
 * calls, all before the sync that makes the commit durable, and so before the index tells readers of it. Two
 * small ones of a commit go on as they come. Every other file is the underlying VFS's own. */
#ifndef TOCSIN_STORE_STORE_SQLITE_LOG_H
#define TOCSIN_STORE_STORE_SQLITE_LOG_H

#include <sqlite3.h>

#include "base/err.h"

struct sqlite_log_vfs;

/* Over the VFS of that name; NULL: the default. ERR_MEMORY, ERR_INVALID (no such VFS). */
FALLIBLE sqlite_log_vfs_new(const char *base_name, struct sqlite_log_vfs **ret, struct err_info *why);
/* After the last handle on it is closed. NULL is fine. */
void sqlite_log_vfs_free(struct sqlite_log_vfs *self);
const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *self);

#endif
