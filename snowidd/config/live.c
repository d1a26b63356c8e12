/* SPDX-License-Identifier: MIT
 *
 * What a reload replaces as a whole.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "snowidd/base/address.h"
#include "snowidd/config/live.h"
#include "snowidd/config/secret_file.h"
#include "snowidd/config/tls.h"

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

/* Peers are asked through TLS if this server has a certificate. Without TLS, a token may not leave
 * the host. */
static bool check_peers(const struct settings *s, struct settings_error *error)
{
	struct address address;

	if (*s->tls_peer_ca && !*s->tls_certificate)
		return settings_fail(error, "tls.peer_ca needs tls.certificate and tls.key");
	if (*s->tls_certificate || !*s->token_file)
		return true;
	for (size_t i = 0; i < s->peers.count; i++)
		if (address_parse(s->peers.items[i], &address) && !address_is_loopback(&address))
			return settings_fail(
				error,
				"peers: the token would be sent to %.120s in the "
				"clear: set tls.certificate and tls.key here and there",
				s->peers.items[i]);
	return true;
}

/* As browsers send it (RFC 6454, section 6.2), since it is compared as text. */
static bool is_origin(const char *text)
{
	const size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
			      : strncmp(text, "http://", 7) == 0 ? 7
								 : 0;
	const char *const host = text + scheme;

	return scheme > 0 && *host &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") == strlen(host);
}

static bool check_origins(const struct text_list *origins, struct settings_error *error)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i], "*") != 0 && !is_origin(origins->items[i]))
			return settings_fail(error,
					     "cors.origins: \"%.120s\" is neither * nor an origin "
					     "such as https://app.example.org: in lower case, and "
					     "without a path",
					     origins->items[i]);
	return true;
}

/* Checks that concern more than one setting, or only the daemon. */
static bool check_settings(const struct settings *s, struct settings_error *error)
{
	if (s->clock_warn > s->clock_refuse)
		return settings_fail(error, "clock.warn is above clock.refuse");
	if (!*s->tls_certificate != !*s->tls_key)
		return settings_fail(error, "tls.certificate and tls.key must be set together");
	if (strcmp(s->proxy_protocol, "off") != 0 && s->trusted_proxies.count == 0)
		return settings_fail(error,
				     "proxy_protocol: %s needs trusted_proxies, which say "
				     "who may send its header",
				     s->proxy_protocol);
	if (*s->tls_client_ca && !*s->tls_certificate)
		return settings_fail(error, "tls.client_ca needs tls.certificate and tls.key");
	return check_origins(&s->cors_origins, error) &&
	       check_hosts("peers", &s->peers, true, error) && check_peers(s, error) &&
	       check_hosts("clock.ntp_servers", &s->ntp_servers, false, error);
}

static bool parse_mask_key(struct live *live, const char *text, size_t length,
			   struct settings_error *error)
{
	char detail[200];

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	live->has_mask_key = snowid_mask_key_parse(text, length, live->mask_key) == 0;
	if (live->has_mask_key)
		return true;
	snowid_error_detail(detail, sizeof detail);
	return settings_fail(error, "mask_key_file: %s: %s", live->settings->mask_key_file, detail);
}

static bool read_mask_key(struct live *live, struct settings_error *error)
{
	const char *const path = live->settings->mask_key_file;
	char text[4 * SNOWID_MASK_KEY];
	size_t length;

	if (!*path)
		return true;
	const bool good =
		secret_file_read("mask_key_file", path, text, sizeof text, &length, error) &&
		parse_mask_key(live, text, length, error);
	OPENSSL_cleanse(text, sizeof text);
	return good;
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
	if (check_settings(settings, error) &&
	    (!*settings->token_file || tokens_read(settings->token_file, &live->tokens, error)) &&
	    trusted_proxies_parse(&settings->trusted_proxies, &live->proxies, error) &&
	    read_mask_key(live, error) && tls_context(settings, &live->tls, error) &&
	    tls_peer_context(settings, &live->peer_tls, error))
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
	SSL_CTX_free(live->peer_tls);
	tokens_erase(&live->tokens);
	trusted_proxies_free(&live->proxies);
	OPENSSL_cleanse(live->mask_key, sizeof live->mask_key);
	settings_free(live->settings);
	free(live);
}
