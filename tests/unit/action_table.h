/* The catalogue of a test: a table of actions of its own. */
#ifndef TOCSIN_TESTS_ACTION_TABLE_H
#define TOCSIN_TESTS_ACTION_TABLE_H

#include "base/container.h"
#include "playbook/action.h"

struct action_table {
    struct catalogue catalogue; /* first: the two are cast into each other */
    struct catalogue_source source;
    const struct action *items;
    size_t count;
    int finds_left; /* then there is no action any more; below zero: they are always there */
};

static const struct type any_record = { .kind = TYPE_RECORD, .is_open = true };

static inline const struct action *action_table_find(const struct catalogue *catalogue, struct str name)
{
    struct action_table *table = (struct action_table *)(uintptr_t)catalogue; /* it counts */
    if (table->finds_left == 0)
        return NULL;
    if (table->finds_left > 0) /* else nothing is written: shards ask at one time */
        table->finds_left--;
    for (size_t i = 0; i < table->count; i++) {
        if (str_equal(table->items[i].name, name))
            return &table->items[i];
    }
    return NULL;
}

static inline const struct action *action_table_at(const struct catalogue *catalogue, uint32_t index)
{
    const struct action_table *table = (const struct action_table *)catalogue;
    return index < table->count ? &table->items[index] : NULL;
}

static inline const struct catalogue *action_table_acquire(struct catalogue_source *source)
{
    return &CONTAINER_OF(source, struct action_table, source)->catalogue;
}

static inline void action_table_release(struct catalogue_source *source, const struct catalogue *released)
{
    (void)source, (void)released; /* it lives as long as the test */
}

#define ACTION_TABLE(actions) \
    { \
        .source = { action_table_acquire, action_table_release }, \
        .catalogue = { action_table_find, action_table_at }, .items = (actions), \
        .count = sizeof(actions) / sizeof((actions)[0]), .finds_left = -1 \
    }

#endif
