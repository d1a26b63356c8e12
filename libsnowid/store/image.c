/* SPDX-License-Identifier: MIT
 *
 * The format of state files.
 */
#include "libsnowid/store/image.h"

#include <stdio.h>
#include <string.h>

#include "libsnowid/base/system.h"

#define MAGIC           "\x89SNOWID\n"
#define BYTE_ORDER_MARK 0x01020304
#define FORMAT_VERSION  1

/* ---- checksums ------------------------------------------------------------------------------- */

static uint32_t reflected_crc(const void *data, size_t size, uint32_t polynomial, uint32_t start)
{
	const uint8_t *byte = data;
	uint32_t value = start;
	for (; size > 0; size--) {
		value ^= *byte++;
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? polynomial : 0);
	}
	return value;
}

/* CRC-32/ISO-HDLC, as in zip and Ethernet. */
static uint32_t header_crc(const struct sn_header *header)
{
	return ~reflected_crc(header, offsetof(struct sn_header, crc), 0xedb88320, UINT32_MAX);
}

/* The word that records an instant: the milliseconds, and their CRC-16/IBM-SDLC (X.25), low byte
 * first. The CRC of 0 is not 0, so that a sector of zeros is not valid. */
static uint64_t reserved_word(uint64_t unix_ms)
{
	uint8_t bytes[6];
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(unix_ms >> (8 * i));
	return unix_ms << 16 |
	       (~reflected_crc(bytes, sizeof bytes, 0x8408, UINT16_MAX) & UINT16_MAX);
}

static bool is_valid_word(uint64_t word)
{
	return word == reserved_word(word >> 16);
}

/* ---- the recorded end ------------------------------------------------------------------------ */

bool sn_image_recorded(const struct sn_image *image, uint64_t *end_ms)
{
	bool valid = false;
	*end_ms = 0;
	for (int i = 0; i < 2; i++) {
		const uint64_t word = atomic_load(&image->reserved[i].word);
		if (is_valid_word(word) && word >> 16 >= *end_ms) {
			*end_ms = word >> 16;
			valid = true;
		}
	}
	return valid;
}

void sn_image_set_reserved(struct sn_image *image, uint64_t end_ms, uint64_t elapsed_word)
{
	for (int i = 0; i < 2; i++) {
		atomic_store(&image->reserved[i].word, reserved_word(end_ms));
		atomic_store(&image->reserved[i].elapsed, elapsed_word);
	}
}

/* An invalid word is lower than any other. */
void sn_image_raise_reserved(struct sn_image *image, uint64_t end_ms)
{
	const uint64_t word = reserved_word(end_ms);

	for (int i = 0; i < 2; i++) {
		uint64_t old = atomic_load(&image->reserved[i].word);
		while ((old < word || !is_valid_word(old)) &&
		       !atomic_compare_exchange_weak(&image->reserved[i].word, &old, word))
			;
	}
}

uint64_t sn_image_last_tick(const struct sn_ticks *ticks, uint64_t unix_ms)
{
	/* The last nanosecond before the instant. */
	const int64_t sec = (int64_t)(unix_ms / 1000) - (unix_ms % 1000 == 0);
	const uint32_t nsec = (uint32_t)((unix_ms + 999) % 1000) * 1000000 + 999999;

	if (sn_timebase_t100ns(&ticks->time, sec, nsec) < 0)
		return 0; /* before the epoch; that tick 0 is then never issued does no harm */
	const uint64_t tick = sn_timebase_tick(&ticks->time, sec, nsec);
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

/* ---- the hot page ---------------------------------------------------------------------------- */

void sn_image_set_boot(struct sn_image *image, const uint64_t boot[2])
{
	atomic_store(&image->hot.boot[0], boot[0]);
	atomic_store(&image->hot.boot[1], boot[1]);
}

bool sn_image_has_boot(const struct sn_image *image)
{
	return (atomic_load(&image->hot.boot[0]) | atomic_load(&image->hot.boot[1])) != 0;
}

bool sn_image_has_this_boot(const struct sn_image *image)
{
	uint64_t boot[2];
	return sn_system_boot_id(boot) && atomic_load(&image->hot.boot[0]) == boot[0] &&
	       atomic_load(&image->hot.boot[1]) == boot[1];
}

uint64_t sn_image_elapsed_word(uint64_t elapsed_ns, uint16_t domain)
{
	const uint64_t ms = elapsed_ns / 1000000;
	return (ms ? ms : 1) << 16 | domain;
}

static bool is_later_in_domain(uint64_t word, uint64_t other)
{
	return (word & UINT16_MAX) == (other & UINT16_MAX) && word > other;
}

void sn_image_note_elapsed(struct sn_image *image, uint64_t elapsed_word)
{
	for (int i = 0; i < 2; i++) {
		uint64_t old = atomic_load(&image->reserved[i].elapsed);
		while (!is_later_in_domain(old, elapsed_word) &&
		       !atomic_compare_exchange_weak(&image->reserved[i].elapsed, &old,
						     elapsed_word))
			;
	}
}

bool sn_image_is_of_this_boot(const struct sn_image *image, uint64_t elapsed_word)
{
	for (int i = 0; i < 2; i++)
		if (is_later_in_domain(atomic_load(&image->reserved[i].elapsed), elapsed_word))
			return false;
	return sn_image_has_this_boot(image);
}

void sn_image_holder(const struct sn_image *image, struct sn_holder *holder)
{
	const struct sn_hot_page *const hot = &image->hot;

	holder->process = atomic_load(&hot->holder);
	holder->since_ms = atomic_load(&hot->held_since_ms);
	for (size_t i = 0; i < sizeof hot->host / sizeof hot->host[0]; i++) {
		const uint64_t word = atomic_load(&hot->host[i]);
		memcpy(holder->host + i * sizeof word, &word, sizeof word);
	}
	holder->host[sizeof holder->host - 1] = '\0';
}

void sn_image_set_holder(struct sn_image *image, const struct sn_holder *holder)
{
	struct sn_hot_page *const hot = &image->hot;

	atomic_store(&hot->holder, holder->process);
	atomic_store(&hot->held_since_ms, holder->since_ms);
	for (size_t i = 0; i < sizeof hot->host / sizeof hot->host[0]; i++) {
		uint64_t word;
		memcpy(&word, holder->host + i * sizeof word, sizeof word);
		atomic_store(&hot->host[i], word);
	}
}

/* ---- the header ------------------------------------------------------------------------------ */

static void init_header(struct sn_header *header, const struct sn_store_settings *settings,
			uint64_t now_ms)
{
	const struct sn_ticks *const ticks = &settings->ticks;

	memcpy(header->magic, MAGIC, sizeof header->magic);
	header->byte_order = BYTE_ORDER_MARK;
	header->version = FORMAT_VERSION;
	header->fingerprint = settings->fingerprint;
	header->created_ms = now_ms;
	header->epoch_sec = ticks->time.epoch_sec;
	header->epoch_nsec = ticks->time.epoch_nsec;
	header->unit_ns = ticks->time.unit_ns;
	header->last_tick = ticks->last_tick;
	header->sequence_bits = ticks->bits;
	header->field_count = (uint32_t)settings->field_count;
	for (size_t i = 0; i < settings->field_count; i++)
		header->fields[i] = settings->fields[i].value;
	snprintf(header->kind, sizeof header->kind, "%s", settings->kind);
}

void sn_image_init(struct sn_image *image, const struct sn_store_settings *settings,
		   uint64_t now_ms)
{
	memset(image, 0, sizeof *image);
	init_header(&image->header, settings, now_ms);
	sn_image_set_reserved(image, 0, 0);
}

void sn_image_complete(struct sn_image *image, const struct sn_file_identity *identity)
{
	image->header.identity = *identity;
	image->header.crc = header_crc(&image->header);
}

void sn_image_ticks(const struct sn_image *image, struct sn_ticks *ticks)
{
	const struct sn_header *const header = &image->header;
	struct sn_timebase time;

	sn_timebase_init(&time, header->epoch_sec, header->epoch_nsec, header->unit_ns);
	sn_ticks_init(ticks, &time, header->last_tick, header->sequence_bits);
}

/* Whether its numbers can be calculated with. */
static bool is_header_sound(const struct sn_header *header)
{
	return header->field_count <= SN_STORE_FIELDS && header->sequence_bits < 64 &&
	       header->unit_ns >= 100 && header->unit_ns <= SN_NSEC_PER_SEC &&
	       header->unit_ns % 100 == 0 &&
	       sn_instant_valid(header->epoch_sec, header->epoch_nsec) &&
	       header->kind[sizeof header->kind - 1] == '\0';
}

const char *sn_image_problem(const struct sn_image *image)
{
	const struct sn_header *const header = &image->header;

	if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
		return "is not a state file; choose another path";
	if (header->byte_order != BYTE_ORDER_MARK)
		return "was made on a machine with another byte order; choose another path";
	if (header->version > FORMAT_VERSION ||
	    (header->incompatible & ~SN_INCOMPATIBLE_UNRECORDED) != 0)
		return "was made by a newer version of this library; upgrade this one";
	if (header->crc != header_crc(header) || !is_header_sound(header))
		return "is corrupt; restore it, or choose another path";
	return NULL;
}

const char *sn_image_record_problem(const struct sn_image *image)
{
	uint64_t end_ms;
	return sn_image_recorded(image, &end_ms)
		       ? NULL
		       : "is corrupt: it has lost how far IDs went; restore it, choose another "
			 "path, or see snowid store --reset";
}
