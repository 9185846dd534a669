/* Whole files for commands: read with a limit, walked in a stable order; their folders. */
#ifndef TOCSIN_FILE_H
#define TOCSIN_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/value.h"

/* "-" reads standard input. ERR_NOT_FOUND, ERR_LIMIT past `bytes_max`, ERR_IO. */
FALLIBLE file_read(
    const char *path, size_t bytes_max, struct arena *arena, struct str *ret, struct err_info *why);

/* A YAML file of at most YAML_BYTES_MAX as a value. ERR_INVALID with PATH:LINE:COLUMN, and those of
 * file_read. */
FALLIBLE file_read_yaml(const char *path, struct arena *arena, struct value *ret, struct err_info *why);

/* Of a path to a file; "." when none is named. Borrowed from the path, so not ended by a NUL. */
struct str file_folder(struct str path);

struct file_list {
    const char **paths; /* sorted; in the arena */
    size_t count, room;
};
#define FILE_LIST_MAX 100000
#define FILE_DEPTH_MAX 32
/* A file itself; of a folder all files below whose names end in `suffix`, hidden ones left out. */
FALLIBLE file_walk(
    const char *path, const char *suffix, struct arena *arena, struct file_list *list, struct err_info *why);

#endif
