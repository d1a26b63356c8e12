/* SPDX-License-Identifier: MIT
 *
 * What an HTTP request asks for: the parameters of its target, and the media type it prefers.
 */
#ifndef SNOWIDD_QUERY_H
#define SNOWIDD_QUERY_H

#include <stdbool.h>
#include <stddef.h>

enum query_parameter {
	QUERY_KIND = 1,
	QUERY_COUNT = 2,
	QUERY_ID = 4,
	QUERY_FORM = 8,
	QUERY_FORMAT = 16,
	QUERY_PERIOD = 32,
	QUERY_FROM = 64,
	QUERY_BEFORE = 128,
	QUERY_TO = 256
};

struct query_text {
	const char *data; /* NULL if there is none */
	size_t length;
};

struct query {
	struct query_text kind, count, id, form, format, period, from, before, to;
};

/* Reads name=value&…, each name of those allowed at most once, and decodes it in place. Returns
 * NULL, or what is wrong. */
const char *query_read(char *text, unsigned allowed, struct query *query);

/* Whether a parameter has this value. */
bool query_text_equals(const struct query_text *text, const char *value);

/* Whether the value of an Accept header prefers JSON to plain text. */
bool query_prefers_json(const char *accept, size_t length);

#endif
