/* SPDX-License-Identifier: MIT
 *
 * Opening a generator: its config is checked, its store opened, and its sequencer set up.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/critical.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/process.h"
#include "libsnowid/generator.h"
#include "libsnowid/stores.h"

#define PROMPT_RESERVE_NS UINT64_C(10000000)
#define RENEWAL_WAIT_NS   UINT64_C(1000000) /* at the limit, for an answer from another host */

/* ---- fields ---------------------------------------------------------------------------------- */

/* The fields that tell nodes apart must have a value: the node field, or all fields if the layout
 * has none. Without this check two generators could both be worker 0 by mistake. */
static int check_node_fields(const struct snowid_config *config)
{
	const struct snowid_layout *const layout = config->layout;
	const struct sn_field *const node = sn_layout_node_field(layout);

	if (sn_store_assigns(sn_config_store(config)))
		return 0;

	for (size_t i = 0; i < layout->count; i++) {
		const struct sn_field *const field = &layout->fields[i];
		if (!sn_layout_is_fixed(layout, i) || config->set[i] || (node && field != node))
			continue;
		return sn_fail(
			SNOWID_E_WORKER,
			"the kind %.60s needs a value for the field %s, from 0 to %llu, that no "
			"other generator has at the same time",
			config->kind_text, field->name, (unsigned long long)sn_mask(field->bits));
	}
	return 0;
}

static int complete_fields(struct snowid_config *config)
{
	if (config->layout)
		return check_node_fields(config);
	return config->kind->draw_fields ? config->kind->draw_fields(config->set, config->values)
					 : 0;
}

/* In a layout, a field that is not set is 0 and as good as set, unless the store assigns one. In a
 * UUID, it has a random value, and gives way to what the store has recorded. */
static void describe_store_fields(const struct snowid_config *config,
				  struct sn_store_settings *settings)
{
	const bool all_set = config->layout && !sn_store_assigns(sn_config_store(config));
	const struct sn_field *const node =
		config->layout ? sn_layout_node_field(config->layout) : NULL;

	settings->field_count = config->field_count;
	settings->node_field = node ? (size_t)(node - config->fields) : config->field_count;
	for (size_t i = 0; i < config->field_count; i++)
		settings->fields[i] = (struct sn_store_field){
			.name = config->fields[i].name,
			.bits = config->fields[i].bits,
			.shift = config->fields[i].shift,
			.value = config->set[i] || !config->layout ? config->values[i] : 0,
			.varies = config->layout && !sn_layout_is_fixed(config->layout, i),
			.set_by_user = config->set[i] || all_set,
		};
}

/* Makes what the store has assigned or recorded part of the config. */
static void adopt_fields(struct snowid_config *config, const struct sn_store_settings *settings)
{
	for (size_t i = 0; i < config->field_count; i++) {
		config->values[i] = settings->fields[i].value;
		config->set[i] = true;
	}
}

/* ---- store and sequencer --------------------------------------------------------------------- */

/* How far ahead of the clock a store allows IDs. */
struct distances {
	uint64_t reserve_ns;
	struct sn_reach reach;
};

/* A store whose renewals wait for nothing needs no reserve of the user's choice: a short
 * one is enough, in which a call can be stopped between its renewal and its claim. */
static struct distances distances_of_store(const struct snowid_config *config,
					   const struct sn_ticks *ticks)
{
	const uint64_t unit_ns = ticks->time.unit_ns;
	const uint64_t reserve_ns = unit_ns > PROMPT_RESERVE_NS ? unit_ns : PROMPT_RESERVE_NS;

	if (sn_store_is_prompt(sn_config_store(config)))
		return (struct distances){
			.reserve_ns = reserve_ns,
			.reach = sn_reach_of_prompt(reserve_ns, config->hold_ns, config->borrow_ns),
		};
	return (struct distances){
		.reserve_ns = config->reserve_ns,
		.reach = sn_reach_of(config->reserve_ns, config->hold_ns, config->borrow_ns),
	};
}

/* How long opening may wait for the clock: until a new store starts, which is at a tick, and one
 * reserve more, as the clock may have been set back since the store recorded how far IDs may go. */
static uint64_t longest_wait_ns(const struct distances *distances, const struct sn_ticks *ticks)
{
	return distances->reach.start * 100 + ticks->time.unit_ns + distances->reserve_ns;
}

/* How far the clock may be behind the record: what a wait can make up for, and what IDs may be
 * ahead. */
static uint64_t max_behind_ns(const struct snowid_config *config, const struct sn_wait *wait,
			      uint64_t own_ns)
{
	const uint64_t wait_ns = wait->timeout_ns > own_ns ? wait->timeout_ns : own_ns;
	uint64_t sum_ns = config->hold_ns + config->borrow_ns;
	return __builtin_add_overflow(sum_ns, wait_ns, &sum_ns) ? UINT64_MAX : sum_ns;
}

/* Opens the store of the config. If the user has named none, what there is on every host will do
 * where there can be no other. */
static int open_store_of_config(struct snowid_config *config,
				const struct sn_store_settings *settings, struct sn_store **store)
{
	const int error = sn_store_open(sn_config_store(config), settings, store);
	if (error != SN_STORE_ABSENT || config->store)
		return error == SN_STORE_ABSENT ? SNOWID_E_STORE : error;
	const int fallback_error = snowid_config_set_store(config, "memory:");
	return fallback_error ? fallback_error : sn_store_open(config->store, settings, store);
}

static int open_store(struct snowid_generator *generator, const struct sn_ticks *ticks,
		      const struct distances *distances, const struct sn_wait *wait)
{
	struct snowid_config *const config = generator->config;
	char kind[SN_STORE_KIND_SIZE];
	struct sn_store_settings settings = {
		.clock = config->clock,
		.ticks = *ticks,
		.wait = *wait,
		.reach = distances->reach,
		.borrow_ns = config->borrow_ns,
		.max_jump_ns = config->max_jump_ns,
		.max_behind_ns = max_behind_ns(config, wait, longest_wait_ns(distances, ticks)),
		.mode = config->mode,
		.kind = config->kind_text,
		.fingerprint = sn_config_fingerprint(config),
	};
	/* A store records the whole spec, because what a preset stands for might change. */
	if (config->layout && snowid_layout_format(config->layout, kind, sizeof kind, NULL) == 0)
		settings.kind = kind;
	describe_store_fields(config, &settings);
	const int error = open_store_of_config(config, &settings, &generator->store);
	if (!error)
		adopt_fields(config, &generator->store->settings);
	return error;
}

/* The callbacks of the sequencer. */

static int renew_store(void *user)
{
	struct snowid_generator *const generator = user;
	struct sn_store *const store = generator->store;
	const int cancel_state = sn_cancel_disable();
	const int error = store->class->renew(store);
	sn_cancel_restore(cancel_state);
	sn_sequencer_attach(&generator->sequencer, store->shared);
	return error;
}

static int check_store_final(void *user)
{
	const struct snowid_generator *const generator = user;
	const struct sn_store *const store = generator->store;
	return store->class->check_final ? store->class->check_final(store) : 0;
}

static void init_sequencer(struct snowid_generator *generator, const struct sn_ticks *ticks,
			   const struct sn_reach *reach, unsigned start_bits)
{
	const struct snowid_config *const config = generator->config;
	struct sn_store *const store = generator->store;
	const bool by_others = store->class->check_renewal != NULL;
	const struct sn_sequencer_settings settings = {
		.clock = config->clock,
		.ticks = *ticks,
		.shared = store->shared,
		.start_bits = start_bits,
		.wait_ns = config->wait_ns,
		.hold_ns = config->hold_ns,
		.borrow_ns = config->borrow_ns,
		.limit_wait_ns = by_others ? RENEWAL_WAIT_NS : 0,
		.renew = renew_store,
		.check_final = check_store_final,
		.user = generator,
		.prompt = store->class->prompt,
		.renewed_by_others = by_others,
		.reach = by_others ? (struct sn_reach){0} : *reach,
	};
	sn_sequencer_init(&generator->sequencer, &settings);
}

static int generator_open(struct snowid_generator *generator, const struct sn_wait *wait)
{
	struct snowid_config *const config = generator->config;
	struct sn_slots slots;
	struct sn_ticks ticks;

	int error = complete_fields(config);
	if (error)
		return error;
	sn_config_slots(config, &slots);
	sn_ticks_init(&ticks, &slots.time, slots.last_tick, slots.sequence_bits);
	const struct distances distances = distances_of_store(config, &ticks);
	error = open_store(generator, &ticks, &distances, wait);
	if (error)
		return error;
	generator->kind = config->kind;
	if (config->layout)
		sn_encoder_init(&generator->encoder, config->layout);
	generator->timeout_ns = config->timeout_ns;
	generator->creator = sn_process_number();
	init_sequencer(generator, &ticks, &distances.reach, slots.start_bits);
	error = sn_sequencer_wait_for_clock(&generator->sequencer, wait,
					    longest_wait_ns(&distances, &ticks));
	return error ? error : renew_store(generator);
}

static int generator_make(const struct snowid_config *config, const struct sn_wait *wait,
			  struct snowid_generator **generator)
{
	struct snowid_generator *const made = calloc(1, sizeof *made);
	if (!made)
		return sn_fail_nomem();
	int error = sn_process_init();
	if (!error)
		error = sn_config_copy(config, &made->config);
	if (!error)
		error = generator_open(made, wait);
	if (error)
		snowid_generator_free(made);
	else
		*generator = made;
	return error;
}

static struct sn_wait wait_of_config(const struct snowid_config *config)
{
	return (struct sn_wait){.clock = config->clock,
				.interrupt = config->interrupt,
				.user = config->interrupt_user};
}

SNOWID_EXPORT int snowid_generator_new(const struct snowid_config *config,
				       struct snowid_generator **generator)
{
	if (!config || !generator)
		return sn_fail_null(!config ? "config" : "generator");
	const struct sn_wait wait = wait_of_config(config);
	const int cancel_state = sn_cancel_disable();
	const int error = generator_make(config, &wait, generator);
	sn_cancel_restore(cancel_state);
	return error;
}

SNOWID_EXPORT int snowid_generator_new_for(const struct snowid_config *config, uint64_t timeout_ns,
					   struct snowid_generator **generator)
{
	if (!config || !generator)
		return sn_fail_null(!config ? "config" : "generator");
	struct sn_wait wait = wait_of_config(config);
	const int cancel_state = sn_cancel_disable();
	int error = sn_wait_bound(&wait, timeout_ns);
	if (!error)
		error = generator_make(config, &wait, generator);
	sn_cancel_restore(cancel_state);
	return error;
}

/* Sets what "KEY=VALUE" says. */
static int config_set_pair(struct snowid_config *config, const char *pair)
{
	char key[64];
	const char *const equals = strchr(pair, '=');
	const size_t length = equals ? (size_t)(equals - pair) : 0;

	if (length == 0 || length >= sizeof key)
		return sn_fail(
			SNOWID_E_SYNTAX,
			"\"%.60s\" is not KEY=VALUE, such as worker=5 or store=memory:", pair);
	memcpy(key, pair, length);
	key[length] = '\0';
	return snowid_config_set(config, key, equals + 1);
}

SNOWID_EXPORT int snowid_generator_open(struct snowid_generator **generator, const char *kind, ...)
{
	struct snowid_config *config = NULL;
	const char *pair;
	va_list pairs;

	if (!generator || !kind)
		return sn_fail_null(!generator ? "generator" : "kind");
	int error = snowid_config_new(&config);
	if (!error)
		error = snowid_config_set_kind(config, kind);
	va_start(pairs, kind);
	while (!error && (pair = va_arg(pairs, const char *)))
		error = config_set_pair(config, pair);
	va_end(pairs);
	if (!error)
		error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}
