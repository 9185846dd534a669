/* string.format() of the strings extension (extensions/strings.md). */
#ifndef TOCSIN_EXPR_FORMAT_H
#define TOCSIN_EXPR_FORMAT_H

#include "expr/call.h"

FALLIBLE format_string(struct call *call, struct str format, struct value arguments, struct value *ret);
/* A value as %s shows it. */
FALLIBLE format_value(struct call *call, struct writer *writer, struct value v);

#endif
