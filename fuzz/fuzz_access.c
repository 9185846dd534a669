/* Scopes and settings of connections, as API bodies and files bring them. */
#include <stdlib.h>

#include "access/connection.h"
#include "access/connection_impl.h"
#include "access/permission.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reads once prints as something that reads as the same. */
static void check_scopes(struct str text)
{
    struct scopes scopes = { 0 }, again = { 0 };
    struct err_info why;
    if (scopes_parse(&scopes, text, &why) != ERR_OK)
        return;
    AUTO(buf) struct buf printed = { 0 };
    scopes_print(&printed, &scopes);
    if (scopes_parse(&again, buf_str(&printed), &why) != ERR_OK)
        abort();
    if (!scopes_cover(&scopes, &again) || !scopes_cover(&again, &scopes))
        abort();
}

/* No settings that pass may show a secret outside the one declared field. */
static void check_settings(struct str text)
{
    static const struct str secret_field = STR_INIT("key");
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .copy_strings = false };
    struct err_info why;
    struct connection_spec spec = {
        .name = STR("x"), .connector = STR("x"), .secret_fields = &secret_field, .secret_field_count = 1
    };
    struct str name;
    if (json_parse(&arena, text, &options, &spec.settings, &why) != ERR_OK ||
        connection_spec_check(&spec, &why) != ERR_OK)
        return;
    struct value key = value_get(spec.settings, STR("key"));
    if (!value_is(key, VALUE_NULL) && !connection_secret_reference(key, &name))
        abort();
    const struct value_entry *entries = value_map_entries(spec.settings);
    for (uint32_t i = 0; value_is(spec.settings, VALUE_MAP) && i < spec.settings.size; i++) {
        if (!value_is_text(entries[i].key, STR("key")) &&
            connection_secret_reference(entries[i].value, &name))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    check_scopes(text);
    check_settings(text);
    return 0;
}
