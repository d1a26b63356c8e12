/* SPDX-License-Identifier: MIT
 *
 * The parts of an ID.
 */
#include <stdio.h>
#include <string.h>

#include "snowidd/service/decode.h"

static void add_decoded_field(struct decoded_id *decoded, const char *name, const char *suffix,
			      uint64_t value, unsigned bits)
{
	struct kind_field *const field = &decoded->fields[decoded->field_count];

	if (decoded->field_count == sizeof decoded->fields / sizeof decoded->fields[0])
		return;
	snprintf(field->name, sizeof field->name, "%s%s", name, suffix);
	field->value = value;
	field->bits = bits;
	decoded->field_count++;
}

static enum refusal decode_number(const struct served_kind *kind, const char *text, size_t length,
				  struct decoded_id *decoded)
{
	uint64_t id, value;
	const char *name;
	unsigned bits;

	if (snowid_id_parse(text, length, SNOWID_FORM_DECIMAL, &id) != 0 ||
	    snowid_layout_time(kind->layout, id, &decoded->unix_sec, &decoded->nsec) != 0 ||
	    snowid_layout_time_ms(kind->layout, id, &decoded->unix_ms) != 0)
		return REFUSED_ID;
	decoded->kind = kind->name;
	decoded->is_number = decoded->has_time = true;
	if (snowid_layout_format(kind->layout, decoded->layout, sizeof decoded->layout, NULL) != 0)
		decoded->layout[0] = '\0';
	snowid_id_format(id, SNOWID_FORM_DECIMAL, decoded->text); /* the text may be negative */
	for (size_t i = 0; snowid_layout_field_at(kind->layout, i, &name, &bits, NULL) == 0; i++)
		if (strcmp(name, "time") != 0 &&
		    snowid_layout_field(kind->layout, id, name, &value) == 0)
			add_decoded_field(decoded, name, strcmp(name, "sequence") == 0 ? "" : "_id",
					  value, bits);
	return SERVED;
}

static enum refusal decode_ulid(const char *text, size_t length, struct decoded_id *decoded)
{
	struct snowid_id128 id;

	if (snowid_ulid_parse(text, length, &id) != 0)
		return REFUSED_ID;
	decoded->kind = "ulid";
	snowid_ulid_format(&id, decoded->text);
	snowid_ulid_time_ms(&id, &decoded->unix_ms);
	decoded->unix_sec = decoded->unix_ms / 1000;
	decoded->nsec = (uint32_t)(decoded->unix_ms % 1000) * 1000000;
	decoded->has_time = true;
	return SERVED;
}

/* The fields of the variant that RFC 9562 describes. */
static void decode_uuid_fields(const struct snowid_id128 *id, struct decoded_id *decoded)
{
	unsigned version = 0, clock_seq;
	uint8_t node[6];

	snowid_uuid_version(id, &version);
	add_decoded_field(decoded, "version", "", version, 4);
	decoded->has_time = snowid_uuid_time(id, &decoded->unix_sec, &decoded->nsec) == 0;
	decoded->unix_ms = decoded->unix_sec * 1000 + decoded->nsec / 1000000;
	if (snowid_uuid_clock_seq(id, &clock_seq) == 0 && snowid_uuid_node(id, node) == 0) {
		uint64_t value = 0;
		for (size_t i = 0; i < sizeof node; i++)
			value = value << 8 | node[i];
		add_decoded_field(decoded, "clock_seq", "", clock_seq, 14);
		add_decoded_field(decoded, "node", "", value, 48);
	}
}

static enum refusal decode_uuid(const char *text, size_t length, struct decoded_id *decoded)
{
	static const char *const variants[] = {
		[SNOWID_UUID_VARIANT_NCS] = "ncs",
		[SNOWID_UUID_VARIANT_RFC9562] = "rfc9562",
		[SNOWID_UUID_VARIANT_MICROSOFT] = "microsoft",
		[SNOWID_UUID_VARIANT_FUTURE] = "future",
	};
	enum snowid_uuid_variant variant;
	struct snowid_id128 id;

	if (snowid_uuid_parse(text, length, &id) != 0)
		return REFUSED_ID;
	snowid_uuid_format(&id, decoded->text);
	snowid_uuid_variant(&id, &variant);
	decoded->kind = snowid_uuid_kind(&id);
	decoded->variant = variants[variant];
	if (variant == SNOWID_UUID_VARIANT_RFC9562)
		decode_uuid_fields(&id, decoded);
	return SERVED;
}

static enum kind_type type_by_length(size_t length, const struct served_kind *first)
{
	if (length == SNOWID_ULID_TEXT - 1)
		return KIND_ULID;
	if (length >= SNOWID_ULID_TEXT)
		return KIND_UUID;
	return first->type;
}

enum refusal decode_id(struct service *service, const struct served_kind *kind, const char *text,
		       size_t length, struct decoded_id *decoded)
{
	const struct served_kind *const first = service_kind_at(service, 0);

	*decoded = (struct decoded_id){.kind = NULL};
	switch (kind ? kind->type : type_by_length(length, first)) {
	case KIND_ULID:
		return decode_ulid(text, length, decoded);
	case KIND_UUID:
		return decode_uuid(text, length, decoded);
	case KIND_LAYOUT:
		break;
	}
	return decode_number(kind ? kind : first, text, length, decoded);
}
