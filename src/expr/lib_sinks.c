/* Encoders: they make a text safe for what would read it as more than a text. The linter and the gate before
 * each call ask for them where a parameter is declared to go to such a sink (type.h, enum type_sink). */
#include "base/text.h"
#include "expr/function.h"

static struct value marked(struct value v, enum type_sink sink)
{
    v.flags |= VALUE_SAFE_FOR(sink);
    return v;
}

static FALLIBLE finish(struct writer *writer, enum type_sink sink, struct value *ret)
{
    struct value v;
    TRY(writer_end(writer, &v));
    *ret = marked(v, sink);
    return ERR_OK;
}

/* One word for a POSIX shell: inside single quotes nothing is special but the quote itself. */
static FALLIBLE encode_shell(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    writer_add_byte(&writer, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0')
            return call_fail(call, "encode_shell(): a shell's word can't hold a zero byte");
        if (text.data[i] == '\'')
            writer_add(&writer, STR("'\\''"));
        else
            writer_add_byte(&writer, text.data[i]);
    }
    writer_add_byte(&writer, '\'');
    return finish(&writer, SINK_SHELL, ret);
}

/* A string literal of standard SQL. Databases disagree about a backslash in one, so that is refused. */
static FALLIBLE encode_sql(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    writer_add_byte(&writer, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || text.data[i] == '\\')
            return call_fail(call,
                "encode_sql(): databases read a backslash and a zero byte differently; give the text as a "
                "parameter of the query");
        if (text.data[i] == '\'')
            writer_add_byte(&writer, '\'');
        writer_add_byte(&writer, text.data[i]);
    }
    writer_add_byte(&writer, '\'');
    return finish(&writer, SINK_SQL, ret);
}

/* A value in a search filter (RFC 4515, section 3). */
static FALLIBLE encode_ldap(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0')
            writer_printf(&writer, "\\%02x", c);
        else
            writer_add_byte(&writer, (char)c);
    }
    return finish(&writer, SINK_LDAP, ret);
}

/* Text or an attribute's value between quotes (HTML, "Named character references"). */
static FALLIBLE encode_html(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&': writer_add(&writer, STR("&amp;")); break;
        case '<': writer_add(&writer, STR("&lt;")); break;
        case '>': writer_add(&writer, STR("&gt;")); break;
        case '"': writer_add(&writer, STR("&quot;")); break;
        case '\'': writer_add(&writer, STR("&#39;")); break;
        case '`': writer_add(&writer, STR("&#96;")); break;
        default: writer_add_byte(&writer, text.data[i]);
        }
    }
    return finish(&writer, SINK_HTML, ret);
}

/* What people do not see and a model reads: zero width, direction, tags. */
static bool is_hidden(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0xad ||
        (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
        c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

/* A string of JSON without hidden characters and without < and >, so that it ends no quotation and no tag
 * that a prompt is built with. What a model makes of its words is not in anybody's hand. */
static FALLIBLE encode_prompt(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    writer_add_byte(&writer, '"');
    for (size_t at = 0; at < text.size;) {
        int32_t next = utf8_next(text, &at);
        uint32_t c = (uint32_t)next;
        if (next < 0 || is_hidden(c))
            continue;
        if (c == '"' || c == '\\')
            writer_printf(&writer, "\\%c", (int)c);
        else if (c == '\n' || c == '\t')
            writer_add(&writer, c == '\n' ? STR("\\n") : STR("\\t"));
        else if (c == '<' || c == '>' || c == 0x2028 || c == 0x2029)
            writer_printf(&writer, "\\u%04x", c);
        else
            writer_add_code_point(&writer, c);
    }
    writer_add_byte(&writer, '"');
    return finish(&writer, SINK_PROMPT, ret);
}

#define S &type_string
static const struct overload encode_html_rows[] = { { false, 1, { S }, S, encode_html } };
static const struct overload encode_ldap_rows[] = { { false, 1, { S }, S, encode_ldap } };
static const struct overload encode_prompt_rows[] = { { false, 1, { S }, S, encode_prompt } };
static const struct overload encode_shell_rows[] = { { false, 1, { S }, S, encode_shell } };
static const struct overload encode_sql_rows[] = { { false, 1, { S }, S, encode_sql } };

static const struct function functions[] = {
    FUNCTION_ENCODER("encode_html", encode_html_rows),
    FUNCTION_ENCODER("encode_ldap", encode_ldap_rows),
    FUNCTION_ENCODER("encode_prompt", encode_prompt_rows),
    FUNCTION_ENCODER("encode_shell", encode_shell_rows),
    FUNCTION_ENCODER("encode_sql", encode_sql_rows),
};

const struct library library_sinks = { "sinks", functions, sizeof(functions) / sizeof(functions[0]) };
