/* The head of any request as the API looks at it: its route, its arguments, its query, who sent it. */
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "api/remote.h"
#include "api/route.h"
#include "io/http_connection.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_route(const struct http_head *head)
{
    struct route_match match;
    route_find(routes, head->method, head->path, &match);
    require(match.argument_count <= ROUTE_ARGUMENTS_MAX);
    require(match.allowed_count <= sizeof match.allowed / sizeof match.allowed[0]);
    for (unsigned i = 0; match.route && i < match.argument_count; i++) {
        struct str argument = match.arguments[i];
        require(argument.size > 0 && !str_contains(argument, STR("/")));
        require(argument.data >= head->path.data &&
            argument.data + argument.size <= head->path.data + head->path.size);
    }
}

static void look_at_query(struct http_exchange *exchange)
{
    static const char *const names[] = { "limit", "after", "status", "q", "", "a=b" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str v;
        if (http_query_find(exchange, names[i], &v))
            require(v.size <= http_query(exchange).size);
    }
}

/* Nobody but a trusted proxy is believed. */
static void look_at_sender(const struct http_exchange *exchange)
{
    static const char *const proxies[] = { "192.0.2.1" };
    struct api_options nobody = { 0 }, one = { .trusted_proxies = proxies, .trusted_proxy_count = 1 };
    require(str_equal(remote_of(&nobody, exchange), STR("192.0.2.1")));
    require(remote_of(&one, exchange).size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_exchange exchange;
    static struct http_connection connection = { .peer_text = "192.0.2.1" };
    struct http_head_scan scan = { 0 };
    struct str bytes = { (const char *)data, size };
    size_t head_size = 0;
    if (http_head_find_end(&scan, bytes, &head_size) || head_size == 0 ||
        http_head_parse(str_slice(bytes, 0, head_size), &exchange.head))
        return 0;
    exchange.connection = &connection;
    look_at_route(&exchange.head);
    look_at_query(&exchange);
    look_at_sender(&exchange);
    arena_done(&exchange.arena);
    exchange.arena = (struct arena){ 0 };
    return 0;
}
