#include "settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/timetext.h"
#include "base/yaml.h"
#include "file.h"

enum setting_kind { SETTING_TEXT, SETTING_LIST };

/* In the order of setting_options, whose first entry is `config`. */
struct setting {
    const char *key; /* in the file, dotted; NULL: not there */
    const char *variable; /* of the environment; NULL: none */
    size_t offset;
    enum setting_kind kind;
    const char *otherwise;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct setting settings_table[] = {
    { "data", "TOCSIN_DATA", FIELD(data), SETTING_TEXT, DATA_DEFAULT },
    { "listen", "TOCSIN_LISTEN", FIELD(listen), SETTING_TEXT, LISTEN_DEFAULT },
    { "store", "TOCSIN_STORE", FIELD(store), SETTING_TEXT, "" },
    { "content", "TOCSIN_CONTENT", FIELD(content), SETTING_LIST, "" },
    { "public_url", "TOCSIN_PUBLIC_URL", FIELD(public_url), SETTING_TEXT, "" },
    { NULL, NULL, FIELD(bootstrap_token_file), SETTING_TEXT, "" },
    { NULL, NULL, FIELD(collector_token_file), SETTING_TEXT, "" },
    { "tls.cert", "TOCSIN_TLS_CERT", FIELD(tls_cert), SETTING_TEXT, "" },
    { "tls.key", "TOCSIN_TLS_KEY", FIELD(tls_key), SETTING_TEXT, "" },
    { "egress.allow", "TOCSIN_EGRESS_ALLOW", FIELD(egress_allow), SETTING_LIST, "" },
    { "ingest.body_max", "TOCSIN_INGEST_BODY_MAX", FIELD(ingest_body_max_text), SETTING_TEXT, "" },
    { "ingest.rate", "TOCSIN_INGEST_RATE", FIELD(ingest_rate_text), SETTING_TEXT, "0" },
    { "retention.events", "TOCSIN_RETENTION_EVENTS", FIELD(retention_events_text), SETTING_TEXT, "0" },
    { "retention.runs", "TOCSIN_RETENTION_RUNS", FIELD(retention_runs_text), SETTING_TEXT, "0" },
    { "trusted_proxies", "TOCSIN_TRUSTED_PROXIES", FIELD(trusted_proxies), SETTING_LIST, "" },
    { "log.level", "TOCSIN_LOG_LEVEL", FIELD(log_level_text), SETTING_TEXT, "info" },
    { "log.format", "TOCSIN_LOG_FORMAT", FIELD(log_format_text), SETTING_TEXT, "text" },
    { "workers", "TOCSIN_WORKERS", FIELD(workers_text), SETTING_TEXT, "0" },
};
#define SETTING_COUNT (sizeof settings_table / sizeof settings_table[0])

const struct option_spec setting_options[] = {
    { "config", OPTION_TEXT, "FILE", "settings as YAML; options and variables win over it" },
    { "data", OPTION_TEXT, "DIR", "the data folder (TOCSIN_DATA; " DATA_DEFAULT ")" },
    { "listen", OPTION_TEXT, "ADDR:PORT", "where to listen (TOCSIN_LISTEN; " LISTEN_DEFAULT ")" },
    { "store", OPTION_TEXT, "URL", "sqlite:PATH (TOCSIN_STORE; inside the data folder)" },
    { "content", OPTION_LIST, "DIR", "more content, watched; may be given again (TOCSIN_CONTENT)" },
    { "public-url", OPTION_TEXT, "URL", "how people reach it, for links (TOCSIN_PUBLIC_URL)" },
    { "bootstrap-token-file", OPTION_TEXT, "FILE",
        "write an administrator's token there (mode 0600) instead of printing a set-up link" },
    { "collector-token-file", OPTION_TEXT, "FILE",
        "write a token there that may send events and see what becomes of them, nothing else" },
    { "tls-cert", OPTION_TEXT, "FILE", "PEM chain: serve HTTPS (TOCSIN_TLS_CERT)" },
    { "tls-key", OPTION_TEXT, "FILE", "its key (TOCSIN_TLS_KEY)" },
    { "egress-allow", OPTION_LIST, "CIDR|HOST",
        "what calls may reach though it is loopback, private or link-local (TOCSIN_EGRESS_ALLOW)" },
    { "ingest-body-max", OPTION_TEXT, "BYTES", "largest body of events (TOCSIN_INGEST_BODY_MAX)" },
    { "ingest-rate", OPTION_TEXT, "N", "events a second; 0: no limit (TOCSIN_INGEST_RATE)" },
    { "retention-events", OPTION_TEXT, "SPAN",
        "forget events, not their alerts, after it: 90d; 0: never (TOCSIN_RETENTION_EVENTS)" },
    { "retention-runs", OPTION_TEXT, "SPAN",
        "forget runs that ended so long ago; 0: never (TOCSIN_RETENTION_RUNS)" },
    { "trusted-proxy", OPTION_LIST, "ADDR",
        "whose X-Forwarded-For says who asks, for the audit (TOCSIN_TRUSTED_PROXIES)" },
    { "log-level", OPTION_TEXT, "LEVEL", "debug, info, warn, error (TOCSIN_LOG_LEVEL; info)" },
    { "log-format", OPTION_TEXT, "text|json", "how log lines look (TOCSIN_LOG_FORMAT; text)" },
    { "workers", OPTION_TEXT, "N", "engine threads; 0: one core is left for the rest (TOCSIN_WORKERS)" },
    { .name = NULL },
};

static struct str *text_of(struct settings *settings, const struct setting *setting)
{
    return (struct str *)(void *)((char *)settings + setting->offset);
}

static struct setting_list *list_of(struct settings *settings, const struct setting *setting)
{
    return (struct setting_list *)(void *)((char *)settings + setting->offset);
}

static FALLIBLE list_add(
    struct setting_list *list, struct arena *arena, struct str text, struct err_info *why)
{
    struct str copy;
    if (list->count == SETTING_LIST_MAX)
        return err_named(why, ERR_LIMIT, "setting_list", "more than %d items", SETTING_LIST_MAX);
    TRY(arena_str(arena, text, &copy, why));
    list->items[list->count++] = copy.data;
    return ERR_OK;
}

/* ---- the file ---- */

static FALLIBLE wrong_node(
    const struct yaml_node *node, struct str key, const char *what, struct err_info *why)
{
    enum err result = err_named(why, ERR_INVALID, "config", "\"%.*s\" %s", STR_ARG(key), what);
    if (why != NULL) {
        why->line = node->line;
        why->column = node->column;
    }
    return result;
}

static FALLIBLE take_node(struct settings *settings, const struct setting *setting,
    const struct yaml_node *node, struct arena *arena, struct err_info *why)
{
    struct str key = str_of(setting->key);
    if (setting->kind == SETTING_TEXT) {
        if (node->kind != YAML_SCALAR)
            return wrong_node(node, key, "must be one value", why);
        return arena_str(arena, node->text, text_of(settings, setting), why);
    }
    struct setting_list *list = list_of(settings, setting);
    list->count = 0;
    if (node->kind == YAML_SCALAR)
        return list_add(list, arena, node->text, why);
    if (node->kind != YAML_SEQUENCE)
        return wrong_node(node, key, "must be a list", why);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->items[i]->kind != YAML_SCALAR)
            return wrong_node(node->items[i], key, "must be a list of texts", why);
        TRY(list_add(list, arena, node->items[i]->text, why));
    }
    return ERR_OK;
}

static const struct setting *find_setting(struct str key, bool *ret_is_group)
{
    *ret_is_group = false;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct str known = str_of(settings_table[i].key);
        if (settings_table[i].key != NULL && str_equal(known, key))
            return &settings_table[i];
        *ret_is_group |= known.size > key.size && str_starts(known, key) && known.data[key.size] == '.';
    }
    return NULL;
}

static FALLIBLE unknown_key(const struct yaml_node *node, struct str key, struct err_info *why)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (settings_table[i].key == NULL)
            continue;
        unsigned distance = str_distance(str_of(settings_table[i].key), key, best);
        if (distance < best) {
            best = distance;
            nearest = settings_table[i].key;
        }
    }
    char text[120] = "is no setting";
    if (nearest != NULL)
        (void)snprintf(text, sizeof text, "is no setting; did you mean \"%s\"?", nearest); /* fits */
    return wrong_node(node, key, text, why);
}

static FALLIBLE take_mapping(struct settings *settings, const struct yaml_node *node, struct str prefix,
    struct arena *arena, struct err_info *why)
{
    if (node->kind != YAML_MAPPING)
        return wrong_node(node, prefix, "must be a mapping of settings", why);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct str key;
        bool is_group;
        TRY(arena_printf(arena, &key, why, "%.*s%s%.*s", STR_ARG(prefix), prefix.size ? "." : "",
            STR_ARG(pair->key->text)));
        const struct setting *setting = find_setting(key, &is_group);
        if (setting != NULL)
            TRY(take_node(settings, setting, pair->value, arena, why));
        else if (is_group)
            TRY(take_mapping(settings, pair->value, key, arena, why));
        else
            return unknown_key(pair->key, key, why);
    }
    return ERR_OK;
}

static FALLIBLE read_file(
    struct settings *settings, const char *path, struct arena *arena, struct err_info *why)
{
    struct str text;
    struct yaml_node *root;
    TRY(file_read(path, YAML_BYTES_MAX, arena, &text, why));
    enum err result = yaml_parse(arena, text, &root, why);
    if (result == ERR_OK && !yaml_is_null(root))
        result = take_mapping(settings, root, STR(""), arena, why);
    if (result != ERR_OK && why != NULL && why->line > 0) {
        struct err_info inner = *why;
        return err_named(why, result, "config", "%s:%u:%u: %s", path, inner.line, inner.column, inner.text);
    }
    return result;
}

/* ---- environment and options ---- */

static FALLIBLE take_list_text(
    struct setting_list *list, struct str text, struct arena *arena, struct err_info *why)
{
    struct str part;
    list->count = 0;
    while (str_split(&text, ',', &part)) {
        part = str_trim(part);
        if (part.size > 0)
            TRY(list_add(list, arena, part, why));
    }
    return ERR_OK;
}

static FALLIBLE take_environment(
    struct settings *settings, const struct setting *setting, struct arena *arena, struct err_info *why)
{
    const char *text = setting->variable ? getenv(setting->variable) : NULL;
    if (text == NULL || *text == '\0')
        return ERR_OK;
    if (setting->kind == SETTING_LIST)
        return take_list_text(list_of(settings, setting), str_of(text), arena, why);
    *text_of(settings, setting) = str_of(text);
    return ERR_OK;
}

static FALLIBLE take_option(struct settings *settings, const struct setting *setting,
    const struct option_value *value, struct arena *arena, struct err_info *why)
{
    if (!value->is_set)
        return ERR_OK;
    if (setting->kind == SETTING_TEXT) {
        *text_of(settings, setting) = str_of(value->text);
        return ERR_OK;
    }
    struct setting_list *list = list_of(settings, setting);
    list->count = 0;
    for (size_t i = 0; i < value->count; i++)
        TRY(list_add(list, arena, str_of(value->list[i]), why));
    return ERR_OK;
}

/* ---- what the texts say ---- */

static FALLIBLE read_number(
    struct str text, const char *name, int64_t max, uint64_t *ret, struct err_info *why)
{
    int64_t number = 0;
    if (text.size > 0 && (!str_to_int(text, &number) || number < 0 || number > max))
        return err_named(why, ERR_INVALID, "config", "%s must be a number from 0 to %lld, not \"%.*s\"", name,
            (long long)max, STR_ARG(text));
    *ret = (uint64_t)number;
    return ERR_OK;
}

static FALLIBLE read_span(struct str text, const char *name, int64_t *ret_us, struct err_info *why)
{
    *ret_us = 0;
    if (text.size == 0 || str_equal(text, STR("0")))
        return ERR_OK;
    if (span_parse(text, ret_us, NULL) == ERR_OK && *ret_us >= US_PER_HOUR)
        return ERR_OK;
    return err_named(why, ERR_INVALID, "config",
        "%s must be a span of at least 1h, as in 90d, or 0, not \"%.*s\"", name, STR_ARG(text));
}

static FALLIBLE read_log(struct settings *settings, struct err_info *why)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    size_t level = 0;
    while (level < 4 && !str_equal(settings->log_level_text, str_of(levels[level])))
        level++;
    if (level == 4)
        return err_named(why, ERR_INVALID, "config", "log.level must be debug, info, warn or error");
    settings->log_level = (enum log_level)(LOG_DEBUG + level);
    bool is_json = str_equal(settings->log_format_text, STR("json"));
    if (!is_json && !str_equal(settings->log_format_text, STR("text")))
        return err_named(why, ERR_INVALID, "config", "log.format must be text or json");
    settings->log_format = is_json ? LOG_JSON : LOG_TEXT;
    return ERR_OK;
}

static FALLIBLE read_texts(struct settings *settings, struct err_info *why)
{
    TRY(read_log(settings, why));
    TRY(read_number(
        settings->ingest_body_max_text, "ingest.body_max", 1024 * MIB, &settings->ingest_body_max, why));
    TRY(read_number(settings->ingest_rate_text, "ingest.rate", 1000000000, &settings->ingest_rate, why));
    TRY(read_number(settings->workers_text, "workers", 64, &settings->workers, why));
    TRY(read_span(settings->retention_events_text, "retention.events", &settings->retention_events_us, why));
    TRY(read_span(settings->retention_runs_text, "retention.runs", &settings->retention_runs_us, why));
    if ((settings->tls_cert.size > 0) != (settings->tls_key.size > 0))
        return err_named(why, ERR_INVALID, "config", "tls.cert and tls.key go together");
    return ERR_OK;
}

enum err settings_read(
    const struct options *options, struct arena *arena, struct settings *ret, struct err_info *why)
{
    *ret = (struct settings){ 0 };
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (settings_table[i].kind == SETTING_TEXT)
            *text_of(ret, &settings_table[i]) = str_of(settings_table[i].otherwise);
    if (options->values[0].is_set)
        TRY(read_file(ret, options->values[0].text, arena, why));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        TRY(take_environment(ret, &settings_table[i], arena, why));
        TRY(take_option(ret, &settings_table[i], &options->values[i + 1], arena, why));
    }
    return read_texts(ret, why);
}
