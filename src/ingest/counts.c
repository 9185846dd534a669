#include "ingest/counts.h"

#include <string.h>

enum err counts_init(struct counts *counts, struct err_info *why)
{
    memset(counts, 0, sizeof(*counts));
    int failed = pthread_mutex_init(&counts->mutex, NULL);
    return failed == 0 ? ERR_OK : err_errno(why, failed, "make a lock");
}

void counts_done(struct counts *counts)
{
    (void)pthread_mutex_destroy(&counts->mutex); /* fails only on misuse */
}

static struct counter *find(struct counter_list *list, struct str label)
{
    label = str_slice(label, 0, SOURCE_NAME_BYTES_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        if (str_equal(str_of(list->items[i].label), label))
            return &list->items[i];
    }
    if (list->count >= INGEST_LABELS_MAX)
        label = STR("other");
    if (list->count > INGEST_LABELS_MAX)
        return &list->items[INGEST_LABELS_MAX];
    struct counter *counter = &list->items[list->count++];
    memcpy(counter->label, label.data, label.size);
    return counter;
}

void counts_add(struct counts *counts, bool is_accepted, struct str label, uint64_t count)
{
    (void)pthread_mutex_lock(&counts->mutex); /* fails only on misuse */
    find(is_accepted ? &counts->accepted : &counts->rejected, label)->count += count;
    (void)pthread_mutex_unlock(&counts->mutex);
}

static void visit_list(
    const struct counter_list *list, bool is_accepted, ingest_metric_visit *visit, void *context)
{
    for (uint32_t i = 0; i < list->count; i++)
        visit(context, is_accepted, str_of(list->items[i].label), list->items[i].count);
}

void counts_visit(struct counts *counts, ingest_metric_visit *visit, void *context)
{
    (void)pthread_mutex_lock(&counts->mutex);
    visit_list(&counts->accepted, true, visit, context);
    visit_list(&counts->rejected, false, visit, context);
    (void)pthread_mutex_unlock(&counts->mutex);
}
