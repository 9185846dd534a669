/* A connector as its YAML file declares it (docs/connectors.md): settings, where it is, how it authenticates,
 * what it can do. Immutable once read; lives in the catalogue's arena. */
#ifndef TOCSIN_CONNECT_CONNECTOR_H
#define TOCSIN_CONNECT_CONNECTOR_H

#include "connect/stencil.h"
#include "playbook/action.h"

/* Slots of what expressions see. Those of settings, then those of a request, then those of an answer. */
enum stencil_slot {
    SLOT_SETTINGS,
    SLOT_INPUTS,
    SLOT_CALL, /* {key, run, playbook, step} */
    SLOT_PAGE, /* {number, complete, cursor?} */
    SLOT_STATUS,
    SLOT_HEADERS, /* names in lower case */
    SLOT_BODY,
    SLOT_ITEMS, /* of all pages */
    SLOT_OUTPUT,
    SLOT_COUNT,
};

enum auth_kind { AUTH_NONE, AUTH_BEARER, AUTH_BASIC, AUTH_HEADER, AUTH_QUERY, AUTH_OAUTH2, AUTH_LOGIN };
struct auth {
    enum auth_kind kind;
    const struct expr *when; /* over settings; NULL: always */
    struct stencil name; /* HEADER, QUERY: of the header or parameter */
    struct stencil token; /* BEARER; the value of HEADER and QUERY */
    struct stencil user, password; /* BASIC, LOGIN; client id and secret of OAUTH2 */
    /* OAUTH2: the client credentials grant (RFC 6749, 4.4). LOGIN: a tool's own way to give a bearer token,
     * with Basic authentication (`has_user`), a form or a JSON body. */
    struct stencil token_url;
    struct stencil form; /* further fields of the token request, e.g. scope, audience; a map */
    struct stencil json; /* LOGIN */
    struct str token_path; /* of the token in the answer, "data.token" */
    bool has_user, has_json;
    bool is_client_in_body; /* client_secret_post in place of client_secret_basic (RFC 6749, 2.3.1) */
};
/* The access token is fetched by a request of its own. */
static inline bool auth_fetches_token(const struct auth *auth)
{
    return auth && (auth->kind == AUTH_OAUTH2 || auth->kind == AUTH_LOGIN);
}

struct named_stencil {
    struct str name;
    struct stencil value;
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_TEXT };
struct request_form {
    struct str method;
    struct stencil path; /* text that begins with '/'; behind the base URL */
    const struct named_stencil *query, *headers;
    uint32_t query_count, header_count;
    enum body_kind body_kind;
    struct stencil body;
    struct str content_type; /* TEXT */
    uint32_t line, column;
};

struct error_rule {
    const struct expr *when;
    struct str code;
    struct stencil message;
    bool has_message, has_retryable, is_retryable;
};

enum paging_kind { PAGING_NONE, PAGING_CURSOR, PAGING_LINK, PAGING_URL, PAGING_NUMBER };
struct paging {
    enum paging_kind kind;
    struct stencil items; /* a list in each answer */
    struct stencil next; /* CURSOR: page.cursor of the next request. URL: its URL */
    const struct expr *goes_on; /* `while:`; NULL: by kind */
    int64_t first, step; /* NUMBER: page.number */
    uint32_t pages_max;
};

enum answer_format { FORMAT_JSON, FORMAT_TEXT, FORMAT_BYTES, FORMAT_ANY };

struct probe {
    struct request_form request;
    const struct expr *ok_when; /* which statuses are an answer; NULL: 200 to 299 */
    const struct expr *done_when;
    struct stencil output;
};

struct example {
    struct str name;
    struct value settings, in;
    struct value request; /* what the request must look like; null: not compared */
    struct value answers; /* list of {status, headers, body}, one a page */
    bool is_error;
    struct value out; /* or {"code", "message", "retryable"} */
    uint32_t line, column;
};

struct connector;
struct connector_action {
    struct action action; /* what the engine sees; `definition` points back here */
    const struct connector *connector;
    struct request_form request;
    enum answer_format format;
    const struct expr *ok_when; /* NULL: 200 to 299 */
    const struct error_rule *errors;
    uint32_t error_count;
    struct stencil answer;
    bool has_answer; /* false: the body */
    struct paging paging;
    struct probe probe;
    struct stencil undo_with;
    bool has_undo_with;
    int64_t timeout_us;
    bool seals_output; /* `out` has a secret field */
    const struct example *examples;
    uint32_t example_count;
    uint32_t line, column;
};

/* Settings that every connector with a base URL has beside its own: `tls_ca_file` (PEM of a further CA),
 * `tls_insecure` (no verification; the operator's explicit choice) and `cross_origin_redirects` (follow them,
 * without the connection's secrets). */
#define SETTING_CA_FILE STR("tls_ca_file")
#define SETTING_INSECURE STR("tls_insecure")
#define SETTING_REDIRECTS STR("cross_origin_redirects")
/* The type of such a setting; NULL for other names. */
const struct type *connector_common_setting(struct str name);

struct setting {
    struct str name;
    struct str help;
    const struct type *type;
    bool is_required, is_secret;
    struct value default_value; /* null: none */
    struct value example; /* for the examples of actions */
};

struct connector {
    struct str name, title, description, homepage;
    struct str file;
    struct setting *settings;
    uint32_t setting_count;
    const struct type *settings_type; /* without the secret ones */
    const struct str *secret_names;
    uint32_t secret_count;
    struct stencil base_url;
    bool has_base_url;
    const struct auth *auths; /* the first whose `when` holds */
    uint32_t auth_count;
    const struct named_stencil *headers; /* of each request */
    uint32_t header_count;
    struct stencil rate_calls;
    int64_t rate_per_us, rate_burst;
    bool has_rate;
    uint32_t breaker_failures;
    int64_t breaker_open_us;
    const struct connector_action *actions;
    uint32_t action_count;
    struct str test_action; /* what `connection test` calls; empty: none */
    struct stencil test_with; /* sees the settings */
    bool has_test_with;
    uint32_t line, column;
};

/* Reads one file. Every fault is added to `found`; NULL when there was an error. Lives in `arena`, as does
 * what it borrows from `text`, which is copied. */
const struct connector *connector_read(struct arena *arena, struct str text, struct diagnostics *found);
const struct setting *connector_find_setting(const struct connector *connector, struct str name);

#endif
