#include "access/principal.h"

#include <string.h>

#include "base/text.h"

static const char *const kind_words[PRINCIPAL_KIND_COUNT] = {
    [PRINCIPAL_NONE] = "none",
    [PRINCIPAL_SYSTEM] = "system",
    [PRINCIPAL_USER] = "user",
    [PRINCIPAL_TOKEN] = "token",
    [PRINCIPAL_SOURCE] = "source",
    [PRINCIPAL_RUN] = "run",
};

const char *principal_kind_word(enum principal_kind kind)
{
    return kind < PRINCIPAL_KIND_COUNT ? kind_words[kind] : "none";
}

void principal_init(
    struct principal *principal, enum principal_kind kind, int64_t tenant, struct id id, struct str name)
{
    *principal = (struct principal){ .kind = kind, .tenant = tenant, .id = id };
    name = utf8_cut(name, PRINCIPAL_NAME_BYTES_MAX);
    if (name.size > 0)
        memcpy(principal->name, name.data, name.size);
    principal->name_size = (uint8_t)name.size;
}

void principal_set_remote(struct principal *principal, struct str remote)
{
    struct str part = str_slice(remote, 0, PRINCIPAL_REMOTE_BYTES_MAX);
    memcpy(principal->remote, part.data ? part.data : "", part.size);
    principal->remote[part.size] = '\0';
}

struct principal principal_system(int64_t tenant)
{
    struct principal principal;
    principal_init(&principal, PRINCIPAL_SYSTEM, tenant, ID_NONE, STR("system"));
    principal.scopes = scopes_all();
    return principal;
}

bool principal_can(const struct principal *principal, enum permission permission)
{
    if (permission == PERMISSION_PUBLIC)
        return true;
    if (permission == PERMISSION_ANY)
        return principal->kind != PRINCIPAL_NONE;
    return principal->kind != PRINCIPAL_NONE && scopes_have(&principal->scopes, permission);
}

bool principal_can_ingest(const struct principal *principal, struct str source)
{
    return principal->kind != PRINCIPAL_NONE && scopes_have_ingest(&principal->scopes, source);
}

enum err principal_require(
    const struct principal *principal, enum permission permission, struct err_info *why)
{
    if (principal_can(principal, permission))
        return ERR_OK;
    const char *scope = permissions[permission].name;
    return err_named(why, ERR_DENIED, "permission", "%s \"%.*s\" lacks the scope %s",
        principal_kind_word(principal->kind), STR_ARG(principal_name(principal)),
        scope ? scope : "of a principal");
}

bool access_name_is_good(struct str name, size_t bytes_max, bool may_have_capitals)
{
    if (name.size == 0 || name.size > bytes_max)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = may_have_capitals ? ascii_lower(name.data[i]) : name.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}
