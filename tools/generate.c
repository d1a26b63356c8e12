/* SPDX-License-Identifier: MIT
 *
 * snowid generate: makes IDs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "snowid-tool.h"

#define BATCH    4096
#define CLOSE_NS UINT64_C(2000000000)

/* Whether KEY=VALUE sets a field: by its name alone, or as field.NAME. */
static bool sets_field(const struct kind *kind, const char *setting)
{
	const size_t length = strcspn(setting, "=");
	struct part parts[PARTS_MAX];
	bool found = strncmp(setting, "field.", 6) == 0;

	for (size_t i = kind_parts(kind, parts); i-- > 1 && !found;)
		found = strlen(parts[i].name) == length &&
			strncmp(setting, parts[i].name, length) == 0;
	return found;
}

static bool has_worker_or_store(const struct options *options, const struct kind *kind)
{
	bool found = options->store || options->field_count > 0 || store_from_environment();
	for (size_t i = 0; i < options->setting_count; i++)
		found = found || strncmp(options->settings[i], "store=", 6) == 0 ||
			sets_field(kind, options->settings[i]);
	return found;
}

/* ---- the clock of --clock -------------------------------------------------------------------- */

#define NSEC_PER_SEC 1000000000

static void parse_clock_option(const char *text, int64_t *sec, uint32_t *nsec)
{
	if (snowid_time_parse(text, strlen(text), sec, nsec) != 0)
		exit_usage("--clock: %s", error_detail());
}

/* Returns a manual clock that shows the first instant of --clock; NULL, which is the system's
 * clock, without --clock. */
static struct snowid_clock *open_manual_clock(const struct options *options)
{
	struct snowid_clock *clock = NULL;
	int64_t sec;
	uint32_t nsec;

	for (size_t i = options->clock_count; i-- > 0;)
		parse_clock_option(options->clocks[i], &sec, &nsec);
	if (options->clock_count > 0 && snowid_clock_new_manual(sec, nsec, &clock) != 0)
		exit_failure("%s", error_detail());
	return clock;
}

static void step_clock_to(struct snowid_clock *clock, const char *text)
{
	int64_t sec, now_sec = 0, delta;
	uint32_t nsec, now_nsec = 0;

	parse_clock_option(text, &sec, &nsec);
	if (snowid_clock_read(clock, &now_sec, &now_nsec, NULL) != 0 ||
	    __builtin_mul_overflow(sec - now_sec, NSEC_PER_SEC, &delta) ||
	    __builtin_add_overflow(delta, (int64_t)nsec - now_nsec, &delta) ||
	    snowid_clock_step(clock, delta) != 0)
		exit_usage("--clock %s: more than 292 years away from the first", text);
}

/* ---- the generator --------------------------------------------------------------------------- */

/* A store must never record IDs that were made by a manual clock. */
static void use_manual_clock(struct snowid_config *config, struct snowid_clock *clock)
{
	char store[sizeof "memory:"];

	if (snowid_config_get(config, "store", store, sizeof store, NULL) != 0 ||
	    strcmp(store, "memory:") != 0)
		exit_usage("--clock only works with the store memory:, which keeps no record");
	if (snowid_config_set_clock(config, clock) != 0)
		exit_failure("%s", error_detail());
}

/* Cuts the settings at their "=". */
static void configure_generator(const struct options *options, const struct kind *kind,
				struct snowid_clock *clock, bool default_state,
				struct snowid_config *config)
{
	if (snowid_config_set_kind(config, kind->name) != 0)
		exit_usage("--kind: %s", error_detail());
	if (clock && snowid_config_set_store(config, "memory:") != 0) /* overrides SNOWID_STORE */
		exit_failure("%s", error_detail());
	if (default_state)
		use_default_state(kind, config);
	for (size_t i = 0; i < options->setting_count; i++) {
		const char *const key = options->settings[i];
		const char *const value = split_key_value(options->settings[i]);
		if (!value)
			exit_usage("--set: \"%s\" is not KEY=VALUE, such as hold=500ms", key);
		if (snowid_config_set(config, key, value) != 0)
			exit_usage("--set: %s", error_detail());
	}
	for (size_t i = 0; i < options->field_count; i++) {
		uint64_t value;
		const char *const name = parse_field(options->fields[i], &value);
		if (snowid_config_set_field(config, name, value) != 0)
			exit_usage("--field: %s", error_detail());
	}
	if (options->store && snowid_config_set_store(config, options->store) != 0)
		exit_usage("--store: %s", error_detail());
	if (clock)
		use_manual_clock(config, clock);
}

static struct snowid_generator *open_user_generator(const struct options *options,
						    const struct kind *kind,
						    struct snowid_clock *clock)
{
	const bool default_state = !clock && kind->layout && !has_worker_or_store(options, kind);
	struct snowid_config *config;
	struct snowid_generator *generator = NULL;

	if (snowid_config_new(&config) != 0)
		exit_failure("%s", error_detail());
	configure_generator(options, kind, clock, default_state, config);
	const int error = snowid_generator_new(config, &generator);
	if (error == SNOWID_E_WORKER)
		exit_usage("%s: use --field NAME=N", error_detail());
	if (error && default_state)
		exit_failure("%s; or use --field worker=N or the like, or set XDG_STATE_HOME",
			     error_detail());
	if (error)
		exit_failure("%s", error_detail());
	snowid_config_free(config);
	return generator;
}

/* Random UUIDs need no generator. */
static struct snowid_generator *open_generator(const struct options *options,
					       const struct kind *kind, struct snowid_clock *clock)
{
	if (!kind->wide || kind->wide->unit)
		return open_user_generator(options, kind, clock);
	if (kind->wide->version != 4)
		exit_usage("the kind %s is made by 'snowid encode -k %s'", kind->name, kind->name);
	if (clock || options->store || options->field_count > 0 || options->setting_count > 0)
		exit_usage(
			"--clock, --store, --field and --set are not for uuid4, which is random");
	return NULL;
}

/* ---- IDs ------------------------------------------------------------------------------------- */

union batch {
	uint64_t number[BATCH];
	struct snowid_id128 wide[BATCH];
};

static int fill_random_batch(union batch *batch, size_t count, size_t *made)
{
	int error = 0;
	for (; *made < count && !error; *made += !error)
		error = snowid_uuid4_random(&batch->wide[*made]);
	return error;
}

/* Takes as many IDs as are available now; waits for one if there are none. */
static int fill_batch(struct snowid_generator *generator, const struct kind *kind,
		      union batch *batch, size_t count, size_t *made)
{
	*made = 0;
	if (!generator)
		return fill_random_batch(batch, count, made);
	if (kind->layout)
		snowid_generator_next_batch(generator, batch->number, count, 0, made);
	else
		snowid_generator_next128_batch(generator, batch->wide, count, 0, made);
	if (*made > 0)
		return 0;
	out_flush();
	const int error = kind->layout ? snowid_generator_next(generator, batch->number)
				       : snowid_generator_next128(generator, batch->wide);
	*made = error ? 0 : 1;
	return error;
}

/* Makes and prints `count` IDs. Returns the exit status. */
static int print_ids(const struct options *options, const struct kind *kind, int form,
		     struct snowid_generator *generator)
{
	struct id id = {.type = kind_id_type(kind)};
	static union batch batch;
	char text[ID_TEXT];
	int error = 0;

	for (uint64_t left = options->count; left > 0 && !error;) {
		size_t made;
		error = fill_batch(generator, kind, &batch, left < BATCH ? (size_t)left : BATCH,
				   &made);
		for (size_t i = 0; i < made; i++) {
			if (kind->layout)
				id.number = batch.number[i];
			else
				id.wide = batch.wide[i];
			if (options->json) {
				record_id(kind, &id, form, true);
			} else {
				const size_t length = id_write(&id, form, text);
				text[length] = '\n'; /* overwrites the terminating 0 */
				out_bytes(text, length + 1);
			}
		}
		left -= made;
		progress_draw(options->count - left, options->count);
	}
	if (error)
		print_error("%s", error_detail());
	return error ? 1 : 0;
}

/* Gives back a worker that a service has assigned. What has been printed stays good. */
static void close_generator(struct snowid_generator *generator)
{
	out_flush();
	if (snowid_generator_close(generator, CLOSE_NS) != 0)
		print_error("%s", error_detail());
	snowid_generator_free(generator);
}

int cmd_generate(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = parse_form_for_kind("--form", options->form, &kind);
	mask_open(options, &kind);
	struct snowid_clock *const clock = open_manual_clock(options);
	struct snowid_generator *const generator = open_generator(options, &kind, clock);
	int status = 0;

	if (!clock)
		status = print_ids(options, &kind, form, generator);
	for (size_t i = 0; i < options->clock_count; i++) {
		step_clock_to(clock, options->clocks[i]);
		status |= print_ids(options, &kind, form, generator);
	}
	close_generator(generator);
	snowid_clock_free(clock);
	kind_close(&kind);
	progress_end();
	return status;
}
