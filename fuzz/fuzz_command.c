/* Any JSON as what a server says of a run, a task, a connector, or as a recorded run: it is printed without a
 * control character, and taken apart without a fault. */
#include "base/json.h"
#include "base/text.h"
#include "coverage.h"
#include "decisions.h"
#include "expectation.h"
#include "mask.h"
#include "recorded.h"
#include "require.h"
#include "resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct action contain = { .name = STR_INIT("a.b"), .kind = ACTION_CONTAIN };

static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    (void)catalogue;
    return str_starts(name, STR("a")) ? &contain : NULL;
}

static const char playbook_text[] =
    "playbook: p\nsteps:\n  - id: a\n    if: inputs.a\n    then: [ { id: b, wait: 1s } ]\n"
    "    else: []\n  - { id: c, when: inputs.a, wait: 1s }\n";

static void cover(struct arena *arena, struct value v)
{
    struct diagnostics ignored;
    struct playbook *playbook;
    struct coverage coverage;
    diagnostics_init(&ignored, arena, STR("p"));
    require(playbook_parse(str_of(playbook_text), NULL, &ignored, &playbook, NULL) == ERR_OK);
    require(coverage_init(&coverage, arena, STR("p"), playbook, NULL) == ERR_OK);
    coverage_add(&coverage, value_get(v, STR("steps")));
    require(coverage_taken(&coverage) <= coverage.count);
    coverage_done(&coverage);
    playbook_release(playbook);
}

static void print(struct value v)
{
    static void (*const printers[])(
        struct buf *, struct value, bool) = { print_run, print_task, print_connector };
    static const struct table_column columns[] = { { "A", "a" }, { "B", "b.c" }, { NULL, NULL } };
    AUTO(buf) struct buf text = { 0 };
    for (size_t i = 0; i < sizeof printers / sizeof printers[0]; i++)
        printers[i](&text, v, false);
    if (v.type == VALUE_MAP)
        table_print_fields(&text, v, 0);
    if (v.type == VALUE_LIST)
        table_print(&text, columns, v, false);
    for (size_t at = 0; at < text.size;) {
        int32_t point = utf8_next(buf_str(&text), &at);
        require(point == '\n' || (point >= 0x20 && (point < 0x7f || point >= 0xa0)));
    }
}

static void visit(void *context, const struct decision *decision, bool is_new)
{
    (void)decision, (void)is_new;
    (*(unsigned *)context)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct catalogue catalogue = { .find = find_action };
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf diff = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct recorded recorded;
    struct decisions decisions;
    struct value v, masked;
    unsigned count = 0;
    if (json_parse(&arena, (struct str){ (const char *)data, size }, &options, &v, NULL) != ERR_OK)
        return 0;
    print(v);
    cover(&arena, v);
    require(recorded_take(&arena, v, &recorded, NULL) == ERR_OK);
    require(decisions_take(&arena, &catalogue, v, &decisions, NULL) == ERR_OK);
    decisions_compare(&decisions, &decisions, visit, &count);
    require(count == 0);
    require(mask_value(&arena, v, &masked, &count, NULL) == ERR_OK);
    require(expectation_value(&diff, "x", v, v) || diff.size > 0);
    return 0;
}
