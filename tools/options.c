/* SPDX-License-Identifier: MIT
 *
 * Reads the values of options: numbers, KEY=VALUE and NAME=N.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snowid-tool.h"

char *split_key_value(char *text)
{
	char *const equals = strchr(text, '=');
	if (!equals)
		return NULL;
	*equals = '\0';
	return equals + 1;
}

bool parse_number(const char *text, uint64_t *value)
{
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *const digits = hex ? text + 2 : text;
	char *end;

	if (!(hex ? isxdigit : isdigit)((unsigned char)*digits))
		return false; /* strtoull() would accept blanks and signs */
	errno = 0;
	*value = strtoull(digits, &end, hex ? 16 : 10);
	return *end == '\0' && errno == 0;
}

const char *parse_field(char *text, uint64_t *value)
{
	const char *const digits = split_key_value(text);

	if (!digits)
		exit_usage("--field: \"%s\" is not NAME=N, such as worker=5", text);
	if (!parse_number(digits, value))
		exit_usage("--field: %s is \"%s\", which is not a number from 0 to "
			   "18446744073709551615",
			   text, digits);
	return text;
}
