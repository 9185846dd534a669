#include "io/http_head.h"

#include <string.h>

#define TOKEN 0x01 /* RFC 9110, tchar */
#define VALUE 0x02 /* field values: visible, space, tab, 0x80 and above */
#define TARGET 0x04 /* RFC 3986 characters of a path and query, '%' among them */
#define HOST 0x08 /* reg-name, IP literal and port */
#define HEX 0x10

/* What each byte may be part of: 0x00 first. */
static const uint8_t byte_class[256] = {
    [0x09] = VALUE,
    [' '] = VALUE,
    ['!'] = TOKEN | VALUE | TARGET | HOST,
    ['"'] = VALUE,
    ['#'] = TOKEN | VALUE,
    ['$'] = TOKEN | VALUE | TARGET | HOST,
    ['%'] = TOKEN | VALUE | TARGET | HOST,
    ['&'] = TOKEN | VALUE | TARGET | HOST,
    ['\''] = TOKEN | VALUE | TARGET | HOST,
    ['('] = VALUE | TARGET | HOST,
    [')'] = VALUE | TARGET | HOST,
    ['*'] = TOKEN | VALUE | TARGET | HOST,
    ['+'] = TOKEN | VALUE | TARGET | HOST,
    [','] = VALUE | TARGET | HOST,
    ['-'] = TOKEN | VALUE | TARGET | HOST,
    ['.'] = TOKEN | VALUE | TARGET | HOST,
    ['/'] = VALUE | TARGET,
    ['0' ... '9'] = TOKEN | VALUE | TARGET | HOST | HEX,
    [':'] = VALUE | TARGET | HOST,
    [';'] = VALUE | TARGET | HOST,
    ['<'] = VALUE,
    ['='] = VALUE | TARGET | HOST,
    ['>'] = VALUE,
    ['?'] = VALUE | TARGET,
    ['@'] = VALUE | TARGET,
    ['A' ... 'F'] = TOKEN | VALUE | TARGET | HOST | HEX,
    ['G' ... 'Z'] = TOKEN | VALUE | TARGET | HOST,
    ['['] = VALUE | TARGET | HOST, /* browsers send brackets in queries as they are */
    ['\\'] = VALUE,
    [']'] = VALUE | TARGET | HOST,
    ['^'] = TOKEN | VALUE,
    ['_'] = TOKEN | VALUE | TARGET | HOST,
    ['`'] = TOKEN | VALUE,
    ['a' ... 'f'] = TOKEN | VALUE | TARGET | HOST | HEX,
    ['g' ... 'z'] = TOKEN | VALUE | TARGET | HOST,
    ['{'] = VALUE,
    ['|'] = TOKEN | VALUE | TARGET, /* not RFC 3986, but harmless, and browsers send it */
    ['}'] = VALUE,
    ['~'] = TOKEN | VALUE | TARGET | HOST,
    [0x80 ... 0xff] = VALUE,
};

static const struct http_refusal bad_line_end = { 400, "a line ends without CR LF" };
static const struct http_refusal bad_first_byte = { 400, "the bytes are not HTTP" };
static const struct http_refusal bad_request_line = { 400,
    "the request line is not METHOD SP TARGET SP HTTP/1.1" };
static const struct http_refusal bad_method = { 400, "the method is not a token" };
static const struct http_refusal bad_target = { 400, "the request target is malformed" };
static const struct http_refusal bad_target_size = { 414, "the request target is too long" };
static const struct http_refusal bad_connect = { 501, "CONNECT is not served" };
static const struct http_refusal bad_version = { 505, "only HTTP/1.1 and HTTP/1.0 are served" };
static const struct http_refusal bad_name = { 400, "a header's name is not a token followed by ':'" };
static const struct http_refusal bad_folding = { 400, "a header is continued on a second line" };
static const struct http_refusal bad_value = { 400, "a header's value has a control character" };
static const struct http_refusal bad_header_count = { 431, "too many headers" };
static const struct http_refusal bad_head_size = { 431, "the headers are too large" };
static const struct http_refusal bad_host = { 400, "the Host header is missing, repeated or malformed" };
static const struct http_refusal bad_repeat = { 400, "a header that may come once comes twice" };
static const struct http_refusal bad_length = { 400, "the Content-Length is not one decimal number" };
static const struct http_refusal bad_coding = { 501, "the only transfer coding served is chunked" };
static const struct http_refusal bad_coding_1_0 = { 400, "Transfer-Encoding in HTTP/1.0" };
static const struct http_refusal bad_framing = { 400, "both Content-Length and Transfer-Encoding" };
static const struct http_refusal bad_expect = { 417, "the only expectation served is 100-continue" };

static bool http_all(struct str s, unsigned wanted)
{
    for (size_t i = 0; i < s.size; i++) {
        if (!(byte_class[(uint8_t)s.data[i]] & wanted))
            return false;
    }
    return true;
}

bool http_is_token(struct str s)
{
    return s.size > 0 && http_all(s, TOKEN);
}

bool http_is_field_value(struct str s)
{
    return http_all(s, VALUE);
}

const struct http_refusal *http_head_find_end(struct http_head_scan *scan, struct str bytes, size_t *ret_size)
{
    *ret_size = 0;
    if (bytes.size > 0 && !(byte_class[(uint8_t)bytes.data[0]] & TOKEN))
        return &bad_first_byte;
    while (scan->line_start < bytes.size) {
        const char *line = bytes.data + scan->line_start;
        const char *end = memchr(line, '\n', bytes.size - scan->line_start);
        if (!end)
            break;
        if (end == line || end[-1] != '\r')
            return &bad_line_end;
        size_t next_start = (size_t)(end - bytes.data) + 1;
        if (next_start > HTTP_HEADER_BYTES_MAX)
            break;
        scan->line_start = next_start;
        if (end - line == 1) {
            *ret_size = scan->line_start;
            return NULL;
        }
    }
    if (bytes.size <= HTTP_HEADER_BYTES_MAX)
        return NULL;
    return scan->line_start == 0 ? &bad_target_size : &bad_head_size;
}

/* Every '%' starts an escape, so that nobody further in has to guess. */
static bool http_escapes_are_whole(struct str s)
{
    for (ptrdiff_t at = str_find_byte(s, '%', 0); at >= 0; at = str_find_byte(s, '%', (size_t)at + 1)) {
        size_t digits = (size_t)at + 1;
        if (digits + 2 > s.size || !http_all(str_slice(s, digits, digits + 2), HEX))
            return false;
    }
    return true;
}

/* "http://host/path" (RFC 9112, 3.2.2) becomes "/path"; its authority must be what Host says, which
 * http_check_host sees to. */
static bool http_cut_authority(struct str *target, struct str *ret_authority)
{
    struct str rest = *target;
    if (rest.size >= 7 && str_equal_nocase(str_slice(rest, 0, 7), STR("http://")))
        rest = str_slice(rest, 7, rest.size);
    else if (rest.size >= 8 && str_equal_nocase(str_slice(rest, 0, 8), STR("https://")))
        rest = str_slice(rest, 8, rest.size);
    else
        return false;
    ptrdiff_t slash = str_find_byte(rest, '/', 0);
    if (slash <= 0)
        return false;
    *ret_authority = str_slice(rest, 0, (size_t)slash);
    *target = str_slice(rest, (size_t)slash, rest.size);
    return true;
}

static const struct http_refusal *http_parse_target(
    struct str target, struct http_head *head, struct str *ret_authority)
{
    if (target.size > HTTP_TARGET_BYTES_MAX)
        return &bad_target_size;
    if (!http_all(target, TARGET) || !http_escapes_are_whole(target))
        return &bad_target;
    bool is_star = str_equal(target, STR("*")) && str_equal(head->method, STR("OPTIONS"));
    if (!is_star && !str_starts(target, STR("/")) && !http_cut_authority(&target, ret_authority))
        return &bad_target;
    ptrdiff_t mark = str_find_byte(target, '?', 0);
    head->path = mark < 0 ? target : str_slice(target, 0, (size_t)mark);
    head->query = str_slice(target, mark < 0 ? target.size : (size_t)mark + 1, target.size);
    return NULL;
}

static const struct http_refusal *http_parse_version(struct str version, struct http_head *head)
{
    if (str_equal(version, STR("HTTP/1.1"))) {
        head->keeps_alive = true;
        return NULL;
    }
    if (str_equal(version, STR("HTTP/1.0"))) {
        head->is_http_1_0 = true;
        return NULL;
    }
    bool is_other = version.size == 8 && str_starts(version, STR("HTTP/")) && version.data[6] == '.' &&
        http_all(str_slice(version, 5, 6), HEX) && http_all(str_slice(version, 7, 8), HEX);
    return is_other ? &bad_version : &bad_request_line;
}

static const struct http_refusal *http_parse_request_line(
    struct str line, struct http_head *head, struct str *ret_authority)
{
    ptrdiff_t first = str_find_byte(line, ' ', 0);
    ptrdiff_t second = first < 0 ? -1 : str_find_byte(line, ' ', (size_t)first + 1);
    if (second < 0 || str_find_byte(line, ' ', (size_t)second + 1) >= 0)
        return &bad_request_line;
    head->method = str_slice(line, 0, (size_t)first);
    if (!http_is_token(head->method))
        return &bad_method;
    const struct http_refusal *bad = http_parse_version(str_slice(line, (size_t)second + 1, line.size), head);
    if (bad)
        return bad;
    if (str_equal(head->method, STR("CONNECT")))
        return &bad_connect;
    return http_parse_target(str_slice(line, (size_t)first + 1, (size_t)second), head, ret_authority);
}

/* What the checks over all headers need to remember. */
struct http_head_seen {
    struct str authority; /* of an absolute target */
    struct str host;
    unsigned host_count, length_count, coding_count, authorization_count, type_count, expect_count;
};

static const struct http_refusal *http_note_length(struct str value, struct http_head *head)
{
    /* str_to_uint alone might one day accept a sign; smuggling lives on such leniency. */
    if (value.size == 0 || value.size > 19 || value.data[0] == '+' || value.data[0] == '-')
        return &bad_length;
    return str_to_uint(value, &head->content_length) ? NULL : &bad_length;
}

static void http_note_connection(struct str value, struct http_head *head)
{
    struct str part;
    while (str_split(&value, ',', &part)) {
        if (str_equal_nocase(str_trim(part), STR("close")))
            head->keeps_alive = false;
    }
}

static const struct http_refusal *http_note_coding(struct str value, struct http_head *head)
{
    head->is_chunked = true;
    return str_equal_nocase(value, STR("chunked")) ? NULL : &bad_coding;
}

static const struct http_refusal *http_note_expect(struct str value, struct http_head *head)
{
    head->expects_continue = !head->is_http_1_0; /* RFC 9110, 10.1.1 */
    return str_equal_nocase(value, STR("100-continue")) ? NULL : &bad_expect;
}

/* The headers that steer the connection; told apart by size first. */
static const struct http_refusal *http_note_header(
    struct http_header header, struct http_head *head, struct http_head_seen *seen)
{
    struct str name = header.name, value = header.value;
    if (name.size == 4 && str_equal_nocase(name, STR("Host"))) {
        seen->host = value;
        return ++seen->host_count > 1 ? &bad_host : NULL;
    }
    if (name.size == 14 && str_equal_nocase(name, STR("Content-Length")))
        return ++seen->length_count > 1 ? &bad_length : http_note_length(value, head);
    if (name.size == 17 && str_equal_nocase(name, STR("Transfer-Encoding")))
        return ++seen->coding_count > 1 ? &bad_repeat : http_note_coding(value, head);
    if (name.size == 6 && str_equal_nocase(name, STR("Expect")))
        return ++seen->expect_count > 1 ? &bad_repeat : http_note_expect(value, head);
    if (name.size == 13 && str_equal_nocase(name, STR("Authorization")))
        return ++seen->authorization_count > 1 ? &bad_repeat : NULL;
    if (name.size == 12 && str_equal_nocase(name, STR("Content-Type")))
        return ++seen->type_count > 1 ? &bad_repeat : NULL;
    if (name.size == 10 && str_equal_nocase(name, STR("Connection")))
        http_note_connection(value, head);
    return NULL;
}

static const struct http_refusal *http_parse_header(struct str line, struct http_header *ret)
{
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return &bad_folding;
    ptrdiff_t colon = str_find_byte(line, ':', 0);
    if (colon < 0)
        return &bad_name;
    ret->name = str_slice(line, 0, (size_t)colon);
    ret->value = str_slice(line, (size_t)colon + 1, line.size);
    if (!http_is_token(ret->name))
        return &bad_name;
    if (!http_is_field_value(ret->value))
        return &bad_value;
    ret->value = str_trim(ret->value);
    return NULL;
}

static const struct http_refusal *http_check_whole(
    const struct http_head *head, const struct http_head_seen *seen)
{
    bool needs_host = !head->is_http_1_0;
    if ((needs_host || seen->host_count > 0) && (seen->host.size == 0 || !http_all(seen->host, HOST)))
        return &bad_host;
    if (seen->authority.size > 0 && !str_equal_nocase(seen->authority, seen->host))
        return &bad_host;
    if (head->is_chunked && head->is_http_1_0)
        return &bad_coding_1_0;
    if (head->is_chunked && seen->length_count > 0)
        return &bad_framing;
    return NULL;
}

/* A line without its CR LF; http_head_find_end has seen that all lines end so. A CR elsewhere is a control
 * character, which neither a target nor a value may have. */
static struct str http_next_line(struct str bytes, size_t *offset)
{
    const char *line = bytes.data + *offset;
    const char *end = memchr(line, '\n', bytes.size - *offset);
    *offset = (size_t)(end - bytes.data) + 1;
    return (struct str){ line, (size_t)(end - line) - 1 };
}

const struct http_refusal *http_head_parse(struct str bytes, struct http_head *ret)
{
    struct http_head_seen seen = { 0 };
    size_t offset = 0;
    ret->query = (struct str){ 0 };
    ret->is_http_1_0 = ret->keeps_alive = ret->expects_continue = ret->is_chunked = false;
    ret->content_length = 0;
    ret->header_count = 0;
    const struct http_refusal *bad = http_parse_request_line(
        http_next_line(bytes, &offset), ret, &seen.authority);
    while (!bad) {
        struct str line = http_next_line(bytes, &offset);
        if (line.size == 0)
            break;
        if (ret->header_count == HTTP_HEADERS_MAX)
            return &bad_header_count;
        struct http_header *header = &ret->headers[ret->header_count++];
        bad = http_parse_header(line, header);
        if (!bad)
            bad = http_note_header(*header, ret, &seen);
    }
    return bad ? bad : http_check_whole(ret, &seen);
}

const struct http_header *http_head_header(const struct http_head *head, struct str name)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].name.size == name.size && str_equal_nocase(head->headers[i].name, name))
            return &head->headers[i];
    }
    return NULL;
}
