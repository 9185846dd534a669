#include "access/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/audit.h"
#include "access/private_file.h"

/* Tokens that a start writes into files. */
struct file_token {
    const char *name, *scopes;
    enum permission needed; /* what a good one can do */
    bool ends_setup; /* after it the set-up link would make a second administrator */
};
static const struct file_token bootstrap_token = { "bootstrap", "admin", PERMISSION_ADMIN, true };
static const struct file_token collector_token = { "collector",
    "ingest:* events:read alerts:read cases:read runs:read tasks:read", PERMISSION_RUNS_READ, false };

static const struct sql setup_state = { "SELECT hash, expires, finished FROM access_setup WHERE one = 1",
    NULL };
static const struct sql setup_set = {
    "INSERT INTO access_setup (one, hash, created, expires, finished) VALUES (1, $1, $2, $3, $4)"
    " ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, created = excluded.created,"
    " expires = excluded.expires, finished = excluded.finished",
    NULL
};
static const struct sql earlier_find = { "SELECT id FROM access_tokens WHERE tenant = $1 AND name = $2 AND "
                                         "created_by = 'system' AND revoked = 0 LIMIT 1",
    NULL };

struct setup_row {
    bool is_finished;
    struct instant expires;
    uint8_t hash[32];
};

static void hash_text(struct str text, uint8_t ret[32])
{
    static const char use[] = "tocsin setup"; /* so that no other hash of the same text is alike */
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, 32); /* these fail on wrong sizes only */
    (void)crypto_generichash_update(&state, (const unsigned char *)use, sizeof(use));
    (void)crypto_generichash_update(&state, (const unsigned char *)text.data, text.size);
    (void)crypto_generichash_final(&state, ret, 32);
}

/* All zeros when there is no row yet. */
static enum err row_read(struct store_conn *conn, struct setup_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct setup_row row = { 0 };
    TRY(rows_open(&rows, conn, &setup_state, SQL_NO_ARGS, why));
    if (rows_next(&rows)) {
        struct str hash = rows_bytes(&rows, 0);
        if (hash.size == sizeof(row.hash))
            memcpy(row.hash, hash.data, sizeof(row.hash));
        row.expires = rows_instant(&rows, 1);
        row.is_finished = rows_int(&rows, 2) != 0;
    }
    TRY(rows_end(&rows, why));
    *ret = row;
    return ERR_OK;
}

static enum err row_write(
    struct store_conn *conn, const uint8_t hash[32], bool is_finished, struct err_info *why)
{
    struct instant now = store_commit_time(conn);
    struct instant expires = { now.us + SETUP_SECONDS_MAX * US_PER_S };
    return sql_run(conn, &setup_set,
        SQL_ARGS(arg_bytes((struct str){ (const char *)hash, 32 }), arg_instant(now), arg_instant(expires),
            arg_int(is_finished ? now.us : 0)),
        NULL, why);
}

static enum err row_finish(struct store_conn *conn, struct err_info *why)
{
    static const uint8_t none[32];
    return row_write(conn, none, true, why);
}

/* ---- the link ---- */

struct begin {
    struct tokens *tokens;
    struct setup_text text;
};

static enum err begin_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct begin *begin = context;
    struct setup_row row;
    uint8_t bytes[32], hash[32];
    TRY(row_read(conn, &row, why));
    if (row.is_finished)
        return ERR_OK;
    rand_fill(tokens_rand(begin->tokens), bytes, sizeof(bytes));
    (void)sodium_bin2base64(begin->text.text, sizeof(begin->text.text), bytes, sizeof(bytes),
        sodium_base64_VARIANT_URLSAFE_NO_PADDING); /* returns its buffer */
    sodium_memzero(bytes, sizeof(bytes));
    hash_text(str_of(begin->text.text), hash);
    return row_write(conn, hash, false, why);
}

enum err setup_begin(struct store *store, struct tokens *tokens, struct setup_text *ret, struct err_info *why)
{
    struct begin begin = { .tokens = tokens };
    TRY(store_write_wait(store, begin_apply, &begin, why));
    *ret = begin.text;
    return ERR_OK;
}

enum err setup_check(struct store_conn *conn, struct str text, struct err_info *why)
{
    struct setup_row row;
    uint8_t hash[32];
    TRY(row_read(conn, &row, why));
    hash_text(text, hash);
    bool is_good = !row.is_finished && row.expires.us > store_commit_time(conn).us &&
        !sodium_memcmp(hash, row.hash, sizeof(hash));
    if (is_good)
        return ERR_OK;
    return err_named(why, ERR_DENIED, "setup",
        "this set-up link is not good: it was used, has expired, or a later start printed a new one");
}

static enum err make_token(struct store_conn *conn, struct tokens *tokens, struct str name,
    struct scopes scopes, struct token_text *ret, struct err_info *why)
{
    struct principal system = principal_system(TENANT_DEFAULT);
    struct token_spec spec = { .name = name, .scopes = scopes, .expires = INSTANT_NEVER };
    struct token_made made;
    TRY(token_create(tokens, conn, &system, &spec, &made, why));
    *ret = made.text;
    return ERR_OK;
}

enum err setup_finish(struct store_conn *conn, struct tokens *tokens, struct str text, struct str name,
    struct token_text *ret, struct err_info *why)
{
    TRY(setup_check(conn, text, why));
    TRY(row_finish(conn, why));
    return make_token(conn, tokens, name, scopes_all(), ret, why);
}

/* ---- the file ---- */

static enum err revoke_earlier(
    struct store_conn *conn, struct tokens *tokens, const char *name, struct err_info *why)
{
    struct principal system = principal_system(TENANT_DEFAULT);
    for (;;) {
        AUTO(rows) struct rows rows = { 0 };
        TRY(rows_open(
            &rows, conn, &earlier_find, SQL_ARGS(arg_int(TENANT_DEFAULT), arg_text(str_of(name))), why));
        bool found = rows_next(&rows);
        struct id id = found ? rows_id(&rows, 0) : ID_NONE;
        TRY(rows_end(&rows, why));
        if (!found)
            return ERR_OK;
        TRY(token_revoke(tokens, conn, &system, id, why));
    }
}

struct file_work {
    const struct file_token *kind;
    struct tokens *tokens;
    bool keeps_token; /* the file's is good: only the link must go */
    struct token_text text;
};

static enum err file_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct file_work *work = context;
    struct scopes scopes = { 0 };
    if (work->kind->ends_setup)
        TRY(row_finish(conn, why));
    if (work->keeps_token)
        return ERR_OK;
    TRY(scopes_parse(&scopes, str_of(work->kind->scopes), why));
    TRY(revoke_earlier(conn, work->tokens, work->kind->name, why));
    return make_token(conn, work->tokens, str_of(work->kind->name), scopes, &work->text, why);
}

/* What the file holds; empty when there is none. Its mode is narrowed to 0600. */
static enum err read_file(const char *path, char *text, size_t room, size_t *ret_size, struct err_info *why)
{
    *ret_size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : err_errno(why, errno, "opening the token's file");
    struct stat status;
    ssize_t size = read(fd, text, room);
    int failed = size < 0 || fstat(fd, &status) ? errno : 0;
    if (!failed && size > 0 && (status.st_mode & 077) && fchmod(fd, 0600))
        failed = errno;
    (void)close(fd); /* nothing was written */
    if (failed)
        return err_errno(why, failed, "reading the token's file");
    *ret_size = (size_t)size;
    return ERR_OK;
}

static enum err write_file(const char *path, const struct token_text *text, struct err_info *why)
{
    char line[sizeof(text->text) + 1];
    int size = snprintf(line, sizeof(line), "%s\n", text->text);
    enum err result = private_file_write(
        path, (struct str){ line, (size_t)size }, "writing the token's file", why);
    sodium_memzero(line, sizeof(line));
    return result;
}

static enum err file_at(struct store *store, struct tokens *tokens, const struct file_token *kind,
    const char *path, struct err_info *why)
{
    char bytes[256];
    size_t size = 0;
    struct principal principal;
    struct err_info ignored;
    TRY(read_file(path, bytes, sizeof(bytes), &size, why));
    struct str text = str_trim((struct str){ bytes, size });
    if (text.size > 0 && (!str_starts(text, STR(TOKEN_PREFIX)) || text.size >= sizeof(struct token_text)))
        return err_named(why, ERR_CONFLICT, "bootstrap_file",
            "%s exists and holds no token: it is left alone; name another file, or remove it", path);
    struct file_work work = { .kind = kind, .tokens = tokens };
    work.keeps_token = token_authenticate(tokens, text, &principal, &ignored) == ERR_OK &&
        principal_can(&principal, kind->needed);
    sodium_memzero(bytes, sizeof(bytes));
    TRY(store_write_wait(store, file_apply, &work, why));
    if (work.keeps_token)
        return ERR_OK;
    enum err result = write_file(path, &work.text, why);
    sodium_memzero(&work.text, sizeof(work.text));
    return result;
}

static enum err file_token(struct store *store, struct tokens *tokens, const struct file_token *kind,
    struct str path, struct err_info *why)
{
    char *copy = strndup(path.data, path.size);
    if (!copy)
        return err_memory(why);
    enum err result = file_at(store, tokens, kind, copy, why);
    free(copy);
    return result;
}

enum err setup_bootstrap_file(
    struct store *store, struct tokens *tokens, struct str path, struct err_info *why)
{
    return file_token(store, tokens, &bootstrap_token, path, why);
}

enum err setup_collector_file(
    struct store *store, struct tokens *tokens, struct str path, struct err_info *why)
{
    return file_token(store, tokens, &collector_token, path, why);
}
