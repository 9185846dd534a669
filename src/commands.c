#include "commands.h"

#include <stddef.h>

#include "command.h"

const struct command commands[] = {
    { "eval", "evaluate CEL expressions", cmd_eval },
    { "serve", "run the server", cmd_serve },
    { NULL, NULL, NULL },
};
