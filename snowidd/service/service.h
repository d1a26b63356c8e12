/* SPDX-License-Identifier: MIT
 *
 * What the daemon does, whatever it is asked through. Transports translate requests
 * and replies, and have no logic beyond that.
 */
#ifndef SNOWIDD_SERVICE_H
#define SNOWIDD_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/clock/clockwatch.h"
#include "snowidd/config/settings.h"
#include "snowidd/service/counters.h"
#include "snowidd/service/kind.h"
#include "snowidd/service/kinds.h"
#include "snowidd/service/refusal.h"

struct service;

/* ---- life ------------------------------------------------------------------------------------ */

/* Opens a generator for each kind, which may wait for the stores unless `interrupt` (may be NULL)
 * ends the wait. NULL with *error. */
struct service *service_new(const struct settings *settings,
			    const struct kinds_interrupt *interrupt, struct settings_error *error);

/* Whether service_new() could succeed, without opening anything; if `thorough`, also whether the
 * clock and the directory of the store are as it needs them. */
bool service_check(const struct settings *settings, bool thorough, struct settings_error *error);

/* Releases the workers, and ends all generators. Waits up to timeout_ns for the stores. */
void service_close(struct service *service, uint64_t timeout_ns);
void service_free(struct service *service);

size_t service_kinds(const struct service *service);
struct served_kind *service_kind_at(struct service *service, size_t index);

/* The kind of a name, the first if the name is empty. NULL if there is no such kind. */
struct served_kind *service_kind(struct service *service, const char *name, size_t length);

/* The same to read IDs of, for which a kind need not be served: one that is not is in *unserved.
 * kind_close_to_read(unserved) must follow in each case. */
const struct served_kind *service_kind_to_read(struct service *service, const char *name,
					       size_t length, struct served_kind *unserved);

/* How many loops are to use a service of these settings. */
size_t service_loops_wanted(const struct settings *settings);

/* The counters of each loop. */
size_t service_loops(const struct service *service);
struct counters *service_counters(struct service *service, size_t loop);

/* Sets what service_request_names() returns, which is then used by all threads. */
void service_set_request_names(struct service *service, struct request_names names);
const struct request_names *service_request_names(const struct service *service);

/* Judges the clock; to be fed by a clocksource. */
struct clockwatch *service_watch(struct service *service);

/* Does what is due for the stores, and returns after how many ns to call it again. May wait for a
 * disk, and so needs a thread of its own. */
uint64_t service_maintain(struct service *service);

/* ---- refusing -------------------------------------------------------------------------------- */

/* Refuses IDs for a cause (REFUSED_CLOCK, REFUSED_CONFLICT), or, if the reason is NULL, no longer
 * for that cause. The reason is for people; it is copied. */
void service_refuse(struct service *service, enum refusal cause, const char *reason);

/* Whether it refuses IDs for a cause. MT-Safe. */
bool service_refuses(struct service *service, enum refusal cause);

/* A peer says that it makes the same IDs; NULL: none does. IDs are then refused, unless a
 * coordinator has given the worker to this daemon alone: it knows better, and anybody may answer in
 * the place of a peer. Returns whether they are refused. */
bool service_report_conflict(struct service *service, const char *conflict);

/* Whether a peer says so. MT-Safe. */
bool service_is_contested(struct service *service);

/* From now on it is not ready: health says so, but IDs are still served. */
void service_drain(struct service *service);

/* ---- IDs ------------------------------------------------------------------------------------- */

/* A request for IDs. Begins as 0. */
struct id_request {
	struct served_kind *kind;
	size_t count, made;
	union {
		uint64_t *ids;
		struct snowid_id128 *ids128;
	};
	union { /* memory for one */
		uint64_t one;
		struct snowid_id128 one128;
	};
	uint64_t began_ns, deadline_ns; /* elapsed time; 0: not yet */
	unsigned size_class;
	uint64_t wanted;    /* while it waits, as its kind's share knows it */
	bool has_overflown; /* found too few IDs in a tick */
};

/* Sets what is asked for, and checks what can be checked without making an ID. */
enum refusal service_begin(struct service *service, struct id_request *request, const char *kind,
			   size_t kind_length, uint64_t count, const struct settings *settings,
			   struct counters *counters);

/* Makes the IDs, without waiting. SERVED: all are made. If it is refused and *wait_ns > 0, it waits
 * in the queue id_request_lane(), and this is called again when it is its turn, or at its deadline.
 * A large request always waits until it is its turn for the first time, so that a loop can serve
 * others between two of them. If *wait_ns is 0, the refusal is final: also as soon as it is certain
 * that there will not be enough IDs before the deadline. */
enum refusal service_fill(struct service *service, struct id_request *request,
			  uint64_t wait_timeout_ns, struct counters *counters, uint64_t *wait_ns);

/* The place of its queue among those of the loop, the first of which is served first; LANES if it
 * is to be refused, unless there are enough IDs when it is its turn. */
size_t id_request_lane(const struct id_request *request);

/* Has others not leave IDs to it any more, until service_fill() is called again. */
void id_request_leave(struct id_request *request);

/* Makes as many of `count` IDs, up to request->count, as there are now, for a stream, which calls
 * it again and again: SERVED if request->made is not 0. The time to wait is from the first call for
 * which there were none. */
enum refusal service_draw(struct service *service, struct id_request *request, size_t count,
			  uint64_t wait_timeout_ns, struct counters *counters, uint64_t *wait_ns);
void id_request_free(struct id_request *request);

#endif
