/* People defang by hand, so the forms are many: brackets of every kind around dots, one of a pair left
 * out, "dot" in words, backslashes, commas, and a dozen spellings of http. One pass from left to right;
 * at each byte the forms are tried, and what is none is copied. */
#include "expr/refang.h"

#include <assert.h>
#include <string.h>

#include "expr/suffix.h"

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
}

static bool is_opening(int c)
{
    return c == '[' || c == '(' || c == '{' || c == '<';
}

static bool is_closing(int c)
{
    return c == ']' || c == ')' || c == '}' || c == '>';
}

static int byte_at(struct str text, size_t at)
{
    return at < text.size ? (unsigned char)text.data[at] : -1;
}

/* No form has more brackets, backslashes or blanks in a row. */
#define MARKS_MAX 8

static size_t skip_marks(struct str text, size_t at, bool (*is_mark)(int c))
{
    for (size_t count = 0; count < MARKS_MAX && (is_mark(byte_at(text, at)) || byte_at(text, at) == '\\');
         count++)
        at++;
    return at;
}

static bool has_word(struct str text, size_t at, struct str word)
{
    assert(at <= text.size);
    return word.size <= text.size - at && str_equal_nocase((struct str){ text.data + at, word.size }, word);
}

/* ---- what stands between brackets ---- */

/* What a bracketed mark means. `at` is behind the opening brackets; `*ret_end` behind the mark. */
static const char *bracketed_mark(struct str text, size_t at, size_t *ret_end)
{
    static const struct {
        struct str text;
        const char *means;
    } marks[] = {
        { STR_INIT("://"), "://" },
        { STR_INIT("."), "." },
        { STR_INIT(","), "." },
        { STR_INIT("dot"), "." },
        { STR_INIT("d0t"), "." },
        { STR_INIT("punkt"), "." },
        { STR_INIT("point"), "." },
        { STR_INIT("@"), "@" },
        { STR_INIT("at"), "@" },
        { STR_INIT("::"), "::" },
        { STR_INIT(":"), ":" },
        { STR_INIT("//"), "//" },
        { STR_INIT("/"), "/" },
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (has_word(text, at, marks[i].text)) {
            *ret_end = at + marks[i].text.size;
            return marks[i].means;
        }
    }
    return NULL;
}

static size_t skip_blank(struct str text, size_t at)
{
    return byte_at(text, at) == ' ' ? at + 1 : at;
}

/* [.] (dot) {@} [:] and the like at an opening bracket; a blank in front goes with one behind: "a [dot] b".
 * `last` is the byte in front, which a name must end with: "[.]" on its own stays. */
static const char *full_brackets(struct str text, size_t at, int last, size_t *ret_end)
{
    size_t start = skip_blank(text, at);
    size_t inside = skip_marks(text, start, is_opening), end = 0;
    const char *means = bracketed_mark(text, skip_blank(text, inside), &end);
    /* "2001[:]db8[:][:]1" */
    if (means == NULL || !(is_alnum(last) || (last == ':' && means[0] == ':')))
        return NULL;
    end = skip_blank(text, end);
    size_t behind = skip_marks(text, end, is_closing);
    if (behind == end)
        return NULL;
    if (start != at)
        behind = skip_blank(text, behind);
    bool is_joint = means[0] == '.' || means[0] == '@';
    if (is_joint && !is_alnum(byte_at(text, behind)))
        return NULL;
    *ret_end = behind;
    return means;
}

/* "[.", ".]", "\." between two names: half of a pair, or a backslash. A dot alone does not lead here. */
static bool half_brackets(struct str text, size_t at, int last, size_t *ret_end)
{
    size_t dot = skip_marks(text, at, is_opening);
    if (byte_at(text, dot) != '.' || !is_alnum(last))
        return false;
    size_t end = skip_marks(text, dot + 1, is_closing);
    if (!is_alnum(byte_at(text, end)))
        return false;
    *ret_end = end;
    return true;
}

/* ---- schemes ---- */

static const struct {
    struct str text, means;
} schemes[] = {
    { STR_INIT("hxxp"), STR_INIT("http") },
    { STR_INIT("h**p"), STR_INIT("http") },
    { STR_INIT("h--p"), STR_INIT("http") },
    { STR_INIT("htxp"), STR_INIT("http") },
    { STR_INIT("hxtp"), STR_INIT("http") },
    { STR_INIT("h00p"), STR_INIT("http") },
    { STR_INIT("hzzp"), STR_INIT("http") },
    { STR_INIT("hppt"), STR_INIT("http") },
    { STR_INIT("meow"), STR_INIT("http") },
    { STR_INIT("nxxp"), STR_INIT("http") },
    { STR_INIT("http"), STR_INIT("http") },
    { STR_INIT("fxp"), STR_INIT("ftp") },
    { STR_INIT("ftx"), STR_INIT("ftp") },
    { STR_INIT("fxtp"), STR_INIT("ftp") },
    { STR_INIT("ftp"), STR_INIT("ftp") },
};

/* A name with a public suffix: "http__example.com" is a URL, "http__handler" a name of a program. */
static bool has_host(struct str text, size_t at)
{
    size_t end = at;
    while (end - at < HOST_BYTES_MAX &&
        (is_alnum(byte_at(text, end)) || byte_at(text, end) == '-' || byte_at(text, end) == '.'))
        end++;
    return end > at && suffix_is_domain(str_slice(text, at, end));
}

/* "://" in its forms behind a scheme; 0 when there is none. */
static size_t separator_size(struct str text, size_t at)
{
    static const struct str forms[] = { STR_INIT("://"), STR_INIT("[://]"), STR_INIT("(://)"),
        STR_INIT("[:]//"), STR_INIT("(:)//"), STR_INIT(":[//]"), STR_INIT("[:][/][/]"), STR_INIT("[:]/[/]"),
        STR_INIT(":\\\\"), STR_INIT(":/[/]"), STR_INIT("_//"), STR_INIT("//:"), STR_INIT("__"),
        STR_INIT(":__") };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        bool is_name_byte = forms[i].data[forms[i].size - 1] == '_';
        if (has_word(text, at, forms[i]) && (!is_name_byte || has_host(text, at + forms[i].size)))
            return forms[i].size;
    }
    return 0;
}

/* A defanged scheme at `at`. Writes it right and gives where the authority starts; 0 for none. */
static size_t write_scheme(struct writer *writer, struct str text, size_t at)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!has_word(text, at, schemes[i].text))
            continue;
        size_t end = at + schemes[i].text.size;
        bool is_secure = (byte_at(text, end) | 0x20) == 's';
        end += is_secure;
        size_t separator = separator_size(text, end);
        if (separator == 0)
            continue;
        bool was_plain = str_equal(schemes[i].text, schemes[i].means) && has_word(text, end, STR("://"));
        writer_add(writer, was_plain ? str_slice(text, at, end) : schemes[i].means);
        if (!was_plain && is_secure)
            writer_add_byte(writer, 's');
        writer_add(writer, STR("://"));
        end += separator;
        return was_plain ? end : skip_blank(text, end);
    }
    return 0;
}

/* http://192,168,0,1 and http://example,com: commas for dots, when a host comes out. The host is copied;
 * gives where it ends, or `at`. */
static size_t write_comma_host(struct writer *writer, struct str text, size_t at)
{
    char host[HOST_BYTES_MAX];
    size_t size = 0;
    bool has_comma = false, has_dot = false;
    for (; at + size < text.size && size < sizeof(host); size++) {
        char c = text.data[at + size];
        if (!is_alnum((unsigned char)c) && c != ',' && c != '-' && c != '.')
            break;
        has_comma = has_comma || c == ',';
        has_dot = has_dot || c == '.';
        host[size] = c == ',' ? '.' : c;
    }
    if (!has_comma || has_dot || host[size - 1] == '.')
        return at;
    struct str made = { host, size };
    size_t dots = 0;
    bool is_digits = true;
    for (size_t i = 0; i < size; i++) {
        dots += host[i] == '.';
        is_digits = is_digits && (host[i] == '.' || (host[i] >= '0' && host[i] <= '9'));
    }
    if (!(is_digits && dots == 3) && !suffix_is_domain(made))
        return at;
    writer_add(writer, made);
    return at + size;
}

static int last_byte(const struct writer *writer)
{
    return writer->size > 0 ? (unsigned char)writer->data[writer->size - 1] : -1;
}

/* No scheme is longer than six letters, and what stands behind it starts with one of these. */
static bool may_be_scheme(struct str text, size_t at)
{
    for (size_t i = at + 3; i < at + 7; i++) {
        int c = byte_at(text, i);
        if (c == ':' || c == '/' || c == '_' || c == '[' || c == '(')
            return true;
    }
    return false;
}

/* Tries every form that may start at `at`, or with a blank there and the bracket behind it; gives where the
 * text goes on, or `at` when nothing was defanged here. */
static size_t refang_here(struct writer *writer, struct str text, size_t at)
{
    int c = byte_at(text, at), last = last_byte(writer);
    size_t end = 0;
    bool is_scheme_start = (c | 0x20) == 'h' || (c | 0x20) == 'f' || (c | 0x20) == 'm' || (c | 0x20) == 'n';
    if (is_scheme_start) {
        end = may_be_scheme(text, at) ? write_scheme(writer, text, at) : 0;
        return end == 0 ? at : write_comma_host(writer, text, end);
    }
    if (is_opening(c) || c == ' ') {
        const char *means = full_brackets(text, at, last, &end);
        if (means != NULL) {
            writer_add(writer, str_of(means));
            return end;
        }
    }
    if ((is_opening(c) || c == '\\' || c == '.') && half_brackets(text, at, last, &end)) {
        writer_add_byte(writer, '.');
        return end;
    }
    return at;
}

#define STARTS_MARK 1
#define STARTS_SCHEME 2 /* when no letter or digit is in front */

/* What bytes a form may start with; all others are copied in one go. */
static const uint8_t starts[256] = {
    ['['] = STARTS_MARK,
    ['('] = STARTS_MARK,
    ['{'] = STARTS_MARK,
    ['<'] = STARTS_MARK,
    ['\\'] = STARTS_MARK,
    ['.'] = STARTS_MARK,
    ['h'] = STARTS_SCHEME,
    ['H'] = STARTS_SCHEME,
    ['f'] = STARTS_SCHEME,
    ['F'] = STARTS_SCHEME,
    ['m'] = STARTS_SCHEME,
    ['M'] = STARTS_SCHEME,
    ['n'] = STARTS_SCHEME,
    ['N'] = STARTS_SCHEME,
};

static bool may_start_here(struct str text, size_t at)
{
    int next = byte_at(text, at + 1);
    if (starts[(unsigned char)text.data[at]] == STARTS_SCHEME)
        return at == 0 || !is_alnum((unsigned char)text.data[at - 1]);
    return text.data[at] != '.' || is_closing(next) || next == '\\';
}

FALLIBLE refang_text(struct call *call, struct str text, struct value *ret)
{
    struct writer writer = { .call = call };
    size_t copied = 0;
    TRY(call_charge_bytes(call, text.size));
    for (size_t at = 0; at < text.size && writer.failed == ERR_OK; at++) {
        if (starts[(unsigned char)text.data[at]] == 0 || !may_start_here(text, at))
            continue;
        /* "a [dot] b": the blank in front is part of the form. */
        if (is_opening((unsigned char)text.data[at]) && at > copied && text.data[at - 1] == ' ')
            at--;
        writer_add(&writer, str_slice(text, copied, at));
        copied = at;
        size_t end = refang_here(&writer, text, at);
        if (end == at && text.data[at] == ' ')
            at++;
        if (end <= at)
            continue;
        copied = end;
        at = end - 1;
    }
    if (copied == 0) {
        *ret = value_string(text);
        return writer.failed;
    }
    writer_add(&writer, str_slice(text, copied, text.size));
    return writer_end(&writer, ret);
}
