/* What people and playbooks send to change alerts and cases, and the words that lists are filtered by. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/limits.h"
#include "cases/fields.h"
#include "cases/list.h"
#include "cases/observable.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void words(struct str text)
{
    struct list_filter filter = { 0 };
    enum observable_type type;
    enum severity severity;
    enum alert_status status;
    unsigned severities = 0;
    struct err_info why = { 0 };
    if (list_read_severities(text, &severities, &why) == ERR_OK)
        require(severities != 0);
    else
        require(why.text[0] != '\0');
    if (list_read_sources(text, &filter, &why) == ERR_OK)
        require(filter.source_count <= LIST_SOURCES_MAX);
    (void)observable_type_parse(text, &type);
    (void)severity_parse(text, &severity);
    (void)alert_status_parse(text, &status);
    require(list_text_has(text, STR("")) && list_text_has(text, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct fields fields;
    struct value v, tags;
    struct str text = { (const char *)data, size };
    struct err_info why = { 0 };
    words(text);
    if (json_parse(&arena, text, NULL, &v, NULL) != ERR_OK)
        return 0;
    for (unsigned allowed = 0x2ff; allowed > 0; allowed >>= 5) {
        enum err result = fields_read(v, allowed, "case", &arena, &fields, &why);
        require(result == ERR_OK || why.text[0] != '\0');
        if (result != ERR_OK)
            continue;
        require((fields.given & ~allowed) == 0);
        if (fields.has_tags && fields_apply_tags(&fields, fields.tags, &arena, &tags, &why) == ERR_OK)
            require(tags.type == VALUE_LIST && tags.size <= TAGS_MAX);
    }
    return 0;
}
