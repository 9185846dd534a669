/* Checking files by what a server has learned of answers, as it checks them itself when they are published.
 */
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "client.h"
#include "lint_files.h"

#define LEARNED_TENANT 1 /* a server tells only what belongs to the token's own */
#define CONNECTORS_ASKED_MAX 256

/* What is observed here is nothing, so nothing can differ. */
static void no_drift(void *context, const struct contract_drift *drift)
{
    (void)context;
    (void)drift;
}

static const struct type *learned_output(const struct playbook_world *world, const struct playbook *playbook,
    const struct step *step, const struct action *action, struct arena *arena)
{
    const struct lint_set *set = world->context;
    const struct call_place place = { playbook->name, step->id };
    return contracts_output_type(set->learned, LEARNED_TENANT, action, &place, arena);
}

static FALLIBLE read_one(struct lint_set *set, const char *path, struct arena *arena, struct err_info *why)
{
    const struct json_options options = { 0 };
    struct err_info inner = { 0 };
    struct str text;
    struct value described;
    TRY(file_read(path, ANSWER_BYTES_MAX, arena, &text, why));
    enum err result = json_parse(arena, text, &options, &described, &inner);
    if (result == ERR_OK)
        result = contracts_read(set->learned, LEARNED_TENANT, described, &inner);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s: %s", path, inner.text);
}

/* ---- a server ---- */

struct asked {
    struct str connectors[CONNECTORS_ASKED_MAX];
    size_t count;
};

static FALLIBLE ask(struct lint_set *set, struct str connector, struct arena *arena, struct err_info *why)
{
    AUTO(buf) struct buf path = { 0 };
    struct client_request request = {
        .login = *set->learning->server, .method = "GET", .body = value_null()
    };
    struct client_answer answer;
    buf_add_text(&path, "/api/v1/connectors/");
    percent_add(&path, connector);
    buf_add_text(&path, "/contracts");
    TRY(buf_check(&path, why));
    TRY(arena_str(arena, buf_str(&path), &request.path, why));
    TRY(client_ask(&request, arena, &answer, why));
    return contracts_read(set->learned, LEARNED_TENANT, answer.body, why);
}

static FALLIBLE ask_once(struct lint_set *set, struct asked *asked, struct str connector, struct arena *arena,
    struct err_info *why)
{
    for (size_t i = 0; i < asked->count; i++)
        if (str_equal(asked->connectors[i], connector))
            return ERR_OK;
    if (asked->count == CONNECTORS_ASKED_MAX)
        return err_named(why, ERR_LIMIT, "CONNECTORS_ASKED_MAX",
            "the playbooks call more than %d connectors; name fewer of them at a time", CONNECTORS_ASKED_MAX);
    asked->connectors[asked->count++] = connector;
    return ask(set, connector, arena, why);
}

/* One request for each connector that the named playbooks call. */
static FALLIBLE ask_server(struct lint_set *set, struct arena *arena, struct err_info *why)
{
    struct asked *asked = ARENA_NEW(arena, struct asked);
    if (asked == NULL)
        return err_memory(why);
    for (size_t i = 0; i < set->count; i++) {
        const struct playbook *playbook = set->files[i].is_builtin ? NULL : set->files[i].playbook;
        for (uint32_t k = 0; playbook != NULL && k < playbook->step_count; k++) {
            const struct step *step = playbook->all_steps[k];
            struct str rest = step->kind == STEP_DO ? step->call.action : STR(""), connector;
            if (str_find_byte(rest, '.', 0) > 0 && str_split(&rest, '.', &connector))
                TRY(ask_once(set, asked, connector, arena, why));
        }
    }
    return ERR_OK;
}

enum err lint_learn(struct lint_set *set, struct arena *arena, struct err_info *why)
{
    const struct lint_learning *learning = set->learning;
    TRY(contracts_new(clock_system(), no_drift, NULL, &set->learned, why));
    for (size_t i = 0; i < learning->file_count; i++)
        TRY(read_one(set, learning->files[i], arena, why));
    if (learning->server != NULL)
        TRY(ask_server(set, arena, why));
    set->world.learned_output = learned_output;
    return ERR_OK;
}
