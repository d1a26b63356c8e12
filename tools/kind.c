/* SPDX-License-Identifier: MIT
 *
 * Kinds of ID: the layouts of 64 bits, which the library knows, and those of 128 bits.
 */
#include <string.h>

#include "snowid-tool.h"

/* The layouts of github.com/ulid/spec and RFC 9562, sections 5.1 to 5.8. */
/* clang-format off */
static const struct wide wides[] = {
	{"ulid", 0, "1ms", "1970-01-01T00:00:00.000Z", "10889-08-02T05:31:50.655Z",
	 {{"time", 48}, {"random", 80}}},
	{"uuid1", 1, "100ns", "1582-10-15T00:00:00.000Z", "5236-03-31T21:21:00.6846975Z",
	 {{"time_low", 32}, {"time_mid", 16}, {"version", 4}, {"time_high", 12}, {"variant", 2},
	  {"clock_seq", 14}, {"node", 48}}},
	{"uuid3", 3, NULL, NULL, NULL,
	 {{"md5_high", 48}, {"version", 4}, {"md5_mid", 12}, {"variant", 2}, {"md5_low", 62}}},
	{"uuid4", 4, NULL, NULL, NULL,
	 {{"random_a", 48}, {"version", 4}, {"random_b", 12}, {"variant", 2}, {"random_c", 62}}},
	{"uuid5", 5, NULL, NULL, NULL,
	 {{"sha1_high", 48}, {"version", 4}, {"sha1_mid", 12}, {"variant", 2}, {"sha1_low", 62}}},
	{"uuid6", 6, "100ns", "1582-10-15T00:00:00.000Z", "5236-03-31T21:21:00.6846975Z",
	 {{"time_high", 32}, {"time_mid", 16}, {"version", 4}, {"time_low", 12}, {"variant", 2},
	  {"clock_seq", 14}, {"node", 48}}},
	{"uuid7", 7, "1ms", "1970-01-01T00:00:00.000Z", "10889-08-02T05:31:50.655Z",
	 {{"time", 48}, {"version", 4}, {"rand_a", 12}, {"variant", 2}, {"rand_b", 62}}},
	{"uuid8", 8, NULL, NULL, NULL,
	 {{"custom_a", 48}, {"version", 4}, {"custom_b", 12}, {"variant", 2}, {"custom_c", 62}}},
	/* They have a name, but no layout. */
	{"nil", 0, NULL, NULL, NULL, {{"value", 128}}},
	{"max", 0, NULL, NULL, NULL, {{"value", 128}}},
	/* Any other UUID. Decode shows it, but it cannot be asked for. */
	{"uuid", 0, NULL, NULL, NULL, {{"value", 128}}},
};
/* clang-format on */
#define NAMED  (sizeof wides / sizeof wides[0] - 1)
#define LISTED (NAMED - 2)

const struct wide *kind_wide(size_t index)
{
	return index < LISTED ? &wides[index] : NULL;
}

bool kind_is_ulid(const struct kind *kind)
{
	return kind->wide == &wides[0];
}

enum id_type kind_id_type(const struct kind *kind)
{
	if (kind->layout)
		return ID_64;
	return kind_is_ulid(kind) ? ID_ULID : ID_UUID;
}

static _Noreturn void exit_unknown_kind(const char *name)
{
	struct suggestion suggestion = {.wanted = name};

	for (size_t i = 0; snowid_layout_preset(i); i++)
		suggest_name(&suggestion, snowid_layout_preset(i));
	for (size_t i = 0; i < NAMED; i++)
		suggest_name(&suggestion, wides[i].name);
	exit_usage("there is no kind \"%s\"%s%s 'snowid layout' lists the kinds", name,
		   suggestion_text(&suggestion), *suggestion_text(&suggestion) ? "" : ";");
}

int kind_find(const char *name, struct kind *kind)
{
	*kind = (struct kind){.name = name};
	for (size_t i = 0; i < NAMED && !kind->wide; i++)
		if (strcmp(name, wides[i].name) == 0)
			kind->wide = &wides[i];
	return kind->wide ? 0 : snowid_layout_new(name, &kind->layout);
}

struct kind kind_open(const char *name)
{
	struct kind kind;
	const int error = kind_find(name, &kind);

	if (error == SNOWID_E_UNKNOWN && *name && !strpbrk(name, ":;,="))
		exit_unknown_kind(name);
	if (error)
		exit_usage("kind: %s", error_detail());
	return kind;
}

void kind_close(struct kind *kind)
{
	snowid_layout_free(kind->layout);
	kind->layout = NULL;
}

#define SPEC_SIZE 4096

void kind_name_preset(struct kind *kind)
{
	char spec[SPEC_SIZE], other[SPEC_SIZE];

	if (!kind->layout || snowid_layout_format(kind->layout, spec, sizeof spec, NULL) != 0)
		return;
	for (size_t i = 0; snowid_layout_preset(i); i++) {
		struct kind preset = kind_open(snowid_layout_preset(i));
		const int error = snowid_layout_format(preset.layout, other, sizeof other, NULL);
		kind_close(&preset);
		if (!error && strcmp(spec, other) == 0)
			kind->name = preset.name;
	}
}

struct kind kind_of_id(const struct kind *asked, const struct id *id)
{
	size_t i = 0;

	if (id->type == ID_64)
		return *asked;
	if (id->type == ID_ULID)
		return (struct kind){.name = wides[0].name, .wide = &wides[0]};
	const char *const name = snowid_uuid_kind(&id->wide);
	while (i < NAMED && strcmp(wides[i].name, name) != 0)
		i++;
	return (struct kind){.name = name, .wide = &wides[i]};
}

size_t kind_parts(const struct kind *kind, struct part parts[PARTS_MAX])
{
	size_t count = 0;

	if (kind->wide) {
		for (; kind->wide->parts[count].name; count++)
			parts[count] = kind->wide->parts[count];
	} else {
		while (count < PARTS_MAX &&
		       snowid_layout_field_at(kind->layout, count, &parts[count].name,
					      &parts[count].bits, NULL) == 0)
			count++;
	}
	return count;
}
