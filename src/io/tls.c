#include "io/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "io/heap.h"

#define TLS_HOST_BYTES_MAX 255 /* RFC 1035, 2.3.4 */

struct tls_context {
    SSL_CTX *ssl_context;
};

struct tls {
    SSL *ssl; /* owns both BIOs */
    BIO *input, *output;
};

static FALLIBLE tls_fail(struct err_info *why, const char *what, struct str file)
{
    char text[200] = "unknown reason";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return err_named(why, ERR_INVALID, "tls_file", "%s %.*s: %s", what, STR_ARG(file), text);
}

/* HTTP/1.1 is all we speak; a client that offers only others may still try. */
static int tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
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
static FALLIBLE tls_file_name(char name[PATH_MAX], struct str file, struct err_info *why)
{
    if (file.size >= PATH_MAX || str_find_byte(file, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "tls_file", "a TLS file's name is no path");
    if (file.size > 0)
        memcpy(name, file.data, file.size);
    name[file.size] = '\0';
    return ERR_OK;
}

static FALLIBLE tls_load(
    SSL_CTX *ssl_context, struct str cert_file, struct str key_file, struct err_info *why)
{
    char cert_name[PATH_MAX], key_name[PATH_MAX];
    TRY(tls_file_name(cert_name, cert_file, why));
    TRY(tls_file_name(key_name, key_file, why));
    if (SSL_CTX_use_certificate_chain_file(ssl_context, cert_name) != 1)
        return tls_fail(why, "cannot use the certificate", cert_file);
    if (SSL_CTX_use_PrivateKey_file(ssl_context, key_name, SSL_FILETYPE_PEM) != 1)
        return tls_fail(why, "cannot use the private key", key_file);
    if (SSL_CTX_check_private_key(ssl_context) != 1)
        return tls_fail(why, "the certificate does not belong to the key", key_file);
    return ERR_OK;
}

static FALLIBLE tls_trust(SSL_CTX *ssl_context, struct str ca_file, struct err_info *why)
{
    char ca_name[PATH_MAX];
    SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_default_verify_paths(ssl_context) != 1)
        return err_memory(why); /* a system without CAs is no error here: then nobody is trusted */
    if (ca_file.size == 0)
        return ERR_OK;
    TRY(tls_file_name(ca_name, ca_file, why));
    if (SSL_CTX_load_verify_file(ssl_context, ca_name) != 1)
        return tls_fail(why, "cannot use the CA file", ca_file);
    return ERR_OK;
}

/* What servers and clients have in common. */
static FALLIBLE tls_context_begin(const SSL_METHOD *method, struct tls_context **ret, struct err_info *why)
{
    struct tls_context *context = heap_zeroed(sizeof *context);
    if (!context)
        return err_memory(why);
    context->ssl_context = SSL_CTX_new(method);
    if (!context->ssl_context) {
        ERR_clear_error();
        memory_free(context);
        return err_memory(why);
    }
    (void)SSL_CTX_set_min_proto_version(context->ssl_context, TLS1_2_VERSION); /* a version it has */
    (void)SSL_CTX_set_options(context->ssl_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context->ssl_context, SSL_MODE_RELEASE_BUFFERS);
    *ret = context;
    return ERR_OK;
}

enum err tls_context_new(
    struct str cert_file, struct str key_file, struct tls_context **ret, struct err_info *why)
{
    struct tls_context *context;
    TRY(tls_context_begin(TLS_server_method(), &context, why));
    (void)SSL_CTX_set_options(context->ssl_context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(context->ssl_context, tls_choose_protocol, NULL);
    enum err failed = tls_load(context->ssl_context, cert_file, key_file, why);
    if (failed != ERR_OK) {
        tls_context_free(context);
        return failed;
    }
    *ret = context;
    return ERR_OK;
}

enum err tls_context_new_client(struct str ca_file, struct tls_context **ret, struct err_info *why)
{
    struct tls_context *context;
    TRY(tls_context_begin(TLS_client_method(), &context, why));
    enum err failed = tls_trust(context->ssl_context, ca_file, why);
    if (failed != ERR_OK) {
        tls_context_free(context);
        return failed;
    }
    *ret = context;
    return ERR_OK;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl_context);
    memory_free(context);
}

static FALLIBLE tls_begin(struct tls_context *context, struct tls **ret, struct err_info *why)
{
    struct tls *tls = heap_zeroed(sizeof *tls);
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
    *ret = tls;
    return ERR_OK;
}

enum err tls_new(struct tls_context *context, struct tls **ret, struct err_info *why)
{
    TRY(tls_begin(context, ret, why));
    SSL_set_accept_state((*ret)->ssl);
    return ERR_OK;
}

/* An address is looked for among the certificate's addresses, and is not named in the greeting (RFC 6066, 3).
 */
static bool tls_expect(SSL *ssl, char *host)
{
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1;
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum err tls_new_client(struct tls_context *context, struct str host, struct tls **ret, struct err_info *why)
{
    char name[TLS_HOST_BYTES_MAX + 1];
    if (host.size == 0 || host.size > TLS_HOST_BYTES_MAX || str_find_byte(host, '\0', 0) >= 0)
        return err_named(why, ERR_INVALID, "tls_host", "\"%.*s\" is no name of a host", STR_ARG(host));
    memcpy(name, host.data, host.size);
    name[host.size] = '\0';
    struct tls *tls;
    TRY(tls_begin(context, &tls, why));
    if (!tls_expect(tls->ssl, name)) {
        ERR_clear_error();
        tls_free(tls);
        return err_memory(why);
    }
    SSL_set_connect_state(tls->ssl);
    *ret = tls;
    return ERR_OK;
}

bool tls_is_ready(const struct tls *tls)
{
    return SSL_is_init_finished(tls->ssl) == 1;
}

const char *tls_distrust(const struct tls *tls)
{
    long reason = SSL_get_verify_result(tls->ssl);
    return reason == X509_V_OK ? NULL : X509_verify_cert_error_string(reason);
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    memory_free(tls);
}

enum err tls_receive(struct tls *tls, struct str cipher, struct err_info *why)
{
    assert(cipher.size <= INT_MAX);
    if (cipher.size > 0 && BIO_write(tls->input, cipher.data, (int)cipher.size) != (int)cipher.size)
        return err_memory(why);
    return ERR_OK;
}

int tls_read(struct tls *tls, char *bytes, size_t size)
{
    ERR_clear_error(); /* SSL_get_error looks at the thread's whole queue */
    int count = SSL_read(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
    if (count > 0)
        return count;
    int reason = SSL_get_error(tls->ssl, count);
    ERR_clear_error();
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

enum err tls_write(struct tls *tls, struct str plain, struct err_info *why)
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

void tls_end(struct tls *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* half of it is all we want: the peer need not answer */
    ERR_clear_error();
}

struct str tls_output(struct tls *tls)
{
    char *data = NULL;
    long size = BIO_get_mem_data(tls->output, &data);
    return (struct str){ data, size > 0 ? (size_t)size : 0 };
}

void tls_output_sent(struct tls *tls)
{
    (void)BIO_reset(tls->output); /* a memory BIO's never fails */
}
