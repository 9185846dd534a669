/* One call of a declarative action, without the network: gives requests, takes answers, until there is a
 * result. remote_call.c drives it over HTTP, the examples of connector files with answers from the file. */
#ifndef TOCSIN_CONNECT_EXCHANGE_H
#define TOCSIN_CONNECT_EXCHANGE_H

#include "connect/request.h"

struct exchange {
    /* Given by whoever drives it. */
    const struct connector_action *action; /* NULL for an action that builds its own requests */
    enum action_purpose purpose;
    struct arena *arena;
    struct request_place place;
    struct stencil_scope scope; /* SETTINGS, INPUTS, CALL are there; secrets and references set */
    struct call_secrets secrets;
    /* Its own. */
    struct value values[SLOT_COUNT];
    uint32_t kept_secrets; /* those that stay from page to page: the access token */
    struct str about; /* "GET https://host/path", for messages */
    uint32_t page_count;
    size_t answer_bytes;
    struct value cursor; /* of the next request; null: none */
    struct str next_url; /* LINK, URL; empty: the first */
    struct value_list_builder items;
};

struct exchange_options {
    const struct connector *connector;
    const struct connector_action *action;
    enum action_purpose purpose;
    struct arena *arena;
    struct secret_source *source;
    struct value settings; /* of the connection: a map, secrets as references; null: there is none */
    struct value with;
    struct value call; /* the map that SLOT_CALL shows */
};
/* Keeps no reference to `options` itself. Then set `place`. ERR_INVALID, name "connection_invalid". */
FALLIBLE exchange_begin(
    struct exchange *exchange, const struct exchange_options *options, struct err_info *why);
/* What authenticates AUTH_OAUTH2 and AUTH_LOGIN; takes it over. */
FALLIBLE exchange_set_token(struct exchange *exchange, struct secret *token, struct err_info *why);
/* Wipes the secrets. */
void exchange_end(struct exchange *exchange);

/* The next request. Errors as request_build's. */
FALLIBLE exchange_request(struct exchange *exchange, struct wire *ret, struct err_info *why);
/* Takes its answer. `*ret_more`: ask exchange_request again; otherwise `*ret` is the result, masked, in the
 * exchange's arena. Fails only with ERR_MEMORY. */
FALLIBLE exchange_answer(struct exchange *exchange, const struct http_answer *answer,
    struct action_result *ret, bool *ret_more, struct err_info *why);

/* Sets `about`: without the URL's query, which may hold secrets. */
FALLIBLE exchange_note_about(
    struct exchange *exchange, struct str method, struct str url, struct err_info *why);
/* The result when no answer came, with the request named and secrets masked. */
FALLIBLE exchange_failure(struct exchange *exchange, const struct http_answer *answer,
    struct action_result *ret, struct err_info *why);

/* A connection's settings as expressions see them: defaults filled in, without the secret ones. */
FALLIBLE settings_fill(const struct connector *connector, struct arena *arena, struct value settings,
    struct value *ret, struct err_info *why);

#endif
