/* SPDX-License-Identifier: MIT
 *
 * TLS: the server's certificate, and that of clients where it is asked for.
 */
#ifndef SNOWIDD_TLS_H
#define SNOWIDD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "snowidd/config/settings.h"

/* *context is NULL where no certificate is set. */
bool tls_context(const struct settings *settings, SSL_CTX **context, struct settings_error *error);

/* When the server's certificate ends, unix time; 0: that cannot be told. */
int64_t tls_certificate_end(const SSL_CTX *context);

#endif
