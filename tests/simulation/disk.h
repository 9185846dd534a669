/* A disk that dies: an SQLite VFS over real files that remembers what was written since the last sync of each
 * file. After a death only what was synced is certain to be there; of the rest a part, chosen by chance, torn
 * at sectors. One thread. */
#ifndef TOCSIN_TESTS_SIMULATION_DISK_H
#define TOCSIN_TESTS_SIMULATION_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"

/* Registers the VFS "simulated"; once. */
void disk_register(void);
/* The power fails at the write or sync that comes after so many others: it and all later ones fail. */
void disk_die_after(uint32_t operations);
/* Not, after all. */
void disk_live_on(void);
/* Now. */
void disk_die(void);
bool disk_is_dead(void);
/* After every handle was closed: leaves on the files what the death left, and works again. */
void disk_revive(struct rand *chance);
/* Forgets all, for another simulation. */
void disk_forget(void);

#endif
