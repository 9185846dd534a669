/* Hosts on their own, IPv4 and IPv6 addresses, networks, and URLs that were written without a scheme. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "expr/ioc.h"
#include "expr/network.h"
#include "expr/suffix.h"

/* ---- IPv4 ---- */

/* One number of an address. A zero may stand in front, as people write it, but no more than that. */
static size_t read_octet(struct str text, size_t at, unsigned *ret)
{
    unsigned value = 0;
    size_t from = at;
    while (at < text.size && ioc_is_digit((unsigned char)text.data[at]) && at - from < 4)
        value = value * 10 + (unsigned)(text.data[at++] - '0');
    size_t digits = at - from;
    bool has_zero = digits > 1 && text.data[from] == '0';
    if (digits == 0 || digits > 3 || value > 255 || (has_zero && text.data[from + 1] == '0'))
        return from;
    *ret = value;
    return at;
}

size_t ioc_read_ipv4(struct str text, size_t at, char canonical[16])
{
    unsigned octets[4] = { 0 };
    size_t end = at;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (end >= text.size || text.data[end++] != '.'))
            return at;
        size_t next = read_octet(text, end, &octets[i]);
        if (next == end)
            return at;
        end = next;
    }
    snprintf(canonical, 16, "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
    return end;
}

/* "/24" behind an address: how long it is with the slash, 0 for no prefix length. */
static size_t prefix_size(const struct ioc_search *search, size_t at, unsigned bits_max, unsigned *ret_bits)
{
    unsigned bits = 0;
    size_t size = 1;
    if (ioc_byte(search, at) != '/')
        return 0;
    for (; ioc_is_digit(ioc_byte(search, at + size)) && size < 5; size++)
        bits = bits * 10 + (unsigned)(ioc_byte(search, at + size) - '0');
    int behind = ioc_byte(search, at + size);
    if (size == 1 || size > 4 || bits > bits_max || ioc_is_word(behind) || behind == '/')
        return 0;
    *ret_bits = bits;
    return size;
}

/* `address` is in its canonical form. */
static FALLIBLE add_network(struct ioc_search *search, size_t at, struct str address, unsigned bits)
{
    char text[NETWORK_TEXT_BYTES];
    struct value_net net, masked;
    bool is_v6 = str_find_byte(address, ':', 0) >= 0;
    int size = snprintf(text, sizeof(text), "%.*s/%u", STR_ARG(address), bits);
    TRY(ioc_add(search, IOC_CIDR, at, (struct str){ text, (size_t)size }, IOC_LOWER));
    bool is_address = network_parse_ip(address, &net) == NULL;
    assert(is_address);
    /* "10.0.0.0/8" names a network, "10.1.2.3/8" an interface in one. */
    net.prefix = (uint8_t)bits;
    network_mask(&net, &masked);
    bool is_interface = bits == (is_v6 ? 128 : 32) || memcmp(masked.bytes, net.bytes, net.size) != 0;
    return is_interface ? ioc_add(search, is_v6 ? IOC_IPV6 : IOC_IPV4, at, address, IOC_LOWER) : ERR_OK;
}

/* ":8080" behind a host: its size, or 0. */
static size_t port_size(const struct ioc_search *search, size_t at)
{
    size_t size = 1;
    if (ioc_byte(search, at) != ':')
        return 0;
    while (ioc_is_digit(ioc_byte(search, at + size)) && size < 6)
        size++;
    return size > 1 ? size : 0;
}

/* A URL that lacks its scheme goes from `start` through the path at `path`. */
static FALLIBLE add_schemeless(struct ioc_search *search, size_t start, size_t path, size_t *ret_next)
{
    *ret_next = ioc_url_end(search, path);
    return ioc_add(search, IOC_URL, start, str_slice(search->text, start, *ret_next), IOC_AS_IS);
}

/* `start` to `end` is an address, given in its canonical form. */
static FALLIBLE add_ipv4(
    struct ioc_search *search, size_t start, size_t end, struct str canonical, size_t *ret_next)
{
    unsigned bits = 0;
    TRY(ioc_note_host(search, start, end));
    if (prefix_size(search, end, 32, &bits) > 0)
        return add_network(search, start, canonical, bits);
    TRY(ioc_add(search, IOC_IPV4, start, canonical, IOC_AS_IS));
    /* "192.0.2.1/login" is a URL without its scheme. */
    size_t path = end + port_size(search, end);
    if (ioc_byte(search, path) != '/' || !ioc_is_alnum(ioc_byte(search, path + 1)))
        return ERR_OK;
    return add_schemeless(search, start, path, ret_next);
}

/* ---- host names ---- */

/* Two-part names that are files far more often than hosts. */
static bool looks_like_file(struct str host)
{
    static const char *const endings[] = { "py", "md", "rs", "sh", "zip", "mov" };
    size_t dot = (size_t)str_find_byte(host, '.', 0); /* a host has one */
    struct str ending = str_slice(host, dot + 1, host.size);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (str_equal_nocase(ending, str_of(endings[i])))
            return true;
    }
    return false;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* "end.Next": a sentence that begins without a blank. Hosts are not written so. */
static bool looks_like_sentence(struct str host)
{
    size_t dot = (size_t)str_find_byte(host, '.', 0);
    if (dot + 2 >= host.size || !is_upper(host.data[dot + 1]))
        return false;
    for (size_t i = 0; i < host.size; i++)
        if (i != dot + 1 && (is_upper(host.data[i]) || (i > dot && host.data[i] == '.')))
            return false;
    return true;
}

/* "Chrome/120.0.0.0": a product's version. */
static bool is_version(const struct ioc_search *search, size_t start, size_t end)
{
    struct str text = str_slice(search->text, start, end);
    int before = start > 1 ? ioc_byte(search, start - 2) | 0x20 : -1;
    return ioc_before(search, start) == '/' && before >= 'a' && before <= 'z' &&
        str_ends(text, STR(".0.0.0")) && !str_starts(text, STR("10.")) && ioc_byte(search, end) != '/';
}

static FALLIBLE add_host(struct ioc_search *search, size_t start, size_t end, size_t *ret_next)
{
    struct str host = str_slice(search->text, start, end);
    size_t path = end + port_size(search, end);
    bool has_path = ioc_byte(search, path) == '/';
    /* os.system is a call, john.me@ a mailbox. */
    if (ioc_byte(search, end) == '(' || ioc_byte(search, end) == '@' || !suffix_is_domain(host))
        return ERR_OK;
    if (!has_path && (looks_like_file(host) || looks_like_sentence(host)))
        return ERR_OK;
    TRY(ioc_note_host(search, start, end));
    TRY(ioc_add(search, IOC_DOMAIN, start, host, IOC_LOWER));
    return has_path ? add_schemeless(search, start, path, ret_next) : ERR_OK;
}

/* An address, or two with '-' between them. False when the run is none. */
static FALLIBLE add_addresses(
    struct ioc_search *search, size_t start, size_t end, bool *ret_is_address, size_t *ret_next)
{
    char first[16], second[16];
    size_t middle = ioc_read_ipv4(search->text, start, first);
    *ret_is_address = middle > start;
    if (middle == end && is_version(search, start, end))
        return ERR_OK;
    if (middle == end)
        return add_ipv4(search, start, end, str_of(first), ret_next);
    if (middle == start || ioc_byte(search, middle) != '-')
        return ERR_OK;
    if (ioc_read_ipv4(search->text, middle + 1, second) != end)
        return ERR_OK;
    TRY(add_ipv4(search, start, middle, str_of(first), ret_next));
    return add_ipv4(search, middle + 1, end, str_of(second), ret_next);
}

/* A run of bytes that hosts are made of, with nothing of the kind around it. `*ret_next` moves on when
 * more than the run was taken. */
static FALLIBLE look_at_run(struct ioc_search *search, size_t start, size_t end, size_t *ret_next)
{
    bool is_address = false;
    if (ioc_before(search, start) == '@')
        return ERR_OK;
    /* "%2Fevil.example": the digits belong to the escape. */
    if (ioc_before(search, start) == '%' && end - start > 2 && ioc_is_hex(ioc_byte(search, start)) &&
        ioc_is_hex(ioc_byte(search, start + 1)))
        start += 2;
    /* Dashes belong to the sentence ("10.0.0.1->"), more than one dot to another kind of number. */
    if (ioc_byte(search, end - 1) == '.')
        end--;
    while (end > start && ioc_byte(search, end - 1) == '-')
        end--;
    while (start < end && ioc_byte(search, start) == '-')
        start++;
    if (start < end && ioc_is_digit(ioc_byte(search, start)))
        TRY(add_addresses(search, start, end, &is_address, ret_next));
    if (is_address)
        return ERR_OK;
    while (end > start && !ioc_is_alnum(ioc_byte(search, end - 1)) && ioc_byte(search, end - 1) < 0x80)
        end--;
    while (start < end && !ioc_is_alnum(ioc_byte(search, start)) && ioc_byte(search, start) < 0x80)
        start++;
    /* Names of services start with '_', and so does what a text puts between underscores. */
    if (start > 0 && ioc_byte(search, start - 1) == '_' &&
        suffix_is_domain(str_slice(search->text, start - 1, end)))
        start--;
    return end > start + 3 && end - start <= HOST_BYTES_MAX ? add_host(search, start, end, ret_next) : ERR_OK;
}

/* Runs without a dot are no hosts, so the dots lead the way. */
FALLIBLE ioc_find_hosts(struct ioc_search *search)
{
    uint32_t next_url = 0;
    size_t from = 0;
    for (ptrdiff_t dot; (dot = str_find_byte(search->text, '.', from)) >= 0;) {
        size_t start = (size_t)dot, end = start;
        if (ioc_in_url(search, start, &next_url)) {
            from = search->urls[next_url].end;
            continue;
        }
        /* What was taken before, a URL among it, is not read again. */
        size_t floor = next_url > 0 && search->urls[next_url - 1].end > from ? search->urls[next_url - 1].end
                                                                             : from;
        while (start > floor && ioc_is_host(ioc_byte(search, start - 1)))
            start--;
        while (ioc_is_host(ioc_byte(search, end)))
            end++;
        from = end;
        TRY(look_at_run(search, start, end, &from));
    }
    return ERR_OK;
}

/* ---- IPv6 ---- */

static bool is_v6_part(int c)
{
    return ioc_is_hex(c) || c == ':' || c == '.';
}

static FALLIBLE look_at_v6(struct ioc_search *search, size_t start, size_t end)
{
    struct value_net net;
    char text[NETWORK_TEXT_BYTES];
    unsigned bits = 0;
    /* The sentence's mark behind it, but not the "::" of a network. */
    while (end > start &&
        (ioc_byte(search, end - 1) == '.' ||
            (ioc_byte(search, end - 1) == ':' && ioc_before(search, end - 1) != ':')))
        end--;
    struct str address = str_slice(search->text, start, end);
    /* "::" alone, and the "::a" of programs, say nothing. */
    bool has_digit = false;
    for (size_t i = 0; i < address.size; i++)
        has_digit = has_digit || ioc_is_digit((unsigned char)address.data[i]);
    if (address.size < 3 || !has_digit || network_parse_ip(address, &net) != NULL)
        return ERR_OK;
    struct str canonical = network_print_net(&net, false, text);
    if (prefix_size(search, end, 128, &bits) > 0)
        return add_network(search, start, canonical, bits);
    return ioc_add(search, IOC_IPV6, start, canonical, IOC_AS_IS);
}

FALLIBLE ioc_find_ipv6(struct ioc_search *search)
{
    size_t from = 0;
    for (ptrdiff_t colon; (colon = str_find_byte(search->text, ':', from)) >= 0;) {
        size_t start = (size_t)colon, end = start;
        unsigned colons = 0;
        while (start > from && is_v6_part(ioc_byte(search, start - 1)))
            start--;
        while (ioc_byte(search, start) == '.')
            start++;
        for (; is_v6_part(ioc_byte(search, end)); end++)
            colons += ioc_byte(search, end) == ':';
        from = end;
        bool is_part_of_word = ioc_is_word(ioc_before(search, start)) || ioc_is_word(ioc_byte(search, end));
        if (colons >= 2 && !is_part_of_word)
            TRY(look_at_v6(search, start, end));
    }
    return ERR_OK;
}
