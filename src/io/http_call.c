#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/http_client_curl.h"
#include "io/http_head.h"

/* Checks of a request. */

/* They frame the request or name its origin, which are ours to say. */
static bool http_header_is_reserved(struct str name)
{
    static const char *const reserved[] = { "host", "content-length", "transfer-encoding", "connection",
        "keep-alive", "proxy-connection", "upgrade", "te", "trailer", "expect" };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (str_equal_nocase(name, str_of(reserved[i])))
            return true;
    }
    return false;
}

static FALLIBLE http_call_check_header(const struct http_header *header, struct err_info *why)
{
    if (!http_is_token(header->name))
        return err_named(
            why, ERR_INVALID, "http_header", "\"%.*s\" is no name for a header", STR_ARG(header->name));
    if (!http_is_field_value(header->value)) /* whose value may be a secret */
        return err_named(why, ERR_INVALID, "http_header",
            "the header %.*s has a control character in its value", STR_ARG(header->name));
    if (http_header_is_reserved(header->name))
        return err_named(why, ERR_INVALID, "http_header", "the header %.*s is set by the client itself",
            STR_ARG(header->name));
    return ERR_OK;
}

static FALLIBLE http_call_check(const struct http_request *request, struct err_info *why)
{
    if (!http_is_token(request->method) || str_equal(request->method, STR("CONNECT")))
        return err_named(why, ERR_INVALID, "http_method", "\"%.*s\" is no method", STR_ARG(request->method));
    for (uint32_t i = 0; i < request->header_count; i++)
        TRY(http_call_check_header(&request->headers[i], why));
    return ERR_OK;
}

/* The copy. */

static FALLIBLE http_call_copy_headers(
    struct http_call *call, const struct http_request *request, struct err_info *why)
{
    uint32_t count = request->header_count;
    struct http_header *headers = ARENA_ARRAY(&call->arena, count ? count : 1, struct http_header);
    if (!headers)
        return err_memory(why);
    for (uint32_t i = 0; i < count; i++) {
        TRY(arena_str(&call->arena, request->headers[i].name, &headers[i].name, why));
        TRY(arena_str(&call->arena, request->headers[i].value, &headers[i].value, why));
    }
    call->request.headers = headers;
    return ERR_OK;
}

static FALLIBLE http_call_copy(
    struct http_call *call, const struct http_request *request, struct err_info *why)
{
    call->request = *request;
    TRY(arena_str(&call->arena, request->method, &call->request.method, why));
    TRY(arena_str(&call->arena, request->body, &call->request.body, why));
    TRY(arena_str(&call->arena, request->ca_file, &call->request.ca_file, why));
    TRY(arena_str(&call->arena, request->client_cert_file, &call->request.client_cert_file, why));
    TRY(arena_str(&call->arena, request->client_key_file, &call->request.client_key_file, why));
    return http_call_copy_headers(call, request, why);
}

/* Headers for curl. */

static bool http_call_add_line(struct http_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer)
        call->headers = longer;
    return longer != NULL;
}

/* What may go to another origin than the one that it was meant for. */
static bool http_header_may_cross(const struct http_call *call, struct str name)
{
    static const char *const credentials[] = { "authorization", "cookie", "proxy-authorization" };
    static const char *const harmless[] = { "accept", "accept-language", "accept-encoding", "content-type" };
    bool is_strict = call->request.secret_headers;
    const char *const *names = is_strict ? harmless : credentials;
    size_t count = is_strict ? sizeof harmless / sizeof harmless[0]
                             : sizeof credentials / sizeof credentials[0];
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(name, str_of(names[i])))
            return is_strict;
    }
    return !is_strict;
}

static bool http_call_add_header(struct http_call *call, const struct http_header *header)
{
    struct str line;
    if (call->has_left_origin && !http_header_may_cross(call, header->name))
        return true;
    /* "Name;" is how curl sends a header without a value. */
    const char *separator = header->value.size ? ": " : ";";
    return arena_printf(&call->arena, &line, NULL, "%.*s%s%.*s", STR_ARG(header->name), separator,
               STR_ARG(header->value)) == ERR_OK &&
        http_call_add_line(call, line.data);
}

static bool http_call_set_headers(struct http_call *call)
{
    bool is_good = true, has_type = false;
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    for (uint32_t i = 0; i < call->request.header_count && is_good; i++) {
        has_type = has_type || str_equal_nocase(call->request.headers[i].name, STR("content-type"));
        is_good = http_call_add_header(call, &call->request.headers[i]);
    }
    /* What curl would add by itself. */
    is_good = is_good && http_call_add_line(call, "Expect:");
    if (is_good && !has_type)
        is_good = http_call_add_line(call, "Content-Type:");
    return is_good && curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

/* The answer. */

static FALLIBLE http_call_keep_header(struct http_call *call, struct str name, struct str value)
{
    if (call->answer_header_count == call->answer_header_room) {
        uint32_t room = call->answer_header_room ? call->answer_header_room * 2 : 32;
        struct http_header *larger = ARENA_ARRAY(&call->arena, room, struct http_header);
        if (!larger)
            return ERR_MEMORY;
        if (call->answer_header_count > 0)
            memcpy(larger, call->answer_headers, call->answer_header_count * sizeof *larger);
        call->answer_headers = larger;
        call->answer_header_room = room;
    }
    struct http_header *header = &call->answer_headers[call->answer_header_count];
    TRY(arena_str(&call->arena, name, &header->name, NULL));
    TRY(arena_str(&call->arena, value, &header->value, NULL));
    char *letters = (char *)(uintptr_t)header->name.data; /* our own copy */
    for (size_t i = 0; i < name.size; i++)
        letters[i] = (char)(letters[i] >= 'A' && letters[i] <= 'Z' ? letters[i] + ('a' - 'A') : letters[i]);
    call->answer_header_count++;
    return ERR_OK;
}

/* A body that is too large by what the head says of it is not read at all. Packed it may be smaller than it
 * says, never larger. To HEAD, and with 204 and 304, a length comes without a body. */
static bool http_call_promises_too_much(const struct http_call *call)
{
    struct http_answer head = { .headers = call->answer_headers, .header_count = call->answer_header_count };
    const struct http_header *length = http_answer_header(&head, "content-length");
    int64_t promised;
    long status = 0;
    if (!length || !str_to_int(length->value, &promised) || promised <= (int64_t)call->body.bytes_max)
        return false;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 without an answer */
    return status >= 200 && status != 204 && status != 304 && !str_equal(call->request.method, STR("HEAD"));
}

/* curl gives one line a call, with its end. Those of 100 Continue and the like come first and are forgotten;
 * trailers come after the body and are not wanted. */
static size_t http_call_on_header(char *bytes, size_t one, size_t size, void *context)
{
    (void)one;
    struct http_call *call = context;
    struct str line = { bytes, size };
    call->answer_header_bytes += size;
    if (call->answer_header_bytes > ANSWER_HEADER_BYTES_MAX) {
        call->stop = HTTP_STOP_TOO_LARGE;
        return 0;
    }
    if (str_starts(line, STR("HTTP/")) && call->body.size == 0) {
        call->answer_header_count = 0;
        call->has_headers = false;
        return size;
    }
    ptrdiff_t colon = str_find_byte(line, ':', 0);
    if (str_trim(line).size == 0)
        call->has_headers = true;
    if (call->has_headers && http_call_promises_too_much(call)) {
        call->stop = HTTP_STOP_TOO_LARGE;
        return 0;
    }
    if (call->has_headers || colon <= 0 || line.data[0] == ' ' || line.data[0] == '\t')
        return size;
    struct str value = str_trim(str_slice(line, (size_t)colon + 1, size));
    if (http_call_keep_header(call, str_trim(str_slice(line, 0, (size_t)colon)), value) == ERR_OK)
        return size;
    call->stop = HTTP_STOP_MEMORY;
    return 0;
}

/* Unpacking happens on the shard's loop: a bomb is told by how it grows, long before it is as large as an
 * answer may be. Who asks for a size of their own knows what comes. */
static bool http_call_is_bomb(const struct http_call *call, size_t size)
{
    curl_off_t received = 0;
    size_t unpacked = call->body.size + size;
    if (unpacked <= ANSWER_RATIO_BYTES || call->request.answer_bytes_max > 0)
        return false;
    if (curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &received) != CURLE_OK)
        return false;
    return unpacked / ANSWER_RATIO_MAX > (size_t)received;
}

static size_t http_call_on_body(char *bytes, size_t one, size_t size, void *context)
{
    (void)one;
    struct http_call *call = context;
    if (http_call_is_bomb(call, size)) {
        call->stop = HTTP_STOP_BOMB;
        return 0;
    }
    buf_add(&call->body, (struct str){ bytes, size });
    if (call->body.failed == ERR_OK)
        return size;
    call->stop = call->body.failed == ERR_LIMIT ? HTTP_STOP_TOO_LARGE : HTTP_STOP_MEMORY;
    return 0;
}

/* Options. */

static const char *http_text_or_null(struct str s)
{
    return s.size ? s.data : NULL;
}

/* A hop to another origin gets no client certificate. */
static bool http_call_set_tls(struct http_call *call, bool is_origin)
{
    CURL *easy = call->easy;
    const struct http_request *request = &call->request;
    bool has_own_ca = request->ca_file.size > 0;
    long verify = request->insecure_tls && is_origin ? 0L : 1L;
    const char *bundle = has_own_ca ? request->ca_file.data : call->client->ca_bundle;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, call->client->ca_path);
    bad |= curl_easy_setopt(
        easy, CURLOPT_SSLCERT, is_origin ? http_text_or_null(request->client_cert_file) : NULL);
    bad |= curl_easy_setopt(
        easy, CURLOPT_SSLKEY, is_origin ? http_text_or_null(request->client_key_file) : NULL);
    return bad == 0;
}

static int64_t http_now_us(void)
{
    return clock_monotonic_us(clock_system());
}

/* Milliseconds that are left; at least 1. */
static long http_call_left_ms(const struct http_call *call)
{
    int64_t left_us = call->started_us + call->timeout_us - http_now_us();
    return left_us < US_PER_MS ? 1 : (long)(left_us / US_PER_MS);
}

/* CURLOPT_HTTPGET first: it undoes what the call before, or the hop before, has set. */
static bool http_call_set_method(struct http_call *call)
{
    CURL *easy = call->easy;
    struct str method = call->request.method;
    bool is_head = str_equal(method, STR("HEAD"));
    bool wants_body = str_equal(method, STR("POST")) || str_equal(method, STR("PUT")) ||
        str_equal(method, STR("PATCH"));
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (is_head) {
        bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (call->request.has_body || wants_body) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request.body.size);
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->request.body.data);
    }
    bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_head ? NULL : method.data);
    return bad == 0;
}

/* One hop: all that changes between calls or hops. */
static bool http_call_set_hop(struct http_call *call)
{
    CURL *easy = call->easy;
    call->send_count = call->socket_count = 0;
    call->has_headers = false;
    call->answer_header_count = 0;
    call->answer_header_bytes = 0;
    call->curl_text[0] = '\0';
    buf_clear(&call->body);
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, call->url.text.data);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, http_call_left_ms(call));
    bad |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_call_on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_call_on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    return bad == 0 && http_call_set_method(call) && http_call_set_headers(call) &&
        http_call_set_tls(call, !call->has_left_origin);
}

static FALLIBLE http_call_prepare(
    struct http_call *call, const struct http_request *request, struct err_info *why)
{
    TRY(http_call_copy(call, request, why));
    TRY(http_url_parse(&call->arena, request->url, &call->url, why));
    size_t bytes_max = request->answer_bytes_max ? request->answer_bytes_max : ANSWER_BYTES_MAX;
    call->body.bytes_max = bytes_max;
    call->timeout_us = request->timeout_us > 0 ? request->timeout_us : CALL_SECONDS_DEFAULT * US_PER_S;
    call->started_us = http_now_us();
    if (!http_call_set_hop(call))
        return err_memory(why);
    return http_call_begin(call, why);
}

enum err http_call_start(struct http_client *base, const struct http_request *request, http_done *done,
    void *context, struct http_call **ret, struct err_info *why)
{
    struct http_call *call;
    TRY(http_call_check(request, why));
    TRY(http_call_new(http_client_curl_of(base), NULL, &call, why));
    call->done = done;
    call->context = context;
    enum err failed = http_call_prepare(call, request, why);
    if (failed != ERR_OK) {
        http_call_free(call);
        return failed;
    }
    if (ret)
        *ret = call;
    return ERR_OK;
}

/* Bare connections. */

static bool http_connect_set(struct http_call *call)
{
    CURL *easy = call->easy;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, call->url.text.data);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, http_call_left_ms(call));
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* not one that HTTP has used */
    return bad == 0;
}

static FALLIBLE http_connect_prepare(
    struct http_call *call, struct str host, unsigned port, struct err_info *why)
{
    struct str text;
    bool is_v6 = str_find_byte(host, ':', 0) >= 0;
    TRY(arena_printf(&call->arena, &text, why, "http://%s%.*s%s:%u/", is_v6 ? "[" : "", STR_ARG(host),
        is_v6 ? "]" : "", port));
    TRY(http_url_parse(&call->arena, text, &call->url, why));
    if (call->url.port != port || str_find_byte(host, '/', 0) >= 0)
        return err_named(why, ERR_INVALID, "url", "\"%.*s\" is no name of a host", STR_ARG(host));
    if (!http_connect_set(call))
        return err_memory(why);
    return http_call_begin(call, why);
}

enum err http_connect_start(struct http_client_curl *client, struct http_place place,
    http_connected *connected, void *context, struct http_call **ret, struct err_info *why)
{
    struct http_call *call;
    TRY(http_call_new(client, connected, &call, why));
    call->context = context;
    call->timeout_us = place.timeout_us;
    call->started_us = http_now_us();
    enum err failed = http_connect_prepare(call, place.host, place.port, why);
    if (failed != ERR_OK) {
        http_call_free(call);
        return failed;
    }
    *ret = call;
    return ERR_OK;
}

/* Redirects. */

static const struct http_header *http_call_find_header(const struct http_call *call, struct str name)
{
    for (uint32_t i = 0; i < call->answer_header_count; i++) {
        if (str_equal(call->answer_headers[i].name, name))
            return &call->answer_headers[i];
    }
    return NULL;
}

/* RFC 9110, 15.4, and what everybody does about 301 and 302. */
static void http_call_change_method(struct http_call *call, long status)
{
    bool is_post = str_equal(call->request.method, STR("POST"));
    bool is_head = str_equal(call->request.method, STR("HEAD"));
    if ((status == 303 && !is_head) || ((status == 301 || status == 302) && is_post)) {
        call->request.method = STR("GET");
        call->request.has_body = false;
    }
}

/* Whether the answer is a redirect that may be followed; then `*ret` says where to. What may not be followed
 * is an answer like any other. */
static bool http_call_may_follow(struct http_call *call, long status, struct http_url *ret)
{
    bool is_redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!is_redirect || call->hop_count >= call->request.redirects_max || call->hop_count >= REDIRECTS_MAX)
        return false;
    const struct http_header *location = http_call_find_header(call, STR("location"));
    if (!location || location->value.size == 0 ||
        http_url_join(&call->arena, &call->url, location->value, ret, NULL) != ERR_OK)
        return false;
    if (http_url_same_origin(&call->url, ret))
        return true;
    /* A body that was meant for the first origin may hold secrets as well as its headers. */
    bool resends_body = call->request.has_body && (status == 307 || status == 308);
    return call->request.redirects_cross_origin && !(call->request.secret_headers && resends_body);
}

/* ERR_OK: the next hop is on its way. */
static FALLIBLE http_call_follow(struct http_call *call, long status, const struct http_url *to)
{
    if (!http_url_same_origin(&call->url, to))
        call->has_left_origin = true;
    http_call_change_method(call, status);
    call->url = *to;
    call->hop_count++;
    return http_call_set_hop(call) ? http_call_begin(call, NULL) : ERR_MEMORY;
}

/* Reports. */

/* curl takes lines of 100 KiB at most, and says of a longer one that memory ran out. */
static bool http_call_has_long_line(const struct http_call *call, CURLcode code)
{
    return code == CURLE_OUT_OF_MEMORY && call->stop == HTTP_STOP_NONE && call->may_have_left &&
        !call->has_headers;
}

static enum http_failure http_failure_of(const struct http_call *call, CURLcode code)
{
    switch (call->stop) {
    case HTTP_STOP_BOMB:
    case HTTP_STOP_TOO_LARGE: return HTTP_TOO_LARGE;
    case HTTP_STOP_RETRY: return HTTP_BROKEN;
    case HTTP_STOP_DENIED:
        if (call->socket_count == 0 || code == CURLE_ABORTED_BY_CALLBACK)
            return HTTP_REFUSED;
        break; /* another address of the host was allowed, and failed */
    case HTTP_STOP_MEMORY:
    case HTTP_STOP_NONE: break;
    }
    if (http_call_has_long_line(call, code))
        return HTTP_TOO_LARGE;
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL: /* also HTTP/0.9 in an answer */
    case CURLE_URL_MALFORMAT: return call->may_have_left ? HTTP_BROKEN : HTTP_REFUSED;
    case CURLE_COULDNT_RESOLVE_HOST: return HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED: return HTTP_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return HTTP_TLS_VERIFY;
    case CURLE_OPERATION_TIMEDOUT: return HTTP_TIMEOUT;
    default: return call->may_have_left ? HTTP_BROKEN : HTTP_CONNECT;
    }
}

static enum err http_failure_code(enum http_failure failure)
{
    switch (failure) {
    case HTTP_REFUSED: return ERR_DENIED;
    case HTTP_TIMEOUT: return ERR_TIMEOUT;
    case HTTP_TOO_LARGE: return ERR_LIMIT;
    case HTTP_CANCELLED: return ERR_CANCELLED;
    case HTTP_OK:
    case HTTP_RESOLVE:
    case HTTP_CONNECT:
    case HTTP_TLS_VERIFY:
    case HTTP_BROKEN: break;
    }
    return ERR_UNAVAILABLE;
}

static const char *http_failure_text(const struct http_call *call, CURLcode code)
{
    if (call->stop == HTTP_STOP_RETRY)
        return "the connection ended before an answer came, and the request is not safe to repeat";
    return call->curl_text[0] ? call->curl_text : curl_easy_strerror(code);
}

static FALLIBLE http_call_explain(
    const struct http_call *call, CURLcode code, enum http_failure failure, struct err_info *why)
{
    enum err kind = http_failure_code(failure);
    bool has_long_line = http_call_has_long_line(call, code);
    if (call->stop == HTTP_STOP_MEMORY || (code == CURLE_OUT_OF_MEMORY && !has_long_line))
        return err_memory(why);
    if (failure == HTTP_REFUSED && call->stop == HTTP_STOP_DENIED) {
        *why = call->why;
        return why->code;
    }
    if (failure == HTTP_TOO_LARGE && (has_long_line || call->answer_header_bytes > ANSWER_HEADER_BYTES_MAX))
        return err_named(why, kind, "answer_header_bytes_max",
            "%.*s sent more than %zu bytes of headers (answer_header_bytes_max)", STR_ARG(call->url.host),
            (size_t)ANSWER_HEADER_BYTES_MAX);
    if (call->stop == HTTP_STOP_BOMB)
        return err_named(why, kind, "answer_ratio_max",
            "%.*s sent an answer that unpacks to more than %d times its size (answer_ratio_max)",
            STR_ARG(call->url.host), ANSWER_RATIO_MAX);
    if (failure == HTTP_TOO_LARGE)
        return err_named(why, kind, "answer_bytes_max", "%.*s sent more than %zu bytes (answer_bytes_max)",
            STR_ARG(call->url.host), call->body.bytes_max);
    if (failure == HTTP_CANCELLED)
        return err_set(why, kind, "the call to %.*s was cancelled", STR_ARG(call->url.host));
    return err_set(why, kind, "%.*s port %u: %s", STR_ARG(call->url.host), call->url.port,
        http_failure_text(call, code));
}

/* Fills `why`, and `failure` unless it is set already. */
static void http_call_describe_failure(struct http_call *call, CURLcode code, struct http_answer *answer)
{
    if (answer->failure == HTTP_OK)
        answer->failure = http_failure_of(call, code);
    answer->why.code = http_call_explain(call, code, answer->failure, &answer->why);
}

static void http_call_fill_answer(struct http_call *call, struct http_answer *answer)
{
    long connections = 0;
    curl_off_t connect_us = 0;
    /* These fail only for unknown names; then zero is what we know. */
    (void)curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    answer->may_have_left = call->may_have_left;
    answer->url = call->url.text;
    answer->total_us = http_now_us() - call->started_us;
    answer->connect_us = connect_us;
    answer->reused_connection = connections == 0 && call->send_count > 0;
}

void http_call_on_done(struct http_call *call, CURLcode code, int fd)
{
    long status = 0;
    struct http_url next;
    struct http_answer answer = { 0 };
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 without an answer */
    if (code == CURLE_OK && !call->connected && http_call_may_follow(call, status, &next)) {
        enum err failed = http_call_follow(call, status, &next);
        if (failed == ERR_OK)
            return;
        call->stop = HTTP_STOP_MEMORY;
        code = CURLE_OUT_OF_MEMORY;
    }
    http_call_fill_answer(call, &answer);
    if (code == CURLE_OK) {
        answer.status = (int)status;
        answer.headers = call->answer_headers;
        answer.header_count = call->answer_header_count;
        answer.body = buf_str(&call->body);
        answer.body_owner = &call->body;
    } else {
        http_call_describe_failure(call, code, &answer);
    }
    http_call_report(call, &answer, fd);
}

void http_call_cancel(struct http_client *base, struct http_call *call)
{
    struct http_answer answer = { .failure = HTTP_CANCELLED };
    (void)curl_multi_remove_handle(http_client_curl_of(base)->multi, call->easy); /* it is there */
    http_call_fill_answer(call, &answer);
    http_call_describe_failure(call, CURLE_OK, &answer);
    http_call_report(call, &answer, -1);
}

const struct http_header *http_answer_header(const struct http_answer *answer, const char *name)
{
    for (uint32_t i = 0; i < answer->header_count; i++) {
        if (str_equal(answer->headers[i].name, str_of(name)))
            return &answer->headers[i];
    }
    return NULL;
}
