/* Content files checked together: playbooks against the connectors and playbooks that are there, test files
 * against their playbook, connectors and sources by their own readers. */
#ifndef TOCSIN_LINT_FILES_H
#define TOCSIN_LINT_FILES_H

#include "connect/connect.h"
#include "connect/contracts.h"
#include "file.h"
#include "login.h"
#include "playbook/playbook.h"

enum lint_kind { LINT_OTHER, LINT_PLAYBOOK, LINT_CONNECTOR, LINT_SOURCE, LINT_TEST };

struct lint_file {
    struct str name, text;
    enum lint_kind kind;
    bool is_builtin; /* known to the others, not checked itself */
    struct playbook *playbook; /* NULL: none, or with errors */
};

/* Where it stands what answers have looked like so far. */
struct lint_learning {
    const char *const *files; /* as `tocsin connector contracts --json` prints them */
    size_t file_count;
    const struct login *server; /* NULL: no server is asked */
};

struct lint_set {
    const struct lint_learning *learning; /* set by the caller; NULL: only what is declared counts */
    struct playbook_world world;
    struct contracts *learned; /* NULL: none */
    struct connect *connect;
    struct catalogue_source *source;
    const struct catalogue *catalogue; /* NULL: a connector is broken, so actions are not known */
    struct lint_file *files; /* the named ones, then those inside the binary */
    size_t count;
};

/* Reads and checks; the set's memory is `arena` but for what lint_set_cleanup releases. Faults go to `found`.
 * Errors: a file that can't be read, ERR_MEMORY. */
FALLIBLE lint_files(const struct file_list *files, struct arena *arena, struct diagnostics *found,
    struct lint_set *ret, struct err_info *why);
void lint_set_cleanup(struct lint_set *set);

/* lint_learned.c: fills `set->learned` and makes the world go by it. ERR_INVALID, ERR_NOT_FOUND: a file;
 * errors of client_ask. */
FALLIBLE lint_learn(struct lint_set *set, struct arena *arena, struct err_info *why);

/* lint_suite.c: a test file against its playbook and the actions. */
FALLIBLE lint_suite(const struct lint_set *set, const struct lint_file *file, struct arena *arena,
    struct diagnostics *found, struct err_info *why);
const struct playbook *lint_find_playbook(const struct lint_set *set, struct str name); /* NULL: none */

#endif
