/* SPDX-License-Identifier: MIT
 *
 * The calls of a generator: an encoder over a sequencer.
 */
#include "libsnowid/generator.h"

#include <stdlib.h>

#include "libsnowid/base/compiler.h"
#include "libsnowid/base/critical.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/process.h"

/* ---- life ------------------------------------------------------------------------------------ */

SNOWID_EXPORT int snowid_generator_close(struct snowid_generator *generator, uint64_t timeout_ns)
{
	if (!generator)
		return sn_fail_null("generator");
	struct sn_store *const store = generator->store;
	sn_sequencer_detach(&generator->sequencer);
	if (sn_process_number() != generator->creator || !store->class->release)
		return 0;
	const int cancel_state = sn_cancel_disable();
	const int error = store->class->release(store, timeout_ns);
	sn_cancel_restore(cancel_state);
	return error;
}

SNOWID_EXPORT void snowid_generator_free(struct snowid_generator *generator)
{
	if (!generator)
		return;
	const int cancel_state = sn_cancel_disable();
	if (generator->store)
		generator->store->class->close(generator->store);
	snowid_config_free(generator->config);
	free(generator);
	sn_cancel_restore(cancel_state);
}

SNOWID_EXPORT int snowid_generator_maintain(struct snowid_generator *generator,
					    uint64_t *next_call_ns)
{
	if (!generator || !next_call_ns)
		return sn_fail_null(!generator ? "generator" : "next_call_ns");
	struct sn_store *const store = generator->store;
	if (store->class->check_renewal) {
		const int error = store->class->check_renewal(store, next_call_ns);
		sn_sequencer_attach(&generator->sequencer, store->shared);
		return error;
	}
	if (store->class->prompt) {
		*next_call_ns = UINT64_MAX;
		return 0;
	}
	return sn_sequencer_maintain(&generator->sequencer, next_call_ns);
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* wide: whether the call is for IDs of 128 bits. */
static int check_call(const struct snowid_generator *generator, bool wide, const void *out)
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

/* The result of check_call() without its error, inline because each ID needs it. */
static inline bool call_is_valid(const struct snowid_generator *generator, bool wide,
				 const void *out)
{
	return generator && out && (generator->kind != NULL) == wide;
}

/* The part that the calls that never wait have in common. */
static inline int claim_without_waiting(struct snowid_generator *generator, bool wide,
					const void *out, uint64_t *wait_ns, struct sn_claim *claim)
{
	claim->wait_ns = 0;
	const int error = SN_LIKELY(call_is_valid(generator, wide, out))
				  ? sn_sequencer_claim(&generator->sequencer, 1, claim)
				  : check_call(generator, wide, out);
	if (wait_ns)
		*wait_ns = error ? claim->wait_ns : 0;
	return error;
}

/* ---- 64-bit IDs ------------------------------------------------------------------------------ */

static inline int generate64(struct snowid_generator *generator, uint64_t timeout_ns, uint64_t *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	const int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);

	if (SN_LIKELY(!error))
		*id = sn_encode(&generator->encoder, claim.start, claim.identity);
	return error;
}

SNOWID_EXPORT int snowid_generator_next(struct snowid_generator *generator, uint64_t *id)
{
	if (SN_UNLIKELY(!call_is_valid(generator, false, id)))
		return check_call(generator, false, id);
	return generate64(generator, generator->timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_next_for(struct snowid_generator *generator, uint64_t timeout_ns,
					    uint64_t *id)
{
	if (SN_UNLIKELY(!call_is_valid(generator, false, id)))
		return check_call(generator, false, id);
	return generate64(generator, timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_try_next(struct snowid_generator *generator, uint64_t *id,
					    uint64_t *wait_ns)
{
	struct sn_claim claim;
	const int error = claim_without_waiting(generator, false, id, wait_ns, &claim);

	if (SN_LIKELY(!error))
		*id = sn_encode(&generator->encoder, claim.start, claim.identity);
	return error;
}

/* The part of a batch that one claim may have. */
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
	int error = check_call(generator, false, ids);
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

/* ---- 128-bit IDs ----------------------------------------------------------------------------- */

/* Encodes the IDs of a claim, a few at a time, so that their random bytes fit on the stack. *made
 * says how many: fewer than claimed only if there are no random bytes. */
static int encode_claim128(const struct snowid_generator *generator, const struct sn_claim *claim,
			   struct snowid_id128 *ids, size_t *made)
{
	enum { PART = 32 };
	const struct sn_kind *const kind = generator->kind;
	const size_t count = (size_t)claim->count;
	uint8_t random[PART * SN_KIND_RANDOM_MAX];
	int error = 0;

	if (kind->random_size == 0) {
		kind->encode(claim->start, claim->identity, NULL, count, ids);
		*made = count;
		return 0;
	}
	*made = 0;
	while (!error && *made < count) {
		const size_t left = count - *made, part = left < PART ? left : PART;
		const uint64_t ms = (claim->start + *made) >> kind->sequence_bits;
		error = sn_entropy_of_period(random, part * kind->random_size,
					     sn_entropy_period(ms));
		if (!error) {
			kind->encode(claim->start + *made, claim->identity, random, part,
				     ids + *made);
			*made += part;
		}
	}
	return error;
}

static int generate128(struct snowid_generator *generator, uint64_t timeout_ns,
		       struct snowid_id128 *id)
{
	struct sn_deadline deadline = {timeout_ns, 0};
	struct sn_claim claim;
	size_t made;

	int error = sn_sequencer_claim_until(&generator->sequencer, 1, &deadline, &claim);
	if (!error)
		error = encode_claim128(generator, &claim, id, &made);
	return error;
}

SNOWID_EXPORT int snowid_generator_next128(struct snowid_generator *generator,
					   struct snowid_id128 *id)
{
	if (!call_is_valid(generator, true, id))
		return check_call(generator, true, id);
	return generate128(generator, generator->timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_next128_for(struct snowid_generator *generator,
					       uint64_t timeout_ns, struct snowid_id128 *id)
{
	if (!call_is_valid(generator, true, id))
		return check_call(generator, true, id);
	return generate128(generator, timeout_ns, id);
}

SNOWID_EXPORT int snowid_generator_try_next128(struct snowid_generator *generator,
					       struct snowid_id128 *id, uint64_t *wait_ns)
{
	struct sn_claim claim;
	size_t made;

	int error = claim_without_waiting(generator, true, id, wait_ns, &claim);
	if (!error)
		error = encode_claim128(generator, &claim, id, &made);
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
	int error = check_call(generator, true, ids);
	while (!error && done < count) {
		error = sn_sequencer_claim_until(&generator->sequencer, claim_size(count - done),
						 &deadline, &claim);
		if (!error) {
			error = encode_claim128(generator, &claim, ids + done, &part);
			done += part;
		}
	}
	*made = done;
	return error;
}

/* ---- observation ----------------------------------------------------------------------------- */

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
	const int error = sn_config_find_field(generator->config, name, &i);
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

static uint64_t stat_of_lease(const struct sn_store *store, enum snowid_stat which)
{
	if (store->class->lease_stat)
		return store->class->lease_stat(store, which);
	return which == SNOWID_STAT_WORKERS_FREE ? UINT64_MAX : 0;
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
	case SNOWID_STAT_REMOVALS:
		*value = atomic_load(&shared->removals);
		return 0;
	case SNOWID_STAT_LEFT_NS:
		return sn_sequencer_left(&generator->sequencer, value);
	case SNOWID_STAT_LEASE:
	case SNOWID_STAT_EPOCH:
	case SNOWID_STAT_LOSSES:
	case SNOWID_STAT_RENEWALS:
	case SNOWID_STAT_RENEWAL_NS:
	case SNOWID_STAT_WORKERS_FREE:
		*value = stat_of_lease(generator->store, which);
		return 0;
	}
	return sn_fail(SNOWID_E_INVALID, "there is no statistic %d", (int)which);
}
