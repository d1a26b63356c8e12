/* SPDX-License-Identifier: MIT
 *
 * Texts of instants, periods and spans.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowid.h"

static void check_instant(const char *text, size_t length)
{
	char written[SNOWID_TIME_TEXT];
	int64_t sec, again_sec, before_sec;
	uint32_t nsec, again_nsec, before_nsec;

	const int error = snowid_time_parse(text, length, &sec, &nsec);
	if (snowid_period_parse(text, length, &again_sec, &again_nsec, &before_sec, &before_nsec) !=
	    error)
		abort();
	if (error)
		return;
	if (again_sec != sec || again_nsec != nsec || nsec > 999999999 || before_nsec > 999999999)
		abort();
	if (before_sec < sec || (before_sec == sec && before_nsec <= nsec))
		abort();
	if (snowid_time_format(sec, nsec, written) != 0 ||
	    snowid_time_parse(written, strlen(written), &again_sec, &again_nsec) != 0 ||
	    again_sec != sec || again_nsec != nsec)
		abort();
}

static void check_span(const char *text, size_t length)
{
	char written[SNOWID_SPAN_TEXT];
	uint64_t ns, again_ns;

	if (snowid_span_parse(text, length, &ns) != 0)
		return;
	snowid_span_format(ns, written);
	if (snowid_span_parse(written, strlen(written), &again_ns) != 0 || again_ns != ns)
		abort();
}

static void check_seconds(double seconds)
{
	int64_t sec;
	uint32_t nsec;
	uint64_t ns;

	if (snowid_time_from_seconds(seconds, &sec, &nsec) == 0 && nsec > 999999999)
		abort();
	if (snowid_span_from_seconds(seconds, &ns) == 0 && !(seconds >= 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that reading past it is noticed. */
	char *const text = malloc(size ? size : 1);
	double seconds = 0;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	check_instant(text, size);
	check_span(text, size);
	memcpy(&seconds, data, size < sizeof seconds ? size : sizeof seconds);
	check_seconds(seconds);
	free(text);
	return 0;
}

void fuzz_end(void)
{
}
