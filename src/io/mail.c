#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/http_client_curl.h"

/* Checks. */

/* An address goes into a line of the protocol: nothing in it may end that line or the brackets round it. */
static FALLIBLE mail_check_address(struct str address, struct err_info *why)
{
    bool is_good = address.size > 0 && address.size <= 320 && str_find_byte(address, '@', 0) > 0;
    for (size_t i = 0; i < address.size; i++) {
        unsigned char c = (unsigned char)address.data[i];
        is_good = is_good && c > ' ' && c != 0x7f && c != '<' && c != '>';
    }
    if (!is_good)
        return err_named(why, ERR_INVALID, "mail_address", "\"%.*s\" is no mail address", STR_ARG(address));
    return ERR_OK;
}

/* Lines end in CR LF and nowhere else: a bare LF before a dot ends the message for some servers, and what
 * follows it would be commands (SMTP smuggling). */
static FALLIBLE mail_check_message(struct str message, struct err_info *why)
{
    for (size_t i = 0; i < message.size; i++) {
        bool is_pair = message.data[i] == '\r' && i + 1 < message.size && message.data[i + 1] == '\n';
        if (is_pair)
            i++;
        else if (message.data[i] == '\r' || message.data[i] == '\n' || message.data[i] == '\0')
            return err_named(why, ERR_INVALID, "mail_message",
                "byte %zu of the message is a bare CR, LF or NUL; its lines must end in CR LF", i);
    }
    return ERR_OK;
}

static FALLIBLE mail_check(const struct mail_request *request, struct err_info *why)
{
    if (request->to_count == 0)
        return err_named(why, ERR_INVALID, "mail_address", "the message has no recipient");
    TRY(mail_check_address(request->from, why));
    for (uint32_t i = 0; i < request->to_count; i++)
        TRY(mail_check_address(request->to[i], why));
    if (str_find_byte(request->user, '\0', 0) >= 0 || str_find_byte(request->password, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "mail_login", "the user name or password holds a NUL");
    return mail_check_message(request->message, why);
}

/* curl's callbacks. */

static size_t mail_on_read(char *bytes, size_t one, size_t room, void *context)
{
    (void)one;
    struct http_call *call = context;
    size_t size = call->unsent.size < room ? call->unsent.size : room;
    if (size > 0)
        memcpy(bytes, call->unsent.data, size);
    call->unsent = str_slice(call->unsent, size, call->unsent.size);
    call->may_have_left = true; /* the text begins to go out */
    return size;
}

/* Replies to EHLO and the like. */
static size_t mail_on_text(char *bytes, size_t one, size_t size, void *context)
{
    (void)bytes;
    (void)context;
    return one * size;
}

/* When curl says QUIT it blocks the loop for as long as the server thinks about it. The result is known by
 * then: our half of the line goes deaf, and curl comes back at once. */
static int mail_on_trace(CURL *easy, curl_infotype kind, char *bytes, size_t size, void *context)
{
    (void)easy;
    if (kind == CURLINFO_HEADER_OUT && str_starts((struct str){ bytes, size }, STR("QUIT")))
        http_call_stop_reading(context);
    return 0;
}

/* Options. */

static bool mail_set_recipients(struct http_call *call, const struct mail_request *request)
{
    for (uint32_t i = 0; i < request->to_count; i++) {
        struct str text;
        if (arena_str(&call->arena, request->to[i], &text, NULL) != ERR_OK)
            return false;
        struct curl_slist *longer = curl_slist_append(call->recipients, text.data);
        if (!longer)
            return false;
        call->recipients = longer;
    }
    return curl_easy_setopt(call->easy, CURLOPT_MAIL_RCPT, call->recipients) == CURLE_OK;
}

static bool mail_set_login(struct http_call *call, const struct mail_request *request)
{
    struct str user, password;
    if (request->user.size == 0)
        return true;
    if (arena_str(&call->arena, request->user, &user, NULL) != ERR_OK ||
        arena_str(&call->arena, request->password, &password, NULL) != ERR_OK)
        return false;
    unsigned bad = 0;
    bad |= curl_easy_setopt(call->easy, CURLOPT_USERNAME, user.data);
    bad |= curl_easy_setopt(call->easy, CURLOPT_PASSWORD, password.data);
    explicit_bzero((char *)(uintptr_t)password.data, password.size); /* curl has its own copy */
    return bad == 0;
}

static bool mail_set_options(struct http_call *call, const struct mail_request *request)
{
    CURL *easy = call->easy;
    struct str from;
    if (arena_str(&call->arena, request->from, &from, NULL) != ERR_OK)
        return false;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, call->url.text.data);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, http_call_left_ms(call));
    bad |= curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, http_call_left_ms(call) / 1000 + 1);
    bad |= curl_easy_setopt(
        easy, CURLOPT_USE_SSL, (long)(request->require_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from.data);
    bad |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, mail_on_read);
    bad |= curl_easy_setopt(easy, CURLOPT_READDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, mail_on_text);
    bad |= curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, mail_on_trace);
    bad |= curl_easy_setopt(easy, CURLOPT_DEBUGDATA, call);
    return bad == 0 && mail_set_recipients(call, request) && mail_set_login(call, request) &&
        http_call_set_tls(call, true);
}

static FALLIBLE mail_prepare(struct http_call *call, const struct mail_request *request, struct err_info *why)
{
    static const char *const schemes[] = { "smtp", "smtps", NULL };
    TRY(http_url_parse(&call->arena, request->url, schemes, &call->url, why));
    TRY(arena_str(&call->arena, request->message, &call->unsent, why));
    TRY(arena_str(&call->arena, request->ca_file, &call->request.ca_file, why));
    call->request.method = STR("MAIL");
    call->timeout_us = request->timeout_us > 0 ? request->timeout_us : CALL_SECONDS_DEFAULT * US_PER_S;
    call->started_us = clock_monotonic_us(clock_system());
    if (!mail_set_options(call, request))
        return err_memory(why);
    return http_call_begin(call, why);
}

enum err mail_send(struct http_client *client, const struct mail_request *request, http_done *done,
    void *context, struct http_call **ret, struct err_info *why)
{
    struct http_call *call;
    TRY(mail_check(request, why));
    TRY(http_call_new(http_client_curl_of(client), true, &call, why));
    call->done = done;
    call->context = context;
    enum err failed = mail_prepare(call, request, why);
    if (failed != ERR_OK) {
        http_call_free(call);
        return failed;
    }
    if (ret)
        *ret = call;
    return ERR_OK;
}

/* A refusal with a reply code is an answer, whatever curl makes of it; and what is refused before the text
 * was sent has not left. */
void mail_on_done(struct http_call *call, CURLcode code)
{
    long status = 0;
    struct http_answer answer = { .may_have_left = call->may_have_left, .url = call->url.text };
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 without a reply */
    answer.total_us = clock_monotonic_us(clock_system()) - call->started_us;
    bool is_about_tls = code == CURLE_USE_SSL_FAILED || code == CURLE_SSL_CONNECT_ERROR ||
        code == CURLE_PEER_FAILED_VERIFICATION;
    bool is_reply = status >= 400 && code != CURLE_OPERATION_TIMEDOUT && !is_about_tls;
    if (code != CURLE_OK && !is_reply)
        http_call_describe_failure(call, code, &answer);
    else
        answer.status = (int)status;
    http_call_report(call, &answer);
}
