#include "client.h"

#include "base/json.h"
#include "io/http_client.h"

struct waiting {
    struct loop *loop;
    struct arena *arena;
    struct client_answer *answer;
    enum err result;
    struct err_info *why;
};

static enum err take_answer(struct waiting *waiting, const struct http_answer *answer)
{
    struct client_answer *ret = waiting->answer;
    if (answer->failure == HTTP_TLS_VERIFY)
        return err_set(waiting->why, ERR_UNAVAILABLE,
            "the server's certificate is not trusted: %s; TOCSIN_CA_FILE names a CA of your own",
            answer->why.text);
    if (answer->failure != HTTP_OK)
        return err_set(waiting->why, ERR_UNAVAILABLE,
            "the server does not answer: %s; is `tocsin serve` running, and "
            "is --server right?",
            answer->why.text);
    ret->status = answer->status;
    TRY(arena_str(waiting->arena, answer->body, &ret->text, waiting->why));
    struct json_options options = { 0 };
    ret->body = value_null();
    if (json_parse(waiting->arena, ret->text, &options, &ret->body, NULL) != ERR_OK)
        ret->body = value_null(); /* metrics and the like are text */
    return ERR_OK;
}

static void done(void *context, const struct http_answer *answer)
{
    struct waiting *waiting = context;
    waiting->result = take_answer(waiting, answer);
    loop_stop(waiting->loop);
}

/* The operator names the server, so it may be on loopback or in a private net. */
static enum err allow_all(struct arena *arena, struct egress **ret, struct err_info *why)
{
    static const struct str rules[] = { STR_INIT("0.0.0.0/0"), STR_INIT("::/0") };
    return egress_new(arena, rules, 2, ret, why);
}

static enum err start(
    struct waiting *waiting, struct http_client *client, const struct client_request *wanted)
{
    AUTO(buf) struct buf text = { 0 };
    struct http_call *call;
    struct str url, authorization;
    struct str server = wanted->login.server, token = wanted->login.token;
    TRY(arena_printf(waiting->arena, &url, waiting->why, "%.*s%.*s", STR_ARG(server), STR_ARG(wanted->path)));
    TRY(arena_printf(waiting->arena, &authorization, waiting->why, "Bearer %.*s", STR_ARG(token)));
    bool has_body = wanted->body.type != VALUE_NULL;
    if (has_body)
        json_print(&text, wanted->body, 0);
    TRY(buf_check(&text, waiting->why));
    struct http_header headers[] = { { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"), authorization } };
    struct http_request request = { .method = str_of(wanted->method),
        .url = url,
        .headers = headers,
        .header_count = token.size > 0 ? 2 : 1,
        .body = buf_str(&text),
        .has_body = has_body,
        .ca_file = wanted->login.ca_file };
    return http_client_start(client, &request, done, waiting, &call, waiting->why);
}

static enum err call_on(struct loop *loop, const struct client_request *wanted, struct arena *arena,
    struct client_answer *ret, struct err_info *why)
{
    struct egress *egress;
    struct http_client *client;
    struct waiting waiting = { .loop = loop, .arena = arena, .answer = ret, .why = why };
    TRY(allow_all(arena, &egress, why));
    struct http_client_options options = { .egress = egress,
        .user_agent = STR("tocsin/" TOCSIN_VERSION),
        .connections_max = 1,
        .connections_per_host_max = 1 };
    TRY(http_client_new(loop, &options, &client, why));
    enum err result = start(&waiting, client, wanted);
    if (result == ERR_OK) {
        loop_run(loop);
        result = waiting.result;
    }
    http_client_free(client);
    return result;
}

enum err client_call(const struct client_request *request, struct arena *arena, struct client_answer *ret,
    struct err_info *why)
{
    struct loop *loop;
    TRY(loop_new(clock_system(), &loop, why));
    enum err result = call_on(loop, request, arena, ret, why);
    loop_free(loop);
    return result;
}

static enum err code_of(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_DENIED;
    case 404: return ERR_NOT_FOUND;
    case 409:
    case 412: return ERR_CONFLICT;
    default: return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    }
}

enum err client_ask(const struct client_request *request, struct arena *arena, struct client_answer *ret,
    struct err_info *why)
{
    TRY(client_call(request, arena, ret, why));
    if (ret->status < 300)
        return ERR_OK;
    struct value detail = value_get(ret->body, STR("detail"));
    const char *mend = ret->status != 401 ? ""
        : request->login.token.size == 0  ? "; set TOCSIN_TOKEN or use `tocsin login`"
                                          : "; is the token right, and of this server?";
    return err_named(why, code_of(ret->status), CLIENT_REFUSED, "the server answered %d: %.*s%s", ret->status,
        STR_ARG(detail.type == VALUE_STRING ? value_str(detail) : STR("no reason is given")), mend);
}
