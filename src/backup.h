/* A data folder as a backup and back: the store of one moment, the payloads beside it, the master key. */
#ifndef TOCSIN_BACKUP_H
#define TOCSIN_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct backup_report {
    uint64_t store_bytes, blob_count, blob_bytes;
    bool has_key; /* the master key is part of it */
};

/* Makes the folder `to` (mode 0700), which must not exist (ERR_CONFLICT). The server may run meanwhile. The
 * copy is checked and synced; a folder that could not be finished is left as TO.unfinished. ERR_NOT_FOUND
 * when `data` has no store. */
FALLIBLE backup_make(
    const char *data, const char *to, bool with_key, struct backup_report *ret, struct err_info *why);
/* Makes the data folder `data`, which must not exist (ERR_CONFLICT), from a backup, after checking it.
 * ERR_INVALID when it is damaged or of a newer Tocsin. */
FALLIBLE backup_restore(const char *from, const char *data, struct backup_report *ret, struct err_info *why);

#endif
