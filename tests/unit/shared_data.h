/* External test data: at TOCSIN_SHARED, else ../shared/data beside the source root. Absent is no fault. */
#ifndef TOCSIN_TESTS_SHARED_DATA_H
#define TOCSIN_TESTS_SHARED_DATA_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* The file's bytes in `buf`; false, after a line that says "skipped: …", when it is not there. */
static inline bool shared_data_read(const char *name, struct buf *buf)
{
    const char *folder = getenv("TOCSIN_SHARED");
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "../shared/data", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("skipped: no external test data at %s\n", path);
        return false;
    }
    char part[65536];
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
        buf_add(buf, (struct str){ part, size });
    fclose(file);
    return true;
}

#endif
