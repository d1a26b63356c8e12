/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through: IDs, their parts, and health. Transports turn
 * this into words of their own, and have no logic beyond that.
 */
#ifndef SNOWIDD_SERVICE_H
#define SNOWIDD_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/service/kinds.h"
#include "snowidd/service/metrics.h"
#include "snowidd/config/settings.h"

/* ---- refusals -------------------------------------------------------------------------------- */

/* Why a call failed. The order is that of the table of causes in metrics.c. */
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

/* The stable name of a refusal, "clock", and a sentence for people. */
const char *refusal_code(enum refusal refusal);
const char *refusal_text(enum refusal refusal);

/* ---- the service ----------------------------------------------------------------------------- */

struct service;

/* Opens a generator for each kind. May wait for the stores. */
struct service *service_new(const struct settings *settings, struct settings_error *error);

/* What service_new() would refuse without opening anything. */
bool service_check(const struct settings *settings, struct settings_error *error);

/* Gives the workers back, and ends all generators. Waits up to timeout_ns for each store. */
void service_close(struct service *service, uint64_t timeout_ns);
void service_free(struct service *service);

size_t service_kinds(const struct service *service);
struct kind *service_kind_at(struct service *service, size_t index);

/* The kind of a name; the first for an empty one; NULL: there is none. */
struct kind *service_kind(struct service *service, const char *name, size_t length);

/* How many threads are to use a service of these settings. */
size_t service_threads_wanted(const struct settings *settings);

/* The counters of a worker, 0 to threads - 1. */
struct counters *service_counters(struct service *service, size_t worker);
size_t service_threads(const struct service *service);

/* Stops handing out IDs for a cause (REFUSED_CLOCK, REFUSED_CONFLICT), or, with reason NULL, no longer for
 * that one. The reason is for people; it is copied. */
void service_refuse(struct service *service, enum refusal cause, const char *reason);

/* Whether it has stopped for a cause. MT-Safe. */
bool service_refuses(struct service *service, enum refusal cause);

/* From now on not ready: health says so, IDs are still served. */
void service_drain(struct service *service);

/* ---- IDs ------------------------------------------------------------------------------------- */

/* IDs being made. Begins as 0. */
struct take {
	struct kind *kind;
	size_t want, made;
	union {
		uint64_t *ids;
		struct snowid_id128 *wide;
	};
	union {
		uint64_t id; /* where ids points when one is wanted */
		struct snowid_id128 wide_id;
	};
	uint64_t began, deadline; /* elapsed time, ns */
};

/* Sets what is asked for: IDs of the kind of a name, the first for an empty one. Refuses what would be
 * refused at once; no ID is taken. */
enum refusal service_ask(struct service *service, struct take *take, const char *kind,
			 size_t kind_length, uint64_t want, const struct settings *settings,
			 struct counters *counters);

/* Makes them without waiting. SERVED: take->made == take->want. Otherwise, with *wait_ns > 0, try again
 * after that time, until the deadline; with 0 it is final. */
enum refusal service_take(struct service *service, struct take *take, uint64_t wait_timeout_ns,
			  struct counters *counters, uint64_t *wait_ns);
void service_take_free(struct take *take);

/* ---- the parts of an ID ---------------------------------------------------------------------- */

struct parts {
	const struct kind *kind; /* of a layout; NULL for a ULID or UUID */
	const char *name;        /* of the kind */
	char text[SNOWID_UUID_TEXT];
	bool number;         /* text is a number */
	const char *variant; /* of a UUID; NULL: it is none */
	bool dated;
	int64_t sec;
	uint32_t nsec;
	int64_t unix_ms;
	struct {
		char name[64];
		uint64_t value;
	} fields[KIND_FIELDS + 1]; /* with the sequence */
	size_t field_count;
};

/* Text is a number of the kind, a ULID or a UUID. kind may be NULL: the first of the service. Of
 * REFUSED_ID, snowid_error_detail() says what is wrong. */
enum refusal service_parse(struct service *service, const struct kind *kind, const char *text,
			   size_t length, struct parts *parts);

/* ---- health ---------------------------------------------------------------------------------- */

struct health {
	enum refusal refusal; /* SERVED: healthy */
	char reason[256];
	bool ready;    /* healthy, and not about to stop */
	bool degraded; /* healthy, and soon not so: the reason says why */
	bool host_scope;
	const char *instance; /* a name of this run */
	uint64_t uptime_s;
	uint64_t ids; /* made by this run */
	struct {
		char name[64];
		uint64_t value;
	} fields[KIND_FIELDS]; /* of the first kind */
	size_t field_count;
};
void service_health(struct service *service, struct health *health);

/* How long IDs could still be made if the store could not be renewed, in seconds; INFINITY: for ever. */
double service_limit_ahead(const struct kind *kind);

/* Does what is due for the stores, and says after how many ns to call again. May wait for a disk: for a
 * thread of its own. */
uint64_t service_maintain(struct service *service);

#endif
