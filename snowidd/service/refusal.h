/* SPDX-License-Identifier: MIT
 *
 * Why a request is refused, whatever it came through.
 */
#ifndef SNOWIDD_REFUSAL_H
#define SNOWIDD_REFUSAL_H

#include <stdbool.h>

enum refusal {
	SERVED,
	REFUSED_KIND,      /* there is no such kind */
	REFUSED_COUNT,     /* more than allowed, or none */
	REFUSED_ID,        /* not an ID of the kind */
	REFUSED_CLOCK,     /* the clock cannot be trusted */
	REFUSED_CONFLICT,  /* another node has the worker */
	REFUSED_EXHAUSTED, /* more is asked for than there are IDs */
	REFUSED_STORE,     /* the store does not allow more */
	REFUSED_ENDED,     /* the layout has no more IDs, or not yet */
	REFUSED_STOPPING,
	REFUSED_INTERNAL,
	REFUSED_RATE,  /* too many requests of this client */
	REFUSED_TOKEN, /* not the token that is needed */
	REFUSALS
};

/* The stable name of a refusal, "clock_unsafe", and a sentence for people. */
const char *refusal_code(enum refusal refusal);
const char *refusal_text(enum refusal refusal);

/* Why a generator refuses IDs with an error of the library. store_error: that of the last renewal
 * of its store; `stopping`: a generator that is closed was closed by us, and not because another
 * process has the worker. */
enum refusal refusal_of_error(int error, int store_error, bool stopping);

#endif
