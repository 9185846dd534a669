#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "file.h"

#define LOGIN_BYTES_MAX 8192

static const char *get_variable(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static enum err folder_path(struct arena *arena, struct str *ret, struct err_info *why)
{
    const char *config = get_variable("XDG_CONFIG_HOME"), *home = get_variable("HOME");
    if (config != NULL)
        return arena_printf(arena, ret, why, "%s/tocsin", config);
    if (home != NULL)
        return arena_printf(arena, ret, why, "%s/.config/tocsin", home);
    return err_set(why, ERR_NOT_FOUND, "neither XDG_CONFIG_HOME nor HOME says where settings are kept");
}

static enum err file_path(struct arena *arena, struct str *ret, struct err_info *why)
{
    struct str folder;
    TRY(folder_path(arena, &folder, why));
    return arena_printf(arena, ret, why, "%.*s/login.json", STR_ARG(folder));
}

static struct str without_slash(struct str server)
{
    while (str_ends(server, STR("/")))
        server.size--;
    return server;
}

/* Nothing stored leaves `*ret` empty. */
static enum err read_stored(struct arena *arena, struct login *ret, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct str path, text;
    struct value v;
    *ret = (struct login){ 0 };
    if (file_path(arena, &path, NULL) != ERR_OK)
        return ERR_OK;
    enum err result = file_read(path.data, LOGIN_BYTES_MAX, arena, &text, why);
    if (result == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(result);
    if (json_parse(arena, text, &options, &v, NULL) != ERR_OK ||
        value_get(v, STR("server")).type != VALUE_STRING || value_get(v, STR("token")).type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "%s is damaged; `tocsin login` writes it anew", path.data);
    ret->server = value_str(value_get(v, STR("server")));
    ret->token = value_str(value_get(v, STR("token")));
    return ERR_OK;
}

enum err login_find(const char *server, struct arena *arena, struct login *ret, struct err_info *why)
{
    const char *token = get_variable("TOCSIN_TOKEN");
    struct login stored;
    ret->ca_file = str_of(get_variable("TOCSIN_CA_FILE"));
    TRY(read_stored(arena, &stored, why));
    if (server == NULL)
        server = get_variable("TOCSIN_SERVER");
    ret->server = without_slash(server != NULL ? str_of(server)
            : stored.server.size > 0           ? stored.server
                                               : STR(SERVER_DEFAULT));
    if (token != NULL)
        ret->token = str_of(token);
    else
        ret->token = str_equal(ret->server, stored.server) ? stored.token : STR("");
    return ERR_OK;
}

/* The parents of `path` too; theirs keep the mode that they have. */
static enum err make_folders(struct str path, struct arena *arena, struct err_info *why)
{
    for (size_t i = 1; i <= path.size; i++) {
        struct str part;
        if (i < path.size && path.data[i] != '/')
            continue;
        TRY(arena_str(arena, str_slice(path, 0, i), &part, why));
        if (mkdir(part.data, 0700) != 0 && errno != EEXIST)
            return err_errno(why, errno, part.data);
    }
    return ERR_OK;
}

static enum err write_private(const char *path, struct str text, struct err_info *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(why, errno, path);
    ssize_t size = write(fd, text.data, text.size);
    bool is_written = size >= 0 && (size_t)size == text.size && fsync(fd) == 0;
    int number = errno;
    if (close(fd) == 0 && is_written)
        return ERR_OK;
    (void)unlink(path); /* half a file helps nobody; the write's failure is what is told */
    return err_errno(why, is_written ? errno : number, path);
}

enum err login_store(
    const struct login *login, struct arena *arena, struct str *ret_path, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    struct value_map_builder builder;
    struct str folder, path, fresh;
    TRY(folder_path(arena, &folder, why));
    TRY(make_folders(folder, arena, why));
    TRY(file_path(arena, &path, why));
    TRY(arena_printf(arena, &fresh, why, "%.*s.%ld", STR_ARG(path), (long)getpid()));
    value_map_begin(&builder, arena);
    TRY(value_map_set(&builder, "server", value_string(without_slash(login->server)), why));
    TRY(value_map_set(&builder, "token", value_string(login->token), why));
    json_print(&text, value_map_end(&builder), JSON_PRETTY);
    buf_add_byte(&text, '\n');
    TRY(buf_check(&text, why));
    TRY(write_private(fresh.data, buf_str(&text), why));
    if (rename(fresh.data, path.data) != 0) {
        enum err result = err_errno(why, errno, path.data);
        (void)unlink(fresh.data); /* the rename's failure is what is told */
        return result;
    }
    *ret_path = path;
    return ERR_OK;
}

enum err login_remove(struct arena *arena, struct str *ret_path, struct err_info *why)
{
    TRY(file_path(arena, ret_path, why));
    if (unlink(ret_path->data) != 0 && errno != ENOENT)
        return err_errno(why, errno, ret_path->data);
    return ERR_OK;
}
