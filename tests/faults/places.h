/* Lets a call of our program fail once at each of its places: which calls there are, and one playing for
 * each.
 *
 * Linked with `fault_links` (meson.build): the linker leads our calls of malloc and its kin, and of SQLite,
 * to the functions of places.c; the libraries' own calls stay as they are. arena.c beside it takes the place
 * of base/arena.c, so that every allocation from an arena is a call of malloc, not only the one that finds
 * its chunk full.
 *
 * A place is a chain of callers, FAULT_CALLERS deep. The same place is let fail once in the life of the
 * program, so that a whole suite can be played with it: what was tried in one test is not tried in the next.
 *
 *     faults_look(FAULT_MEMORY);
 *     play();
 *     const struct fault_list list = faults_looked();
 *     for (long i = 0; i < list.count; i++) {
 *         faults_refuse(FAULT_MEMORY, list.numbers[i], code);
 *         play();
 *         bool has_struck = faults_end();
 *     }
 */
#ifndef TOCSIN_TESTS_PLACES_H
#define TOCSIN_TESTS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
    FAULT_MEMORY, /* malloc, calloc, realloc, strdup, strndup, and each entry of a list or map that is built
                   */
    FAULT_STORE, /* SQLite: preparing, binding, stepping */
    FAULT_SYSTEM, /* files, sockets, threads, locks: what fault_links names */
};

struct fault_list {
    long *numbers; /* of calls, from 0; owned by places.c, good until the next look */
    long count;
};

/* Counts from here; calls at places that were not seen before are kept. */
void faults_look(enum fault_kind kind);
struct fault_list faults_looked(void);

/* The call of that number from here on fails; with `code`, SQLite's, of FAULT_STORE (0: one that fits). The
 * end of a transaction fails for want of room only. */
void faults_refuse(enum fault_kind kind, long number, int code);
/* Nothing fails any more. Whether the call was made, and thus failed. */
bool faults_end(void);

/* Where the call that was refused came from: addresses for `addr2line -fie PROGRAM`, the nearest caller
 * first. FAULT_TRACE=1 in the environment prints them as well. */
unsigned faults_callers(const size_t **ret);

/* From here on what is counted and seen is shared with processes that are made. */
bool faults_share(void);

/* How many callers make a place, 1 to 16; 6 unless told. */
void faults_set_depth(unsigned depth);

#endif
