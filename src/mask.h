/* Takes secrets out of what is shown to others: values under names such as "password" or "api_key", wherever
 * they stand, and inside texts what is a token by its form or stands behind such a name. */
#ifndef TOCSIN_MASK_H
#define TOCSIN_MASK_H

#include "base/value.h"

#define MASKED "(masked)"

/* A copy with MASKED in place of each secret; `*ret_count` counts them. In `arena`. */
FALLIBLE mask_value(
    struct arena *arena, struct value v, struct value *ret, unsigned *ret_count, struct err_info *why);

#endif
