/* Foreign text before the readers (CSV, pairs, URLs, CEF, LEEF, syslog, XML) and the search for indicators:
 * none may read past the text, hang, or give what is no UTF-8; ioc_each and iocs() find the same. */
#include <string.h>

#include "base/text.h"
#include "expr/call.h"
#include "expr/ioc.h"
#include "expr/parsers.h"
#include "expr/refang.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_text(struct value v)
{
    if (v.type == VALUE_STRING)
        require(utf8_is_valid(value_str(v)));
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        require_text(v.items[i]);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++) {
        require_text(value_map_entries(v)[i].key);
        require_text(value_map_entries(v)[i].value);
    }
}

static void read_all(struct arena *arena, struct str text)
{
    static const struct {
        enum err (*parse)(struct arena *arena, struct str text, struct value *ret, struct err_info *why);
    } readers[] = { { parse_kv }, { parse_url }, { parse_cef }, { parse_leef }, { parse_syslog },
        { parse_xml } };
    struct value v;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        struct err_info why = { 0 };
        enum err err = readers[i].parse(arena, text, &v, &why);
        require(err == why.code && (err == ERR_OK || why.text[0] != '\0'));
        if (err == ERR_OK)
            require_text(v);
    }
    if (parse_csv(arena, text, ',', &v, NULL) == ERR_OK)
        require_text(v);
    if (parse_csv_records(arena, text, ';', &v, NULL) == ERR_OK)
        require_text(v);
}

struct seen {
    struct value gathered; /* what iocs() gave */
    size_t count;
};

static enum err see(void *context, const struct ioc *found, struct err_info *why)
{
    struct seen *seen = context;
    struct value list = value_get(seen->gathered, ioc_kind_name(found->kind));
    bool is_known = false;
    (void)why; /* this never fails */
    for (uint32_t i = 0; i < list.size && !is_known; i++)
        is_known = value_is_text(list.items[i], found->value);
    require(is_known && found->value.size > 0);
    seen->count++;
    return ERR_OK;
}

static void search(struct arena *arena, struct str text)
{
    struct call call = { .arena = arena, .cost_max = UINT64_MAX };
    struct seen seen = { .count = 0 };
    struct value v;
    size_t gathered = 0;
    if (ioc_find_all(&call, text, &seen.gathered) != ERR_OK)
        return;
    require_text(seen.gathered);
    for (uint32_t i = 0; i < seen.gathered.size; i++)
        gathered += value_map_entries(seen.gathered)[i].value.size;
    require(ioc_each(arena, text, see, &seen, NULL) == ERR_OK);
    require(seen.count >= gathered);
    if (refang_text(&call, text, &v) == ERR_OK)
        require_text(v);
    if (ioc_defang(&call, text, &v) == ERR_OK)
        require_text(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str text = { (const char *)data, size };
    if (size > 4096 || !utf8_is_valid(text))
        return 0;
    read_all(&arena, text);
    search(&arena, text);
    return 0;
}
