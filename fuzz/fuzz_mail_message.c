/* Mails made of hostile texts: every line fits SMTP, and no text becomes a header of its own. */
#include <stdlib.h>
#include <string.h>

#include "connect/mail_message.h"

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_lines(struct str text)
{
    size_t line = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        check(byte < 0x80 && byte != '\0');
        check(byte != '\n' || (i > 0 && text.data[i - 1] == '\r'));
        check(byte != '\r' || (i + 1 < text.size && text.data[i + 1] == '\n'));
        line = byte == '\n' ? 0 : line + 1;
        check(line <= 999);
    }
    check(str_ends(text, STR("\r\n")));
}

static unsigned count_headers(struct str text)
{
    unsigned count = 1;
    ptrdiff_t end = str_find(text, STR("\r\n\r\n"), 0);
    check(end > 0);
    for (size_t i = 0; i < (size_t)end; i++)
        count += text.data[i] == '\n' && text.data[i + 1] != ' ' && text.data[i + 1] != '\t';
    return count;
}

/* One text of the input; they are parted by a byte that no UTF-8 has. */
static struct str next_text(struct str *rest)
{
    struct str text = { 0 };
    (void)str_split(rest, (char)0xff, &text); /* stays empty at the end */
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) struct buf text = { 0 };
    struct str rest = { (const char *)data, size };
    struct mail_address to = { .address = STR("a@example.org") }, parsed;
    if (mail_address_parse(next_text(&rest), &parsed, NULL) == ERR_OK)
        to = parsed;
    struct mail_attachment attachment = { .name = next_text(&rest), .type = STR("text/plain") };
    struct mail_message message = { .from = { next_text(&rest), STR("soc@example.org") },
        .to = &to,
        .to_count = 1,
        .subject = next_text(&rest),
        .key = next_text(&rest) };
    attachment.content = next_text(&rest);
    message.body = rest;
    message.has_html = size > 0 && (data[0] & 1);
    unsigned headers = message.has_html ? 8 : 9; /* without a Content-Transfer-Encoding of its own */
    if (size > 1 && (data[1] & 1) && mail_attachment_check(&attachment, NULL) == ERR_OK) {
        message.attachments = &attachment;
        message.attachment_count = 1;
        headers = 8;
    }
    mail_message_print(&text, &message);
    check(text.failed == ERR_OK);
    check_lines(buf_str(&text));
    check(count_headers(buf_str(&text)) == headers);
    return 0;
}
