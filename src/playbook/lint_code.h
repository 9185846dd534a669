/* Every code that the linter gives, with what `tocsin lint --explain CODE` says. */
#ifndef TOCSIN_PLAYBOOK_LINT_CODE_H
#define TOCSIN_PLAYBOOK_LINT_CODE_H

#include "playbook/diagnostic.h"

struct lint_code {
    const char *code;
    enum diagnostic_level level;
    const char *summary;
    const char *explanation; /* why it is wrong and how to mend it */
};

const struct lint_code *lint_code_find(struct str code); /* NULL when there is none */
const struct lint_code *lint_code_at(uint32_t index); /* by code; NULL past the end */

#endif
