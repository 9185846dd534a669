/* The world outside: tools that are slow, fail, hang, answer late, or do what was asked and say that they did
 * not. It outlives engines that die, and remembers what took effect. Everything comes from one source of
 * chance. */
#ifndef TOCSIN_TESTS_SIMULATION_TOOLS_H
#define TOCSIN_TESTS_SIMULATION_TOOLS_H

#include "base/rand.h"
#include "playbook/action.h"

struct tools;

/* What one idempotency key did. */
struct effect_entry {
    char key[96], action[32], mark[96];
    uint32_t effects; /* of an idempotent action at most 1, whatever it was called */
    uint32_t calls;
    struct effect_entry *next, *same_bucket;
};

struct tools_options {
    struct clock *clock;
    struct rand *chance;
    struct catalogue_source *real; /* the local actions */
};
struct tools *tools_new(const struct tools_options *options);
void tools_free(struct tools *tools);
struct catalogue_source *tools_catalogues(struct tools *tools);
/* Those that are out when a process dies: some had reached their tool already. Before its loop is freed. */
void tools_process_died(struct tools *tools);
/* From here on they do what is asked. */
void tools_become_good(struct tools *tools);

const struct effect_entry *tools_effects(const struct tools *tools); /* all, the newest first */
bool tools_did(const struct tools *tools, struct str action, struct str mark);
uint64_t tools_calls(const struct tools *tools);

#endif
