/* The one-time set-up link. Its GET only shows a page, so that a scanner which follows links changes nothing;
 * its POST takes the link, once, and shows the administrator's token, once. */
#include "api/handlers.h"

#define PAGE_HEAD \
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tocsin: set-up</title>" \
    "<body><h1>Tocsin</h1>"

void route_setup_page(struct request *request)
{
    request_reply_text(request, 200, "text/html; charset=utf-8",
        STR(PAGE_HEAD "<p>This link creates the administrator's API token and shows it, once.</p>"
                      "<form method=\"post\"><button>Create the administrator</button></form>"));
}

static enum err take_link(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct token_text text;
    struct value_map_builder builder;
    struct str copy;
    TRY(setup_finish(
        conn, request->api->options.tokens, request->match.arguments[0], STR("administrator"), &text, why));
    TRY(arena_str(&request->arena, str_of(text.text), &copy, why));
    value_map_begin(&builder, &request->arena);
    TRY(value_map_set(&builder, "token", value_string(copy), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

void route_setup_take(struct request *request)
{
    request_write(request, 201, take_link);
}
