/* A YAML value with `${{ }}` in it, as connector files have them in requests, answers and undo parameters.
 *
 * Two things set it apart from a playbook's template: `${{ settings.NAME }}` of a secret setting gives a
 * handle that only the wire opens, and an entry of a map or list whose whole value is a plain path
 * (`${{ inputs.note }}`, `${{ body.data.owner }}`) that leads nowhere is left out. */
#ifndef TOCSIN_CONNECT_STENCIL_H
#define TOCSIN_CONNECT_STENCIL_H

#include "base/yaml.h"
#include "connect/call_secrets.h"
#include "connect/sheet.h"
#include "expr/expr.h"

enum piece_kind { PIECE_TEXT, PIECE_PATH, PIECE_EXPR, PIECE_SECRET };
struct piece {
    enum piece_kind kind;
    struct str text; /* TEXT: as it is. SECRET: the setting's name. Others: the expression, for messages */
    const struct expr *expr; /* PATH, EXPR */
    uint32_t slot; /* PATH: the variable it starts at */
    const struct str *fields; /* PATH */
    uint32_t field_count;
    uint32_t line, column;
};

enum stencil_kind {
    STENCIL_CONSTANT,
    STENCIL_WHOLE, /* one piece: keeps its value's type */
    STENCIL_TEXT, /* pieces, concatenated */
    STENCIL_LIST,
    STENCIL_MAP,
};
struct stencil {
    enum stencil_kind kind;
    uint32_t line, column;
    struct value constant;
    const struct piece *pieces; /* WHOLE, TEXT */
    const struct stencil *parts; /* LIST, MAP */
    const struct str *keys; /* MAP */
    uint32_t count; /* of pieces or parts */
};

/* Names in scope of the stencils of one kind. */
struct stencil_env {
    struct expr_env env;
    const struct str *secrets; /* names of settings that are secret; those of `settings.` */
    uint32_t secret_count;
    bool may_hold_secrets; /* false: a secret here is a fault */
};

/* Faults go to the sheet; then false, and `*ret` is an empty constant. */
bool sheet_stencil(
    struct sheet *sheet, const struct yaml_node *node, const struct stencil_env *env, struct stencil *ret);
/* A bare expression, as `when:` has it. NULL on a fault. */
const struct expr *sheet_expr(struct sheet *sheet, const struct yaml_node *node,
    const struct stencil_env *env, const struct type *wanted);
/* What is known about the value: the type of a WHOLE's expression, string of a TEXT, dyn of the rest. */
const struct type *stencil_type(const struct stencil *stencil);
bool stencil_has_secret(const struct stencil *stencil);

/* What the names stand for in one evaluation. A slot that is not `present` has no value. */
struct stencil_scope {
    const struct value *values; /* by slot */
    uint32_t count;
    uint32_t present; /* bits by slot */
    struct value references; /* the connection's settings with their "${secret:NAME}" texts */
    struct secret_source *source;
    struct call_secrets *secrets; /* NULL where stencils hold none */
    struct arena *arena;
};

/* `*ret_present` is false when the stencil is a plain path that leads nowhere. Secrets in the value are
 * handles. ERR_INVALID, name "bad_input" or "expr_eval", with what was evaluated; ERR_NOT_FOUND, name
 * "secret_missing"; ERR_LIMIT; ERR_MEMORY. */
FALLIBLE stencil_eval(const struct stencil *stencil, struct stencil_scope *scope, struct value *ret,
    bool *ret_present, struct err_info *why);
/* True when the expression says so; an expression that fails is not true. */
bool stencil_is_true(struct stencil_scope *scope, const struct expr *expr);
FALLIBLE stencil_eval_expr(
    struct stencil_scope *scope, const struct expr *expr, struct value *ret, struct err_info *why);

/* Pieces one by one into `buf`, those that are no plain text percent-encoded: for paths. */
FALLIBLE stencil_print_path(
    const struct stencil *stencil, struct stencil_scope *scope, struct buf *buf, struct err_info *why);
/* A value as text: a string bare, numbers and booleans in decimal, times in RFC 3339, addresses; a list or
 * map as JSON; the content of secrets. ERR_INVALID for null, which has no text. */
FALLIBLE stencil_print_text(
    struct stencil_scope *scope, struct buf *buf, struct value v, struct err_info *why);
/* JSON with the content of secrets: for the wire only. */
FALLIBLE stencil_print_json(
    struct stencil_scope *scope, struct buf *buf, struct value v, struct err_info *why);

#endif
