/* Playbooks: which there are, which version of each is live, and old versions for the runs that keep them.
 *
 * What triggers are matched against is an immutable set, replaced whole by every change; whoever reads it
 * holds a reference. A version that is no longer live is compiled from its stored source when a run needs
 * it, without checking it against the catalogue of today. All functions are thread-safe. */
#ifndef TOCSIN_ENGINE_REGISTRY_H
#define TOCSIN_ENGINE_REGISTRY_H

#include "engine/engine.h"
#include "engine/playbook_reads.h"

struct registry;

struct playbook_version {
    unsigned references; /* atomic */
    int64_t tenant;
    int64_t number; /* of the playbook's row; 0: made for a run (undo.h) */
    uint32_t version;
    struct playbook *playbook;
    struct arena *owned; /* of a playbook that was made, not read; NULL else */
    struct playbook_reads reads; /* a run keeps only what it can need */
};
struct playbook_version *playbook_version_acquire(struct playbook_version *version);
void playbook_version_release(struct playbook_version *version); /* NULL is fine */
/* Takes over the reference to `playbook`, also on failure. */
FALLIBLE playbook_version_new(int64_t tenant, int64_t number, uint32_t version, struct playbook *playbook,
    struct playbook_version **ret, struct err_info *why);

struct registry_item {
    struct playbook_version *live;
    bool is_enabled;
};
struct registry_set {
    unsigned references; /* atomic */
    uint32_t count;
    struct registry_item items[]; /* by tenant, then name */
};
void registry_set_release(struct registry_set *set);

/* Takes store, catalogues, log and subjects from the engine's options. */
FALLIBLE registry_new(const struct engine_options *options, struct registry **ret, struct err_info *why);
void registry_free(struct registry *registry);
/* Reads what is published; blocking. A stored playbook that no longer compiles is logged and left out. */
FALLIBLE registry_load(struct registry *registry, struct err_info *why);

/* Called after each new set, on the thread that made it. One; before the first publishing. */
void registry_on_change(struct registry *registry, void (*changed)(void *context), void *context);
struct registry_set *registry_acquire(struct registry *registry);
/* Changes with every new set, so that a reader knows when its own is old. */
uint64_t registry_generation(struct registry *registry);

/* The live version; NULL when there is no such playbook. The caller releases it. */
struct playbook_version *registry_find(struct registry *registry, int64_t tenant, struct str name);
/* The same with whether it is enabled; `live` is NULL or the caller's to release. */
struct registry_item registry_find_item(struct registry *registry, int64_t tenant, struct str name);
/* Any version, read through `conn` when it is not at hand. ERR_NOT_FOUND. */
FALLIBLE registry_version(struct registry *registry, struct store_conn *conn, int64_t number,
    uint32_t version, struct playbook_version **ret, struct err_info *why);

FALLIBLE registry_check(struct registry *registry, int64_t tenant, struct str text, struct diagnostics *found,
    struct playbook **ret, struct err_info *why);

/* Who changes what is live, to which state. */
struct registry_change {
    int64_t tenant;
    struct str actor;
    bool is_enabled;
};
FALLIBLE registry_publish(struct registry *registry, const struct registry_change *change, struct str text,
    struct diagnostics *found, uint32_t *ret_version, struct err_info *why);
FALLIBLE registry_enable(
    struct registry *registry, const struct registry_change *change, struct str name, struct err_info *why);

#endif
