/* Any text through the reader of connectors; one without faults has its examples run. */
#include <stddef.h>
#include <stdint.h>

#include "connect/connect.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, struct str action, struct str example, struct str fault)
{
    (void)context;
    (void)action;
    (void)example;
    (void)fault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct str text = { (const char *)data, size };
    diagnostics_init(&found, &arena, STR("fuzz.yaml"));
    /* Faults are what is expected of most inputs. */
    struct err_info why = { 0 };
    if (connector_check(text, &found))
        require(connector_test_examples(text, &found, ignore, NULL, &why) == why.code);
    diagnostics_sort(&found);
    return 0;
}
