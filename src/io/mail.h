/* Mail out: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314), on the loop of an
 * HTTP client, through its egress policy. Nothing here ever blocks: libcurl's SMTP waits inside for the
 * answer to the message and to QUIT, so only the connection is curl's.
 *
 * A certificate is always checked. A password never goes out without TLS. */
#ifndef TOCSIN_IO_MAIL_H
#define TOCSIN_IO_MAIL_H

#include "io/http_client.h"

enum mail_tls {
    MAIL_TLS_REQUIRED, /* STARTTLS, or nothing is sent */
    MAIL_TLS_IMPLICIT,
    MAIL_TLS_OFFERED, /* STARTTLS when the relay offers it: an attacker on the way can take that away */
    MAIL_TLS_NONE,
};

struct mail_request {
    struct str host; /* a name, or an address without brackets */
    unsigned port;
    enum mail_tls tls;
    struct str user, password; /* empty: no AUTH */
    struct str from;
    const struct str *to;
    uint32_t to_count;
    struct str message; /* RFC 5322: ASCII, lines of at most 998 bytes that end in CR LF */
    int64_t timeout_us; /* of all of it; 0: CALL_SECONDS_DEFAULT */
    struct str ca_file; /* PEM of an additional CA */
};

struct mail_answer {
    enum http_failure failure; /* HTTP_OK: the relay has decided, see `status` */
    bool may_have_left; /* false only before the dot that ends the message: then nobody gets it */
    int status; /* the reply code that decided; 2xx: the message is taken */
    struct str reply; /* its text, for people; borrowed until `done` returns */
    const uint16_t *recipient_status; /* one a recipient, 0 when it was not asked for; borrowed likewise */
    uint32_t accepted_count; /* recipients; the others are not reached even when the message is taken */
    struct err_info why; /* filled when failure is not HTTP_OK */
};

struct mail_call;
typedef void mail_done(void *context, const struct mail_answer *answer);

/* What `request` points to is copied. `done` is called exactly once, later, on the loop, never from inside.
 * On an error it is not called: ERR_INVALID, "mail_address", "mail_message", "mail_login"; ERR_LIMIT;
 * ERR_UNAVAILABLE, "no_mail", from a client that knows none. */
FALLIBLE mail_send(struct http_client *client, const struct mail_request *request, mail_done *done,
    void *context, struct mail_call **ret, struct err_info *why);
/* Before `done` was called; it is called with HTTP_CANCELLED before this returns. */
void mail_cancel(struct http_client *client, struct mail_call *call);

#endif
