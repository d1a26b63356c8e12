/* SPDX-License-Identifier: MIT
 *
 * What a store keeps, as keys and values, and the calls that correct it by hand.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/config.h"
#include "libsnowid/base/critical.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/printable.h"
#include "libsnowid/store/admin.h"
#include "libsnowid/stores.h"

struct info_value {
	enum snowid_value type;
	char *key;
	char *text;
};

struct info_record {
	size_t count;
	struct info_value *values;
	bool incomplete; /* there was not enough memory for a value */
};

struct snowid_store_info {
	size_t count;
	struct info_record *records;
};

/* ---- values of a record ---------------------------------------------------------------------- */

static void info_add_value(struct info_record *record, struct info_value value)
{
	struct info_value *const values =
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

static void info_add_text(struct info_record *record, const char *key, const char *text)
{
	char *const copy = strdup(text);
	if (copy)
		sn_make_printable(copy);
	info_add_value(record, (struct info_value){SNOWID_VALUE_TEXT, strdup(key), copy});
}

/* As it is, because it can be opened. */
static void info_add_url(struct info_record *record, const char *key, const char *url)
{
	info_add_value(record, (struct info_value){SNOWID_VALUE_TEXT, strdup(key), strdup(url)});
}

static void info_add_boolean(struct info_record *record, const char *key, bool flag)
{
	const char *const text = flag ? "true" : "false";
	info_add_value(record,
		       (struct info_value){SNOWID_VALUE_BOOLEAN, strdup(key), strdup(text)});
}

static void info_add_number(struct info_record *record, const char *key, uint64_t number)
{
	char text[SNOWID_ID_TEXT];
	snowid_id_format(number, SNOWID_FORM_DECIMAL, text);
	info_add_value(record, (struct info_value){SNOWID_VALUE_NUMBER, strdup(key), strdup(text)});
}

static void info_add_time(struct info_record *record, const char *key, int64_t sec, uint32_t nsec)
{
	char text[SNOWID_TIME_TEXT];
	if (snowid_time_format(sec, nsec, text) == 0)
		info_add_text(record, key, text);
}

static void info_add_ms(struct info_record *record, const char *key, uint64_t unix_ms)
{
	info_add_time(record, key, (int64_t)(unix_ms / 1000), (uint32_t)(unix_ms % 1000) * 1000000);
}

static void info_add_tick(struct info_record *record, const char *key, const struct sn_ticks *ticks,
			  uint64_t slot)
{
	int64_t sec;
	uint32_t nsec;
	if (sn_timebase_start(&ticks->time, slot >> ticks->bits, &sec, &nsec))
		info_add_time(record, key, sec, nsec);
}

/* ---- the record of a state ------------------------------------------------------------------- */

static void describe_use(struct info_record *record, const struct sn_store_state *state)
{
	static const char *const uses[] = {[SN_LOCK_NONE] = "free",
					   [SN_LOCK_SHARED] = "shared",
					   [SN_LOCK_EXCLUSIVE] = "alone"};
	const bool resting = state->service && state->service->resting;

	info_add_text(record, "use", resting ? "resting" : uses[state->use]);
	if (state->holder.process == 0)
		return;
	info_add_number(record, "holder_pid", state->holder.process);
	info_add_text(record, "holder_host", state->holder.host);
	info_add_ms(record, "holder_since", state->holder.since_ms);
}

static void describe_kind(struct info_record *record, const struct sn_store_state *state,
			  const struct snowid_config *config)
{
	char text[sizeof "field." + SN_FIELD_NAME_SIZE];

	info_add_text(record, "kind", state->kind);
	snprintf(text, sizeof text, "%016" PRIx64, state->fingerprint);
	info_add_text(record, "fingerprint", text);
	for (size_t i = 0; config && i < state->field_count && i < config->field_count; i++) {
		if (config->layout && !sn_layout_is_fixed(config->layout, i))
			continue;
		if (state->service && !(state->fields_known & UINT64_C(1) << i))
			continue;
		snprintf(text, sizeof text, "field.%s", config->fields[i].name);
		info_add_number(record, text, state->fields[i]);
	}
}

/* The ID of a slot. Those of other kinds than layouts also contain random bytes. */
static void describe_last_id(struct info_record *record, const struct sn_store_state *state,
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
	info_add_text(record, "last_id", text);
}

static void describe_progress(struct info_record *record, const struct sn_store_state *state,
			      const struct snowid_config *config)
{
	if (state->this_boot && state->issued > 0) {
		info_add_tick(record, "last", &state->ticks, state->next - 1);
		if (config && config->layout)
			describe_last_id(record, state, config, state->next - 1);
	}
	if (state->this_boot)
		info_add_tick(record, "floor", &state->ticks, state->next);
	else if (state->recorded)
		info_add_ms(record, "floor", state->limit_ms);
	if (state->recorded)
		info_add_ms(record, "limit", state->limit_ms);
	if (state->this_boot)
		info_add_number(record, "issued", state->issued);
	info_add_boolean(record, "this_boot", state->this_boot);
	if (state->failed)
		info_add_text(record, "failed", snowid_strerror(-state->failed));
}

/* What a service keeps: no shared state, but the last ID of an owner that has released it. */
static void describe_service(struct info_record *record, const struct sn_store_state *state)
{
	const struct sn_service_state *const service = state->service;
	const uint64_t last = service->last_tick << state->ticks.bits;
	const bool last_known = service->released && state->field_count > 0;

	if (last_known)
		info_add_tick(record, "last", &state->ticks, last);
	if (last_known)
		info_add_tick(record, "floor", &state->ticks,
			      sn_ticks_end(&state->ticks, service->last_tick));
	else if (state->recorded)
		info_add_ms(record, "floor", state->limit_ms);
	if (state->recorded)
		info_add_ms(record, "limit", state->limit_ms);
	info_add_boolean(record, "released", service->released);
	info_add_number(record, "epoch", service->epoch);
}

static void describe_workers(struct info_record *record, const struct sn_store_workers *workers)
{
	info_add_text(record, "namespace", workers->namespace_id);
	info_add_number(record, "first_worker", workers->first);
	info_add_number(record, "last_worker", workers->last);
	info_add_number(record, "workers_owned", workers->owned);
	info_add_number(record, "workers_resting", workers->resting);
	info_add_number(record, "workers_free", workers->free);
}

static void describe_file(struct info_record *record, const struct sn_store_state *state)
{
	char text[sizeof "07777"];

	info_add_boolean(record, "durable", state->durable);
	snprintf(text, sizeof text, "%04o", state->mode & 07777);
	info_add_text(record, "mode", text);
	info_add_number(record, "owner", state->owner);
	info_add_ms(record, "created", state->created_ms);
	info_add_number(record, "version", state->version);
}

/* A config of the kind of a state, for the names of its fields. NULL: this version does not know
 * the kind. */
static int new_config_of_kind(const struct sn_store_state *state, struct snowid_config **config)
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

static int info_add_state(void *user, const struct sn_store_state *state)
{
	struct snowid_store_info *const info = user;
	struct snowid_config *config = NULL;
	struct info_record *const records =
		realloc(info->records, (info->count + 1) * sizeof *info->records);
	if (!records)
		return sn_fail_nomem();
	info->records = records;
	struct info_record *const record = &records[info->count++];
	*record = (struct info_record){.count = 0};
	info_add_url(record, "store", state->url);
	if (state->problem)
		info_add_text(record, "error", state->problem);
	if (state->workers)
		describe_workers(record, state->workers);
	if (state->readable) {
		const int error = new_config_of_kind(state, &config);
		if (error)
			return error;
		describe_use(record, state);
		describe_kind(record, state, config);
		if (state->service) {
			describe_service(record, state);
		} else {
			describe_progress(record, state, config);
			describe_file(record, state);
		}
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
	const int cancel_state = sn_cancel_disable();
	if (class->admin)
		error = class->admin->inspect(rest, info_add_state, made);
	if (error)
		snowid_store_info_free(made);
	else
		*info = made;
	sn_cancel_restore(cancel_state);
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
	const struct info_value *const value = &info->records[record].values[index];
	if (key)
		*key = value->key;
	if (text)
		*text = value->text;
	if (type)
		*type = value->type;
	return 0;
}

static int fail_without_files(const struct sn_store_class *class, const char *what,
			      const char *others)
{
	return sn_fail(SNOWID_E_STORE, "%s has no file to %s; only %s have", class->scheme, what,
		       others);
}

SNOWID_EXPORT int snowid_store_adopt(const char *url)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url)
		return sn_fail_null("url");
	int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	const int cancel_state = sn_cancel_disable();
	error = class->admin && class->admin->adopt
			? class->admin->adopt(rest)
			: fail_without_files(class, "adopt", "file: and slots:");
	sn_cancel_restore(cancel_state);
	return error;
}

SNOWID_EXPORT int snowid_store_reset(const char *url, int64_t unix_sec, uint32_t nsec)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url)
		return sn_fail_null("url");
	int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	if (unix_sec < 0 || !sn_instant_valid(unix_sec, nsec))
		return sn_fail(SNOWID_E_RANGE, "a state file holds instants from 1970 to 9999");
	const uint64_t floor_ms = (uint64_t)unix_sec * 1000 + (nsec + 999999) / 1000000;
	const int cancel_state = sn_cancel_disable();
	error = class->admin ? class->admin->reset(rest, floor_ms)
			     : fail_without_files(class, "reset", "host:, file: and slots:");
	sn_cancel_restore(cancel_state);
	return error;
}

SNOWID_EXPORT int snowid_store_free_worker(const char *url)
{
	const struct sn_store_class *class;
	const char *rest;

	if (!url)
		return sn_fail_null("url");
	int error = sn_store_find(url, &class, &rest);
	if (error)
		return error;
	if (!class->admin || !class->admin->free_worker)
		return sn_fail(SNOWID_E_STORE,
			       "no service gives the workers of %s away: the processes that use "
			       "them are on this host; stop them",
			       class->scheme);
	const int cancel_state = sn_cancel_disable();
	error = class->admin->free_worker(rest);
	sn_cancel_restore(cancel_state);
	return error;
}
