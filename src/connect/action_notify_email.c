/* notify.email: a message through the relay of a connection of the connector `notify`. */
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/exchange.h"
#include "connect/mail_message.h"
#include "connect/native.h"
#include "io/mail.h"

#define REPLY_BYTES_SHOWN 300

static const struct type_field attachment_fields[] = {
    FIELD("name", &type_string, true, "name of the file"),
    FIELD("content", &type_dyn, true, "text, bytes, or any other value, which goes as JSON"),
    FIELD("type", &type_string, false, "such as text/csv; by its content when not given"),
};
static const struct type type_attachment = RECORD(attachment_fields);
static const struct type type_attachments = { .kind = TYPE_LIST, .item = &type_attachment };
static const struct type_field in_fields[] = {
    FIELD("to", &type_dyn, true, "an address, or a list of them: soc@example.org, SOC <soc@example.org>"),
    FIELD("cc", &type_dyn, false, "likewise"),
    FIELD("reply_to", &type_string, false, "where answers go"),
    FIELD("subject", &type_string, true, "one line"),
    FIELD("body", &type_string, true, "plain text"),
    FIELD("html", &type_bool, false, "true: the text also as HTML; markup in it is shown, never followed"),
    FIELD("attachments", &type_attachments, false, "at most 20 of them: name, content, type"),
};
static const struct type in_type = RECORD(in_fields);
static const struct type_field out_fields[] = {
    FIELD("recipients", &type_int, true, "to how many addresses the relay took it"),
    FIELD("refused", &type_list_dyn, true, "addresses that it did not take"),
    FIELD("message_id", &type_string, true, "the same when the step is tried again"),
};
static const struct type out_type = RECORD(out_fields);

struct mail_call {
    struct action_call *call;
    struct host *host;
    struct connection_snapshot *snapshot;
    const struct connection *connection;
    struct value settings;
    struct vault_secrets source;
    struct call_secrets secrets;
    struct mail_message message;
    struct str *envelope; /* addresses of all recipients */
    uint32_t envelope_count;
    struct buf text;
    struct mail_call *out;
    bool is_deferred;
};

static void finish(struct mail_call *mail, const struct action_result *result)
{
    call_secrets_done(&mail->secrets);
    buf_done(&mail->text);
    if (mail->snapshot)
        connection_snapshot_release(mail->snapshot);
    mail->snapshot = NULL;
    if (mail->is_deferred)
        call_finish_soon(mail->call, result);
    else
        mail->call->finish(mail->call, result);
}

static void fail(struct mail_call *mail, const struct err_info *why)
{
    struct action_result result = result_from_why(mail->call->arena, why, ACTION_NOT_SENT);
    if (why->name && strcmp(why->name, "egress") == 0)
        result.error.code = STR("egress_denied");
    finish(mail, &result);
}

/* ---- recipients ---- */

static FALLIBLE read_addresses(struct mail_call *mail, struct value v, const char *what,
    const struct mail_address **ret, uint32_t *ret_count, struct err_info *why)
{
    uint32_t count = v.type == VALUE_LIST ? v.size : v.type == VALUE_NULL ? 0 : 1;
    struct mail_address *list = ARENA_ARRAY(mail->call->arena, count ? count : 1, struct mail_address);
    if (!list)
        return err_memory(why);
    if (mail->envelope_count + count > MAIL_RECIPIENTS_MAX)
        return err_named(why, ERR_LIMIT, "MAIL_RECIPIENTS_MAX", "a message has at most %d recipients",
            MAIL_RECIPIENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct value item = v.type == VALUE_LIST ? v.items[i] : v;
        if (item.type != VALUE_STRING)
            return err_named(
                why, ERR_INVALID, "bad_address", "`%s` must be an address or a list of addresses", what);
        TRY(mail_address_parse(value_str(item), &list[i], why));
        mail->envelope[mail->envelope_count++] = list[i].address;
    }
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

/* ---- attachments ---- */

static FALLIBLE read_content(
    struct mail_call *mail, struct value content, struct mail_attachment *ret, struct err_info *why)
{
    AUTO(buf) struct buf json = { 0 };
    bool is_bytes = content.type == VALUE_BYTES, is_text = content.type == VALUE_STRING;
    const char *type = is_bytes ? "application/octet-stream" : is_text ? "text/plain" : "application/json";
    if (ret->type.size == 0)
        ret->type = str_of(type);
    if (is_bytes || is_text) {
        ret->content = value_str(content);
        return ERR_OK;
    }
    json_print(&json, content, 2);
    TRY(buf_check(&json, why));
    return arena_str(mail->call->arena, buf_str(&json), &ret->content, why);
}

static FALLIBLE read_attachments(struct mail_call *mail, struct err_info *why)
{
    struct value given = value_get(mail->call->with, STR("attachments"));
    uint32_t count = given.type == VALUE_LIST ? given.size : 0;
    uint64_t bytes = 0;
    if (count > MAIL_ATTACHMENTS_MAX)
        return err_named(why, ERR_LIMIT, "MAIL_ATTACHMENTS_MAX", "a message has at most %d attachments",
            MAIL_ATTACHMENTS_MAX);
    struct mail_attachment *list = ARENA_ARRAY(mail->call->arena, count ? count : 1, struct mail_attachment);
    if (!list)
        return err_memory(why);
    for (uint32_t i = 0; i < count; i++) {
        struct value type = value_get(given.items[i], STR("type"));
        list[i] = (struct mail_attachment){ .name = value_str(value_get(given.items[i], STR("name"))) };
        if (type.type == VALUE_STRING)
            list[i].type = value_str(type);
        TRY(read_content(mail, value_get(given.items[i], STR("content")), &list[i], why));
        TRY(mail_attachment_check(&list[i], why));
        bytes += list[i].content.size;
        if (bytes > MAIL_MESSAGE_BYTES_MAX)
            return err_named(why, ERR_LIMIT, "MAIL_MESSAGE_BYTES_MAX",
                "the attachments are larger than a message may be (MAIL_MESSAGE_BYTES_MAX)");
    }
    mail->message.attachments = list;
    mail->message.attachment_count = count;
    return ERR_OK;
}

static FALLIBLE read_people(struct mail_call *mail, struct err_info *why)
{
    struct value with = mail->call->with, reply_to = value_get(with, STR("reply_to"));
    struct value from = value_get(mail->settings, STR("from"));
    struct mail_message *message = &mail->message;
    mail->envelope = ARENA_ARRAY(mail->call->arena, MAIL_RECIPIENTS_MAX, struct str);
    if (!mail->envelope)
        return err_memory(why);
    if (from.type != VALUE_STRING)
        return err_named(why, ERR_INVALID, "connection_invalid", "the connection lacks the setting `from`");
    TRY(mail_address_parse(value_str(from), &message->from, why));
    if (reply_to.type == VALUE_STRING)
        TRY(mail_address_parse(value_str(reply_to), &message->reply_to, why));
    TRY(read_addresses(mail, value_get(with, STR("to")), "to", &message->to, &message->to_count, why));
    TRY(read_addresses(mail, value_get(with, STR("cc")), "cc", &message->cc, &message->cc_count, why));
    if (message->to_count == 0)
        return err_named(why, ERR_INVALID, "bad_address", "`to` names nobody");
    return ERR_OK;
}

static FALLIBLE read_message(struct mail_call *mail, struct err_info *why)
{
    struct value with = mail->call->with, html = value_get(with, STR("html"));
    struct mail_message *message = &mail->message;
    TRY(read_people(mail, why));
    TRY(read_attachments(mail, why));
    message->subject = value_str(value_get(with, STR("subject")));
    message->body = value_str(value_get(with, STR("body")));
    message->has_html = html.type == VALUE_BOOL && html.boolean;
    message->key = mail->call->idempotency_key;
    message->date = mail->call->now;
    return ERR_OK;
}

/* ---- sending ---- */

/* What the relay said may hold what we said. */
static struct str masked(struct mail_call *mail, struct str text)
{
    struct str kept;
    struct arena *arena = mail->call->arena;
    if (call_secrets_mask(&mail->secrets, arena, text, &kept, NULL) != ERR_OK ||
        arena_str(arena, kept, &kept, NULL) != ERR_OK)
        return STR("");
    return kept;
}

static FALLIBLE make_output(
    const struct mail_call *mail, const struct mail_answer *answer, struct value *ret, struct err_info *why)
{
    AUTO(buf) struct buf id = { 0 };
    struct value_map_builder output;
    struct value_list_builder refused;
    struct str id_text;
    struct arena *arena = mail->call->arena;
    value_list_begin(&refused, arena);
    for (uint32_t i = 0; i < mail->envelope_count; i++) {
        if (answer->recipient_status[i] / 100 != 2)
            TRY(value_list_add(&refused, value_string(mail->envelope[i]), why));
    }
    mail_message_id_print(&id, &mail->message);
    TRY(buf_check(&id, why));
    TRY(arena_str(arena, buf_str(&id), &id_text, why));
    value_map_begin(&output, arena);
    TRY(value_map_set(&output, "recipients", value_int(answer->accepted_count), why));
    TRY(value_map_set(&output, "refused", value_list_end(&refused), why));
    TRY(value_map_set(&output, "message_id", value_string(id_text), why));
    *ret = value_map_end(&output);
    return ERR_OK;
}

static struct action_result failed(struct mail_call *mail, const struct mail_answer *answer)
{
    struct action_result result;
    struct http_answer plain = {
        .failure = answer->failure, .may_have_left = answer->may_have_left, .why = answer->why
    };
    const char *name = answer->why.name;
    answer_failure(&plain, &result);
    /* Reasons of mail have names of their own. */
    if (answer->failure == HTTP_REFUSED && name && strcmp(name, "egress") != 0)
        result.error.code = str_of(name);
    result.error.message = masked(mail, result.error.message);
    return result;
}

static struct action_result refused(struct mail_call *mail, const struct mail_answer *answer)
{
    struct arena *arena = mail->call->arena;
    struct str code, message;
    bool is_later = answer->status < 500; /* RFC 5321, 4.2.1: transient */
    if (arena_printf(arena, &code, NULL, "smtp_%d", answer->status) != ERR_OK ||
        arena_printf(arena, &message, NULL, "the relay answered %d %.*s", answer->status,
            STR_ARG(str_slice(answer->reply, 0, REPLY_BYTES_SHOWN))) != ERR_OK)
        return result_error(
            STR("smtp_refused"), STR("the relay refused the message"), is_later, ACTION_ANSWERED);
    return result_error(
        code, masked(mail, message), is_later, answer->may_have_left ? ACTION_ANSWERED : ACTION_NOT_SENT);
}

static void sent(void *context, const struct mail_answer *answer)
{
    struct mail_call *mail = context;
    struct action_result result = { .is_ok = true, .effect = ACTION_ANSWERED };
    struct err_info why = { 0 };
    mail->out = NULL;
    if (answer->failure != HTTP_OK)
        result = failed(mail, answer);
    else if (answer->status >= 400)
        result = refused(mail, answer);
    else if (make_output(mail, answer, &result.output, &why) != ERR_OK)
        result = result_from_why(mail->call->arena, &why, ACTION_ANSWERED);
    finish(mail, &result);
}

static struct str text_setting(const struct mail_call *mail, const char *name)
{
    struct value v = value_get(mail->settings, str_of(name));
    return v.type == VALUE_STRING ? value_str(v) : STR("");
}

static FALLIBLE open_password(struct mail_call *mail, struct str *ret, struct err_info *why)
{
    struct str name;
    struct value handle, reference = value_get(mail->connection->settings, STR("password"));
    AUTO(secret) struct secret opened = { 0 };
    *ret = STR("");
    if (reference.type == VALUE_NULL)
        return ERR_OK;
    if (!connection_secret_reference(reference, &name))
        return err_named(why, ERR_INVALID, "connection_invalid", "the setting `password` must name a secret");
    TRY(mail->source.source.open(&mail->source.source, name, &opened, why));
    TRY(call_secrets_take(&mail->secrets, &opened, &handle, why));
    return call_secrets_bytes(&mail->secrets, &mail->source.source, handle, ret, why);
}

static FALLIBLE read_tls(const struct mail_call *mail, enum mail_tls *ret, struct err_info *why)
{
    static const struct {
        const char *word;
        enum mail_tls tls;
    } words[] = {
        { "starttls", MAIL_TLS_REQUIRED },
        { "implicit", MAIL_TLS_IMPLICIT },
        { "opportunistic", MAIL_TLS_OFFERED },
        { "none", MAIL_TLS_NONE },
    };
    struct str given = text_setting(mail, "tls");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_equal(given, str_of(words[i].word))) {
            *ret = words[i].tls;
            return ERR_OK;
        }
    }
    return err_named(why, ERR_INVALID, "connection_invalid",
        "the setting `tls` must be starttls, implicit, opportunistic or none");
}

static FALLIBLE read_relay(struct mail_call *mail, struct mail_request *request, struct err_info *why)
{
    struct value port = value_get(mail->settings, STR("port"));
    TRY(read_tls(mail, &request->tls, why));
    int64_t usual = request->tls == MAIL_TLS_IMPLICIT ? 465 : 587;
    int64_t number = port.type == VALUE_INT ? port.integer : usual;
    request->host = text_setting(mail, "host");
    if (request->host.size == 0 || number < 1 || number > 65535)
        return err_named(
            why, ERR_INVALID, "connection_invalid", "the connection needs `host` and a `port` up to 65535");
    request->port = (unsigned)number;
    request->user = text_setting(mail, "user");
    request->ca_file = text_setting(mail, "ca_file");
    if (request->user.size && request->tls == MAIL_TLS_NONE)
        return err_named(why, ERR_INVALID, "connection_invalid",
            "a password is not sent without TLS: set `tls` to starttls or implicit");
    return ERR_OK;
}

static FALLIBLE send_message(struct mail_call *mail, struct err_info *why)
{
    int64_t left = call_time_left(mail->call), most = CALL_SECONDS_DEFAULT * US_PER_S;
    struct mail_request request = { .from = mail->message.from.address,
        .to = mail->envelope,
        .to_count = mail->envelope_count,
        .timeout_us = left < most ? left : most };
    if (left <= 0)
        return err_named(why, ERR_TIMEOUT, "timeout", "the deadline passed before the message could go out");
    TRY(read_relay(mail, &request, why));
    TRY(open_password(mail, &request.password, why));
    mail_message_print(&mail->text, &mail->message);
    TRY(buf_check(&mail->text, why));
    request.message = buf_str(&mail->text);
    return mail_send(mail->host->client, &request, sent, mail, &mail->out, why);
}

static FALLIBLE begin(struct mail_call *mail, const struct connector *connector, struct err_info *why)
{
    struct connections *connections = mail->host->connect->options.connections;
    if (connections)
        mail->snapshot = connections_get(connections);
    TRY(call_find_connection(mail->call, mail->snapshot, STR("notify"), true, &mail->connection, why));
    vault_secrets_init(&mail->source, mail->host->connect->options.vault, mail->call->tenant);
    mail->settings = mail->connection->settings;
    if (connector)
        TRY(settings_fill(connector, mail->call->arena, mail->connection->settings, &mail->settings, why));
    TRY(read_message(mail, why));
    return send_message(mail, why);
}

static void start(const struct action *action, struct action_call *call)
{
    const struct native_bound *bound = action->definition;
    struct err_info why = { 0 };
    struct mail_call *mail = ARENA_NEW(call->arena, struct mail_call);
    if (!mail) {
        (void)err_memory(&why); /* only its text is needed */
        call_fail_soon(call, &why);
        return;
    }
    mail->call = call;
    mail->host = call_host(call);
    mail->is_deferred = true;
    call->state = mail;
    if (begin(mail, bound->connector, &why) != ERR_OK)
        fail(mail, &why);
    mail->is_deferred = false;
}

static void cancel(const struct action *action, struct action_call *call)
{
    struct mail_call *mail = call->state;
    (void)action; /* the call knows all that is needed */
    if (!mail || mail->call != call) /* it waits to be told that there was no memory */
        return;
    mail->is_deferred = true;
    if (mail->out)
        mail_cancel(mail->host->client, mail->out); /* ends in `sent` */
}

const struct native_action action_notify_email = {
    .action = {
        .name = STR_INIT("notify.email"),
        .summary = STR_INIT("Sends a mail through the configured relay"),
        .kind = ACTION_NOTIFY,
        .in = &in_type,
        .out = &out_type,
        .start = start,
        .cancel = cancel,
    },
    .example_in = "{\"to\":\"soc@example.org\",\"subject\":\"SSH brute force\",\"body\":\"Blocked 203.0.113.9.\"}",
    .example_out = "{\"recipients\":1,\"refused\":[],"
                   "\"message_id\":\"<tocsin.01JX0000000000000000000000-mail@example.org>\"}",
};
