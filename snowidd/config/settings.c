/* SPDX-License-Identifier: MIT
 *
 * The settings of the daemon.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/config/settings.h"

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

static const struct setting setting_table[] = {
#define AT(member) offsetof(struct settings, member)
	{"kinds", SETTING_LIST, AT(kinds), "snowflake", 0, 0, true, "KIND...",
	 "kinds of ID to serve: a preset, ulid, uuid1, uuid6, uuid7, or NAME=LAYOUT"},
	{"epoch", SETTING_TEXT, AT(epoch), "", 0, 0, true, "INSTANT",
	 "epoch of 64-bit kinds that do not specify one"},
	{"datacenter_id", SETTING_NUMBER, AT(datacenter_id), "", 0, UINT32_MAX, true, "N",
	 "value of the field datacenter"},
	{"worker_id", SETTING_TEXT, AT(worker_id), "auto", 0, 0, true, "N|auto|hostname[:PREFIX]",
	 "worker ID: a number, auto to let the store assign it, or hostname for the number in a "
	 "host name like name-7, with what precedes it if the name has others"},
	{"fields", SETTING_LIST, AT(fields), "", 0, 0, true, "NAME=N...", "values of other fields"},
	{"store", SETTING_TEXT, AT(store), "", 0, 0, true, "URL",
	 "where to keep state, see snowid-stores(7) (default: a slot of this host)"},
	{"wait", SETTING_TEXT, AT(wait), "", 0, 0, true, "SPAN",
	 "if the clock is behind by up to this, wait (default: 5ms)"},
	{"hold", SETTING_TEXT, AT(hold), "", 0, 0, true, "SPAN",
	 "if it is behind by up to this, continue from the last tick; otherwise refuse "
	 "(default: 1s, or 166ms with the default store)"},
	{"borrow", SETTING_TEXT, AT(borrow), "", 0, 0, true, "SPAN",
	 "how far IDs may run ahead of the clock (default: 0)"},
	{"reserve", SETTING_TEXT, AT(reserve), "", 0, 0, true, "SPAN",
	 "how far ahead of the clock the store allows IDs (default: 3s, or 500ms with "
	 "the default store)"},
	{"max_jump", SETTING_TEXT, AT(max_jump), "", 0, 0, true, "SPAN",
	 "do not record the time of a clock that jumps ahead by more than this (default: 1h)"},
	{"mode", SETTING_TEXT, AT(mode), "", 0, 0, true, "0600|0640|0660",
	 "permissions of new state files (default: 0600)"},
	{"spread", SETTING_TEXT, AT(spread), "", 0, 0, true, "true|false",
	 "begin the sequence of each tick at a random value (default: false)"},
	{"listen", SETTING_LIST, AT(listen), "", 0, 0, true, "ADDRESS...",
	 "addresses to listen on: 10.0.0.1, [::]:8081, unix:/path (default: loopback)"},
	{"port", SETTING_NUMBER, AT(port), "8080", 1, 65535, true, "N",
	 "port of addresses without one"},
	{"socket_mode", SETTING_CHOICE, AT(socket_mode), "0600", 0, 0, true, "0600|0660|0666",
	 "permissions of Unix sockets"},
	{"grpc.listen", SETTING_LIST, AT(grpc_listen), "", 0, 0, true, "ADDRESS...",
	 "addresses to serve gRPC on, as for listen, each with a port (default: none)"},
	{"grpc.connection_age", SETTING_SPAN, AT(grpc_connection_age), "30m", 0, 86400 * SEC, false,
	 "SPAN",
	 "ask clients of gRPC to connect again after this time, so that they spread over the "
	 "servers; 0 means never"},
	{"grpc.keepalive_time", SETTING_SPAN, AT(grpc_keepalive_time), "2h", 0, 86400 * SEC, false,
	 "SPAN", "ping a client of gRPC that has sent nothing for this time; 0 means never"},
	{"grpc.keepalive_timeout", SETTING_SPAN, AT(grpc_keepalive_timeout), "20s", 10 * MS,
	 3600 * SEC, false, "SPAN", "close a connection of gRPC that does not answer a ping"},
	{"admin.listen", SETTING_LIST, AT(admin_listen), "", 0, 0, true, "ADDRESS...",
	 "addresses to serve health, metrics and the page on, as for listen, each with a port: in "
	 "the clear, and to everybody (default: none; listen serves them)"},
	{"cors.origins", SETTING_LIST, AT(cors_origins), "", 0, 0, false, "ORIGIN...",
	 "web sites whose scripts may read responses, such as https://app.example.org; * means "
	 "all (default: none)"},
	{"trusted_proxies", SETTING_LIST, AT(trusted_proxies), "", 0, 0, false, "NETWORK...",
	 "proxies whose X-Forwarded-For is believed: addresses, networks such as 10.0.0.0/8, and "
	 "unix: for Unix sockets (default: none)"},
	{"proxy_protocol", SETTING_CHOICE, AT(proxy_protocol), "off", 0, 0, true,
	 "off|listen|grpc.listen|both",
	 "the addresses to which only trusted proxies connect, and begin with a PROXY header, "
	 "version 1 or 2"},
	{"threads", SETTING_NUMBER, AT(threads), "0", 0, 256, true, "N",
	 "threads that serve requests; 0 means one per CPU"},
	{"tls.certificate", SETTING_TEXT, AT(tls_certificate), "", 0, 0, false, "FILE",
	 "certificate chain in PEM; serve only HTTPS"},
	{"tls.key", SETTING_TEXT, AT(tls_key), "", 0, 0, false, "FILE",
	 "private key of that certificate"},
	{"tls.client_ca", SETTING_TEXT, AT(tls_client_ca), "", 0, 0, false, "FILE",
	 "clients must present a certificate that one of these authorities has signed"},
	{"tls.peer_ca", SETTING_TEXT, AT(tls_peer_ca), "", 0, 0, false, "FILE",
	 "peers must present a certificate that one of these authorities has signed (default: "
	 "those that the system trusts)"},
	{"token_file", SETTING_TEXT, AT(token_file), "", 0, 0, false, "FILE",
	 "clients must send one of the tokens in this file (Authorization: Bearer)"},
	{"mask_key_file", SETTING_TEXT, AT(mask_key_file), "", 0, 0, false, "FILE",
	 "file with the key of masked IDs (?form=masked), 32 hexadecimal digits"},
	{"limits.connections", SETTING_NUMBER, AT(connections), "10000", 1, 1000000, false, "N",
	 "number of open connections"},
	{"limits.connections_per_client", SETTING_NUMBER, AT(connections_per_client), "0", 0,
	 1000000, false, "N",
	 "number of open connections of one client that is no trusted proxy; 0 means half of all"},
	{"limits.count", SETTING_NUMBER, AT(count), "10000", 1, 1000000, false, "N",
	 "number of IDs per request"},
	{"limits.request_bytes", SETTING_NUMBER, AT(request_bytes), "16384", 1024, 1 << 20, false,
	 "N", "size of the header or body of a request"},
	{"limits.header_timeout", SETTING_SPAN, AT(header_timeout), "10s", 10 * MS, 3600 * SEC,
	 false, "SPAN", "time for a request to arrive"},
	{"limits.idle_timeout", SETTING_SPAN, AT(idle_timeout), "60s", 10 * MS, 86400 * SEC, false,
	 "SPAN", "time between two requests of a connection"},
	{"limits.wait_timeout", SETTING_SPAN, AT(wait_timeout), "2s", 0, 3600 * SEC, false, "SPAN",
	 "how long a request may wait for its IDs"},
	{"limits.stop_timeout", SETTING_SPAN, AT(stop_timeout), "10s", 0, 3600 * SEC, false, "SPAN",
	 "how long to wait for open connections when stopping"},
	{"limits.drain_delay", SETTING_SPAN, AT(drain_delay), "0", 0, 3600 * SEC, false, "SPAN",
	 "when stopping, how long to serve as before, but report not to be ready"},
	{"limits.rate", SETTING_NUMBER, AT(rate), "0", 0, 1000000000, false, "N",
	 "requests per second of one client; 0 means no limit"},
	{"limits.burst", SETTING_NUMBER, AT(burst), "100", 1, 1000000000, false, "N",
	 "how many requests a client may send at once in addition"},
	{"limits.id_rate", SETTING_NUMBER, AT(id_rate), "0", 0, 1000000000, false, "N",
	 "IDs per second of one client; 0 means no limit"},
	{"limits.id_burst", SETTING_NUMBER, AT(id_burst), "0", 0, 1000000000, false, "N",
	 "how many IDs a client may have at once in addition, at least limits.count"},
	{"clock.interval", SETTING_SPAN, AT(clock_interval), "10s", 100 * MS, 3600 * SEC, false,
	 "SPAN", "how often to check the clock"},
	{"clock.warn", SETTING_SPAN, AT(clock_warn), "100ms", MS, 3600 * SEC, false, "SPAN",
	 "drift above which to log a warning"},
	{"clock.refuse", SETTING_SPAN, AT(clock_refuse), "1s", MS, 3600 * SEC, false, "SPAN",
	 "drift above which to refuse IDs"},
	{"clock.ntp_servers", SETTING_LIST, AT(ntp_servers), "", 0, 0, false, "HOST[:PORT]...",
	 "NTP servers to measure the drift with"},
	{"peers", SETTING_LIST, AT(peers), "", 0, 0, false, "HOST:PORT...",
	 "other snowidd servers, to detect one with the same worker"},
	{"log.format", SETTING_CHOICE, AT(log_format), "text", 0, 0, false, "text|json",
	 "format of a log line"},
	{"log.target", SETTING_CHOICE, AT(log_target), "stderr", 0, 0, false, "stderr|syslog",
	 "where to log"},
	{"log.level", SETTING_CHOICE, AT(log_level), "info", 0, 0, false,
	 "error|warning|info|debug", "lowest level to log"},
	{"log.access", SETTING_FLAG, AT(log_access), "false", 0, 0, false, "true|false",
	 "log each request"},
#undef AT
};
#define SETTING_COUNT (sizeof setting_table / sizeof setting_table[0])
_Static_assert(SETTING_COUNT <= SETTINGS_MAX, "settings");

const struct setting *setting_at(size_t index)
{
	return index < SETTING_COUNT ? &setting_table[index] : NULL;
}

const struct setting *setting_find(const char *key)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(setting_table[i].key, key) == 0)
			return &setting_table[i];
	return NULL;
}

bool setting_is_group(const char *prefix)
{
	const size_t length = strlen(prefix);

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strncmp(setting_table[i].key, prefix, length) == 0 &&
		    setting_table[i].key[length] == '.')
			return true;
	return false;
}

/* What a file or an option contains must not control the terminal that the error is printed on: the
 * sets C0 and, in UTF-8, C1 of ECMA-48. */
static void settings_replace_controls(char *text)
{
	for (char *at = text; *at; at++) {
		const unsigned char byte = (unsigned char)*at, next = (unsigned char)at[1];
		if (byte < ' ' || byte == 0x7f)
			*at = '?';
		else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
			at[0] = at[1] = '?';
	}
}

bool settings_fail(struct settings_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	settings_replace_controls(error->text);
	return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void *setting_value(const struct settings *settings, const struct setting *setting)
{
	return (char *)(uintptr_t)settings + setting->offset;
}

static void text_list_clear(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){.items = NULL};
}

static bool text_list_add(struct text_list *list, const char *text, size_t length,
			  struct settings_error *error)
{
	char **const items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (!items)
		return settings_fail(error, "out of memory");
	list->items = items;
	char *const item = strndup(text, length);
	if (!item)
		return settings_fail(error, "out of memory");
	items[list->count++] = item;
	return true;
}

static bool setting_replace_text(char **to, const char *text, struct settings_error *error)
{
	char *const copy = strdup(text);
	if (!copy)
		return settings_fail(error, "out of memory");
	free(*to);
	*to = copy;
	return true;
}

static bool setting_set_number(const struct setting *setting, uint64_t *to, const char *text,
			       struct settings_error *error)
{
	uint64_t value;

	/* Only an ID can be negative, in a signed column. */
	if (*text == '-' || snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &value) != 0)
		return settings_fail(error, "%s: \"%.80s\" is not a number", setting->key, text);
	if (value < setting->least || value > setting->most)
		return settings_fail(error, "%s: %.80s is not from %" PRIu64 " to %" PRIu64,
				     setting->key, text, setting->least, setting->most);
	*to = value;
	return true;
}

static bool setting_set_span(const struct setting *setting, uint64_t *to, const char *text,
			     struct settings_error *error)
{
	uint64_t value;

	if (snowid_span_parse(text, strlen(text), &value) != 0)
		return settings_fail(error, "%s: \"%.80s\" is not a span such as 500ms or 10s",
				     setting->key, text);
	if (value < setting->least || value > setting->most)
		return settings_fail(error, "%s: %.80s is not from %" PRIu64 "ms to %" PRIu64 "ms",
				     setting->key, text, setting->least / MS, setting->most / MS);
	*to = value;
	return true;
}

/* Fails if text is not one of a|b|c. */
static bool setting_check_choice(const struct setting *setting, const char *text,
				 struct settings_error *error)
{
	const size_t length = strlen(text);

	for (const char *choice = setting->value;; choice++) {
		const size_t choice_length = strcspn(choice, "|");
		if (choice_length == length && strncmp(choice, text, length) == 0)
			return true;
		choice += choice_length;
		if (!*choice)
			break;
	}
	return settings_fail(error, "%s: \"%.80s\" is not one of %s", setting->key, text,
			     setting->value);
}

static bool setting_set_value(const struct setting *setting, void *to, const char *text,
			      struct settings_error *error)
{
	switch (setting->type) {
	case SETTING_LIST:
		return text_list_add(to, text, strlen(text), error);
	case SETTING_NUMBER:
		return setting_set_number(setting, to, text, error);
	case SETTING_SPAN:
		return setting_set_span(setting, to, text, error);
	case SETTING_FLAG:
		if (!setting_check_choice(setting, text, error))
			return false;
		*(bool *)to = strcmp(text, "true") == 0;
		return true;
	case SETTING_CHOICE:
		return setting_check_choice(setting, text, error) &&
		       setting_replace_text(to, text, error);
	case SETTING_TEXT:
		return setting_replace_text(to, text, error);
	}
	return false;
}

/* Words are separated by blanks or commas; those of a layout or of several values, NAME=…, by
 * blanks alone. */
static size_t word_length(const char *text)
{
	const size_t length = strcspn(text, " \t"), comma = strcspn(text, " \t,");

	return memchr(text, '=', comma) ? length : comma;
}

static bool setting_set_words(const struct setting *setting, void *to, const char *text,
			      struct settings_error *error)
{
	if (setting->type != SETTING_LIST)
		return setting_set_value(setting, to, text, error);
	for (;;) {
		text += strspn(text, " \t,");
		const size_t length = word_length(text);
		if (length == 0)
			return true;
		if (!text_list_add(to, text, length, error))
			return false;
		text += length;
	}
}

bool settings_set(struct settings *settings, const struct setting *setting, const char *text,
		  bool append, const char *origin, struct settings_error *error)
{
	if (!append)
		settings_clear_list(settings, setting);
	return setting_set_value(setting, setting_value(settings, setting), text, error) &&
	       setting_replace_text(&settings->origins[setting - setting_table], origin, error);
}

bool settings_set_words(struct settings *settings, const struct setting *setting, const char *text,
			bool append, const char *origin, struct settings_error *error)
{
	if (!append)
		settings_clear_list(settings, setting);
	return setting_set_words(setting, setting_value(settings, setting), text, error) &&
	       setting_replace_text(&settings->origins[setting - setting_table], origin, error);
}

void settings_clear_list(struct settings *settings, const struct setting *setting)
{
	if (setting->type == SETTING_LIST)
		text_list_clear(setting_value(settings, setting));
}

bool settings_is_from(const struct settings *settings, const struct setting *setting,
		      const char *origin)
{
	const char *const last = settings->origins[setting - setting_table];

	return last && strcmp(last, origin) == 0;
}

void settings_locate(const struct settings *settings, struct settings_error *error)
{
	const struct settings_error found = *error;
	const size_t length = strcspn(found.text, ": ");

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strlen(setting_table[i].key) == length &&
		    strncmp(setting_table[i].key, found.text, length) == 0 && settings->origins[i])
			settings_fail(error, "%.200s: %.300s", settings->origins[i], found.text);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool setting_set_initial(struct settings *settings, const struct setting *setting,
				struct settings_error *error)
{
	void *const value = setting_value(settings, setting);

	if (setting->type != SETTING_NUMBER || *setting->initial)
		return setting_set_words(setting, value, setting->initial, error);
	*(uint64_t *)value = NOT_SET;
	return true;
}

struct settings *settings_new(struct settings_error *error)
{
	struct settings *const settings = calloc(1, sizeof *settings);

	if (!settings) {
		settings_fail(error, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (setting_set_initial(settings, &setting_table[i], error))
			continue;
		settings_free(settings);
		return NULL;
	}
	return settings;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *const setting = &setting_table[i];
		settings_clear_list(settings, setting);
		if (setting->type == SETTING_TEXT || setting->type == SETTING_CHOICE)
			free(*(char **)setting_value(settings, setting));
		free(settings->origins[i]);
	}
	free(settings);
}

static bool text_lists_equal(const struct text_list *a, const struct text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool values_equal(const struct setting *setting, const void *a, const void *b)
{
	switch (setting->type) {
	case SETTING_LIST:
		return text_lists_equal(a, b);
	case SETTING_NUMBER:
	case SETTING_SPAN:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case SETTING_FLAG:
		return *(const bool *)a == *(const bool *)b;
	case SETTING_TEXT:
	case SETTING_CHOICE:
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	}
	return false;
}

const char *settings_fixed_change(const struct settings *a, const struct settings *b, size_t *index)
{
	while (*index < SETTING_COUNT) {
		const struct setting *const setting = &setting_table[(*index)++];
		if (setting->fixed &&
		    !values_equal(setting, setting_value(a, setting), setting_value(b, setting)))
			return setting->key;
	}
	return NULL;
}
