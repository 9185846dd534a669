/* The tables of this floor, from number 1 on; for store_options.migrations. */
#ifndef TOCSIN_CASES_MIGRATIONS_H
#define TOCSIN_CASES_MIGRATIONS_H

#include "store/store.h"

extern const struct store_migration cases_migrations[];

#endif
