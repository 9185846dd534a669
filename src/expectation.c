#include "expectation.h"

#include "base/json.h"
#include "base/limits.h"
#include "table.h"

#define SHOWN_WIDTH_MAX 300
#define PATH_DIFF_MAX 2000 /* longer lists are compared, but not aligned */

/* Where in the value the walk is: "output.hosts[2].ip". */
struct place {
    const struct place *above;
    struct value key; /* null: the item `index` of a list */
    uint32_t index;
};

static void add_place(struct buf *diff, const struct place *place)
{
    if (place == NULL)
        return;
    add_place(diff, place->above);
    if (place->key.type == VALUE_NULL) {
        buf_printf(diff, "[%u]", place->index);
        return;
    }
    buf_add_text(diff, place->above ? "." : "");
    table_add_cell(diff, place->key, 0);
}

static void add_shown(struct buf *diff, struct value v)
{
    AUTO(buf) struct buf text = { 0 };
    json_print(&text, v, 0);
    table_add_cell(diff, value_string(buf_str(&text)), SHOWN_WIDTH_MAX);
}

static void add_difference(
    struct buf *diff, const struct place *place, struct value expected, struct value actual)
{
    buf_add_text(diff, "  ");
    add_place(diff, place);
    buf_add_text(diff, ": expected ");
    add_shown(diff, expected);
    buf_add_text(diff, ", got ");
    add_shown(diff, actual);
    buf_add_byte(diff, '\n');
}

static bool match(struct buf *diff, const struct place *place, struct value expected, struct value actual);

static bool match_map(struct buf *diff, const struct place *place, struct value expected, struct value actual)
{
    bool is_good = true;
    const struct value_entry *entries = value_map_entries(expected);
    for (uint32_t i = 0; i < expected.size; i++) {
        const struct place inside = { place, entries[i].key, 0 };
        const struct value *found = value_map_find_key(actual, entries[i].key);
        if (found != NULL) {
            is_good &= match(diff, &inside, entries[i].value, *found);
            continue;
        }
        is_good = false;
        buf_add_text(diff, "  ");
        add_place(diff, &inside);
        buf_add_text(diff, ": expected ");
        add_shown(diff, entries[i].value);
        buf_add_text(diff, ", got nothing\n");
    }
    return is_good;
}

static bool match_list(
    struct buf *diff, const struct place *place, struct value expected, struct value actual)
{
    bool is_good = true;
    if (expected.size != actual.size) {
        buf_add_text(diff, "  ");
        add_place(diff, place);
        buf_printf(diff, ": expected %u items, got %u: ", expected.size, actual.size);
        add_shown(diff, actual);
        buf_add_byte(diff, '\n');
        return false;
    }
    for (uint32_t i = 0; i < expected.size; i++) {
        const struct place inside = { place, value_null(), i };
        is_good &= match(diff, &inside, expected.items[i], actual.items[i]);
    }
    return is_good;
}

static bool match(struct buf *diff, const struct place *place, struct value expected, struct value actual)
{
    if (expected.type == VALUE_MAP && actual.type == VALUE_MAP)
        return match_map(diff, place, expected, actual);
    if (expected.type == VALUE_LIST && actual.type == VALUE_LIST)
        return match_list(diff, place, expected, actual);
    if (value_equal(expected, actual))
        return true;
    add_difference(diff, place, expected, actual);
    return false;
}

bool expect_value(struct buf *diff, const char *what, struct value expected, struct value actual)
{
    const struct place place = { NULL, value_string(str_of(what)), 0 };
    return match(diff, &place, expected, actual);
}

/* ---- paths ---- */

/* Lengths of the longest common tails; `table` has (expected + 1) * (actual + 1) cells. */
static void measure(struct value expected, struct value actual, uint16_t *table)
{
    size_t width = actual.size + 1;
    for (uint32_t i = expected.size; i-- > 0;) {
        for (uint32_t j = actual.size; j-- > 0;) {
            uint16_t *cell = &table[i * width + j];
            if (value_equal(expected.items[i], actual.items[j]))
                *cell = (uint16_t)(table[(i + 1) * width + j + 1] + 1);
            else if (table[(i + 1) * width + j] >= table[i * width + j + 1])
                *cell = table[(i + 1) * width + j];
            else
                *cell = table[i * width + j + 1];
        }
    }
}

static void add_line(struct buf *diff, const char *sign, struct value v, const char *remark)
{
    buf_printf(diff, "    %s ", sign);
    table_add_cell(diff, v, 0);
    buf_printf(diff, "%s\n", remark);
}

static void add_aligned(struct buf *diff, struct value expected, struct value actual, const uint16_t *table)
{
    size_t width = actual.size + 1;
    uint32_t i = 0, j = 0;
    while (i < expected.size || j < actual.size) {
        if (i < expected.size && j < actual.size && value_equal(expected.items[i], actual.items[j])) {
            add_line(diff, " ", expected.items[i++], "");
            j++;
        } else if (j == actual.size ||
            (i < expected.size && table[(i + 1) * width + j] >= table[i * width + j + 1])) {
            add_line(diff, "-", expected.items[i++], "  (expected, did not run)");
        } else {
            add_line(diff, "+", actual.items[j++], "  (ran, not expected)");
        }
    }
}

bool expect_path(struct buf *diff, const char *what, struct value expected, struct value actual)
{
    AUTO(arena) struct arena arena = { 0 };
    if (value_equal(expected, actual))
        return true;
    buf_printf(diff, "  %s:\n", what);
    uint16_t *table = NULL;
    if (expected.type == VALUE_LIST && expected.size <= PATH_DIFF_MAX && actual.size <= PATH_DIFF_MAX)
        table = arena_zalloc(&arena, sizeof *table * (expected.size + 1) * (actual.size + 1));
    if (table == NULL) {
        const struct place place = { NULL, value_string(str_of(what)), 0 };
        add_difference(diff, &place, expected, actual);
        return false;
    }
    measure(expected, actual, table);
    add_aligned(diff, expected, actual, table);
    return false;
}
