/* SPDX-License-Identifier: MIT
 *
 * Suggestions in errors about unknown names: "; did you mean uuid7?".
 */
#ifndef SN_SUGGEST_H
#define SN_SUGGEST_H

#include <stddef.h>

#define SN_SUGGEST_MAX 32 /* characters of names that are compared */

/* The known name that is the closest to an unknown one. */
struct sn_suggestion {
	const char *name; /* the unknown one, which need not end in 0 */
	size_t length;
	unsigned distance;
	char text[SN_SUGGEST_MAX + 24];
};

void sn_suggestion_begin(struct sn_suggestion *suggestion, const char *name, size_t length);

/* Offers a known name. The first of equally close ones is kept. */
void sn_suggestion_offer(struct sn_suggestion *suggestion, const char *known);

/* The end of an error: "; did you mean uuid7?", or another end if no name is close. */
static inline const char *sn_suggestion_or(const struct sn_suggestion *suggestion,
					   const char *otherwise)
{
	return suggestion->text[0] ? suggestion->text : otherwise;
}

#endif
