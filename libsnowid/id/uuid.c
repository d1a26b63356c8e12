/* SPDX-License-Identifier: MIT
 *
 * UUIDs (RFC 9562) as two 64-bit words: the high one has the time and the version, the low one the
 * variant and the rest.
 */
#include "libsnowid/id/uuid.h"

#include <stdbool.h>
#include <string.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"

#define VARIANT 0x8000000000000000u /* 10 in the top bits of the low word (RFC 9562, 4.1) */

/* The time of versions 1 and 6 is counted in 100 ns from 1582-10-15T00:00:00Z (RFC 9562, 5.1). */
#define UUID_EPOCH_SEC (-12219292800)

#define CLOCK_SEQ_MAX 0x3fff

/* ---- fields ---------------------------------------------------------------------------------- */

/* The time of version 1 in the high word: low 32 bits, middle 16, version, high 12 (RFC 9562, 5.1);
 * and of version 6: high 48 bits, version, low 12 (5.6). */
static uint64_t uuid1_high(uint64_t tick)
{
	return tick << 32 | (tick >> 32 & 0xffff) << 16 | 1 << 12 | (tick >> 48 & 0x0fff);
}

static uint64_t uuid6_high(uint64_t tick)
{
	return tick >> 12 << 16 | 6 << 12 | (tick & 0x0fff);
}

static uint64_t uuid1_tick(uint64_t high)
{
	return (high & 0x0fff) << 48 | (high >> 16 & 0xffff) << 32 | high >> 32;
}

static uint64_t uuid6_tick(uint64_t high)
{
	return high >> 16 << 12 | (high & 0x0fff);
}

/* The version, or 0 if the variant is another and so the version digit means nothing. */
static unsigned uuid_real_version(const struct snowid_id128 *id)
{
	return id->bytes[8] >> 6 == 2 ? id->bytes[6] >> 4 : 0;
}

static int uuid_fail_version(const struct snowid_id128 *id, const char *wanted)
{
	return sn_fail(
		SNOWID_E_KIND,
		"the UUID has version digit %x and variant digit %x, and is not of version %s",
		id->bytes[6] >> 4, id->bytes[8] >> 4, wanted);
}

/* identity has the clock sequence and the node at their places in the low word. */
static void uuid_encode(uint64_t high, uint64_t identity, struct snowid_id128 *id)
{
	sn_store64(id->bytes, high);
	sn_store64(id->bytes + 8, VARIANT | identity);
}

void sn_uuid7_encode(uint64_t tick, uint16_t counter, const uint8_t random[8],
		     struct snowid_id128 *id)
{
	const uint64_t bottom = sn_load64(random) & 0x03ffffffffffffff;
	sn_store64(id->bytes, tick << 16 | 7 << 12 | counter >> 4);
	sn_store64(id->bytes + 8, VARIANT | (uint64_t)(counter & 0x0f) << 58 | bottom);
}

/* A ULID becomes a UUIDv7 when the version and the variant replace six of its random bits. */
SNOWID_EXPORT int snowid_uuid7_random(struct snowid_id128 *id)
{
	const int error = snowid_ulid_random(id);
	if (!error)
		sn_uuid_set_version(id, 7);
	return error;
}

SNOWID_EXPORT int snowid_id128_compare(const struct snowid_id128 *a, const struct snowid_id128 *b)
{
	if (!a)
		return sn_fail_null("a");
	if (!b)
		return sn_fail_null("b");
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

SNOWID_EXPORT int snowid_uuid_version(const struct snowid_id128 *id, unsigned *version)
{
	if (!id)
		return sn_fail_null("id");
	if (!version)
		return sn_fail_null("version");
	*version = id->bytes[6] >> 4;
	return 0;
}

SNOWID_EXPORT int snowid_uuid_variant(const struct snowid_id128 *id,
				      enum snowid_uuid_variant *variant)
{
	if (!id)
		return sn_fail_null("id");
	if (!variant)
		return sn_fail_null("variant");
	if (id->bytes[8] < 0x80) /* RFC 9562, 4.1: 0xxx, 10xx, 110x, 111x */
		*variant = SNOWID_UUID_VARIANT_NCS;
	else if (id->bytes[8] < 0xc0)
		*variant = SNOWID_UUID_VARIANT_RFC9562;
	else if (id->bytes[8] < 0xe0)
		*variant = SNOWID_UUID_VARIANT_MICROSOFT;
	else
		*variant = SNOWID_UUID_VARIANT_FUTURE;
	return 0;
}

SNOWID_EXPORT const char *snowid_uuid_kind(const struct snowid_id128 *id)
{
	static const char *const versions[16] = {
		"uuid",  "uuid1", "uuid2", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7",
		"uuid8", "uuid",  "uuid",  "uuid",  "uuid",  "uuid",  "uuid",  "uuid"};
	static const char *const variants[] = {
		[SNOWID_UUID_VARIANT_NCS] = "ncs",
		[SNOWID_UUID_VARIANT_MICROSOFT] = "microsoft",
		[SNOWID_UUID_VARIANT_FUTURE] = "future",
	};
	static const struct snowid_id128 nil = SNOWID_UUID_NIL, max = SNOWID_UUID_MAX;
	enum snowid_uuid_variant variant;

	if (snowid_uuid_variant(id, &variant) != 0)
		return NULL;
	if (variant == SNOWID_UUID_VARIANT_RFC9562)
		return versions[id->bytes[6] >> 4];
	if (memcmp(id, &nil, sizeof nil) == 0)
		return "nil";
	return memcmp(id, &max, sizeof max) == 0 ? "max" : variants[variant];
}

SNOWID_EXPORT int snowid_uuid_time(const struct snowid_id128 *id, int64_t *unix_sec, uint32_t *nsec)
{
	uint64_t high, tick;

	if (!id)
		return sn_fail_null("id");
	if (!unix_sec)
		return sn_fail_null("unix_sec");
	if (!nsec)
		return sn_fail_null("nsec");
	high = sn_load64(id->bytes);
	switch (uuid_real_version(id)) {
	case 1:
	case 6:
		tick = uuid_real_version(id) == 1 ? uuid1_tick(high) : uuid6_tick(high);
		*unix_sec = (int64_t)(tick / SN_T100NS_PER_SEC) + UUID_EPOCH_SEC;
		*nsec = (uint32_t)(tick % SN_T100NS_PER_SEC) * 100;
		return 0;
	case 7:
		tick = high >> 16;
		*unix_sec = (int64_t)(tick / 1000);
		*nsec = (uint32_t)(tick % 1000) * 1000000;
		return 0;
	default:
		return uuid_fail_version(id, "1, 6 or 7");
	}
}

SNOWID_EXPORT int snowid_uuid_node(const struct snowid_id128 *id, uint8_t node[6])
{
	if (!id)
		return sn_fail_null("id");
	if (!node)
		return sn_fail_null("node");
	if (uuid_real_version(id) != 1 && uuid_real_version(id) != 6)
		return uuid_fail_version(id, "1 or 6");
	memcpy(node, id->bytes + 10, 6);
	return 0;
}

SNOWID_EXPORT int snowid_uuid_clock_seq(const struct snowid_id128 *id, unsigned *clock_seq)
{
	if (!id)
		return sn_fail_null("id");
	if (!clock_seq)
		return sn_fail_null("clock_seq");
	if (uuid_real_version(id) != 1 && uuid_real_version(id) != 6)
		return uuid_fail_version(id, "1 or 6");
	*clock_seq = (id->bytes[8] & 0x3fu) << 8 | id->bytes[9];
	return 0;
}

SNOWID_EXPORT int snowid_uuid_set_node(struct snowid_id128 *id, const uint8_t node[6])
{
	if (!id)
		return sn_fail_null("id");
	if (!node)
		return sn_fail_null("node");
	if (uuid_real_version(id) != 1 && uuid_real_version(id) != 6)
		return uuid_fail_version(id, "1 or 6");
	memcpy(id->bytes + 10, node, 6);
	return 0;
}

SNOWID_EXPORT int snowid_uuid_set_clock_seq(struct snowid_id128 *id, unsigned clock_seq)
{
	if (!id)
		return sn_fail_null("id");
	if (uuid_real_version(id) != 1 && uuid_real_version(id) != 6)
		return uuid_fail_version(id, "1 or 6");
	if (clock_seq > CLOCK_SEQ_MAX)
		return sn_fail(SNOWID_E_RANGE, "the clock sequence must be from 0 to %d, not %u",
			       CLOCK_SEQ_MAX, clock_seq);
	id->bytes[8] = (uint8_t)(0x80 | clock_seq >> 8);
	id->bytes[9] = (uint8_t)clock_seq;
	return 0;
}

/* The kind that makes UUIDs of a version. NULL: they have no time. */
static const struct sn_kind *kind_of_version(unsigned version)
{
	switch (version) {
	case 1:
		return &sn_kind_uuid1;
	case 6:
		return &sn_kind_uuid6;
	case 7:
		return &sn_kind_uuid7;
	default:
		return NULL;
	}
}

static int fail_no_time(unsigned version)
{
	return sn_fail(SNOWID_E_KIND, "a UUID of version %u has no time: 1, 6 and 7 have", version);
}

SNOWID_EXPORT int snowid_uuid_first_at(unsigned version, int64_t unix_sec, uint32_t nsec,
				       struct snowid_id128 *id)
{
	const struct sn_kind *const kind = kind_of_version(version);
	return kind ? sn_kind_edge_at(kind, unix_sec, nsec, false, id) : fail_no_time(version);
}

SNOWID_EXPORT int snowid_uuid_last_at(unsigned version, int64_t unix_sec, uint32_t nsec,
				      struct snowid_id128 *id)
{
	const struct sn_kind *const kind = kind_of_version(version);
	return kind ? sn_kind_edge_at(kind, unix_sec, nsec, true, id) : fail_no_time(version);
}

SNOWID_EXPORT int snowid_uuid_range(unsigned version, int64_t from_sec, uint32_t from_nsec,
				    int64_t before_sec, uint32_t before_nsec,
				    struct snowid_id128 *first, struct snowid_id128 *last)
{
	const struct sn_kind *const kind = kind_of_version(version);
	if (!kind)
		return fail_no_time(version);
	if (version == 1)
		return sn_fail(SNOWID_E_KIND,
			       "UUIDs of version 1 are not in the order of their times, so that no "
			       "range contains those of a time; convert them to version 6");
	return sn_kind_range(kind, from_sec, from_nsec, before_sec, before_nsec, first, last);
}

SNOWID_EXPORT int snowid_uuid_1to6(const struct snowid_id128 *uuid1, struct snowid_id128 *uuid6)
{
	if (!uuid1)
		return sn_fail_null("uuid1");
	if (!uuid6)
		return sn_fail_null("uuid6");
	if (uuid_real_version(uuid1) != 1)
		return uuid_fail_version(uuid1, "1");
	*uuid6 = *uuid1;
	sn_store64(uuid6->bytes, uuid6_high(uuid1_tick(sn_load64(uuid1->bytes))));
	return 0;
}

SNOWID_EXPORT int snowid_uuid_6to1(const struct snowid_id128 *uuid6, struct snowid_id128 *uuid1)
{
	if (!uuid6)
		return sn_fail_null("uuid6");
	if (!uuid1)
		return sn_fail_null("uuid1");
	if (uuid_real_version(uuid6) != 6)
		return uuid_fail_version(uuid6, "6");
	*uuid1 = *uuid6;
	sn_store64(uuid1->bytes, uuid1_high(uuid6_tick(sn_load64(uuid6->bytes))));
	return 0;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

enum { FIELD_CLOCK_SEQ, FIELD_NODE, UUID_FIELDS };

static const struct sn_field uuid_fields[UUID_FIELDS] = {
	[FIELD_CLOCK_SEQ] = {"clock_seq", 14, 48},
	[FIELD_NODE] = {"node", 48, 0},
};

static int uuid_draw_fields(const bool *set, uint64_t *values)
{
	uint64_t random[UUID_FIELDS];
	const int error = sn_entropy_fresh(random, sizeof random);

	if (error)
		return error;
	/* The multicast bit, which no network card's address has, marks a random node (RFC 9562,
	 * 6.10). */
	random[FIELD_NODE] |= UINT64_C(1) << 40;
	for (size_t i = 0; i < UUID_FIELDS; i++)
		if (!set[i])
			values[i] = random[i] & sn_mask(uuid_fields[i].bits);
	return 0;
}

static void uuid1_encode_run(uint64_t slot, uint64_t identity, const uint8_t *random, size_t count,
			     struct snowid_id128 *ids)
{
	(void)random;
	for (size_t i = 0; i < count; i++)
		uuid_encode(uuid1_high(slot + i), identity, &ids[i]);
}

static void uuid6_encode_run(uint64_t slot, uint64_t identity, const uint8_t *random, size_t count,
			     struct snowid_id128 *ids)
{
	(void)random;
	for (size_t i = 0; i < count; i++)
		uuid_encode(uuid6_high(slot + i), identity, &ids[i]);
}

static void uuid7_encode_run(uint64_t slot, uint64_t identity, const uint8_t *random, size_t count,
			     struct snowid_id128 *ids)
{
	(void)identity;
	for (size_t i = 0; i < count; i++, slot++)
		sn_uuid7_encode(slot >> 16, (uint16_t)slot, random + i * 8, &ids[i]);
}

const struct sn_kind sn_kind_uuid1 = {
	.name = "uuid1",
	.fingerprint = 2,
	.epoch_sec = UUID_EPOCH_SEC,
	.unit_ns = 100,
	.time_bits = 60,
	.fields = uuid_fields,
	.field_count = UUID_FIELDS,
	.draw_fields = uuid_draw_fields,
	.encode = uuid1_encode_run,
};

const struct sn_kind sn_kind_uuid6 = {
	.name = "uuid6",
	.fingerprint = 3,
	.epoch_sec = UUID_EPOCH_SEC,
	.unit_ns = 100,
	.time_bits = 60,
	.fields = uuid_fields,
	.field_count = UUID_FIELDS,
	.draw_fields = uuid_draw_fields,
	.encode = uuid6_encode_run,
};

/* As a ULID: the counter of RFC 9562, 6.2, method 1 starts in the lower half of its 16 bits. */
const struct sn_kind sn_kind_uuid7 = {
	.name = "uuid7",
	.fingerprint = 4,
	.epoch_sec = 0,
	.unit_ns = 1000000,
	.time_bits = 48,
	.sequence_bits = 16,
	.start_bits = 15,
	.random_size = 8,
	.encode = uuid7_encode_run,
};
