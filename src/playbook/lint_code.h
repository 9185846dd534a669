/* Every code that the linter gives, with what `tocsin lint --explain CODE` says. */
#ifndef TOCSIN_PLAYBOOK_LINT_CODE_H
#define TOCSIN_PLAYBOOK_LINT_CODE_H

#include "playbook/diagnostic.h"

/* What a code is found in first; those of playbooks are found in the others too. */
enum lint_place { LINT_IN_PLAYBOOK, LINT_IN_CONNECTOR, LINT_IN_SOURCE, LINT_IN_TEST, LINT_IN_FILE };

struct lint_code {
    const char *code;
    enum diagnostic_level level;
    const char *summary;
    const char *explanation; /* why it is wrong and how to mend it */
    enum lint_place place;
};

const struct lint_code *lint_code_find(struct str code); /* NULL when there is none */
const struct lint_code *lint_code_at(uint32_t index); /* by code; NULL past the end */

#endif
