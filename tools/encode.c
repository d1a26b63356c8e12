/* SPDX-License-Identifier: MIT
 *
 * snowid encode: makes the ID with a given time and given fields.
 */
#include <inttypes.h>
#include <string.h>

#include "snowid-tool.h"

static void set_uuid_field(const struct kind *kind, const char *name, uint64_t value,
			   struct snowid_id128 *id)
{
	const bool is_node = strcmp(name, "node") == 0;
	const uint64_t max = is_node ? UINT64_MAX >> 16 : 0x3fff;
	uint8_t node[6];

	if (kind->wide->version != 1 && kind->wide->version != 6)
		exit_usage("--field: the kind %s has no fields that can be set", kind->name);
	if (!is_node && strcmp(name, "clock_seq") != 0)
		exit_usage("--field: the kind %s has the fields clock_seq and node, but no %s",
			   kind->name, name);
	if (value > max)
		exit_usage("--field: the field %s must be from 0 to %" PRIu64 ", not %" PRIu64,
			   name, max, value);
	for (int i = 0; i < 6; i++)
		node[i] = (uint8_t)(value >> (40 - 8 * i));
	if ((is_node ? snowid_uuid_set_node(id, node)
		     : snowid_uuid_set_clock_seq(id, (unsigned)value)) != 0)
		exit_failure("--field: the UUID has no field %s", name);
}

/* The ID with the time of --time and the fields of --field. */
static struct id encode_time(const struct kind *kind, const struct options *options)
{
	const char *name;
	uint64_t value;
	int64_t sec;
	uint32_t nsec;
	struct id id;

	if (!options->time)
		exit_usage("--time INSTANT is missing: the time of the ID");
	if (options->name_space || options->name || options->data)
		exit_usage("--namespace, --name and --data are only for uuid3, uuid5 and uuid8");
	if (snowid_time_parse(options->time, strlen(options->time), &sec, &nsec) != 0 ||
	    id_at(kind, sec, nsec, false, &id) != 0)
		exit_usage("--time: %s", error_detail());
	for (size_t i = 0; i < options->field_count; i++) {
		name = parse_field(options->fields[i], &value);
		if (kind->wide)
			set_uuid_field(kind, name, value, &id.wide);
		else if (snowid_layout_set_field(kind->layout, name, value, &id.number) != 0)
			exit_usage("--field: %s", error_detail());
	}
	return id;
}

int cmd_encode(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = parse_form_for_kind("--form", options->form, &kind);
	mask_open(options, &kind);
	const struct id id = kind.wide && !kind.wide->unit
				     ? encode_uuid_without_time(&kind, options)
				     : encode_time(&kind, options);
	char text[ID_TEXT];

	if (options->json) {
		record_id(&kind, &id, form, true);
	} else {
		out_bytes(text, id_write(&id, form, text));
		out_text("\n");
	}
	kind_close(&kind);
	return 0;
}
