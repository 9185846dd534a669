/* Cryptocurrency addresses. Bitcoin's carry checksums, which tell them from any other odd word. */
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>

#include "expr/ioc.h"

/* ---- base58 with a checksum: Bitcoin addresses that start with 1 or 3 ---- */

static bool decode_base58(struct str word, uint8_t ret[25])
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    memset(ret, 0, 25);
    for (size_t i = 0; i < word.size; i++) {
        const char *found = strchr(digits, word.data[i]);
        if (found == NULL)
            return false;
        unsigned carry = (unsigned)(found - digits);
        for (int k = 24; k >= 0; k--) {
            carry += 58u * ret[k];
            ret[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            return false;
    }
    return true;
}

static bool is_base58_address(struct str word)
{
    uint8_t bytes[25], once[32], twice[32];
    unsigned size = 0;
    if (word.size < 26 || word.size > 35 || (word.data[0] != '1' && word.data[0] != '3') ||
        !decode_base58(word, bytes))
        return false;
    return EVP_Digest(bytes, 21, once, &size, EVP_sha256(), NULL) == 1 &&
        EVP_Digest(once, 32, twice, &size, EVP_sha256(), NULL) == 1 && memcmp(bytes + 21, twice, 4) == 0;
}

/* ---- bech32 and bech32m (BIP 173, BIP 350): bc1… ---- */

static uint32_t polymod_step(uint32_t sum, uint32_t value)
{
    static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generator[i] : 0;
    return sum;
}

static bool is_bech32_address(struct str word)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    static const uint32_t sum_of_bech32 = 1, sum_of_bech32m = 0x2bc830a3;
    uint32_t sum = 1;
    bool is_upper = str_starts(word, STR("BC1")); /* all of it, as QR codes have it */
    if (word.size > 90 || (!is_upper && !str_starts(word, STR("bc1"))))
        return false;
    /* The prefix "bc", spread as the standard says: high bits, zero, low bits. */
    static const uint32_t prefix[5] = { 'b' >> 5, 'c' >> 5, 0, 'b' & 31, 'c' & 31 };
    for (int i = 0; i < 5; i++)
        sum = polymod_step(sum, prefix[i]);
    for (size_t i = 3; i < word.size; i++) {
        char c = word.data[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (is_letter && (c <= 'Z') != is_upper)
            return false;
        const char *found = strchr(digits, c | (is_letter ? 0x20 : 0));
        if (found == NULL || c == '\0')
            return false;
        sum = polymod_step(sum, (uint32_t)(found - digits));
    }
    return sum == sum_of_bech32 || sum == sum_of_bech32m;
}

static bool is_ethereum_address(struct str word)
{
    if (word.size != 42 || !str_starts(word, STR("0x")))
        return false;
    for (size_t i = 2; i < 42; i++) {
        if (!ioc_is_hex((unsigned char)word.data[i]))
            return false;
    }
    return true;
}

static bool is_monero_address(struct str word)
{
    static const char second[] = "0123456789AB";
    if (word.size != 95 || (word.data[0] != '4' && word.data[0] != '8') ||
        strchr(second, word.data[1]) == NULL)
        return false;
    for (size_t i = 0; i < word.size; i++) {
        /* base58 leaves out what looks alike */
        if (word.data[i] == '0' || word.data[i] == 'O' || word.data[i] == 'I' || word.data[i] == 'l')
            return false;
    }
    return true;
}

bool ioc_is_wallet(struct str word)
{
    return is_base58_address(word) || is_bech32_address(word) || is_ethereum_address(word) ||
        is_monero_address(word);
}
