/* Observables: addresses, names, hashes and the like that alerts and cases share, under OCSF's type_ids. */
#ifndef TOCSIN_CASES_OBSERVABLE_H
#define TOCSIN_CASES_OBSERVABLE_H

#include <stdbool.h>

#include "base/str.h"

/* OCSF, dictionary.json, "observable". */
enum observable_type {
    OBSERVABLE_UNKNOWN = 0,
    OBSERVABLE_HOSTNAME = 1, /* domain names too */
    OBSERVABLE_IP = 2,
    OBSERVABLE_MAC = 3,
    OBSERVABLE_USER_NAME = 4,
    OBSERVABLE_EMAIL = 5,
    OBSERVABLE_URL = 6,
    OBSERVABLE_FILE_NAME = 7,
    OBSERVABLE_HASH = 8,
    OBSERVABLE_PROCESS_NAME = 9,
    OBSERVABLE_RESOURCE_UID = 10,
    OBSERVABLE_PORT = 11,
    OBSERVABLE_SUBNET = 12,
    OBSERVABLE_COMMAND_LINE = 13,
    OBSERVABLE_COUNTRY = 14,
    OBSERVABLE_USER_AGENT = 16,
    OBSERVABLE_FILE_PATH = 45,
    OBSERVABLE_OTHER = 99,
};

/* OCSF's caption: "IP Address". */
const char *observable_type_caption(enum observable_type type);
/* A caption in any case, a short word ("ip", "domain", "host", "url", "hash", "md5", "sha1", "sha256",
 * "email", "user", "mac", "file", "path", "process"), or the number as text. */
bool observable_type_parse(struct str text, enum observable_type *ret);

#endif
