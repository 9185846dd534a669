/* Doubles to and from decimal text: exact, shortest, and untouched by the locale. A shim over the C++
 * library's charconv, which is the only part of the platform that promises all three. */
#ifndef TOCSIN_BASE_NUMBER_H
#define TOCSIN_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NUMBER_TEXT_BYTES 32

/* The whole text: [-]digits[.digits][e[+-]digits], where digits may miss on one side of the point; no
 * white space, no "inf", no "nan", no hexadecimal.
 * False on anything else and on overflow; what is too small to tell from zero is zero. */
bool number_parse_double(const char *text, size_t size, double *ret);
/* The shortest digits that read back as the same double, laid out as ECMAScript does: plain from 1e-6
 * up to 1e21, else with an exponent. Returns the size; no '\0'. */
size_t number_print_double(double number, char text[NUMBER_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
