/* Actions that are made up: a catalogue whose answers come from a table (docs/playbooks.md, "Tests"), in
 * front of a real catalogue or of none. For `tocsin test`, `tocsin run --mock` and the scenario tests. One
 * thread.
 *
 * The table is a map of action names; each has an answer or a list of them:
 *
 *     abuseipdb.check_ip: { output: { score: 93 } }
 *     edr.isolate:
 *       - { when: 'with.host == "db1"', error: { code: busy, message: later, retryable: true } }
 *       - { output: {}, delay: 3s }
 *
 * A call takes the first answer that was not used yet and whose `when` (CEL over `with`, `step`,
 * `connection`) is absent or true; when all that fit are used, the last of them repeats. `delay` is how long
 * the answer takes. `error` is a code or {code, message, retryable, retry_after}. `effect` of an error is
 * `answered` (the other side said no: the default), `not_sent` or `unknown`; `happened` says whether the call
 * took effect all the same, which is what a probe finds out. `hangs: true` never answers by itself.
 *
 * It also plays the world outside: it outlives engines that are thrown away (mocks_drop_calls), remembers
 * which calls took effect under which idempotency key, and answers probes from that. */
#ifndef TOCSIN_MOCKS_H
#define TOCSIN_MOCKS_H

#include "playbook/action.h"

struct mocks;

enum mocks_unlisted {
    MOCKS_PASS, /* an action that the table has not is the real one */
    MOCKS_REFUSE, /* its calls fail with "not_mocked"; local actions (case.*, …) are real all the same */
};

/* `real` may be NULL: then only declared actions exist. Its catalogue of this moment is held to the end. */
FALLIBLE mocks_new(
    struct catalogue_source *real, enum mocks_unlisted unlisted, struct mocks **ret, struct err_info *why);
void mocks_free(struct mocks *mocks); /* NULL is fine */

/* Actions that `real` has not, as a map: name → {kind, idempotent, probe, undo, local, secret}, all with
 * defaults (query, false, false, none, false, none); `secret` lists the output's secret fields. Copied.
 * Before mocks_set. ERR_INVALID. */
FALLIBLE mocks_declare(struct mocks *mocks, struct value actions, struct err_info *why);
/* Replaces the table; what calls were made stays. Copied. ERR_INVALID with the action and what is wrong;
 * ERR_NOT_FOUND for an action that does not exist. While no call is out. */
FALLIBLE mocks_set(struct mocks *mocks, struct value table, struct err_info *why);

/* This one is real where the table has nothing of it, even with MOCKS_REFUSE. ERR_NOT_FOUND. */
FALLIBLE mocks_pass(struct mocks *mocks, struct str name, struct err_info *why);

/* The engine's. Good until mocks_free. */
struct catalogue_source *mocks_catalogues(struct mocks *mocks);

/* A call that went out to a mock, in the order of their going out. Borrowed until mocks_free. */
struct mock_call {
    struct str action, connection, playbook, step, key;
    struct id run_id;
    enum action_purpose purpose;
    struct value with;
    struct instant at;
    bool took_effect; /* of a probe: what it found */
    struct mock_call *next;
};
/* NULL: none. */
const struct mock_call *mocks_calls(const struct mocks *mocks);
/* How often calls of that key took effect. */
uint32_t mocks_effects(const struct mocks *mocks, struct str key);

/* Whether a call failed, with "mock_failed", for want of memory of their own. */
bool mocks_have_run_out(const struct mocks *mocks);

/* Calls that are out are forgotten, as by a process that dies; before the engine that made them is freed. */
void mocks_drop_calls(struct mocks *mocks);

#endif
