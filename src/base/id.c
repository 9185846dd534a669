#include "base/id.h"

#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct id id_new(struct clock *clock, struct rand *rand)
{
    struct id id;
    uint64_t ms = (uint64_t)(clock_now(clock).us / US_PER_MS);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    rand_fill(rand, id.bytes + 6, 10);
    return id;
}

/* 26 digits of 5 bits are 130: the first digit has only three bits of the identifier. */
struct id_text id_text(struct id id)
{
    struct id_text ret;
    unsigned held = 0, bits = 2;
    size_t digit = 0;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        held = (held << 8 | id.bytes[i]) & 0xfff;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            ret.text[digit++] = alphabet[held >> bits & 31];
        }
    }
    ret.text[digit] = '\0';
    return ret;
}

static int digit_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - ('a' - 'A'));
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool id_parse(struct str text, struct id *ret)
{
    if (text.size != 26 || digit_of(text.data[0]) > 7)
        return false;
    struct id id;
    unsigned held = 0, bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = digit_of(text.data[i]);
        if (digit < 0)
            return false;
        held = (held << 5 | (unsigned)digit) & 0xfff;
        bits += i == 0 ? 3 : 5;
        if (bits >= 8) {
            bits -= 8;
            id.bytes[at++] = (uint8_t)(held >> bits);
        }
    }
    *ret = id;
    return true;
}

bool id_equal(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool id_is_none(struct id id)
{
    return id_equal(id, ID_NONE);
}

struct str id_str(const struct id_text *text)
{
    return (struct str){ text->text, sizeof text->text - 1 };
}
