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
#include "libsnowid/id/ulid.h"
#include "libsnowid/id/uuid.h"

struct snowid_generator {
	struct sn_sequencer sequencer;
	enum sn_kind kind;
	/* Of a 64-bit ID: (slot >> bits) << time_shift | (slot & mask) << sequence_shift | identity. */
	unsigned time_shift;
	unsigned sequence_shift;
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

/* RFC 9562, 6.10: a random node has the multicast bit set, which no network card's address has. */
static int draw_uuid_fields(struct snowid_config *config)
{
	uint64_t random[2];
	const int error = sn_entropy(random, sizeof random);

	if (error)
		return error;
	for (size_t i = 0; i < config->field_count; i++) {
		if (config->set[i])
			continue;
		config->values[i] = random[i] & sn_mask(config->fields[i].bits);
		if (i == SN_UUID_NODE)
			config->values[i] |= UINT64_C(1) << 40;
	}
	return 0;
}

/* The ticks and the random start of a kind, and what tells kinds apart in a store. */
struct kind_slots {
	struct sn_ticks ticks;
	unsigned start_bits;
	uint64_t fingerprint;
};

static void choose_slots(const struct snowid_config *config, struct kind_slots *slots)
{
	struct sn_timebase time;
	unsigned bits;

	slots->start_bits = 0;
	slots->fingerprint = config->kind;
	switch (config->kind) {
	case SN_KIND_LAYOUT:
		bits = sn_layout_sequence_bits(config->layout);
		if (config->spread && bits > 0)
			slots->start_bits = bits <= 32 ? bits - 1 : 31;
		snowid_layout_info(config->layout, SNOWID_LAYOUT_FINGERPRINT, &slots->fingerprint);
		sn_ticks_init(&slots->ticks, &config->layout->time, config->layout->last_tick,
			      bits);
		return;
	case SN_KIND_ULID:
	case SN_KIND_UUID7:
		slots->start_bits = 15;
		sn_timebase_init(&time, 0, 0, 1000000);
		sn_ticks_init(&slots->ticks, &time, sn_timebase_last_tick(&time), 16);
		return;
	case SN_KIND_UUID1:
	case SN_KIND_UUID6:
		sn_timebase_init(&time, SN_UUID_EPOCH_SEC, 0, 100);
		sn_ticks_init(&slots->ticks, &time, sn_mask(60), 0);
		return;
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

static int open_store(struct snowid_generator *g, const struct kind_slots *slots)
{
	const struct snowid_config *const config = g->config;
	char kind[SN_STORE_KIND_SIZE];
	struct sn_store_settings settings = {
		.clock = config->clock,
		.ticks = slots->ticks,
		.block_ns = config->block_ns,
		.jump_ns = config->jump_ns,
		.max_behind_ns = config->hold_ns + config->borrow_ns + 2 * config->block_ns,
		.mode = config->mode,
		.kind = config->kind_text,
		.fingerprint = slots->fingerprint,
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

static int set_up(struct snowid_generator *g)
{
	struct snowid_config *const config = g->config;
	struct kind_slots slots;

	int error = config->layout ? check_fields(config) : draw_uuid_fields(config);
	if (error)
		return error;
	choose_slots(config, &slots);
	error = open_store(g, &slots);
	if (error)
		return error;
	g->kind = config->kind;
	g->timeout_ns = config->timeout_ns;
	g->maker = getpid();
	if (config->layout) {
		g->time_shift = config->layout->fields[0].shift;
		g->sequence_shift = sn_layout_sequence_shift(config->layout);
	}
	const struct sn_sequencer_settings settings = {
		.clock = config->clock,
		.ticks = slots.ticks,
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
	if ((generator->kind != SN_KIND_LAYOUT) != wide)
		return sn_fail(
			SNOWID_E_KIND,
			"the kind %.60s makes IDs of %d bits; call the function %s 128 in its name",
			generator->config->kind_text, wide ? 64 : 128, wide ? "without" : "with");
	return 0;
}

/* The cheap half of check(), for the paths that are taken for each ID. */
static inline bool fits(const struct snowid_generator *generator, bool wide, const void *out)
{
	return generator && out && (generator->kind != SN_KIND_LAYOUT) == wide;
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

static inline uint64_t encode(const struct snowid_generator *g, uint64_t slot, uint64_t identity)
{
	return slot >> g->sequencer.ticks.bits << g->time_shift |
	       (slot & g->sequencer.ticks.mask) << g->sequence_shift | identity;
}

static inline int next(struct snowid_generator *generator, uint64_t timeout_ns, uint64_t *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	const int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);

	if (__builtin_expect(!error, 1))
		*id = encode(generator, claim.start, claim.identity);
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
		*id = encode(generator, claim.start, claim.identity);
	return error;
}

/* Writes id, id + step, … In pairs, as wide as every 64-bit machine has them: compilers do not make
 * such a loop out of a plain one at -O2. */
static void fill(uint64_t *ids, size_t count, uint64_t id, uint64_t step)
{
	typedef uint64_t pair __attribute__((vector_size(16)));
	typedef pair stored_pair __attribute__((aligned(8), may_alias));
	const pair eight = {8 * step, 8 * step}, two = {2 * step, 2 * step};
	pair a = {id, id + step}, b = a + two, c = b + two, d = c + two;
	size_t i = 0;

	for (; i + 8 <= count; i += 8) {
		stored_pair *const to = (stored_pair *)(ids + i);
		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
		a += eight;
		b += eight;
		c += eight;
		d += eight;
	}
	for (; i < count; i++)
		ids[i] = id + i * step;
}

/* The IDs of a claim, tick by tick. */
static void encode_all(const struct snowid_generator *g, const struct sn_claim *claim,
		       uint64_t *ids)
{
	uint64_t slot = claim->start, left = claim->count;

	while (left > 0) {
		const uint64_t in_tick =
			g->sequencer.ticks.mask - (slot & g->sequencer.ticks.mask) + 1;
		const size_t part = (size_t)(in_tick < left ? in_tick : left);
		fill(ids, part, encode(g, slot, claim->identity), UINT64_C(1) << g->sequence_shift);
		ids += part;
		slot += part;
		left -= part;
	}
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
			encode_all(generator, &claim, ids + done);
			done += (size_t)claim.count;
		}
	}
	*made = done;
	return error;
}

/* ---- ULID and UUID --------------------------------------------------------------------------- */

#define TAIL_SIZE 8 /* random bytes at the end of a ULID or UUIDv7 */

static void encode128(enum sn_kind kind, uint64_t slot, uint64_t identity, const uint8_t *tail,
		      struct snowid_id128 *id)
{
	switch (kind) {
	case SN_KIND_UUID1:
		sn_uuid1_encode(slot, (unsigned)(identity >> 48), identity & sn_mask(48), id);
		return;
	case SN_KIND_UUID6:
		sn_uuid6_encode(slot, (unsigned)(identity >> 48), identity & sn_mask(48), id);
		return;
	case SN_KIND_UUID7:
		sn_uuid7_encode(slot >> 16, (uint16_t)slot, tail, id);
		return;
	case SN_KIND_ULID:
	case SN_KIND_LAYOUT:
		sn_ulid_encode(slot >> 16, (uint16_t)slot, tail, id);
		return;
	}
}

/* The IDs of a claim; *made says how many, fewer only when the random bytes fail. */
static int encode128_all(const struct snowid_generator *g, const struct sn_claim *claim,
			 struct snowid_id128 *ids, size_t *made)
{
	enum { PART = 32 };
	uint8_t tails[PART * TAIL_SIZE];
	const bool random = g->kind == SN_KIND_ULID || g->kind == SN_KIND_UUID7;
	int error = 0;
	size_t i;

	for (i = 0; i < claim->count; i++) {
		const size_t at = i % PART, left = (size_t)claim->count - i;
		if (random && at == 0) {
			error = sn_entropy(tails, (left < PART ? left : PART) * TAIL_SIZE);
			if (error)
				break;
		}
		encode128(g->kind, claim->start + i, claim->identity, tails + at * TAIL_SIZE,
			  &ids[i]);
	}
	*made = i;
	return error;
}

static int next128(struct snowid_generator *generator, uint64_t timeout_ns, struct snowid_id128 *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	size_t made;

	int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);
	if (!error)
		error = encode128_all(generator, &claim, id, &made);
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
		error = encode128_all(generator, &claim, id, &made);
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
			error = encode128_all(generator, &claim, ids + done, &part);
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
