/* A mail as text (RFC 5322): headers that no value can add lines to, any Unicode in them as encoded words
 * (RFC 2047), a UTF-8 text body in quoted-printable or base64 (RFC 2045), an HTML form of it that is made
 * here and holds no markup of the text's own, attachments in base64 (RFC 2183). */
#ifndef TOCSIN_CONNECT_MAIL_MESSAGE_H
#define TOCSIN_CONNECT_MAIL_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

/* "soc@example.org" or "SOC <soc@example.org>". */
struct mail_address {
    struct str name; /* for people; may be empty */
    struct str address; /* ASCII, with one '@' */
};
/* Slices of `text`. ERR_INVALID, name "bad_address". */
FALLIBLE mail_address_parse(struct str text, struct mail_address *ret, struct err_info *why);

#define MAIL_RECIPIENTS_MAX 100
#define MAIL_ATTACHMENTS_MAX 20
#define MAIL_ATTACHMENT_NAME_BYTES_MAX 200

struct mail_attachment {
    struct str name; /* for the receiver's folder: no '/', '\\' or control characters */
    struct str type; /* "text/csv" */
    struct str content;
};
/* ERR_INVALID, name "bad_attachment". */
FALLIBLE mail_attachment_check(const struct mail_attachment *attachment, struct err_info *why);

struct mail_message {
    struct mail_address from, reply_to; /* reply_to.address empty: none */
    const struct mail_address *to, *cc;
    uint32_t to_count, cc_count;
    struct str subject, body; /* UTF-8; line breaks in the subject become spaces */
    bool has_html; /* the body also as HTML, escaped, for readers that break plain text */
    const struct mail_attachment *attachments; /* checked */
    uint32_t attachment_count;
    struct str key; /* makes the Message-ID: the same key gives the same one */
    struct instant date;
};
/* Appends the message: ASCII, CR LF lines of at most 998 bytes. */
void mail_message_print(struct buf *buf, const struct mail_message *message);
/* Appends its Message-ID, with the brackets. */
void mail_message_id_print(struct buf *buf, const struct mail_message *message);

#endif
