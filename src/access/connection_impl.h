/* What connection.c (rows and snapshots) and connection_check.c (what may stand in them) share. */
#ifndef TOCSIN_ACCESS_CONNECTION_IMPL_H
#define TOCSIN_ACCESS_CONNECTION_IMPL_H

#include "access/connection.h"

/* ERR_INVALID with the field and the mend. */
FALLIBLE connection_spec_check(const struct connection_spec *spec, struct err_info *why);

#endif
