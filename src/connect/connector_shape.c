#include "connect/connector_shape.h"

#include <stddef.h>

#include "base/limits.h"

#define END \
    { \
        .name = NULL \
    }

/* ---- what is said as JSON Schema ---- */

#define STRING "{\"type\":\"string\"}"
#define OBJECT "{\"type\":\"object\"}"
#define NAME "{\"type\":[\"string\",\"boolean\"],\"pattern\":\"^[a-z][a-z0-9_]{0,63}$\"}"
#define HEADERS \
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}}"
/* A type's name, `[TYPE]`, or a mapping with a type's keys and the field's own. */
#define FIELD_OF(shape) \
    "{\"anyOf\":[{\"$ref\":\"#/$defs/" \
    "type_name\"},{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":{" \
    "\"$ref\":\"#/$defs/type\"}},{\"$ref\":\"#/$defs/" shape "\"}]}"
#define FIELDS_OF(shape) \
    "{\"type\":\"object\",\"patternProperties\":{\"^[a-z][a-z0-9_]{0,63}$\":" FIELD_OF( \
        shape) "},\"additionalProperties\":false}"
#define EXACTLY_ONE(a, b) "{\"oneOf\":[{\"required\":[\"" a "\"]},{\"required\":[\"" b "\"]}]}"

#define TYPE_KEYS \
    { "type", SHAPE_TYPE }, { "items", SHAPE_TYPE }, { "values", SHAPE_TYPE }, \
        { "fields", SHAPE_OWN, \
            .schema = "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/type\"}}" }, \
        { "enum", SHAPE_OWN, \
            .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/text\"}}" }, \
    { \
        "nullable", SHAPE_BOOL \
    }

/* ---- the head ---- */

static const struct shape_key setting_keys[] = {
    TYPE_KEYS,
    { "default", SHAPE_ANY },
    { "secret", SHAPE_BOOL, .help = "sealed; named by a connection, never in a file" },
    { "required", SHAPE_BOOL },
    { "help", SHAPE_TEXT },
    { "example", SHAPE_ANY, .help = "what the actions' examples are built with" },
    END,
};
const struct shape shape_setting = { "setting", .keys = setting_keys };

static const char *const auth_kinds[] = { "none", "bearer", "basic", "header", "query", "oauth2", "login",
    NULL };
static const char *const places[] = { "header", "body", NULL };
static const struct shape_key auth_keys[] = {
    { "kind", SHAPE_WORD, .is_required = true, .words = auth_kinds },
    { "when", SHAPE_EXPRESSION },
    { "name", SHAPE_OWN, .schema = STRING },
    { "token", SHAPE_OWN, .schema = STRING },
    { "user", SHAPE_OWN, .schema = STRING },
    { "password", SHAPE_OWN, .schema = STRING },
    { "token_url", SHAPE_OWN, .schema = STRING },
    { "form", SHAPE_OWN, .schema = OBJECT },
    { "client", SHAPE_WORD, .words = places },
    { "json", SHAPE_OWN, .schema = OBJECT },
    { "token_path", SHAPE_TEXT },
    END,
};
const struct shape shape_auth = { "auth", .keys = auth_keys };

/* One shape a kind of authentication. */
#define KIND(word) \
    { "kind", SHAPE_OWN, .is_required = true, .schema = "{\"enum\":[\"" word "\"]}" }, \
    { \
        "when", SHAPE_EXPRESSION \
    }
#define NEEDED(word) \
    { \
        word, SHAPE_OWN, .is_required = true, .schema = STRING \
    }
static const struct shape_key none_keys[] = { KIND("none"), END };
static const struct shape_key bearer_keys[] = { KIND("bearer"), NEEDED("token"), END };
static const struct shape_key basic_keys[] = { KIND("basic"), NEEDED("user"), NEEDED("password"), END };
static const struct shape_key header_keys[] = { KIND("header"), NEEDED("name"), NEEDED("token"), END };
static const struct shape_key query_keys[] = { KIND("query"), NEEDED("name"), NEEDED("token"), END };
static const struct shape_key oauth2_keys[] = {
    KIND("oauth2"),
    NEEDED("token_url"),
    NEEDED("user"),
    NEEDED("password"),
    { "form", SHAPE_OWN, .schema = OBJECT },
    { "client", SHAPE_WORD, .words = places },
    { "token_path", SHAPE_TEXT },
    END,
};
static const struct shape_key login_keys[] = {
    KIND("login"),
    NEEDED("token_url"),
    { "user", SHAPE_OWN, .schema = STRING },
    { "password", SHAPE_OWN, .schema = STRING },
    { "form", SHAPE_OWN, .schema = OBJECT },
    { "json", SHAPE_OWN, .schema = OBJECT },
    { "token_path", SHAPE_TEXT },
    END,
};
static const struct shape auth_none = { "auth_none", .keys = none_keys },
                          auth_bearer = { "auth_bearer", .keys = bearer_keys },
                          auth_basic = { "auth_basic", .keys = basic_keys },
                          auth_header = { "auth_header", .keys = header_keys },
                          auth_query = { "auth_query", .keys = query_keys },
                          auth_oauth2 = { "auth_oauth2", .keys = oauth2_keys },
                          auth_login = { "auth_login", .keys = login_keys,
                              .also =
                                  "\"dependentRequired\":{\"user\":[\"password\"],\"password\":[\"user\"]},"
                                  "\"not\":{\"required\":[\"form\",\"json\"]}" };
static const struct shape *const auths[] = { &auth_none, &auth_bearer, &auth_basic, &auth_header, &auth_query,
    &auth_oauth2, &auth_login, NULL };

static const struct shape_key rate_keys[] = {
    { "calls", SHAPE_OWN, .is_required = true, .schema = "{\"minimum\":1,\"maximum\":1000000}" },
    { "per", SHAPE_SPAN },
    { "burst", SHAPE_NUMBER, .least = 1, .most = 100000, .help = "how many at once" },
    END,
};
const struct shape shape_rate_limit = { "rate_limit", .keys = rate_keys };

static const struct shape_key breaker_keys[] = {
    { "failures", SHAPE_NUMBER, .least = 0, .most = 1000, .help = "in a row; 0: never opens" },
    { "open_for", SHAPE_SPAN },
    END,
};
const struct shape shape_breaker = { "breaker", .keys = breaker_keys };

static const struct shape_key test_keys[] = {
    { "action", SHAPE_TEXT, .is_required = true, .help = "a harmless one" },
    { "with", SHAPE_OWN, .schema = OBJECT },
    END,
};
const struct shape shape_connector_test = { "connector_test", .keys = test_keys };

/* ---- actions ---- */

static const struct shape_key field_keys[] = {
    TYPE_KEYS,
    { "required", SHAPE_BOOL },
    { "default", SHAPE_ANY },
    { "help", SHAPE_TEXT },
    { "secret", SHAPE_BOOL, .help = "of an output: sealed" },
    { "sink", SHAPE_OWN, .schema = "{\"enum\":[\"shell\",\"sql\",\"ldap\",\"html\",\"prompt\"]}",
        .help = "what reads the text as more than a text" },
    END,
};
const struct shape shape_action_field = { "action_field", .keys = field_keys };

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL };
static const struct shape_key request_keys[] = {
    { "method", SHAPE_WORD, .words = methods },
    { "path", SHAPE_OWN, .is_required = true, .schema = "{\"type\":\"string\",\"pattern\":\"^/\"}",
        .help = "behind the base URL" },
    { "query", SHAPE_OWN,
        .schema =
            "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\","
            "\"null\",\"array\"]}}" },
    { "headers", SHAPE_OWN, .schema = HEADERS },
    { "json", SHAPE_ANY },
    { "form", SHAPE_OWN, .schema = OBJECT },
    { "body", SHAPE_ANY, .help = "text or bytes" },
    { "content_type", SHAPE_TEXT },
    END,
};
const struct shape shape_request = { "request", .keys = request_keys,
    .also = "\"dependentRequired\":{\"content_type\":[\"body\"]},\"not\":{\"anyOf\":[{\"required\":[\"json\","
            "\"form\"]},{\"required\":[\"json\",\"body\"]},{\"required\":[\"form\",\"body\"]}]}" };

static const struct shape_key rule_keys[] = {
    { "when", SHAPE_EXPRESSION, .is_required = true },
    { "code", SHAPE_OWN, .is_required = true, .schema = NAME, .help = "what playbooks see as `error.code`" },
    { "message", SHAPE_ANY },
    { "retryable", SHAPE_BOOL },
    END,
};
const struct shape shape_error_rule = { "error_rule", .keys = rule_keys };

static const struct shape_key number_keys[] = {
    { "first", SHAPE_NUMBER, .least = 0, .most = INT32_MAX },
    { "step", SHAPE_NUMBER, .least = 1, .most = 100000 },
    END,
};
const struct shape shape_paging_number = { "paging_number", .keys = number_keys };

static const char *const paging_ways[] = { "cursor", "next", "number", NULL };
static const struct shape_key paging_keys[] = {
    { "items", SHAPE_ANY, .is_required = true, .help = "where an answer has its list" },
    { "cursor", SHAPE_ANY },
    { "next", SHAPE_OWN,
        .schema = "{\"type\":\"string\",\"pattern\":\"^(link|[$][{][{](.|\\\\n)*[}][}])$\"}" },
    { "number", SHAPE_MAP, .shape = &shape_paging_number },
    { "while", SHAPE_EXPRESSION },
    { "max", SHAPE_NUMBER, .least = 1, .most = PAGES_MAX },
    END,
};
const struct shape shape_paging = { "paging", .keys = paging_keys, .any_of = paging_ways,
    .is_one_alone = true };

static const struct shape_key probe_keys[] = {
    { "request", SHAPE_MAP, .is_required = true, .shape = &shape_request },
    { "done_when", SHAPE_EXPRESSION, .is_required = true },
    { "output", SHAPE_ANY, .is_required = true },
    { "ok_when", SHAPE_EXPRESSION },
    END,
};
const struct shape shape_probe = { "probe", .keys = probe_keys };

static const struct shape_key undo_keys[] = {
    { "action", SHAPE_TEXT, .is_required = true },
    { "with", SHAPE_ANY, .help = "what the undo takes; the same when not given" },
    END,
};
const struct shape shape_undo = { "undo", .keys = undo_keys };

/* ---- examples ---- */

static const struct shape_key example_request_keys[] = { { "method", SHAPE_ANY }, { "url", SHAPE_ANY },
    { "headers", SHAPE_ANY }, { "json", SHAPE_ANY }, { "body", SHAPE_ANY }, END };
const struct shape shape_example_request = { "example_request", .keys = example_request_keys };
static const struct shape_key example_answer_keys[] = { { "status", SHAPE_ANY }, { "headers", SHAPE_ANY },
    { "body", SHAPE_ANY }, END };
const struct shape shape_example_answer = { "example_answer", .keys = example_answer_keys };
static const struct shape_key example_error_keys[] = { { "code", SHAPE_ANY }, { "message", SHAPE_ANY },
    { "retryable", SHAPE_ANY }, END };
const struct shape shape_example_error = { "example_error", .keys = example_error_keys };

static const struct shape_key example_keys[] = {
    { "name", SHAPE_TEXT },
    { "settings", SHAPE_ANY },
    { "in", SHAPE_ANY },
    { "request", SHAPE_MAP, .shape = &shape_example_request, .help = "what goes on the wire" },
    { "answer", SHAPE_MAP, .shape = &shape_example_answer },
    { "answers", SHAPE_OWN,
        .schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/example_answer\"},{\"type\":\"array\",\"items\":{"
                  "\"$ref\":\"#/$defs/example_answer\"}}]}" },
    { "out", SHAPE_ANY },
    { "error", SHAPE_MAP, .shape = &shape_example_error },
    END,
};
const struct shape shape_example = { "example", .keys = example_keys,
    .also = "\"allOf\":[" EXACTLY_ONE("answer", "answers") "," EXACTLY_ONE("out", "error") "]" };

/* ---- the whole ---- */

static const char *const action_kinds[] = { "query", "enrich", "notify", "ticket", "contain", "remediate",
    NULL };
static const char *const formats[] = { "json", "text", "bytes", "any", NULL };
static const struct shape_key action_keys[] = {
    { "summary", SHAPE_TEXT, .is_required = true },
    { "kind", SHAPE_WORD, .is_required = true, .words = action_kinds },
    { "idempotent", SHAPE_BOOL, .help = "whether it may be sent twice" },
    { "in", SHAPE_OWN, .schema = FIELDS_OF("action_field") },
    { "out", SHAPE_OWN,
        .schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/type_name\"},{\"type\":\"array\",\"minItems\":1,"
                  "\"maxItems\":1,\"items\":{\"$ref\":\"#/$defs/type\"}}," FIELDS_OF("action_field") "]}" },
    { "request", SHAPE_MAP, .is_required = true, .shape = &shape_request },
    { "format", SHAPE_WORD, .words = formats },
    { "ok_when", SHAPE_EXPRESSION },
    { "errors", SHAPE_LIST, .shape = &shape_error_rule },
    { "answer", SHAPE_ANY, .help = "the output, from the answer" },
    { "paging", SHAPE_MAP, .shape = &shape_paging },
    { "probe", SHAPE_MAP, .shape = &shape_probe },
    { "undo", SHAPE_MAP, .shape = &shape_undo, .help = "what ends a containment" },
    { "timeout", SHAPE_SPAN },
    { "example", SHAPE_MAP, .shape = &shape_example },
    { "examples", SHAPE_LIST, .shape = &shape_example },
    END,
};
const struct shape shape_action = { "action", .keys = action_keys };

static const struct shape_key connector_keys[] = {
    { "connector", SHAPE_OWN, .is_required = true, .schema = NAME, .help = "NAME of NAME.action" },
    { "title", SHAPE_TEXT, .is_required = true },
    { "description", SHAPE_TEXT },
    { "homepage", SHAPE_TEXT },
    { "settings", SHAPE_OWN, .schema = FIELDS_OF("setting") },
    { "base_url", SHAPE_OWN, .schema = STRING },
    { "auth", SHAPE_EITHER, .shapes = auths, .takes_list = true },
    { "headers", SHAPE_OWN, .schema = HEADERS },
    { "rate_limit", SHAPE_MAP, .shape = &shape_rate_limit },
    { "breaker", SHAPE_MAP, .shape = &shape_breaker },
    { "test", SHAPE_MAP, .shape = &shape_connector_test },
    { "actions", SHAPE_OWN,
        .schema = "{\"type\":\"object\",\"patternProperties\":{\"^[a-z][a-z0-9_]{0,63}$\":{"
                  "\"$ref\":\"#/$defs/action\"}},\"additionalProperties\":false}" },
    END,
};
static const struct shape *const named[] = { &shape_setting, &shape_action, &shape_action_field,
    &shape_example_answer, NULL };
const struct shape shape_connector = { "connector", "A Tocsin connector", connector_keys,
    .also = "\"dependentRequired\":{\"actions\":[\"base_url\"]}", .named = named };
