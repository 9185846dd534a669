/* TLS for sockets that are the loop's: OpenSSL between memory buffers. TLS 1.2 and later, no renegotiation.
 * A server offers ALPN "http/1.1"; a client checks the certificate and the name, always. */
#ifndef TOCSIN_IO_TLS_H
#define TOCSIN_IO_TLS_H

#include "base/err.h"
#include "base/str.h"

struct tls_context; /* a server's certificate and key, or whom a client trusts; shared by connections */
struct tls; /* one connection's side */

/* Both files are PEM, the certificate with its chain. ERR_INVALID with the file's name and OpenSSL's text. */
FALLIBLE tls_context_new(
    struct str cert_file, struct str key_file, struct tls_context **ret, struct err_info *why);
/* Trusts the system's CAs, and those of `ca_file` (PEM) unless it is empty. ERR_INVALID as above. */
FALLIBLE tls_context_new_client(struct str ca_file, struct tls_context **ret, struct err_info *why);
void tls_context_free(struct tls_context *context);

FALLIBLE tls_new(struct tls_context *context, struct tls **ret, struct err_info *why);
/* `host`, a name or an address, must be in the peer's certificate. The first tls_read begins the handshake.
 */
FALLIBLE tls_new_client(struct tls_context *context, struct str host, struct tls **ret, struct err_info *why);
void tls_free(struct tls *tls);

/* The handshake is done: what is written from now on goes out encrypted, and a client knows the peer. */
bool tls_is_ready(const struct tls *tls);
/* A client's: why the peer's certificate is not trusted; NULL when that was not what failed. */
const char *tls_distrust(const struct tls *tls);

/* Bytes from the socket; taken whole. */
FALLIBLE tls_receive(struct tls *tls, struct str cipher, struct err_info *why);
/* Plain bytes out of what was received: their count; 0 when more must come first; -1 when the peer has ended
 * the session or broken the protocol. May leave bytes for the socket in tls_output. */
int tls_read(struct tls *tls, char *bytes, size_t size);
/* Encrypts; the result waits in tls_output. */
FALLIBLE tls_write(struct tls *tls, struct str plain, struct err_info *why);
/* Says goodbye (close_notify) in tls_output. */
void tls_end(struct tls *tls);

/* What must go to the socket: borrowed until tls_output_sent, which forgets it. */
struct str tls_output(struct tls *tls);
void tls_output_sent(struct tls *tls);

#endif
