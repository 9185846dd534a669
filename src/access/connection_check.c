/* What a connection may look like; above all, where secrets may be named. */
#include <stdio.h>
#include <string.h>

#include "access/connection_impl.h"

#define REFERENCE_START STR("${secret:")

/* ---- secrets ---- */

bool connection_secret_reference(struct value setting, struct str *ret_name)
{
    struct str text = value_is(setting, VALUE_STRING) ? value_str(setting) : STR("");
    if (!str_starts(text, REFERENCE_START) || !str_ends(text, STR("}")))
        return false;
    struct str name = str_slice(text, REFERENCE_START.size, text.size - 1);
    if (!access_name_is_good(name, SECRET_NAME_BYTES_MAX, true))
        return false;
    *ret_name = name;
    return true;
}

struct place {
    const struct place *outer; /* NULL at the top */
    struct str key;
    const struct connection_spec *spec;
    unsigned depth;
};

/* Of a place that is not the top. */
static size_t place_print(const struct place *place, char *text, size_t room)
{
    size_t size = 0;
    if (place->outer->outer)
        size = place_print(place->outer, text, room);
    if (size > 0 && size + 1 < room)
        text[size++] = '.';
    size_t key = place->key.size < room - size ? place->key.size : room - size - 1;
    memcpy(text + size, place->key.data ? place->key.data : "", key);
    text[size + key] = '\0';
    return size + key;
}

/* Part by part, from the end: a name that has a dot in it is no path. */
static bool is_at(const struct place *place, struct str field)
{
    for (; place->outer; place = place->outer) {
        size_t start = field.size;
        while (start > 0 && field.data[start - 1] != '.')
            start--;
        if (!str_equal(place->key, str_slice(field, start, field.size)))
            return false;
        if (start == 0)
            return !place->outer->outer;
        field = str_slice(field, 0, start - 1);
    }
    return false;
}

static bool is_secret_place(const struct place *place)
{
    for (size_t i = 0; i < place->spec->secret_field_count; i++) {
        if (is_at(place, place->spec->secret_fields[i]))
            return true;
    }
    return false;
}

static enum err check_secret(struct value v, const struct place *place, struct err_info *why)
{
    char path[256];
    struct str name;
    bool is_secret = is_secret_place(place);
    (void)place_print(place, path, sizeof(path)); /* its size is in its '\0' */
    if (is_secret && !connection_secret_reference(v, &name) && !value_is(v, VALUE_NULL))
        return err_named(why, ERR_INVALID, "connection_secret",
            "settings.%s is a secret: store it with tocsin secret set NAME, and write ${secret:NAME} here",
            path);
    if (!is_secret && value_is(v, VALUE_STRING) && str_contains(value_str(v), REFERENCE_START))
        return err_named(why, ERR_INVALID, "connection_secret",
            "settings.%s can't hold a secret: the connector does not declare this field secret", path);
    if (value_is(v, VALUE_SECRET))
        return err_named(
            why, ERR_INVALID, "connection_secret", "settings.%s can't hold a sealed output", path);
    return ERR_OK;
}

static enum err check_settings(struct value v, const struct place *place, struct err_info *why);

static enum err check_inner(struct value v, const struct place *place, struct str key, struct err_info *why)
{
    struct place inner = { place, key, place->spec, place->depth + 1 };
    if (inner.depth > 16)
        return err_named(why, ERR_INVALID, "connection_depth", "the settings are nested more than 16 deep");
    return check_settings(v, &inner, why);
}

static enum err check_settings(struct value v, const struct place *place, struct err_info *why)
{
    if (place->outer)
        TRY(check_secret(v, place, why));
    if (value_is(v, VALUE_MAP)) {
        const struct value_entry *entries = value_map_entries(v);
        for (uint32_t i = 0; i < v.size; i++) {
            if (!value_is(entries[i].key, VALUE_STRING))
                return err_named(
                    why, ERR_INVALID, "connection_settings", "the settings' names must be texts");
            TRY(check_inner(entries[i].value, place, value_str(entries[i].key), why));
        }
        return ERR_OK;
    }
    if (value_is(v, VALUE_LIST)) {
        for (uint32_t i = 0; i < v.size; i++)
            TRY(check_inner(v.items[i], place, STR("[]"), why));
        return ERR_OK;
    }
    return ERR_OK;
}

/* ---- names and origins ---- */

static enum err check_name(struct str name, struct err_info *why)
{
    if (access_name_is_good(name, CONNECTION_NAME_BYTES_MAX, false))
        return ERR_OK;
    return err_named(why, ERR_INVALID, "connection_name",
        "\"%.*s\" is no name for a connection: use 1 to %d small letters, digits, '.', '_' and '-'",
        STR_ARG(str_slice(name, 0, 80)), CONNECTION_NAME_BYTES_MAX);
}

static bool is_origin(struct str origin)
{
    struct str host = { 0 };
    if (str_starts(origin, STR("https://")))
        host = str_slice(origin, strlen("https://"), origin.size);
    else if (str_starts(origin, STR("http://")))
        host = str_slice(origin, strlen("http://"), origin.size);
    for (size_t i = 0; i < host.size; i++) {
        unsigned char c = (unsigned char)host.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("/?#@\\\"<>", c))
            return false;
    }
    return host.size > 0 && host.size <= 262; /* a name of DNS, ':' and a port with some room */
}

enum err connection_spec_check(const struct connection_spec *spec, struct err_info *why)
{
    struct place top = { .spec = spec };
    TRY(check_name(spec->name, why));
    if (spec->connector.size == 0 || spec->connector.size > CONNECTION_NAME_BYTES_MAX)
        return err_named(why, ERR_INVALID, "connection_connector", "a connection names its connector");
    if (spec->origin.size > 0 && !is_origin(spec->origin))
        return err_named(why, ERR_INVALID, "connection_origin",
            "\"%.*s\" is no origin: write https://HOST or https://HOST:PORT, without a path",
            STR_ARG(str_slice(spec->origin, 0, 120)));
    if (!value_is(spec->settings, VALUE_MAP) && !value_is(spec->settings, VALUE_NULL))
        return err_named(why, ERR_INVALID, "connection_settings", "the settings of a connection are a map");
    return check_settings(spec->settings, &top, why);
}
