/* Any text through the reader of playbooks and the linter, with and without a world to check against. Each
 * fault has a code that is explained and a place; a playbook comes out exactly when there was no error. */
#include <stddef.h>
#include <stdint.h>

#include "../tests/unit/playbook_world.h"
#include "playbook/lint_code.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read(struct str text, const struct playbook_world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("fuzz.yaml"));
    enum err result = playbook_parse(text, world, &found, &playbook, &why);
    require((result == ERR_OK) == (found.error_count == 0 && playbook != NULL));
    diagnostics_sort(&found);
    for (uint32_t i = 0; i < found.count; i++) {
        const struct lint_code *code = lint_code_find(str_of(found.items[i].code));
        require(code != NULL && code->level == found.items[i].level);
        require(found.items[i].line > 0 && found.items[i].column > 0);
    }
    playbook_release(playbook);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    read(text, NULL);
    read(text, &test_world);
    return 0;
}
