/* A store's file as a whole, beside or without the server that has it open: is it sound, and a copy of it. */
#ifndef TOCSIN_STORE_STORE_COPY_H
#define TOCSIN_STORE_STORE_COPY_H

#include "store/store.h"

/* Reads all of it (some 300 MB a second). ERR_NOT_FOUND when there is none; ERR_INVALID: "store_damaged" with
 * the first fault, "store_newer" when it has a migration that `migrations` has not. Changes nothing. */
FALLIBLE store_file_check(
    const char *path, const struct store_migration *const *migrations, struct err_info *why);
/* Copies the state of one moment into `to`, a file that must not exist (ERR_CONFLICT). A server may go on
 * writing meanwhile. The copy is synced and holds no log of its own. */
FALLIBLE store_file_copy(const char *path, const char *to, struct err_info *why);

#endif
