/* Any words as a command line, any text as the configuration file behind it. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "options.h"
#include "require.h"
#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 12

static int words_of(struct arena *arena, struct str rest, char **ret)
{
    struct str word, copy;
    int count = 0;
    while (count < WORDS_MAX && str_split(&rest, '\n', &word)) {
        require(arena_str(arena, word, &copy, NULL) == ERR_OK);
        ret[count] = (char *)(uintptr_t)copy.data;
        /* Help prints pages. */
        count += !str_starts(word, STR("--help")) && !str_equal(word, STR("-h"));
    }
    ret[count] = NULL;
    return count;
}

static int file_of(struct str text, char path[static 32])
{
    int file = memfd_create("config", MFD_CLOEXEC);
    require(file >= 0 && write(file, text.data, text.size) == (ssize_t)text.size);
    snprintf(path, 32, "/proc/self/fd/%d", file);
    return file;
}

static void read_settings(struct arena *arena, struct str text)
{
    char path[32], argument[48];
    int file = file_of(text, path);
    struct settings settings;
    struct err_info why = { 0 };
    snprintf(argument, sizeof argument, "--config=%s", path);
    char *words[] = { argument, argument, NULL };
    struct options options = { .usage = "x", .summary = "x", .specs = setting_options };
    require(options_parse(&options, 2, words) == OPTIONS_GO_ON);
    if (settings_read(&options, arena, &settings, &why) == ERR_OK)
        require(settings.content.count <= SETTING_LIST_MAX);
    else
        require(why.text[0] != '\0');
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    char *words[WORDS_MAX + 1];
    struct str rest = { (const char *)data, size }, line;
    struct options options = { .usage = "x", .summary = "x", .specs = setting_options };
    if (!str_split(&rest, '\0', &line))
        return 0;
    int count = words_of(&arena, line, words);
    if (count > 0) {
        int status = options_parse(&options, count, words);
        require(status == OPTIONS_GO_ON || status == 0 || status == 2);
        require(options.argument_count <= OPTION_VALUES_MAX);
    }
    read_settings(&arena, rest);
    return 0;
}
