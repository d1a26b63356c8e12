/* SPDX-License-Identifier: MIT
 *
 * Why a request is refused.
 */
#include "snowid.h"
#include "snowidd/service/refusal.h"

static const struct {
	const char *code, *text;
} refusals[] = {
	[SERVED] = {"none", "nothing is wrong"},
	[REFUSED_KIND] = {"unknown_kind", "this server does not serve this kind of ID"},
	[REFUSED_COUNT] = {"count_out_of_range", "one request cannot ask for this number of IDs"},
	[REFUSED_ID] = {"malformed_id", "that is not an ID of this kind"},
	[REFUSED_CLOCK] = {"clock_unsafe", "the clock of this server cannot be trusted at present"},
	[REFUSED_CONFLICT] = {"worker_conflict", "another server has the same worker ID"},
	[REFUSED_EXHAUSTED] = {"exhausted", "one worker cannot make that many IDs in the time"},
	[REFUSED_STORE] = {"store_unavailable", "the store does not allow more IDs at present"},
	[REFUSED_ENDED] = {"layout_ended", "the clock is outside the time that the layout covers"},
	[REFUSED_STOPPING] = {"stopping", "this server is stopping"},
	[REFUSED_INTERNAL] = {"internal_error", "this server cannot make IDs now"},
	[REFUSED_RATE] = {"rate_limited", "too many requests or IDs for this address"},
	[REFUSED_TOKEN] = {"unauthorised", "the bearer token is missing or wrong"},
};

const char *refusal_code(enum refusal refusal)
{
	return refusals[refusal].code;
}

const char *refusal_text(enum refusal refusal)
{
	return refusals[refusal].text;
}

enum refusal refusal_of_error(int error, int store_error, bool stopping)
{
	switch (error) {
	case 0:
		return SERVED;
	case SNOWID_E_EXHAUSTED:
		return REFUSED_EXHAUSTED;
	case SNOWID_E_CLOCK:
		return REFUSED_CLOCK;
	case SNOWID_E_LIMIT:
	case SNOWID_E_STORE:
		return REFUSED_STORE;
	case SNOWID_E_EPOCH:
	case SNOWID_E_ENDED:
		return REFUSED_ENDED;
	case SNOWID_E_CLOSED:
		return stopping ? REFUSED_STOPPING : REFUSED_CONFLICT;
	default: /* of the system: it may be that of a failed sync */
		return error == store_error ? REFUSED_STORE : REFUSED_INTERNAL;
	}
}
