/* SPDX-License-Identifier: MIT
 *
 * Finds the name that was probably meant by one that does not exist: of a command, and of the kinds
 * and forms that only the tool has. The library does the same for its own names, in private.
 */
#include <stdio.h>
#include <string.h>

#include "snowid-tool.h"

#define NAME_LENGTH 31 /* at most; longer names are not compared */

static unsigned least_of_three(unsigned a, unsigned b, unsigned c)
{
	const unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

/* How many bytes have to be inserted, removed or replaced to make one name the other (Levenshtein).
 */
static unsigned edit_distance(const char *from, const char *to)
{
	unsigned row[NAME_LENGTH + 1];
	const size_t length = strlen(to);

	for (size_t i = 0; i <= length; i++)
		row[i] = (unsigned)i;
	for (unsigned removed = 1; *from; from++, removed++) {
		unsigned diagonal = row[0];
		row[0] = removed;
		for (size_t i = 1; i <= length; i++) {
			const unsigned replaced = diagonal + (*from != to[i - 1]);
			diagonal = row[i];
			row[i] = least_of_three(row[i] + 1, row[i - 1] + 1, replaced);
		}
	}
	return row[length];
}

void suggest_name(struct suggestion *suggestion, const char *name)
{
	const size_t length = strlen(suggestion->wanted);
	const unsigned most = length <= 4 ? 1 : 2;

	if (length > NAME_LENGTH || strlen(name) > NAME_LENGTH)
		return;
	const unsigned distance = edit_distance(suggestion->wanted, name);
	if (distance > most || (suggestion->name && distance > suggestion->distance))
		return;
	suggestion->tie = suggestion->name && distance == suggestion->distance;
	suggestion->name = name;
	suggestion->distance = distance;
}

const char *suggestion_text(const struct suggestion *suggestion)
{
	static char text[sizeof "; did you mean ?" + NAME_LENGTH];

	text[0] = '\0';
	if (suggestion->name && !suggestion->tie)
		snprintf(text, sizeof text, "; did you mean %s?", suggestion->name);
	return text;
}
