/* SPDX-License-Identifier: MIT
 *
 * A kind of ID that is served.
 */
#ifndef SNOWIDD_KIND_H
#define SNOWIDD_KIND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/service/share.h"

#define KIND_FIELDS      16 /* that are neither time nor sequence */
#define KIND_WORKER_SIZE 300

/* How IDs are written: as a number, a ULID or a UUID. */
enum kind_type { KIND_LAYOUT, KIND_ULID, KIND_UUID };

/* A field with its value, as it is shown. */
struct kind_field {
	char name[64];
	uint64_t value;
	unsigned bits; /* that any value of the field can have */
};

struct served_kind {
	char name[32];
	size_t index;
	enum kind_type type;
	struct snowid_layout *layout; /* of KIND_LAYOUT, otherwise NULL */
	char spec[512];               /* as for snowid_config_set_kind() */
	struct snowid_generator *generator;
	char store[1024];    /* its URL */
	uint64_t reserve_ns; /* 0: not known */
	struct share share;

	/* Of the owner of its worker (owner.h). */
	_Atomic uint64_t limit_at_ns; /* in elapsed time, as of the last renewal */
	_Atomic int store_error;      /* of the last renewal; 0: none */
	char store_problem[400];      /* the same in words */
	bool was_lost;                /* the worker, by the last renewal */
	char loss_problem[400];       /* why no other was found at once */
	bool was_refused;             /* as it was last logged */
	char last_worker[KIND_WORKER_SIZE];
};

/* Fills a kind that IDs can be read of, although it is not served: a preset, ulid, uuid or uuid1 to
 * uuid8. False if there is none of this name. To be closed. */
bool kind_open_to_read(struct served_kind *kind, const char *name, size_t length);
void kind_close_to_read(struct served_kind *kind);

/* The next field of a layout, from *index on, that is neither time nor sequence, with its value and
 * its width, which may be NULL. False past the last. */
bool kind_next_field(const struct served_kind *kind, size_t *index, const char **name,
		     uint64_t *value, unsigned *bits);

/* "datacenter=0,worker=5": what tells its IDs apart from those of other daemons; "" if nothing has
 * to. A coordinator may change it at any time. */
void kind_worker_text(const struct served_kind *kind, char text[KIND_WORKER_SIZE]);

/* Whether a field, by the name under which it is shown, is the one that differs between the servers
 * of a datacenter. */
bool kind_field_is_worker(const char *name);

#endif
