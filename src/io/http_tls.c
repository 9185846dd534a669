#include "io/http_tls.h"
#include "io/heap.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

struct http_tls_context {
    SSL_CTX *ssl_context;
};

struct http_tls {
    SSL *ssl; /* owns both BIOs */
    BIO *input, *output;
};

static FALLIBLE http_tls_fail(struct err_info *why, const char *what, struct str file)
{
    char text[200] = "unknown reason";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return err_named(why, ERR_INVALID, "tls_file", "%s %.*s: %s", what, STR_ARG(file), text);
}

/* HTTP/1.1 is all we speak; a client that offers only others may still try. */
static int http_tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
    const unsigned char *offered, unsigned int offered_size, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)context;
    unsigned char *chosen;
    int found = SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, offered, offered_size);
    if (found != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL wants terminated names. */
static FALLIBLE http_tls_load(
    SSL_CTX *ssl_context, struct str cert_file, struct str key_file, struct err_info *why)
{
    char cert_name[PATH_MAX], key_name[PATH_MAX];
    if (cert_file.size >= sizeof cert_name || key_file.size >= sizeof key_name)
        return err_named(why, ERR_INVALID, "tls_file", "a TLS file's name is longer than a path may be");
    memcpy(cert_name, cert_file.data, cert_file.size);
    cert_name[cert_file.size] = '\0';
    memcpy(key_name, key_file.data, key_file.size);
    key_name[key_file.size] = '\0';
    if (SSL_CTX_use_certificate_chain_file(ssl_context, cert_name) != 1)
        return http_tls_fail(why, "cannot use the certificate", cert_file);
    if (SSL_CTX_use_PrivateKey_file(ssl_context, key_name, SSL_FILETYPE_PEM) != 1)
        return http_tls_fail(why, "cannot use the private key", key_file);
    if (SSL_CTX_check_private_key(ssl_context) != 1)
        return http_tls_fail(why, "the certificate does not belong to the key", key_file);
    return ERR_OK;
}

enum err http_tls_context_new(
    struct str cert_file, struct str key_file, struct http_tls_context **ret, struct err_info *why)
{
    struct http_tls_context *context = heap_zeroed(sizeof *context);
    if (!context)
        return err_memory(why);
    context->ssl_context = SSL_CTX_new(TLS_server_method());
    enum err failed = context->ssl_context ? ERR_OK : err_memory(why);
    if (failed == ERR_OK) {
        (void)SSL_CTX_set_min_proto_version(context->ssl_context, TLS1_2_VERSION); /* a version it has */
        (void)SSL_CTX_set_options(context->ssl_context,
            SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        (void)SSL_CTX_set_mode(context->ssl_context, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_alpn_select_cb(context->ssl_context, http_tls_choose_protocol, NULL);
        failed = http_tls_load(context->ssl_context, cert_file, key_file, why);
    }
    if (failed != ERR_OK) {
        http_tls_context_free(context);
        return failed;
    }
    *ret = context;
    return ERR_OK;
}

void http_tls_context_free(struct http_tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl_context);
    memory_free(context);
}

enum err http_tls_new(struct http_tls_context *context, struct http_tls **ret, struct err_info *why)
{
    struct http_tls *tls = heap_zeroed(sizeof *tls);
    if (!tls)
        return err_memory(why);
    tls->ssl = SSL_new(context->ssl_context);
    tls->input = BIO_new(BIO_s_mem());
    tls->output = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->input || !tls->output) {
        BIO_free(tls->input);
        BIO_free(tls->output);
        SSL_free(tls->ssl);
        memory_free(tls);
        return err_memory(why);
    }
    SSL_set_bio(tls->ssl, tls->input, tls->output);
    SSL_set_accept_state(tls->ssl);
    *ret = tls;
    return ERR_OK;
}

void http_tls_free(struct http_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    memory_free(tls);
}

enum err http_tls_receive(struct http_tls *tls, struct str cipher, struct err_info *why)
{
    assert(cipher.size <= INT_MAX);
    if (cipher.size > 0 && BIO_write(tls->input, cipher.data, (int)cipher.size) != (int)cipher.size)
        return err_memory(why);
    return ERR_OK;
}

int http_tls_read(struct http_tls *tls, char *bytes, size_t size)
{
    ERR_clear_error(); /* SSL_get_error looks at the thread's whole queue */
    int count = SSL_read(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
    if (count > 0)
        return count;
    int reason = SSL_get_error(tls->ssl, count);
    ERR_clear_error();
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

enum err http_tls_write(struct http_tls *tls, struct str plain, struct err_info *why)
{
    while (plain.size > 0) {
        ERR_clear_error();
        int size = plain.size > INT_MAX ? INT_MAX : (int)plain.size;
        int count = SSL_write(tls->ssl, plain.data, size);
        if (count <= 0) {
            ERR_clear_error();
            return err_set(why, ERR_UNAVAILABLE, "the TLS session has ended");
        }
        plain = str_slice(plain, (size_t)count, plain.size);
    }
    return ERR_OK;
}

void http_tls_end(struct http_tls *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* half of it is all we want: the peer need not answer */
    ERR_clear_error();
}

struct str http_tls_output(struct http_tls *tls)
{
    char *data = NULL;
    long size = BIO_get_mem_data(tls->output, &data);
    return (struct str){ data, size > 0 ? (size_t)size : 0 };
}

void http_tls_output_sent(struct http_tls *tls)
{
    (void)BIO_reset(tls->output); /* a memory BIO's never fails */
}
