/* SPDX-License-Identifier: MIT
 *
 * What the operator asked for.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowid.h"
#include "snowidd/config/settings.h"

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

enum type { TEXT, LIST, NUMBER, SPAN, FLAG, CHOICE };

static const struct known {
	const char *key; /* in the file; "a.b" is b in the mapping a */
	enum type type;
	size_t offset;
	const char *initial;
	uint64_t least, most; /* of a number or span */
	bool fixed;           /* until the next start */
	const char *value, *help;
} table[] = {
#define AT(member) offsetof(struct settings, member)
	{"kinds", LIST, AT(kinds), "snowflake", 0, 0, true, "KIND...",
	 "kinds of ID to serve: a preset, ulid, uuid1, uuid6, uuid7, or NAME=LAYOUT"},
	{"epoch", TEXT, AT(epoch), "", 0, 0, true, "INSTANT",
	 "epoch of 64-bit kinds that do not specify one"},
	{"datacenter_id", NUMBER, AT(datacenter_id), "", 0, UINT32_MAX, true, "N",
	 "value of the field datacenter"},
	{"worker_id", TEXT, AT(worker_id), "store", 0, 0, true, "N|store|hostname",
	 "the worker: a number, as the store assigns it, or the ordinal of a host name like "
	 "name-7"},
	{"fields", LIST, AT(fields), "", 0, 0, true, "NAME=N...", "values of other fields"},
	{"store", TEXT, AT(store), "", 0, 0, true, "URL",
	 "where to keep state, see snowid-stores(7) (default: a slot of this host)"},
	{"wait", TEXT, AT(wait), "", 0, 0, true, "SPAN",
	 "if the clock is behind by up to this, wait (5ms)"},
	{"hold", TEXT, AT(hold), "", 0, 0, true, "SPAN",
	 "if it is behind by up to this, continue from the last tick; else refuse (1s)"},
	{"borrow", TEXT, AT(borrow), "", 0, 0, true, "SPAN",
	 "how far IDs may run ahead of the clock (0)"},
	{"block", TEXT, AT(block), "", 0, 0, true, "SPAN",
	 "how far ahead of the clock the store allows IDs (3s)"},
	{"jump", TEXT, AT(jump), "", 0, 0, true, "SPAN",
	 "do not record the time of a clock that jumps ahead by more than this (1h)"},
	{"mode", TEXT, AT(mode), "", 0, 0, true, "0600|0640|0660",
	 "permissions of new state files (0600)"},
	{"spread", TEXT, AT(spread), "", 0, 0, true, "true|false",
	 "begin the sequence of each tick at a random value (false)"},
	{"listen", LIST, AT(listen), "", 0, 0, true, "ADDRESS...",
	 "addresses to listen on: 10.0.0.1, [::]:8081, unix:/path (default: loopback)"},
	{"port", NUMBER, AT(port), "8080", 1, 65535, true, "N", "port of addresses without one"},
	{"threads", NUMBER, AT(threads), "0", 0, 256, true, "N",
	 "threads that serve requests (0: one per CPU)"},
	{"tls.certificate", TEXT, AT(tls_certificate), "", 0, 0, false, "FILE",
	 "certificate chain in PEM; serve only HTTPS"},
	{"tls.key", TEXT, AT(tls_key), "", 0, 0, false, "FILE", "its private key"},
	{"tls.client_ca", TEXT, AT(tls_client_ca), "", 0, 0, false, "FILE",
	 "clients must present a certificate of these authorities"},
	{"token_file", TEXT, AT(token_file), "", 0, 0, false, "FILE",
	 "clients must send the token in this file (Authorization: Bearer)"},
	{"limits.connections", NUMBER, AT(connections), "10000", 1, 1000000, false, "N",
	 "number of open connections"},
	{"limits.count", NUMBER, AT(count), "10000", 1, 1000000, false, "N",
	 "number of IDs per request"},
	{"limits.request_bytes", NUMBER, AT(request_bytes), "16384", 1024, 1 << 20, false, "N",
	 "size of the header or body of a request"},
	{"limits.header_timeout", SPAN, AT(header_timeout), "10s", 10 * MS, 3600 * SEC, false,
	 "SPAN", "time for a request to arrive"},
	{"limits.idle_timeout", SPAN, AT(idle_timeout), "60s", 10 * MS, 86400 * SEC, false, "SPAN",
	 "time between two requests of a connection"},
	{"limits.wait_timeout", SPAN, AT(wait_timeout), "2s", 0, 3600 * SEC, false, "SPAN",
	 "how long a request may wait for its IDs"},
	{"limits.stop_timeout", SPAN, AT(stop_timeout), "10s", 0, 3600 * SEC, false, "SPAN",
	 "how long to wait for open connections when stopping"},
	{"limits.rate", NUMBER, AT(rate), "0", 0, 1000000000, false, "N",
	 "requests per second of one client (0: no limit)"},
	{"limits.burst", NUMBER, AT(burst), "100", 1, 1000000000, false, "N",
	 "requests a client may send at once in addition"},
	{"clock.interval", SPAN, AT(clock_interval), "10s", 100 * MS, 3600 * SEC, false, "SPAN",
	 "how often to check the clock"},
	{"clock.warn", SPAN, AT(clock_warn), "100ms", MS, 3600 * SEC, false, "SPAN",
	 "drift above which to log a warning"},
	{"clock.refuse", SPAN, AT(clock_refuse), "1s", MS, 3600 * SEC, false, "SPAN",
	 "drift above which to refuse IDs"},
	{"clock.ntp_servers", LIST, AT(ntp_servers), "", 0, 0, false, "HOST[:PORT]...",
	 "NTP servers to measure the drift with"},
	{"peers", LIST, AT(peers), "", 0, 0, false, "HOST:PORT...",
	 "other snowidd servers, to detect one with the same worker"},
	{"log.format", CHOICE, AT(log_format), "text", 0, 0, false, "text|json",
	 "format of a log line"},
	{"log.target", CHOICE, AT(log_target), "stderr", 0, 0, false, "stderr|syslog",
	 "where to log"},
	{"log.level", CHOICE, AT(log_level), "info", 0, 0, false, "error|warning|info|debug",
	 "lowest level to log"},
	{"log.access", FLAG, AT(log_access), "false", 0, 0, false, "true|false",
	 "log each request"},
#undef AT
};
#define KNOWN (sizeof table / sizeof table[0])
_Static_assert(KNOWN <= SETTINGS_MAX, "settings");

bool settings_fail(struct settings_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void *member(const struct settings *settings, const struct known *known)
{
	return (char *)(uintptr_t)settings + known->offset;
}

static void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct list){.items = NULL};
}

static bool list_add(struct list *list, const char *text, size_t length)
{
	char **const items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (!items)
		return false;
	list->items = items;
	char *const item = strndup(text, length);
	if (!item)
		return false;
	items[list->count++] = item;
	return true;
}

static bool read_number(const char *text, uint64_t *value)
{
	return snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, value) == 0;
}

bool settings_span(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1},  {"us", 1000},    {"ms", MS},
		     {"s", SEC}, {"m", 60 * SEC}, {"h", 3600 * SEC}};
	const size_t digits = strspn(text, "0123456789");
	uint64_t number;

	if (snowid_id_parse(text, digits, SNOWID_FORM_DECIMAL, &number) != 0)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(text + digits, units[i].name) == 0)
			return !__builtin_mul_overflow(number, units[i].ns, ns);
	*ns = 0;
	return number == 0 && text[digits] == '\0';
}

/* Whether text is one of a|b|c. */
static bool is_choice(const char *choices, const char *text)
{
	const size_t length = strlen(text);

	for (;;) {
		const size_t part = strcspn(choices, "|");
		if (part == length && strncmp(choices, text, length) == 0)
			return true;
		if (choices[part] == '\0')
			return false;
		choices += part + 1;
	}
}

static bool set_number(const struct known *known, uint64_t *to, const char *text,
		       struct settings_error *error)
{
	uint64_t value;

	if (!(known->type == SPAN ? settings_span : read_number)(text, &value))
		return settings_fail(error, "%s: \"%.80s\" is not a %s", known->key, text,
				     known->type == SPAN ? "span such as 500ms or 10s" : "number");
	if (value < known->least || value > known->most) {
		const uint64_t unit = known->type == SPAN ? MS : 1;
		const char *const name = known->type == SPAN ? "ms" : "";
		return settings_fail(error, "%s: %.80s is not from %" PRIu64 "%s to %" PRIu64 "%s",
				     known->key, text, known->least / unit, name,
				     known->most / unit, name);
	}
	*to = value;
	return true;
}

static bool set_text(char **to, const char *text, struct settings_error *error)
{
	char *const copy = strdup(text);
	if (!copy)
		return settings_fail(error, "out of memory");
	free(*to);
	*to = copy;
	return true;
}

static bool set(const struct known *known, struct settings *settings, const char *text, bool again,
		struct settings_error *error)
{
	void *const to = member(settings, known);

	switch (known->type) {
	case LIST:
		if (!again)
			list_clear(to);
		return list_add(to, text, strlen(text)) || settings_fail(error, "out of memory");
	case NUMBER:
	case SPAN:
		return set_number(known, to, text, error);
	case CHOICE:
	case FLAG:
		if (!is_choice(known->value, text))
			return settings_fail(error, "%s: \"%.80s\" is not one of %s", known->key,
					     text, known->value);
		if (known->type == FLAG) {
			*(bool *)to = strcmp(text, "true") == 0;
			return true;
		}
		return set_text(to, text, error);
	case TEXT:
		return set_text(to, text, error);
	}
	return false;
}

/* The value of an option or environment variable: the items of a list are separated by blanks. */
static bool set_words(const struct known *known, struct settings *settings, const char *text,
		      struct settings_error *error)
{
	if (known->type != LIST)
		return set(known, settings, text, false, error);
	list_clear(member(settings, known));
	for (;;) {
		text += strspn(text, " \t");
		const size_t length = strcspn(text, " \t");
		if (length == 0)
			return true;
		if (!list_add(member(settings, known), text, length))
			return settings_fail(error, "out of memory");
		text += length;
	}
}

static const struct known *find(const char *key)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(table[i].key, key) == 0)
			return &table[i];
	return NULL;
}

bool settings_known(const char *key, bool *list)
{
	const struct known *const known = find(key);
	if (known)
		*list = known->type == LIST;
	return known;
}

bool settings_group(const char *prefix)
{
	const size_t length = strlen(prefix);

	for (size_t i = 0; i < KNOWN; i++)
		if (strncmp(table[i].key, prefix, length) == 0 && table[i].key[length] == '.')
			return true;
	return false;
}

void settings_clear(struct settings *settings, const char *key)
{
	const struct known *const known = find(key);
	if (known && known->type == LIST)
		list_clear(member(settings, known));
}

static bool note_origin(struct settings *settings, const struct known *known, const char *origin,
			struct settings_error *error)
{
	return set_text(&settings->origins[known - table], origin, error);
}

bool settings_set(struct settings *settings, const char *key, const char *text, bool again,
		  const char *origin, struct settings_error *error)
{
	const struct known *const known = find(key);
	if (!known)
		return settings_fail(error, "there is no key \"%.80s\"", key);
	return set(known, settings, text, again, error) &&
	       note_origin(settings, known, origin, error);
}

void settings_locate(const struct settings *settings, struct settings_error *error)
{
	const struct settings_error found = *error;
	const size_t length = strcspn(found.text, ": ");

	for (size_t i = 0; i < KNOWN; i++)
		if (strlen(table[i].key) == length &&
		    strncmp(table[i].key, found.text, length) == 0 && settings->origins[i])
			settings_fail(error, "%.200s: %.300s", settings->origins[i], found.text);
}

/* ---- the sources ----------------------------------------------------------------------------- */

#define NAME_SIZE 64

/* "limits.rate" as --limits-rate, or as SNOWIDD_LIMITS_RATE. */
static void option_name(const struct known *known, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "--%s", known->key);
	for (char *c = name; *c; c++)
		if (*c == '.' || *c == '_')
			*c = '-';
}

static void variable_name(const struct known *known, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "SNOWIDD_%s", known->key);
	for (char *c = name; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static bool set_initial(struct settings *settings, struct settings_error *error)
{
	for (size_t i = 0; i < KNOWN; i++) {
		if (table[i].type == NUMBER && !*table[i].initial)
			*(uint64_t *)member(settings, &table[i]) = NOT_SET;
		else if (!set_words(&table[i], settings, table[i].initial, error))
			return false;
	}
	return true;
}

static bool read_environment(struct settings *settings, struct settings_error *error)
{
	struct settings_error why;
	char name[NAME_SIZE], origin[NAME_SIZE + 24];

	for (size_t i = 0; i < KNOWN; i++) {
		variable_name(&table[i], name);
		const char *const text = getenv(name);
		/* Kubernetes sets SNOWIDD_PORT=tcp://… for a Service of the name snowidd. */
		if (text && table[i].type == NUMBER && strncmp(text, "tcp://", 6) == 0)
			continue;
		snprintf(origin, sizeof origin, "environment variable %s", name);
		if (text && !(set_words(&table[i], settings, text, &why) &&
			      note_origin(settings, &table[i], origin, &why)))
			return settings_fail(error, "%s: %s", origin, why.text);
	}
	return true;
}

/* --name=value or --name value. */
static bool read_option(struct settings *settings, char **argv, int *at,
			struct settings_error *error)
{
	const char *const text = argv[*at], *const equals = strchr(text, '=');
	const size_t length = equals ? (size_t)(equals - text) : strlen(text);
	char name[NAME_SIZE], origin[NAME_SIZE + 8];

	for (size_t i = 0; i < KNOWN; i++) {
		option_name(&table[i], name);
		if (strlen(name) != length || strncmp(name, text, length) != 0)
			continue;
		const char *const value = equals ? equals + 1 : argv[++*at];
		if (!value)
			return settings_fail(error, "%s needs a value", name);
		struct settings_error why;
		snprintf(origin, sizeof origin, "option %s", name);
		return (set_words(&table[i], settings, value, &why) &&
			note_origin(settings, &table[i], origin, &why)) ||
		       settings_fail(error, "%s: %s", origin, why.text);
	}
	return settings_fail(error, "there is no option %.80s; see snowidd --help", text);
}

static bool read_all(struct settings *settings, char **argv, const char *file,
		     struct settings_error *error)
{
	if (!set_initial(settings, error))
		return false;
	/* A file that is there and cannot be seen is not one that is missing. */
	if (file || access(SETTINGS_FILE, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) {
		if (!settings_read_file(settings, file ? file : SETTINGS_FILE, error))
			return false;
	}
	if (!read_environment(settings, error))
		return false;
	for (int i = 0; argv[i]; i++)
		if (!read_option(settings, argv, &i, error))
			return false;
	return true;
}

struct settings *settings_load(char **options, const char *file, struct settings_error *error)
{
	struct settings *const settings = calloc(1, sizeof *settings);

	if (!settings)
		settings_fail(error, "out of memory");
	else if (read_all(settings, options, file, error))
		return settings;
	settings_free(settings);
	return NULL;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < KNOWN; i++) {
		if (table[i].type == LIST)
			list_clear(member(settings, &table[i]));
		else if (table[i].type == TEXT || table[i].type == CHOICE)
			free(*(char **)member(settings, &table[i]));
		free(settings->origins[i]);
	}
	free(settings);
}

/* ---- comparing, help ------------------------------------------------------------------------- */

static bool equal(const struct known *known, const void *a, const void *b)
{
	const struct list *const la = a, *const lb = b;

	switch (known->type) {
	case LIST:
		if (la->count != lb->count)
			return false;
		for (size_t i = 0; i < la->count; i++)
			if (strcmp(la->items[i], lb->items[i]) != 0)
				return false;
		return true;
	case NUMBER:
	case SPAN:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case FLAG:
		return *(const bool *)a == *(const bool *)b;
	case TEXT:
	case CHOICE:
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	}
	return false;
}

const char *settings_fixed_change(const struct settings *a, const struct settings *b, size_t *index)
{
	while (*index < KNOWN) {
		const struct known *const known = &table[(*index)++];
		if (known->fixed && !equal(known, member(a, known), member(b, known)))
			return known->key;
	}
	return NULL;
}

void settings_help(void)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < KNOWN; i++) {
		option_name(&table[i], name);
		printf("  %s %s\n        %s", name, table[i].value, table[i].help);
		if (*table[i].initial)
			printf(" (default: %s)", table[i].initial);
		printf("\n");
	}
}
