/* The words of an expression (langdef, "Syntax"), read one at a time. Literals arrive decoded; their
 * bytes are slices of the source where no escape stands in them, else of the arena. */
#ifndef TOCSIN_EXPR_TOKEN_H
#define TOCSIN_EXPR_TOKEN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME, /* identifiers and reserved words */
    TOKEN_QUOTED_NAME, /* `a/b`, a field whose name is no identifier; text is what stands inside */
    TOKEN_INT,
    TOKEN_UINT,
    TOKEN_DOUBLE,
    TOKEN_STRING,
    TOKEN_BYTES,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_IN,
    TOKEN_DOT,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_QUESTION,
    TOKEN_OPEN_PAREN,
    TOKEN_CLOSE_PAREN,
    TOKEN_OPEN_BRACKET,
    TOKEN_CLOSE_BRACKET,
    TOKEN_OPEN_BRACE,
    TOKEN_CLOSE_BRACE,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_NOT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
};

struct token {
    enum token_kind kind;
    struct str text; /* as it stands in the source; NAME: the name; STRING and BYTES: the content */
    uint64_t magnitude; /* INT, UINT: without a sign; an INT may be 2^63, which is good behind a '-' */
    double number; /* DOUBLE */
    uint32_t line, column;
};

struct lexer {
    struct arena *arena;
    struct str source;
    size_t at;
    size_t line_start;
    uint32_t line;
};

void lexer_init(struct lexer *lexer, struct arena *arena, struct str source);
/* ERR_INVALID "expr_parse" with the place of the offending byte; ERR_MEMORY. */
FALLIBLE lexer_next(struct lexer *lexer, struct token *ret, struct err_info *why);
/* Words that are kept for host languages: no identifiers, but good behind a dot. */
bool token_is_reserved(struct str name);

#endif
