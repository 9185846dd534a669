/* The OpenAPI 3.1 document, from the route table alone. */
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"

static void add_string(struct buf *buf, const char *text)
{
    json_print_string(buf, str_of(text));
}

/* "{id}" parts of the path, then the query. */
static void add_parameters(struct buf *buf, const struct route *route)
{
    const char *comma = "";
    buf_add_text(buf, ",\"parameters\":[");
    for (const char *open = strchr(route->path, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        buf_printf(buf,
            "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}", comma,
            (int)(close - open - 1), open + 1);
        comma = ",";
    }
    for (const struct route_parameter *p = route->query; p < route->query + ROUTE_QUERY_MAX && p->name; p++) {
        buf_printf(buf,
            "%s{\"name\":\"%s\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},\"description\":", comma,
            p->name);
        add_string(buf, p->help);
        buf_add_byte(buf, '}');
        comma = ",";
    }
    if (strcmp(route->method, "GET") != 0 && route->authentication != ROUTE_OPEN)
        buf_printf(buf,
            "%s{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"schema\":{\"type\":\"string\",\"maxLength\":"
            "%d},"
            "\"description\":\"the same key and content again: done once, answered alike for a day\"}",
            comma, IDEMPOTENCY_KEY_BYTES_MAX);
    buf_add_byte(buf, ']');
}

static void add_operation(struct buf *buf, const struct route *route)
{
    char method[8] = { 0 };
    for (size_t i = 0; i + 1 < sizeof method && route->method[i]; i++)
        method[i] = (char)(route->method[i] | 0x20);
    buf_printf(buf, "\"%s\":{\"operationId\":\"%s\",\"summary\":", method, route->operation);
    add_string(buf, route->summary);
    add_parameters(buf, route);
    if (route->body != ROUTE_NO_BODY)
        buf_printf(buf, ",\"requestBody\":{\"required\":true,\"content\":{\"%s\":{\"schema\":%s}}}",
            route->body == ROUTE_JSON ? "application/json" : "*/*",
            route->body == ROUTE_JSON ? "{\"type\":\"object\"}" : "{}");
    const char *scope = permissions[route->permission].name;
    if (route->authentication == ROUTE_HOOK)
        buf_add_text(buf, ",\"security\":[{\"bearer\":[]},{\"hook\":[]}]");
    else if (route->authentication == ROUTE_OPEN)
        buf_add_text(buf, ",\"security\":[]");
    else
        buf_printf(buf, ",\"security\":[{\"bearer\":[]}],\"x-permission\":\"%s\"", scope ? scope : "any");
    buf_add_text(buf,
        ",\"responses\":{\"2XX\":{\"description\":\"done\"},\"default\":{\"description\":\"problem details\","
        "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
        "Problem\"}}}}}}");
}

/* Is it the first route of its path? One path's methods share an object. */
static bool is_first_of_path(const struct route *route)
{
    for (const struct route *other = routes; other < route; other++)
        if (strcmp(other->path, route->path) == 0)
            return false;
    return true;
}

static void add_paths(struct buf *buf)
{
    const char *comma = "";
    for (const struct route *route = routes; route->method; route++) {
        if (!is_first_of_path(route))
            continue;
        const char *inner = "";
        buf_printf(buf, "%s\"%s\":{", comma, route->path);
        for (const struct route *other = route; other->method; other++) {
            if (strcmp(other->path, route->path) != 0)
                continue;
            buf_add_text(buf, inner);
            add_operation(buf, other);
            inner = ",";
        }
        buf_add_byte(buf, '}');
        comma = ",";
    }
}

void route_openapi(struct request *request)
{
    AUTO(buf) struct buf buf = { 0 };
    buf_add_text(&buf,
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Tocsin\",\"version\":\"" TOCSIN_VERSION
        "\"},\"paths\":{");
    add_paths(&buf);
    buf_add_text(&buf,
        "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
        "\"hook\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Tocsin-Token\"}},"
        "\"schemas\":{"
        "\"Problem\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":"
        "\"string\"},"
        "\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
        "\"line\":{\"type\":\"integer\"},\"column\":{\"type\":\"integer\"}}}}}}\n");
    if (buf_check(&buf, NULL) != ERR_OK)
        request_problem(request, 503, "memory", "there is no memory for the answer");
    else
        request_reply_text(request, 200, "application/json", buf_str(&buf));
}
