/* The main of a fuzz target that is built as a test: gives it each file of the folder that is named, in the
 * order of their names. What must hold is the target's to check; it aborts if it does not. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES_MAX 4096
#define INPUT_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *count, char ***arguments);

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Into memory of just its size, so that AddressSanitizer sees a byte read past the end. */
static int replay(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    uint8_t *input = malloc(INPUT_BYTES_MAX);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name); /* a path that is cut does not open */
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL && input != NULL ? fread(input, 1, INPUT_BYTES_MAX, file) : 0;
    if (file != NULL)
        (void)fclose(file); /* it was only read */
    uint8_t *fitting = size > 0 ? realloc(input, size) : NULL;
    if (fitting == NULL) {
        free(input);
        printf("%s: cannot be read\n", path);
        return 0;
    }
    printf("%s\n", name);
    (void)fflush(stdout); /* so that the last line names the input that aborts */
    (void)LLVMFuzzerTestOneInput(fitting, size); /* always 0: libFuzzer's contract */
    free(fitting);
    return 1;
}

int main(int count, char **arguments)
{
    struct dirent **entries = NULL;
    int found = count == 2 ? scandir(arguments[1], &entries, is_seed, alphasort) : -1;
    int passed = 0;
    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&count, &arguments); /* always 0, likewise */
    for (int i = 0; i < found; i++) {
        passed += replay(arguments[1], entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%d passed, %d failed\n", passed, found < 1 ? 1 : found - passed);
    return found < 1 || passed < found;
}
