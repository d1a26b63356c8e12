/* SPDX-License-Identifier: MIT
 *
 * snowid encode: an ID of given parts.
 */
#include <inttypes.h>
#include <string.h>

#include "snowid-tool.h"

static void set_wide(const struct kind *kind, const char *name, uint64_t value,
		     struct snowid_id128 *id)
{
	const bool is_node = strcmp(name, "node") == 0;
	const uint64_t max = is_node ? UINT64_MAX >> 16 : 0x3fff;
	uint8_t node[6];

	if (kind->wide->version != 1 && kind->wide->version != 6)
		usage("--field %s=%" PRIu64 ": the kind %s has no fields that can be set", name,
		      value, kind->name);
	if (!is_node && strcmp(name, "clock_seq") != 0)
		usage("--field %s=%" PRIu64 ": the kind %s has the fields clock_seq and node", name,
		      value, kind->name);
	if (value > max)
		usage("--field %s=%" PRIu64 ": the field must be from 0 to %" PRIu64, name, value,
		      max);
	for (int i = 0; i < 6; i++)
		node[i] = (uint8_t)(value >> (40 - 8 * i));
	if (is_node)
		snowid_uuid_set_node(id, node);
	else
		snowid_uuid_set_clock_seq(id, (unsigned)value);
}

int encode(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = form_of_kind("--form", options->form, &kind);
	char text[ID_TEXT];
	const char *name;
	uint64_t value;

	if (!options->time)
		usage("--time INSTANT is missing: the time of the ID");
	struct id id = id_at(&kind, "--time", options->time, false);
	for (size_t i = 0; i < options->field_count; i++) {
		name = field_read(options->fields[i], &value);
		if (kind.wide)
			set_wide(&kind, name, value, &id.wide);
		else if (snowid_layout_set_field(kind.layout, name, value, &id.number) != 0)
			usage("--field %s=%" PRIu64 ": %s", name, value, detail());
	}
	if (options->json) {
		describe(&kind, &id, form, true);
	} else {
		out_bytes(text, id_write(&id, form, text));
		out_text("\n");
	}
	kind_close(&kind);
	return 0;
}
