/* What a relay says, in pieces: the session ends or goes on, and keeps its promises whatever comes. */
#include <stdlib.h>
#include <string.h>

#include "io/smtp.h"

static void check(int holds)
{
    if (!holds)
        abort();
}

/* One byte says what happens next: the size of a piece of the relay's, or that our side was sent. */
static void play(struct smtp_session *session, struct str bytes)
{
    while (bytes.size > 1 && session->state != SMTP_OVER) {
        unsigned char turn = (unsigned char)bytes.data[0];
        bytes = str_slice(bytes, 1, bytes.size);
        if (turn & 0x80) {
            struct str piece = str_slice(bytes, 0, turn & 0x7f);
            smtp_session_receive(session, piece);
            bytes = str_slice(bytes, piece.size, bytes.size);
        } else if (session->wants_tls) {
            smtp_session_secured(session);
        } else {
            smtp_session_sent(session);
        }
        check(!session->answer.may_have_left || session->state >= SMTP_END);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str to[] = { STR_INIT("a@example.org"), STR_INIT("b@example.org") };
    struct smtp_session session;
    uint16_t status[2];
    if (size == 0)
        return 0;
    struct mail_request request = { .tls = (enum mail_tls)(data[0] % 4),
        .from = STR("c@example.org"),
        .to = to,
        .to_count = 2,
        .message = STR("Subject: x\r\n\r\n.hello\r\n") };
    if (data[0] & 0x40)
        request.user = request.password = STR("secret");
    smtp_session_init(&session, &request, STR("[127.0.0.1]"), STR("relay port 25"), status);
    play(&session, (struct str){ (const char *)data + 1, size - 1 });
    if (session.state == SMTP_OVER && session.answer.failure == HTTP_OK)
        check(session.answer.status >= 200 && session.answer.status <= 599);
    smtp_session_done(&session);
    return 0;
}
