/* SPDX-License-Identifier: MIT
 *
 * Texts of IDs: in each form of 64-bit IDs, ULID and UUID. One that is read is written, and must
 * then be the same ID.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowid.h"

static void check_form(enum snowid_form form, const char *text, size_t length)
{
	char written[SNOWID_ID_TEXT];
	uint64_t id, again;

	if (snowid_id_parse(text, length, form, &id) != 0)
		return;
	if (snowid_id_format(id, form, written) != 0 ||
	    snowid_id_parse(written, strlen(written), form, &again) != 0 || again != id)
		abort();
}

static void check_ulid(const char *text, size_t length)
{
	char written[SNOWID_ULID_TEXT];
	struct snowid_id128 id, again;

	if (snowid_ulid_parse(text, length, &id) != 0)
		return;
	snowid_ulid_format(&id, written);
	if (snowid_ulid_parse(written, strlen(written), &again) != 0 ||
	    snowid_id128_compare(&id, &again) != 0)
		abort();
}

static void check_uuid(const char *text, size_t length)
{
	char written[SNOWID_UUID_TEXT];
	struct snowid_id128 id, again;

	if (snowid_uuid_parse(text, length, &id) != 0)
		return;
	snowid_uuid_format(&id, written);
	if (snowid_uuid_parse(written, strlen(written), &again) != 0 ||
	    snowid_id128_compare(&id, &again) != 0 || !snowid_uuid_kind(&id))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own, so that reading past it is noticed. */
	char *const text = malloc(size ? size : 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	for (int form = 0; snowid_form_name((enum snowid_form)form); form++)
		check_form((enum snowid_form)form, text, size);
	check_ulid(text, size);
	check_uuid(text, size);
	free(text);
	return 0;
}

void fuzz_end(void)
{
}
