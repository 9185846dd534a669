/* The commands that ask a server, as a table: `tocsin NOUN VERB [ARGUMENT] [OPTION…]` is one request each
 * (resource_table.c), its body made from the options (resource_body.c), its answer printed as a table, as
 * fields, or by a printer of its own (resource_print.c). */
#ifndef TOCSIN_RESOURCE_H
#define TOCSIN_RESOURCE_H

#include "client.h"
#include "options.h"
#include "table.h"

/* Options of verbs; a verb's are a set of bits. Every verb has --server and --json. */
enum resource_option {
    ON_SERVER,
    ON_JSON,
    ON_LIMIT,
    ON_AFTER,
    ON_BEFORE,
    ON_ACTION,
    ON_ACTOR,
    ON_STATUS,
    ON_SEVERITY,
    ON_SOURCE,
    ON_OWNER,
    ON_TEXT,
    ON_PLAYBOOK,
    ON_ALERT,
    ON_CASE,
    ON_RUN,
    ON_FATE,
    ON_SINCE,
    ON_UNTIL,
    ON_SCOPES,
    ON_EXPIRES,
    ON_RESOLUTION,
    ON_COMMENT,
    ON_REASON,
    ON_WHEN,
    ON_CHOICE,
    ON_FORM,
    ON_INPUT,
    ON_CONNECTOR,
    ON_SET,
    ON_SECRET,
    ON_DEFAULT,
    ON_DISABLED,
    ON_FOLLOW,
    ON_COUNT,
};
#define WITH(option) (UINT64_C(1) << ON_##option)

struct resource_option_row {
    struct option_spec spec;
    const char *query; /* the parameter that it becomes; NULL: a body's maker reads it */
};
extern const struct resource_option_row resource_options[ON_COUNT];

struct verb;

/* One call of a verb. */
struct resource {
    const struct verb *verb;
    struct options options;
    struct option_spec specs[OPTIONS_MAX];
    int index_of[ON_COUNT]; /* in `options`; -1: the verb has no such option */
    struct arena *arena;
    struct login login;
    const char *argument; /* NULL: none */
};
/* Never NULL; not set when the verb lacks the option. */
const struct option_value *resource_option(const struct resource *resource, enum resource_option option);
/* The option's text, empty when it was not given. */
struct str resource_text(const struct resource *resource, enum resource_option option);

struct verb {
    const char *noun, *name;
    const char *argument; /* what stands after the verb; NULL: nothing */
    const char *method; /* NULL: it asks no server, but has a `run` */
    const char *path; /* '*' stands for the argument */
    enum err (*body)(const struct resource *resource, struct value *ret, struct err_info *why);
    uint64_t options;
    const struct table_column *columns; /* of a list's items */
    void (*print)(struct buf *buf, struct value body, bool has_colours); /* NULL: as fields */
    /* In place of one request; returns the exit status. */
    int (*run)(const struct resource *resource);
    const char *help;
};
/* Ended by a NULL noun. */
extern const struct verb resource_verbs[];

/* ---- for verbs with a `run` of their own ---- */

FALLIBLE resource_ask(const struct resource *resource, const char *method, const char *path,
    struct value body, struct client_answer *ret, struct err_info *why);
/* Prints the reason; the exit status: 2 for what was typed, 1 for what went wrong. */
int resource_fail(const struct err_info *why);
void resource_show(const struct resource *resource, struct value body);
/* "--json", else by the verb's printer. */
bool resource_wants_json(const struct resource *resource);

/* ---- resource_body.c ---- */

/* "NAME=TEXT" or "NAME:=JSON" into the map under construction. */
FALLIBLE pair_add(
    struct value_map_builder *builder, const char *pair, const char *option, struct err_info *why);

FALLIBLE body_suppression(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_token(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_secret(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_case_open(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_case_close(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_case_comment(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_update(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_run_start(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_reason(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_answer(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_connection(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_enable(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_disable(const struct resource *resource, struct value *ret, struct err_info *why);
FALLIBLE body_empty(const struct resource *resource, struct value *ret, struct err_info *why);

/* ---- resource_print.c ---- */

/* "1.234s", "5m3s". */
void print_span(struct buf *buf, int64_t us);
void print_run(struct buf *buf, struct value run, bool has_colours);
void print_task(struct buf *buf, struct value task, bool has_colours);
void print_connector(struct buf *buf, struct value connector, bool has_colours);

/* `tocsin run list` is a verb, `tocsin run PLAYBOOK.yaml` is not. */
bool resource_has_verb(const char *noun, const char *name);

/* ---- verbs of their own ---- */

int follow_run(const struct resource *resource); /* resource_follow.c */
int connector_file_new(const struct resource *resource); /* connector_verbs.c */
int connector_file_test(const struct resource *resource);
int audit_export_rows(const struct resource *resource); /* audit_export.c */
int export_test(const struct resource *resource); /* export_test.c */

#endif
