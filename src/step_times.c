#include "step_times.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/latency.h"
#include "base/memory.h"

/* Steps of more actions than this are counted under "other". */
#define ACTIONS_MAX 512
#define NAME_BYTES_MAX 128
#define BUCKETS 24

struct action_times {
    char name[NAME_BYTES_MAX];
    uint8_t name_size;
    uint64_t buckets[BUCKETS];
    uint64_t us_sum;
};

struct step_times {
    pthread_mutex_t mutex; /* guards all that follows */
    struct action_times *items[ACTIONS_MAX];
    uint32_t count;
    struct action_times other;
    bool has_other;
};

enum err step_times_new(struct step_times **ret, struct err_info *why)
{
    struct step_times *times = memory_alloc(sizeof *times);
    if (times == NULL)
        return err_memory(why);
    memset(times, 0, sizeof *times);
    memcpy(times->other.name, "other", 5);
    times->other.name_size = 5;
    int failed = pthread_mutex_init(&times->mutex, NULL);
    if (failed != 0) {
        memory_free(times);
        return err_errno(why, failed, "make a lock");
    }
    *ret = times;
    return ERR_OK;
}

void step_times_free(struct step_times *times)
{
    if (times == NULL)
        return;
    for (uint32_t i = 0; i < times->count; i++)
        memory_free(times->items[i]);
    (void)pthread_mutex_destroy(&times->mutex); /* fails only on misuse */
    memory_free(times);
}

static struct str name_of(const struct action_times *item)
{
    return (struct str){ item->name, item->name_size };
}

/* Sorted by name. Without memory or room the step counts under "other". */
static struct action_times *find(struct step_times *times, struct str name)
{
    uint32_t low = 0, high = times->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(name_of(times->items[middle]), name);
        if (order == 0)
            return times->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (times->count == ACTIONS_MAX || name.size > NAME_BYTES_MAX)
        return &times->other;
    struct action_times *item = memory_alloc(sizeof *item);
    if (item == NULL)
        return &times->other;
    memset(item, 0, sizeof *item);
    memcpy(item->name, name.data, name.size);
    item->name_size = (uint8_t)name.size;
    memmove(&times->items[low + 1], &times->items[low], (times->count - low) * sizeof times->items[0]);
    times->items[low] = item;
    times->count++;
    return item;
}

void step_times_observe(void *context, const struct engine_observation *observation)
{
    struct step_times *times = context;
    if (observation->what != OBSERVE_STEP_ENDED || observation->step->kind != STEP_DO)
        return;
    uint64_t us = observation->elapsed_us > 0 ? (uint64_t)observation->elapsed_us : 0;
    (void)pthread_mutex_lock(&times->mutex); /* fails only on misuse */
    struct action_times *item = find(times, observation->step->call.action);
    times->has_other |= item == &times->other;
    item->buckets[latency_bucket(us, BUCKETS)]++;
    item->us_sum += us;
    (void)pthread_mutex_unlock(&times->mutex); /* fails only on misuse */
}

static void print_item(struct buf *buf, const struct action_times *item)
{
    char label[NAME_BYTES_MAX + 16];
    snprintf(label, sizeof label, "action=\"%.*s\"", STR_ARG(name_of(item)));
    latency_print(buf, "tocsin_step_seconds", str_of(label), item->buckets, BUCKETS, item->us_sum);
}

void step_times_print(void *context, struct buf *buf)
{
    struct step_times *times = context;
    buf_add_text(buf,
        "# HELP tocsin_step_seconds From the start of a step to its end, by action.\n"
        "# TYPE tocsin_step_seconds histogram\n");
    (void)pthread_mutex_lock(&times->mutex); /* fails only on misuse */
    for (uint32_t i = 0; i < times->count; i++)
        print_item(buf, times->items[i]);
    if (times->has_other)
        print_item(buf, &times->other);
    (void)pthread_mutex_unlock(&times->mutex); /* fails only on misuse */
}
