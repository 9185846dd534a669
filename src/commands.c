#include "commands.h"

#include <stddef.h>

#include "command.h"

const struct command commands[] = {
    { "eval", "evaluate CEL expressions", cmd_eval },
    { "lint", "check playbooks and other content", cmd_lint },
    { "serve", "run the server", cmd_serve },
    { "alert", "list and show alerts", cmd_resource },
    { "case", "list, show, open and close cases", cmd_resource },
    { "token", "create, list, revoke API tokens", cmd_resource },
    { "secret", "set, list, delete secrets", cmd_resource },
    { "audit", "verify the audit chain", cmd_resource },
    { NULL, NULL, NULL },
};
