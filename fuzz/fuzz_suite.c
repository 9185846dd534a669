/* Any text as a file of tests, and as recorded events of `tocsin backtest`. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "recording.h"
#include "require.h"
#include "suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_suite(struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct suite suite;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("a.test.yaml"));
    enum err result = suite_parse(&arena, "a.test.yaml", text, &found, &suite, &why);
    require((result == ERR_OK) == (found.error_count == 0));
    for (uint32_t i = 0; result == ERR_OK && i < suite.count; i++)
        require(suite.cases[i].expect.type == VALUE_MAP && suite.playbook.size > 0);
}

static void as_recordings(struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    char path[32];
    struct recordings recordings;
    struct err_info why = { 0 };
    int file = memfd_create("recorded", MFD_CLOEXEC);
    require(file >= 0 && write(file, text.data, text.size) == (ssize_t)text.size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    enum err result = recordings_read(&arena, path, STR(""), &recordings, &why);
    close(file);
    require(result == ERR_OK || why.text[0] != '\0');
    for (size_t i = 0; result == ERR_OK && i < recordings.count; i++) {
        AUTO(buf) struct buf line = { 0 };
        struct value v;
        recording_print(&line, &recordings.items[i]);
        require(json_parse(&arena, str_trim(buf_str(&line)), NULL, &v, NULL) == ERR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    as_suite(text);
    as_recordings(text);
    return 0;
}
