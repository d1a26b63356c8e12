/* SPDX-License-Identifier: MIT
 *
 * snowid decode: shows what IDs contain.
 */
#include <inttypes.h>

#include "snowid-tool.h"

static void record_id_time(const struct kind *kind, const struct id *id)
{
	int64_t sec, ms;
	uint32_t nsec;

	if (id_time(kind, id, &sec, &nsec) != 0)
		return;
	if (__builtin_mul_overflow(sec, 1000, &ms) ||
	    __builtin_add_overflow(ms, nsec / 1000000, &ms))
		record_null("unix_ms");
	else
		record_number("unix_ms", "%" PRId64, ms);
	record_time("time", sec, nsec);
}

static void record_fields(const struct kind *kind, uint64_t id)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(kind, parts);
	uint64_t value = 0;

	for (size_t i = 1; i < count; i++) {
		if (snowid_layout_field(kind->layout, id, parts[i].name, &value) != 0)
			continue;
		if (is_string_in_json(&parts[i]))
			record_text(parts[i].name, "%" PRIu64, value);
		else
			record_number(parts[i].name, "%" PRIu64, value);
	}
}

static void record_random(const struct kind *kind, const struct snowid_id128 *id)
{
	unsigned high = (unsigned)id->bytes[6] << 8 | id->bytes[7];
	uint64_t low = 0;

	for (int i = 8; i < 16; i++)
		low = low << 8 | id->bytes[i];
	if (!kind_is_ulid(kind)) { /* 12 bits of rand_a and 62 of rand_b (RFC 9562, 5.7) */
		low = (uint64_t)high << 62 | (low & UINT64_MAX >> 2);
		high = (high & 0xfff) >> 2;
	}
	record_text("random", "%0*x%016" PRIx64, kind_is_ulid(kind) ? 4 : 3, high, low);
}

static void record_uuid(const struct kind *kind, const struct id *id)
{
	static const char *const variants[] = {"ncs", "rfc9562", "microsoft", "future"};
	enum snowid_uuid_variant variant = SNOWID_UUID_VARIANT_NCS;
	unsigned version = 0, clock_seq = 0;
	uint8_t node[6] = {0};

	snowid_uuid_variant(&id->wide, &variant);
	if (variant == SNOWID_UUID_VARIANT_RFC9562) {
		snowid_uuid_version(&id->wide, &version);
		record_number("version", "%u", version);
	}
	record_text("variant", "%s", variants[variant]);
	record_id_time(kind, id);
	if (kind->wide->version == 7) {
		record_random(kind, &id->wide);
	} else if ((kind->wide->version == 1 || kind->wide->version == 6) &&
		   snowid_uuid_clock_seq(&id->wide, &clock_seq) == 0 &&
		   snowid_uuid_node(&id->wide, node) == 0) {
		record_number("clock_seq", "%u", clock_seq);
		record_text("node", "%02x:%02x:%02x:%02x:%02x:%02x", node[0], node[1], node[2],
			    node[3], node[4], node[5]);
	}
}

void record_id_parts(const struct kind *kind, const struct id *id)
{
	if (id->type == ID_UUID) {
		record_uuid(kind, id);
		return;
	}
	record_id_time(kind, id);
	if (id->type == ID_ULID)
		record_random(kind, &id->wide);
	else
		record_fields(kind, id->number);
}

const char *record_id(const struct kind *asked, const struct id *id, int form, bool json)
{
	const struct kind kind = kind_of_id(asked, id);
	char text[ID_TEXT];
	int64_t sec;
	uint32_t nsec;

	if (id_write(id, form, text) == 0)
		return wrong_form(id, form);
	if (kind.layout && id_time(&kind, id, &sec, &nsec) != 0)
		return error_detail();
	record_begin(json);
	if (!json && out_is_terminal())
		draw_bits(&kind, id);
	record_text("id", "%s", text);
	record_text("kind", "%s", kind.name);
	record_id_parts(&kind, id);
	record_end();
	return NULL;
}

/* An ID of 64 bits does not show its kind. */
static const char *record_number_of_any_kind(const struct id *id, int form, bool json)
{
	char text[ID_TEXT];

	if (id_write(id, form, text) == 0)
		return wrong_form(id, form);
	record_begin(json);
	record_text("id", "%s", text);
	record_candidates(id, json);
	record_end();
	return NULL;
}

struct decoding {
	const struct kind *kind;
	bool any_kind;
	int form;
	bool json;
};

static const char *decode_one(void *user, const struct id *id)
{
	const struct decoding *const decoding = user;
	if (decoding->any_kind && id->type == ID_64)
		return record_number_of_any_kind(id, decoding->form, decoding->json);
	return record_id(decoding->kind, id, decoding->form, decoding->json);
}

int cmd_decode(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : ANY_64_BITS);
	mask_open(options, options->kind ? &kind : NULL);
	struct decoding decoding = {&kind, !options->kind, parse_form("--form", options->form),
				    options->json};
	const int status = for_each_id(options, &kind, decode_one, &decoding);

	kind_close(&kind);
	return status;
}
