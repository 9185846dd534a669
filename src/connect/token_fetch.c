/* Fetching access tokens: OAuth 2 (RFC 6749, 4.4) and tools' own logins. The calls of a shard that need the
 * same token at the same time wait for one request: the call that was first makes it, its connection's
 * secrets are its own. */
#include <string.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/remote_call.h"

/* When the server does not say (RFC 6749, 5.1: expires_in is only recommended). */
#define TOKEN_LIFE_S_DEFAULT 300
#define TOKEN_LIFE_S_MAX (24 * 3600)
/* A token is not used in its last seconds, since it must still be good when it arrives. */
#define TOKEN_MARGIN_S 30

/* In the arena of the call that makes the request. */
struct token_fetch {
    struct remote_call *leader;
    struct remote_call *waiters;
};

static bool wants_same(const struct remote_call *a, const struct remote_call *b)
{
    return a->connection && b->connection && id_equal(a->connection->id, b->connection->id) &&
        a->connection->revision == b->connection->revision;
}

static struct token_fetch *find_fetch(const struct remote_call *remote)
{
    for (const struct remote_call *other = remote->host->calls; other; other = other->next) {
        if (other != remote && other->fetch && wants_same(other, remote))
            return other->fetch;
    }
    return NULL;
}

/* The answer with the call's secrets masked, for the error. */
static struct action_result refused(
    struct remote_call *leader, const struct http_answer *answer, struct value body)
{
    struct action_result result = { 0 };
    struct arena *arena = leader->call->arena;
    struct str message;
    if (answer->failure == HTTP_CANCELLED)
        return result_error(STR("cancelled"), STR("the call was cancelled"), false, ACTION_NOT_SENT);
    if (answer->failure != HTTP_OK)
        answer_failure(answer, &result);
    else if (answer->status / 100 == 2) /* what it says may be a token all the same: not a word of it */
        result = result_error(
            STR(""), STR("the token endpoint's answer has no bearer token"), false, ACTION_NOT_SENT);
    else if (answer_status_error(answer, body, STR("the token endpoint"), arena, &result, NULL) != ERR_OK)
        result = result_error(STR(""), STR(""), false, ACTION_NOT_SENT);
    if (arena_printf(arena, &message, NULL, "no access token: %.*s", STR_ARG(result.error.message)) !=
            ERR_OK ||
        call_secrets_mask(&leader->exchange.secrets, arena, message, &message, NULL) != ERR_OK)
        message = STR("no access token");
    result.error.code = STR("oauth_failed");
    result.error.message = message;
    result.effect = ACTION_NOT_SENT; /* the action itself never went out */
    return result;
}

static int64_t life_us(struct value body)
{
    struct value expires = value_get(body, STR("expires_in"));
    int64_t seconds = TOKEN_LIFE_S_DEFAULT;
    if (expires.type == VALUE_INT)
        seconds = expires.integer;
    else if (expires.type == VALUE_STRING && !str_to_int(value_str(expires), &seconds))
        seconds = TOKEN_LIFE_S_DEFAULT;
    if (seconds > TOKEN_LIFE_S_MAX)
        seconds = TOKEN_LIFE_S_MAX;
    return (seconds > 2 * TOKEN_MARGIN_S ? seconds - TOKEN_MARGIN_S : seconds / 2) * US_PER_S;
}

/* The token stands in the call's arena, until forget_token. */
static bool read_token(const struct http_answer *answer, const struct auth *auth, struct arena *arena,
    struct value *ret_body, struct str *ret_token)
{
    *ret_body = value_null();
    if (answer->failure != HTTP_OK || answer_body(answer, FORMAT_ANY, arena, ret_body, NULL) != ERR_OK)
        return false;
    struct value token = value_path(*ret_body, auth->token_path);
    struct value type = value_get(*ret_body, STR("token_type"));
    bool is_bearer = type.type == VALUE_NULL ||
        (type.type == VALUE_STRING && str_equal_nocase(value_str(type), STR("bearer")));
    if (answer->status / 100 != 2 || token.type != VALUE_STRING || token.size == 0 || !is_bearer)
        return false;
    *ret_token = value_str(token);
    return true;
}

static FALLIBLE use_token(struct remote_call *remote, struct str token, struct err_info *why)
{
    AUTO(secret) struct secret copy = { 0 };
    TRY(secret_init(&copy, token, why));
    return exchange_set_token(&remote->exchange, &copy, why);
}

static void forget_token(struct str token)
{
    if (token.size)
        explicit_bzero(
            (void *)(uintptr_t)token.data, token.size); /* our own copy, although it came as const */
}

static void give_token(struct remote_call *remote, struct str token)
{
    struct err_info why = { 0 };
    remote->fetch = NULL;
    remote->is_token_fresh = true;
    if (use_token(remote, token, &why) == ERR_OK) {
        remote_go_on(remote);
        return;
    }
    struct action_result result = result_from_why(remote->call->arena, &why, ACTION_NOT_SENT);
    remote_fail(remote, &result);
}

static void give_failure(struct remote_call *remote, const struct action_result *result)
{
    struct action_result own = *result;
    if (arena_str(remote->call->arena, result->error.message, &own.error.message, NULL) != ERR_OK)
        own.error.message = STR("no access token");
    remote_fail(remote, &own);
}

static struct remote_call *take_waiters(struct token_fetch *fetch)
{
    struct remote_call *waiters = fetch->waiters;
    fetch->waiters = NULL;
    for (struct remote_call *waiter = waiters; waiter; waiter = waiter->next_waiter) {
        waiter->fetch = NULL;
        waiter->is_deferred = waiter->is_deferred || fetch->leader->is_deferred;
    }
    return waiters;
}

/* Without memory for the cache the token still serves the calls that wait for it. */
static void keep_token(const struct remote_call *leader, struct str token, struct value body)
{
    const struct connection *connection = leader->connection;
    struct err_info why = { 0 };
    if (connection &&
        token_cache_put(leader->host->connect->tokens, connection->id, connection->revision, token,
            life_us(body), &why) != ERR_OK)
        return; /* the next call asks again */
}

static void fetched(void *context, const struct http_answer *answer)
{
    struct remote_call *leader = context;
    struct remote_call *waiters = take_waiters(leader->fetch), *next;
    struct value body;
    struct str token = { 0 };
    struct action_result result = { 0 };
    leader->http = NULL;
    leader->fetch = NULL;
    bool is_good = read_token(answer, leader->exchange.place.auth, leader->call->arena, &body, &token);
    if (is_good)
        keep_token(leader, token, body);
    else
        result = refused(leader, answer, body);
    for (struct remote_call *waiter = waiters; waiter; waiter = next) {
        next = waiter->next_waiter;
        if (is_good)
            give_token(waiter, token);
        else if (answer->failure == HTTP_CANCELLED)
            token_fetch_start(waiter); /* the first of them takes over */
        else
            give_failure(waiter, &result);
    }
    /* The leader last: token and message live in its arena. */
    struct err_info why = { 0 };
    enum err taken = is_good ? use_token(leader, token, &why) : ERR_OK;
    forget_token(token);
    leader->is_token_fresh = true;
    if (taken != ERR_OK)
        result = result_from_why(leader->call->arena, &why, ACTION_NOT_SENT);
    if (is_good && taken == ERR_OK)
        remote_go_on(leader);
    else
        remote_fail(leader, &result);
}

static FALLIBLE fetch(struct remote_call *remote, struct err_info *why)
{
    struct wire wire = { 0 };
    TRY(request_build_token(remote->exchange.place.auth, &remote->exchange.scope, &wire, why));
    return remote_send(remote, &wire, fetched, why);
}

void token_fetch_start(struct remote_call *remote)
{
    struct err_info why = { 0 };
    AUTO(secret) struct secret cached = { 0 };
    struct id id = remote->connection ? remote->connection->id : ID_NONE;
    uint64_t revision = remote->connection ? remote->connection->revision : 0;
    if (token_cache_get(remote->host->connect->tokens, id, revision, &cached) &&
        exchange_set_token(&remote->exchange, &cached, &why) == ERR_OK) {
        remote_go_on(remote);
        return;
    }
    struct token_fetch *other = find_fetch(remote);
    if (other) {
        remote->fetch = other;
        remote->next_waiter = other->waiters;
        other->waiters = remote;
        return;
    }
    remote->fetch = ARENA_NEW(remote->call->arena, struct token_fetch);
    if (remote->fetch) {
        remote->fetch->leader = remote;
        if (fetch(remote, &why) == ERR_OK)
            return;
    } else {
        (void)err_memory(&why); /* only its text is needed */
    }
    remote->fetch = NULL;
    struct action_result result = result_from_why(remote->call->arena, &why, ACTION_NOT_SENT);
    remote_fail(remote, &result);
}

bool token_fetch_leave(struct remote_call *remote)
{
    struct token_fetch *fetch = remote->fetch;
    if (!fetch || fetch->leader == remote)
        return false;
    for (struct remote_call **link = &fetch->waiters; *link; link = &(*link)->next_waiter) {
        if (*link == remote) {
            *link = remote->next_waiter;
            break;
        }
    }
    remote->fetch = NULL;
    return true;
}
