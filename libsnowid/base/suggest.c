/* SPDX-License-Identifier: MIT
 *
 * The distance of two names is the number of characters to insert, remove, replace, or swap with
 * the next ("optimal string alignment", after Damerau, "A Technique for Computer Detection and
 * Correction of Spelling Errors", 1964). Upper and lower case are the same.
 */
#include "libsnowid/base/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char lower_case(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Both are of at most SN_SUGGEST_MAX characters. rows[i][j] is the distance of the first i
 * characters of a name and the first j of the other. */
static unsigned name_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[SN_SUGGEST_MAX + 1][SN_SUGGEST_MAX + 1];

	for (size_t i = 0; i <= a_length; i++)
		rows[i][0] = (unsigned)i;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++)
		for (size_t j = 1; j <= b_length; j++) {
			const char at_a = lower_case(a[i - 1]), at_b = lower_case(b[j - 1]);
			const unsigned edited = least_of(rows[i - 1][j], rows[i][j - 1]) + 1;
			rows[i][j] = least_of(edited, rows[i - 1][j - 1] + (at_a != at_b));
			if (i > 1 && j > 1 && at_a == lower_case(b[j - 2]) &&
			    at_b == lower_case(a[i - 2]))
				rows[i][j] = least_of(rows[i][j], rows[i - 2][j - 2] + 1);
		}
	return rows[a_length][b_length];
}

/* A third of the characters may be wrong, and at least one, but not all. */
void sn_suggestion_begin(struct sn_suggestion *suggestion, const char *name, size_t length)
{
	const unsigned third = (unsigned)length / 3;
	*suggestion = (struct sn_suggestion){.name = name, .length = length};
	if (length <= SN_SUGGEST_MAX && length > 1)
		suggestion->distance = (third > 0 ? third : 1) + 1;
}

void sn_suggestion_offer(struct sn_suggestion *suggestion, const char *known)
{
	const size_t length = strlen(known);

	if (length > SN_SUGGEST_MAX || suggestion->distance == 0)
		return;
	const unsigned distance =
		name_distance(suggestion->name, suggestion->length, known, length);
	if (distance >= suggestion->distance)
		return;
	suggestion->distance = distance;
	snprintf(suggestion->text, sizeof suggestion->text, "; did you mean %s?", known);
}
