#include "ingest/suppression.h"

#include <pthread.h>

#include "access/audit.h"
#include "base/container.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/timetext.h"
#include "expr/expr.h"
#include "ingest/source.h"
#include "ingest/suppression_row.h"

enum slot { SLOT_ALERT, SLOT_EVENT, SLOT_SOURCE, SLOT_RECEIVED, SLOT_COUNT };

struct rule {
    int64_t tenant;
    struct str name, source;
    struct expr *when;
    struct instant expires;
};

/* Never changes once it is built; kept until nobody looks into it any more. */
struct suppression_set {
    struct arena arena;
    struct rule rules[SUPPRESSIONS_MAX];
    uint32_t count;
    unsigned references; /* guarded by the mutex */
};

struct suppressions {
    struct clock *clock;
    struct rand *rand;
    pthread_mutex_t mutex;
    struct suppression_set *set; /* holds one reference; NULL: no rules */
};

/* ---- sets ---- */

static void set_free(struct suppression_set *set)
{
    if (!set)
        return;
    arena_done(&set->arena);
    memory_free(set);
}

const struct suppression_set *suppressions_acquire(struct suppressions *suppressions)
{
    (void)pthread_mutex_lock(&suppressions->mutex); /* fails only on misuse */
    struct suppression_set *set = suppressions->set;
    if (set)
        set->references++;
    (void)pthread_mutex_unlock(&suppressions->mutex);
    return set;
}

void suppressions_release(struct suppressions *suppressions, const struct suppression_set *set)
{
    struct suppression_set *own = (struct suppression_set *)(uintptr_t)set;
    if (!own)
        return;
    (void)pthread_mutex_lock(&suppressions->mutex);
    bool is_last = --own->references == 0;
    (void)pthread_mutex_unlock(&suppressions->mutex);
    if (is_last)
        set_free(own);
}

static void install(struct suppressions *suppressions, struct suppression_set *set)
{
    (void)pthread_mutex_lock(&suppressions->mutex);
    struct suppression_set *older = suppressions->set;
    suppressions->set = set;
    if (set)
        set->references = 1;
    (void)pthread_mutex_unlock(&suppressions->mutex);
    suppressions_release(suppressions, older);
}

static enum err compile(struct arena *arena, struct str when, struct expr **ret, struct err_info *why)
{
    static const struct expr_name names[SLOT_COUNT] = {
        [SLOT_ALERT] = { STR_INIT("alert"), &type_dyn },
        [SLOT_EVENT] = { STR_INIT("event"), &type_dyn },
        [SLOT_SOURCE] = { STR_INIT("source"), &type_string },
        [SLOT_RECEIVED] = { STR_INIT("received"), &type_timestamp },
    };
    struct expr_env env = { .names = names, .name_count = SLOT_COUNT };
    return expr_compile(arena, &env, when, ret, why);
}

/* A rule that a newer program can't read is left out: it suppresses nothing, which is the safe side. */
static enum err add_rule(void *context, const struct suppression_row *row, struct err_info *why)
{
    struct suppression_set *set = context;
    struct expr *when;
    if (set->count == SUPPRESSIONS_MAX)
        return ERR_OK;
    enum err result = compile(&set->arena, row->when, &when, NULL);
    if (result == ERR_MEMORY)
        return err_memory(why);
    if (result == ERR_OK)
        set->rules[set->count++] = (struct rule){ row->tenant, row->name, row->source, when, row->expires };
    return ERR_OK;
}

static enum err build(
    struct store_conn *conn, struct instant now, struct suppression_set **ret, struct err_info *why)
{
    struct suppression_set *set = memory_alloc(sizeof(*set));
    if (!set)
        return err_memory(why);
    set->arena = (struct arena){ 0 };
    set->count = 0;
    enum err result = suppression_rows_active(conn, now, &set->arena, add_rule, set, why);
    if (result != ERR_OK || set->count == 0) {
        set_free(set);
        set = NULL;
    }
    *ret = set;
    return result;
}

/* ---- life ---- */

enum err suppressions_new(
    struct clock *clock, struct rand *rand, struct suppressions **ret, struct err_info *why)
{
    struct suppressions *suppressions = memory_alloc(sizeof(*suppressions));
    if (!suppressions)
        return err_memory(why);
    *suppressions = (struct suppressions){ .clock = clock, .rand = rand };
    int failed = pthread_mutex_init(&suppressions->mutex, NULL);
    if (failed != 0) {
        memory_free(suppressions);
        return err_errno(why, failed, "make a lock");
    }
    *ret = suppressions;
    return ERR_OK;
}

void suppressions_free(struct suppressions *suppressions)
{
    if (!suppressions)
        return;
    install(suppressions, NULL);
    (void)pthread_mutex_destroy(&suppressions->mutex); /* fails only on misuse */
    memory_free(suppressions);
}

static enum err load(void *context, struct store_conn *conn, struct err_info *why)
{
    struct suppressions *suppressions = context;
    struct suppression_set *set;
    TRY(build(conn, clock_now(suppressions->clock), &set, why));
    install(suppressions, set);
    return ERR_OK;
}

enum err suppressions_load(struct suppressions *suppressions, struct store *store, struct err_info *why)
{
    return store_read_wait(store, load, suppressions, why);
}

/* ---- what is asked for each event ---- */

static enum err holds(const struct rule *rule, const struct expr_values *values, struct arena *arena,
    bool *ret, struct err_info *why)
{
    struct value v;
    enum err result = expr_eval(rule->when, arena, &values->activation, NULL, &v, NULL);
    if (result == ERR_MEMORY)
        return err_memory(why);
    *ret = result == ERR_OK && v.type == VALUE_BOOL && v.boolean;
    return ERR_OK;
}

enum err suppression_find(const struct suppression_set *set, const struct suppressible *arriving,
    struct arena *arena, struct str *ret_name, struct err_info *why)
{
    *ret_name = (struct str){ 0 };
    if (!set)
        return ERR_OK;
    struct value slots[SLOT_COUNT] = { [SLOT_ALERT] = arriving->alert,
        [SLOT_EVENT] = arriving->event,
        [SLOT_SOURCE] = value_string(arriving->source),
        [SLOT_RECEIVED] = value_from_instant(arriving->received) };
    struct expr_values values;
    expr_values_init(&values, slots, SLOT_COUNT);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct rule *rule = &set->rules[i];
        bool is_of_source = rule->source.size == 0 || str_equal(rule->source, arriving->source);
        bool is_true = false;
        if (rule->tenant != arriving->tenant || !is_of_source || rule->expires.us <= arriving->received.us)
            continue;
        TRY(holds(rule, &values, arena, &is_true, why));
        if (is_true) {
            *ret_name = rule->name;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

/* ---- changes ---- */

struct change_hook {
    struct store_hook hook;
    struct suppressions *suppressions;
    struct suppression_set *set;
};

static void committed(struct store_hook *hook, bool is_committed)
{
    struct change_hook *own = CONTAINER_OF(hook, struct change_hook, hook);
    if (is_committed)
        install(own->suppressions, own->set);
    else
        set_free(own->set);
    memory_free(own);
}

/* The rules as this commit leaves them. */
static enum err follow(struct suppressions *suppressions, struct store_conn *conn, struct err_info *why)
{
    struct change_hook *hook = memory_alloc(sizeof(*hook));
    if (!hook)
        return err_memory(why);
    *hook = (struct change_hook){ .hook = { .run = committed }, .suppressions = suppressions };
    enum err result = build(conn, clock_now(suppressions->clock), &hook->set, why);
    if (result != ERR_OK) {
        memory_free(hook);
        return result;
    }
    store_add_hook(conn, &hook->hook);
    return ERR_OK;
}

static bool name_is_valid(struct str name)
{
    if (name.size == 0 || name.size > SOURCE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

static enum err invalid(struct err_info *why, const char *text)
{
    return err_named(why, ERR_INVALID, "policy", "%s", text);
}

static enum err check_when(struct str when, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct err_info own = { 0 };
    struct expr *expr;
    if (when.size == 0 || when.size > SUPPRESSION_TEXT_BYTES_MAX)
        return invalid(why, "when: an expression of at most 4096 bytes should stand here");
    enum err result = compile(&scratch, when, &expr, &own);
    if (result == ERR_MEMORY)
        return err_memory(why);
    if (result != ERR_OK)
        return err_at(why, ERR_INVALID, "policy", own.line, own.column, "when: line %u, column %u: %s",
            own.line, own.column, own.text);
    const struct type *type = expr_type(expr);
    if (type != &type_bool && type != &type_dyn)
        return invalid(why, "when: the expression should give true or false");
    return ERR_OK;
}

static enum err check_spec(const struct suppression_spec *spec, struct instant now, struct err_info *why)
{
    if (!name_is_valid(spec->name))
        return invalid(why, "name: 1 to 64 of letters, digits, '.', '_', '-', with a letter or digit first");
    if (spec->source.size > 0 && !source_name_is_valid(spec->source))
        return invalid(why, "source: the name of a source should stand here");
    if (spec->reason.size == 0 || spec->reason.size > SUPPRESSION_TEXT_BYTES_MAX)
        return invalid(why, "reason: why these alerts are no news should stand here, in at most 4096 bytes");
    if (spec->expires.us <= now.us || spec->expires.us > now.us + SUPPRESSION_DAYS_MAX * US_PER_DAY)
        return invalid(why, "expires: a time within the next 366 days should stand here");
    return check_when(spec->when, why);
}

static enum err audit(struct store_conn *conn, const struct principal *by, const char *action,
    const struct suppression_row *row, struct value after, struct err_info *why)
{
    struct id_text id = id_text(row->id);
    struct audit_entry entry = { .by = by,
        .action = str_of(action),
        .object_kind = STR("policy"),
        .object = id_str(&id),
        .after = after,
        .reason = row->reason,
        .remote = str_of(by->remote) };
    return audit_append(conn, &entry, NULL, why);
}

enum err suppression_create(struct suppressions *suppressions, struct store_conn *conn,
    const struct principal *by, const struct suppression_spec *spec, struct arena *arena, struct value *ret,
    struct err_info *why)
{
    struct instant now = clock_now(suppressions->clock);
    bool has_name = false;
    uint32_t count = 0;
    TRY(check_spec(spec, now, why));
    TRY(suppression_row_count(conn, by->tenant, spec->name, now, &has_name, &count, why));
    if (has_name)
        return err_named(why, ERR_CONFLICT, "policy",
            "a suppression '%.*s' is in force; end it first, or take another name", STR_ARG(spec->name));
    if (count >= SUPPRESSIONS_MAX)
        return err_named(
            why, ERR_LIMIT, "SUPPRESSIONS_MAX", "%u suppressions are in force, the limit", count);
    struct suppression_row row = { .tenant = by->tenant,
        .id = id_new(suppressions->clock, suppressions->rand),
        .name = spec->name,
        .source = spec->source,
        .when = spec->when,
        .reason = spec->reason,
        .owner = principal_name(by),
        .created = now,
        .expires = spec->expires };
    TRY(suppression_row_insert(conn, &row, why));
    TRY(suppression_row_value(&row, now, arena, ret, why));
    TRY(audit(conn, by, "policy.create", &row, *ret, why));
    return follow(suppressions, conn, why);
}

enum err suppression_end(struct suppressions *suppressions, struct store_conn *conn,
    const struct principal *by, struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct instant now = clock_now(suppressions->clock);
    struct suppression_row row;
    TRY(suppression_row_get(conn, by->tenant, id, arena, &row, why));
    if (row.ended.us != 0 || row.expires.us <= now.us)
        return err_named(why, ERR_CONFLICT, "policy", "this suppression is over already");
    row.ended = now;
    row.ended_by = principal_name(by);
    TRY(suppression_row_end(conn, &row, why));
    TRY(suppression_row_value(&row, now, arena, ret, why));
    TRY(audit(conn, by, "policy.end", &row, *ret, why));
    return follow(suppressions, conn, why);
}
