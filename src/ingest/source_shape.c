#include "ingest/source_shape.h"

#include "base/json.h"
#include "base/limits.h"
#include "ingest/ocsf.h"

#define END \
    { \
        .name = NULL \
    }
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

static const struct shape_key product_keys[] = {
    { "name", SHAPE_TEXT },
    { "vendor", SHAPE_TEXT },
    { "version", SHAPE_TEXT },
    END,
};
const struct shape shape_product = { "product", .keys = product_keys };

/* cases/alert.h, severity_parse: captions in any case, or numbers. */
#define SEVERITY \
    "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0,\"maximum\":6},{\"type\":\"string\",\"pattern\":" \
    "\"^([0-6]|99|[Uu][Nn][Kk][Nn][Oo][Ww][Nn]|[Oo][Tt][Hh][Ee][Rr]|[Ii][Nn][Ff][Oo]([Rr][Mm][Aa][Tt][Ii]" \
    "[Oo][Nn][Aa][Ll])?|[Ll][Oo][Ww]|[Mm][Ee][Dd][Ii][Uu][Mm]|[Hh][Ii][Gg][Hh]|[Cc][Rr][Ii][Tt][Ii][Cc]" \
    "[Aa][Ll]|[Ff][Aa][Tt][Aa][Ll])$\"}]}"

static const struct shape_key severity_keys[] = {
    { "from", SHAPE_EXPRESSIONS, .is_required = true },
    { "map", SHAPE_OWN,
        .schema = "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":" SEVERITY "}",
        .help = "the product's words to unknown, informational, low, medium, high, critical, fatal" },
    { "default", SHAPE_OWN, .schema = SEVERITY },
    END,
};
const struct shape shape_severity = { "severity", .keys = severity_keys };

/* cases/observable.h, observable_type_parse: short words, or OCSF's captions and numbers. */
#define OBSERVABLE_TYPE \
    "{\"anyOf\":[{\"enum\":[\"ip\",\"domain\",\"url\",\"hash\",\"email\",\"user\",\"host\",\"mac\"," \
    "\"file\"," \
    "\"path\",\"process\",\"user_agent\"]},{\"type\":\"string\",\"pattern\":\"^[A-Z]\"},{\"type\":" \
    "\"integer\"}]}"

static const struct shape_key observable_keys[] = {
    { "type", SHAPE_OWN, .is_required = true, .schema = OBSERVABLE_TYPE },
    { "value", SHAPE_EXPRESSIONS, .is_required = true },
    { "name", SHAPE_TEXT },
    END,
};
const struct shape shape_observable = { "observable", .keys = observable_keys };

static const char *const fixed_schemes[] = { "github", "jira", "slack", "stripe", NULL };
static const char *const header_schemes[] = { "header", NULL };
static const char *const encodings[] = { "hex", "base64", NULL };
static const char *const algorithms[] = { "sha256", "sha512", NULL };
static const struct shape_key fixed_keys[] = {
    { "scheme", SHAPE_WORD, .is_required = true, .words = fixed_schemes },
    { "secret", SHAPE_TEXT, .is_required = true, .help = "name of a secret" },
    { "tolerance", SHAPE_SPAN, .help = "how old a signature may be" },
    END,
};
static const struct shape shape_hmac_fixed = { "hmac_fixed", .keys = fixed_keys };
static const struct shape_key hmac_keys[] = {
    { "scheme", SHAPE_WORD, .is_required = true, .words = header_schemes },
    { "secret", SHAPE_TEXT, .is_required = true, .help = "name of a secret" },
    { "header", SHAPE_TEXT, .is_required = true },
    { "prefix", SHAPE_TEXT },
    { "encoding", SHAPE_WORD, .words = encodings },
    { "algorithm", SHAPE_WORD, .words = algorithms },
    { "tolerance", SHAPE_SPAN },
    END,
};
const struct shape shape_hmac = { "hmac", .keys = hmac_keys };

static const struct shape *const hmacs[] = { &shape_hmac_fixed, &shape_hmac, NULL };

/* Every field that there is, so that an editor can offer them. */
static void print_mapping(struct buf *out)
{
    uint32_t count;
    const struct ocsf_field *fields = ocsf_fields(&count);
    buf_add_text(out, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        json_print_string(out, fields[i].path);
        buf_add_text(out, ":{\"$ref\":\"#/$defs/expressions\"}");
    }
    buf_add_text(out,
        "},\"patternProperties\":{\"^(unmapped|vendor_attributes)[.].\":{\"$ref\":\"#/$defs/expressions\"}},"
        "\"additionalProperties\":false}");
}

static const struct shape_key source_keys[] = {
    { "source", SHAPE_OWN, .is_required = true,
        .schema = "{\"type\":[\"string\",\"number\",\"boolean\"],\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,63}$\"}",
        .help = "its name, as in POST /api/v1/events/NAME" },
    { "title", SHAPE_TEXT },
    { "description", SHAPE_TEXT },
    { "product", SHAPE_MAP, .shape = &shape_product },
    { "absent", SHAPE_TEXTS, .help = "what the product writes for nothing" },
    { "content_types", SHAPE_TEXTS },
    { "hmac", SHAPE_EITHER, .shapes = hmacs },
    { "parse", SHAPE_EXPRESSIONS, .help = "what a text is made of" },
    { "fingerprint", SHAPE_OWN,
        .schema = "{\"type\":\"array\",\"minItems\":1,\"maxItems\":" TEXT(
            FINGERPRINT_PARTS_MAX) ","
                                   "\"items\":{\"$ref\":\"#/$defs/expressions\"}}",
        .help = "events for which all of them give the same are one alert" },
    { "dedup_window", SHAPE_OWN,
        .schema =
            "{\"anyOf\":[{\"$ref\":\"#/$defs/span\"},{\"type\":\"integer\",\"minimum\":0,\"maximum\":0}]}" },
    { "severity", SHAPE_RULE_OR_MAP, .shape = &shape_severity },
    { "time", SHAPE_EXPRESSIONS },
    { "tags", SHAPE_EXPRESSIONS },
    { "attack", SHAPE_EXPRESSIONS },
    { "guess", SHAPE_BOOL, .help = "fields that are not mapped are guessed by their names" },
    { "extract_observables", SHAPE_BOOL },
    { "mapping", SHAPE_OWN, .print = print_mapping, .help = "OCSF field: expression" },
    { "observables", SHAPE_LIST, .shape = &shape_observable },
    END,
};
const struct shape shape_source = { "source", "A Tocsin source", source_keys,
    .also = "\"dependentRequired\":{\"dedup_window\":[\"fingerprint\"]}" };
