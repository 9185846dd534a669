/* Recorded events for `tocsin backtest`: each with where it came from, when, what its calls were answered,
 * what people said, and the run that it started then. From a file, or from a server. */
#ifndef TOCSIN_RECORDING_H
#define TOCSIN_RECORDING_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/value.h"
#include "login.h"

struct recording {
    struct str id; /* of the event; empty: it has none */
    struct str source;
    struct instant at; /* us 0: not known */
    struct value event;
    struct value mocks, answers; /* maps or null */
    struct str run_id; /* empty: none */
    struct value run; /* as run_show gives it; null: no run, or not known */
    bool has_before; /* what happened then is known, be it no run */
};

struct recordings {
    struct recording *items;
    size_t count, room;
};

/* JSON, an array, or one JSON value a line: an event itself, of `source` (empty: generic), or a line as
 * recordings_print writes it. In `arena`. ERR_INVALID with the place. */
FALLIBLE recordings_read(
    struct arena *arena, const char *path, struct str source, struct recordings *ret, struct err_info *why);
/* The server's events since then that made an alert, and what `playbook` made of them. `tell` (may be NULL)
 * is told how many were read so far. */
FALLIBLE recordings_fetch(struct arena *arena, const struct login *login, struct str playbook,
    struct instant since, void (*tell)(size_t count), struct recordings *ret, struct err_info *why);
/* One line of JSON. */
void recording_print(struct buf *buf, const struct recording *recording);

#endif
