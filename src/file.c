#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/yaml.h"

static enum err fail(struct err_info *why, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return err_set(why, ERR_NOT_FOUND, "there is no file %s", path);
    return err_errno(why, errno, path);
}

static enum err read_all(int fd, const char *path, struct buf *buf, size_t bytes_max, struct err_info *why)
{
    for (;;) {
        char part[65536];
        ssize_t size = read(fd, part, sizeof part);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_errno(why, errno, path);
        if (size == 0)
            return buf_check(buf, why);
        buf_add(buf, (struct str){ part, (size_t)size });
        if (buf->size > bytes_max)
            return err_named(why, ERR_LIMIT, "file_bytes", "%s is larger than %zu bytes", path, bytes_max);
    }
}

enum err file_read(
    const char *path, size_t bytes_max, struct arena *arena, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(why, path);
    enum err result = read_all(fd, path, &buf, bytes_max, why);
    if (!is_input)
        close(fd);
    TRY(result);
    return arena_str(arena, buf_str(&buf), ret, why);
}

enum err file_read_yaml(const char *path, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct yaml_node *root;
    struct str text;
    struct value v;
    struct err_info inner = { 0 };
    TRY(file_read(path, YAML_BYTES_MAX, arena, &text, why));
    enum err result = yaml_parse(arena, text, &root, &inner);
    if (result == ERR_OK)
        result = yaml_to_value(arena, root, &v, &inner);
    if (result != ERR_OK)
        return err_set(why, result, "%s:%u:%u: %s", path, inner.line, inner.column, inner.text);
    *ret = v;
    return ERR_OK;
}

struct str file_folder(struct str path)
{
    for (size_t i = path.size; i > 0; i--)
        if (path.data[i - 1] == '/')
            return i == 1 ? STR("/") : str_slice(path, 0, i - 1);
    return STR(".");
}

static enum err add_path(struct file_list *list, struct arena *arena, struct str path, struct err_info *why)
{
    struct str copy;
    if (list->count == FILE_LIST_MAX)
        return err_named(why, ERR_LIMIT, "file_list", "more than %d files", FILE_LIST_MAX);
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        const char **paths = ARENA_ARRAY(arena, room, const char *);
        if (paths == NULL)
            return err_memory(why);
        if (list->count > 0)
            memcpy((void *)paths, (void *)list->paths, list->count * sizeof(const char *));
        list->paths = paths;
        list->room = room;
    }
    TRY(arena_str(arena, path, &copy, why));
    list->paths[list->count++] = copy.data;
    return ERR_OK;
}

static enum err walk(struct str path, const char *suffix, struct arena *arena, struct file_list *list,
    unsigned depth, struct err_info *why);

static enum err walk_entry(struct str folder, const struct dirent *entry, const char *suffix,
    struct arena *arena, struct file_list *list, unsigned depth, struct err_info *why)
{
    struct str path;
    struct stat info;
    TRY(arena_printf(arena, &path, why, "%.*s/%s", STR_ARG(folder), entry->d_name));
    if (lstat(path.data, &info) != 0)
        return fail(why, path.data);
    if (S_ISDIR(info.st_mode))
        return walk(path, suffix, arena, list, depth + 1, why);
    if (S_ISREG(info.st_mode) && str_ends(path, str_of(suffix)))
        return add_path(list, arena, path, why);
    return ERR_OK;
}

static enum err walk(struct str path, const char *suffix, struct arena *arena, struct file_list *list,
    unsigned depth, struct err_info *why)
{
    if (depth > FILE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "file_depth", "folders are nested deeper than %d", FILE_DEPTH_MAX);
    DIR *folder = opendir(path.data);
    if (folder == NULL)
        return fail(why, path.data);
    enum err result = ERR_OK;
    for (struct dirent *entry; result == ERR_OK && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            result = walk_entry(path, entry, suffix, arena, list, depth, why);
    closedir(folder);
    return result;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum err file_walk(
    const char *path, const char *suffix, struct arena *arena, struct file_list *list, struct err_info *why)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return fail(why, path);
    if (!S_ISDIR(info.st_mode))
        return add_path(list, arena, str_of(path), why);
    size_t before = list->count;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    struct str folder;
    TRY(arena_str(arena, (struct str){ path, size }, &folder, why));
    TRY(walk(folder, suffix, arena, list, 0, why));
    if (list->count > before)
        qsort((void *)(list->paths + before), list->count - before, sizeof(const char *), compare_paths);
    return ERR_OK;
}
