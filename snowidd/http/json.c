/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects.
 */
#include "snowidd/http/json.h"

/* Numbers of JSON are exact up to 2^53 wherever they are doubles (RFC 8259, section 6). */
#define EXACT_BITS 53

void json_add_text(struct buffer *to, const char *name, const char *value)
{
	buffer_json(to, name);
	buffer_text(to, ":");
	buffer_json(to, value);
	buffer_text(to, ",");
}

void json_add_number(struct buffer *to, const char *name, uint64_t value)
{
	buffer_json(to, name);
	buffer_text(to, ":");
	buffer_number(to, value);
	buffer_text(to, ",");
}

/* The width decides, not the value, so that a field always has the same type. */
void json_add_field(struct buffer *to, const struct kind_field *field)
{
	const char *const quote = field->bits > EXACT_BITS ? "\"" : "";

	buffer_json(to, field->name);
	buffer_text(to, ":");
	buffer_text(to, quote);
	buffer_number(to, field->value);
	buffer_text(to, quote);
	buffer_text(to, ",");
}

void json_add_bool(struct buffer *to, const char *name, bool value)
{
	buffer_json(to, name);
	buffer_text(to, value ? ":true," : ":false,");
}

void json_end(struct buffer *to, const char *end)
{
	if (to->length > 0 && to->data[to->length - 1] == ',')
		to->length--;
	buffer_text(to, end);
}
