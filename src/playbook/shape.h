/* What keys the mappings of a content file have and what stands at them: one table each, which the readers
 * take their known keys from and the JSON Schemas for editors are printed from (schema.h). */
#ifndef TOCSIN_PLAYBOOK_SHAPE_H
#define TOCSIN_PLAYBOOK_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum shape_kind {
    SHAPE_ANY,
    SHAPE_TEXT, /* one value */
    SHAPE_TEXTS, /* one, or a list of them */
    SHAPE_NUMBER, /* whole, least to most */
    SHAPE_BOOL,
    SHAPE_SPAN, /* 10m */
    SHAPE_WORD, /* one of `words` */
    SHAPE_PATTERN, /* a text that matches `pattern` */
    SHAPE_EXPRESSION, /* bare */
    SHAPE_EXPRESSIONS, /* one, or a list of them */
    SHAPE_STEPS, /* a list, one alone, or nothing */
    SHAPE_TYPE, /* type_read.h */
    SHAPE_INPUTS, /* name to input */
    SHAPE_MAP, /* a mapping of `shape` */
    SHAPE_LIST, /* of mappings of `shape`, at least `least` */
    SHAPE_TEXT_OR_MAP, /* one value, or a mapping of `shape` */
    SHAPE_RULE_OR_MAP, /* expressions, or a mapping of `shape` */
    SHAPE_EITHER, /* a mapping of one of `shapes`; with `takes_list` also a list of such */
    SHAPE_NAMED, /* names of one's own to anything, at least `least` */
    SHAPE_NAMED_MAPS, /* names of one's own to mappings of `shape` */
    SHAPE_OWN, /* `schema` says it, or `print`: what no other kind does */
};

struct buf;
struct shape;
struct shape_key {
    const char *name;
    enum shape_kind kind;
    bool is_required;
    const char *const *words; /* WORD: ended by NULL */
    const char *pattern; /* PATTERN: a regular expression of ECMA-262 and RE2 alike */
    const struct shape *shape;
    const struct shape *const *shapes; /* EITHER: ended by NULL */
    bool takes_list;
    int64_t least, most;
    const char *schema; /* OWN: a JSON Schema as text */
    void (*print)(struct buf *out); /* OWN: prints one */
    const char *help; /* NULL: none */
};

#define SHAPE_KEYS_MAX 20
struct shape {
    const char *name; /* for $defs */
    const char *title; /* NULL: none */
    const struct shape_key *keys; /* ended by name == NULL */
    /* Each key of `any_of` (ended by NULL) is enough; NULL: none is asked for. */
    const char *const *any_of;
    bool is_one_alone; /* two of them are one too many */
    const char *also; /* further members of the JSON Schema; NULL: none */
    const struct shape *const *named; /* further shapes that `schema` texts name, ended by NULL; NULL: none */
};

/* Words, ended by NULL, in the order of their enum where there is one: readers and schemas take the same. */
extern const char *const words_mode[], *const words_when_full[], *const words_backoff[],
                                                                     *const words_case_event[];

/* The key names, ended by NULL, as reader_keys takes them. */
void shape_names(const struct shape *shape, const char *ret[SHAPE_KEYS_MAX + 1]);

/* ---- playbooks ---- */

extern const struct shape shape_playbook, shape_concurrency, shape_retry, shape_case, shape_branch, shape_ask,
    shape_wait, shape_fail, shape_webhook, shape_schedule, shape_email, shape_trigger, shape_input,
    shape_step_common;
/* By kind of step, in the order of enum step_kind: its own keys, the one that says the kind first. */
extern const struct shape shape_steps[];

#endif
