/* SPDX-License-Identifier: MIT
 *
 * The format of state files, and how one comes to be: whole or not at all.
 */
#ifndef SN_IMAGE_H
#define SN_IMAGE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "libsnowid/base/system.h"
#include "libsnowid/store/store.h"

#define SN_IMAGE_PART 4096 /* no two parts share a sector */

/* What no copy of a file shares with it, while a volume that comes back as another device keeps it:
 * nobody can set the birth of an inode. */
struct sn_file_identity {
	uint64_t born_ns; /* when the inode was made, since 1970; 0: the system does not say */
	uint64_t inode;
};

/* Immutable once written, its unused bytes are 0. A reader refuses bits of `incompatible` that it does
 * not know, and passes over those of `compatible`: what they announce lies where now zeros are. */
struct sn_header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint64_t compatible;
	uint64_t incompatible;
	uint64_t fingerprint;
	struct sn_file_identity place;
	uint64_t created_ms; /* unix time, as all instants here */
	/* What slots and fields are, so that a file explains itself. */
	int64_t epoch_sec;
	uint32_t epoch_nsec;
	uint32_t unit_ns;
	uint64_t last_tick;
	uint32_t sequence_bits;
	uint32_t field_count;
	uint64_t fields[SN_STORE_FIELDS];
	char kind[SN_STORE_KIND_SIZE];
	char unused[1180];
	uint32_t crc; /* of all that stands before */
};

/* Worth something in the boot whose id it bears. What follows it in its page is 0. */
struct sn_hot_page {
	struct sn_shared_state shared;
	_Atomic uint64_t boot[2];
	_Atomic uint64_t failed; /* the errno of a sync that failed: what it wrote may be lost */
	_Atomic uint64_t booted; /* when the host was, by its wall clock: see check_jump() */
	_Atomic uint64_t name_synced; /* 1 when its name is known to be on the disk */
	/* A hint: the process that was the last to open the file. */
	_Atomic uint64_t holder;
	_Atomic uint64_t held_since_ms;
	_Atomic uint64_t host[8]; /* its name, as bytes */
};

struct sn_image {
	alignas(SN_IMAGE_PART) struct sn_header header;
	alignas(SN_IMAGE_PART) struct sn_hot_page hot;
	/* The end of what may be issued: unix ms << 16 | CRC. Twice, in two sectors; the higher valid
	 * one counts. */
	struct {
		alignas(SN_IMAGE_PART) _Atomic uint64_t word;
	} reserved[2];
};
_Static_assert(sizeof(struct sn_header) == SN_IMAGE_PART &&
		       sizeof(struct sn_image) == 4 * SN_IMAGE_PART,
	       "the format of state files");

/* Open-file-description locks on these bytes: the kernel gives them up with the last process that has
 * the description open, and they say nothing to those that have another. */
enum {
	SN_BYTE_OF_TAKEOVER, /* held while the words of another boot are begun again */
	SN_BYTE_OF_USE       /* held by all that use the file: shared, or by one alone */
};

/* A new image, but for its place: its words begin above `end_ms`, which is what is recorded. */
void sn_image_fill(struct sn_image *image, const struct sn_store_settings *settings,
		   uint64_t now_ms, uint64_t end_ms);

/* Sets what is recorded, in an image that nobody uses. */
void sn_image_record(struct sn_image *image, uint64_t end_ms);

/* The word that records an instant, and the recorded instant: false where neither copy is valid. */
uint64_t sn_image_word(uint64_t unix_ms);
bool sn_image_recorded(const struct sn_image *image, uint64_t *unix_ms);

/* The last tick that begins before an instant: what a recorded end allows. */
uint64_t sn_image_last_tick(const struct sn_ticks *ticks, uint64_t unix_ms);

/* The ticks and slots of the kind it is of. */
void sn_image_ticks(const struct sn_image *image, struct sn_ticks *ticks);

/* Who opened it last. */
void sn_image_holder(const struct sn_image *image, struct sn_holder *holder);

/* True while the words are of this boot. */
bool sn_image_of_this_boot(const struct sn_image *image);

/* That the open file can be one at all: a regular one, and all of it. */
int sn_image_check_file(int fd, const char *path, struct stat *status);

/* That it is a state file this version can read; that how far IDs went can be read too. */
int sn_image_check(const struct sn_image *image, const char *path);
int sn_image_check_record(const struct sn_image *image, const char *path);

/* That it may be relied on where it is: on a disk of this host, not for everybody to write, and not a
 * copy of another. */
int sn_image_check_place(const struct sn_image *image, int fd, const char *path);
bool sn_image_is_copy(const struct sn_image *image, int fd, const struct stat *status);

/* Locks one of its bytes, by a description of its own and so without regard to other processes, or
 * other opens of this one. -EBUSY: others have it; no detail. */
int sn_image_lock(int fd, const char *path, int byte, enum sn_lock lock);

/* Writes the image, with its place and CRC, to a new file beside the path, then links it to the path,
 * where it appears at once or not at all; a file that another has made meanwhile stands. `replaced`:
 * the status of the file whose place, mode and owner it takes instead; NULL: none.
 * sn_image_sync_name() then makes the name last. */
int sn_image_publish(struct sn_image *image, const char *path, mode_t mode,
		     const struct stat *replaced);
int sn_image_sync_name(const char *path);

/* -errno of a system call on a state file, and SNOWID_E_STORE, with their details. */
int sn_image_fail(int number, const char *what, const char *path);
int sn_image_refuse(const char *path, const char *why);

#endif
