/* Indicators that are words: hashes, ids, MAC addresses, wallets. */
#include <stdio.h>
#include <string.h>

#include "expr/ioc.h"

#define HASH_DIGITS_MIN 32
#define WALLET_BYTES_MIN 14 /* of bech32; base58 takes 26 */

/* One word under the eye: `start` to `end` are ASCII letters and digits, with none around them. */
struct word {
    struct ioc_search *search;
    size_t start, end;
    struct str text;
    bool is_hex, is_number;
};

static bool digits_at(const struct ioc_search *search, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!ioc_is_digit(ioc_byte(search, at + i)))
            return false;
    }
    return true;
}

static size_t count_digits(const struct ioc_search *search, size_t at)
{
    size_t count = 0;
    while (ioc_is_digit(ioc_byte(search, at + count)))
        count++;
    return count;
}

static size_t count_hex(const struct ioc_search *search, size_t at)
{
    size_t count = 0;
    while (ioc_is_hex(ioc_byte(search, at + count)))
        count++;
    return count;
}

/* ---- hashes ---- */

/* "imphash: …", "import hash …", "authentihash …": what stands in front of a hash may say what it is of. */
static bool follows(const struct word *word, struct str name)
{
    size_t at = word->start;
    while (at > 0 && word->start - at < 20 && strchr(" \t\r\n:=-", ioc_byte(word->search, at - 1)) != NULL)
        at--;
    return at >= name.size && str_equal_nocase(str_slice(word->search->text, at - name.size, at), name);
}

static bool is_imphash(const struct word *word)
{
    return follows(word, STR("imphash")) || follows(word, STR("import hash"));
}

static FALLIBLE look_for_hash(const struct word *word)
{
    enum ioc_kind kind;
    if (!word->is_hex || ioc_before(word->search, word->start) == '_' ||
        ioc_byte(word->search, word->end) == '_')
        return ERR_OK;
    switch (word->text.size) {
    case 32: kind = is_imphash(word) ? IOC_IMPHASH : IOC_MD5; break;
    case 40: kind = IOC_SHA1; break;
    case 64: kind = follows(word, STR("authentihash")) ? IOC_AUTHENTIHASH : IOC_SHA256; break;
    case 128: kind = IOC_SHA512; break;
    default: return ERR_OK;
    }
    return ioc_add(word->search, kind, word->start, word->text, IOC_LOWER);
}

/* 1536:yB+A8bM…:N4tMsbOG…, ssdeep's three parts. */
static FALLIBLE look_for_ssdeep(const struct word *word)
{
    struct ioc_search *search = word->search;
    size_t at = word->end, parts = 0;
    if (!word->is_number || word->text.size > 10)
        return ERR_OK;
    while (parts < 2 && ioc_byte(search, at) == ':') {
        size_t from = ++at;
        while (
            ioc_is_alnum(ioc_byte(search, at)) || ioc_byte(search, at) == '/' || ioc_byte(search, at) == '+')
            at++;
        if (at - from < 3 || at - from > 100)
            return ERR_OK;
        parts++;
    }
    /* Short ones are times and addresses. */
    if (parts < 2 || at - word->end < 16 || ioc_byte(search, at) == ':')
        return ERR_OK;
    return ioc_add(search, IOC_SSDEEP, word->start, str_slice(search->text, word->start, at), IOC_AS_IS);
}

/* ---- ids ---- */

/* What stands between the parts of an id: '-', '_', or a dash beyond ASCII, of which three blanks are left.
 * 0 when it is none of them. */
static size_t dash_size(const struct ioc_search *search, size_t at)
{
    int c = ioc_byte(search, at);
    if (c == '-' || c == '_')
        return 1;
    bool is_wide = c == ' ' && ioc_byte(search, at + 1) == ' ' && ioc_byte(search, at + 2) == ' ';
    return is_wide ? 3 : 0;
}

/* CVE-2021-44228, also CVE 2021-44228 and CVE_2021_44228. */
static FALLIBLE look_for_cve(const struct word *word)
{
    struct ioc_search *search = word->search;
    if (!str_equal_nocase(word->text, STR("cve")))
        return ERR_OK;
    size_t dash = dash_size(search, word->end);
    if (dash == 0 && ioc_byte(search, word->end) == ' ')
        dash = 1;
    size_t year = word->end + dash;
    if (dash == 0 || !digits_at(search, year, 4))
        return ERR_OK;
    dash = dash_size(search, year + 4);
    size_t number = year + 4 + dash, digits = count_digits(search, number);
    if (dash == 0 || digits < 4 || digits > 9 || ioc_is_alnum(ioc_byte(search, number + digits)))
        return ERR_OK;
    char canonical[32];
    int size = snprintf(canonical, sizeof(canonical), "CVE-%.4s-%.*s", search->text.data + year, (int)digits,
        search->text.data + number);
    return ioc_add(search, IOC_CVE, word->start, (struct str){ canonical, (size_t)size }, IOC_AS_IS);
}

/* AS1234, ASN1234, ASN 1234, AS 1234; "as" in lower case is a word of English, "as1234" is none. */
#define LOWER_AS_DIGITS_MIN 4

static FALLIBLE look_for_asn(const struct word *word)
{
    struct ioc_search *search = word->search;
    struct str text = word->text;
    size_t letters = 0;
    if (str_starts(text, STR("ASN")) || str_starts(text, STR("asn")))
        letters = 3;
    else if (str_starts(text, STR("AS")) ||
        (str_starts(text, STR("as")) && text.size >= 2 + LOWER_AS_DIGITS_MIN))
        letters = 2;
    if (letters == 0)
        return ERR_OK;
    size_t digits = word->start + letters;
    if (text.size == letters) {
        while (ioc_byte(search, digits) == ' ' && digits - word->end < 3)
            digits++;
        if (digits == word->end)
            return ERR_OK;
    }
    size_t count = count_digits(search, digits);
    uint64_t number = 0;
    if (count == 0 || ioc_is_word(ioc_byte(search, digits + count)) ||
        !str_to_uint(str_slice(search->text, digits, digits + count), &number) || number > UINT32_MAX)
        return ERR_OK;
    char canonical[16];
    int size = snprintf(canonical, sizeof(canonical), "AS%llu", (unsigned long long)number);
    return ioc_add(search, IOC_ASN, word->start, (struct str){ canonical, (size_t)size }, IOC_AS_IS);
}

/* The numbers that MITRE has given out so far start so; T1000 was a film, S1000 a phone. */
static FALLIBLE look_for_attack(const struct word *word)
{
    static const struct {
        struct str letters;
        const char *first; /* digits that may come first */
    } forms[] = {
        { STR_INIT("TA"), "0" },
        { STR_INIT("DS"), "0" },
        { STR_INIT("T"), "1" },
        { STR_INIT("M"), "1" },
        { STR_INIT("G"), "01" },
        { STR_INIT("S"), "01" },
    };
    struct ioc_search *search = word->search;
    if (!ioc_is_digit((unsigned char)word->text.data[word->text.size - 1]))
        return ERR_OK;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t letters = forms[i].letters.size, end = word->end;
        if (word->text.size != letters + 4 || !str_starts(word->text, forms[i].letters) ||
            !digits_at(search, word->start + letters, 4) ||
            strchr(forms[i].first, word->text.data[letters]) == NULL)
            continue;
        bool has_sub = ioc_byte(search, end) == '.' && digits_at(search, end + 1, 3) &&
            !ioc_is_word(ioc_byte(search, end + 4));
        if (has_sub && word->text.data[0] == 'T' && letters == 1)
            end += 4;
        return ioc_add(search, IOC_ATTACK, word->start, str_slice(search->text, word->start, end), IOC_AS_IS);
    }
    return ERR_OK;
}

static FALLIBLE look_for_uuid(const struct word *word)
{
    static const size_t sizes[] = { 4, 4, 4, 12 };
    struct ioc_search *search = word->search;
    size_t at = word->end;
    if (!word->is_hex || word->text.size != 8)
        return ERR_OK;
    for (size_t i = 0; i < 4; i++) {
        if (ioc_byte(search, at) != '-' || count_hex(search, at + 1) != sizes[i])
            return ERR_OK;
        at += 1 + sizes[i];
    }
    if (ioc_is_word(ioc_byte(search, at)))
        return ERR_OK;
    return ioc_add(search, IOC_UUID, word->start, str_slice(search->text, word->start, at), IOC_LOWER);
}

/* pub-1234567891234567 and UA-000000-2, all letters of one case; the '-' is seen already. */
static FALLIBLE look_for_tracker(const struct word *word)
{
    struct ioc_search *search = word->search;
    size_t digits = word->end + 1, count = count_digits(search, digits), end = digits + count;
    if (str_equal(word->text, STR("pub")) || str_equal(word->text, STR("PUB"))) {
        if (count != 16 || ioc_is_word(ioc_byte(search, end)))
            return ERR_OK;
        return ioc_add(
            search, IOC_TRACKER, word->start, str_slice(search->text, word->start, end), IOC_LOWER);
    }
    if (!str_equal(word->text, STR("UA")) && !str_equal(word->text, STR("ua")))
        return ERR_OK;
    size_t view = ioc_byte(search, end) == '-' ? count_digits(search, end + 1) : 0;
    if (count < 4 || count > 10 || view < 1 || view > 4 || ioc_is_word(ioc_byte(search, end + 1 + view)))
        return ERR_OK;
    return ioc_add(
        search, IOC_TRACKER, word->start, str_slice(search->text, word->start, end + 1 + view), IOC_UPPER);
}

/* ---- MAC addresses ---- */

static FALLIBLE add_mac(const struct word *word, size_t end)
{
    char canonical[18];
    size_t size = 0, digits = 0;
    for (size_t at = word->start; at < end; at++) {
        int c = ioc_byte(word->search, at);
        if (!ioc_is_hex(c))
            continue;
        if (digits > 0 && digits % 2 == 0)
            canonical[size++] = ':';
        canonical[size++] = (char)c;
        digits++;
    }
    return ioc_add(word->search, IOC_MAC, word->start, (struct str){ canonical, size }, IOC_LOWER);
}

/* Six pairs with ':' or '-', or three fours with '.', and no more of the kind on either side. */
static FALLIBLE look_for_mac(const struct word *word)
{
    struct ioc_search *search = word->search;
    size_t group = word->text.size, groups = 1, at = word->end;
    int mark = ioc_byte(search, at);
    bool is_pairs = group == 2 && (mark == ':' || mark == '-'), is_fours = group == 4 && mark == '.';
    if (!word->is_hex || !(is_pairs || is_fours) || ioc_before(search, word->start) == mark)
        return ERR_OK;
    while (ioc_byte(search, at) == mark && count_hex(search, at + 1) == group) {
        at += 1 + group;
        groups++;
    }
    int behind = ioc_byte(search, at);
    bool goes_on = ioc_is_word(behind) ||
        (behind == mark && (ioc_is_hex(ioc_byte(search, at + 1)) || mark == ':'));
    if (groups * group != 12 || goes_on)
        return ERR_OK;
    return add_mac(word, at);
}

/* ---- all of them ---- */

static FALLIBLE look_for_wallet(const struct word *word)
{
    if (!ioc_is_wallet(word->text))
        return ERR_OK;
    TRY(ioc_add(word->search, IOC_WALLET, word->start, word->text, IOC_AS_IS));
    /* "0x" and forty digits are mostly an account, but a SHA-1 may be written so. */
    if (str_starts(word->text, STR("0x")))
        return ioc_add(word->search, IOC_SHA1, word->start + 2, str_slice(word->text, 2, 42), IOC_LOWER);
    return ERR_OK;
}

/* The byte behind a word tells what it may be the start of. */
static FALLIBLE look_behind_word(const struct word *word)
{
    switch (ioc_byte(word->search, word->end)) {
    case '-':
        TRY(look_for_uuid(word));
        TRY(look_for_tracker(word));
        return look_for_mac(word);
    case ':': TRY(look_for_ssdeep(word)); return look_for_mac(word);
    case '.': return look_for_mac(word);
    default: return ERR_OK;
    }
}

/* Most words of a text end here. */
static inline bool may_be_indicator(const struct word *word)
{
    size_t size = word->text.size;
    int behind = ioc_byte(word->search, word->end);
    return size >= WALLET_BYTES_MIN || behind == '-' || behind == ':' || behind == '.' || size == 5 ||
        size == 6 || (word->text.data[0] | 0x20) == 'a' || (word->text.data[0] | 0x20) == 'c';
}

static FALLIBLE look_at_word(const struct word *word)
{
    size_t size = word->text.size;
    int first = word->text.data[0];
    TRY(look_behind_word(word));
    if (size == 3)
        TRY(look_for_cve(word));
    if (size >= HASH_DIGITS_MIN)
        TRY(look_for_hash(word));
    if (size >= WALLET_BYTES_MIN)
        TRY(look_for_wallet(word));
    if ((first | 0x20) == 'a')
        TRY(look_for_asn(word));
    return size == 5 || size == 6 ? look_for_attack(word) : ERR_OK;
}

FALLIBLE ioc_find_words(struct ioc_search *search)
{
    const unsigned char *bytes = (const unsigned char *)search->text.data;
    size_t size = search->text.size;
    for (size_t at = 0; at < size; at++) {
        if ((ioc_classes[bytes[at]] & IOC_ALNUM) == 0)
            continue;
        struct word word = { .search = search, .start = at };
        unsigned classes = UINT8_MAX;
        for (; at < size && (ioc_classes[bytes[at]] & IOC_ALNUM) != 0; at++)
            classes &= ioc_classes[bytes[at]];
        word.is_hex = (classes & IOC_HEX) != 0;
        word.is_number = (classes & IOC_DIGIT) != 0;
        word.end = at;
        word.text = str_slice(search->text, word.start, at);
        if (may_be_indicator(&word) && ioc_before(search, word.start) < 0x80)
            TRY(look_at_word(&word));
    }
    return ERR_OK;
}
