/* The connectors that are built in: each reads without a fault, and its examples hold. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connect/connect.h"

struct tally {
    unsigned count, failed;
};

static void count_example(void *context, struct str action, struct str example, struct str fault)
{
    struct tally *tally = context;
    tally->count++;
    if (fault.size == 0)
        return;
    tally->failed++;
    print_error("%.*s, %.*s: %.*s\n", STR_ARG(action), STR_ARG(example), STR_ARG(fault));
}

static void print_faults(const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        AUTO(buf) struct buf text = { 0 };
        diagnostic_print(&text, &found->items[i]);
        print_error("%s\n", text.data);
    }
}

static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *ret_size = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void check_file(const char *path, const char *name)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct tally tally = { 0 };
    struct err_info why = { 0 };
    size_t size;
    char *text = read_file(path, &size);
    diagnostics_init(&found, &arena, str_of(name));
    bool is_good = connector_check((struct str){ text, size }, &found);
    print_faults(&found);
    assert_true(is_good);
    assert_int_equal(found.count, 0); /* no warnings either */
    assert_int_equal(
        connector_test_examples((struct str){ text, size }, &found, count_example, &tally, &why), ERR_OK);
    assert_int_equal(tally.failed, 0);
    print_message("%s: %u examples\n", name, tally.count);
    free(text);
}

static void each_connector_reads_without_fault_and_its_examples_hold(void **state)
{
    (void)state;
    /* From the source root, as `make test` runs it, or from the build folder. */
    const char *path_of = "content/connectors";
    DIR *folder = opendir(path_of);
    if (!folder)
        folder = opendir(path_of = "../content/connectors");
    assert_non_null(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        char path[1024];
        if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", path_of, entry->d_name);
        check_file(path, entry->d_name);
        count++;
    }
    closedir(folder);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_connector_reads_without_fault_and_its_examples_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
