/* Command-line options from a table: `--name VALUE`, `--name=VALUE`, flags, lists; `--help` printed from the
 * same table; unknown flags get the nearest known one. */
#ifndef TOCSIN_OPTIONS_H
#define TOCSIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST, /* may be given several times */
};

struct option_spec {
    const char *name; /* without "--" */
    enum option_kind kind;
    const char *argument; /* what stands for the value in the help, "FILE" */
    const char *help;
};

#define OPTIONS_MAX 24
#define OPTION_VALUES_MAX 64

struct option_value {
    bool is_set;
    const char *text; /* the last one given */
    const char *list[OPTION_VALUES_MAX];
    size_t count;
};

struct options {
    const char *usage; /* "tocsin serve [--config FILE] …" */
    const char *summary; /* paragraphs of the help before the options */
    const struct option_spec *specs; /* ended by name == NULL; `--help` is added */
    struct option_value values[OPTIONS_MAX]; /* by the spec's index */
    const char *arguments[OPTION_VALUES_MAX]; /* what is no option, in order */
    size_t argument_count;
};

#define OPTIONS_GO_ON (-1)
/* Fills `values` and `arguments`; argv[0] is the command's own name. OPTIONS_GO_ON, or the exit status after
 * help (0) or wrong use (2) was printed. */
int options_parse(struct options *options, int argc, char **argv);
/* What was given, else the environment's variable unless it is empty, else `otherwise`. */
const char *option_or_variable(const struct option_value *given, const char *variable, const char *otherwise);
/* Prints `text` and how to get help to stderr; returns 2. */
int options_wrong(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
