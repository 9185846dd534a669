#include <math.h>
#include <string.h>

#include "base/text.h"
#include "expr/token.h"

void lexer_init(struct lexer *lexer, struct arena *arena, struct str source)
{
    *lexer = (struct lexer){ .arena = arena, .source = source, .line = 1 };
}

bool token_is_reserved(struct str name)
{
    static const struct str words[] = {
        STR_INIT("as"),
        STR_INIT("break"),
        STR_INIT("const"),
        STR_INIT("continue"),
        STR_INIT("else"),
        STR_INIT("for"),
        STR_INIT("function"),
        STR_INIT("if"),
        STR_INIT("import"),
        STR_INIT("let"),
        STR_INIT("loop"),
        STR_INIT("package"),
        STR_INIT("namespace"),
        STR_INIT("return"),
        STR_INIT("var"),
        STR_INIT("void"),
        STR_INIT("while"),
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_equal(words[i], name))
            return true;
    }
    return false;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(int c)
{
    return is_name_start(c) || is_digit(c);
}

/* The byte `ahead` of the reading place, or -1 behind the end. */
static int peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->source.size ? (unsigned char)lexer->source.data[at] : -1;
}

static FALLIBLE fail_at(const struct lexer *lexer, size_t at, struct err_info *why, const char *text)
{
    return err_at(
        why, ERR_INVALID, "expr_parse", lexer->line, (uint32_t)(at - lexer->line_start) + 1, "%s", text);
}

static void start_line(struct lexer *lexer, size_t at)
{
    lexer->line++;
    lexer->line_start = at;
}

static void skip_space(struct lexer *lexer)
{
    for (;;) {
        int c = peek(lexer, 0);
        if (c == '\n')
            start_line(lexer, lexer->at + 1);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '/') {
            while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '\n')
                lexer->at++;
        } else {
            return;
        }
    }
}

/* ---- numbers ---- */

static FALLIBLE take_hexadecimal(struct lexer *lexer, struct token *token, struct err_info *why)
{
    size_t from = lexer->at;
    lexer->at += 2;
    uint64_t magnitude = 0;
    for (int digit; (digit = hex_digit(peek(lexer, 0))) >= 0; lexer->at++) {
        if (magnitude >> 60 != 0)
            return fail_at(lexer, from, why, "the number is too large for 64 bits");
        magnitude = magnitude << 4 | (unsigned)digit;
    }
    token->kind = TOKEN_INT;
    token->magnitude = magnitude;
    return ERR_OK;
}

static FALLIBLE take_decimal(struct lexer *lexer, struct token *token, struct err_info *why)
{
    size_t from = lexer->at;
    bool is_double = false;
    while (is_digit(peek(lexer, 0)))
        lexer->at++;
    if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
        is_double = true;
        lexer->at++;
        while (is_digit(peek(lexer, 0)))
            lexer->at++;
    }
    if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') {
        size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
        if (is_digit(peek(lexer, 1 + sign))) {
            is_double = true;
            lexer->at += 1 + sign;
            while (is_digit(peek(lexer, 0)))
                lexer->at++;
        }
    }
    struct str text = str_slice(lexer->source, from, lexer->at);
    token->kind = is_double ? TOKEN_DOUBLE : TOKEN_INT;
    if (is_double) {
        if (!str_to_double(text, &token->number) || !isfinite(token->number))
            return fail_at(lexer, from, why, "not a number that a double can hold");
    } else if (!str_to_uint(text, &token->magnitude)) {
        return fail_at(lexer, from, why, "the number is too large for 64 bits");
    }
    return ERR_OK;
}

static FALLIBLE take_number(struct lexer *lexer, struct token *token, struct err_info *why)
{
    size_t from = lexer->at;
    bool is_hex = peek(lexer, 0) == '0' && peek(lexer, 1) == 'x' && hex_digit(peek(lexer, 2)) >= 0;
    TRY(is_hex ? take_hexadecimal(lexer, token, why) : take_decimal(lexer, token, why));
    if (token->kind == TOKEN_INT && (peek(lexer, 0) == 'u' || peek(lexer, 0) == 'U')) {
        lexer->at++;
        token->kind = TOKEN_UINT;
    }
    if (is_name_part(peek(lexer, 0)))
        return fail_at(lexer, lexer->at, why, "a letter follows a number");
    if (token->kind == TOKEN_INT && token->magnitude > UINT64_C(1) << 63)
        return fail_at(
            lexer, from, why, "the number is too large for an int; write a 'u' behind it for a uint");
    return ERR_OK;
}

/* ---- strings ---- */

/* One string while it is decoded. Decoding never lengthens: each escape is at least as long as its
 * UTF-8. */
struct literal {
    bool is_bytes;
    char *data;
    size_t size;
};

static void add_code_point(struct literal *literal, uint32_t c)
{
    char out[4];
    size_t size = utf8_put(out, c);
    memcpy(literal->data + literal->size, out, size);
    literal->size += size;
}

/* In a string a numeric escape is a code point, in bytes it is one octet. */
static void add_octet(struct literal *literal, uint32_t c)
{
    if (literal->is_bytes)
        literal->data[literal->size++] = (char)c;
    else
        add_code_point(literal, c);
}

static int simple_escape(int c)
{
    static const char names[] = "abfnrtv\\?\"'`";
    static const char values[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *found = c > 0 ? strchr(names, c) : NULL;
    return found ? values[found - names] : -1;
}

static FALLIBLE decode_hex_escape(const struct lexer *lexer, struct str raw, size_t *at, size_t base,
    struct literal *literal, struct err_info *why)
{
    char kind = raw.data[*at + 1];
    size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 2;
    bool is_octet = digits == 2;
    uint32_t c = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = *at + 2 + i < raw.size ? hex_digit((unsigned char)raw.data[*at + 2 + i]) : -1;
        if (digit < 0)
            return fail_at(lexer, base + *at, why, "a hexadecimal escape has too few digits");
        c = c << 4 | (unsigned)digit;
    }
    if (literal->is_bytes && !is_octet)
        return fail_at(lexer, base + *at, why, "\\u and \\U stand for characters and are not for bytes");
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return fail_at(lexer, base + *at, why, "the escape is no Unicode character");
    add_octet(literal, c);
    *at += 2 + digits;
    return ERR_OK;
}

static FALLIBLE decode_escape(const struct lexer *lexer, struct str raw, size_t *at, size_t base,
    struct literal *literal, struct err_info *why)
{
    int c = *at + 1 < raw.size ? (unsigned char)raw.data[*at + 1] : -1;
    int simple = simple_escape(c);
    if (simple >= 0) {
        literal->data[literal->size++] = (char)simple;
        *at += 2;
        return ERR_OK;
    }
    if (c == 'x' || c == 'X' || c == 'u' || c == 'U')
        return decode_hex_escape(lexer, raw, at, base, literal, why);
    if (c >= '0' && c <= '3') {
        uint32_t value = 0;
        for (size_t i = 1; i <= 3; i++) {
            int digit = *at + i < raw.size ? (unsigned char)raw.data[*at + i] : -1;
            if (digit < '0' || digit > '7')
                return fail_at(lexer, base + *at, why, "an octal escape has three digits, \\000 to \\377");
            value = value << 3 | (unsigned)(digit - '0');
        }
        add_octet(literal, value);
        *at += 4;
        return ERR_OK;
    }
    return fail_at(
        lexer, base + *at, why, "no such escape; write \\\\ for a backslash, or r'…' for a raw string");
}

static FALLIBLE decode(const struct lexer *lexer, struct str raw, size_t base, bool is_bytes, struct str *ret,
    struct err_info *why)
{
    struct literal literal = { .is_bytes = is_bytes, .data = arena_bytes(lexer->arena, raw.size + 1) };
    if (literal.data == NULL)
        return err_memory(why);
    for (size_t at = 0; at < raw.size;) {
        if (raw.data[at] == '\\')
            TRY(decode_escape(lexer, raw, &at, base, &literal, why));
        else
            literal.data[literal.size++] = raw.data[at++];
    }
    *ret = (struct str){ literal.data, literal.size };
    return ERR_OK;
}

struct quotes {
    char mark;
    size_t count; /* 1 or 3 */
    bool is_raw;
    bool is_bytes;
};

/* Finds the closing quotes: `*ret_end` is their place. */
static FALLIBLE find_end(struct lexer *lexer, const struct quotes *quotes, size_t open, size_t *ret_end,
    bool *ret_escapes, struct err_info *why)
{
    size_t at = lexer->at;
    for (; at < lexer->source.size; at++) {
        char c = lexer->source.data[at];
        if (c == '\\') {
            *ret_escapes = true;
            /* Raw strings have no escapes: a backslash does not protect the quote behind it. */
            if (!quotes->is_raw)
                at++;
            continue;
        }
        if (quotes->count == 1 && (c == '\n' || c == '\r'))
            break;
        if (c != quotes->mark)
            continue;
        if (quotes->count == 1 ||
            (at + 2 < lexer->source.size && lexer->source.data[at + 1] == c &&
                lexer->source.data[at + 2] == c)) {
            *ret_end = at;
            return ERR_OK;
        }
    }
    return fail_at(lexer, open, why,
        quotes->count == 3 ? "the string does not end; its closing quotes are missing"
                           : "the string does not end on its line");
}

static FALLIBLE take_string(
    struct lexer *lexer, struct quotes *quotes, struct token *token, struct err_info *why)
{
    size_t open = lexer->at;
    quotes->mark = (char)peek(lexer, 0);
    quotes->count = peek(lexer, 1) == quotes->mark && peek(lexer, 2) == quotes->mark ? 3 : 1;
    lexer->at += quotes->count;
    size_t end = 0;
    bool has_escapes = false;
    TRY(find_end(lexer, quotes, open, &end, &has_escapes, why));
    struct str raw = str_slice(lexer->source, lexer->at, end);
    token->kind = quotes->is_bytes ? TOKEN_BYTES : TOKEN_STRING;
    token->text = raw;
    if (has_escapes && !quotes->is_raw)
        TRY(decode(lexer, raw, lexer->at, quotes->is_bytes, &token->text, why));
    for (size_t i = lexer->at; i < end; i++) {
        if (lexer->source.data[i] == '\n')
            start_line(lexer, i + 1);
    }
    lexer->at = end + quotes->count;
    return ERR_OK;
}

/* r"", b"", br"", in either case; CEL writes the b first. False when no string starts here. */
static bool take_prefix(struct lexer *lexer, struct quotes *quotes)
{
    size_t ahead = 0;
    if (peek(lexer, ahead) == 'b' || peek(lexer, ahead) == 'B') {
        quotes->is_bytes = true;
        ahead++;
    }
    if (peek(lexer, ahead) == 'r' || peek(lexer, ahead) == 'R') {
        quotes->is_raw = true;
        ahead++;
    }
    if (peek(lexer, ahead) != '"' && peek(lexer, ahead) != '\'')
        return false;
    lexer->at += ahead;
    return true;
}

/* ---- names and punctuation ---- */

static void take_name(struct lexer *lexer, struct token *token)
{
    size_t from = lexer->at;
    while (is_name_part(peek(lexer, 0)))
        lexer->at++;
    token->text = str_slice(lexer->source, from, lexer->at);
    token->kind = TOKEN_NAME;
    if (str_equal(token->text, STR("true")))
        token->kind = TOKEN_TRUE;
    else if (str_equal(token->text, STR("false")))
        token->kind = TOKEN_FALSE;
    else if (str_equal(token->text, STR("null")))
        token->kind = TOKEN_NULL;
    else if (str_equal(token->text, STR("in")))
        token->kind = TOKEN_IN;
}

static FALLIBLE take_quoted_name(struct lexer *lexer, struct token *token, struct err_info *why)
{
    size_t open = lexer->at++;
    size_t from = lexer->at;
    for (int c; (c = peek(lexer, 0)) != '`'; lexer->at++) {
        if (c < 0 || c == '\n' || c == '\r')
            return fail_at(lexer, open, why, "the closing ` of the field name is missing");
        if (!is_name_part(c) && c != '.' && c != '-' && c != '/' && c != ' ')
            return fail_at(lexer, lexer->at, why,
                "a field name in ` has letters, digits, '_', '.', '-', '/' and blanks only");
    }
    token->text = str_slice(lexer->source, from, lexer->at++);
    token->kind = TOKEN_QUOTED_NAME;
    if (token->text.size == 0)
        return fail_at(lexer, open, why, "the field name is empty");
    return ERR_OK;
}

static enum token_kind single_mark(int c)
{
    switch (c) {
    case '.': return TOKEN_DOT;
    case ',': return TOKEN_COMMA;
    case ':': return TOKEN_COLON;
    case '?': return TOKEN_QUESTION;
    case '(': return TOKEN_OPEN_PAREN;
    case ')': return TOKEN_CLOSE_PAREN;
    case '[': return TOKEN_OPEN_BRACKET;
    case ']': return TOKEN_CLOSE_BRACKET;
    case '{': return TOKEN_OPEN_BRACE;
    case '}': return TOKEN_CLOSE_BRACE;
    case '+': return TOKEN_PLUS;
    case '-': return TOKEN_MINUS;
    case '*': return TOKEN_STAR;
    case '/': return TOKEN_SLASH;
    case '%': return TOKEN_PERCENT;
    case '!': return TOKEN_NOT;
    case '<': return TOKEN_LESS;
    case '>': return TOKEN_GREATER;
    default: return TOKEN_END;
    }
}

static enum token_kind double_mark(int first, int second)
{
    if (first == '&' && second == '&')
        return TOKEN_AND;
    if (first == '|' && second == '|')
        return TOKEN_OR;
    if (second != '=')
        return TOKEN_END;
    switch (first) {
    case '=': return TOKEN_EQUAL;
    case '!': return TOKEN_NOT_EQUAL;
    case '<': return TOKEN_LESS_EQUAL;
    case '>': return TOKEN_GREATER_EQUAL;
    default: return TOKEN_END;
    }
}

static FALLIBLE refuse_byte(struct lexer *lexer, struct err_info *why)
{
    int c = peek(lexer, 0);
    if (c == '=')
        return fail_at(lexer, lexer->at, why, "'=' is no operator; equality is '=='");
    if (c == '&' || c == '|')
        return fail_at(lexer, lexer->at, why, "there are no bitwise operators; logic is '&&' and '||'");
    if (c > ' ' && c < 0x7f)
        return err_at(why, ERR_INVALID, "expr_parse", lexer->line,
            (uint32_t)(lexer->at - lexer->line_start) + 1, "'%c' has no meaning here", c);
    return fail_at(lexer, lexer->at, why, "this character has no meaning outside of a string");
}

static FALLIBLE take_mark(struct lexer *lexer, struct token *token, struct err_info *why)
{
    size_t size = 2;
    token->kind = double_mark(peek(lexer, 0), peek(lexer, 1));
    if (token->kind == TOKEN_END) {
        token->kind = single_mark(peek(lexer, 0));
        size = 1;
    }
    if (token->kind == TOKEN_END)
        return refuse_byte(lexer, why);
    token->text = str_slice(lexer->source, lexer->at, lexer->at + size);
    lexer->at += size;
    return ERR_OK;
}

FALLIBLE lexer_next(struct lexer *lexer, struct token *ret, struct err_info *why)
{
    skip_space(lexer);
    struct token token = { .line = lexer->line, .column = (uint32_t)(lexer->at - lexer->line_start) + 1 };
    struct quotes quotes = { 0 };
    int c = peek(lexer, 0);
    if (c >= 0 && take_prefix(lexer, &quotes)) {
        TRY(take_string(lexer, &quotes, &token, why));
    } else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
        size_t from = lexer->at;
        TRY(take_number(lexer, &token, why));
        token.text = str_slice(lexer->source, from, lexer->at);
    } else if (is_name_start(c)) {
        take_name(lexer, &token);
    } else if (c == '`') {
        TRY(take_quoted_name(lexer, &token, why));
    } else if (c >= 0) {
        TRY(take_mark(lexer, &token, why));
    }
    *ret = token;
    return ERR_OK;
}
