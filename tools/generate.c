/* SPDX-License-Identifier: MIT
 *
 * snowid generate: new IDs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "snowid-tool.h"

#define BATCH 4096

/* Whether the user has named a worker or a store. */
static bool is_placed(const struct options *options)
{
	bool placed = options->store || options->field_count > 0 || store_of_environment();
	for (size_t i = 0; i < options->setting_count; i++)
		placed = placed || strncmp(options->settings[i], "store=", 6) == 0 ||
			 strncmp(options->settings[i], "field.", 6) == 0;
	return placed;
}

/* ---- a clock of the user's ------------------------------------------------------------------- */

#define NSEC_PER_SEC 1000000000

static void read_instant(const char *text, int64_t *sec, uint32_t *nsec)
{
	if (snowid_time_parse(text, strlen(text), sec, nsec) != 0)
		usage("--clock %s: %s", text, detail());
}

/* A manual clock at the first instant of --clock; NULL, the system's, where none is given. */
static struct snowid_clock *open_clock(const struct options *options)
{
	struct snowid_clock *clock = NULL;
	int64_t sec;
	uint32_t nsec;

	for (size_t i = options->clock_count; i-- > 0;)
		read_instant(options->clocks[i], &sec, &nsec);
	if (options->clock_count > 0 && snowid_clock_new_manual(sec, nsec, &clock) != 0)
		fail("%s", detail());
	return clock;
}

static void set_clock(struct snowid_clock *clock, const char *text)
{
	int64_t sec, now_sec = 0, delta;
	uint32_t nsec, now_nsec = 0;

	read_instant(text, &sec, &nsec);
	snowid_clock_read(clock, &now_sec, &now_nsec, NULL);
	if (__builtin_mul_overflow(sec - now_sec, NSEC_PER_SEC, &delta) ||
	    __builtin_add_overflow(delta, (int64_t)nsec - now_nsec, &delta) ||
	    snowid_clock_step(clock, delta) != 0)
		usage("--clock %s: more than 292 years away from the first", text);
}

/* ---- the generator --------------------------------------------------------------------------- */

/* What a clock of the user's makes must not go on record as made. */
static void use_clock(struct snowid_config *config, struct snowid_clock *clock)
{
	char store[sizeof "memory:"];

	if (snowid_config_get(config, "store", store, sizeof store, NULL) != 0 ||
	    strcmp(store, "memory:") != 0)
		usage("--clock only works with the store memory:, which keeps no record");
	if (snowid_config_set_clock(config, clock) != 0)
		fail("%s", detail());
}

static void configure(const struct options *options, const struct kind *kind,
		      struct snowid_clock *clock, struct snowid_config *config)
{
	if (snowid_config_set_kind(config, kind->name) != 0)
		usage("--kind %s: %s", kind->name, detail());
	if (clock && snowid_config_set_store(config, "memory:") != 0) /* not that of SNOWID_STORE */
		fail("%s", detail());
	if (!clock && kind->layout && !is_placed(options))
		state_default(kind, config);
	for (size_t i = 0; i < options->setting_count; i++) {
		const char *const key = options->settings[i];
		const char *const value = split(options->settings[i]);
		if (!value)
			usage("--set %s: not KEY=VALUE, such as hold=500ms", key);
		if (snowid_config_set(config, key, value) != 0)
			usage("--set %s=%s: %s", key, value, detail());
	}
	for (size_t i = 0; i < options->field_count; i++) {
		uint64_t value;
		const char *const name = field_read(options->fields[i], &value);
		if (snowid_config_set_field(config, name, value) != 0)
			usage("--field %s=%" PRIu64 ": %s", name, value, detail());
	}
	if (options->store && snowid_config_set_store(config, options->store) != 0)
		usage("--store %s: %s", options->store, detail());
	if (clock)
		use_clock(config, clock);
}

static struct snowid_generator *open_generator(const struct options *options,
					       const struct kind *kind, struct snowid_clock *clock)
{
	struct snowid_config *config;
	struct snowid_generator *generator = NULL;

	if (snowid_config_new(&config) != 0)
		fail("%s", detail());
	configure(options, kind, clock, config);
	const int error = snowid_generator_new(config, &generator);
	if (error == SNOWID_E_WORKER)
		usage("%s: use --field NAME=N", detail());
	if (error && !clock && kind->layout && !is_placed(options))
		fail("%s; or use --field worker=N or the like, or set XDG_STATE_HOME", detail());
	if (error)
		fail("%s", detail());
	snowid_config_free(config);
	return generator;
}

/* ---- IDs ------------------------------------------------------------------------------------- */

union batch {
	uint64_t number[BATCH];
	struct snowid_id128 wide[BATCH];
};

/* Takes what can be had now; where that is nothing, waits for one ID. */
static int take(struct snowid_generator *generator, const struct kind *kind, union batch *batch,
		size_t count, size_t *made)
{
	*made = 0;
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

/* Prints as many IDs as were asked for. Returns the exit status. */
static int make(const struct options *options, const struct kind *kind, int form,
		struct snowid_generator *generator)
{
	struct id id = {.type = kind->layout ? ID_64 : kind_is_ulid(kind) ? ID_ULID : ID_UUID};
	static union batch batch;
	char text[ID_TEXT];
	int error = 0;

	for (uint64_t left = options->count; left > 0 && !error;) {
		size_t made;
		error = take(generator, kind, &batch, left < BATCH ? (size_t)left : BATCH, &made);
		for (size_t i = 0; i < made; i++) {
			if (kind->layout)
				id.number = batch.number[i];
			else
				id.wide = batch.wide[i];
			if (options->json) {
				describe(kind, &id, form, true);
			} else {
				const size_t length = id_write(&id, form, text);
				text[length] = '\n'; /* in place of the 0 */
				out_bytes(text, length + 1);
			}
		}
		left -= made;
		progress(options->count - left, options->count);
	}
	if (error)
		complain("%s", detail());
	return error ? 1 : 0;
}

int generate(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = form_of_kind("--form", options->form, &kind);
	struct snowid_clock *const clock = open_clock(options);
	struct snowid_generator *const generator = open_generator(options, &kind, clock);
	int status = 0;

	if (!clock)
		status = make(options, &kind, form, generator);
	for (size_t i = 0; i < options->clock_count; i++) {
		set_clock(clock, options->clocks[i]);
		status |= make(options, &kind, form, generator);
	}
	snowid_generator_free(generator);
	snowid_clock_free(clock);
	kind_close(&kind);
	progress_end();
	return status;
}
