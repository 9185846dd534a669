#include "expectation.h"

#include "align.h"
#include "base/json.h"
#include "table.h"

#define SHOWN_WIDTH_MAX 300

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

bool expectation_value(struct buf *diff, const char *what, struct value expected, struct value actual)
{
    const struct place place = { NULL, value_string(str_of(what)), 0 };
    return match(diff, &place, expected, actual);
}

/* ---- paths ---- */

struct paths {
    struct buf *diff;
    struct value expected, actual;
};

static bool is_same(const void *context, uint32_t before, uint32_t after)
{
    const struct paths *paths = context;
    return value_equal(paths->expected.items[before], paths->actual.items[after]);
}

static void emit(void *context, enum edit edit, uint32_t before, uint32_t after)
{
    static const char *const signs[] = { [EDIT_SAME] = " ", [EDIT_REMOVED] = "-", [EDIT_ADDED] = "+" };
    static const char *const remarks[] = {
        [EDIT_SAME] = "", [EDIT_REMOVED] = "  (expected, did not run)", [EDIT_ADDED] = "  (ran, not expected)"
    };
    const struct paths *paths = context;
    buf_printf(paths->diff, "    %s ", signs[edit]);
    table_add_cell(
        paths->diff, edit == EDIT_ADDED ? paths->actual.items[after] : paths->expected.items[before], 0);
    buf_printf(paths->diff, "%s\n", remarks[edit]);
}

bool expectation_path(struct buf *diff, const char *what, struct value expected, struct value actual)
{
    struct paths paths = { diff, expected, actual };
    struct alignment alignment = { .before_count = expected.size,
        .after_count = actual.size,
        .is_same = is_same,
        .emit = emit,
        .context = &paths };
    if (expected.type != VALUE_LIST || actual.type != VALUE_LIST)
        return expectation_value(diff, what, expected, actual);
    if (value_equal(expected, actual))
        return true;
    buf_printf(diff, "  %s:\n", what);
    if (align_run(&alignment, NULL) != ERR_OK)
        diff->failed = ERR_MEMORY;
    return false;
}
