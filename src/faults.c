#include "faults.h"

#include <stdio.h>

void faults_print(const struct diagnostics *found, const char *warned_file)
{
    for (uint32_t i = 0; i < found->count; i++) {
        AUTO(buf) struct buf line = { 0 };
        const struct diagnostic *item = &found->items[i];
        if (item->level != DIAGNOSTIC_ERROR && warned_file != NULL &&
            !str_equal(item->file, str_of(warned_file)))
            continue;
        diagnostic_print(&line, item);
        if (buf_check(&line, NULL) == ERR_OK)
            fprintf(stderr, "%s\n", line.data);
    }
}
