/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/blocker.h"

#include <inttypes.h>
#include <stdio.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/instant.h"

static void show_second(uint64_t unix_ms, char text[SNOWID_TIME_TEXT])
{
	sn_instant_show((int64_t)(unix_ms / 1000), 0, text);
}

/* What is known in addition stands between the two. */
static const struct {
	const char *trouble, *remedy;
} texts[] = {
	[SN_BLOCKER_SILENCE] = {"does not answer", "; see that it can be reached"},
	[SN_BLOCKER_TAKEN] = {"has no worker left", "; end another owner, or widen the range"},
	[SN_BLOCKER_RESTS] = {"has no worker left: one whose owner vanished rests until ",
			      ", as its IDs may go up to there; wait, or widen the range"},
	[SN_BLOCKER_FOREIGN] = {"has records of another kind, layout or epoch",
				"; name another path"},
	[SN_BLOCKER_BEHIND] = {"has recorded times ahead of the clock, up to ",
			       "; correct the clock"},
	[SN_BLOCKER_AHEAD] = {"has a clock that is far behind this one", "; correct the clock"},
	[SN_BLOCKER_NAMESPACE] = {"has other records than before",
				  ": it was emptied or restored, or is another one; if that is "
				  "meant, restart this program"},
	[SN_BLOCKER_DENIED] = {"refuses", "; see to its credentials, permissions and certificates"},
};

static void show_details(const struct sn_blocker *blocker, char *text, size_t size)
{
	char second[SNOWID_TIME_TEXT];

	text[0] = '\0';
	if (blocker->kind == SN_BLOCKER_RESTS || blocker->kind == SN_BLOCKER_BEHIND) {
		show_second(blocker->until_ms, second);
		snprintf(text, size, "%s", second);
	} else if (blocker->kind == SN_BLOCKER_TAKEN && blocker->holder.host[0] != '\0') {
		show_second(blocker->holder.since_ms, second);
		snprintf(text, size, ": process %" PRIu64 " on %s has one, since %s",
			 blocker->holder.process, blocker->holder.host, second);
	} else if (blocker->why[0] != '\0') {
		snprintf(text, size, " (%.160s)", blocker->why);
	}
}

int sn_blocker_fail(const struct sn_blocker *blocker, const struct sn_blocker_place *place)
{
	char details[192];

	show_details(blocker, details, sizeof details);
	return sn_fail(SNOWID_E_STORE,
		       "the coordinator of workers %" PRIu64 " to %" PRIu64 " under %.60s %s%s%s",
		       place->first_worker, place->last_worker, place->path,
		       texts[blocker->kind].trouble, details, texts[blocker->kind].remedy);
}
