#include "commands.h"

#include <stddef.h>

#include "command.h"

const struct command commands[] = {
    { "serve", "run the server", cmd_serve },
    { "lint", "check playbooks and other content", cmd_lint },
    { "schema", "print the JSON Schema of a kind of content file", cmd_schema },
    { "run", "run a playbook here; list, show, start, cancel, retry runs of a server", cmd_run },
    { "test", "run the test cases of playbooks", cmd_test },
    { "backtest", "what a changed playbook would have decided", cmd_backtest },
    { "eval", "evaluate CEL expressions", cmd_eval },
    { "apply", "publish playbooks to a server, or show what that would change", cmd_apply },
    { "login", "store the server and the token of later commands", cmd_login },
    { "alert", "list, show, update alerts", cmd_resource },
    { "case", "list, show, open, update, close cases", cmd_resource },
    { "task", "list, show, answer questions to people", cmd_resource },
    { "containment", "list containments, end them", cmd_resource },
    { "event", "list and show accepted events", cmd_resource },
    { "playbook", "list, show, enable, disable published playbooks", cmd_resource },
    { "connector", "list, show, begin and test what playbooks can call", cmd_resource },
    { "connection", "set, test, list, delete configured connectors", cmd_resource },
    { "source", "list where events come from", cmd_resource },
    { "policy", "suppress alerts for a while; list, end such rules", cmd_resource },
    { "token", "create, list, revoke API tokens", cmd_resource },
    { "secret", "set, list, delete secrets", cmd_resource },
    { "audit", "list, verify, export the audit chain; prove that no event was lost", cmd_resource },
    { "backup", "copy a data folder, while the server runs", cmd_backup },
    { "restore", "make a data folder from a backup", cmd_restore },
    { "doctor", "check the machine, the store, content, connections", cmd_doctor },
    { NULL, NULL, NULL },
};
