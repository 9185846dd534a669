/* Any bytes as the small texts that stand in bigger ones: encodings, times, spans, numbers, ids. What reads
 * prints as something that reads as the same; what was encoded comes back. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/id.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timetext.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct encoding {
    void (*add)(struct buf *buf, struct str bytes);
    bool (*decode)(struct buf *buf, struct str text);
};

static bool query_decode(struct buf *buf, struct str text)
{
    return percent_decode(buf, text, true);
}

static bool path_decode(struct buf *buf, struct str text)
{
    return percent_decode(buf, text, false);
}

static void encodings(struct str text)
{
    static const struct encoding all[] = { { base64_add, base64_decode }, { base64url_add, base64url_decode },
        { hex_add, hex_decode }, { percent_add, query_decode }, { percent_add, path_decode } };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        AUTO(buf) struct buf encoded = { 0 };
        AUTO(buf) struct buf back = { 0 };
        AUTO(buf) struct buf read = { 0 };
        all[i].add(&encoded, text);
        require(all[i].decode(&back, buf_str(&encoded)) && str_equal(buf_str(&back), text));
        if (all[i].decode(&read, text))
            require(read.size <= text.size);
    }
}

static void characters(struct str text)
{
    AUTO(buf) struct buf lossy = { 0 };
    size_t offset = 0, bad = 0;
    while (offset < text.size) {
        size_t before = offset;
        bad += utf8_next(text, &offset) < 0;
        require(offset > before && offset <= text.size);
    }
    require((bad == 0) == utf8_is_valid(text));
    utf8_add_lossy(&lossy, text);
    require(utf8_is_valid(buf_str(&lossy)));
    if (bad == 0) {
        require(str_equal(buf_str(&lossy), text));
        require(utf8_is_valid(utf8_cut(text, text.size / 2)));
        require(utf8_length(text) <= text.size);
    }
}

static void times(struct str text)
{
    AUTO(buf) struct buf printed = { 0 };
    int64_t seconds, again, us;
    int32_t nanos, nanos_again;
    struct instant at;
    struct err_info why = { 0 };
    if (time_parse_rfc3339(text, &seconds, &nanos)) {
        time_print_rfc3339(&printed, seconds, nanos);
        require(time_parse_rfc3339(buf_str(&printed), &again, &nanos_again));
        require(again == seconds && nanos_again == nanos);
        struct civil_time civil = civil_from_seconds(seconds);
        require(civil_to_seconds(&civil) == seconds && civil.month >= 1 && civil.month <= 12);
    }
    require(instant_parse(text, &at) == time_parse_rfc3339(text, &seconds, &nanos));
    buf_clear(&printed);
    if (duration_parse(text, &seconds, &nanos)) {
        duration_print(&printed, seconds, nanos);
        require(duration_parse(buf_str(&printed), &again, &nanos_again));
        require(again == seconds && nanos_again == nanos);
    }
    if (span_parse(text, &us, &why) == ERR_OK)
        require(us >= 0);
    else
        require(why.text[0] != '\0');
}

static void numbers(struct str text)
{
    char printed[NUMBER_TEXT_BYTES];
    double number, again;
    int64_t integer;
    uint64_t natural;
    if (number_parse_double(text.data, text.size, &number)) {
        size_t size = number_print_double(number, printed);
        require(size <= sizeof printed && number_parse_double(printed, size, &again));
        require(memcmp(&number, &again, sizeof number) == 0);
    }
    if (str_to_int(text, &integer) && str_to_uint(text, &natural))
        require(integer >= 0 && (uint64_t)integer == natural);
}

static void ids(struct str text)
{
    struct id id;
    if (!id_parse(text, &id))
        return;
    struct id_text printed = id_text(id);
    require(str_equal_nocase(id_str(&printed), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    encodings(text);
    characters(text);
    times(text);
    numbers(text);
    ids(text);
    return 0;
}
