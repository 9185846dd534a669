/* Which last labels make a word with dots a domain name. */
#ifndef TOCSIN_INGEST_TLD_H
#define TOCSIN_INGEST_TLD_H

#include <stdbool.h>

#include "base/str.h"

/* In any case: the country codes, the common generic ones, and those of private and reserved use (RFC 2606,
 * 6762, 8375). */
bool tld_is_known(struct str label);
/* Last labels that are far more often the end of a file's name: "sh", "py", "zip", …. */
bool tld_is_file_like(struct str label);

#endif
