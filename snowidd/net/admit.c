/* SPDX-License-Identifier: MIT
 *
 * Whether a client may make a request at all.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/net/admit.h"

static enum refusal check_client(const struct loop *loop, const struct ip_address *client,
				 const char *authorization, size_t length, uint64_t *wait_ns)
{
	const struct live *const live = loop->live;
	const struct settings *const settings = live->settings;
	struct rate_key key;

	if (settings->rate > 0 && rate_key_of(client, &key) &&
	    !rate_limiter_take(loop->group->limiter, &key, settings->rate, settings->burst,
			       elapsed_ns(), wait_ns))
		return REFUSED_RATE;
	if (live->tokens.count > 0 &&
	    !(length > 0 && tokens_authorise(&live->tokens, authorization, length)))
		return REFUSED_TOKEN;
	return SERVED;
}

enum refusal admit_client(const struct loop *loop, const struct ip_address *client,
			  const char *authorization, size_t length, uint64_t *wait_ns)
{
	const enum refusal refusal = check_client(loop, client, authorization, length, wait_ns);

	if (refusal != SERVED)
		counter_add(&loop->counters->errors[refusal], 1);
	return refusal;
}
