/* SPDX-License-Identifier: MIT
 *
 * TLS on one connection.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdint.h>

#include "snowidd/base/tls_stream.h"

/* The memory that a buffer may keep between two requests. */
#define BUFFER_KEPT 32768

static BIO *new_input(void)
{
	BIO *const input = BIO_new(BIO_s_mem());

	if (input)
		BIO_set_mem_eof_return(input, -1); /* an empty one is not the end */
	return input;
}

static SSL *new_stream(SSL_CTX *context)
{
	BIO *const input = new_input(), *const output = BIO_new(BIO_s_mem());
	SSL *const tls = SSL_new(context);

	if (!tls || !input || !output) {
		BIO_free(input);
		BIO_free(output);
		SSL_free(tls);
		return NULL;
	}
	SSL_set_bio(tls, input, output);
	return tls;
}

SSL *tls_stream_accept(SSL_CTX *context, const char *alpn)
{
	SSL *const tls = new_stream(context);

	if (!tls)
		return NULL;
	SSL_set_app_data(tls, (void *)(uintptr_t)alpn);
	SSL_set_accept_state(tls);
	return tls;
}

/* SSL_set_tlsext_host_name() is a macro with a cast that drops const, which clang refuses. */
static bool set_server_name(SSL *tls, const char *host)
{
	return SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1;
}

SSL *tls_stream_connect(SSL_CTX *context, const char *host)
{
	SSL *const tls = new_stream(context);

	if (!tls)
		return NULL;
	/* Server Name Indication is for names alone (RFC 6066, section 3). */
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) != 1 &&
	    (SSL_set1_host(tls, host) != 1 || !set_server_name(tls, host))) {
		SSL_free(tls);
		return NULL;
	}
	ERR_clear_error();
	SSL_set_connect_state(tls);
	return tls;
}

bool tls_stream_receive(SSL *tls, const char *bytes, size_t length)
{
	const BUF_MEM *held;

	BIO_get_mem_ptr(SSL_get_rbio(tls), &held);
	if (held->length == 0 && held->max > BUFFER_KEPT)
		SSL_set0_rbio(tls, new_input());
	return BIO_write(SSL_get_rbio(tls), bytes, (int)length) == (int)length;
}

enum tls_result tls_stream_read(SSL *tls, char *bytes, size_t size, size_t *length)
{
	ERR_clear_error();
	if (SSL_read_ex(tls, bytes, size, length) == 1)
		return TLS_BYTES;
	switch (SSL_get_error(tls, 0)) {
	case SSL_ERROR_WANT_READ:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		return TLS_FAILED;
	}
}

bool tls_stream_has_input(const SSL *tls)
{
	return SSL_pending(tls) > 0 || BIO_pending(SSL_get_rbio(tls)) > 0;
}

bool tls_stream_is_open(const SSL *tls)
{
	return SSL_is_init_finished(tls);
}

const char *tls_stream_problem(const SSL *tls)
{
	const long verified = SSL_get_verify_result(tls);
	const char *const reason = ERR_reason_error_string(ERR_peek_last_error());

	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	return reason ? reason : "the handshake failed";
}

bool tls_stream_write(SSL *tls, const char *bytes, size_t length)
{
	size_t done = 0, written;

	while (done < length && SSL_write_ex(tls, bytes + done, length - done, &written) == 1)
		done += written;
	return done == length;
}

bool tls_stream_finish(SSL *tls)
{
	if (SSL_get_shutdown(tls) & SSL_SENT_SHUTDOWN)
		return false;
	SSL_shutdown(tls);
	ERR_clear_error();
	return true;
}

size_t tls_stream_output(const SSL *tls, const char **bytes)
{
	char *data;
	const long length = BIO_get_mem_data(SSL_get_wbio(tls), &data);

	*bytes = data;
	return length > 0 ? (size_t)length : 0;
}

void tls_stream_sent(SSL *tls)
{
	const char *bytes;
	const size_t length = tls_stream_output(tls, &bytes);

	BIO_reset(SSL_get_wbio(tls));
	if (length > BUFFER_KEPT)
		SSL_set0_wbio(tls, BIO_new(BIO_s_mem()));
}
