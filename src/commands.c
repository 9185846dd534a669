#include "commands.h"

#include <stddef.h>

#include "command.h"

const struct command commands[] = {
    { "serve", "run the server", cmd_serve },
    { NULL, NULL, NULL },
};
