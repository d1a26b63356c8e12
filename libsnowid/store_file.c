/* SPDX-License-Identifier: MIT
 *
 * file:PATH - the words in a file, which every process of the host that opens it shares.
 *
 * Within one boot the page cache keeps the words, whatever happens to processes. What outlives the
 * host is `reserved`: an instant, recorded before any tick up to it may be issued. After another boot
 * the words begin above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsnowid/boot.h"
#include "libsnowid/error.h"
#include "libsnowid/store.h"

/* ---- the format ------------------------------------------------------------------------------ */

#define MAGIC           "\x89SNOWID\n"
#define BYTE_ORDER_MARK 0x01020304
#define FORMAT_VERSION  1
#define PART            4096 /* no two parts share a sector */

/* Immutable once written. A reader refuses bits of `incompatible` that it does not know. */
struct header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint64_t compatible;
	uint64_t incompatible;
	uint64_t fingerprint;
	uint64_t device;
	uint64_t inode;
	uint64_t field_count;
	uint64_t fields[SN_STORE_FIELDS];
	uint32_t unused;
	uint32_t crc; /* of all that stands before */
};

/* Worth something in the boot whose id it bears. */
struct hot {
	struct sn_words words;
	_Atomic uint64_t boot[2];
	_Atomic uint64_t failed; /* the errno of a sync that failed: what it wrote may be lost */
	_Atomic uint64_t holder; /* the process that last took the file alone: a hint */
};

struct image {
	alignas(PART) struct header header;
	alignas(PART) struct hot hot;
	/* The end of what may be issued: unix ms << 16 | CRC. Twice, in two sectors; the higher valid
	 * one counts. */
	struct {
		alignas(PART) _Atomic uint64_t word;
	} reserved[2];
};
_Static_assert(sizeof(struct image) == 4 * PART, "the format of state files");

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
static uint32_t header_crc(const struct header *header)
{
	return ~crc(header, offsetof(struct header, crc), 0xedb88320, UINT32_MAX);
}

/* CRC-16 of IBM-SDLC (X.25), over the milliseconds, low byte first: not 0 for 0, so that zeros are
 * not valid. */
static uint64_t reserved_word(uint64_t unix_ms)
{
	uint8_t bytes[6];
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(unix_ms >> (8 * i));
	return unix_ms << 16 | (~crc(bytes, sizeof bytes, 0x8408, UINT16_MAX) & UINT16_MAX);
}

/* The recorded end in unix ms; false where neither copy is valid. */
static bool read_reserved(const struct image *image, uint64_t *unix_ms)
{
	bool valid = false;
	*unix_ms = 0;
	for (int i = 0; i < 2; i++) {
		const uint64_t word = atomic_load(&image->reserved[i].word);
		if (word == reserved_word(word >> 16) && word >> 16 >= *unix_ms) {
			*unix_ms = word >> 16;
			valid = true;
		}
	}
	return valid;
}

/* ---- ticks and milliseconds ------------------------------------------------------------------ */

/* The last tick that begins before an instant: what a recorded end allows. */
static uint64_t last_tick_before(const struct sn_ticks *ticks, uint64_t unix_ms)
{
	const int64_t sec = (int64_t)((unix_ms - 1) / 1000);
	const uint32_t nsec = (uint32_t)((unix_ms - 1) % 1000) * 1000000 + 999999;
	const uint64_t tick = sn_timebase_tick(&ticks->time, sec, nsec);
	return tick < ticks->last_tick ? tick : ticks->last_tick;
}

/* The end to record now: a block from the clock, or from `next` where that is ahead. */
static int end_of_block(const struct sn_store_settings *settings, uint64_t next, uint64_t *unix_ms)
{
	const struct sn_ticks *const ticks = &settings->ticks;
	struct sn_reading now;
	int64_t sec = 0;
	uint32_t nsec = 0;

	const int error = sn_ticks_read(ticks, settings->clock, &now);
	if (error)
		return error;
	const uint64_t tick = next >> ticks->bits > now.tick ? next >> ticks->bits : now.tick;
	sn_timebase_start(&ticks->time, tick, &sec, &nsec);
	if (sec < 0)
		return sn_fail(SNOWID_E_CLOCK,
			       "a state file holds instants from 1970 on; set the clock");
	*unix_ms = (uint64_t)sec * 1000 + nsec / 1000000 + 1 + settings->block_ns / 1000000;
	return 0;
}

/* ---- the store ------------------------------------------------------------------------------- */

struct file_store {
	struct sn_store store; /* first: what is handed out is its address */
	struct image *image;
	int fd;
	dev_t device;
	ino_t inode;
	char path[];
};

static int fail_system(int error, const char *what, const char *path)
{
	return sn_fail(-error, "cannot %s the state file %.200s: %s", what, path,
		       snowid_strerror(-error));
}

static int file_check(const char *rest)
{
	if (rest[0] != '/')
		return sn_fail(SNOWID_E_SYNTAX,
			       "the path \"%.60s\" of a state file does not begin with /", rest);
	return 0;
}

/* The name of a file system where what one host writes another may not see at once. */
static const char *network_file_system(long type)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{NFS_SUPER_MAGIC, "NFS"},     {SMB_SUPER_MAGIC, "SMB"}, {0xfe534d42, "SMB"},
		{0xff534d42, "CIFS"},         {0x65735546, "FUSE"},     {V9FS_MAGIC, "9P"},
		{AFS_SUPER_MAGIC, "AFS"},     {0x00c36400, "Ceph"},     {CODA_SUPER_MAGIC, "Coda"},
		{OCFS2_SUPER_MAGIC, "OCFS2"}, {0x01161970, "GFS2"},     {0x0bd00bd0, "Lustre"},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if ((uint32_t)type == known[i].magic)
			return known[i].name;
	return NULL;
}

/* ---- creation -------------------------------------------------------------------------------- */

static void fill_header(struct header *header, const struct sn_store_settings *settings,
			const struct stat *status)
{
	memcpy(header->magic, MAGIC, sizeof header->magic);
	header->byte_order = BYTE_ORDER_MARK;
	header->version = FORMAT_VERSION;
	header->fingerprint = settings->fingerprint;
	header->device = status->st_dev;
	header->inode = status->st_ino;
	header->field_count = settings->field_count;
	for (size_t i = 0; i < settings->field_count; i++)
		header->fields[i] = settings->fields[i].value;
	header->crc = header_crc(header);
}

/* One block above the clock: a file of this name that was removed may have had a block left. */
static int fill(struct image *image, const struct sn_store_settings *settings,
		const struct stat *status)
{
	uint64_t boot[2] = {0, 0}, end;
	struct sn_reading now;

	int error = end_of_block(settings, 0, &end);
	if (!error)
		error = sn_ticks_read(&settings->ticks, settings->clock, &now);
	if (error)
		return error;
	const uint64_t limit = last_tick_before(&settings->ticks, end);
	memset(image, 0, sizeof *image);
	fill_header(&image->header, settings, status);
	sn_store_begin(&settings->ticks, &image->hot.words, limit);
	atomic_store(&image->hot.words.limit, limit);
	atomic_store(&image->hot.words.seen, now.hns);
	sn_boot_id(boot);
	atomic_store(&image->hot.boot[0], boot[0]);
	atomic_store(&image->hot.boot[1], boot[1]);
	for (int i = 0; i < 2; i++)
		atomic_store(&image->reserved[i].word, reserved_word(end));
	return 0;
}

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

static int sync_directory(const char *path)
{
	char *const directory = strdup(path);
	int error = 0;

	if (!directory)
		return ENOMEM;
	*(strrchr(directory, '/') + 1) = '\0';
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	free(directory);
	return error;
}

/* Writes a whole file beside the path, then links it to the path, where it appears at once or not at
 * all. A file that another has made meanwhile stands. */
static int create_as(int fd, const char *temporary, const char *path,
		     const struct sn_store_settings *settings)
{
	struct image *image;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return fail_system(errno, "create", path);
	image = aligned_alloc(PART, sizeof *image);
	if (!image)
		return sn_fail_nomem();
	int error = fill(image, settings, &status);
	if (!error) {
		int number = write_all(fd, image, sizeof *image);
		if (!number && fsync(fd) != 0)
			number = errno;
		if (!number && link(temporary, path) != 0 && errno != EEXIST)
			number = errno;
		if (!number)
			number = sync_directory(path);
		if (number)
			error = fail_system(number, "create", path);
	}
	free(image);
	return error;
}

static int create(const char *path, const struct sn_store_settings *settings)
{
	const size_t length = strlen(path);
	char *const temporary = malloc(length + sizeof ".XXXXXX");

	if (!temporary)
		return sn_fail_nomem();
	memcpy(temporary, path, length);
	memcpy(temporary + length, ".XXXXXX", sizeof ".XXXXXX");
	const int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	int error;
	if (fd < 0) {
		error = fail_system(errno, "create", path);
	} else {
		error = create_as(fd, temporary, path, settings);
		unlink(temporary);
		close(fd);
	}
	free(temporary);
	return error;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int refuse(const char *path, const char *why)
{
	return sn_fail(SNOWID_E_STORE, "the state file %.200s %s", path, why);
}

/* That the open file is one that may be relied on at all. */
static int check_file(struct file_store *f)
{
	struct statfs system;
	struct stat status;

	if (fstat(f->fd, &status) != 0 || fstatfs(f->fd, &system) != 0)
		return fail_system(errno, "examine", f->path);
	if (!S_ISREG(status.st_mode))
		return refuse(f->path, "is no regular file; name another");
	if (status.st_uid != geteuid())
		return refuse(f->path, "is another user's; name another");
	const char *const network = network_file_system((long)system.f_type);
	if (network)
		return sn_fail(
			SNOWID_E_STORE,
			"the state file %.200s is on %s, which other hosts may share; put it on a "
			"disk of this host",
			f->path, network);
	if (status.st_size != (off_t)sizeof(struct image))
		return refuse(f->path,
			      "is truncated, or no state file; restore it, or name another");
	f->device = status.st_dev;
	f->inode = status.st_ino;
	return 0;
}

/* That it is whole, and of this identity. Takes over the fields that the user has not given. */
static int check_header(struct file_store *f)
{
	const struct header *const header = &f->image->header;
	struct sn_store_settings *const settings = &f->store.settings;

	if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0)
		return refuse(f->path, "is no state file; name another");
	if (header->byte_order != BYTE_ORDER_MARK)
		return refuse(f->path, "was made by a machine of another byte order; name another");
	if (header->version > FORMAT_VERSION || header->incompatible != 0)
		return refuse(f->path,
			      "was made by a newer version of this library; upgrade this one");
	if (header->crc != header_crc(header))
		return refuse(f->path, "is corrupt; restore it, or name another");
	if (header->fingerprint != settings->fingerprint ||
	    header->field_count != settings->field_count)
		return refuse(f->path, "is of another kind, layout or epoch; name one for each");
	if (header->device != f->device || header->inode != f->inode)
		return refuse(
			f->path,
			"is a copy: the original may be in use, and both would make the same IDs; "
			"name another");
	for (size_t i = 0; i < settings->field_count; i++) {
		struct sn_store_field *const field = &settings->fields[i];
		if (field->given && field->value != header->fields[i])
			return sn_fail(SNOWID_E_STORE,
				       "the state file %.200s is of %s %" PRIu64 ", not %" PRIu64
				       "; name one for each",
				       f->path, field->name, header->fields[i], field->value);
		field->value = header->fields[i];
		field->given = true;
	}
	return 0;
}

/* True while the words are of this boot. */
static bool of_this_boot(const struct image *image)
{
	uint64_t boot[2];
	return sn_boot_id(boot) && atomic_load(&image->hot.boot[0]) == boot[0] &&
	       atomic_load(&image->hot.boot[1]) == boot[1];
}

/* Open-file-description locks: the kernel gives them up with the last process that has the
 * description open, and they say nothing to those that have another. */
enum { TAKEOVER_BYTE, ALONE_BYTE };

/* Sets the holder on failure; nothing else is changed in a file of others. */
static int take_alone(struct file_store *f, uint64_t *holder)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ALONE_BYTE, .l_len = 1};
	if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return fail_system(errno, "lock", f->path);
	*holder = atomic_load(&f->image->hot.holder);
	return sn_fail(-EBUSY, "the state file %.200s is in use by process %" PRIu64, f->path,
		       *holder);
}

static int lock_takeover(const struct file_store *f, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = TAKEOVER_BYTE, .l_len = 1};
	while (fcntl(f->fd, F_OFD_SETLKW, &lock) != 0)
		if (errno != EINTR)
			return fail_system(errno, "lock", f->path);
	return 0;
}

/* Lets the words of another boot begin above what was recorded. Its boot id is written last, so that
 * whoever finds it finds the rest. */
static int begin_again(struct file_store *f)
{
	struct hot *const hot = &f->image->hot;
	const struct sn_ticks *const ticks = &f->store.settings.ticks;
	struct sn_reading now;
	uint64_t end, boot[2] = {0, 0};

	if (!read_reserved(f->image, &end))
		return refuse(f->path, "is corrupt: it has lost how far IDs went; name another");
	const int error = sn_ticks_read(ticks, f->store.settings.clock, &now);
	if (error)
		return error;
	sn_store_begin(ticks, &hot->words, last_tick_before(ticks, end));
	atomic_store(&hot->words.limit, last_tick_before(ticks, end));
	atomic_store(&hot->words.seen, now.hns);
	atomic_store(&hot->words.behind, 0);
	atomic_store(&hot->failed, 0);
	sn_boot_id(boot);
	atomic_store(&hot->boot[0], boot[0]);
	atomic_store(&hot->boot[1], boot[1]);
	return 0;
}

static int take_over(struct file_store *f)
{
	if (of_this_boot(f->image))
		return 0;
	int error = lock_takeover(f, F_WRLCK);
	if (error)
		return error;
	if (!of_this_boot(f->image))
		error = begin_again(f);
	const int unlocked = lock_takeover(f, F_UNLCK);
	return error ? error : unlocked;
}

/* Opens the path, making the file where there is none. */
static int open_path(struct file_store *f)
{
	for (int tries = 0; tries < 10; tries++) {
		f->fd = open(f->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (f->fd >= 0)
			return 0;
		if (errno == ELOOP)
			return refuse(f->path, "is a symbolic link; name the file itself");
		if (errno != ENOENT)
			return fail_system(errno, "open", f->path);
		const int error = create(f->path, &f->store.settings);
		if (error)
			return error;
	}
	return refuse(f->path, "vanishes as soon as it is made; see who removes it");
}

static int set_up(struct file_store *f, bool alone, uint64_t *holder)
{
	int error = open_path(f);
	if (!error)
		error = check_file(f);
	if (error)
		return error;
	void *const map =
		mmap(NULL, sizeof *f->image, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (map == MAP_FAILED)
		return fail_system(errno, "map", f->path);
	f->image = map;
	f->store.words = &f->image->hot.words;
	error = check_header(f);
	if (!error && alone)
		error = take_alone(f, holder);
	if (!error)
		error = take_over(f);
	if (error)
		return error;
	if (alone)
		atomic_store(&f->image->hot.holder, (uint64_t)getpid());
	atomic_store(&f->store.words->identity, sn_store_identity(&f->store.settings));
	return 0;
}

static void file_close(struct sn_store *store)
{
	struct file_store *const f = (struct file_store *)(void *)store;
	if (f->image)
		munmap(f->image, sizeof *f->image);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int sn_store_file_open(const char *path, const struct sn_store_settings *settings, bool alone,
		       struct sn_store **store, uint64_t *holder)
{
	struct file_store *const f = calloc(1, sizeof *f + strlen(path) + 1);
	if (!f)
		return sn_fail_nomem();
	f->store.class = &sn_store_file;
	f->store.settings = *settings;
	f->fd = -1;
	strcpy(f->path, path);
	const int error = set_up(f, alone, holder);
	if (error)
		file_close(&f->store);
	else
		*store = &f->store;
	return error;
}

static int file_open(const char *path, const struct sn_store_settings *settings,
		     struct sn_store **store)
{
	return sn_store_file_open(path, settings, false, store, NULL);
}

/* ---- renewal --------------------------------------------------------------------------------- */

static int fail_after_failure(struct file_store *f, int number)
{
	return sn_fail(-number,
		       "a sync of the state file %.200s failed (%s), and what it wrote may be "
		       "lost; IDs go "
		       "on after a restart of the host, or with another file",
		       f->path, snowid_strerror(-number));
}

/* That other processes can find the file: one that has lost its name is no store any more. */
static int check_name(const struct file_store *f)
{
	struct stat status;
	if (lstat(f->path, &status) != 0)
		return fail_system(errno, "find", f->path);
	if (status.st_dev != f->device || status.st_ino != f->inode)
		return refuse(f->path, "has been replaced by another; open the generator again");
	return 0;
}

/* Lock-free, and in this order: record, wait for the disk, and only then let IDs go on. Whoever is
 * stopped in between holds nobody up, and has promised nothing. */
static int file_renew(struct sn_store *store)
{
	struct file_store *const f = (struct file_store *)(void *)store;
	struct hot *const hot = &f->image->hot;
	uint64_t end;

	int number = (int)atomic_load(&hot->failed);
	if (number)
		return fail_after_failure(f, number);
	int error = check_name(f);
	if (!error)
		error = end_of_block(&store->settings, atomic_load(&hot->words.next), &end);
	if (error)
		return error;
	for (int i = 0; i < 2; i++)
		sn_raise(&f->image->reserved[i].word, reserved_word(end));
	const uint64_t recorded = atomic_load(&f->image->reserved[0].word) >> 16;
	if (msync(f->image->reserved, sizeof f->image->reserved, MS_SYNC) != 0 ||
	    fdatasync(f->fd) != 0) {
		/* Linux tells of an error once, and then calls the page clean: never ask again. */
		number = errno;
		atomic_store(&hot->failed, (uint64_t)number);
		return fail_after_failure(f, number);
	}
	if (atomic_load(&hot->failed))
		return fail_after_failure(f, (int)atomic_load(&hot->failed));
	sn_raise(&hot->words.limit, last_tick_before(&store->settings.ticks, recorded));
	return 0;
}

const struct sn_store_class sn_store_file = {
	.scheme = "file:",
	.check = file_check,
	.open = file_open,
	.renew = file_renew,
	.close = file_close,
};
