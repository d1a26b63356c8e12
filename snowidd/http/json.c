/* SPDX-License-Identifier: MIT
 *
 * Members of JSON objects.
 */
#include "snowidd/http/json.h"

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
