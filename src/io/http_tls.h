/* Serving TLS: OpenSSL between memory buffers, so that sockets stay the loop's. TLS 1.2 and later, no
 * renegotiation, ALPN "http/1.1". */
#ifndef TOCSIN_IO_HTTP_TLS_H
#define TOCSIN_IO_HTTP_TLS_H

#include "base/err.h"
#include "base/str.h"

struct http_tls_context; /* certificate and key; shared by connections */
struct http_tls; /* one connection's side */

/* Both files are PEM, the certificate with its chain. ERR_INVALID with the file's name and OpenSSL's text. */
FALLIBLE http_tls_context_new(
    struct str cert_file, struct str key_file, struct http_tls_context **ret, struct err_info *why);
void http_tls_context_free(struct http_tls_context *context);

FALLIBLE http_tls_new(struct http_tls_context *context, struct http_tls **ret, struct err_info *why);
void http_tls_free(struct http_tls *tls);

/* Bytes from the socket; taken whole. */
FALLIBLE http_tls_receive(struct http_tls *tls, struct str cipher, struct err_info *why);
/* Plain bytes out of what was received: their count; 0 when more must come first; -1 when the peer has ended
 * the session or broken the protocol. May leave bytes for the socket in http_tls_output. */
int http_tls_read(struct http_tls *tls, char *bytes, size_t size);
/* Encrypts; the result waits in http_tls_output. */
FALLIBLE http_tls_write(struct http_tls *tls, struct str plain, struct err_info *why);
/* Says goodbye (close_notify) in http_tls_output. */
void http_tls_end(struct http_tls *tls);

/* What must go to the socket: borrowed until http_tls_output_sent, which forgets it. */
struct str http_tls_output(struct http_tls *tls);
void http_tls_output_sent(struct http_tls *tls);

#endif
