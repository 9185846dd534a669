#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "command.h"
#include "connect/jq_child.h"

static void print_help(void)
{
    puts("usage: tocsin COMMAND [OPTION…]\n\n"
         "Tocsin runs a security team's playbooks over its alerts, durably.\n\ncommands:");
    for (const struct command *command = commands; command->name; command++)
        printf("  %-12s %s\n", command->name, command->summary);
    puts("\n`tocsin COMMAND --help` explains each. `tocsin --version` prints the version.");
}

static int unknown_command(const char *name)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (const struct command *command = commands; command->name; command++) {
        unsigned distance = str_distance(str_of(command->name), str_of(name), best);
        if (distance < best) {
            best = distance;
            nearest = command->name;
        }
    }
    if (nearest)
        fprintf(stderr, "tocsin: there is no command '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "tocsin: there is no command '%s'; `tocsin --help` lists them\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("tocsin " TOCSIN_VERSION);
        return 0;
    }
    if (strcmp(argv[1], JQ_CHILD_WORD) == 0) /* this program itself starts it, with nothing else */
        jq_child_main();
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(argv[1], command->name) == 0)
            return command->run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
