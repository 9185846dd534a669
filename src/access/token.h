/* Bearer tokens: "toc_" and 256 random bits. Only a keyed hash is stored; the text is shown once, when it
 * is made. Authentication is a lookup in memory, on any thread, without the store.
 *
 * Invariant: the table in memory shows what is committed, never more: a token works once its commit is
 * durable, and no longer once its revocation is. */
#ifndef TOCSIN_ACCESS_TOKEN_H
#define TOCSIN_ACCESS_TOKEN_H

#include "access/principal.h"
#include "access/vault.h"
#include "store/store.h"

struct tokens;

#define TOKEN_PREFIX "toc_"
struct token_text {
    char text[4 + 43 + 1];
};

struct tokens_options {
    struct store *store;
    struct vault *vault; /* must outlive the tokens */
    struct rand *rand;
    struct clock *clock;
};
/* Boot, blocking: reads the table. */
FALLIBLE tokens_open(const struct tokens_options *options, struct tokens **ret, struct err_info *why);
void tokens_close(struct tokens *tokens);
struct rand *tokens_rand(const struct tokens *tokens);

/* ERR_DENIED for all that does not let in: unknown, malformed, expired, revoked (name "token" or
 * "token_expired"). Notes the time of use in memory. */
FALLIBLE token_authenticate(
    struct tokens *tokens, struct str text, struct principal *ret, struct err_info *why);
/* Of an Authorization header's value: "Bearer toc_…", the scheme in any case (RFC 9110, 11.1). */
FALLIBLE token_authenticate_header(
    struct tokens *tokens, struct str header, struct principal *ret, struct err_info *why);

struct token_spec {
    struct str name; /* 1 … PRINCIPAL_NAME_BYTES_MAX bytes of UTF-8 */
    struct scopes scopes; /* ERR_DENIED when `by` does not hold them all */
    struct instant expires; /* INSTANT_NEVER, or in the future */
};
struct token_made {
    struct id id;
    struct token_text text; /* the only copy there will ever be */
};
/* Inside apply, with its audit row. */
FALLIBLE token_create(struct tokens *tokens, struct store_conn *conn, const struct principal *by,
    const struct token_spec *spec, struct token_made *ret, struct err_info *why);
/* ERR_NOT_FOUND when the tenant has no such token, or it was revoked before. */
FALLIBLE token_revoke(struct tokens *tokens, struct store_conn *conn, const struct principal *by,
    struct id id, struct err_info *why);

struct token_info {
    struct id id;
    struct str name;
    struct scopes scopes;
    struct instant created, expires;
    struct instant last_used; /* us == 0: never */
    struct str created_by;
};
/* Those not revoked, oldest first, from memory, with uses up to now. */
FALLIBLE token_list(struct tokens *tokens, int64_t tenant, struct arena *arena, struct token_info **ret,
    size_t *ret_count, struct err_info *why);
/* ERR_NOT_FOUND. */
FALLIBLE token_get(struct tokens *tokens, int64_t tenant, struct id id, struct arena *arena,
    struct token_info *ret, struct err_info *why);

/* Inside apply: stores the times of use that changed since the last call. main calls it every
 * TOKEN_USES_SECONDS; uses since then are lost in a crash, which is accepted. */
FALLIBLE tokens_store_uses(struct tokens *tokens, struct store_conn *conn, struct err_info *why);
bool tokens_have_uses(struct tokens *tokens);

#endif
