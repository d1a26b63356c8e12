/* SPDX-License-Identifier: MIT
 *
 * The server's side of TLS on one connection.
 */
#include <openssl/err.h>
#include <stdint.h>

#include "snowidd/net/tls_stream.h"

/* The memory that a buffer may keep between two requests. */
#define BUFFER_KEPT 32768

static BIO *new_input(void)
{
	BIO *const input = BIO_new(BIO_s_mem());

	if (input)
		BIO_set_mem_eof_return(input, -1); /* an empty one is not the end */
	return input;
}

SSL *tls_stream_new(SSL_CTX *context, const char *alpn)
{
	BIO *const input = new_input(), *const output = BIO_new(BIO_s_mem());
	SSL *const tls = SSL_new(context);

	if (!tls || !input || !output) {
		BIO_free(input);
		BIO_free(output);
		SSL_free(tls);
		return NULL;
	}
	SSL_set_app_data(tls, (void *)(uintptr_t)alpn);
	SSL_set_bio(tls, input, output);
	SSL_set_accept_state(tls);
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
