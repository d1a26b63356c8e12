/* SPDX-License-Identifier: MIT
 *
 * A kind of ID that is served.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/service/kind.h"

static bool is_preset(const char *name)
{
	const char *preset;

	for (size_t i = 0; (preset = snowid_layout_preset(i)); i++)
		if (strcmp(preset, name) == 0)
			return true;
	return false;
}

bool kind_open_to_read(struct served_kind *kind, const char *name, size_t length)
{
	*kind = (struct served_kind){.type = KIND_LAYOUT};
	if (length >= sizeof kind->name || memchr(name, '\0', length))
		return false;
	memcpy(kind->name, name, length);
	memcpy(kind->spec, name, length);
	if (strcmp(kind->name, "ulid") == 0)
		kind->type = KIND_ULID;
	else if (strncmp(kind->name, "uuid", 4) == 0 &&
		 strspn(kind->name + 4, "12345678") == length - 4 && length <= 5)
		kind->type = KIND_UUID;
	else
		return is_preset(kind->name) && snowid_layout_new(kind->name, &kind->layout) == 0;
	return true;
}

void kind_close_to_read(struct served_kind *kind)
{
	snowid_layout_free(kind->layout);
}

bool kind_next_field(const struct served_kind *kind, size_t *index, const char **name,
		     uint64_t *value, unsigned *bits)
{
	while (kind->layout &&
	       snowid_layout_field_at(kind->layout, *index, name, bits, NULL) == 0) {
		++*index;
		if (strcmp(*name, "time") != 0 && strcmp(*name, "sequence") != 0 &&
		    snowid_generator_field(kind->generator, *name, value) == 0)
			return true;
	}
	return false;
}

void kind_worker_text(const struct served_kind *kind, char text[KIND_WORKER_SIZE])
{
	const char *name;
	uint64_t value;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0;
	     used < KIND_WORKER_SIZE && kind_next_field(kind, &i, &name, &value, NULL);)
		used += (size_t)snprintf(text + used, KIND_WORKER_SIZE - used, "%s%s=%" PRIu64,
					 used > 0 ? "," : "", name, value);
}

bool kind_field_is_worker(const char *name)
{
	return strcmp(name, "worker_id") == 0 || strcmp(name, "machine_id") == 0 ||
	       strcmp(name, "shard_id") == 0;
}
