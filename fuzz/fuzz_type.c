/* Declared types, as YAML and as the notation of `tocsin eval`, and values against them: a type prints as
 * itself, and typed JSON keeps what it was given. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/yaml.h"
#include "expr/type.h"
#include "expr/typed_json.h"
#include "playbook/type_read.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void notation(struct arena *arena, struct str text)
{
    AUTO(buf) struct buf printed = { 0 };
    const struct type *type, *again;
    struct err_info why = { 0 };
    if (type_parse(arena, text, &type, &why) != ERR_OK) {
        require(why.text[0] != '\0');
        return;
    }
    type_print(&printed, type);
    require(type_parse(arena, buf_str(&printed), &again, NULL) == ERR_OK);
    require(type_equal(type, again) && type_accepts(type, again, NULL) == ERR_OK);
}

static void typed(struct arena *arena, struct value v)
{
    AUTO(buf) struct buf printed = { 0 };
    struct value made, json, again;
    if (typed_json_parse(arena, v, &made, NULL) != ERR_OK)
        return;
    typed_json_print(&printed, made);
    require(json_parse(arena, buf_str(&printed), NULL, &json, NULL) == ERR_OK);
    require(typed_json_parse(arena, json, &again, NULL) == ERR_OK);
    AUTO(buf) struct buf reprinted = { 0 };
    typed_json_print(&reprinted, again);
    require(str_equal(buf_str(&printed), buf_str(&reprinted)));
}

static const struct type *declared(struct arena *arena, struct str text)
{
    struct diagnostics found;
    struct yaml_node *root;
    diagnostics_init(&found, arena, STR("types.yaml"));
    if (yaml_parse(arena, text, &root, NULL) != ERR_OK)
        return NULL;
    const struct type *type = root->kind == YAML_MAPPING ? type_read_fields(arena, root, &found)
                                                         : type_read(arena, root, &found);
    require(type != NULL || found.error_count > 0);
    return type;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct str rest = { (const char *)data, size }, first;
    struct value v;
    if (!str_split(&rest, '\n', &first))
        return 0;
    notation(&arena, first);
    const struct type *type = declared(&arena, rest);
    if (json_parse(&arena, first, &options, &v, NULL) != ERR_OK)
        return 0;
    typed(&arena, v);
    struct err_info why = { 0 };
    if (type != NULL && type_check_value(type, v, &why) != ERR_OK)
        require(why.text[0] != '\0');
    why = (struct err_info){ 0 };
    if (type != NULL && type_check_sinks(type, v, &why) != ERR_OK)
        require(why.text[0] != '\0');
    return 0;
}
