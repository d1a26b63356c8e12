/* SPDX-License-Identifier: MIT
 *
 * Specs of layouts. One that is read is written, and must then be the same layout.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowid.h"

/* The spec of a layout, to be freed. */
static char *write_layout(const struct snowid_layout *layout)
{
	size_t length;

	if (snowid_layout_format(layout, NULL, 0, &length) != SNOWID_E_RANGE)
		abort();
	char *const text = malloc(length + 1);
	if (!text || snowid_layout_format(layout, text, length + 1, NULL) != 0)
		abort();
	return text;
}

static uint64_t fingerprint_of(const struct snowid_layout *layout)
{
	uint64_t value;
	if (snowid_layout_info(layout, SNOWID_LAYOUT_FINGERPRINT, &value) != 0)
		abort();
	return value;
}

static void check_layout(const struct snowid_layout *layout)
{
	struct snowid_layout *again;
	char *const spec = write_layout(layout);
	uint64_t first, last;

	if (snowid_layout_new(spec, &again) != 0)
		abort();
	char *const spec_again = write_layout(again);
	if (strcmp(spec, spec_again) != 0 || fingerprint_of(layout) != fingerprint_of(again))
		abort();
	if (snowid_layout_range(layout, INT64_MIN, 0, INT64_MAX, 0, &first, &last) != 0 ||
	    first != 0 || last == 0)
		abort();
	free(spec_again);
	free(spec);
	snowid_layout_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snowid_layout *layout;
	char *const spec = malloc(size + 1);

	if (!spec)
		return 0;
	memcpy(spec, data, size);
	spec[size] = '\0';
	if (snowid_layout_new(spec, &layout) == 0) {
		check_layout(layout);
		snowid_layout_free(layout);
	}
	free(spec);
	return 0;
}

void fuzz_end(void)
{
}
