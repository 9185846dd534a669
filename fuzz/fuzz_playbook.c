/* Any text through the reader of playbooks and the linter. */
#include <stddef.h>
#include <stdint.h>

#include "playbook/playbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("fuzz.yaml"));
    if (playbook_parse((struct str){ (const char *)data, size }, NULL, &found, &playbook, &why) == ERR_OK)
        playbook_release(playbook);
    diagnostics_sort(&found);
    return 0;
}
