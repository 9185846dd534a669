/* File paths of Windows and Unix, registry keys. Blanks in them are the trouble: a name may have one, and
 * so has the sentence around it. A blank belongs to the path when the path goes on behind the word. */
#include <string.h>

#include "expr/ioc.h"

#define PATH_BYTES_MAX 4096
#define NAME_BYTES_MAX 256

static bool is_windows_byte(int c)
{
    return c >= ' ' && c != '\\' && c != '/' && c != ':' && c != '*' && c != '?' && c != '"' && c != '|';
}

/* Behind ".ext" at the end of a file's name: up to ten letters and digits. 0 when there is no such end. */
static size_t extension_end(const struct ioc_search *search, size_t dot)
{
    size_t end = dot + 1;
    while (ioc_is_alnum(ioc_byte(search, end)) && end - dot <= 10)
        end++;
    bool is_good = end > dot + 1 && !ioc_is_word(ioc_byte(search, end)) && ioc_byte(search, end) != '.';
    return is_good ||
            (end > dot + 1 && ioc_byte(search, end) == '.' && !ioc_is_alnum(ioc_byte(search, end + 1)))
        ? end
        : 0;
}

/* The last part of a path: up to its extension, blanks and all, else up to the first blank. */
static size_t last_part_end(const struct ioc_search *search, size_t start, size_t line_end)
{
    size_t blank = line_end;
    for (size_t at = start; at < line_end; at++) {
        int c = ioc_byte(search, at);
        if (c == ' ' && blank == line_end)
            blank = at;
        if (c == '.' && blank == line_end && extension_end(search, at) > 0)
            return extension_end(search, at);
        if (c == ',' || c == ';' || c == ')' || c == '\'' || c == '<' || c == '>' || c >= 0x80)
            return at < blank ? at : blank;
    }
    return blank;
}

static size_t trim_end(const struct ioc_search *search, size_t start, size_t end)
{
    while (end > start && strchr(".,;:!?'\" \\", ioc_byte(search, end - 1)) != NULL)
        end--;
    return end;
}

/* ---- Windows ---- */

static bool is_drive(const struct ioc_search *search, size_t at)
{
    int letter = ioc_byte(search, at) | 0x20;
    return letter >= 'a' && letter <= 'z' && ioc_byte(search, at + 1) == ':' &&
        ioc_byte(search, at + 2) == '\\' && !ioc_is_alnum(ioc_before(search, at));
}

/* Where the part that starts at `at` ends: at a backslash, or at what no name has. */
static size_t part_end(const struct ioc_search *search, size_t at)
{
    while (is_windows_byte(ioc_byte(search, at)))
        at++;
    return at;
}

/* \\\\server\\share: two backslashes in front of a host's name, nothing of the kind before them. */
static bool is_share(const struct ioc_search *search, size_t at)
{
    size_t end = at + 2;
    if (ioc_byte(search, at) != '\\' || ioc_byte(search, at + 1) != '\\' || ioc_before(search, at) == '\\' ||
        ioc_is_alnum(ioc_before(search, at)))
        return false;
    while (ioc_is_host(ioc_byte(search, end)))
        end++;
    return end > at + 2 && ioc_byte(search, end) == '\\' && ioc_byte(search, end + 1) != '\\';
}

/* The size of "%APPDATA%\\" at `at`, or 0. */
static size_t variable_size(const struct ioc_search *search, size_t at)
{
    size_t end = at + 1;
    if (ioc_byte(search, at) != '%' || ioc_is_word(ioc_before(search, at)))
        return 0;
    while (ioc_is_word(ioc_byte(search, end)) || ioc_byte(search, end) == '(' || ioc_byte(search, end) == ')')
        end++;
    bool is_variable = end > at + 2 && ioc_byte(search, end) == '%' && ioc_byte(search, end + 1) == '\\';
    return is_variable ? end + 2 - at : 0;
}

/* `size` bytes are the drive, the share's backslashes or the variable. */
static FALLIBLE look_at_windows(struct ioc_search *search, size_t start, size_t size, size_t *ret_end)
{
    size_t first = start + size, part = first, end;
    for (;;) {
        end = part_end(search, part);
        bool goes_on = ioc_byte(search, end) == '\\' && end > part && end - start < PATH_BYTES_MAX &&
            is_windows_byte(ioc_byte(search, end + 1));
        if (!goes_on)
            break;
        part = end + 1;
    }
    size_t path_end = trim_end(search, first, last_part_end(search, part, end));
    *ret_end = path_end;
    if (path_end == first)
        return ERR_OK;
    return ioc_add(search, IOC_PATH, start, str_slice(search->text, start, path_end), IOC_AS_IS);
}

/* ---- the registry ---- */

static const char *const roots[] = { "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "HKEY_CLASSES_ROOT",
    "HKEY_USERS", "HKEY_CURRENT_CONFIG", "HKLM", "HKCU", "HKCR", "HKU", "HKCC" };

/* The size of a root key at `at`, or 0. */
static size_t root_size(const struct ioc_search *search, size_t at)
{
    if ((ioc_byte(search, at) | 0x20) != 'h' || ioc_is_word(ioc_before(search, at)))
        return 0;
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        size_t size = strlen(roots[i]);
        if (str_equal_nocase(str_slice(search->text, at, at + size), str_of(roots[i])) &&
            !ioc_is_word(ioc_byte(search, at + size)))
            return size;
    }
    return 0;
}

/* A blank inside a key's name: one, with the name going on to a backslash on this line. */
static bool blank_belongs(const struct ioc_search *search, size_t blank)
{
    if (ioc_byte(search, blank + 1) == ' ' || root_size(search, blank + 1) > 0)
        return false;
    for (size_t at = blank + 1; at - blank < NAME_BYTES_MAX &&
         (is_windows_byte(ioc_byte(search, at)) || ioc_byte(search, at) == '\\');
         at++) {
        if (ioc_byte(search, at) == '\\')
            return true;
        if (ioc_byte(search, at) == ' ' && (ioc_byte(search, at + 1) == ' ' || root_size(search, at + 1) > 0))
            return false;
    }
    return false;
}

static FALLIBLE look_at_registry(struct ioc_search *search, size_t start, size_t size, size_t *ret_end)
{
    size_t at = start + size;
    *ret_end = at;
    bool was_bracketed = ioc_before(search, start) == '<' && ioc_byte(search, at) == '>';
    was_bracketed = was_bracketed || ioc_byte(search, at) == ':'; /* HKLM:\\, a drive of PowerShell */
    size_t from = at + was_bracketed;
    if (ioc_byte(search, from) != '\\')
        return ERR_OK;
    size_t end = from;
    while (end - start < PATH_BYTES_MAX) {
        int c = ioc_byte(search, end);
        bool is_part = c == '\\' || is_windows_byte(c) || c == '/';
        if (!is_part || c >= 0x80 || c == ',' || c == ';' || (c == ' ' && !blank_belongs(search, end)))
            break;
        end++;
    }
    end = trim_end(search, from, end);
    *ret_end = end > from ? end : from;
    if (end <= from + 1)
        return ERR_OK;
    if (!was_bracketed)
        return ioc_add(search, IOC_REGISTRY, start, str_slice(search->text, start, end), IOC_AS_IS);
    struct value joined;
    struct writer writer = { .call = search->call };
    writer_add(&writer, str_slice(search->text, start, at));
    writer_add(&writer, str_slice(search->text, from, end));
    TRY(writer_end(&writer, &joined));
    return ioc_add(search, IOC_REGISTRY, start, value_str(joined), IOC_AS_IS);
}

/* ---- Unix ---- */

static bool is_unix_byte(int c)
{
    return ioc_is_word(c) || c == '-' || c == '.' || c == '+' || c == '~' || c == '@' || c == '%' || c == '$';
}

static bool may_precede_path(int c)
{
    return c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '=' || c == '(' || c == '[' || c == ',' ||
        c == ';' || c == ':';
}

/* "C:/Users/x": a drive's letter in front of a Unix path. */
static bool is_slashed_drive(const struct ioc_search *search, size_t at)
{
    int letter = ioc_byte(search, at); /* "x:/etc" is a word in front of a path */
    return letter >= 'A' && letter <= 'Z' && ioc_byte(search, at + 1) == ':' &&
        ioc_byte(search, at + 2) == '/' && is_unix_byte(ioc_byte(search, at + 3)) &&
        !ioc_is_word(ioc_before(search, at));
}

/* "File System/" behind a slash: words with a capital letter that lead to another slash. */
static size_t skip_blank_words(const struct ioc_search *search, size_t at)
{
    size_t end = at;
    while (ioc_byte(search, end) == ' ' && ioc_byte(search, end + 1) >= 'A' &&
        ioc_byte(search, end + 1) <= 'Z') {
        end++;
        while (is_unix_byte(ioc_byte(search, end)))
            end++;
    }
    return end > at && ioc_byte(search, end) == '/' ? end : at;
}

static FALLIBLE look_at_unix(struct ioc_search *search, size_t start, size_t *ret_end)
{
    bool is_home = ioc_byte(search, start) == '~', has_extension = false;
    size_t prefix = is_slashed_drive(search, start) ? 2 : is_home;
    size_t end = start + prefix, parts = prefix > 0;
    while (ioc_byte(search, end) == '/' && is_unix_byte(ioc_byte(search, end + 1)) &&
        end - start < PATH_BYTES_MAX) {
        for (end++; is_unix_byte(ioc_byte(search, end)); end++)
            has_extension = has_extension || (ioc_byte(search, end) == '.' && ioc_before(search, end) != '/');
        /* "GET /a.php HTTP/1.1": behind a file's name comes the next word. */
        if (!has_extension)
            end = skip_blank_words(search, end);
        parts++;
    }
    end = trim_end(search, start, end);
    *ret_end = end > start ? end : start + 1;
    bool has_letter = false;
    for (size_t at = start; at < end; at++)
        has_letter = has_letter ||
            (ioc_is_alnum(ioc_byte(search, at)) && !ioc_is_digit(ioc_byte(search, at)));
    if (parts < 2 || !has_letter)
        return ERR_OK;
    return ioc_add(search, IOC_PATH, start, str_slice(search->text, start, end), IOC_AS_IS);
}

/* A slash, a share's backslash, a variable, a home, a drive's letter or the H of a registry's root key. */
static bool may_start_path(const struct ioc_search *search, size_t at)
{
    int c = ioc_byte(search, at);
    return c == '/' || c == '\\' || c == '%' || c == '~' || (c | 0x20) == 'h' ||
        ioc_byte(search, at + 1) == ':';
}

FALLIBLE ioc_find_paths(struct ioc_search *search)
{
    uint32_t next_url = 0;
    for (size_t at = 0; at < search->text.size;) {
        size_t end = at, size = 0;
        if (!may_start_path(search, at))
            end = at + 1;
        else if (ioc_in_url(search, at, &next_url))
            end = search->urls[next_url].end;
        else if (is_drive(search, at))
            TRY(look_at_windows(search, at, 3, &end));
        else if (is_share(search, at))
            TRY(look_at_windows(search, at, 2, &end));
        else if ((size = variable_size(search, at)) > 0)
            TRY(look_at_windows(search, at, size, &end));
        else if ((size = root_size(search, at)) > 0)
            TRY(look_at_registry(search, at, size, &end));
        else if (is_slashed_drive(search, at) ||
            (ioc_byte(search, at + (ioc_byte(search, at) == '~')) == '/' &&
                may_precede_path(ioc_before(search, at))))
            TRY(look_at_unix(search, at, &end));
        at = end > at ? end : at + 1;
    }
    return ERR_OK;
}
