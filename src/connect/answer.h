/* From an HTTP answer to a value that fits what the action declares, or to an error with a code that
 * playbooks can branch on. */
#ifndef TOCSIN_CONNECT_ANSWER_H
#define TOCSIN_CONNECT_ANSWER_H

#include "connect/connector.h"
#include "io/http_client.h"

/* "http_404", "timeout", "dns", …; docs/connectors.md, "Error codes". A failure of the exchange itself:
 * `answer->failure` is not HTTP_OK. */
void answer_failure(const struct http_answer *answer, struct action_result *ret);
/* The error of a status that nothing else explained. `about`: "GET https://host/path". */
FALLIBLE answer_status_error(const struct http_answer *answer, struct value body, struct str about,
    struct arena *arena, struct action_result *ret, struct err_info *why);
/* Retry-After (RFC 9110, 10.2.3) of a 429 or 503, in µs; a date is read against `Date:` of the same answer.
 * 0: none. */
int64_t answer_retry_after(const struct http_answer *answer);
/* What a status means for a failed call: whether it is worth trying again, and whether the call may have had
 * its effect (a gateway that lost the answer, a server that broke in the middle). 429 is ACTION_NOT_SENT: the
 * tool did not look at the call (RFC 6585, 4), so that even an unsafe one may go again. */
bool status_is_retryable(int status);
enum action_effect status_effect(int status);

/* {name in lower case: value}; repeated ones joined by ", ". */
FALLIBLE answer_headers(
    const struct http_answer *answer, struct arena *arena, struct value *ret, struct err_info *why);
/* FORMAT_JSON, of an answer whose status is 2xx: ERR_INVALID, name "answer_not_json". Otherwise JSON where it
 * is JSON, else text, else bytes; null when empty. ERR_LIMIT, name "answer_too_large", past
 * ANSWER_VALUES_MAX.
 */
FALLIBLE answer_body(const struct http_answer *answer, enum answer_format format, struct arena *arena,
    struct value *ret, struct err_info *why);

/* Makes `v` fit `type` where JSON lacks the type: int to double, a whole double to int, text to timestamp;
 * leaves out fields that the record does not declare, and null ones that need not be there. What does not fit
 * stays. */
FALLIBLE answer_fit(
    const struct type *type, struct arena *arena, struct value v, struct value *ret, struct err_info *why);
/* Seals the secret fields of a record. */
FALLIBLE answer_seal(const struct type *type, struct arena *arena, struct secret_source *source,
    struct value v, struct value *ret, struct err_info *why);

/* A result that says no; texts are borrowed. */
struct action_result result_error(
    struct str code, struct str message, bool is_retryable, enum action_effect effect);
/* From `why`: its name is the code, or its word. Copies the text; on no memory it is left out. */
struct action_result result_from_why(
    struct arena *arena, const struct err_info *why, enum action_effect effect);

#endif
