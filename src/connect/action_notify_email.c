/* notify.email: a message through the relay of a connection of the connector `notify`. */
#include <string.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/exchange.h"
#include "connect/mail_message.h"
#include "connect/native.h"

static const struct type_field in_fields[] = {
    FIELD("to", &type_dyn, true, "an address, or a list of them: soc@example.org, SOC <soc@example.org>"),
    FIELD("cc", &type_dyn, false, "likewise"),
    FIELD("reply_to", &type_string, false, "where answers go"),
    FIELD("subject", &type_string, true, "one line"),
    FIELD("body", &type_string, true, "plain text"),
};
static const struct type in_type = RECORD(in_fields);
static const struct type_field out_fields[] = {
    FIELD("recipients", &type_int, true, "to how many addresses the relay took it"),
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
    struct http_call *http;
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

static FALLIBLE read_message(struct mail_call *mail, struct err_info *why)
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
    message->subject = value_str(value_get(with, STR("subject")));
    message->body = value_str(value_get(with, STR("body")));
    message->key = mail->call->idempotency_key;
    message->date = mail->call->now;
    return ERR_OK;
}

/* ---- sending ---- */

static void sent(void *context, const struct http_answer *answer)
{
    struct mail_call *mail = context;
    struct arena *arena = mail->call->arena;
    struct action_result result = { 0 };
    struct value_map_builder output;
    struct err_info why = { 0 };
    struct str code, message = STR("the relay refused the message");
    mail->http = NULL;
    if (answer->failure != HTTP_OK) {
        answer_failure(answer, &result);
        if (call_secrets_mask(&mail->secrets, arena, result.error.message, &message, &why) != ERR_OK ||
            arena_str(arena, message, &result.error.message, &why) != ERR_OK)
            result.error.message = STR("");
    } else if (answer->status >= 400) {
        bool is_later = answer->status < 500; /* RFC 5321, 4.2.1: transient */
        if (arena_printf(arena, &code, &why, "smtp_%d", answer->status) != ERR_OK ||
            arena_printf(arena, &message, &why, "the relay answered %d", answer->status) != ERR_OK)
            code = STR("smtp_refused");
        result = result_error(
            code, message, is_later, answer->may_have_left ? ACTION_ANSWERED : ACTION_NOT_SENT);
    } else {
        value_map_begin(&output, arena);
        result = (struct action_result){ .is_ok = true, .effect = ACTION_ANSWERED };
        if (value_map_set(&output, "recipients", value_int(mail->envelope_count), &why) == ERR_OK)
            result.output = value_map_end(&output);
        else
            result = result_from_why(arena, &why, ACTION_ANSWERED);
    }
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

static FALLIBLE make_url(struct mail_call *mail, struct str tls, struct str *ret, struct err_info *why)
{
    struct str host = text_setting(mail, "host");
    struct value port = value_get(mail->settings, STR("port"));
    bool is_implicit = str_equal(tls, STR("implicit"));
    int64_t number = port.type == VALUE_INT ? port.integer : is_implicit ? 465 : 587;
    for (size_t i = 0; i < host.size; i++) {
        unsigned char byte = (unsigned char)host.data[i];
        if (byte <= ' ' || byte >= 0x7f || strchr("/@?#\\", byte))
            return err_named(why, ERR_INVALID, "connection_invalid", "the setting `host` is no host name");
    }
    if (host.size == 0 || number < 1 || number > 65535)
        return err_named(
            why, ERR_INVALID, "connection_invalid", "the connection needs `host` and a `port` up to 65535");
    return arena_printf(mail->call->arena, ret, why, "%s://%.*s:%lld", is_implicit ? "smtps" : "smtp",
        STR_ARG(host), (long long)number);
}

static FALLIBLE send_message(struct mail_call *mail, struct err_info *why)
{
    struct str tls = text_setting(mail, "tls");
    int64_t left = call_time_left(mail->call), most = CALL_SECONDS_DEFAULT * US_PER_S;
    struct mail_request request = { .require_tls = !str_equal(tls, STR("none")),
        .user = text_setting(mail, "user"),
        .from = mail->message.from.address,
        .to = mail->envelope,
        .to_count = mail->envelope_count,
        .timeout_us = left < most ? left : most,
        .ca_file = text_setting(mail, "ca_file") };
    if (left <= 0)
        return err_named(why, ERR_TIMEOUT, "timeout", "the deadline passed before the message could go out");
    TRY(make_url(mail, tls, &request.url, why));
    TRY(open_password(mail, &request.password, why));
    if (request.user.size && !request.require_tls)
        return err_named(why, ERR_INVALID, "connection_invalid",
            "a password is not sent without TLS: set `tls` to starttls or implicit");
    mail_message_print(&mail->text, &mail->message);
    TRY(buf_check(&mail->text, why));
    request.message = buf_str(&mail->text);
    return mail_send(mail->host->client, &request, sent, mail, &mail->http, why);
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
    mail->is_deferred = true;
    if (mail->http)
        http_client_cancel(mail->host->client, mail->http); /* ends in `sent` */
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
    .example_out = "{\"recipients\":1}",
};
