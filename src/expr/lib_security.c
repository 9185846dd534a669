/* Functions that security work needs every day: indicators, hosts, digests, distances. */
#include <math.h>
#include <string.h>

#include <openssl/evp.h>

#include "expr/function.h"
#include "expr/ioc.h"
#include "expr/network.h"
#include "expr/refang.h"
#include "expr/suffix.h"

static FALLIBLE iocs(struct call *call, const struct value *a, struct value *ret)
{
    return ioc_find_all(call, value_str(a[0]), ret);
}

static FALLIBLE refang(struct call *call, const struct value *a, struct value *ret)
{
    return refang_text(call, value_str(a[0]), ret);
}

static FALLIBLE defang(struct call *call, const struct value *a, struct value *ret)
{
    return ioc_defang(call, value_str(a[0]), ret);
}

/* ---- hosts ---- */

/* The host in a URL, a mail address or a host with a port; what is none of them is taken as a host. */
static struct str host_of(struct str text)
{
    ptrdiff_t scheme = str_find(text, STR("://"), 0);
    if (scheme >= 0)
        text = str_slice(text, (size_t)scheme + 3, text.size);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '/' || text.data[i] == '?' || text.data[i] == '#' || text.data[i] == '\\')
            text.size = i;
    }
    for (size_t i = text.size; i > 0; i--) {
        if (text.data[i - 1] == '@') {
            text = str_slice(text, i, text.size);
            break;
        }
    }
    if (text.size > 0 && text.data[0] == '[') {
        ptrdiff_t close = str_find_byte(text, ']', 0);
        return close > 0 ? str_slice(text, 1, (size_t)close) : text;
    }
    ptrdiff_t colon = str_find_byte(text, ':', 0);
    /* Two colons are an IPv6 address, one is a port. */
    if (colon >= 0 && str_find_byte(text, ':', (size_t)colon + 1) < 0)
        text.size = (size_t)colon;
    while (text.size > 0 && text.data[text.size - 1] == '.')
        text.size--;
    return text;
}

static FALLIBLE lowered(struct call *call, struct str text, struct value *ret)
{
    char *data = NULL;
    TRY(call_bytes(call, text.size, &data));
    for (size_t i = 0; i < text.size; i++)
        data[i] = ascii_lower(text.data[i]);
    *ret = value_string((struct str){ data, text.size });
    return ERR_OK;
}

/* The text is refanged first: analysts paste what they have. */
static FALLIBLE plain_host(struct call *call, const struct value *a, struct str *ret)
{
    struct value refanged;
    TRY(refang_text(call, value_str(a[0]), &refanged));
    *ret = host_of(str_trim(value_str(refanged)));
    return ERR_OK;
}

static FALLIBLE domain_of(struct call *call, const struct value *a, struct value *ret)
{
    struct str host;
    TRY(plain_host(call, a, &host));
    return lowered(call, host, ret);
}

static FALLIBLE registered_domain(struct call *call, const struct value *a, struct value *ret)
{
    struct str host;
    TRY(plain_host(call, a, &host));
    return lowered(call, suffix_registered_domain(host), ret);
}

/* ---- digests ---- */

static FALLIBLE digest(struct call *call, struct value v, const EVP_MD *kind, struct value *ret)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    TRY(call_charge_bytes(call, v.size));
    if (EVP_Digest(v.bytes != NULL ? v.bytes : "", v.size, bytes, &size, kind, NULL) != 1)
        return err_set(&call->why, ERR_INTERNAL, "OpenSSL gave no digest");
    return call_hex(call, (struct str){ (const char *)bytes, size }, ret);
}

static FALLIBLE md5(struct call *call, const struct value *a, struct value *ret)
{
    return digest(call, a[0], EVP_md5(), ret);
}

static FALLIBLE sha1(struct call *call, const struct value *a, struct value *ret)
{
    return digest(call, a[0], EVP_sha1(), ret);
}

static FALLIBLE sha256(struct call *call, const struct value *a, struct value *ret)
{
    return digest(call, a[0], EVP_sha256(), ret);
}

static FALLIBLE sha512(struct call *call, const struct value *a, struct value *ret)
{
    return digest(call, a[0], EVP_sha512(), ret);
}

/* ---- places ---- */

/* The great circle by the haversine formula, on a sphere of the Earth's mean radius: 0.5 % off at most. */
static FALLIBLE geo_distance_km(struct call *call, const struct value *a, struct value *ret)
{
    const double radius_km = 6371.0088, degree = M_PI / 180;
    double degrees[4];
    for (int i = 0; i < 4; i++) {
        degrees[i] = a[i].type == VALUE_DOUBLE ? a[i].number
            : a[i].type == VALUE_INT           ? (double)a[i].integer
            : a[i].type == VALUE_UINT          ? (double)a[i].uinteger
                                               : (double)NAN;
        if (!(fabs(degrees[i]) <= (i % 2 == 0 ? 90 : 180)))
            return call_fail(call,
                "geo_distance_km(latitude, longitude, latitude, longitude): degrees, -90 to 90 and -180 to "
                "180");
    }
    double north = sin((degrees[2] - degrees[0]) * degree / 2),
           east = sin((degrees[3] - degrees[1]) * degree / 2);
    double part = north * north + cos(degrees[0] * degree) * cos(degrees[2] * degree) * east * east;
    *ret = value_double(2 * radius_km * asin(sqrt(part > 1 ? 1 : part)));
    return ERR_OK;
}

#define S &type_string
#define BYTES &type_bytes
#define DYN &type_dyn
#define DIGEST_ROWS(apply) \
    { \
        { false, 1, { S }, S, apply }, \
        { \
            false, 1, { BYTES }, S, apply \
        } \
    }

static const struct overload defang_rows[] = { { false, 1, { S }, S, defang } };
static const struct overload domain_of_rows[] = { { false, 1, { S }, S, domain_of } };
static const struct overload geo_distance_km_rows[] = {
    { false, 4, { DYN, DYN, DYN, DYN }, &type_double, geo_distance_km },
};
static const struct overload iocs_rows[] = { { false, 1, { S }, &type_iocs, iocs } };
static const struct overload md5_rows[] = DIGEST_ROWS(md5);
static const struct overload refang_rows[] = { { false, 1, { S }, S, refang } };
static const struct overload registered_domain_rows[] = { { false, 1, { S }, S, registered_domain } };
static const struct overload sha1_rows[] = DIGEST_ROWS(sha1);
static const struct overload sha256_rows[] = DIGEST_ROWS(sha256);
static const struct overload sha512_rows[] = DIGEST_ROWS(sha512);

static const struct function functions[] = {
    FUNCTION("defang", defang_rows),
    FUNCTION("domain_of", domain_of_rows),
    FUNCTION_FLAT("geo_distance_km", geo_distance_km_rows),
    FUNCTION("iocs", iocs_rows),
    FUNCTION_DIGEST("md5", md5_rows),
    FUNCTION("refang", refang_rows),
    FUNCTION("registered_domain", registered_domain_rows),
    FUNCTION_DIGEST("sha1", sha1_rows),
    FUNCTION_DIGEST("sha256", sha256_rows),
    FUNCTION_DIGEST("sha512", sha512_rows),
};

const struct library library_security = { "security", functions, sizeof(functions) / sizeof(functions[0]) };
