/* SPDX-License-Identifier: MIT
 *
 * TLS between a client and a server in memory.
 */
#include "snowidd/base/tls_stream.h"
#include "tests/unit/check.h"
#include "tests/unit/snowidd/certificate.h"

static struct certificate certificate, other;
static SSL_CTX *server_context, *client_context;
static SSL *server, *client;

static void begin(void)
{
	certificate = certificate_new("ids.example");
	other = certificate_new("ids.example");
	server_context = SSL_CTX_new(TLS_server_method());
	client_context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
	ck_assert_int_eq(SSL_CTX_use_certificate(server_context, certificate.x509), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_context, certificate.key), 1);
}

static void end(void)
{
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	certificate_free(certificate);
	certificate_free(other);
}

static void open_streams(struct certificate trusted, const char *host)
{
	X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context), trusted.x509);
	server = tls_stream_accept(server_context, "http/1.1");
	client = tls_stream_connect(client_context, host);
	ck_assert(server && client);
}

static void pass_ciphertext(SSL *from, SSL *to)
{
	const char *bytes;
	const size_t length = tls_stream_output(from, &bytes);

	if (length > 0)
		ck_assert(tls_stream_receive(to, bytes, length));
	tls_stream_sent(from);
}

/* Lets both sides read until there is nothing to pass on; returns what the client read last. */
static enum tls_result shake_hands(void)
{
	enum tls_result result = TLS_MORE;
	char text[64];
	size_t length;

	for (int i = 0; i < 4 && result == TLS_MORE; i++) {
		result = tls_stream_read(client, text, sizeof text, &length);
		pass_ciphertext(client, server);
		tls_stream_read(server, text, sizeof text, &length);
		pass_ciphertext(server, client);
	}
	return result;
}

static void expect_refusal(const char *problem)
{
	ck_assert_int_eq(shake_hands(), TLS_FAILED);
	ck_assert_str_eq(tls_stream_problem(client), problem);
	ck_assert(!tls_stream_write(client, "secret", 6));
}

TEST(a_certificate_for_the_name_is_accepted)
{
	char text[64];
	size_t length;

	open_streams(certificate, "ids.example");
	ck_assert_int_eq(shake_hands(), TLS_MORE);
	ck_assert(tls_stream_write(client, "question", 8));
	pass_ciphertext(client, server);
	ck_assert_int_eq(tls_stream_read(server, text, sizeof text, &length), TLS_BYTES);
	ck_assert_uint_eq(length, 8);
	ck_assert_mem_eq(text, "question", 8);
	ck_assert_str_eq(SSL_get_servername(server, TLSEXT_NAMETYPE_host_name), "ids.example");
}

TEST(a_certificate_for_the_address_is_accepted)
{
	open_streams(certificate, "127.0.0.1");
	ck_assert_int_eq(shake_hands(), TLS_MORE);
	ck_assert(SSL_is_init_finished(client));
	ck_assert_ptr_null(SSL_get_servername(server, TLSEXT_NAMETYPE_host_name));
}

TEST(a_certificate_for_another_name_is_refused)
{
	open_streams(certificate, "other.example");
	expect_refusal("hostname mismatch");
}

TEST(a_certificate_for_another_address_is_refused)
{
	open_streams(certificate, "127.0.0.2");
	expect_refusal("IP address mismatch");
}

TEST(a_certificate_of_another_authority_is_refused)
{
	open_streams(other, "ids.example");
	ck_assert_int_eq(shake_hands(), TLS_FAILED);
	ck_assert(!tls_stream_write(client, "secret", 6));
}

TEST(nothing_is_sent_before_the_host_is_verified)
{
	open_streams(certificate, "ids.example");
	ck_assert(!tls_stream_write(client, "secret", 6));
}

int main(void)
{
	return run_tests(begin, end);
}
