/* SPDX-License-Identifier: MIT
 *
 * TLS: the server's certificate, and that of clients where it is asked for.
 */
#ifndef SNOWIDD_TLS_H
#define SNOWIDD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "snowidd/settings.h"

/* *context is NULL where no certificate is set. */
bool tls_context(const struct settings *settings, SSL_CTX **context, struct settings_error *error);

#endif
