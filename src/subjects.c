#include "subjects.h"

#include <string.h>

#include "access/audit.h"
#include "access/secret.h"
#include "base/json.h"
#include "cases/alert.h"
#include "cases/case.h"

static enum err load_alert(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    (void)subjects;
    return alert_value(conn, tenant, id, arena, ret, why);
}

static enum err load_case(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    (void)subjects;
    return case_value(conn, tenant, id, arena, ret, why);
}

/* The newest case when the alert is in several. */
static enum err find_case(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id alert, struct id *ret_case, struct err_info *why)
{
    (void)subjects;
    AUTO(arena) struct arena arena = { 0 };
    const struct case_query query = { .tenant = tenant, .limit = 1, .alert_id = alert };
    struct value page;
    TRY(case_list(conn, &query, &arena, &page, why));
    struct value items = value_get(page, STR("items"));
    *ret_case = ID_NONE;
    if (items.size == 0)
        return ERR_OK;
    struct value id = value_get(items.items[0], STR("id"));
    if (id.type != VALUE_STRING || !id_parse(value_str(id), ret_case))
        return err_set(why, ERR_INVALID, "a case without an id is in the store");
    return ERR_OK;
}

/* "token:NAME" as the API names who asked; a bare word is the server's own part ("playbook"). */
static struct principal principal_of(struct str actor, int64_t tenant)
{
    struct principal by;
    struct str rest = actor, word = STR("");
    if (str_find_byte(actor, ':', 0) >= 0 && str_split(&rest, ':', &word))
        for (int kind = PRINCIPAL_SYSTEM; kind < PRINCIPAL_KIND_COUNT; kind++)
            if (str_equal(word, str_of(principal_kind_word((enum principal_kind)kind)))) {
                principal_init(&by, (enum principal_kind)kind, tenant, ID_NONE, rest);
                return by;
            }
    principal_init(&by, PRINCIPAL_SYSTEM, tenant, ID_NONE, actor);
    return by;
}

static enum err audit(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct str actor, struct str operation, struct str object_kind, struct id object, struct value detail,
    struct err_info *why)
{
    (void)subjects;
    struct principal by = principal_of(actor, tenant);
    struct id_text text = id_text(object);
    const struct audit_entry entry = { .by = &by,
        .action = operation,
        .object_kind = object_kind,
        .object = id_is_none(object) ? STR("") : id_str(&text),
        .after = detail };
    return audit_append(conn, &entry, NULL, why);
}

void subjects_init(struct engine_subjects *subjects)
{
    *subjects = (struct engine_subjects){
        .load_alert = load_alert, .load_case = load_case, .find_case = find_case, .audit = audit
    };
}

enum err subjects_seal(void *vault, int64_t tenant, struct value plain, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct buf text = { 0 };
    if (plain.type == VALUE_STRING)
        buf_add(&text, value_str(plain));
    else
        json_print(&text, plain, 0);
    enum err result = buf_check(&text, why);
    if (result == ERR_OK)
        result = secret_seal(vault, tenant, buf_str(&text), arena, ret, why);
    if (text.data)
        explicit_bzero(text.data, text.room);
    buf_done(&text);
    return result;
}
