/* From a declared request and the values in scope to what goes on the wire. Every value goes to its sink
 * through that sink's encoder: path segments and query percent-encoded, JSON printed, headers without line
 * breaks. */
#ifndef TOCSIN_CONNECT_REQUEST_H
#define TOCSIN_CONNECT_REQUEST_H

#include "connect/connector.h"
#include "io/http_client.h"

/* Holds secrets: wipe it when the request was handed over. `{ 0 }` is empty. */
struct wire {
    struct http_request request; /* points into the rest */
    struct buf url, body;
    struct http_header *headers; /* in the arena; their values there or among the secrets */
    uint32_t header_count, header_room;
    bool is_query_open; /* the URL has a '?' */
};
void wire_done(struct wire *wire);
void wire_cleanup(struct wire *wire);

/* The connector's base URL under these settings, checked: http or https, no query, no trailing '/'.
 * ERR_DENIED, name "other_origin", when the connection is bound to another origin. */
FALLIBLE request_base_url(const struct connector *connector, struct stencil_scope *scope,
    struct str bound_origin, struct str *ret, struct err_info *why);

/* The auth that counts under these settings; NULL: none. */
const struct auth *request_auth(const struct connector *connector, struct stencil_scope *scope);

/* What all calls of a connection have in common. */
struct request_place {
    const struct connector *connector;
    struct str base_url;
    const struct auth *auth;
    struct value token; /* OAUTH2, LOGIN: handle of the access token */
};

/* ERR_INVALID: "bad_input" (a value that can't go where it should), "connection_invalid", "expr_eval";
 * ERR_NOT_FOUND, "secret_missing"; ERR_LIMIT; ERR_MEMORY. */
FALLIBLE request_build(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct wire *ret, struct err_info *why);
/* A GET of another page's URL, with headers and auth of the same request. */
FALLIBLE request_build_url(const struct request_form *form, const struct request_place *place,
    struct stencil_scope *scope, struct str url, struct wire *ret, struct err_info *why);
/* The token request of AUTH_OAUTH2 and AUTH_LOGIN. */
FALLIBLE request_build_token(
    const struct auth *auth, struct stencil_scope *scope, struct wire *ret, struct err_info *why);

/* Whether the name is one that a connector may set (RFC 9110, 5.1; not those that frame the message). */
bool header_name_is_allowed(struct str name);

/* For actions that build their own requests. */
FALLIBLE wire_add_header(
    struct wire *wire, struct arena *arena, struct str name, struct str value, struct err_info *why);
/* The same with a value, which may be a secret's handle; null: no header. */
FALLIBLE wire_add_value_header(
    struct wire *wire, struct stencil_scope *scope, struct str name, struct value v, struct err_info *why);
bool wire_has_header(const struct wire *wire, const char *name); /* in any case of letters */
FALLIBLE wire_add_auth(
    struct wire *wire, const struct request_place *place, struct stencil_scope *scope, struct err_info *why);
FALLIBLE wire_add_query(
    struct wire *wire, struct stencil_scope *scope, struct str name, struct value v, struct err_info *why);
/* Points request at what was gathered. */
FALLIBLE wire_finish(struct wire *wire, struct err_info *why);

#endif
