/* The command line's table: one row a command. A command gets its own arguments, argv[0] being its name, and
 * returns the exit status of CONTRACT: 0 done, 1 failed, 2 wrong use, 3 waiting for a person. */
#ifndef TOCSIN_COMMAND_H
#define TOCSIN_COMMAND_H

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

/* Ended by a NULL name. */
extern const struct command commands[];

#endif
