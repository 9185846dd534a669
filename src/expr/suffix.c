#include "expr/suffix.h"

#include <string.h>

#include <libpsl.h>

struct host_text {
    char text[HOST_BYTES_MAX + 1];
};

/* In lower case and with a terminator, as libpsl wants it; the labels are good. False when it is too long. */
static bool host_text(struct str host, struct host_text *ret)
{
    if (host.size > HOST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < host.size; i++)
        ret->text[i] = ascii_lower(host.data[i]);
    ret->text[host.size] = '\0';
    return true;
}

static bool is_label(struct str label)
{
    if (label.size == 0 || label.size > 63 || label.data[0] == '-' || label.data[label.size - 1] == '-')
        return false;
    for (size_t i = 0; i < label.size; i++) {
        unsigned char c = (unsigned char)label.data[i];
        bool is_good = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
            c == '_' || c >= 0x80;
        if (!is_good)
            return false;
    }
    return true;
}

static bool has_good_labels(struct str host)
{
    struct str rest = host, label;
    size_t count = 0;
    while (str_split(&rest, '.', &label)) {
        if (!is_label(label))
            return false;
        count++;
    }
    return count >= 2;
}

/* Never in the root, but in every log: names for private use and for documents (RFC 2606, 6762, 8375, ICANN's
 * `internal`). */
static bool is_private_name(const char *name)
{
    static const char *const names[] = { "corp", "example", "home", "internal", "intranet", "invalid", "lan",
        "local", "localdomain", "test" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_top_level(const char *name)
{
    /* No number is one, so that versions and addresses need no look into the list. */
    bool is_name = (unsigned char)name[0] >= 'a'; /* of a label in lower case, or beyond ASCII */
    if (!is_name || name[1] == '\0')
        return false;
    return strcmp(name, "onion") == 0 || is_private_name(name) ||
        psl_is_public_suffix2(psl_builtin(), name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

struct str suffix_registered_domain(struct str host)
{
    struct host_text lower;
    struct str none = { NULL, 0 };
    if (!has_good_labels(host) || !host_text(host, &lower))
        return none;
    const char *top = strrchr(lower.text, '.') + 1;
    if (!is_top_level(top))
        return none;
    if (strcmp(top, "onion") == 0) {
        const char *before = top - 1;
        while (before > lower.text && before[-1] != '.')
            before--;
        return str_slice(host, (size_t)(before - lower.text), host.size);
    }
    const char *registered = psl_registrable_domain(psl_builtin(), lower.text);
    return registered == NULL ? none : str_slice(host, (size_t)(registered - lower.text), host.size);
}

bool suffix_is_domain(struct str host)
{
    struct str registered = suffix_registered_domain(host);
    struct host_text lower;
    if (registered.size == 0) {
        /* A private suffix such as github.io is a host too; one of the registries is not. */
        if (!has_good_labels(host) || !host_text(host, &lower) || !is_top_level(strrchr(lower.text, '.') + 1))
            return false;
        return psl_is_public_suffix2(psl_builtin(), lower.text, PSL_TYPE_ICANN) == 0;
    }
    /* Registries give no names with '_'; services below a name use it. */
    return str_find_byte(registered, '_', 0) < 0;
}
