/* The Link header (RFC 8288, 3), for paging. Pure; the text is hostile. */
#ifndef TOCSIN_CONNECT_LINK_H
#define TOCSIN_CONNECT_LINK_H

#include "base/str.h"

/* The target of the first link whose relation is "next" and whose context is the answer itself (no `anchor`);
 * empty when there is none. A slice of `header`, in which several headers are joined by commas. Reading ends
 * at the first thing that is no link. */
struct str link_next(struct str header);

#endif
