#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/http_chunked.h"
#include "io/http_head.h"

/* The status that refuses `bytes`, 0 when they are a good head, -1 when they are none yet. */
static int head_status(struct str bytes, struct http_head *head)
{
    struct http_head_scan scan = { 0 };
    size_t size = 0;
    const struct http_refusal *refusal = http_head_find_end(&scan, bytes, &size);
    if (!refusal && size == 0)
        return -1;
    if (!refusal)
        refusal = http_head_parse(str_slice(bytes, 0, size), head);
    if (refusal)
        assert_true(refusal->reason[0] != '\0');
    return refusal ? refusal->status : 0;
}

struct head_case {
    const char *what;
    struct str bytes;
    int status;
};

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define CASE(what, text, status) \
    { \
        what, STR_INIT(text), status \
    }

static const struct head_case cases[] = {
    /* good */
    CASE("plain", GET HOST "\r\n", 0),
    CASE("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0),
    CASE("a port", GET "Host: a:80\r\n\r\n", 0),
    CASE("an IPv6 host", GET "Host: [::1]:80\r\n\r\n", 0),
    CASE("an absolute target", "GET http://a/x HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("a length", POST "Content-Length: 5\r\n\r\n", 0),
    CASE("chunked", POST "Transfer-Encoding: chunked\r\n\r\n", 0),
    CASE("chunked in capitals", POST "transfer-encoding: CHUNKED\r\n\r\n", 0),
    CASE("an empty value", GET HOST "X:\r\n\r\n", 0),
    CASE("no space before a value", GET HOST "X:y\r\n\r\n", 0),
    CASE("tabs round a value", GET HOST "X:\ty\t\r\n\r\n", 0),
    CASE("bytes above 0x7f in a value", GET HOST "X: \xc3\xa9\xff\r\n\r\n", 0),
    CASE("100-continue", POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 0),
    CASE("a whole escape", "GET /%20%aF HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("the largest length", POST "Content-Length: 9223372036854775807\r\n\r\n", 0),
    CASE("leading zeros in a length", POST "Content-Length: 00005\r\n\r\n", 0),
    /* not complete */
    CASE("nothing", "", -1),
    CASE("half a line", "GET / HT", -1),
    CASE("no empty line", GET HOST, -1),
    CASE("half an empty line", GET HOST "\r", -1),
    /* line ends */
    CASE("a bare LF after the request line", "GET / HTTP/1.1\n" HOST "\r\n", 400),
    CASE("a bare LF after a header", GET "Host: a\n\r\n", 400),
    CASE("a bare LF at the end", GET HOST "\n", 400),
    CASE("a bare CR in a value", GET "Host: a\r\nX: y\rz\r\n\r\n", 400),
    CASE("a bare CR that hides a header", GET HOST "X: y\rTransfer-Encoding: chunked\r\n\r\n", 400),
    CASE("a bare CR in the request line", "GET /\rx HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("two CR before LF", GET HOST "X: y\r\r\n\r\n", 400),
    CASE("a leading empty line", "\r\n" GET HOST "\r\n", 400), /* the connection has skipped one already */
    CASE("a leading space", " " GET HOST "\r\n", 400),
    CASE("a TLS handshake", "\x16\x03\x01\x02\x00\x01", 400),
    /* request lines */
    CASE("no version", "GET /\r\n" HOST "\r\n", 400),
    CASE("two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a tab for a space", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a space at the end", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
    CASE("a space in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a method that is no token", "GE(T / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("no method", "/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("version 0.9", "GET / HTTP/0.9\r\n" HOST "\r\n", 505),
    CASE("version 1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505),
    CASE("version 2.0", "PRI * HTTP/2.0\r\n\r\n", 505),
    CASE("a version in small letters", "GET / http/1.1\r\n" HOST "\r\n", 400),
    CASE("a version with more digits", "GET / HTTP/1.10\r\n" HOST "\r\n", 400),
    CASE("garbage for a version", "GET / FTP/1.1\r\n" HOST "\r\n", 400),
    CASE("CONNECT", "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 501),
    CASE("a target without slash", "GET x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("GET *", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("another scheme", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("an absolute target without path", "GET http://a HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("another host than Host", "GET http://b/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("userinfo in the target", "GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a fragment", "GET /#x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a NUL in the target", "GET /\0x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("raw UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("half an escape", "GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("no escape at all", "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a backslash", "GET \\ HTTP/1.1\r\n" HOST "\r\n", 400),
    /* headers */
    CASE("a space before the colon", GET HOST "X : y\r\n\r\n", 400),
    CASE("a space before Content-Length's colon", POST "Content-Length : 5\r\n\r\n", 400),
    CASE("a tab before the colon", POST "Transfer-Encoding\t: chunked\r\n\r\n", 400),
    CASE("no colon", GET HOST "X\r\n\r\n", 400),
    CASE("no name", GET HOST ": y\r\n\r\n", 400),
    CASE("a control character in a name", GET HOST "X\x01Y: z\r\n\r\n", 400),
    CASE("a vertical tab before a name", GET HOST "\x0bX: z\r\n\r\n", 400),
    CASE("a NUL in a value", GET HOST "X: y\0z\r\n\r\n", 400),
    CASE("a DEL in a value", GET HOST "X: y\x7fz\r\n\r\n", 400),
    CASE("a folded header", GET HOST "X: y\r\n z\r\n\r\n", 400),
    CASE("folding before the first header", GET " X: y\r\n" HOST "\r\n", 400),
    CASE("a folded Transfer-Encoding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n", 501),
    /* Host */
    CASE("no Host", GET "\r\n", 400),
    CASE("two Hosts", GET HOST "Host: b\r\n\r\n", 400),
    CASE("two equal Hosts", GET HOST HOST "\r\n", 400),
    CASE("an empty Host", GET "Host:\r\n\r\n", 400),
    CASE("a space in Host", GET "Host: a b\r\n\r\n", 400),
    CASE("a path in Host", GET "Host: a/b\r\n\r\n", 400),
    CASE("userinfo in Host", GET "Host: a@b\r\n\r\n", 400),
    /* framing */
    CASE("two different lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    CASE("two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    CASE("a list of lengths", POST "Content-Length: 5, 5\r\n\r\n", 400),
    CASE("a signed length", POST "Content-Length: +5\r\n\r\n", 400),
    CASE("a negative length", POST "Content-Length: -5\r\n\r\n", 400),
    CASE("a hexadecimal length", POST "Content-Length: 0x5\r\n\r\n", 400),
    CASE("an empty length", POST "Content-Length:\r\n\r\n", 400),
    CASE("a length with a space", POST "Content-Length: 5 5\r\n\r\n", 400),
    CASE("a length beyond 64 bits", POST "Content-Length: 18446744073709551621\r\n\r\n", 400),
    CASE("length, then chunked", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    CASE("chunked, then length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
    CASE("chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    CASE("chunked, then identity", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        400),
    CASE("a list of codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    CASE("another coding", POST "Transfer-Encoding: identity\r\n\r\n", 501),
    CASE("chunked with a twist", POST "Transfer-Encoding: xchunked\r\n\r\n", 501),
    CASE("chunked with a vertical tab",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
        400),
    CASE("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501),
    CASE("chunked with a parameter", POST "Transfer-Encoding: chunked;x=y\r\n\r\n", 501),
    CASE("chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400),
    CASE("another expectation", POST "Expect: x\r\n\r\n", 417),
    CASE("two Authorizations", GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    CASE("two Content-Types", POST "Content-Type: a/b\r\nContent-Type: a/c\r\n\r\n", 400),
};

static void only_unmistakable_heads_are_taken(void **state)
{
    (void)state;
    struct http_head head;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = head_status(cases[i].bytes, &head);
        if (status != cases[i].status)
            fail_msg("%s: %d instead of %d", cases[i].what, status, cases[i].status);
    }
}

/* The same verdict when the bytes come one by one. */
static void pieces_make_no_difference(void **state)
{
    (void)state;
    struct http_head head;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_head_scan scan = { 0 };
        int status = -1;
        for (size_t size = 1; size <= cases[i].bytes.size && status == -1; size++) {
            size_t end;
            struct str bytes = str_slice(cases[i].bytes, 0, size);
            const struct http_refusal *refusal = http_head_find_end(&scan, bytes, &end);
            if (!refusal && end > 0)
                refusal = http_head_parse(str_slice(bytes, 0, end), &head);
            if (refusal || end > 0)
                status = refusal ? refusal->status : 0;
        }
        if (status != cases[i].status)
            fail_msg("%s, in pieces: %d instead of %d", cases[i].what, status, cases[i].status);
    }
}

static void parts_are_told_apart(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(head_status(STR("POST http://a:1/p%20q?x=1&y HTTP/1.1\r\nHost: A:1\r\nX:  b c \r\n"
                                     "content-length: 12\r\nConnection: x, Close\r\n\r\nbody"),
                         &head),
        0);
    assert_true(str_equal(head.method, STR("POST")));
    assert_true(str_equal(head.path, STR("/p%20q")));
    assert_true(str_equal(head.query, STR("x=1&y")));
    assert_int_equal(head.content_length, 12);
    assert_false(head.keeps_alive);
    assert_false(head.is_chunked);
    assert_int_equal(head.header_count, 4);
    assert_true(str_equal(http_head_header(&head, STR("x"))->value, STR("b c")));
    assert_null(http_head_header(&head, STR("y")));
    assert_int_equal(head_status(STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &head), 0);
    assert_true(head.keeps_alive);
    assert_int_equal(head_status(STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &head), 0);
    assert_false(head.keeps_alive); /* a server may always close */
}

static int grown_head_status(size_t target_size, size_t header_count, size_t value_size)
{
    AUTO(buf) struct buf bytes = { 0 };
    static struct http_head head;
    buf_add(&bytes, STR("GET /"));
    for (size_t i = 1; i < target_size; i++)
        buf_add_byte(&bytes, 'a');
    buf_add(&bytes, STR(" HTTP/1.1\r\nHost: a\r\n"));
    for (size_t i = 1; i < header_count; i++) {
        buf_add(&bytes, STR("X: "));
        for (size_t j = 0; j < value_size; j++)
            buf_add_byte(&bytes, 'v');
        buf_add(&bytes, STR("\r\n"));
    }
    buf_add(&bytes, STR("\r\n"));
    return head_status(buf_str(&bytes), &head);
}

static void sizes_are_limited(void **state)
{
    (void)state;
    assert_int_equal(grown_head_status(HTTP_TARGET_BYTES_MAX, 1, 0), 0);
    assert_int_equal(grown_head_status(HTTP_TARGET_BYTES_MAX + 1, 1, 0), 414);
    assert_int_equal(grown_head_status(HTTP_HEADER_BYTES_MAX + 100, 1, 0), 414);
    assert_int_equal(grown_head_status(1, HTTP_HEADERS_MAX, 1), 0);
    assert_int_equal(grown_head_status(1, HTTP_HEADERS_MAX + 1, 1), 431);
    assert_int_equal(grown_head_status(1, 2, HTTP_HEADER_BYTES_MAX - 100), 0);
    assert_int_equal(grown_head_status(1, 2, HTTP_HEADER_BYTES_MAX), 431);
    /* Refused as soon as it is too much, not when it ends. */
    struct http_head head;
    AUTO(buf) struct buf bytes = { 0 };
    buf_add(&bytes, STR("GET / HTTP/1.1\r\nX: "));
    while (bytes.size <= HTTP_HEADER_BYTES_MAX)
        buf_add_byte(&bytes, 'x');
    assert_int_equal(head_status(buf_str(&bytes), &head), 431);
}

/* Decodes `bytes` in pieces of `piece` bytes into `body`; what follows the body goes to `*ret_rest`. */
static enum http_chunked_result decode(struct str bytes, size_t piece, struct buf *body, struct str *ret_rest)
{
    struct http_chunked chunked = { 0 };
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    for (size_t at = 0; at < bytes.size; at += piece) {
        struct str rest = str_slice(bytes, at, at + piece), data;
        do {
            result = http_chunked_next(&chunked, &rest, &data);
            if (result == HTTP_CHUNKED_DATA)
                buf_add(body, data);
        } while (result == HTTP_CHUNKED_DATA);
        *ret_rest = (struct str){ rest.data, (size_t)(bytes.data + bytes.size - rest.data) };
        if (result != HTTP_CHUNKED_MORE)
            break;
    }
    return result;
}

struct chunked_case {
    const char *what;
    struct str bytes;
    enum http_chunked_result result;
    const char *body, *rest;
};

#define CHUNKED(what, text, result, body, rest) \
    { \
        what, STR_INIT(text), HTTP_CHUNKED_##result, body, rest \
    }

static const struct chunked_case chunked_cases[] = {
    CHUNKED("two chunks", "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\nNEXT", END, "abcde", "NEXT"),
    CHUNKED("nothing", "0\r\n\r\n", END, "", ""),
    CHUNKED("capitals and small letters", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", END,
        "01234567890123456789", ""),
    CHUNKED("leading zeros", "00002\r\nab\r\n000\r\n\r\n", END, "ab", ""),
    CHUNKED("an extension", "2;a=\"b\";c\r\nab\r\n0;x\r\n\r\n", END, "ab", ""),
    CHUNKED("trailers", "2\r\nab\r\n0\r\nX: y\r\nZ:\r\n\r\nNEXT", END, "ab", "NEXT"),
    CHUNKED("CR LF in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", END, "\r\n\r\n", ""),
    CHUNKED("not complete", "5\r\nab", MORE, "ab", ""),
    CHUNKED("no end", "2\r\nab\r\n0\r\n", MORE, "ab", ""),
    CHUNKED("a bare LF after the size", "2\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a bare LF after the data", "2\r\nab\n0\r\n\r\n", BAD, "ab", NULL),
    CHUNKED("a bare CR after the size", "2\rab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a bare LF in an extension", "2;a\nxx\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a bare CR in an extension", "2;a\rxx\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a bare LF at the end", "0\r\n\n", BAD, "", NULL),
    CHUNKED("a bare LF after the last size", "0\n\r\n", BAD, "", NULL),
    CHUNKED("more data than said", "2\r\nabc\r\n0\r\n\r\n", BAD, "ab", NULL),
    CHUNKED("a space before the size", " 2\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a space after the size", "2 \r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("0x", "0x2\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a sign", "+2\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a minus", "-2\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("an underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("no size", "\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a size beyond 60 bits", "1000000000000000\r\n", BAD, "", NULL),
    CHUNKED("many zeros", "0000000000000000000000002\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
    CHUNKED("a trailer without a colon", "0\r\nX\r\n\r\n", BAD, "", NULL),
    CHUNKED("a trailer with a space before the colon", "0\r\nX : y\r\n\r\n", BAD, "", NULL),
    CHUNKED("a trailer without a name", "0\r\n: y\r\n\r\n", BAD, "", NULL),
    CHUNKED("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n", BAD, "", NULL),
    CHUNKED("a NUL in an extension", "2;\0\r\nab\r\n0\r\n\r\n", BAD, "", NULL),
};

static void only_unmistakable_chunks_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chunked_cases / sizeof chunked_cases[0]; i++) {
        const struct chunked_case *c = &chunked_cases[i];
        for (size_t piece = 1; piece <= c->bytes.size; piece++) {
            AUTO(buf) struct buf body = { 0 };
            struct str rest = { 0 };
            enum http_chunked_result result = decode(c->bytes, piece, &body, &rest);
            if (result != c->result)
                fail_msg("%s, pieces of %zu: %d instead of %d", c->what, piece, (int)result, (int)c->result);
            assert_true(str_equal(buf_str(&body), str_of(c->body)));
            if (c->rest)
                assert_true(str_equal(rest, str_of(c->rest)));
        }
    }
}

static void extensions_and_trailers_are_limited_together(void **state)
{
    (void)state;
    struct http_chunked chunked = { 0 };
    struct str chunk = STR("1;0123456789\r\na\r\n"), data;
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    size_t count = 0;
    for (; count < 10000 && result != HTTP_CHUNKED_BAD; count++) {
        struct str rest = chunk;
        while ((result = http_chunked_next(&chunked, &rest, &data)) == HTTP_CHUNKED_DATA)
            continue;
    }
    assert_int_equal(result, HTTP_CHUNKED_BAD);
    assert_true(count > 1000 && count <= HTTP_CHUNK_EXTRA_BYTES_MAX / 10 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_unmistakable_heads_are_taken),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(parts_are_told_apart),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(only_unmistakable_chunks_are_taken),
        cmocka_unit_test(extensions_and_trailers_are_limited_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
