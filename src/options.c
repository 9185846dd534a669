#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static void print_help(const struct options *options)
{
    printf("usage: %s\n\n%s\n\noptions:\n", options->usage, options->summary);
    for (const struct option_spec *spec = options->specs; spec->name; spec++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", spec->name, spec->argument ? " " : "",
            spec->argument ? spec->argument : "");
        printf("  %-28s %s\n", left, spec->help);
    }
    printf("  %-28s %s\n", "--help", "this text");
}

int options_wrong(const struct options *options, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("tocsin: ", stderr);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\nusage: %s\n", options->usage);
    return 2;
}

static int find_option(const struct options *options, struct str name)
{
    for (int i = 0; options->specs[i].name; i++)
        if (str_equal(str_of(options->specs[i].name), name))
            return i;
    return -1;
}

static int unknown_option(const struct options *options, struct str name)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (const struct option_spec *spec = options->specs; spec->name; spec++) {
        unsigned distance = str_distance(str_of(spec->name), name, best);
        if (distance < best) {
            best = distance;
            nearest = spec->name;
        }
    }
    if (nearest)
        return options_wrong(options, "unknown option --%.*s; did you mean --%s?", STR_ARG(name), nearest);
    return options_wrong(options, "unknown option --%.*s", STR_ARG(name));
}

static int take_value(struct options *options, int index, const char *text)
{
    struct option_value *value = &options->values[index];
    if (value->is_set && options->specs[index].kind == OPTION_TEXT)
        return options_wrong(options, "--%s is given twice", options->specs[index].name);
    if (value->count == OPTION_VALUES_MAX)
        return options_wrong(
            options, "--%s is given more than %d times", options->specs[index].name, OPTION_VALUES_MAX);
    value->is_set = true;
    value->text = text;
    value->list[value->count++] = text;
    return OPTIONS_GO_ON;
}

static int take_option(struct options *options, int argc, char **argv, int *position)
{
    struct str rest = str_of(argv[*position] + 2), name = { 0 };
    bool has_value = str_find_byte(rest, '=', 0) >= 0;
    if (!str_split(&rest, '=', &name))
        return options_wrong(options, "'--' alone is no option");
    if (str_equal(name, STR("help"))) {
        print_help(options);
        return 0;
    }
    int index = find_option(options, name);
    if (index < 0)
        return unknown_option(options, name);
    if (options->specs[index].kind == OPTION_FLAG) {
        if (has_value)
            return options_wrong(options, "--%s takes no value", options->specs[index].name);
        options->values[index].is_set = true;
        return OPTIONS_GO_ON;
    }
    if (has_value)
        return take_value(options, index, rest.data);
    if (*position + 1 >= argc)
        return options_wrong(
            options, "--%s needs %s", options->specs[index].name, options->specs[index].argument);
    *position += 1;
    return take_value(options, index, argv[*position]);
}

int options_parse(struct options *options, int argc, char **argv)
{
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strncmp(argv[i], "--", 2) == 0) {
            int status = take_option(options, argc, argv, &i);
            if (status != OPTIONS_GO_ON)
                return status;
        } else if (!only_arguments && strcmp(argv[i], "-h") == 0) {
            print_help(options);
            return 0;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0' && argv[i][1] != '.' &&
            (argv[i][1] < '0' || argv[i][1] > '9')) {
            return options_wrong(options, "unknown option %s; long options start with '--'", argv[i]);
        } else if (options->argument_count == OPTION_VALUES_MAX) {
            return options_wrong(options, "more than %d arguments", OPTION_VALUES_MAX);
        } else {
            options->arguments[options->argument_count++] = argv[i];
        }
    }
    return OPTIONS_GO_ON;
}

const char *option_or_variable(const struct option_value *given, const char *variable, const char *otherwise)
{
    const char *text = getenv(variable);
    if (given->is_set)
        return given->text;
    return text != NULL && text[0] != '\0' ? text : otherwise;
}
