#include "api/idempotency.h"

#include <sodium.h>

#include "base/container.h"
#include "base/json.h"

#define TRIM_ROWS_MAX 1000
#define DIGEST_BYTES 16

const struct store_migration api_migrations[] = {
    { "api", 1, "answers by idempotency key",
        "CREATE TABLE api_answers (tenant INTEGER NOT NULL, id BLOB NOT NULL, request BLOB NOT NULL,"
        " status INTEGER NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL, created INTEGER NOT NULL,"
        " PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX api_answers_by_time ON api_answers (created)",
        "CREATE TABLE api_answers (tenant BIGINT NOT NULL, id BYTEA NOT NULL, request BYTEA NOT NULL,"
        " status INTEGER NOT NULL, type TEXT NOT NULL, body BYTEA NOT NULL, created BIGINT NOT NULL,"
        " PRIMARY KEY (tenant, id));"
        "CREATE INDEX api_answers_by_time ON api_answers (created)" },
    { 0 },
};

/* ---- what a request is known by ---- */

static void digest_add(crypto_generichash_state *state, struct str part)
{
    uint64_t size = part.size; /* so that two parts never read as another two */
    crypto_generichash_update(state, (const unsigned char *)&size, sizeof size);
    crypto_generichash_update(state, (const unsigned char *)part.data, part.size);
}

static void make_digests(struct request *request, struct str key)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    digest_add(&state, id_bytes(&request->principal.id));
    digest_add(&state, principal_name(&request->principal));
    digest_add(&state, key);
    crypto_generichash_final(&state, request->key_id, DIGEST_BYTES);
    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    digest_add(&state, http_method(request->exchange));
    digest_add(&state, http_path(request->exchange));
    digest_add(&state, http_query(request->exchange));
    if (!request->match.route->is_secret)
        digest_add(&state, http_body(request->exchange));
    crypto_generichash_final(&state, request->key_request, DIGEST_BYTES);
}

static struct str id_of(const struct request *request)
{
    return (struct str){ (const char *)request->key_id, DIGEST_BYTES };
}

static struct str content_of(const struct request *request)
{
    return (struct str){ (const char *)request->key_request, DIGEST_BYTES };
}

/* ---- rows ---- */

static FALLIBLE reserve(struct request *request, struct store_conn *conn, struct err_info *why)
{
    static const struct sql insert = { "INSERT INTO api_answers (tenant, id, request, status, type, body,"
                                       " created) VALUES ($1, $2, $3, 0, '', $4, $5)",
        NULL };
    request->key_state = KEY_RESERVED;
    return sql_run(conn, &insert,
        SQL_ARGS(arg_int(request->principal.tenant), arg_bytes(id_of(request)),
            arg_bytes(content_of(request)), arg_bytes(STR("")), arg_instant(store_commit_time(conn))),
        NULL, why);
}

static FALLIBLE take_answer(
    struct request *request, struct store_conn *conn, struct rows *rows, struct err_info *why)
{
    struct str stored;
    if (!str_equal(rows_bytes(rows, 0), content_of(request)))
        return err_named(why, ERR_LIMIT, "idempotency_key",
            "this Idempotency-Key was used for another request; take a new one");
    request->status_ok = (int)rows_int(rows, 1);
    if (request->status_ok == 0)
        return err_named(why, ERR_CONFLICT, "idempotency_busy",
            "a request with this Idempotency-Key is under way, or was cut off by a crash: look whether it "
            "was "
            "done");
    request->key_state = KEY_ANSWERED;
    TRY(arena_str(&request->arena, rows_bytes(rows, 2), &request->answer_type, why));
    TRY(arena_str(&request->arena, rows_bytes(rows, 3), &stored, why));
    return payload_get(conn, request->principal.tenant, stored, &request->arena, &request->answer, why);
}

static enum err look_up(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    static const struct sql find = {
        "SELECT request, status, type, body FROM api_answers WHERE tenant = $1 AND id = $2", NULL
    };
    struct request *request = CONTAINER_OF(op, struct request, op);
    AUTO(rows) struct rows rows = { 0 };
    request->key_state = KEY_NONE;
    TRY(rows_open(
        &rows, conn, &find, SQL_ARGS(arg_int(request->principal.tenant), arg_bytes(id_of(request))), why));
    if (rows_next(&rows))
        return take_answer(request, conn, &rows, why);
    TRY(rows_end(&rows, why));
    return reserve(request, conn, why);
}

static FALLIBLE write_answer(
    struct request *request, struct store_conn *conn, int status, struct str body, struct err_info *why)
{
    static const struct sql update = {
        "UPDATE api_answers SET status = $3, type = $4, body = $5 WHERE tenant = $1 AND id = $2", NULL
    };
    int64_t tenant = request->principal.tenant;
    struct str stored;
    AUTO(buf) struct buf instead = { 0 };
    if (request->match.route->is_secret && status < 300) {
        status = 409;
        problem_print(&instead, status, "secret_answer",
            STR("this was done; its answer held a secret and is not kept"), 0, 0);
        TRY(buf_check(&instead, why));
        body = buf_str(&instead);
    }
    TRY(payload_put(conn, tenant, body, &request->arena, &stored, why));
    return sql_run(conn, &update,
        SQL_ARGS(arg_int(tenant), arg_bytes(id_of(request)), arg_int(status), arg_text(request->answer_type),
            arg_bytes(stored)),
        NULL, why);
}

static FALLIBLE free_key(struct request *request, struct store_conn *conn, struct err_info *why)
{
    static const struct sql forget = { "DELETE FROM api_answers WHERE tenant = $1 AND id = $2", NULL };
    return sql_run(
        conn, &forget, SQL_ARGS(arg_int(request->principal.tenant), arg_bytes(id_of(request))), NULL, why);
}

enum err idempotency_store(
    struct request *request, struct store_conn *conn, int status, struct value body, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    if (request->key_state != KEY_RESERVED)
        return ERR_OK;
    json_print(&text, body, 0);
    buf_add_byte(&text, '\n');
    TRY(buf_check(&text, why));
    request->answer_type = STR("application/json");
    return write_answer(request, conn, status, buf_str(&text), why);
}

enum err idempotency_trim(struct store_conn *conn, struct err_info *why)
{
    static const struct sql trim = { "DELETE FROM api_answers WHERE (tenant, id) IN"
                                     " (SELECT tenant, id FROM api_answers WHERE created < $1 LIMIT $2)",
        NULL };
    int64_t before = store_commit_time(conn).us - IDEMPOTENCY_SECONDS * US_PER_S;
    return sql_run(conn, &trim, SQL_ARGS(arg_int(before), arg_int(TRIM_ROWS_MAX)), NULL, why);
}

/* ---- around the handler ---- */

static void looked_up(struct store_op *op, enum err result, const struct err_info *why)
{
    struct request *request = CONTAINER_OF(op, struct request, op);
    if (result != ERR_OK) {
        request->key_state = KEY_NONE;
        request_fail(request, result, why);
    } else if (request->key_state == KEY_ANSWERED) {
        request_reply_text(request, request->status_ok, request->answer_type.data, request->answer);
    } else if (request->exchange == NULL) {
        /* The sender is gone before anything was done: its key is free again. */
        request_problem(request, 503, "gone", "nothing was done");
    } else {
        request_handle(request);
    }
}

static enum err keep_answer(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct request *request = CONTAINER_OF(op, struct request, op);
    int status = request->answer_status;
    if (status == 429 || status >= 500)
        return free_key(request, conn, why);
    return write_answer(request, conn, status, request->answer, why);
}

/* An answer that could not be kept goes out all the same: what it says is so. */
static void kept(struct store_op *op, enum err result, const struct err_info *why)
{
    struct request *request = CONTAINER_OF(op, struct request, op);
    if (result != ERR_OK)
        log_failure(request->api->options.log, LOG_WARN, "an answer was not kept for its key", why);
    request->send(request);
}

void idempotency_finish(struct request *request, idempotency_send *send)
{
    request->key_state = KEY_ANSWERED;
    request->send = send;
    request->op = (struct store_op){
        .apply = keep_answer, .done = kept, .reply_to = request->api->options.loop
    };
    store_submit(request->api->options.store, &request->op);
}

static void begin(struct request *request)
{
    request->op = (struct store_op){
        .apply = look_up, .done = looked_up, .reply_to = request->api->options.loop
    };
    store_submit(request->api->options.store, &request->op);
}

bool idempotency_take(struct request *request)
{
    const struct route *route = request->match.route;
    struct str key = http_header_get(request->exchange, "idempotency-key");
    if (key.size == 0 || route->authentication == ROUTE_OPEN || str_equal(str_of(route->method), STR("GET")))
        return false;
    if (key.size > IDEMPOTENCY_KEY_BYTES_MAX) {
        request_problem(request, 400, "idempotency_key", "an Idempotency-Key has at most %d bytes",
            IDEMPOTENCY_KEY_BYTES_MAX);
        return true;
    }
    make_digests(request, key);
    begin(request);
    return true;
}
