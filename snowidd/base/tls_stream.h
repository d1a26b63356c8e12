/* SPDX-License-Identifier: MIT
 *
 * TLS on one connection, between memory and memory: what to do with the bytes is up to the caller.
 */
#ifndef SNOWIDD_TLS_STREAM_H
#define SNOWIDD_TLS_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum tls_result {
	TLS_BYTES,  /* some were decrypted */
	TLS_MORE,   /* more ciphertext has to arrive */
	TLS_CLOSED, /* the peer says that nothing follows */
	TLS_FAILED
};

/* The server's side. `alpn` is the one protocol that is spoken. NULL if there is no memory. */
SSL *tls_stream_accept(SSL_CTX *context, const char *alpn);

/* The client's side. The certificate of the server must be for `host`, a name or an IP address, if
 * the context verifies it. Reading begins the handshake. NULL if there is no memory. */
SSL *tls_stream_connect(SSL_CTX *context, const char *host);

/* Hands over ciphertext that has arrived. False if there is no memory. */
bool tls_stream_receive(SSL *tls, const char *bytes, size_t length);

/* Decrypts some of it. What there is to send afterwards belongs to a handshake, or is an alert. */
enum tls_result tls_stream_read(SSL *tls, char *bytes, size_t size, size_t *length);

/* Whether reading may give bytes without more ciphertext. */
bool tls_stream_has_input(const SSL *tls);

/* Whether the handshake is over. */
bool tls_stream_is_open(const SSL *tls);

/* Why reading has failed. */
const char *tls_stream_problem(const SSL *tls);

/* False if there is no memory, or before the end of the handshake. */
bool tls_stream_write(SSL *tls, const char *bytes, size_t length);

/* Says that nothing follows (RFC 8446, section 6.1). False if it has been said before. */
bool tls_stream_finish(SSL *tls);

/* The ciphertext to be sent; tls_stream_sent() forgets it. */
size_t tls_stream_output(const SSL *tls, const char **bytes);
void tls_stream_sent(SSL *tls);

#endif
