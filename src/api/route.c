#include "api/route.h"

#include <string.h>

static bool match_path(struct str pattern, struct str path, struct route_match *match)
{
    struct str expected, part;
    match->argument_count = 0;
    for (;;) {
        bool has_expected = str_split(&pattern, '/', &expected);
        bool has_part = str_split(&path, '/', &part);
        if (!has_expected || !has_part)
            return has_expected == has_part;
        if (expected.size > 0 && expected.data[0] == '{') {
            if (part.size == 0 || match->argument_count == ROUTE_ARGUMENTS_MAX)
                return false;
            match->arguments[match->argument_count++] = part;
        } else if (!str_equal(expected, part)) {
            return false;
        }
    }
}

void route_find(const struct route *table, struct str method, struct str path, struct route_match *ret)
{
    *ret = (struct route_match){ 0 };
    /* HEAD is GET without its body (RFC 9110, 9.3.2); the server drops it. */
    struct str wanted = str_equal(method, STR("HEAD")) ? STR("GET") : method;
    for (const struct route *route = table; route->method; route++) {
        struct route_match match;
        if (!match_path(str_of(route->path), path, &match))
            continue;
        ret->has_path = true;
        if (str_equal(str_of(route->method), wanted)) {
            ret->route = route;
            ret->argument_count = match.argument_count;
            memcpy(ret->arguments, match.arguments, sizeof ret->arguments);
            return;
        }
        if (ret->allowed_count < sizeof ret->allowed / sizeof ret->allowed[0])
            ret->allowed[ret->allowed_count++] = route->method;
    }
}
