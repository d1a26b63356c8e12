/* SPDX-License-Identifier: MIT
 *
 * ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits.
 *
 * Their text has 26 digits of 5 bits. 13 digits hold the high word without its last bit, the next
 * digit holds that bit and the top 4 bits of the low word, and 12 digits hold the rest.
 */
#include "libsnowid/id/ulid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "libsnowid/base/bytes.h"
#include "libsnowid/base/entropy.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/export.h"
#include "libsnowid/base/instant.h"
#include "libsnowid/id/text.h"

#define ULID_LENGTH (SNOWID_ULID_TEXT - 1)

void sn_ulid_encode(uint64_t tick, uint16_t counter, const uint8_t random[8],
		    struct snowid_id128 *id)
{
	sn_store64(id->bytes, tick << 16 | counter);
	memcpy(id->bytes + 8, random, 8);
}

SNOWID_EXPORT int snowid_ulid_random(struct snowid_id128 *id)
{
	struct timespec now;
	uint8_t random[10];
	uint64_t ms;
	int error;

	if (!id)
		return sn_fail_null("id");
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return sn_fail(-errno, "cannot read the clock: %s", snowid_strerror(-errno));
	if (now.tv_sec < 0 || now.tv_sec > SN_TIME_MAX)
		return sn_fail(SNOWID_E_RANGE,
			       "the system clock is %lld s from 1970, outside 1970 to 9999; set it",
			       (long long)now.tv_sec);
	ms = (uint64_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000;
	error = sn_entropy_of_period(random, sizeof random, sn_entropy_period(ms));
	if (error)
		return error;
	sn_ulid_encode(ms, (uint16_t)(random[8] << 8 | random[9]), random, id);
	return 0;
}

static void write_base32(uint64_t value, char *text, unsigned count)
{
	while (count > 0) {
		text[--count] = sn_base32_digits[value & 31];
		value >>= 5;
	}
}

/* Sets bits of *bad above the low 5 if a byte is not a digit. */
static uint64_t read_base32(const char *text, unsigned count, unsigned *bad)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < count; i++) {
		const unsigned digit = sn_base32_values[(unsigned char)text[i]] - 1u;
		*bad |= digit;
		value = value << 5 | digit;
	}
	return value;
}

SNOWID_EXPORT int snowid_ulid_format(const struct snowid_id128 *id, char text[SNOWID_ULID_TEXT])
{
	uint64_t high, low;

	if (!id)
		return sn_fail_null("id");
	if (!text)
		return sn_fail_null("text");
	high = sn_load64(id->bytes);
	low = sn_load64(id->bytes + 8);
	write_base32(high >> 1, text, 13);
	write_base32(high << 4 | low >> 60, text + 13, 1);
	write_base32(low, text + 14, 12);
	text[ULID_LENGTH] = '\0';
	return 0;
}

static int ulid_fail_digit(const char *text)
{
	size_t i = 0;
	while (sn_base32_values[(unsigned char)text[i]] != 0)
		i++;
	return sn_fail_byte(text, i, sn_base32_digits, 32);
}

SNOWID_EXPORT int snowid_ulid_parse(const char *text, size_t length, struct snowid_id128 *id)
{
	uint64_t high, middle, low;
	unsigned bad = 0;

	if (!text)
		return sn_fail_null("text");
	if (!id)
		return sn_fail_null("id");
	if (length != ULID_LENGTH)
		return sn_fail(SNOWID_E_SYNTAX, "%zu bytes, but a ULID has %d", length,
			       ULID_LENGTH);
	high = read_base32(text, 13, &bad);
	middle = read_base32(text + 13, 1, &bad);
	low = read_base32(text + 14, 12, &bad);
	if (bad > 31)
		return ulid_fail_digit(text);
	if (sn_base32_values[(unsigned char)text[0]] - 1u > 7)
		return sn_fail(SNOWID_E_OVERFLOW,
			       "%.*s has more than 128 bits: a ULID begins with 0 to 7",
			       ULID_LENGTH, text);
	sn_store64(id->bytes, high << 1 | middle >> 4);
	sn_store64(id->bytes + 8, middle << 60 | low);
	return 0;
}

SNOWID_EXPORT int snowid_ulid_time_ms(const struct snowid_id128 *id, int64_t *unix_ms)
{
	if (!id)
		return sn_fail_null("id");
	if (!unix_ms)
		return sn_fail_null("unix_ms");
	*unix_ms = (int64_t)(sn_load64(id->bytes) >> 16);
	return 0;
}

SNOWID_EXPORT int snowid_ulid_increment(struct snowid_id128 *id)
{
	uint64_t high, low;

	if (!id)
		return sn_fail_null("id");
	high = sn_load64(id->bytes);
	low = sn_load64(id->bytes + 8) + 1;
	if (low == 0 && (++high & 0xffff) == 0)
		return sn_fail(SNOWID_E_OVERFLOW,
			       "the random part is all ones: wait a millisecond");
	sn_store64(id->bytes, high);
	sn_store64(id->bytes + 8, low);
	return 0;
}

SNOWID_EXPORT int snowid_ulid_first_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id)
{
	return sn_kind_edge_at(&sn_kind_ulid, unix_sec, nsec, false, id);
}

SNOWID_EXPORT int snowid_ulid_last_at(int64_t unix_sec, uint32_t nsec, struct snowid_id128 *id)
{
	return sn_kind_edge_at(&sn_kind_ulid, unix_sec, nsec, true, id);
}

SNOWID_EXPORT int snowid_ulid_range(int64_t from_sec, uint32_t from_nsec, int64_t before_sec,
				    uint32_t before_nsec, struct snowid_id128 *first,
				    struct snowid_id128 *last)
{
	return sn_kind_range(&sn_kind_ulid, from_sec, from_nsec, before_sec, before_nsec, first,
			     last);
}

/* ---- kind ------------------------------------------------------------------------------------ */

static void ulid_encode_run(uint64_t slot, uint64_t identity, const uint8_t *random, size_t count,
			    struct snowid_id128 *ids)
{
	(void)identity;
	for (size_t i = 0; i < count; i++, slot++)
		sn_ulid_encode(slot >> 16, (uint16_t)slot, random + i * 8, &ids[i]);
}

const struct sn_kind sn_kind_ulid = {
	.name = "ulid",
	.fingerprint = 1,
	.epoch_sec = 0,
	.unit_ns = 1000000,
	.time_bits = 48,
	.sequence_bits = 16,
	.start_bits = 15,
	.random_size = 8,
	.encode = ulid_encode_run,
};
