/* `tocsin audit export`: every row of the audit chain, oldest page last, one JSON object a line. */
#include <stdio.h>

#include "base/json.h"
#include "resource.h"

#define PAGE_ROWS 1000

static void print_rows(struct value items)
{
    for (uint32_t i = 0; items.type == VALUE_LIST && i < items.size; i++) {
        AUTO(buf) struct buf line = { 0 };
        json_print(&line, items.items[i], 0);
        if (buf_check(&line, NULL) == ERR_OK)
            puts(line.data);
    }
}

int audit_export_rows(const struct resource *resource)
{
    uint64_t before = 0;
    for (;;) {
        AUTO(arena) struct arena arena = { 0 };
        struct resource page = *resource;
        struct client_answer answer;
        struct err_info why = { 0 };
        char path[64];
        page.arena = &arena;
        if (before == 0)
            snprintf(path, sizeof path, "/api/v1/audit?limit=%d", PAGE_ROWS);
        else
            snprintf(path, sizeof path, "/api/v1/audit?limit=%d&before=%llu", PAGE_ROWS,
                (unsigned long long)before);
        if (resource_ask(&page, "GET", path, value_null(), &answer, &why) != ERR_OK)
            return resource_fail(&why);
        print_rows(value_get(answer.body, STR("items")));
        struct value next = value_get(answer.body, STR("next"));
        if (next.type != VALUE_INT && next.type != VALUE_UINT)
            return 0;
        before = next.uinteger;
    }
}
