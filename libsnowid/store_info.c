/* SPDX-License-Identifier: MIT
 *
 * What a store keeps, as keys and values; and the calls that set it right by hand.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/config.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/store/admin.h"
#include "libsnowid/stores.h"

struct value {
	enum snowid_value type;
	char *key;
	char *text;
};

struct record {
	size_t count;
	struct value *values;
	bool incomplete; /* there was no memory for a value */
};

struct snowid_store_info {
	size_t count;
	struct record *records;
};

/* ---- making a record ------------------------------------------------------------------------- */

static void add_value(struct record *record, struct value value)
{
	struct value *const values =
		realloc(record->values, (record->count + 1) * sizeof *record->values);
	if (values)
		record->values = values;
	if (values && value.key && value.text) {
		values[record->count++] = value;
		return;
	}
	free(value.key);
	free(value.text);
	record->incomplete = true;
}

static void add_text(struct record *record, const char *key, const char *text)
{
	add_value(record, (struct value){SNOWID_VALUE_TEXT, strdup(key), strdup(text)});
}

static void add_flag(struct record *record, const char *key, bool flag)
{
	const char *const text = flag ? "true" : "false";
	add_value(record, (struct value){SNOWID_VALUE_BOOLEAN, strdup(key), strdup(text)});
}

static void add_number(struct record *record, const char *key, uint64_t number)
{
	char text[SNOWID_ID_TEXT];
	snowid_id_format(number, SNOWID_FORM_DECIMAL, text);
	add_value(record, (struct value){SNOWID_VALUE_NUMBER, strdup(key), strdup(text)});
}

static void add_time(struct record *record, const char *key, int64_t sec, uint32_t nsec)
{
	char text[SNOWID_TIME_TEXT];
	if (snowid_time_format(sec, nsec, text) == 0)
		add_text(record, key, text);
}

static void add_ms(struct record *record, const char *key, uint64_t unix_ms)
{
	add_time(record, key, (int64_t)(unix_ms / 1000), (uint32_t)(unix_ms % 1000) * 1000000);
}

static void add_tick(struct record *record, const char *key, const struct sn_ticks *ticks,
		     uint64_t slot)
{
	int64_t sec;
	uint32_t nsec;
	if (sn_timebase_start(&ticks->time, slot >> ticks->bits, &sec, &nsec))
		add_time(record, key, sec, nsec);
}

/* ---- what a state says ----------------------------------------------------------------------- */

static void add_holder(struct record *record, const struct sn_store_state *state)
{
	static const char *const uses[] = {[SN_LOCK_NONE] = "free",
					   [SN_LOCK_SHARED] = "shared",
					   [SN_LOCK_EXCLUSIVE] = "alone"};

	add_text(record, "use", uses[state->use]);
	if (state->holder.process == 0)
		return;
	add_number(record, "holder_pid", state->holder.process);
	add_text(record, "holder_host", state->holder.host);
	add_ms(record, "holder_since", state->holder.since_ms);
}

/* The fields that are fixed: not time and sequence of a layout. */
static bool is_fixed(const struct snowid_config *config, size_t i)
{
	return !config->layout || (i != 0 && i != config->layout->sequence);
}

static void add_kind(struct record *record, const struct sn_store_state *state,
		     const struct snowid_config *config)
{
	char text[sizeof "field." + SN_FIELD_NAME_SIZE];

	add_text(record, "kind", state->kind);
	snprintf(text, sizeof text, "%016" PRIx64, state->fingerprint);
	add_text(record, "fingerprint", text);
	for (size_t i = 0; config && i < state->field_count && i < config->field_count; i++) {
		if (!is_fixed(config, i))
			continue;
		snprintf(text, sizeof text, "field.%s", config->fields[i].name);
		add_number(record, text, state->fields[i]);
	}
}

/* The ID of a slot; only a layout's is all in the record. */
static void add_last_id(struct record *record, const struct sn_store_state *state,
			const struct snowid_config *config, uint64_t slot)
{
	const struct snowid_layout *const layout = config->layout;
	uint64_t id = 0;

	for (size_t i = 0; i < layout->count && i < state->field_count; i++) {
		const uint64_t value = i == 0                  ? slot >> state->ticks.bits
				       : i == layout->sequence ? slot & state->ticks.mask
							       : state->fields[i];
		if (snowid_layout_set_field(layout, layout->fields[i].name, value, &id) != 0)
			return;
	}
	char text[SNOWID_ID_TEXT];
	snowid_id_format(id, SNOWID_FORM_DECIMAL, text);
	add_text(record, "last_id", text);
}

static void add_progress(struct record *record, const struct sn_store_state *state,
			 const struct snowid_config *config)
{
	if (state->this_boot && state->issued > 0) {
		add_tick(record, "last", &state->ticks, state->next - 1);
		if (config && config->layout)
			add_last_id(record, state, config, state->next - 1);
	}
	if (state->this_boot)
		add_tick(record, "floor", &state->ticks, state->next);
	else if (state->recorded)
		add_ms(record, "floor", state->limit_ms);
	if (state->recorded)
		add_ms(record, "limit", state->limit_ms);
	if (state->this_boot)
		add_number(record, "issued", state->issued);
	add_flag(record, "this_boot", state->this_boot);
	if (state->failed)
		add_text(record, "failed", snowid_strerror(-state->failed));
}

static void add_file(struct record *record, const struct sn_store_state *state)
{
	char text[sizeof "07777"];

	add_flag(record, "durable", state->durable);
	snprintf(text, sizeof text, "%04o", state->mode & 07777);
	add_text(record, "mode", text);
	add_number(record, "owner", state->owner);
	add_ms(record, "created", state->created_ms);
	add_number(record, "version", state->version);
}

/* A config of the kind of a state, for the names of its fields; NULL if this version has no such. */
static int config_of(const struct sn_store_state *state, struct snowid_config **config)
{
	*config = NULL;
	int error = snowid_config_new(config);
	if (!error)
		error = snowid_config_set_kind(*config, state->kind);
	if (error) {
		snowid_config_free(*config);
		*config = NULL;
	}
	return error == -ENOMEM ? error : 0;
}

/* Adds a record of a state to an info. */
static int tell(void *user, const struct sn_store_state *state)
{
	struct snowid_store_info *const info = user;
	struct snowid_config *config = NULL;
	struct record *const records =
		realloc(info->records, (info->count + 1) * sizeof *info->records);
	if (!records)
		return sn_fail_nomem();
	info->records = records;
	struct record *const record = &records[info->count++];
	*record = (struct record){.count = 0};
	add_text(record, "store", state->url);
	if (state->problem)
		add_text(record, "error", state->problem);
	if (state->readable) {
		const int error = config_of(state, &config);
		if (error)
			return error;
		add_holder(record, state);
		add_kind(record, state, config);
		add_progress(record, state, config);
		add_file(record, state);
		snowid_config_free(config);
	}
	return record->incomplete ? sn_fail_nomem() : 0;
}

/* ---- the calls ------------------------------------------------------------------------------- */

SNOWID_EXPORT int snowid_store_inspect(const char *url, struct snowid_store_info **info)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url || !info)
		return sn_fail_null(!url ? "url" : "info");
	int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	struct snowid_store_info *const made = calloc(1, sizeof *made);
	if (!made)
		return sn_fail_nomem();
	if (class->admin)
		error = class->admin->inspect(rest, tell, made);
	if (error)
		snowid_store_info_free(made);
	else
		*info = made;
	return error;
}

SNOWID_EXPORT void snowid_store_info_free(struct snowid_store_info *info)
{
	if (!info)
		return;
	for (size_t r = 0; r < info->count; r++) {
		for (size_t v = 0; v < info->records[r].count; v++) {
			free(info->records[r].values[v].key);
			free(info->records[r].values[v].text);
		}
		free(info->records[r].values);
	}
	free(info->records);
	free(info);
}

SNOWID_EXPORT int snowid_store_info_count(const struct snowid_store_info *info, size_t *count)
{
	if (!info || !count)
		return sn_fail_null(!info ? "info" : "count");
	*count = info->count;
	return 0;
}

SNOWID_EXPORT int snowid_store_info_at(const struct snowid_store_info *info, size_t record,
				       size_t index, const char **key, const char **text,
				       enum snowid_value *type)
{
	if (!info)
		return sn_fail_null("info");
	if (record >= info->count || index >= info->records[record].count)
		return sn_fail(SNOWID_E_RANGE, "there is no value %zu of a record %zu", index,
			       record);
	const struct value *const value = &info->records[record].values[index];
	if (key)
		*key = value->key;
	if (text)
		*text = value->text;
	if (type)
		*type = value->type;
	return 0;
}

static int cannot(const struct sn_store_class *class, const char *what)
{
	return sn_fail(SNOWID_E_STORE, "%s has no file to %s; only file: and slots: have",
		       class->scheme, what);
}

SNOWID_EXPORT int snowid_store_adopt(const char *url)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url)
		return sn_fail_null("url");
	const int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	return class->admin ? class->admin->adopt(rest) : cannot(class, "adopt");
}

SNOWID_EXPORT int snowid_store_reset(const char *url, int64_t unix_sec, uint32_t nsec)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url)
		return sn_fail_null("url");
	const int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	if (unix_sec < 0 || !sn_instant_valid(unix_sec, nsec))
		return sn_fail(SNOWID_E_RANGE, "a state file holds instants from 1970 to 9999");
	const uint64_t floor_ms = (uint64_t)unix_sec * 1000 + (nsec + 999999) / 1000000;
	return class->admin ? class->admin->reset(rest, floor_ms) : cannot(class, "reset");
}
