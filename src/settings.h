/* The server's settings: an option of the command line, else its TOCSIN_* variable, else the configuration
 * file's key, else the default. One table names all three. */
#ifndef TOCSIN_SETTINGS_H
#define TOCSIN_SETTINGS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "options.h"

#define SETTING_LIST_MAX 256
#define DATA_DEFAULT "./tocsin-data"
#define LISTEN_DEFAULT "127.0.0.1:8473"

struct setting_list {
    const char *items[SETTING_LIST_MAX];
    size_t count;
};

struct settings {
    struct str data; /* the data folder */
    struct str listen; /* address:port */
    struct str public_url; /* empty: http://LISTEN */
    struct str store; /* empty: SQLite in the data folder */
    struct str tls_cert, tls_key; /* PEM files; empty: plain HTTP */
    struct str collector_token_file; /* empty: none */
    struct str bootstrap_token_file; /* empty: a set-up link is printed instead */
    struct setting_list content; /* folders, watched */
    struct setting_list egress_allow; /* CIDRs and host names */
    struct str log_level_text, log_format_text;
    struct str ingest_body_max_text, ingest_rate_text, workers_text, retention_events_text,
        retention_runs_text;
    struct setting_list trusted_proxies; /* addresses whose X-Forwarded-For is believed */
    /* Read from the texts above. */
    enum log_level log_level;
    enum log_format log_format;
    uint64_t ingest_body_max; /* bytes; 0: the default limit */
    uint64_t ingest_rate; /* events a second; 0: none */
    int64_t retention_events_us, retention_runs_us; /* 0: for ever */
    uint64_t workers; /* engine shards; 0: as many as there are cores but one, at least one */
};

/* For struct options: `config` and one option a setting; ended by a NULL name. */
extern const struct option_spec setting_options[];

/* `options` was parsed with setting_options. Texts live in `arena`. ERR_INVALID with the file's line, or the
 * variable's or option's name. */
FALLIBLE settings_read(
    const struct options *options, struct arena *arena, struct settings *ret, struct err_info *why);

#endif
