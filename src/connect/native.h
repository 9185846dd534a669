/* Native actions: one const struct each, in action_*.c, listed in natives.c. */
#ifndef TOCSIN_CONNECT_NATIVE_H
#define TOCSIN_CONNECT_NATIVE_H

#include "playbook/action.h"

struct connector;
struct native_action;

/* `definition` of a native action in a catalogue. */
struct native_bound {
    const struct connector *connector; /* its head, from a file; NULL: none, so it has no settings */
    const struct native_action *native; /* what it was made of */
    const struct action *variants; /* of an action that refines itself */
};

struct native_action {
    struct action action; /* without defaults and examples, which are text here */
    const char *defaults; /* JSON object of `in` fields left out; NULL: none */
    const char *example_in; /* JSON; used by docs, shadow mode and `run` without --live */
    const char *example_out;
    /* The catalogue copies the action; this completes the copy. NULL: as it stands. */
    enum err (*prepare)(
        struct action *action, struct native_bound *bound, struct arena *arena, struct err_info *why);
};

extern const struct native_action *const native_actions[]; /* ends with NULL */
/* alert.* and case.*, which have a table of their own (action_local.c); NULL past the end. */
const struct native_action *local_action_at(uint32_t index);

extern const struct native_action action_http_request;
extern const struct native_action action_nftables_block_ip, action_nftables_unblock_ip;
extern const struct native_action action_notify_email;
extern const struct native_action action_transform_jq;
extern const struct native_action action_log_write;

/* For the tables of fields. */
#define FIELD(field_name, field_type, needed, text) \
    { \
        .name = STR_INIT(field_name), .type = (field_type), .is_required = (needed), .help = STR_INIT(text) \
    }
#define RECORD(field_table) \
    { \
        .kind = TYPE_RECORD, .fields = (field_table), \
        .field_count = sizeof(field_table) / sizeof((field_table)[0]) \
    }

#endif
