/* The strict reader of request heads and chunked bodies: no crash, what it accepts keeps its promises, and
 * pieces make no difference. */
#include <stdlib.h>

#include "base/buf.h"
#include "io/http_chunked.h"
#include "io/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_true)
{
    if (!is_true)
        abort();
}

/* What a proxy in front of us could read differently must not be in an accepted head. */
static void check_head(const struct http_head *head, struct str bytes)
{
    expect(http_is_token(head->method));
    expect(head->path.size > 0 && (head->path.data[0] == '/' || str_equal(head->path, STR("*"))));
    expect(head->header_count <= HTTP_HEADERS_MAX && bytes.size <= HTTP_HEADER_BYTES_MAX);
    expect(!head->is_chunked || head->content_length == 0);
    unsigned hosts = 0, framings = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        expect(http_is_token(header->name) && http_is_field_value(header->value));
        expect(header->name.data >= bytes.data && header->value.data <= bytes.data + bytes.size);
        hosts += str_equal_nocase(header->name, STR("host"));
        framings += str_equal_nocase(header->name, STR("content-length"));
        framings += str_equal_nocase(header->name, STR("transfer-encoding"));
    }
    expect(hosts == 1 || (hosts == 0 && head->is_http_1_0));
    expect(framings <= 1);
    for (size_t i = 0; i < bytes.size; i++)
        expect((bytes.data[i] == '\n') == (i > 0 && bytes.data[i - 1] == '\r'));
}

static void fuzz_head(struct str bytes)
{
    static struct http_head head;
    struct http_head_scan whole = { 0 }, pieces = { 0 };
    size_t size = 0, piece_size = 0;
    const struct http_refusal *refusal = http_head_find_end(&whole, bytes, &size), *piece_refusal = NULL;
    for (size_t at = 1; at <= bytes.size && !piece_refusal && piece_size == 0; at += 7)
        piece_refusal = http_head_find_end(&pieces, str_slice(bytes, 0, at), &piece_size);
    if (!piece_refusal && piece_size == 0)
        piece_refusal = http_head_find_end(&pieces, bytes, &piece_size);
    expect((refusal == NULL) == (piece_refusal == NULL) && size == piece_size);
    if (!refusal && size > 0 && !http_head_parse(str_slice(bytes, 0, size), &head))
        check_head(&head, str_slice(bytes, 0, size));
}

static enum http_chunked_result decode(struct str bytes, size_t piece, struct buf *body)
{
    struct http_chunked chunked = { 0 };
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    for (size_t at = 0; at < bytes.size; at += piece) {
        struct str rest = str_slice(bytes, at, at + piece), data;
        while ((result = http_chunked_next(&chunked, &rest, &data)) == HTTP_CHUNKED_DATA)
            buf_add(body, data);
        if (result != HTTP_CHUNKED_MORE)
            break;
    }
    return result;
}

static void fuzz_chunked(struct str bytes)
{
    AUTO(buf) struct buf whole = { 0 };
    AUTO(buf) struct buf pieces = { 0 };
    expect(decode(bytes, bytes.size + 1, &whole) == decode(bytes, 3, &pieces));
    expect(str_equal(buf_str(&whole), buf_str(&pieces)));
    expect(whole.size <= bytes.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str bytes = { (const char *)data + 1, size - 1 };
    if (data[0] % 2)
        fuzz_chunked(bytes);
    else
        fuzz_head(bytes);
    return 0;
}
