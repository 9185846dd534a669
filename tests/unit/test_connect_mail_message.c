/* Mails as text: what goes in comes out when it is read back, and nothing in it can become a header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "connect/mail_message.h"

static struct mail_message plain_message(void)
{
    static const struct mail_address to[] = { { STR_INIT(""), STR_INIT("a@example.org") } };
    return (struct mail_message){ .from = { STR("SOC"), STR("soc@example.org") },
        .to = to,
        .to_count = 1,
        .subject = STR("Hello"),
        .body = STR("One line.\n"),
        .key = STR("run-1/step"),
        .date = { INT64_C(1718000000) * 1000000 } };
}

static void print(struct buf *text, const struct mail_message *message)
{
    buf_clear(text);
    mail_message_print(text, message);
    assert_int_equal(buf_check(text, NULL), ERR_OK);
    size_t line = 0;
    for (size_t i = 0; i < text->size; i++) { /* what SMTP asks for */
        unsigned char byte = (unsigned char)text->data[i];
        assert_true(byte < 0x80 && byte != '\0');
        if (byte == '\n')
            assert_true(i > 0 && text->data[i - 1] == '\r');
        if (byte == '\r')
            assert_true(text->data[i + 1] == '\n');
        line = byte == '\n' ? 0 : line + 1;
        assert_true(line <= 999);
    }
    assert_true(str_ends(buf_str(text), STR("\r\n")));
}

/* The part before the empty line. */
static struct str head_of(const struct buf *text)
{
    ptrdiff_t end = str_find(buf_str(text), STR("\r\n\r\n"), 0);
    assert_true(end > 0);
    return str_slice(buf_str(text), 0, (size_t)end + 2);
}

static unsigned count_headers(const struct buf *text)
{
    struct str head = head_of(text);
    unsigned count = 0;
    for (size_t i = 0; i + 1 < head.size; i++)
        count += head.data[i] == '\n' && head.data[i + 1] != ' ' && head.data[i + 1] != '\t';
    return count + 1;
}

static void message_is_as_the_standard_has_it(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    struct mail_message message = plain_message();
    print(&text, &message);
    assert_string_equal(text.data,
        "Date: Mon, 10 Jun 2024 06:13:20 +0000\r\n"
        "From: \"SOC\" <soc@example.org>\r\n"
        "To: a@example.org\r\n"
        "Subject: Hello\r\n"
        "Message-ID: <tocsin.run-1=2fstep@example.org>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        "One line.\r\n");
}

static void no_value_can_add_a_header(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    static const char *const evil[] = { "x\r\nBcc: evil@example.org", "x\nBcc: evil@example.org",
        "x\rBcc: evil@example.org", "x\r\n\r\nbody", "x\r\n Bcc: y",
        "=?UTF-8?Q?x=0D=0ABcc:_e?=", "\xc3\xa4\r\nBcc: e", "x\0\r\nBcc: e", "\"\r\nBcc: e",
        "<e@example.org>, b", "\x7f\x01\x1b" };
    struct mail_message message = plain_message();
    print(&text, &message);
    unsigned wanted = count_headers(&text);
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        size_t size = i == 7 ? 11 : strlen(evil[i]);
        message = plain_message();
        message.subject = (struct str){ evil[i], size };
        message.key = message.subject;
        message.from.name = message.subject;
        print(&text, &message);
        assert_int_equal(count_headers(&text), wanted);
        struct mail_address addressee = { message.subject, STR("a@example.org") };
        message.to = &addressee;
        message.reply_to = addressee;
        print(&text, &message);
        assert_int_equal(count_headers(&text), wanted + 1);
        assert_false(str_contains(head_of(&text), STR("\nBcc")));
    }
    message = plain_message(); /* nor does it come out of an encoded word */
    message.subject = str_of(evil[0]);
    print(&text, &message);
    assert_true(str_contains(head_of(&text), STR("\nSubject: x  Bcc: evil@example.org\r\n")));
}

static void unicode_in_headers_is_encoded_word_by_word(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf decoded = { 0 };
    struct mail_message message = plain_message();
    message.subject = STR(
        "\xc3\x9c"
        "berfall \xe2\x80\x93 \xf0\x9f\x9a\xa8 aus \xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2"
        "\xd0\xb0, \xe6\x9d\xb1\xe4\xba\xac und anderswo, immer wieder und immer mehr davon");
    print(&text, &message);
    struct str head = head_of(&text);
    for (ptrdiff_t at = str_find(head, STR("=?UTF-8?B?"), 0); at >= 0;
         at = str_find(head, STR("=?UTF-8?B?"), (size_t)at + 1)) {
        ptrdiff_t end = str_find(head, STR("?="), (size_t)at + 10);
        assert_true(end > 0 && end - at + 2 <= 75); /* RFC 2047, 2 */
        size_t before = decoded.size;
        assert_true(base64_decode(&decoded, str_slice(head, (size_t)at + 10, (size_t)end)));
        assert_true(utf8_is_valid(str_slice(buf_str(&decoded), before, decoded.size))); /* no cut character */
    }
    assert_true(str_equal(buf_str(&decoded), message.subject));
    /* What looks like an encoded word is one only to who reads it raw. */
    message.subject = STR("=?UTF-8?B?aGVsbG8=?=");
    print(&text, &message);
    assert_true(str_contains(buf_str(&text), STR("Subject: =?UTF-8?B?PT9VVEYtOD9CP2FHVnNiRzg9Pz0=?=\r\n")));
}

static void long_headers_are_folded(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf subject = { 0 };
    struct mail_message message = plain_message();
    for (int i = 0; i < 100; i++)
        buf_printf(&subject, "word%d ", i);
    message.subject = buf_str(&subject);
    print(&text, &message);
    struct str head = head_of(&text);
    size_t line = 0;
    for (size_t i = 0; i < head.size; i++) {
        line = head.data[i] == '\n' ? 0 : line + 1;
        assert_true(line < 100);
    }
    char *word = malloc(5000);
    memset(word, 'x', 5000);
    message.subject = (struct str){ word, 5000 };
    print(&text, &message); /* checks its lines */
    message.subject = (struct str){ 0 };
    print(&text, &message);
    free(word);
}

static void decode_quoted(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '=') {
            buf_add_byte(out, text.data[i]);
        } else if (text.data[i + 1] == '\r') {
            i += 2;
        } else {
            assert_true(hex_decode(out, str_slice(text, i + 1, i + 3)));
            i += 2;
        }
    }
}

static void bodies_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const bodies[] = { "", "x", "x\n", "a\nb\n\n\nc",
        "trailing \nand\t\n =3D= ", ".\n..\n.x\n", "From me\n", "\xc3\xa4 once",
        "\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac\nx",
        "a very long line, longer than a line of quoted-printable may be, so that it must be broken "
        "somewhere "
        "in the middle, but not where a reader would see it",
        "--=_tocsin_mixed--\n--=_tocsin_alternative\n" };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        AUTO(buf) struct buf text = { 0 };
        AUTO(buf) struct buf got = { 0 };
        AUTO(buf) struct buf wanted = { 0 };
        struct mail_message message = plain_message();
        message.body = str_of(bodies[i]);
        print(&text, &message);
        struct str body = str_slice(buf_str(&text), head_of(&text).size + 2, text.size);
        if (str_contains(head_of(&text), STR("base64"))) {
            for (size_t at = 0; at < body.size; at++) {
                if (body.data[at] != '\r' && body.data[at] != '\n')
                    buf_add_byte(&wanted, body.data[at]);
            }
            assert_true(base64_decode(&got, buf_str(&wanted)));
        } else {
            decode_quoted(&got, body);
        }
        buf_clear(&wanted);
        for (const char *at = bodies[i]; *at; at++)
            buf_printf(&wanted, *at == '\n' ? "\r\n" : "%c", *at);
        bool is_ended = !*bodies[i] || str_ends(buf_str(&wanted), STR("\r\n"));
        struct str ending = is_ended ? STR("") : STR("\r\n");
        if (str_contains(head_of(&text), STR("quoted")))
            buf_add(&wanted, ending);
        if (!str_equal(buf_str(&got), buf_str(&wanted)))
            fail_msg("\"%s\" became \"%.*s\"", bodies[i], STR_ARG(buf_str(&got)));
    }
}

static void html_holds_no_markup_of_the_text(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf html = { 0 };
    struct mail_message message = plain_message();
    message.has_html = true;
    message.body = STR("<script>alert(1)</script> & <img src=\"http://evil.example/x\"> 'quoted'\n");
    print(&text, &message);
    struct str whole = buf_str(&text);
    assert_true(str_contains(whole, STR("multipart/alternative; boundary=\"=_tocsin_alternative\"")));
    ptrdiff_t at = str_find(whole, STR("Content-Type: text/html"), 0);
    assert_true(at > 0 && at > str_find(whole, STR("Content-Type: text/plain"), 0)); /* the better one last */
    at = str_find(whole, STR("\r\n\r\n"), (size_t)at);
    ptrdiff_t end = str_find(whole, STR("--=_tocsin_alternative--\r\n"), 0);
    decode_quoted(&html, str_slice(whole, (size_t)at + 4, (size_t)end));
    assert_non_null(strstr(html.data,
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;img src=&quot;http://evil.example/x&quot;&gt; "
        "&#39;quoted&#39;"));
    assert_null(strstr(html.data, "<script"));
    assert_null(strstr(html.data, "<img"));
    assert_null(strstr(html.data, "href"));
}

static void attachments_come_back_as_they_were(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    struct mail_attachment attachments[] = {
        { STR("r\xc3\xa9sum\xc3\xa9 \"x\".csv"), STR("text/csv"), STR("a,b\n1,2\n") },
        { STR("b.bin"), STR("application/octet-stream"), STR("\0\1\2\xff") },
        { STR("empty"), STR("text/plain"), STR("") },
    };
    struct mail_message message = plain_message();
    message.attachments = attachments;
    message.attachment_count = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(mail_attachment_check(&attachments[i], NULL), ERR_OK);
    print(&text, &message);
    assert_non_null(strstr(text.data, "filename*=UTF-8''r%C3%A9sum%C3%A9%20%22x%22.csv\r\n"));
    assert_non_null(strstr(text.data, "\r\n\r\nYSxiCjEsMgo=\r\n--=_tocsin_mixed\r\n"));
    assert_non_null(strstr(text.data, "\r\n\r\nAAEC/w==\r\n--=_tocsin_mixed\r\n"));
    assert_true(str_ends(buf_str(&text), STR("\r\n\r\n--=_tocsin_mixed--\r\n")));
}

static void hostile_attachments_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "", ".", ".bashrc", "../x", "a/b", "a\\b", "a\r\nb", "a\x7f",
        "\xff" };
    static const char *const types[] = { "", "text", "/", "text/", "/plain", "text/plain; charset=x",
        "text/plain\r\nX: y", "multipart/mixed", "message/rfc822", "a b/c", "a/b/c", "\xc3\xa4/x" };
    struct err_info why;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct mail_attachment attachment = { str_of(names[i]), STR("text/plain"), STR("x") };
        assert_int_equal(mail_attachment_check(&attachment, &why), ERR_INVALID);
        assert_string_equal(why.name, "bad_attachment");
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct mail_attachment attachment = { STR("x"), str_of(types[i]), STR("x") };
        if (mail_attachment_check(&attachment, &why) != ERR_INVALID)
            fail_msg("the type \"%s\" is taken", types[i]);
    }
}

static void addresses_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *address;
    } good[] = {
        { "a@example.org", "", "a@example.org" },
        { " a@example.org ", "", "a@example.org" },
        { "SOC <soc@example.org>", "SOC", "soc@example.org" },
        { "\"Night shift, SOC\" <soc@example.org>", "Night shift, SOC", "soc@example.org" },
        { "<soc@example.org>", "", "soc@example.org" },
        { "J\xc3\xb6rg <j@example.org>", "J\xc3\xb6rg", "j@example.org" },
        { "first.last+tag@sub.example.org", "", "first.last+tag@sub.example.org" },
        { "root@localhost", "", "root@localhost" },
    };
    static const char *const bad[] = { "", "x", "@example.org", "a@", "a@b@c", "a b@example.org",
        ".a@example.org", "a@.example.org", "a@example.org.", "a@example.org\r\nRCPT TO:<b@c>",
        "a@example.org, b@example.org", "j\xc3\xb6rg@example.org",
        "a@b\xc3\xbc"
        "cher.example",
        "SOC <soc@example.org> x", "SOC soc@example.org", "<>", "\"a b\"@example.org", "a@[127.0.0.1]" };
    struct mail_address address;
    struct err_info why;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(mail_address_parse(str_of(good[i].text), &address, &why), ERR_OK);
        assert_true(str_equal(address.name, str_of(good[i].name)));
        assert_true(str_equal(address.address, str_of(good[i].address)));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mail_address_parse(str_of(bad[i]), &address, &why) != ERR_INVALID)
            fail_msg("\"%s\" is taken", bad[i]);
        assert_string_equal(why.name, "bad_address");
    }
}

static void same_key_gives_the_same_id_and_another_one_another(void **state)
{
    (void)state;
    AUTO(buf) struct buf first = { 0 };
    AUTO(buf) struct buf second = { 0 };
    struct mail_message message = plain_message();
    char long_key[400];
    mail_message_id_print(&first, &message);
    message.subject = STR("other");
    message.date.us++;
    mail_message_id_print(&second, &message);
    assert_true(str_equal(buf_str(&first), buf_str(&second)));
    memset(long_key, 'k', sizeof long_key);
    for (size_t i = 0; i < 2; i++) {
        struct buf *one = i ? &second : &first;
        long_key[399] = (char)('a' + i);
        message.key = (struct str){ long_key, sizeof long_key };
        buf_clear(one);
        mail_message_id_print(one, &message);
        assert_true(one->size < 300);
    }
    assert_false(str_equal(buf_str(&first), buf_str(&second)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_as_the_standard_has_it),
        cmocka_unit_test(no_value_can_add_a_header),
        cmocka_unit_test(unicode_in_headers_is_encoded_word_by_word),
        cmocka_unit_test(long_headers_are_folded),
        cmocka_unit_test(bodies_come_back_as_they_were),
        cmocka_unit_test(html_holds_no_markup_of_the_text),
        cmocka_unit_test(attachments_come_back_as_they_were),
        cmocka_unit_test(hostile_attachments_are_refused),
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test(same_key_gives_the_same_id_and_another_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
