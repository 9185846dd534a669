/* All actions of one moment, native and declarative: immutable, counted, replaced whole by a reload. */
#ifndef TOCSIN_CONNECT_CATALOGUE_H
#define TOCSIN_CONNECT_CATALOGUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "connect/connect.h"
#include "connect/connector.h"

struct action_catalogue {
    struct catalogue catalogue; /* what others see; first */
    struct arena arena;
    atomic_uint references;
    const struct action **actions; /* by name */
    uint32_t action_count;
    const struct connector **connectors; /* by name */
    uint32_t connector_count;
};

/* The source that connect_catalogues gives. */
struct catalogues {
    struct catalogue_source source; /* first */
    pthread_mutex_t mutex;
    struct action_catalogue *current;
};

/* Native actions and those of the files, which replace each other by connector name. ERR_INVALID when a file
 * has errors (in `found`). One reference. */
FALLIBLE action_catalogue_build(const struct connector_file *files, size_t count, struct diagnostics *found,
    struct action_catalogue **ret, struct err_info *why);
void action_catalogue_release(struct action_catalogue *catalogue);
const struct connector *action_catalogue_find_connector(
    const struct action_catalogue *catalogue, struct str name);
FALLIBLE catalogues_init(struct catalogues *catalogues, struct err_info *why);
void catalogues_done(struct catalogues *catalogues);
void catalogues_swap(struct catalogues *catalogues, struct action_catalogue *next);

#endif
