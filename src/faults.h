/* Faults of content files on standard error, as commands tell them before they give up. */
#ifndef TOCSIN_FAULTS_H
#define TOCSIN_FAULTS_H

#include "playbook/diagnostic.h"

/* A line each; warnings only of the file named (NULL: of all), since the others are `tocsin lint`'s to tell.
 */
void faults_print(const struct diagnostics *found, const char *warned_file);

#endif
