/* Pages of docs/ for the tests that hold them against the code. */
#ifndef TOCSIN_TESTS_SOURCE_PAGE_H
#define TOCSIN_TESTS_SOURCE_PAGE_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* The bytes of docs/NAME, found from the build folder or the source root; false when it is not there. */
static inline bool source_page_read(const char *name, struct buf *buf)
{
    char path[1024];
    char block[4096];
    const char *slash = strstr(__FILE__, "tests/unit/");
    snprintf(path, sizeof path, "%.*sdocs/%s", slash ? (int)(slash - __FILE__) : 0, __FILE__, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        snprintf(path, sizeof path, "docs/%s", name);
        file = fopen(path, "r");
    }
    if (file == NULL)
        return false;
    for (size_t size; (size = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(buf, (struct str){ block, size });
    fclose(file);
    return true;
}

#endif
