/* SPDX-License-Identifier: MIT
 *
 * Whether a client may make a request at all.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/net/admit.h"

static enum refusal count_refusal(const struct loop *loop, enum refusal refusal)
{
	if (refusal != SERVED)
		counter_add(&loop->counters->errors[refusal], 1);
	return refusal;
}

static enum refusal check_rate(const struct loop *loop, const struct ip_address *client,
			       uint64_t *wait_ns)
{
	const struct settings *const settings = loop->live->settings;
	struct rate_key key;

	const struct rate rate = {RATE_OF_REQUESTS, settings->rate, settings->burst};
	if (rate.per_second > 0 && rate_key_of(client, &key) &&
	    rate_limiter_take(loop->group->limiter, &key, &rate, 1, 1, elapsed_ns(), wait_ns) == 0)
		return REFUSED_RATE;
	return SERVED;
}

enum refusal admit_client(const struct loop *loop, const struct ip_address *client,
			  const char *authorization, size_t length, uint64_t *wait_ns)
{
	const struct tokens *const tokens = &loop->live->tokens;
	enum refusal refusal = check_rate(loop, client, wait_ns);

	if (refusal == SERVED && tokens->count > 0 &&
	    !(length > 0 && tokens_authorise(tokens, authorization, length)))
		refusal = REFUSED_TOKEN;
	return count_refusal(loop, refusal);
}

enum refusal admit_without_token(const struct loop *loop, const struct ip_address *client,
				 uint64_t *wait_ns)
{
	return count_refusal(loop, check_rate(loop, client, wait_ns));
}

/* The bucket has room for the largest request at least, which could otherwise never be admitted. */
static struct rate rate_of_ids(const struct loop *loop)
{
	const struct settings *const settings = loop->live->settings;
	const uint64_t burst =
		settings->id_burst > settings->count ? settings->id_burst : settings->count;

	return (struct rate){RATE_OF_IDS, settings->id_rate, burst};
}

static uint64_t take_ids(const struct loop *loop, const struct ip_address *client, uint64_t least,
			 uint64_t most, uint64_t *wait_ns)
{
	const struct rate rate = rate_of_ids(loop);
	struct rate_key key;

	if (rate.per_second == 0 || !rate_key_of(client, &key))
		return most;
	return rate_limiter_take(loop->group->limiter, &key, &rate, least, most, elapsed_ns(),
				 wait_ns);
}

enum refusal admit_ids(const struct loop *loop, const struct ip_address *client, uint64_t count,
		       uint64_t *wait_ns)
{
	if (take_ids(loop, client, count, count, wait_ns) > 0)
		return SERVED;
	counter_add(&loop->counters->errors[REFUSED_RATE], 1);
	return REFUSED_RATE;
}

uint64_t admit_some_ids(const struct loop *loop, const struct ip_address *client, uint64_t most)
{
	uint64_t wait_ns;

	return take_ids(loop, client, 1, most, &wait_ns);
}

void admit_return_ids(const struct loop *loop, const struct ip_address *client, uint64_t count)
{
	const struct rate rate = rate_of_ids(loop);
	struct rate_key key;

	if (count > 0 && rate.per_second > 0 && rate_key_of(client, &key))
		rate_limiter_return(loop->group->limiter, &key, &rate, count);
}
