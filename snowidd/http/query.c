/* SPDX-License-Identifier: MIT
 *
 * What an HTTP request asks for.
 */
#include <string.h>
#include <strings.h>

#include "snowidd/http/query.h"

/* ---- parameters ------------------------------------------------------------------------------ */

static int hex_digit_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decodes %41 in place (RFC 3986, section 2.1). False if it is malformed. */
static bool decode_percent(char *text, size_t *length)
{
	size_t to = 0;

	for (size_t i = 0; i < *length; i++) {
		char c = text[i];
		if (c == '%') {
			if (i + 2 >= *length || hex_digit_value(text[i + 1]) < 0 ||
			    hex_digit_value(text[i + 2]) < 0)
				return false;
			c = (char)(hex_digit_value(text[i + 1]) << 4 |
				   hex_digit_value(text[i + 2]));
			i += 2;
			if (c == '\0')
				return false;
		}
		text[to++] = c;
	}
	*length = to;
	return true;
}

bool query_text_equals(const struct query_text *text, const char *value)
{
	return text->data && text->length == strlen(value) &&
	       memcmp(text->data, value, text->length) == 0;
}

static struct query_text *parameter_of_name(struct query *query, unsigned allowed,
					    const struct query_text *name)
{
	const struct {
		unsigned bit;
		const char *name;
		struct query_text *value;
	} parameters[] = {
		{QUERY_KIND, "kind", &query->kind},
		{QUERY_COUNT, "count", &query->count},
		{QUERY_ID, "id", &query->id},
		{QUERY_FORM, "form", &query->form},
		{QUERY_FORMAT, "format", &query->format},
		{QUERY_PERIOD, "period", &query->period},
		{QUERY_FROM, "from", &query->from},
		{QUERY_BEFORE, "before", &query->before},
		{QUERY_TO, "to", &query->to},
	};

	for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
		if ((allowed & parameters[i].bit) && query_text_equals(name, parameters[i].name))
			return parameters[i].value;
	return NULL;
}

const char *query_read(char *at, unsigned allowed, struct query *query)
{
	while (*at) {
		char *const end = at + strcspn(at, "&"), *equals = at;
		while (equals < end && *equals != '=')
			equals++;
		struct query_text name = {at, (size_t)(equals - at)},
				  value = {equals + 1, (size_t)(end - equals - 1)};
		struct query_text *to;
		if (equals == end)
			return "a parameter is not name=value";
		if (!decode_percent(at, &name.length) || !decode_percent(equals + 1, &value.length))
			return "a parameter has a malformed % escape";
		to = parameter_of_name(query, allowed, &name);
		if (!to)
			return "this path has no such parameter";
		if (to->data)
			return "a parameter occurs twice";
		*to = value;
		at = *end ? end + 1 : end;
	}
	return NULL;
}

/* ---- media types (RFC 9110, section 12.5.1) -------------------------------------------------- */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* A weight, 0 to 1 with three places, in 1/1000 (RFC 9110, section 12.4.2). */
static int read_weight(const char *at, const char *end)
{
	if (at == end || *at < '0' || *at > '1')
		return 0;
	int weight = *at == '1' ? 1000 : 0;
	if (at + 1 < end && at[1] == '.')
		for (int i = 2, place = 100; i < 5 && at + i < end; i++, place /= 10) {
			if (at[i] < '0' || at[i] > '9')
				break;
			weight += (at[i] - '0') * place;
		}
	return weight < 1000 ? weight : 1000;
}

/* The weight of one item, "text/plain;level=1;q=0.5"; 1000 if none is given. */
static int weight_of(const char *item, const char *end)
{
	const char *at = item;

	while ((at = memchr(at, ';', (size_t)(end - at)))) {
		at = skip_blanks(at + 1, end);
		if (end - at > 1 && (*at == 'q' || *at == 'Q') && at[1] == '=')
			return read_weight(at + 2, end);
	}
	return 1000;
}

/* The weight of a media range in a header; -1 if it does not occur there. */
static int find_weight(const char *accept, size_t length, const char *range)
{
	const char *const end = accept + length;
	const size_t range_length = strlen(range);

	for (const char *at = accept; at < end;) {
		const char *const comma = memchr(at, ',', (size_t)(end - at));
		const char *const stop = comma ? comma : end;
		const char *const item = skip_blanks(at, stop);
		size_t name = 0;
		while (item + name < stop && !strchr("; \t", item[name]))
			name++;
		if (name == range_length && strncasecmp(item, range, name) == 0)
			return weight_of(item, stop);
		at = stop + 1;
	}
	return -1;
}

/* The most specific range decides (RFC 9110, section 12.5.1). */
static int weight_of_best_range(const char *accept, size_t length, const char *const ranges[3])
{
	for (int i = 0; i < 3; i++) {
		const int found = find_weight(accept, length, ranges[i]);
		if (found >= 0)
			return found;
	}
	return 0;
}

bool query_prefers_json(const char *accept, size_t length)
{
	static const char *const json[] = {"application/json", "application/*", "*/*"},
				 *const text[] = {"text/plain", "text/*", "*/*"};

	return length > 0 && weight_of_best_range(accept, length, json) >
				     weight_of_best_range(accept, length, text);
}
