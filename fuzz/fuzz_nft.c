/* Texts for the packet filter: what is taken for an address is one, and is printed so that it is the same
 * one. */
#include <stdlib.h>
#include <string.h>

#include "connect/nft_set.h"

static void check(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nft_target target, again;
    struct nft_rules rules = { .prefix4_min = NFT_PREFIX4_MIN_DEFAULT,
        .prefix6_min = NFT_PREFIX6_MIN_DEFAULT };
    struct str text = { (const char *)data, size }, address = { 0 };
    struct str set = STR("blocked");
    if (str_find_byte(text, '\n', 0) >= 0)
        (void)str_split(&text, '\n', &set);
    address = text;
    if (nft_target_parse(value_string(address), set, &target, NULL) != ERR_OK)
        return 0;
    check(strspn(target.text, "0123456789abcdef:./") == strlen(target.text));
    check(strspn(target.set, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(target.set));
    check(nft_target_parse(value_string(str_of(target.text)), set, &again, NULL) == ERR_OK);
    check(memcmp(again.net.bytes, target.net.bytes, target.net.size) == 0);
    check(again.net.size == target.net.size && again.net.prefix == target.net.prefix);
    if (nft_target_check(&target, &rules, NULL) == ERR_OK)
        check(target.net.size != 4 || (target.net.bytes[0] != 127 && (target.net.bytes[0] & 0xf0) != 224));
    return 0;
}
