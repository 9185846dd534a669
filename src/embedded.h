/* The content folder inside the binary; the table is written by tools/embed when Tocsin is built. */
#ifndef TOCSIN_EMBEDDED_H
#define TOCSIN_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* "connectors/abuseipdb.yaml" */
    const char *bytes;
    size_t size;
};

/* Sorted by name, ended by a NULL name. */
extern const struct embedded_file embedded_content[];

#endif
