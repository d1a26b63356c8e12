/* SPDX-License-Identifier: MIT
 *
 * What a reload replaces as a whole.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "snowidd/base/address.h"
#include "snowidd/config/live.h"
#include "snowidd/config/tls.h"

/* Digests are compared, so that the time this takes reveals nothing, not even the length of the
 * token. */
static bool digest_token(const char *token, size_t length, unsigned char to[32])
{
	return EVP_Digest(token, length, to, NULL, EVP_sha256(), NULL) == 1;
}

static bool read_token(struct live *live, struct settings_error *error)
{
	const char *const path = live->settings->token_file;
	char text[1024];

	if (!*path)
		return true;
	FILE *const file = fopen(path, "re");
	if (!file)
		return settings_fail(error, "token_file: cannot read %s: %s", path,
				     strerror(errno));
	size_t length = fread(text, 1, sizeof text, file);
	fclose(file);
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	if (length < 16 || length == sizeof text)
		return settings_fail(
			error, "token_file: %s does not contain a token of 16 to 1000 bytes", path);
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return settings_fail(
				error, "token_file: the token in %s cannot be sent in a header",
				path);
	live->token = strndup(text, length);
	const bool good = live->token && digest_token(text, length, live->token_digest);
	OPENSSL_cleanse(text, sizeof text);
	return good ||
	       settings_fail(error, "token_file: out of memory, or SHA-256 is not available");
}

static bool check_hosts(const char *key, const struct text_list *hosts, bool need_port,
			struct settings_error *error)
{
	for (size_t i = 0; i < hosts->count; i++) {
		struct address address;
		if (!address_parse(hosts->items[i], &address) || !*address.host ||
		    (need_port && !*address.port))
			return settings_fail(error, "%s: \"%.120s\" is not %s", key,
					     hosts->items[i],
					     need_port ? "HOST:PORT" : "HOST or HOST:PORT");
	}
	return true;
}

/* Checks that concern more than one setting, or only the daemon. */
static bool check_settings(const struct settings *s, struct settings_error *error)
{
	if (s->clock_warn > s->clock_refuse)
		return settings_fail(error, "clock.warn is above clock.refuse");
	if (!*s->tls_certificate != !*s->tls_key)
		return settings_fail(error, "tls.certificate and tls.key must be set together");
	if (*s->tls_client_ca && !*s->tls_certificate)
		return settings_fail(error, "tls.client_ca needs tls.certificate and tls.key");
	return check_hosts("peers", &s->peers, true, error) &&
	       check_hosts("clock.ntp_servers", &s->ntp_servers, false, error);
}

struct live *live_new(struct settings *settings, struct settings_error *error)
{
	struct live *const live = calloc(1, sizeof *live);

	if (!live) {
		settings_fail(error, "out of memory");
		settings_free(settings);
		return NULL;
	}
	live->references = 1;
	live->settings = settings;
	if (check_settings(settings, error) && read_token(live, error) &&
	    tls_context(settings, &live->tls, error))
		return live;
	settings_locate(settings, error);
	live_unref(live);
	return NULL;
}

struct live *live_ref(struct live *live)
{
	atomic_fetch_add(&live->references, 1);
	return live;
}

void live_unref(struct live *live)
{
	if (!live || atomic_fetch_sub(&live->references, 1) > 1)
		return;
	SSL_CTX_free(live->tls);
	if (live->token)
		OPENSSL_cleanse(live->token, strlen(live->token));
	free(live->token);
	settings_free(live->settings);
	free(live);
}

bool live_authorises(const struct live *live, const char *value, size_t length)
{
	static const char scheme[] = "Bearer ";
	unsigned char given[32];

	if (length < sizeof scheme || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
		return false;
	value += sizeof scheme - 1;
	length -= sizeof scheme - 1;
	for (; length > 0 && *value == ' '; length--)
		value++;
	return digest_token(value, length, given) &&
	       CRYPTO_memcmp(given, live->token_digest, sizeof given) == 0;
}
