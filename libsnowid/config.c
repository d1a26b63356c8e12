/* SPDX-License-Identifier: MIT
 *
 * Configs: every setting by its name, and some by a function of their own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/clock.h"
#include "libsnowid/config.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/output.h"
#include "libsnowid/base/suggest.h"
#include "libsnowid/base/system.h"
#include "libsnowid/id/kinds.h"
#include "libsnowid/stores.h"

#define HOUR_NS UINT64_C(3600000000000)

/* The settings that are spans of time. */
static const struct span_setting {
	const char *key;
	size_t offset;
	uint64_t min_ns, max_ns, default_ns;
} span_settings[] = {
	{"timeout", offsetof(struct snowid_config, timeout_ns), 0, UINT64_MAX,
	 UINT64_C(2000000000)},
	{"wait", offsetof(struct snowid_config, wait_ns), 0, HOUR_NS, 5000000},
	{"hold", offsetof(struct snowid_config, hold_ns), 0, HOUR_NS, 1000000000},
	{"borrow", offsetof(struct snowid_config, borrow_ns), 0, HOUR_NS, 0},
	{"reserve", offsetof(struct snowid_config, reserve_ns), 10000000, HOUR_NS,
	 UINT64_C(3000000000)},
	{"max_jump", offsetof(struct snowid_config, max_jump_ns), UINT64_C(1000000000), UINT64_MAX,
	 HOUR_NS},
};
#define SPAN_SETTINGS (sizeof span_settings / sizeof span_settings[0])

static const struct span_setting *find_span_setting(const char *key)
{
	for (size_t i = 0; i < SPAN_SETTINGS; i++)
		if (strcmp(key, span_settings[i].key) == 0)
			return &span_settings[i];
	return NULL;
}

static uint64_t *config_span(struct snowid_config *config, const struct span_setting *span)
{
	return (uint64_t *)(void *)((char *)config + span->offset);
}

/* ---- life ------------------------------------------------------------------------------------ */

SNOWID_EXPORT int snowid_config_new(struct snowid_config **config)
{
	if (!config)
		return sn_fail_null("config");
	struct snowid_config *const made = calloc(1, sizeof *made);
	if (!made)
		return sn_fail_nomem();
	for (size_t i = 0; i < SPAN_SETTINGS; i++)
		*config_span(made, &span_settings[i]) = span_settings[i].default_ns;
	made->mode = 0600;
	/* Unset in a set-user-ID program: its caller must not choose which file it writes. */
	const char *const store = sn_system_getenv("SNOWID_STORE");
	int error = snowid_config_set_kind(made, "snowflake");
	if (!error && store && *store)
		error = snowid_config_set_store(made, store);
	if (error)
		snowid_config_free(made);
	else
		*config = made;
	return error;
}

SNOWID_EXPORT void snowid_config_free(struct snowid_config *config)
{
	if (!config)
		return;
	snowid_layout_free(config->layout);
	snowid_clock_free(config->clock);
	free(config->kind_text);
	free(config->store);
	free(config);
}

int sn_config_copy(const struct snowid_config *config, struct snowid_config **copy)
{
	struct snowid_config *const made = malloc(sizeof *made);
	if (!made)
		return sn_fail_nomem();
	*made = *config;
	made->clock = sn_clock_ref(config->clock);
	made->kind_text = strdup(config->kind_text);
	made->store = config->store ? strdup(config->store) : NULL;
	if (config->layout) {
		made->layout = malloc(sizeof *made->layout);
		if (made->layout) {
			*made->layout = *config->layout;
			made->fields = made->layout->fields;
		}
	}
	if (!made->kind_text || (config->store && !made->store) ||
	    (config->layout && !made->layout)) {
		snowid_config_free(made);
		return sn_fail_nomem();
	}
	*copy = made;
	return 0;
}

void sn_config_slots(const struct snowid_config *config, struct sn_slots *slots)
{
	if (config->kind)
		sn_kind_slots(config->kind, slots);
	else
		sn_kind_layout_slots(config->layout, config->spread, slots);
}

/* Random bytes keep IDs of 128 bits apart. What another clock shows means nothing to the other
 * processes of the host. */
const char *sn_config_store(const struct snowid_config *config)
{
	if (config->store)
		return config->store;
	return config->layout && !config->clock ? "host:" : "memory:";
}

uint64_t sn_config_fingerprint(const struct snowid_config *config)
{
	return config->kind ? config->kind->fingerprint : sn_layout_fingerprint(config->layout);
}

/* ---- setters --------------------------------------------------------------------------------- */

static int config_replace_text(char **text, const char *with)
{
	char *const copy = strdup(with);
	if (!copy)
		return sn_fail_nomem();
	free(*text);
	*text = copy;
	return 0;
}

SNOWID_EXPORT int snowid_config_set_kind(struct snowid_config *config, const char *kind)
{
	struct snowid_layout *layout = NULL;

	if (!config || !kind)
		return sn_fail_null(!config ? "config" : "kind");
	const struct sn_kind *const found = sn_kind_find(kind);
	int error = found ? 0 : snowid_layout_new(kind, &layout);
	if (error == SNOWID_E_UNKNOWN && !strpbrk(kind, ":;"))
		error = sn_kind_fail_unknown(kind);
	if (!error)
		error = config_replace_text(&config->kind_text, kind);
	if (error) {
		snowid_layout_free(layout);
		return error;
	}
	snowid_layout_free(config->layout);
	config->layout = layout;
	config->kind = found;
	config->fields = found ? found->fields : layout->fields;
	config->field_count = found ? found->field_count : layout->count;
	memset(config->set, 0, sizeof config->set);
	return 0;
}

int sn_config_find_field(const struct snowid_config *config, const char *name, size_t *index)
{
	for (size_t i = 0; i < config->field_count; i++)
		if (strcmp(name, config->fields[i].name) == 0) {
			if (config->layout && !sn_layout_is_fixed(config->layout, i))
				return sn_fail(SNOWID_E_INVALID,
					       "the field %s cannot be set, because it differs "
					       "from ID to ID",
					       name);
			*index = i;
			return 0;
		}
	char owner[72];
	snprintf(owner, sizeof owner, "the kind %.60s", config->kind_text);
	return sn_fail_unknown_field(owner, name, config->fields, config->field_count);
}

SNOWID_EXPORT int snowid_config_set_field(struct snowid_config *config, const char *name,
					  uint64_t value)
{
	size_t i;

	if (!config || !name)
		return sn_fail_null(!config ? "config" : "name");
	const int error = sn_config_find_field(config, name, &i);
	if (error)
		return error;
	const uint64_t max = sn_mask(config->fields[i].bits);
	if (value > max)
		return sn_fail(SNOWID_E_RANGE,
			       "the field %s must be from 0 to %" PRIu64 ", not %" PRIu64, name,
			       max, value);
	config->values[i] = value;
	config->set[i] = true;
	return 0;
}

SNOWID_EXPORT int snowid_config_set_store(struct snowid_config *config, const char *url)
{
	if (!config || !url)
		return sn_fail_null(!config ? "config" : "url");
	const int error = sn_store_check(url);
	return error ? error : config_replace_text(&config->store, url);
}

SNOWID_EXPORT int snowid_config_set_interrupt(struct snowid_config *config,
					      snowid_interrupt_fn interrupt, void *user)
{
	if (!config)
		return sn_fail_null("config");
	config->interrupt = interrupt;
	config->interrupt_user = user;
	return 0;
}

SNOWID_EXPORT int snowid_config_set_clock(struct snowid_config *config, struct snowid_clock *clock)
{
	if (!config)
		return sn_fail_null("config");
	sn_clock_ref(clock);
	snowid_clock_free(config->clock);
	config->clock = clock;
	return 0;
}

static int config_set_span(struct snowid_config *config, const struct span_setting *span,
			   const char *text)
{
	char min[SNOWID_SPAN_TEXT], max[SNOWID_SPAN_TEXT];
	uint64_t ns;

	const int error = snowid_span_parse(text, strlen(text), &ns);
	if (error == SNOWID_E_SYNTAX)
		return sn_fail(error,
			       "%s is \"%.60s\", which is not a span of time such as 5ms or 2s",
			       span->key, text);
	snowid_span_format(span->min_ns, min);
	snowid_span_format(span->max_ns, max);
	if (!error && ns < span->min_ns && span->max_ns == UINT64_MAX)
		return sn_fail(SNOWID_E_RANGE, "%s is %.60s, but must be %s or longer", span->key,
			       text, min);
	if (error || ns < span->min_ns || ns > span->max_ns)
		return sn_fail(SNOWID_E_RANGE, "%s is %.60s, but must be from %s to %s", span->key,
			       text, min, max);
	*config_span(config, span) = ns;
	return 0;
}

static int config_set_field_text(struct snowid_config *config, const char *name, const char *text)
{
	uint64_t value;
	/* Only an ID can be negative, in a signed column. */
	const int error =
		*text == '-' ? SNOWID_E_SYNTAX
			     : snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &value);
	if (error)
		return sn_fail(error,
			       "the field %.60s is \"%.60s\", but must be a number from 0 on", name,
			       text);
	return snowid_config_set_field(config, name, value);
}

/* In octal, as for chmod(1), with or without the leading 0. */
static int config_set_mode(struct snowid_config *config, const char *text)
{
	static const struct {
		const char *text;
		unsigned mode;
	} modes[] = {{"0600", 0600}, {"0640", 0640}, {"0660", 0660}};

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(text, modes[i].text) == 0 || strcmp(text, modes[i].text + 1) == 0) {
			config->mode = modes[i].mode;
			return 0;
		}
	return sn_fail(
		SNOWID_E_RANGE,
		"mode is \"%.60s\", but must be 0600, 0640 (the group may read the state file) or "
		"0660 (the group may use it)",
		text);
}

static int config_set_spread(struct snowid_config *config, const char *text)
{
	const bool on = strcmp(text, "true") == 0;
	if (!on && strcmp(text, "false") != 0)
		return sn_fail(SNOWID_E_SYNTAX, "spread is \"%.60s\", but must be true or false",
			       text);
	config->spread = on;
	return 0;
}

/* The settings that are neither spans nor fields. */
static const char *const other_settings[] = {"kind", "store", "mode", "spread"};

/* The field that a key means: field.NAME, or NAME if the kind has such a field. NULL: none. */
static const char *config_key_field(const struct snowid_config *config, const char *key)
{
	static const char prefix[] = "field.";
	if (strncmp(key, prefix, sizeof prefix - 1) == 0)
		return key + sizeof prefix - 1;
	for (size_t i = 0; i < config->field_count; i++)
		if (strcmp(key, config->fields[i].name) == 0)
			return key;
	return NULL;
}

static int fail_unknown_key(const struct snowid_config *config, const char *key)
{
	struct sn_suggestion suggestion;

	sn_suggestion_begin(&suggestion, key, strlen(key));
	for (size_t i = 0; i < SPAN_SETTINGS; i++)
		sn_suggestion_offer(&suggestion, span_settings[i].key);
	for (size_t i = 0; i < sizeof other_settings / sizeof other_settings[0]; i++)
		sn_suggestion_offer(&suggestion, other_settings[i]);
	for (size_t i = 0; i < config->field_count; i++)
		sn_suggestion_offer(&suggestion, config->fields[i].name);
	return sn_fail(
		SNOWID_E_UNKNOWN,
		"there is no setting \"%.60s\", nor such a field of the kind %.60s%s", key,
		config->kind_text,
		sn_suggestion_or(&suggestion,
				 "; the settings are kind, field.NAME, store, timeout, wait, "
				 "hold, borrow, reserve, max_jump, mode and spread"));
}

SNOWID_EXPORT int snowid_config_set(struct snowid_config *config, const char *key, const char *text)
{
	if (!config || !key || !text)
		return sn_fail_null(!config ? "config" : !key ? "key" : "text");
	const struct span_setting *const span = find_span_setting(key);
	const char *const field = config_key_field(config, key);
	if (span)
		return config_set_span(config, span, text);
	if (strcmp(key, "kind") == 0)
		return snowid_config_set_kind(config, text);
	if (strcmp(key, "store") == 0)
		return snowid_config_set_store(config, text);
	if (strcmp(key, "spread") == 0)
		return config_set_spread(config, text);
	if (strcmp(key, "mode") == 0)
		return config_set_mode(config, text);
	if (field)
		return config_set_field_text(config, field, text);
	return fail_unknown_key(config, key);
}

static int config_get_field(const struct snowid_config *config, const char *name,
			    char text[SNOWID_ID_TEXT])
{
	size_t i;
	const int error = sn_config_find_field(config, name, &i);
	if (error)
		return error;
	if (!config->set[i])
		return sn_fail(SNOWID_E_UNKNOWN, "the field %s has no value",
			       config->fields[i].name);
	return snowid_id_format(config->values[i], SNOWID_FORM_DECIMAL, text);
}

SNOWID_EXPORT int snowid_config_get(const struct snowid_config *config, const char *key, char *text,
				    size_t size, size_t *length)
{
	char buffer[SNOWID_SPAN_TEXT];
	const char *found = buffer;

	if (!config || !key)
		return sn_fail_null(!config ? "config" : "key");
	const struct span_setting *const span = find_span_setting(key);
	if (span) {
		snowid_span_format(
			*(const uint64_t *)(const void *)((const char *)config + span->offset),
			buffer);
	} else if (strcmp(key, "kind") == 0) {
		found = config->kind_text;
	} else if (strcmp(key, "store") == 0) {
		found = sn_config_store(config);
	} else if (strcmp(key, "spread") == 0) {
		found = config->spread ? "true" : "false";
	} else if (strcmp(key, "mode") == 0) {
		snprintf(buffer, sizeof buffer, "%04o", config->mode);
	} else if (config_key_field(config, key)) {
		const int error = config_get_field(config, config_key_field(config, key), buffer);
		if (error)
			return error;
	} else {
		return fail_unknown_key(config, key);
	}
	return sn_output(found, strlen(found), text, size, length);
}
