/* Problem details, RFC 9457. `type` stays "about:blank", so `title` is the status's own phrase; `code` is our
 * stable word for programs. */
#include "api/request.h"
#include "base/json.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 507, "Insufficient Storage" },
};

int problem_status(enum err code)
{
    switch (code) {
    case ERR_INVALID: return 400;
    case ERR_NOT_FOUND: return 404;
    case ERR_CONFLICT: return 409;
    case ERR_LIMIT: return 422;
    case ERR_DENIED: return 403;
    case ERR_TIMEOUT: return 504;
    case ERR_UNAVAILABLE:
    case ERR_CANCELLED: return 503;
    case ERR_FULL: return 507;
    default: return 500;
    }
}

static const char *title_of(int status)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void problem_print(
    struct buf *buf, int status, const char *name, struct str detail, uint32_t line, uint32_t column)
{
    buf_printf(
        buf, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":", title_of(status), status);
    json_print_string(buf, str_of(name));
    buf_add_text(buf, ",\"detail\":");
    json_print_string(buf, detail);
    if (line > 0)
        buf_printf(buf, ",\"line\":%u,\"column\":%u", line, column);
    buf_add_text(buf, "}\n");
}

enum err problem_fields(
    struct value_map_builder *body, int status, const char *name, struct str detail, struct err_info *why)
{
    TRY(value_map_set(body, "type", value_string(STR("about:blank")), why));
    TRY(value_map_set(body, "title", value_string(str_of(title_of(status))), why));
    TRY(value_map_set(body, "status", value_int(status), why));
    TRY(value_map_set(body, "code", value_string(str_of(name)), why));
    return value_map_set(body, "detail", value_string(detail), why);
}
