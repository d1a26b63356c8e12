/* SPDX-License-Identifier: MIT
 *
 * The format of state files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/system.h"
#include "libsnowid/store/image.h"

#define MAGIC           "\x89SNOWID\n"
#define BYTE_ORDER_MARK 0x01020304
#define FORMAT_VERSION  1

int sn_image_fail(int number, const char *what, const char *path)
{
	return sn_fail(-number, "cannot %s the state file %.200s: %s", what, path,
		       snowid_strerror(-number));
}

int sn_image_refuse(const char *path, const char *why)
{
	return sn_fail(SNOWID_E_STORE, "the state file %.200s %s", path, why);
}

/* ---- checksums ------------------------------------------------------------------------------- */

static uint32_t crc(const void *data, size_t size, uint32_t polynomial, uint32_t start)
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

/* CRC-32 of ISO-HDLC (zip, Ethernet). */
static uint32_t header_crc(const struct sn_header *header)
{
	return ~crc(header, offsetof(struct sn_header, crc), 0xedb88320, UINT32_MAX);
}

/* CRC-16 of IBM-SDLC (X.25), over the milliseconds, low byte first: not 0 for 0, so that zeros are
 * not valid. */
uint64_t sn_image_word(uint64_t unix_ms)
{
	uint8_t bytes[6];
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(unix_ms >> (8 * i));
	return unix_ms << 16 | (~crc(bytes, sizeof bytes, 0x8408, UINT16_MAX) & UINT16_MAX);
}

bool sn_image_recorded(const struct sn_image *image, uint64_t *unix_ms)
{
	bool valid = false;
	*unix_ms = 0;
	for (int i = 0; i < 2; i++) {
		const uint64_t word = atomic_load(&image->reserved[i].word);
		if (word == sn_image_word(word >> 16) && word >> 16 >= *unix_ms) {
			*unix_ms = word >> 16;
			valid = true;
		}
	}
	return valid;
}

/* ---- what is in it --------------------------------------------------------------------------- */

uint64_t sn_image_last_tick(const struct sn_ticks *ticks, uint64_t unix_ms)
{
	/* The millisecond before. */
	const int64_t sec = (int64_t)(unix_ms / 1000) - (unix_ms % 1000 == 0);
	const uint32_t nsec = (uint32_t)((unix_ms + 999) % 1000) * 1000000 + 999999;

	if (sn_timebase_t100ns(&ticks->time, sec, nsec) < 0)
		return 0; /* none does, and the first is not missed */
	const uint64_t tick = sn_timebase_tick(&ticks->time, sec, nsec);
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

void sn_image_ticks(const struct sn_image *image, struct sn_ticks *ticks)
{
	const struct sn_header *const header = &image->header;
	struct sn_timebase time;

	sn_timebase_init(&time, header->epoch_sec, header->epoch_nsec, header->unit_ns);
	sn_ticks_init(ticks, &time, header->last_tick, header->sequence_bits);
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

bool sn_image_of_this_boot(const struct sn_image *image)
{
	uint64_t boot[2];
	return sn_system_boot_id(boot) && atomic_load(&image->hot.boot[0]) == boot[0] &&
	       atomic_load(&image->hot.boot[1]) == boot[1];
}

static void fill_header(struct sn_header *header, const struct sn_store_settings *settings,
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

void sn_image_fill(struct sn_image *image, const struct sn_store_settings *settings,
		   uint64_t now_ms, uint64_t end_ms)
{
	uint64_t boot[2] = {0, 0};
	const uint64_t limit = sn_image_last_tick(&settings->ticks, end_ms);

	memset(image, 0, sizeof *image);
	fill_header(&image->header, settings, now_ms);
	sn_store_begin(&settings->ticks, &image->hot.shared, limit);
	atomic_store(&image->hot.shared.limit, limit);
	sn_system_boot_id(boot);
	atomic_store(&image->hot.boot[0], boot[0]);
	atomic_store(&image->hot.boot[1], boot[1]);
	sn_image_record(image, end_ms);
}

void sn_image_record(struct sn_image *image, uint64_t end_ms)
{
	for (int i = 0; i < 2; i++)
		atomic_store(&image->reserved[i].word, sn_image_word(end_ms));
}

/* ---- what is wrong with it ------------------------------------------------------------------- */

int sn_image_check_file(int fd, const char *path, struct stat *status)
{
	if (fstat(fd, status) != 0)
		return sn_image_fail(errno, "examine", path);
	if (!S_ISREG(status->st_mode))
		return sn_image_refuse(path, "is not a regular file; choose another path");
	if (status->st_size != (off_t)sizeof(struct sn_image))
		return sn_image_refuse(
			path, "is truncated, or no state file; restore it, or name another");
	return 0;
}

/* That its numbers can be computed with. */
static bool is_sound(const struct sn_header *header)
{
	return header->field_count <= SN_STORE_FIELDS && header->sequence_bits < 64 &&
	       header->unit_ns >= 100 && header->unit_ns <= SN_NSEC_PER_SEC &&
	       header->unit_ns % 100 == 0 &&
	       sn_instant_valid(header->epoch_sec, header->epoch_nsec) &&
	       header->kind[sizeof header->kind - 1] == '\0';
}

int sn_image_check(const struct sn_image *image, const char *path)
{
	const struct sn_header *const header = &image->header;

	if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
		return sn_image_refuse(path, "is no state file; name another");
	if (header->byte_order != BYTE_ORDER_MARK)
		return sn_image_refuse(path,
				       "was made by a machine of another byte order; name another");
	if (header->version > FORMAT_VERSION || header->incompatible != 0)
		return sn_image_refuse(
			path, "was made by a newer version of this library; upgrade this one");
	if (header->crc != header_crc(header) || !is_sound(header))
		return sn_image_refuse(path, "is corrupt; restore it, or name another");
	return 0;
}

int sn_image_check_record(const struct sn_image *image, const char *path)
{
	uint64_t end_ms;

	if (sn_image_recorded(image, &end_ms))
		return 0;
	return sn_image_refuse(path, "is corrupt: it has lost how far IDs went; restore it, name "
				     "another, or see snowid store --reset");
}

static struct sn_file_identity identity_of_file(int fd, const struct stat *status)
{
	return (struct sn_file_identity){.born_ns = sn_system_birth(fd), .inode = status->st_ino};
}

bool sn_image_is_copy(const struct sn_image *image, int fd, const struct stat *status)
{
	const struct sn_file_identity *const made = &image->header.place;
	const struct sn_file_identity now = identity_of_file(fd, status);
	const bool comparable = made->born_ns != 0 && now.born_ns != 0;

	return made->inode != now.inode || (comparable && made->born_ns != now.born_ns);
}

int sn_image_check_place(const struct sn_image *image, int fd, const char *path)
{
	struct sn_file_system file_system;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return sn_image_fail(errno, "examine", path);
	const int error = sn_system_file_system(fd, &file_system);
	if (error)
		return sn_image_fail(-error, "examine", path);
	if (status.st_mode & S_IWOTH)
		return sn_image_refuse(path, "can be written by everyone, and so may be damaged; "
					     "find out why, then run chmod o-w");
	if (file_system.network)
		return sn_fail(SNOWID_E_STORE,
			       "the state file %.200s is on %s, which other hosts may share; put "
			       "it on a local disk",
			       path, file_system.network);
	if (sn_image_is_copy(image, fd, &status))
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.200s is a copy: if the original is still used, both "
			"make the same IDs; use another file, or see snowid store --adopt",
			path);
	return 0;
}

/* ---- who uses it ----------------------------------------------------------------------------- */

int sn_image_lock(int fd, const char *path, int byte, enum sn_lock lock)
{
	const int error = sn_system_lock(fd, byte, lock);
	return error && error != -EBUSY ? sn_image_fail(-error, "lock", path) : error;
}

/* ---- how it comes to be ---------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t size)
{
	size_t done = 0;
	while (done < size) {
		const ssize_t part =
			pwrite(fd, (const char *)data + done, size - done, (off_t)done);
		if (part < 0 && errno != EINTR)
			return errno;
		done += part > 0 ? (size_t)part : 0;
	}
	return 0;
}

/* Gives the new file the owner and the mode it is to have, whatever the umask. Returns an errno. */
static int take_mode(int fd, mode_t mode, const struct stat *replaced)
{
	struct stat status;

	if (replaced) {
		if (fstat(fd, &status) != 0)
			return errno;
		const bool same =
			status.st_uid == replaced->st_uid && status.st_gid == replaced->st_gid;
		if (!same && fchown(fd, replaced->st_uid, replaced->st_gid) != 0)
			return errno;
		mode = replaced->st_mode & 07777;
	}
	return fchmod(fd, mode) == 0 ? 0 : errno;
}

/* Returns an errno. */
static int publish_as(int fd, const char *temporary, struct sn_image *image, const char *path,
		      mode_t mode, const struct stat *replaced)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return errno;
	image->header.place = identity_of_file(fd, &status);
	image->header.crc = header_crc(&image->header);
	int number = take_mode(fd, mode, replaced);
	if (!number)
		number = write_all(fd, image, sizeof *image);
	if (!number)
		number = -sn_system_sync_file(fd);
	if (!number && replaced && rename(temporary, path) != 0)
		number = errno;
	if (!number && !replaced && link(temporary, path) != 0 && errno != EEXIST)
		number = errno;
	return number;
}

int sn_image_publish(struct sn_image *image, const char *path, mode_t mode,
		     const struct stat *replaced)
{
	const size_t length = strlen(path);
	char *const temporary = malloc(length + sizeof ".XXXXXX");
	int number;

	if (!temporary)
		return sn_fail_nomem();
	memcpy(temporary, path, length);
	memcpy(temporary + length, ".XXXXXX", sizeof ".XXXXXX");
	const int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		number = errno;
	} else {
		number = publish_as(fd, temporary, image, path, mode, replaced);
		unlink(temporary);
		close(fd);
	}
	free(temporary);
	return number ? sn_image_fail(number, replaced ? "replace" : "create", path) : 0;
}

int sn_image_sync_name(const char *path)
{
	char *const directory = strdup(path);

	if (!directory)
		return sn_fail_nomem();
	*(strrchr(directory, '/') + 1) = '\0';
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int number = fd < 0 ? errno : -sn_system_sync_file(fd);
	if (fd >= 0)
		close(fd);
	free(directory);
	return number ? sn_image_fail(number, "sync the directory of", path) : 0;
}
