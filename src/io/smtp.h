/* The dialogue of one message with a mail relay (RFC 5321, RFC 3207, RFC 4954), without a socket: bytes in,
 * bytes out. mail.c carries them.
 *
 * Invariants: `output` holds at most one command or one piece of the text; `may_have_left` turns true just
 * before the dot that ends the message is put there, and only once all before it was sent. */
#ifndef TOCSIN_IO_SMTP_H
#define TOCSIN_IO_SMTP_H

#include "base/buf.h"
#include "io/mail.h"

#define SMTP_LINE_BYTES_MAX 2048 /* of a reply: four times what RFC 5321, 4.5.3.1.5 allows */
#define SMTP_REPLY_BYTES_MAX (64 << 10)

enum smtp_state {
    SMTP_GREETING,
    SMTP_EHLO,
    SMTP_HELO,
    SMTP_STARTTLS,
    SMTP_AUTH_PLAIN,
    SMTP_AUTH_LOGIN_USER, /* AUTH LOGIN is out */
    SMTP_AUTH_LOGIN_PASSWORD,
    SMTP_AUTH_DONE, /* the last of the login is out */
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_TEXT, /* the message goes out */
    SMTP_END, /* the dot is out */
    SMTP_OVER, /* decided: see `answer` */
};

struct smtp_session {
    const struct mail_request *request;
    struct str hello; /* our name */
    struct str peer; /* "host port 587", for messages */
    enum smtp_state state;
    bool is_secure; /* TLS stands */
    bool wants_tls; /* the next bytes of both sides are TLS's: see smtp_session_secured */
    bool offers_starttls, offers_plain, offers_login, offers_size;
    uint64_t size_max; /* what SIZE said; 0: no limit */
    uint32_t recipient; /* that RCPT is out for */
    uint16_t *recipient_status; /* the caller's; one each */
    size_t text_sent; /* bytes of the message that went to output */
    bool can_quit; /* the relay waits for a command */
    struct buf input; /* a line that is not whole yet */
    struct buf reply; /* text of the reply so far, without codes */
    int reply_code; /* of its lines so far; 0: none */
    struct buf output; /* for the relay */
    struct mail_answer answer; /* when state is SMTP_OVER; `reply` points into the session */
};

/* All that is borrowed outlives the session; `recipient_status` has room for each recipient. */
void smtp_session_init(struct smtp_session *session, const struct mail_request *request, struct str hello,
    struct str peer, uint16_t *recipient_status);
/* Wipes what was a password. */
void smtp_session_done(struct smtp_session *session);

/* What the relay says, in pieces of any size. */
void smtp_session_receive(struct smtp_session *session, struct str bytes);
/* All of `output` was taken and sent: it is emptied; more of the message may follow in it. */
void smtp_session_sent(struct smtp_session *session);
/* TLS stands. */
void smtp_session_secured(struct smtp_session *session);
/* The connection is gone, the time is over, TLS failed: ends the session with this failure. */
void smtp_session_fail(struct smtp_session *session, enum http_failure failure, enum err code,
    const char *name, const char *text);
/* What the relay was to answer, for messages. */
const char *smtp_session_awaits(const struct smtp_session *session);

#endif
