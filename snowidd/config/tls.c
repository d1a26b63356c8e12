/* SPDX-License-Identifier: MIT
 *
 * TLS: the certificate of the server, and the authorities of those of clients and peers.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "snowidd/config/tls.h"

static bool fail_with_openssl_error(struct settings_error *error, const char *what,
				    const char *path)
{
	char why[200];

	ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
	ERR_clear_error();
	return settings_fail(error, "%s %.150s: %s", what, path, why);
}

/* A connection has one protocol, so a client that does not offer it is rejected (RFC 7301, section
 * 3.2): otherwise it would, for example, speak HTTP/2 where HTTP/1.1 is served. */
static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *length,
		       const unsigned char *offered, unsigned offered_length, void *user)
{
	const char *const name = SSL_get_app_data(ssl);
	const size_t name_length = strlen(name);

	(void)user;
	for (unsigned i = 0; i < offered_length; i += 1U + offered[i])
		if (offered[i] == name_length && name_length < offered_length - i &&
		    memcmp(offered + i + 1, name, name_length) == 0) {
			*chosen = offered + i + 1;
			*length = offered[i];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool load_certificates(SSL_CTX *context, const struct settings *settings,
			      struct settings_error *error)
{
	if (SSL_CTX_use_certificate_chain_file(context, settings->tls_certificate) != 1)
		return fail_with_openssl_error(error, "tls.certificate: cannot use",
					       settings->tls_certificate);
	if (SSL_CTX_use_PrivateKey_file(context, settings->tls_key, SSL_FILETYPE_PEM) != 1)
		return fail_with_openssl_error(error, "tls.key: cannot use", settings->tls_key);
	if (SSL_CTX_check_private_key(context) != 1)
		return fail_with_openssl_error(
			error, "tls.key: does not belong to the certificate:", settings->tls_key);
	return true;
}

static bool load_client_authorities(SSL_CTX *context, const struct settings *settings,
				    struct settings_error *error)
{
	if (!*settings->tls_client_ca)
		return true;
	if (SSL_CTX_load_verify_file(context, settings->tls_client_ca) != 1)
		return fail_with_openssl_error(error, "tls.client_ca: cannot use",
					       settings->tls_client_ca);
	SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(settings->tls_client_ca));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return true;
}

static bool load_peer_authorities(SSL_CTX *context, const struct settings *settings,
				  struct settings_error *error)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (!*settings->tls_peer_ca)
		return SSL_CTX_set_default_verify_paths(context) == 1 ||
		       fail_with_openssl_error(error, "tls.peer_ca: cannot use",
					       "the authorities of the system");
	return SSL_CTX_load_verify_file(context, settings->tls_peer_ca) == 1 ||
	       fail_with_openssl_error(error, "tls.peer_ca: cannot use", settings->tls_peer_ca);
}

static SSL_CTX *new_context(const SSL_METHOD *method, struct settings_error *error)
{
	ERR_clear_error();
	SSL_CTX *const context = SSL_CTX_new(method);
	if (!context) {
		fail_with_openssl_error(error, "tls:", "OpenSSL");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

bool tls_context(const struct settings *settings, SSL_CTX **context, struct settings_error *error)
{
	static const unsigned char session[] = "snowidd";

	*context = NULL;
	if (!*settings->tls_certificate)
		return true;
	SSL_CTX *const made = new_context(TLS_server_method(), error);
	if (!made)
		return false;
	SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_id_context(made, session, sizeof session - 1);
	SSL_CTX_set_alpn_select_cb(made, choose_alpn, NULL);
	if (!load_certificates(made, settings, error) ||
	    !load_client_authorities(made, settings, error)) {
		SSL_CTX_free(made);
		return false;
	}
	*context = made;
	return true;
}

bool tls_peer_context(const struct settings *settings, SSL_CTX **context,
		      struct settings_error *error)
{
	static const unsigned char alpn[] = "\x08http/1.1"; /* RFC 7301, section 3.1 */

	*context = NULL;
	if (!*settings->tls_certificate || settings->peers.count == 0)
		return true;
	SSL_CTX *const made = new_context(TLS_client_method(), error);
	if (!made)
		return false;
	if (SSL_CTX_set_alpn_protos(made, alpn, sizeof alpn - 1) != 0 ||
	    !load_certificates(made, settings, error) ||
	    !load_peer_authorities(made, settings, error)) {
		SSL_CTX_free(made);
		return false;
	}
	*context = made;
	return true;
}

int64_t tls_certificate_end(const SSL_CTX *context)
{
	const X509 *const certificate = SSL_CTX_get0_certificate(context);
	struct tm utc;

	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) != 1)
		return 0;
	return timegm(&utc);
}
