#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "client.h"
#include "commands.h"
#include "file.h"
#include "options.h"

#define TOKEN_BYTES_MAX 4096

enum { LOGIN_SERVER, LOGIN_OUT };
static const struct option_spec specs[] = {
    [LOGIN_SERVER] = { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; " SERVER_DEFAULT ")" },
    [LOGIN_OUT] = { "forget", OPTION_FLAG, NULL, "remove what was stored" },
    { .name = NULL },
};

/* One line; what is typed at a terminal is not shown. */
static enum err read_token(struct arena *arena, struct str *ret, struct err_info *why)
{
    struct termios shown, hidden;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    char line[TOKEN_BYTES_MAX];
    if (is_terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs("Token: ", stderr);
    }
    bool has_line = fgets(line, sizeof line, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    struct str token = has_line ? str_trim(str_of(line)) : STR("");
    if (token.size == 0 || !utf8_is_valid(token))
        return err_set(why, ERR_INVALID, "a token is expected on standard input");
    return arena_str(arena, token, ret, why);
}

/* A wrong token is told now and not with the next command. */
static enum err try_login(const struct login *login, struct arena *arena, struct err_info *why)
{
    struct client_request request = {
        .login = *login, .method = "GET", .path = STR("/api/v1/openapi.json"), .body = value_null()
    };
    struct client_answer answer;
    return client_ask(&request, arena, &answer, why);
}

static enum err log_in(const char *server, struct arena *arena, struct err_info *why)
{
    struct login login;
    struct str path;
    TRY(login_find(server, arena, &login, why));
    TRY(read_token(arena, &login.token, why));
    TRY(try_login(&login, arena, why));
    TRY(login_store(&login, arena, &path, why));
    printf("Logged in to %.*s; stored in %.*s.\n", STR_ARG(login.server), STR_ARG(path));
    return ERR_OK;
}

int cmd_login(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct options options = { .usage = "tocsin login [--server URL] < TOKEN | tocsin login --forget",
        .summary =
            "Reads a token from standard input, tries it, and stores it with the server for later "
            "commands in\n$XDG_CONFIG_HOME/tocsin/login.json, mode 0600. TOCSIN_SERVER and TOCSIN_TOKEN "
            "win over it.",
        .specs = specs };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count > 0)
        return options_wrong(&options, "the token comes from standard input, never as an argument");
    enum err result;
    struct str path;
    if (options.values[LOGIN_OUT].is_set)
        result = login_remove(&arena, &path, &why);
    else
        result = log_in(options.values[LOGIN_SERVER].text, &arena, &why);
    if (result == ERR_OK)
        return 0;
    fprintf(stderr, "tocsin: %s\n", why.text);
    return why.code == ERR_INVALID && why.name == NULL ? 2 : 1;
}
