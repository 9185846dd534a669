/* Any lines as rules of what may be reached, then an address: no rule makes one, metadata's address stays
 * closed unless a rule has it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "io/egress.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES_MAX 8

static struct sockaddr_storage address_of(const uint8_t *bytes, bool is_six)
{
    struct sockaddr_storage ret = { 0 };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(443) };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
    memcpy(&four.sin_addr, bytes, 4);
    memcpy(&six.sin6_addr, bytes, 16);
    if (is_six)
        memcpy(&ret, &six, sizeof six);
    else
        memcpy(&ret, &four, sizeof four);
    return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t metadata[16] = { 169, 254, 169, 254 };
    AUTO(arena) struct arena arena = { 0 };
    struct egress *egress, *closed;
    struct str rules[RULES_MAX];
    size_t count = 0;
    if (size < 17)
        return 0;
    struct str rest = { (const char *)data + 17, size - 17 };
    while (count < RULES_MAX && str_split(&rest, '\n', &rules[count]))
        count++;
    struct err_info why = { 0 };
    struct sockaddr_storage address = address_of(data + 1, data[0] & 1), meta = address_of(metadata, false);
    require(egress_new(&arena, NULL, 0, &closed, NULL) == ERR_OK);
    require(egress_check(closed, STR("a"), (struct sockaddr *)&meta, NULL) == ERR_DENIED);
    bool is_open = egress_check(closed, STR("a"), (struct sockaddr *)&address, NULL) == ERR_OK;
    if (egress_new(&arena, rules, count, &egress, &why) != ERR_OK) {
        require(why.text[0] != '\0');
        return 0;
    }
    /* Rules only ever open. */
    why = (struct err_info){ 0 };
    enum err allowed = egress_check(egress, STR("a"), (struct sockaddr *)&address, &why);
    require(allowed == ERR_OK || (allowed == ERR_DENIED && !is_open && why.text[0] != '\0'));
    return 0;
}
