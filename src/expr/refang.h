/* Indicators made harmless and back: hxxp://evil[.]example to http://evil.example. */
#ifndef TOCSIN_EXPR_REFANG_H
#define TOCSIN_EXPR_REFANG_H

#include "expr/call.h"

/* The text with all usual ways of defanging undone, wherever they stand in it; the rest as it is. */
FALLIBLE refang_text(struct call *call, struct str text, struct value *ret);

#endif
