/* SPDX-License-Identifier: MIT
 *
 * UUIDs that contain no time: those of a name or of given data, Nil and Max (RFC 9562).
 */
#include <string.h>

#include "snowid-tool.h"

static void parse_namespace(const char *text, struct snowid_id128 *id)
{
	if (snowid_uuid_parse(text, strlen(text), id) != 0 && snowid_uuid_namespace(text, id) != 0)
		exit_usage("--namespace: %s", error_detail());
}

static int make_uuid_from_name(unsigned version, const struct options *options,
			       struct snowid_id128 *id)
{
	struct snowid_id128 name_space;

	if (!options->name_space || !options->name)
		exit_usage("%s is missing: UUIDs of version %u are made from a name in a namespace",
			   options->name_space ? "--name TEXT" : "--namespace UUID", version);
	parse_namespace(options->name_space, &name_space);
	return (version == 3 ? snowid_uuid3_from_name : snowid_uuid5_from_name)(
		&name_space, options->name, strlen(options->name), id);
}

static int make_uuid_from_data(const struct options *options, struct snowid_id128 *id)
{
	struct snowid_id128 data;

	if (!options->data)
		exit_usage("--data HEX is missing: UUIDs of version 8 have a meaning of your own");
	if (strlen(options->data) != 32 || snowid_uuid_parse(options->data, 32, &data) != 0)
		exit_usage("--data: \"%s\" is not 32 hexadecimal digits", options->data);
	return snowid_uuid8_from_bytes(data.bytes, id);
}

struct id encode_uuid_without_time(const struct kind *kind, const struct options *options)
{
	static const struct snowid_id128 nil = SNOWID_UUID_NIL, max = SNOWID_UUID_MAX;
	struct id id = {.type = ID_UUID};
	int error = 0;

	if (kind->wide->version == 4)
		exit_usage("UUIDs of version 4 are random: use 'snowid generate -k uuid4'");
	if (options->time || options->field_count > 0)
		exit_usage("--%s: the kind %s contains none", options->time ? "time" : "field",
			   kind->name);
	if (kind->wide->version == 8)
		error = make_uuid_from_data(options, &id.wide);
	else if (kind->wide->version)
		error = make_uuid_from_name(kind->wide->version, options, &id.wide);
	else
		id.wide = strcmp(kind->name, "nil") == 0 ? nil : max;
	if (error)
		exit_failure("%s", error_detail());
	return id;
}
