#include "connect/exchange.h"

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/contracts.h"
#include "connect/link.h"
#include "connect/url.h"

FALLIBLE settings_fill(const struct connector *connector, struct arena *arena, struct value settings,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < connector->setting_count; i++) {
        const struct setting *setting = &connector->settings[i];
        const struct value *given = value_map_find(settings, setting->name);
        if (given && given->type == VALUE_NULL)
            given = NULL;
        bool has_default = setting->default_value.type != VALUE_NULL;
        if (!given && setting->is_required && !has_default && settings.type == VALUE_MAP)
            return err_named(why, ERR_INVALID, "connection_invalid",
                "the connection lacks the setting `%.*s`: tocsin connection set", STR_ARG(setting->name));
        if (setting->is_secret || (!given && !has_default))
            continue;
        TRY(value_map_put(
            &builder, value_string(setting->name), given ? *given : setting->default_value, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static void show(struct exchange *exchange, enum stencil_slot slot, struct value v)
{
    exchange->values[slot] = v;
    exchange->scope.present |= 1u << slot;
}

FALLIBLE exchange_begin(
    struct exchange *exchange, const struct exchange_options *options, struct err_info *why)
{
    struct value settings;
    *exchange = (struct exchange){
        .action = options->action, .purpose = options->purpose, .arena = options->arena
    };
    exchange->scope = (struct stencil_scope){ .values = exchange->values,
        .count = SLOT_COUNT,
        .references = options->settings,
        .source = options->source,
        .secrets = &exchange->secrets,
        .arena = options->arena };
    exchange->place.connector = options->connector;
    value_list_begin(&exchange->items, options->arena);
    TRY(settings_fill(options->connector, options->arena, options->settings, &settings, why));
    show(exchange, SLOT_SETTINGS, settings);
    show(exchange, SLOT_INPUTS, options->with);
    show(exchange, SLOT_CALL, options->call);
    return ERR_OK;
}

FALLIBLE exchange_set_token(struct exchange *exchange, struct secret *token, struct err_info *why)
{
    call_secrets_trim(&exchange->secrets, 0);
    TRY(call_secrets_take(&exchange->secrets, token, &exchange->place.token, why));
    exchange->kept_secrets = exchange->secrets.count;
    return ERR_OK;
}

void exchange_end(struct exchange *exchange)
{
    call_secrets_done(&exchange->secrets);
}

static const struct request_form *form_of(const struct exchange *exchange)
{
    return exchange->purpose == ACTION_PROBE ? &exchange->action->probe.request : &exchange->action->request;
}

static bool is_paged(const struct exchange *exchange)
{
    return exchange->purpose == ACTION_DO && exchange->action->paging.kind != PAGING_NONE;
}

static FALLIBLE show_page(struct exchange *exchange, bool is_complete, struct err_info *why)
{
    const struct paging *paging = &exchange->action->paging;
    struct value_map_builder builder;
    struct value page;
    value_map_begin(&builder, exchange->arena);
    int64_t number = paging->first + paging->step * (int64_t)exchange->page_count;
    TRY(value_map_set(&builder, "number", value_int(number), why));
    TRY(value_map_set(&builder, "complete", value_bool(is_complete), why));
    if (exchange->cursor.type != VALUE_NULL)
        TRY(value_map_set(&builder, "cursor", exchange->cursor, why));
    page = value_map_end(&builder);
    show(exchange, SLOT_PAGE, page);
    return ERR_OK;
}

FALLIBLE exchange_note_about(
    struct exchange *exchange, struct str method, struct str url, struct err_info *why)
{
    ptrdiff_t query = str_find_byte(url, '?', 0);
    if (query >= 0)
        url = str_slice(url, 0, (size_t)query);
    return arena_printf(exchange->arena, &exchange->about, why, "%.*s %.*s", STR_ARG(method), STR_ARG(url));
}

FALLIBLE exchange_request(struct exchange *exchange, struct wire *ret, struct err_info *why)
{
    const struct request_form *form = form_of(exchange);
    AUTO(wire) struct wire wire = { 0 };
    call_secrets_trim(&exchange->secrets, exchange->kept_secrets);
    TRY(show_page(exchange, false, why));
    if (exchange->next_url.size)
        TRY(request_build_url(form, &exchange->place, &exchange->scope, exchange->next_url, &wire, why));
    else
        TRY(request_build(form, &exchange->place, &exchange->scope, &wire, why));
    TRY(exchange_note_about(exchange, wire.request.method, wire.request.url, why));
    *ret = wire;
    wire = (struct wire){ 0 };
    return ERR_OK;
}

/* ---- answers ---- */

/* From `why`, unless memory ran out, which is the caller's. */
static FALLIBLE give_why(struct exchange *exchange, const struct err_info *inner, enum action_effect effect,
    struct action_result *ret, struct err_info *why)
{
    if (inner->code == ERR_MEMORY)
        return err_memory(why);
    *ret = result_from_why(exchange->arena, inner, effect);
    return ERR_OK;
}

static FALLIBLE read_answer(struct exchange *exchange, const struct http_answer *answer, struct err_info *why)
{
    struct value headers, body;
    enum answer_format format = exchange->purpose == ACTION_PROBE ? FORMAT_JSON : exchange->action->format;
    TRY(answer_headers(answer, exchange->arena, &headers, why));
    TRY(answer_body(answer, format, exchange->arena, &body, why));
    TRY(call_secrets_mask_value(&exchange->secrets, exchange->arena, headers, &headers, why));
    TRY(call_secrets_mask_value(&exchange->secrets, exchange->arena, body, &body, why));
    show(exchange, SLOT_STATUS, value_int(answer->status));
    show(exchange, SLOT_HEADERS, headers);
    show(exchange, SLOT_BODY, body);
    return ERR_OK;
}

static FALLIBLE apply_rule(struct exchange *exchange, const struct error_rule *rule,
    const struct http_answer *answer, struct action_result *ret, struct err_info *why)
{
    struct value v;
    bool is_present = false;
    AUTO(buf) struct buf text = { 0 };
    TRY(answer_status_error(answer, exchange->values[SLOT_BODY], exchange->about, exchange->arena, ret, why));
    ret->error.code = rule->code;
    if (rule->has_retryable)
        ret->error.is_retryable = rule->is_retryable;
    bool has_text = rule->has_message &&
        stencil_eval(&rule->message, &exchange->scope, &v, &is_present, NULL) == ERR_OK && is_present &&
        stencil_print_text(&exchange->scope, &text, v, NULL) == ERR_OK && buf_check(&text, NULL) == ERR_OK;
    return has_text ? arena_str(exchange->arena, buf_str(&text), &ret->error.message, why) : ERR_OK;
}

/* True when the answer is a refusal; then `*ret` says which. */
static FALLIBLE find_error(struct exchange *exchange, const struct http_answer *answer, bool *ret_is_error,
    struct action_result *ret, struct err_info *why)
{
    const struct connector_action *action = exchange->action;
    bool is_probe = exchange->purpose == ACTION_PROBE;
    const struct expr *ok_when = is_probe ? action->probe.ok_when : action->ok_when;
    *ret_is_error = true;
    for (uint32_t i = 0; i < action->error_count && !(is_probe && ok_when); i++) {
        if (stencil_is_true(&exchange->scope, action->errors[i].when))
            return apply_rule(exchange, &action->errors[i], answer, ret, why);
    }
    bool is_ok = ok_when ? stencil_is_true(&exchange->scope, ok_when)
                         : answer->status >= 200 && answer->status < 300;
    if (!is_ok)
        return answer_status_error(
            answer, exchange->values[SLOT_BODY], exchange->about, exchange->arena, ret, why);
    *ret_is_error = false;
    return ERR_OK;
}

static FALLIBLE mismatch(struct err_info *why, const struct err_info *inner)
{
    if (inner->code == ERR_MEMORY)
        return err_memory(why);
    return err_named(why, ERR_INVALID, "answer_mismatch", ANSWER_MISMATCH_HEAD "%s", inner->text);
}

static FALLIBLE make_output(
    struct exchange *exchange, const struct stencil *stencil, struct value *ret, struct err_info *why)
{
    const struct connector_action *action = exchange->action;
    struct err_info inner = { 0 };
    struct value v = exchange->values[SLOT_BODY];
    bool is_present = true;
    if (stencil && stencil_eval(stencil, &exchange->scope, &v, &is_present, &inner) != ERR_OK)
        return mismatch(why, &inner);
    if (!is_present)
        v = value_null();
    TRY(answer_fit(action->action.out, exchange->arena, v, &v, why));
    if (type_check_value(action->action.out, v, &inner) != ERR_OK)
        return mismatch(why, &inner);
    if (action->seals_output)
        TRY(answer_seal(action->action.out, exchange->arena, exchange->scope.source, v, &v, why));
    *ret = v;
    return ERR_OK;
}

static FALLIBLE give_output(
    struct exchange *exchange, const struct stencil *stencil, struct action_result *ret, struct err_info *why)
{
    struct err_info inner = { 0 };
    *ret = (struct action_result){ .is_ok = true, .effect = ACTION_ANSWERED };
    if (make_output(exchange, stencil, &ret->output, &inner) == ERR_OK)
        return ERR_OK;
    return give_why(exchange, &inner, ACTION_ANSWERED, ret, why);
}

/* A probe that found no answer knows nothing. */
static void unsure(const struct exchange *exchange, struct action_result *ret)
{
    if (exchange->purpose == ACTION_PROBE && !ret->is_ok)
        ret->effect = ACTION_UNKNOWN;
}

static FALLIBLE probe_answer(struct exchange *exchange, struct action_result *ret, struct err_info *why)
{
    const struct probe *probe = &exchange->action->probe;
    struct value v;
    struct err_info inner = { 0 };
    if (stencil_eval_expr(&exchange->scope, probe->done_when, &v, &inner) != ERR_OK || v.type != VALUE_BOOL)
        return give_why(exchange, &inner, ACTION_UNKNOWN, ret, why);
    if (v.boolean) {
        TRY(give_output(exchange, &probe->output, ret, why));
        unsure(exchange, ret);
        return ERR_OK;
    }
    *ret = result_error(STR("not_done"), STR("the earlier call had no effect"), true, ACTION_NOT_SENT);
    return ERR_OK;
}

static FALLIBLE set_next_url(
    struct exchange *exchange, struct str reference, bool *ret_more, struct err_info *why)
{
    *ret_more = reference.size > 0;
    if (!*ret_more)
        return ERR_OK;
    ptrdiff_t space = str_find_byte(exchange->about, ' ', 0);
    struct str base = str_slice(exchange->about, (size_t)space + 1, exchange->about.size);
    return url_resolve_same_origin(exchange->arena, base, reference, &exchange->next_url, why);
}

static FALLIBLE find_next(
    struct exchange *exchange, uint32_t item_count, bool *ret_more, struct err_info *why)
{
    const struct paging *paging = &exchange->action->paging;
    struct value v = value_null();
    bool is_present = false;
    *ret_more = false;
    if (paging->goes_on && !stencil_is_true(&exchange->scope, paging->goes_on))
        return ERR_OK;
    if (paging->kind == PAGING_NUMBER) {
        *ret_more = paging->goes_on || item_count > 0;
        return ERR_OK;
    }
    if (paging->kind == PAGING_LINK) {
        struct value link = value_get(exchange->values[SLOT_HEADERS], STR("link"));
        return set_next_url(
            exchange, link.type == VALUE_STRING ? link_next(value_str(link)) : STR(""), ret_more, why);
    }
    TRY(stencil_eval(&paging->next, &exchange->scope, &v, &is_present, why));
    if (!is_present || v.type == VALUE_NULL || value_is_text(v, STR("")))
        return ERR_OK;
    if (paging->kind == PAGING_URL && v.type != VALUE_STRING)
        return err_named(why, ERR_INVALID, "answer_mismatch", "the page's `next` is no URL");
    if (paging->kind == PAGING_URL)
        return set_next_url(exchange, value_str(v), ret_more, why);
    exchange->cursor = v;
    *ret_more = true;
    return ERR_OK;
}

/* Takes the items of this page; says whether there is another one. */
static FALLIBLE take_page(
    struct exchange *exchange, const struct http_answer *answer, bool *ret_more, struct err_info *why)
{
    const struct paging *paging = &exchange->action->paging;
    struct value items;
    bool is_present;
    struct err_info inner = { 0 };
    exchange->answer_bytes += answer->body.size;
    if (exchange->answer_bytes > ANSWER_BYTES_MAX)
        return err_named(
            why, ERR_LIMIT, "answer_too_large", "the pages together are larger than ANSWER_BYTES_MAX");
    if (stencil_eval(&paging->items, &exchange->scope, &items, &is_present, &inner) != ERR_OK)
        return mismatch(why, &inner);
    if (!is_present || items.type == VALUE_NULL)
        items = (struct value){ .type = VALUE_LIST };
    if (items.type != VALUE_LIST)
        return err_named(why, ERR_INVALID, "answer_mismatch", "the page's `items` is no list");
    for (uint32_t i = 0; i < items.size; i++)
        TRY(value_list_add(&exchange->items, items.items[i], why));
    exchange->page_count++;
    TRY(find_next(exchange, items.size, ret_more, why));
    bool is_cut = *ret_more && exchange->page_count >= paging->pages_max;
    *ret_more = *ret_more && !is_cut;
    if (!*ret_more) {
        struct value all = value_list_end(&exchange->items);
        show(exchange, SLOT_ITEMS, all);
        TRY(show_page(exchange, !is_cut, why));
    }
    return ERR_OK;
}

static FALLIBLE good_answer(struct exchange *exchange, const struct http_answer *answer,
    struct action_result *ret, bool *ret_more, struct err_info *why)
{
    struct err_info inner = { 0 };
    if (exchange->purpose == ACTION_PROBE)
        return probe_answer(exchange, ret, why);
    if (is_paged(exchange) && take_page(exchange, answer, ret_more, &inner) != ERR_OK) {
        *ret_more = false;
        return give_why(exchange, &inner, ACTION_ANSWERED, ret, why);
    }
    if (*ret_more)
        return ERR_OK;
    return give_output(exchange, exchange->action->has_answer ? &exchange->action->answer : NULL, ret, why);
}

FALLIBLE exchange_failure(struct exchange *exchange, const struct http_answer *answer,
    struct action_result *ret, struct err_info *why)
{
    struct str message;
    answer_failure(answer, ret);
    unsure(exchange, ret);
    TRY(arena_printf(
        exchange->arena, &message, why, "%.*s: %.*s", STR_ARG(exchange->about), STR_ARG(ret->error.message)));
    return call_secrets_mask(&exchange->secrets, exchange->arena, message, &ret->error.message, why);
}

FALLIBLE exchange_answer(struct exchange *exchange, const struct http_answer *answer,
    struct action_result *ret, bool *ret_more, struct err_info *why)
{
    struct err_info inner = { 0 };
    bool is_error;
    *ret_more = false;
    if (answer->failure != HTTP_OK)
        return exchange_failure(exchange, answer, ret, why);
    if (read_answer(exchange, answer, &inner) != ERR_OK) {
        enum err result = give_why(exchange, &inner, ACTION_ANSWERED, ret, why);
        unsure(exchange, ret);
        return result;
    }
    TRY(find_error(exchange, answer, &is_error, ret, why));
    if (is_error) {
        unsure(exchange, ret);
        return ERR_OK;
    }
    return good_answer(exchange, answer, ret, ret_more, why);
}
