/* Small files that only their owner may read: the master key, tokens for programs beside the server. */
#ifndef TOCSIN_ACCESS_PRIVATE_FILE_H
#define TOCSIN_ACCESS_PRIVATE_FILE_H

#include "base/err.h"
#include "base/str.h"

/* Puts a file of mode 0600 with `text` at `path`, in place of one that is there, whole or not at all; durable
 * when it returns. `doing` is for the error: "writing the master key's file". ERR_IO, ERR_FULL, ERR_MEMORY.
 */
FALLIBLE private_file_write(const char *path, struct str text, const char *doing, struct err_info *why);

#endif
