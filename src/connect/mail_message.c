#include "connect/mail_message.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "base/timetext.h"

#define ADDRESS_BYTES_MAX 254 /* RFC 5321, 4.5.3.1.3, less the brackets */
/* Bytes of text in one encoded word: "=?UTF-8?B?" + base64 + "?=" stays within 75 (RFC 2047, 2). */
#define WORD_BYTES_MAX 45
#define LINE_BYTES_MAX 76

/* ---- addresses ---- */

static bool is_address_byte(unsigned char byte)
{
    /* atext and dots (RFC 5322, 3.2.3), and the '@'; no quoted local parts. */
    return byte < 0x80 && (isalnum(byte) || strchr("!#$%&'*+-/=?^_`{|}~.@", byte)) && byte != '\0';
}

static bool is_address(struct str text)
{
    ptrdiff_t at = str_find_byte(text, '@', 0);
    if (at <= 0 || (size_t)at + 1 >= text.size || text.size > ADDRESS_BYTES_MAX ||
        str_find_byte(text, '@', (size_t)at + 1) >= 0 || text.data[text.size - 1] == '.')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_address_byte((unsigned char)text.data[i]))
            return false;
    }
    return text.data[at + 1] != '.' && text.data[0] != '.';
}

FALLIBLE mail_address_parse(struct str text, struct mail_address *ret, struct err_info *why)
{
    struct str trimmed = str_trim(text);
    ptrdiff_t open = str_find_byte(trimmed, '<', 0);
    struct mail_address parsed = { .address = trimmed };
    if (open >= 0 && str_ends(trimmed, STR(">"))) {
        parsed.name = str_trim(str_slice(trimmed, 0, (size_t)open));
        parsed.address = str_slice(trimmed, (size_t)open + 1, trimmed.size - 1);
        if (parsed.name.size >= 2 && str_starts(parsed.name, STR("\"")) && str_ends(parsed.name, STR("\"")))
            parsed.name = str_slice(parsed.name, 1, parsed.name.size - 1);
    }
    bool is_good = is_address(parsed.address);
    for (size_t i = 0; i < parsed.name.size; i++) {
        unsigned char byte = (unsigned char)parsed.name.data[i];
        is_good = is_good && byte >= ' ' && byte != 0x7f;
    }
    if (!is_good)
        return err_named(why, ERR_INVALID, "bad_address",
            "`%.*s` is no mail address such as soc@example.org or SOC <soc@example.org>", STR_ARG(text));
    *ret = parsed;
    return ERR_OK;
}

/* ---- headers ---- */

static bool is_plain_ascii(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < ' ' || byte >= 0x7f)
            return false;
    }
    return true;
}

/* How many bytes from `at` on fit into one encoded word, without cutting a character. */
static size_t word_size(struct str text, size_t at)
{
    size_t end = at;
    while (end < text.size) {
        size_t next = end;
        (void)utf8_next(text, &next); /* malformed bytes move on one by one */
        if (next - at > WORD_BYTES_MAX)
            break;
        end = next;
    }
    return end - at;
}

static void add_encoded_words(struct buf *buf, struct str text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = word_size(text, at);
        if (at)
            buf_add_text(buf, "\r\n ");
        buf_add_text(buf, "=?UTF-8?B?");
        base64_add(buf, str_slice(text, at, at + size));
        buf_add_text(buf, "?=");
        at += size;
    }
}

/* Breaks at spaces, so that lines stay short; what has no space in 900 bytes is encoded instead. */
static void add_folded(struct buf *buf, struct str text, size_t column)
{
    for (size_t i = 0; i < text.size; i++) {
        size_t end = i + 1;
        while (text.data[i] == ' ' && end < text.size && text.data[end] != ' ')
            end++;
        if (end > i + 1 && column + (end - i) > LINE_BYTES_MAX) {
            buf_add_text(buf, "\r\n"); /* the space that follows makes it a folded line */
            column = 0;
        }
        buf_add_byte(buf, text.data[i]);
        column++;
    }
}

static bool has_long_word(struct str text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        length = text.data[i] == ' ' ? 0 : length + 1;
        if (length > 900)
            return true;
    }
    return false;
}

/* Text of a header: control characters become spaces, so that it can't begin a new one. */
static void add_header_text(struct buf *buf, struct str text, size_t column)
{
    AUTO(buf) struct buf clean = { 0 };
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        buf_add_byte(&clean, byte < ' ' || byte == 0x7f ? ' ' : (char)byte);
    }
    if (buf_check(&clean, NULL) != ERR_OK) {
        buf->failed = clean.failed;
        return;
    }
    struct str cleaned = str_trim(buf_str(&clean));
    /* "=?" begins an encoded word: text that looks like one is encoded, lest it be decoded. */
    if (is_plain_ascii(cleaned) && !str_contains(cleaned, STR("=?")) && !has_long_word(cleaned))
        add_folded(buf, cleaned, column);
    else
        add_encoded_words(buf, cleaned);
}

static void add_phrase(struct buf *buf, struct str name)
{
    if (!is_plain_ascii(name) || str_contains(name, STR("=?"))) {
        add_header_text(buf, name, 0);
        return;
    }
    buf_add_byte(buf, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buf_add_byte(buf, '\\');
        buf_add_byte(buf, name.data[i]);
    }
    buf_add_byte(buf, '"');
}

static void add_addresses(
    struct buf *buf, const char *header, const struct mail_address *list, uint32_t count)
{
    if (count == 0)
        return;
    buf_printf(buf, "%s: ", header);
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            buf_add_text(buf, ",\r\n ");
        if (list[i].name.size) {
            add_phrase(buf, list[i].name);
            buf_printf(buf, " <%.*s>", STR_ARG(list[i].address));
        } else {
            buf_add(buf, list[i].address);
        }
    }
    buf_add_text(buf, "\r\n");
}

static void add_date(struct buf *buf, struct instant date)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil_time civil = civil_from_seconds(date.us / US_PER_S);
    buf_printf(buf, "Date: %.3s, %d %.3s %lld %02d:%02d:%02d +0000\r\n", days + 3 * civil.weekday, civil.day,
        months + 3 * (civil.month - 1), (long long)civil.year, civil.hour, civil.minute, civil.second);
}

/* The key in characters that a dot-atom may have; a very long one is cut and told apart by its hash. */
void mail_message_id_print(struct buf *buf, const struct mail_message *message)
{
    struct str key = message->key, from = message->from.address;
    size_t at = (size_t)str_find_byte(from, '@', 0), end = key.size < 200 ? key.size : 200;
    buf_add_text(buf, "<tocsin.");
    for (size_t i = 0; i < end; i++) {
        unsigned char byte = (unsigned char)key.data[i];
        if (byte < 0x80 && (isalnum(byte) || byte == '-' || byte == '_'))
            buf_add_byte(buf, (char)byte);
        else
            buf_printf(buf, "=%02x", byte);
    }
    if (end < key.size)
        buf_printf(buf, "=%016llx", (unsigned long long)str_hash(key));
    buf_printf(buf, "@%.*s>", STR_ARG(str_slice(from, at + 1, from.size)));
}

/* ---- body ---- */

/* One line break at `*at`, whatever its form. */
static bool takes_break(struct str text, size_t *at)
{
    if (text.data[*at] == '\r') {
        *at += *at + 1 < text.size && text.data[*at + 1] == '\n' ? 2 : 1;
        return true;
    }
    if (text.data[*at] != '\n')
        return false;
    *at += 1;
    return true;
}

/* RFC 2045, 6.7: white space before a line break is encoded, lines are at most 76 characters long. */
static void add_quoted_printable(struct buf *buf, struct str text)
{
    size_t column = 0;
    for (size_t at = 0; at < text.size;) {
        if (takes_break(text, &at)) {
            buf_add_text(buf, "\r\n");
            column = 0;
            continue;
        }
        unsigned char byte = (unsigned char)text.data[at++];
        bool is_line_end = at == text.size || text.data[at] == '\r' || text.data[at] == '\n';
        bool is_plain = (byte > ' ' && byte < 0x7f && byte != '=') ||
            ((byte == ' ' || byte == '\t') && !is_line_end);
        size_t size = is_plain ? 1 : 3;
        if (column + size > LINE_BYTES_MAX - 1) {
            buf_add_text(buf, "=\r\n");
            column = 0;
        }
        if (is_plain)
            buf_add_byte(buf, (char)byte);
        else
            buf_printf(buf, "=%02X", byte);
        column += size;
    }
}

static void add_base64_lines(struct buf *buf, struct str text)
{
    for (size_t at = 0; at < text.size; at += 57) {
        base64_add(buf, str_slice(text, at, at + 57));
        buf_add_text(buf, "\r\n");
    }
}

/* In base64 the line breaks of the text must be CR LF too (RFC 2045, 6.8). */
static void add_base64(struct buf *buf, struct str text)
{
    AUTO(buf) struct buf canonical = { 0 };
    for (size_t at = 0; at < text.size;) {
        if (takes_break(text, &at))
            buf_add_text(&canonical, "\r\n");
        else
            buf_add_byte(&canonical, text.data[at++]);
    }
    if (buf_check(&canonical, NULL) == ERR_OK)
        add_base64_lines(buf, buf_str(&canonical));
    else
        buf->failed = canonical.failed;
}

static bool is_mostly_ascii(struct str text)
{
    size_t others = 0;
    for (size_t i = 0; i < text.size; i++)
        others += (unsigned char)text.data[i] >= 0x80;
    return others <= text.size / 6;
}

static void add_text_part(struct buf *buf, const char *subtype, struct str text)
{
    bool is_quoted = is_mostly_ascii(text);
    buf_printf(buf, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", subtype,
        is_quoted ? "quoted-printable" : "base64");
    if (is_quoted)
        add_quoted_printable(buf, text);
    else
        add_base64(buf, text);
    if (!str_ends(buf_str(buf), STR("\r\n")))
        buf_add_text(buf, "\r\n");
}

/* What an alert says is an attacker's to choose: none of it is markup here, and no address becomes a link. */
static void add_html(struct buf *html, struct str text)
{
    buf_add_text(html,
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>"
        "<div style=\"white-space: pre-wrap\">");
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&': buf_add_text(html, "&amp;"); break;
        case '<': buf_add_text(html, "&lt;"); break;
        case '>': buf_add_text(html, "&gt;"); break;
        case '"': buf_add_text(html, "&quot;"); break;
        case '\'': buf_add_text(html, "&#39;"); break;
        default: buf_add_byte(html, text.data[i]); break;
        }
    }
    buf_add_text(html, "</div></body></html>\n");
}

/* ---- parts ---- */

/* "=_" is neither quoted-printable nor base64, so no part can hold a boundary (RFC 2045, 6.7). */
#define OUTER_BOUNDARY "=_tocsin_mixed"
#define INNER_BOUNDARY "=_tocsin_alternative"

static void add_body(struct buf *buf, const struct mail_message *message)
{
    AUTO(buf) struct buf html = { 0 };
    if (!message->has_html) {
        add_text_part(buf, "plain", message->body);
        return;
    }
    add_html(&html, message->body);
    if (html.failed != ERR_OK) {
        buf->failed = html.failed;
        return;
    }
    buf_add_text(buf,
        "Content-Type: multipart/alternative; boundary=\"" INNER_BOUNDARY "\"\r\n\r\n"
        "--" INNER_BOUNDARY "\r\n");
    add_text_part(buf, "plain", message->body);
    buf_add_text(buf, "--" INNER_BOUNDARY "\r\n");
    add_text_part(buf, "html", buf_str(&html));
    buf_add_text(buf, "--" INNER_BOUNDARY "--\r\n");
}

static bool is_type(struct str type)
{
    ptrdiff_t slash = str_find_byte(type, '/', 0);
    bool is_good = slash > 0 && (size_t)slash + 1 < type.size && type.size <= 100;
    for (size_t i = 0; i < type.size; i++) {
        unsigned char byte = (unsigned char)type.data[i];
        is_good = is_good &&
            (i == (size_t)slash || isalnum(byte) ||
                (byte < 0x80 && byte != '\0' && strchr("!#$&-^_.+", byte)));
    }
    /* What a mail reader would take apart once more, or run, or show in place of the message. */
    return is_good && !str_starts(type, STR("multipart/")) && !str_starts(type, STR("message/"));
}

FALLIBLE mail_attachment_check(const struct mail_attachment *attachment, struct err_info *why)
{
    struct str name = attachment->name;
    bool is_name = name.size > 0 && name.size <= MAIL_ATTACHMENT_NAME_BYTES_MAX && utf8_is_valid(name) &&
        name.data[0] != '.';
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        is_name = is_name && byte >= ' ' && byte != 0x7f && byte != '/' && byte != '\\';
    }
    if (!is_name)
        return err_named(why, ERR_INVALID, "bad_attachment",
            "the name of an attachment is 1 to %d bytes of UTF-8 without '/', '\\', control characters and a "
            "leading dot",
            MAIL_ATTACHMENT_NAME_BYTES_MAX);
    if (!is_type(attachment->type))
        return err_named(why, ERR_INVALID, "bad_attachment",
            "`%.*s` is no type for an attachment; one is text/csv", STR_ARG(attachment->type));
    return ERR_OK;
}

/* RFC 2231, 4: every reader of today knows it, and it needs no quoting. */
static void add_attachment(struct buf *buf, const struct mail_attachment *attachment)
{
    bool is_utf8 = str_starts(attachment->type, STR("text/")) && utf8_is_valid(attachment->content);
    buf_printf(buf, "Content-Type: %.*s%s\r\nContent-Transfer-Encoding: base64\r\n",
        STR_ARG(attachment->type), is_utf8 ? "; charset=utf-8" : ""); /* else readers take it for ASCII */
    buf_add_text(buf, "Content-Disposition: attachment;\r\n filename*=UTF-8''");
    percent_add(buf, attachment->name);
    buf_add_text(buf, "\r\n\r\n");
    add_base64_lines(buf, attachment->content);
}

static void add_parts(struct buf *buf, const struct mail_message *message)
{
    buf_add_text(buf, "MIME-Version: 1.0\r\n");
    if (message->attachment_count == 0) {
        add_body(buf, message);
        return;
    }
    buf_add_text(buf,
        "Content-Type: multipart/mixed; boundary=\"" OUTER_BOUNDARY "\"\r\n\r\n"
        "--" OUTER_BOUNDARY "\r\n");
    add_body(buf, message);
    for (uint32_t i = 0; i < message->attachment_count; i++) {
        buf_add_text(buf, "--" OUTER_BOUNDARY "\r\n");
        add_attachment(buf, &message->attachments[i]);
    }
    buf_add_text(buf, "--" OUTER_BOUNDARY "--\r\n");
}

void mail_message_print(struct buf *buf, const struct mail_message *message)
{
    add_date(buf, message->date);
    add_addresses(buf, "From", &message->from, 1);
    add_addresses(buf, "Reply-To", &message->reply_to, message->reply_to.address.size ? 1 : 0);
    add_addresses(buf, "To", message->to, message->to_count);
    add_addresses(buf, "Cc", message->cc, message->cc_count);
    buf_add_text(buf, "Subject: ");
    add_header_text(buf, message->subject, sizeof("Subject: ") - 1);
    buf_add_text(buf, "\r\nMessage-ID: ");
    mail_message_id_print(buf, message);
    /* RFC 3834: no vacation notices in return. */
    buf_add_text(buf, "\r\nAuto-Submitted: auto-generated\r\n");
    add_parts(buf, message);
}
