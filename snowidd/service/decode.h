/* SPDX-License-Identifier: MIT
 *
 * The parts of an ID.
 */
#ifndef SNOWIDD_DECODE_H
#define SNOWIDD_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snowid.h"
#include "snowidd/service/kind.h"
#include "snowidd/service/refusal.h"
#include "snowidd/service/service.h"

struct decoded_id {
	const char *kind; /* its name; of a UUID, that of snowid_uuid_kind() */
	char text[SNOWID_UUID_TEXT];
	bool is_number;      /* the text is one */
	char layout[512];    /* of a number, otherwise empty */
	const char *variant; /* of a UUID, otherwise NULL */
	bool has_time;
	int64_t unix_sec;
	uint32_t nsec;
	int64_t unix_ms;
	struct kind_field fields[KIND_FIELDS + 1]; /* with the sequence */
	size_t field_count;
};

/* Reads a number of the kind, a ULID or a UUID; if kind is NULL, its length tells which, and a
 * number is of the first kind of the service. After REFUSED_ID, snowid_error_detail() says what is
 * wrong. */
enum refusal decode_id(struct service *service, const struct served_kind *kind, const char *text,
		       size_t length, struct decoded_id *decoded);

#endif
