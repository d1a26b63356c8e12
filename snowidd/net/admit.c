/* SPDX-License-Identifier: MIT
 *
 * Whether a client may ask at all.
 */
#include "snowidd/base/elapsed.h"
#include "snowidd/net/admit.h"

static enum refusal judge(const struct connection *c, const char *authorization, size_t length,
			  uint64_t *wait_ns)
{
	const struct setup *const setup = c->worker->setup;
	const struct settings *const settings = setup->settings;

	if (settings->rate > 0 && c->has_key &&
	    !rate_take(c->worker->server->rate, &c->key, settings->rate, settings->burst,
		       elapsed_ns(), wait_ns))
		return REFUSED_RATE;
	if (setup->token && !(length > 0 && setup_authorised(setup, authorization, length)))
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
