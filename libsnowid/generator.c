/* SPDX-License-Identifier: MIT
 *
 * Generators: a kind's encoder over a sequencer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/config.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/sequence/sequencer.h"
#include "libsnowid/store/store.h"
#include "libsnowid/id/encoder.h"

struct snowid_generator {
	struct sn_sequencer sequencer;
	const struct sn_kind *kind; /* NULL for a layout */
	struct sn_encoder encoder;  /* of the IDs of a layout */
	uint64_t timeout_ns;
	struct snowid_config *config; /* with the fields that were drawn or found in the store */
	struct sn_store *store;
	pid_t maker; /* a child made by fork is not it */
};

/* ---- life ------------------------------------------------------------------------------------ */

/* A layout is one node's only when all fields that tell nodes apart have a value: the one named for
 * it, or, where none is, every one. */
static int check_fields(const struct snowid_config *config)
{
	const struct snowid_layout *const layout = config->layout;
	const struct sn_field *const node = sn_layout_node_field(layout);

	if (sn_store_assigns(config->store))
		return 0;

	for (size_t i = 1; i < layout->count; i++) {
		const struct sn_field *const field = &layout->fields[i];
		if (i == layout->sequence || config->set[i] || (node && field != node))
			continue;
		return sn_fail(
			SNOWID_E_WORKER,
			"the kind %.60s needs a value for the field %s, from 0 to %llu, that no "
			"other generator has at the same time",
			config->kind_text, field->name, (unsigned long long)sn_mask(field->bits));
	}
	return 0;
}

/* What a kind asks of the sequencer, and the fingerprint that tells kinds apart in a store. */
static void choose_slots(const struct snowid_config *config, struct sn_slots *slots,
			 uint64_t *fingerprint)
{
	if (config->kind) {
		*fingerprint = config->kind->fingerprint;
		sn_kind_slots(config->kind, slots);
	} else {
		snowid_layout_info(config->layout, SNOWID_LAYOUT_FINGERPRINT, fingerprint);
		sn_kind_layout_slots(config->layout, config->spread, slots);
	}
}

/* Fixed fields as a store sees them: numbers, in the order of the layout. */
static void tell_fields(const struct snowid_config *config, struct sn_store_settings *settings)
{
	settings->field_count = config->field_count;
	for (size_t i = 0; i < config->field_count; i++)
		settings->fields[i] = (struct sn_store_field){
			.name = config->fields[i].name,
			.bits = config->fields[i].bits,
			.shift = config->fields[i].shift,
			.value = config->set[i] || !config->layout ? config->values[i] : 0,
			.set_by_user = config->set[i] ||
				       (config->layout && !sn_store_assigns(config->store)),
		};
}

static void take_fields(struct snowid_config *config, const struct sn_store_settings *settings)
{
	for (size_t i = 0; i < config->field_count; i++) {
		config->values[i] = settings->fields[i].value;
		config->set[i] = true;
	}
}

static int renew(void *user)
{
	struct sn_store *const store = user;
	return store->class->renew(store);
}

static int open_store(struct snowid_generator *g, const struct sn_ticks *ticks,
		      uint64_t fingerprint)
{
	const struct snowid_config *const config = g->config;
	char kind[SN_STORE_KIND_SIZE];
	struct sn_store_settings settings = {
		.clock = config->clock,
		.ticks = *ticks,
		.block_ns = config->block_ns,
		.jump_ns = config->jump_ns,
		.max_behind_ns = config->hold_ns + config->borrow_ns + 2 * config->block_ns,
		.mode = config->mode,
		.kind = config->kind_text,
		.fingerprint = fingerprint,
	};
	/* In full: what a preset's name stands for is not for a file to know. */
	if (config->layout && snowid_layout_format(config->layout, kind, sizeof kind, NULL) == 0)
		settings.kind = kind;
	tell_fields(config, &settings);
	const int error = sn_store_open(g->config->store, &settings, &g->store);
	if (!error)
		take_fields(g->config, &g->store->settings);
	return error;
}

/* Checks the fields that the user must set, or draws those that may be random. */
static int complete_fields(struct snowid_config *config)
{
	if (config->layout)
		return check_fields(config);
	return config->kind->draw_fields ? config->kind->draw_fields(config->set, config->values)
					 : 0;
}

static int set_up(struct snowid_generator *g)
{
	struct snowid_config *const config = g->config;
	struct sn_slots slots;
	struct sn_ticks ticks;
	uint64_t fingerprint;

	int error = complete_fields(config);
	if (error)
		return error;
	choose_slots(config, &slots, &fingerprint);
	sn_ticks_init(&ticks, &slots.time, slots.last_tick, slots.sequence_bits);
	error = open_store(g, &ticks, fingerprint);
	if (error)
		return error;
	g->kind = config->kind;
	g->timeout_ns = config->timeout_ns;
	g->maker = getpid();
	if (config->layout)
		sn_encoder_init(&g->encoder, config->layout);
	const struct sn_sequencer_settings settings = {
		.clock = config->clock,
		.ticks = ticks,
		.shared = g->store->shared,
		.start_bits = slots.start_bits,
		.wait_ns = config->wait_ns,
		.hold_ns = config->hold_ns,
		.borrow_ns = config->borrow_ns,
		.renew = renew,
		.user = g->store,
		.block_ns = g->store->class->managed ? 0 : config->block_ns,
	};
	sn_sequencer_init(&g->sequencer, &settings);
	error = renew(g->store);
	return error ? error : sn_sequencer_wait_for_clock(&g->sequencer, 2 * config->block_ns);
}

SNOWID_EXPORT int snowid_generator_new(const struct snowid_config *config,
				       struct snowid_generator **generator)
{
	if (!config || !generator)
		return sn_fail_null(!config ? "config" : "generator");
	struct snowid_generator *const g = calloc(1, sizeof *g);
	if (!g)
		return sn_fail_nomem();
	int error = sn_config_copy(config, &g->config);
	if (!error)
		error = set_up(g);
	if (error)
		snowid_generator_free(g);
	else
		*generator = g;
	return error;
}

SNOWID_EXPORT int snowid_generator_close(struct snowid_generator *generator, uint64_t timeout_ns)
{
	if (!generator)
		return sn_fail_null("generator");
	struct sn_store *const store = generator->store;
	if (getpid() == generator->maker && store->class->release)
		return store->class->release(store, timeout_ns);
	sn_sequencer_detach(&generator->sequencer);
	return 0;
}

SNOWID_EXPORT void snowid_generator_free(struct snowid_generator *generator)
{
	if (!generator)
		return;
	if (generator->store)
		generator->store->class->close(generator->store);
	snowid_config_free(generator->config);
	free(generator);
}

SNOWID_EXPORT int snowid_generator_maintain(struct snowid_generator *generator,
					    uint64_t *again_in_ns)
{
	if (!generator || !again_in_ns)
		return sn_fail_null(!generator ? "generator" : "again_in_ns");
	if (generator->store->class->managed) {
		*again_in_ns = UINT64_MAX;
		return 0;
	}
	return sn_sequencer_maintain(&generator->sequencer, again_in_ns);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int check(const struct snowid_generator *generator, bool wide, const void *out)
{
	if (!generator || !out)
		return sn_fail_null(!generator ? "generator" : "the output");
	if ((generator->kind != NULL) != wide)
		return sn_fail(
			SNOWID_E_KIND,
			"the kind %.60s makes IDs of %d bits; call the function %s 128 in its name",
			generator->config->kind_text, wide ? 64 : 128, wide ? "without" : "with");
	return 0;
}

/* The cheap half of check(), for the paths that are taken for each ID. */
static inline bool fits(const struct snowid_generator *generator, bool wide, const void *out)
{
	return generator && out && (generator->kind != NULL) == wide;
}

/* What the calls that never wait begin with. */
static inline int try_claim(struct snowid_generator *generator, bool wide, const void *out,
			    uint64_t *wait_ns, struct sn_claim *claim)
{
	claim->wait_ns = 0;
	const int error = __builtin_expect(fits(generator, wide, out), 1)
				  ? sn_sequencer_claim(&generator->sequencer, 1, claim)
				  : check(generator, wide, out);
	if (wait_ns)
		*wait_ns = error ? claim->wait_ns : 0;
	return error;
}

/* ---- 64-bit IDs ------------------------------------------------------------------------------ */

static inline int next(struct snowid_generator *generator, uint64_t timeout_ns, uint64_t *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	const int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);

	if (__builtin_expect(!error, 1))
		*id = sn_encode(&generator->encoder, claim.start, claim.identity);
	return error;
}

SNOWID_EXPORT int snowid_generator_next(struct snowid_generator *generator, uint64_t *id)
{
	if (__builtin_expect(!fits(generator, false, id), 0))
		return check(generator, false, id);
	return next(generator, generator->timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_next_for(struct snowid_generator *generator, uint64_t timeout_ns,
					    uint64_t *id)
{
	if (__builtin_expect(!fits(generator, false, id), 0))
		return check(generator, false, id);
	return next(generator, timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_try_next(struct snowid_generator *generator, uint64_t *id,
					    uint64_t *wait_ns)
{
	struct sn_claim claim;
	const int error = try_claim(generator, false, id, wait_ns, &claim);

	if (__builtin_expect(!error, 1))
		*id = sn_encode(&generator->encoder, claim.start, claim.identity);
	return error;
}

static uint64_t claim_size(uint64_t wanted)
{
	return wanted < SN_CLAIM_MAX ? wanted : SN_CLAIM_MAX;
}

SNOWID_EXPORT int snowid_generator_next_batch(struct snowid_generator *generator, uint64_t *ids,
					      size_t count, uint64_t timeout_ns, size_t *made)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	size_t done = 0;

	if (!made)
		return sn_fail_null("made");
	int error = check(generator, false, ids);
	while (!error && done < count) {
		error = sn_sequencer_claim_until(&generator->sequencer, claim_size(count - done),
						 &deadline, &claim);
		if (!error) {
			sn_encode_run(&generator->encoder, claim.start, claim.identity, ids + done,
				      claim.count);
			done += (size_t)claim.count;
		}
	}
	*made = done;
	return error;
}

/* ---- ULID and UUID --------------------------------------------------------------------------- */

/* Encodes the IDs of a claim. *made says how many: fewer only if there are no random bytes. */
static int encode128(const struct snowid_generator *generator, const struct sn_claim *claim,
		     struct snowid_id128 *ids, size_t *made)
{
	enum { PART = 32 };
	const struct sn_kind *const kind = generator->kind;
	uint8_t random[PART * SN_KIND_RANDOM_MAX];
	int error = 0;
	size_t done = 0;

	while (done < claim->count) {
		const size_t left = (size_t)claim->count - done;
		const size_t part = left < PART ? left : PART;
		if (kind->random_size > 0) {
			error = sn_entropy(random, part * kind->random_size);
			if (error)
				break;
		}
		kind->encode(claim->start + done, claim->identity, random, part, ids + done);
		done += part;
	}
	*made = done;
	return error;
}

static int next128(struct snowid_generator *generator, uint64_t timeout_ns, struct snowid_id128 *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	size_t made;

	int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);
	if (!error)
		error = encode128(generator, &claim, id, &made);
	return error;
}

SNOWID_EXPORT int snowid_generator_next128(struct snowid_generator *generator,
					   struct snowid_id128 *id)
{
	if (!fits(generator, true, id))
		return check(generator, true, id);
	return next128(generator, generator->timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_next128_for(struct snowid_generator *generator,
					       uint64_t timeout_ns, struct snowid_id128 *id)
{
	if (!fits(generator, true, id))
		return check(generator, true, id);
	return next128(generator, timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_try_next128(struct snowid_generator *generator,
					       struct snowid_id128 *id, uint64_t *wait_ns)
{
	struct sn_claim claim;
	size_t made;

	int error = try_claim(generator, true, id, wait_ns, &claim);
	if (!error)
		error = encode128(generator, &claim, id, &made);
	return error;
}

SNOWID_EXPORT int snowid_generator_next128_batch(struct snowid_generator *generator,
						 struct snowid_id128 *ids, size_t count,
						 uint64_t timeout_ns, size_t *made)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	size_t done = 0, part;

	if (!made)
		return sn_fail_null("made");
	int error = check(generator, true, ids);
	while (!error && done < count) {
		error = sn_sequencer_claim_until(&generator->sequencer, claim_size(count - done),
						 &deadline, &claim);
		if (!error) {
			error = encode128(generator, &claim, ids + done, &part);
			done += part;
		}
	}
	*made = done;
	return error;
}

/* ---- what a generator tells ------------------------------------------------------------------ */

SNOWID_EXPORT int snowid_generator_available(struct snowid_generator *generator, uint64_t *count)
{
	uint64_t wait_ns;

	if (!generator || !count)
		return sn_fail_null(!generator ? "generator" : "count");
	return sn_sequencer_available(&generator->sequencer, count, &wait_ns);
}

SNOWID_EXPORT int snowid_generator_field(const struct snowid_generator *generator, const char *name,
					 uint64_t *value)
{
	size_t i;

	if (!generator || !name || !value)
		return sn_fail_null(!generator ? "generator" : !name ? "name" : "value");
	const int error = sn_config_find(generator->config, name, &i);
	if (error)
		return error;
	const uint64_t identity =
		atomic_load(&sn_sequencer_shared(&generator->sequencer)->identity);
	const struct sn_field *const field = &generator->config->fields[i];
	*value = identity >> field->shift & sn_mask(field->bits);
	return 0;
}

SNOWID_EXPORT int snowid_generator_get(const struct snowid_generator *generator, const char *key,
				       char *text, size_t size, size_t *length)
{
	if (!generator)
		return sn_fail_null("generator");
	return snowid_config_get(generator->config, key, text, size, length);
}

SNOWID_EXPORT int snowid_generator_stat(const struct snowid_generator *generator,
					enum snowid_stat which, uint64_t *value)
{
	if (!generator || !value)
		return sn_fail_null(!generator ? "generator" : "value");
	const struct sn_shared_state *const shared = sn_sequencer_shared(&generator->sequencer);
	switch (which) {
	case SNOWID_STAT_ISSUED:
		*value = sn_sequencer_issued(&generator->sequencer);
		return 0;
	case SNOWID_STAT_WAITS:
		*value = atomic_load(&shared->waits);
		return 0;
	case SNOWID_STAT_REGRESSIONS:
		*value = atomic_load(&shared->regressions);
		return 0;
	case SNOWID_STAT_REFUSED:
		*value = atomic_load(&shared->refused);
		return 0;
	case SNOWID_STAT_MAX_LEAD_NS:
		*value = atomic_load(&shared->max_lead) * 100;
		return 0;
	case SNOWID_STAT_MAX_LAG_NS:
		*value = atomic_load(&shared->max_lag) * 100;
		return 0;
	}
	return sn_fail(SNOWID_E_INVALID, "there is no statistic %d", (int)which);
}
