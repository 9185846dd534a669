/* The commands' functions, one file each: cmd_NAME.c. */
#ifndef TOCSIN_COMMANDS_H
#define TOCSIN_COMMANDS_H

int cmd_apply(int argc, char **argv);
int cmd_backtest(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_login(int argc, char **argv);
int cmd_resource(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_test(int argc, char **argv);

#endif
