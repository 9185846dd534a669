/* Indicators of compromise in free text: what analysts copy out of reports, mails and tickets.
 *
 * Values come in one normal form each, so that they can be compared and looked up: hosts, hashes and MAC
 * addresses in lower case, CVE and ATT&CK ids in upper case, addresses as RFC 5952 prints them, URLs as
 * they stand. What was defanged is found and comes out as it was meant. */
#ifndef TOCSIN_EXPR_IOC_H
#define TOCSIN_EXPR_IOC_H

#include "expr/call.h"
#include "expr/type.h"

enum ioc_kind {
    IOC_IPV4,
    IOC_IPV6,
    IOC_CIDR,
    IOC_DOMAIN,
    IOC_URL,
    IOC_EMAIL,
    IOC_MD5,
    IOC_SHA1,
    IOC_SHA256,
    IOC_SHA512,
    IOC_IMPHASH, /* "imphash" or "import hash" in front */
    IOC_SSDEEP,
    IOC_CVE,
    IOC_ASN,
    IOC_MAC,
    IOC_ATTACK, /* MITRE ATT&CK: tactics, techniques, mitigations, groups, software */
    IOC_WALLET, /* Bitcoin (checked), Ethereum, Monero */
    IOC_PATH,
    IOC_REGISTRY,
    IOC_UUID,
    IOC_TRACKER, /* Google Analytics and AdSense ids: they tie sites to one owner */
    IOC_AUTHENTIHASH, /* of a signed program's signed parts; "authentihash" in front */
    IOC_KIND_COUNT,
};

/* A record of lists of strings, one field a kind. */
extern const struct type type_iocs;

/* "ipv4", "sha256", …: the field of type_iocs. */
struct str ioc_kind_name(enum ioc_kind kind);

/* All kinds, each list in the order of appearance and without repeats; of one kind no more than
 * IOCS_PER_KIND_MAX, so that a flood of them costs no more than that. */
FALLIBLE ioc_find_all(struct call *call, struct str text, struct value *ret);

/* One indicator, as it is found. */
struct ioc {
    enum ioc_kind kind;
    struct str value; /* in its normal form; in the arena of the search */
};

/* Outside of an evaluation, for floors that read whole events: calls `found` for each indicator, by kind
 * of finder (URLs and their hosts first) and with repeats. Nothing is sorted or gathered, and texts that
 * can hold no indicator cost one look at each byte. An error of `found` ends the search. ERR_MEMORY. */
FALLIBLE ioc_each(struct arena *arena, struct str text,
    enum err (*found)(void *context, const struct ioc *found, struct err_info *why), void *context,
    struct err_info *why);

/* The text with all URLs, hosts and mailboxes in it made harmless: hxxp://evil[.]example. */
FALLIBLE ioc_defang(struct call *call, struct str text, struct value *ret);

/* ---- for the finders, ioc_*.c ---- */

struct ioc_span {
    size_t start, end;
};

struct ioc_found {
    struct value_list_builder values, places;
};

/* Where what is found goes. */
struct ioc_sink {
    struct ioc_found lists[IOC_KIND_COUNT]; /* when there is no `found` */
    struct ioc_found hosts; /* names and IPv4 addresses: where each starts and ends; for defanging */
    bool wants_hosts;
    enum err (*found)(void *context, const struct ioc *found, struct err_info *why);
    void *context;
};

struct ioc_search {
    struct call *call;
    struct str text; /* refanged */
    struct ioc_sink *sink;
    /* Whole URLs, in order, and what stands between "://" and the path. */
    struct ioc_span *urls, *authorities;
    uint32_t url_count, url_room;
};

enum ioc_case { IOC_AS_IS, IOC_LOWER, IOC_UPPER };

/* The value is copied; `at` is where it stands. */
FALLIBLE ioc_add(
    struct ioc_search *search, enum ioc_kind kind, size_t at, struct str value, enum ioc_case change);
FALLIBLE ioc_note_host(struct ioc_search *search, size_t start, size_t end);
/* The byte, or -1 outside of the text. */
static inline int ioc_byte(const struct ioc_search *search, size_t at)
{
    return at < search->text.size ? (unsigned char)search->text.data[at] : -1;
}
static inline int ioc_before(const struct ioc_search *search, size_t at)
{
    return at > 0 ? ioc_byte(search, at - 1) : -1;
}
/* Inside one of the URLs found so far; `next` is the caller's place in their list. */
bool ioc_in_url(const struct ioc_search *search, size_t at, uint32_t *next);

/* Classes of bytes. */
#define IOC_DIGIT 0x01
#define IOC_HEX 0x02
#define IOC_ALNUM 0x04 /* ASCII */
#define IOC_WORD 0x08 /* ASCII letters, digits, '_' */
#define IOC_HOST 0x10 /* what host names are made of, '.' among it */

extern const uint8_t ioc_classes[256];

static inline bool ioc_is(int c, unsigned classes)
{
    return c >= 0 && (ioc_classes[c] & classes) != 0;
}
static inline bool ioc_is_digit(int c)
{
    return ioc_is(c, IOC_DIGIT);
}
static inline bool ioc_is_hex(int c)
{
    return ioc_is(c, IOC_HEX);
}
static inline bool ioc_is_alnum(int c)
{
    return ioc_is(c, IOC_ALNUM);
}
static inline bool ioc_is_word(int c)
{
    return ioc_is(c, IOC_WORD);
}
static inline bool ioc_is_host(int c)
{
    return ioc_is(c, IOC_HOST);
}

/* An IPv4 address from `at` on; gives its end, or `at`. Fills the canonical text. */
size_t ioc_read_ipv4(struct str text, size_t at, char canonical[16]);

/* Order matters: URLs come first, since later finders leave them alone. */
FALLIBLE ioc_find_urls(struct ioc_search *search);
FALLIBLE ioc_find_emails(struct ioc_search *search);
FALLIBLE ioc_find_hosts(struct ioc_search *search);
FALLIBLE ioc_find_ipv6(struct ioc_search *search);
FALLIBLE ioc_find_words(struct ioc_search *search); /* hashes, ids, MACs, wallets */
FALLIBLE ioc_find_paths(struct ioc_search *search);

/* Whether a word is a cryptocurrency address. */
bool ioc_is_wallet(struct str word);
/* The end of a URL whose path, query or fragment starts at `at`. */
size_t ioc_url_end(const struct ioc_search *search, size_t at);

#endif
