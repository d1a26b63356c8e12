/* SPDX-License-Identifier: MIT
 *
 * TLS: the certificate of the server, and the authorities of those of clients and peers.
 */
#ifndef SNOWIDD_TLS_H
#define SNOWIDD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "snowidd/config/settings.h"

/* Sets *context to NULL if no certificate is configured. False with *error. */
bool tls_context(const struct settings *settings, SSL_CTX **context, struct settings_error *error);

/* For connections to peers: verifies their certificates, and presents that of this server. Sets
 * *context to NULL if no certificate is configured, or no peer. False with *error. */
bool tls_peer_context(const struct settings *settings, SSL_CTX **context,
		      struct settings_error *error);

/* When the certificate of the server expires, in seconds since 1970; 0 if that is unknown. */
int64_t tls_certificate_end(const SSL_CTX *context);

#endif
