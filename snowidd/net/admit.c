/* SPDX-License-Identifier: MIT
 *
 * Whether a client may ask at all.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/net/admit.h"

static enum refusal judge(const struct connection *c, const char *authorization, size_t length,
			  uint64_t *wait_ns)
{
	const struct live *const live = c->worker->live;
	const struct settings *const settings = live->settings;

	if (settings->rate > 0 && c->has_key &&
	    !rate_take(c->worker->server->rate, &c->key, settings->rate, settings->burst,
		       elapsed_ns(), wait_ns))
		return REFUSED_RATE;
	if (live->token && !(length > 0 && live_authorises(live, authorization, length)))
		return REFUSED_TOKEN;
	return SERVED;
}

enum refusal admit(const struct connection *c, const char *authorization, size_t length,
		   uint64_t *wait_ns)
{
	const enum refusal refusal = judge(c, authorization, length, wait_ns);

	if (refusal != SERVED)
		count(&c->worker->counters->errors[refusal], 1);
	return refusal;
}
