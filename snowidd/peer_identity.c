/* SPDX-License-Identifier: MIT
 *
 * What tells one daemon from another.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "snowidd/peer_identity.h"
#include "snowidd/service/health.h"

static bool copy_text(const json_t *value, char *to, size_t size)
{
	const char *const text = json_string_value(value);

	return text && (size_t)snprintf(to, size, "%s", text) < size;
}

/* False if it does not fit. */
static bool append_field(char *fields, size_t size, const char *name, uint64_t value)
{
	const size_t length = strlen(fields), left = size - length;
	const int written = snprintf(fields + length, left, "%s=%" PRIu64 " ", name, value);

	return written > 0 && (size_t)written < left;
}

/* The fields are the members NAME_id, in the order of the layout. */
static bool read_peer_fields(json_t *health, struct peer_identity *identity)
{
	static const char suffix[] = "_id";
	const char *name;
	json_t *value;

	json_object_foreach(health, name, value)
	{
		const size_t length = strlen(name);
		if (length < strlen(suffix) ||
		    strcmp(name + length - strlen(suffix), suffix) != 0 || !json_is_integer(value))
			continue;
		if (!append_field(identity->fields, sizeof identity->fields, name,
				  (uint64_t)json_integer_value(value)))
			return false;
	}
	return true;
}

static bool parse_health(json_t *health, struct peer_identity *identity)
{
	const char *const scope = json_string_value(json_object_get(health, "scope"));
	json_t *const kind = json_array_get(json_object_get(health, "kinds"), 0);

	if (!scope || !copy_text(json_object_get(health, "instance"), identity->instance,
				 sizeof identity->instance))
		return false;
	if (strcmp(scope, "fleet") != 0)
		return true;
	/* A layout or fields that are too long for us are not ours. */
	if (!copy_text(json_object_get(kind, "layout"), identity->layout,
		       sizeof identity->layout) ||
	    !read_peer_fields(health, identity))
		identity->layout[0] = '\0';
	return true;
}

bool peer_identity_parse(const char *json, size_t length, struct peer_identity *identity)
{
	json_t *const health = json_loadb(json, length, 0, NULL);

	*identity = (struct peer_identity){.instance = ""};
	const bool is_health = parse_health(health, identity);
	json_decref(health);
	return is_health;
}

void peer_identity_own(struct service *service, struct peer_identity *identity)
{
	const struct served_kind *const kind = service_kind_at(service, 0);
	struct health health;

	service_health(service, &health);
	*identity = (struct peer_identity){.instance = ""};
	snprintf(identity->instance, sizeof identity->instance, "%s", health.instance);
	if (!kind->layout || health.host_scope ||
	    snowid_layout_format(kind->layout, identity->layout, sizeof identity->layout, NULL) !=
		    0)
		return;
	for (size_t i = 0; i < health.field_count; i++)
		append_field(identity->fields, sizeof identity->fields, health.fields[i].name,
			     health.fields[i].value);
}

bool peer_identity_conflicts(const struct peer_identity *one, const struct peer_identity *other)
{
	return *one->layout && strcmp(one->instance, other->instance) != 0 &&
	       strcmp(one->layout, other->layout) == 0 && strcmp(one->fields, other->fields) == 0;
}
