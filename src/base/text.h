/* Encodings of text: UTF-8, base64, hexadecimal, percent-encoding. Each reader refuses what is not in
 * its format. */
#ifndef TOCSIN_BASE_TEXT_H
#define TOCSIN_BASE_TEXT_H

#include "base/buf.h"
#include "base/str.h"

bool utf8_is_valid(struct str s);
/* The code point at `*offset`, which moves on; -1 and one byte further on a malformed one. */
int32_t utf8_next(struct str s, size_t *offset);
void utf8_add(struct buf *buf, uint32_t code_point);
/* The code point's bytes and how many they are; those of U+FFFD for what is no code point. */
size_t utf8_put(char out[4], uint32_t code_point);
/* Bytes that are no UTF-8 become U+FFFD. */
void utf8_add_lossy(struct buf *buf, struct str s);
size_t utf8_length(struct str s); /* code points of a valid string */
/* Its first `most` bytes, or a few less, so that no character is cut in two. */
struct str utf8_cut(struct str s, size_t most);

void base64_add(struct buf *buf, struct str bytes);
void base64url_add(struct buf *buf, struct str bytes); /* without padding */
bool base64_decode(struct buf *buf, struct str text); /* standard alphabet, padding optional */
bool base64url_decode(struct buf *buf, struct str text);
void hex_add(struct buf *buf, struct str bytes); /* lower case */
int hex_digit(int c); /* its value; -1 for what is none */
bool hex_decode(struct buf *buf, struct str text);
/* Everything but RFC 3986's unreserved characters becomes %XX. */
void percent_add(struct buf *buf, struct str s);
/* False on a bad escape. `plus_is_space` for query strings. */
bool percent_decode(struct buf *buf, struct str text, bool plus_is_space);

#endif
