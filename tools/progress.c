/* SPDX-License-Identifier: MIT
 *
 * A progress bar for runs that take longer than half a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "snowid-tool.h"

#define SECOND      1000000000.0
#define FIRST_AFTER (SECOND / 2)
#define EVERY       (SECOND / 10)

static bool drawn;

void progress_draw(uint64_t done, uint64_t total)
{
	static int wanted = -1;
	static uint64_t start, last;
	uint64_t now;

	if (wanted < 0) {
		wanted = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
		if (snowid_clock_read(NULL, NULL, NULL, &start) != 0)
			wanted = 0;
	}
	if (!wanted || snowid_clock_read(NULL, NULL, NULL, &now) != 0 ||
	    (double)(now - start) < FIRST_AFTER || (double)(now - last) < EVERY)
		return;
	const double share = (double)done / (double)total;
	const double rate = (double)done / ((double)(now - start) / SECOND);
	const int bar = (int)(share * 30);
	fprintf(stderr, "\r[%.*s%*s] %3.0f%%  %" PRIu64 " IDs, %.4g/s, %.0f s left\033[K", bar,
		"##############################", 30 - bar, "", share * 100, done, rate,
		(double)(total - done) / rate);
	fflush(stderr);
	last = now;
	drawn = true;
}

void progress_end(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}
