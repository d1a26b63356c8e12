/* SPDX-License-Identifier: MIT
 *
 * The format of state files: what the bytes of one mean.
 */
#ifndef SN_IMAGE_H
#define SN_IMAGE_H

#include <stdbool.h>

#include "libsnowid/store/store.h"

#define SN_IMAGE_PART 4096 /* parts of this size never share a sector of the disk */

/* Differs between a file and any copy of it, because nobody can choose when an inode is made. It
 * stays the same when a volume comes back as another device. */
struct sn_file_identity {
	uint64_t born_ns; /* when the inode was made, since 1970; 0: the system does not say */
	uint64_t inode;
};

#define SN_INCOMPATIBLE_UNRECORDED UINT64_C(1) /* a file of host: */

/* Never changes once it is written. Unused bytes are 0. A reader rejects a file with bits in
 * `incompatible` that it does not know, and ignores those in `compatible`: what they announce is
 * kept where bytes are 0 today. */
struct sn_header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint64_t compatible;
	uint64_t incompatible;
	uint64_t fingerprint;
	struct sn_file_identity identity;
	uint64_t created_ms; /* Unix time, as every instant in the file */
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
	uint32_t crc; /* of everything before it */
};

/* Valid only during the boot whose ID it contains. The rest of its page is 0. */
struct sn_hot_page {
	struct sn_shared_state shared;
	_Atomic uint64_t boot[2];
	_Atomic uint64_t failed; /* the errno of a failed sync: what was written then may be lost */
	_Atomic uint64_t booted; /* when the host was booted by its wall clock: see check_jump() */
	_Atomic uint64_t name_synced; /* 1: the disk is known to have the name of the file */
	/* A hint: the process that was the last to open the file. */
	_Atomic uint64_t holder;
	_Atomic uint64_t held_since_ms;
	_Atomic uint64_t host[8]; /* the name of the host, as bytes */
	_Atomic uint64_t started; /* 1: it is decided where the IDs of a file of host: begin */
};

struct sn_image {
	alignas(SN_IMAGE_PART) struct sn_header header;
	alignas(SN_IMAGE_PART) struct sn_hot_page hot;
	/* The end of what may be issued: Unix milliseconds << 16 | CRC. Two copies in two sectors,
	 * of which the higher valid one counts; 0 in a new file. In the same sectors, because no
	 * disk writes half of one: the time since the boot when it was recorded, as an instant of a
	 * boot. */
	struct {
		alignas(SN_IMAGE_PART) _Atomic uint64_t word;
		_Atomic uint64_t elapsed;
	} reserved[2];
};
/* A file of host: records nothing, and ends with the hot page. */
#define SN_IMAGE_UNRECORDED_SIZE offsetof(struct sn_image, reserved)

_Static_assert(sizeof(struct sn_header) == SN_IMAGE_PART &&
		       sizeof(struct sn_image) == 4 * SN_IMAGE_PART,
	       "the format of state files");

/* Fills in an image, except for its identity, that has recorded an end of 0 and belongs to no boot:
 * the first takeover decides where IDs begin. */
void sn_image_init(struct sn_image *image, const struct sn_store_settings *settings,
		   uint64_t now_ms);

/* Completes the header of an image that is about to be written to a file. */
void sn_image_complete(struct sn_image *image, const struct sn_file_identity *identity);

/* Why this version cannot use an image; why it does not know how far its IDs went. NULL: it can. */
const char *sn_image_problem(const struct sn_image *image);
const char *sn_image_record_problem(const struct sn_image *image);

/* The recorded end. False if neither copy is valid. */
bool sn_image_recorded(const struct sn_image *image, uint64_t *end_ms);

/* Sets the recorded end of an image that nobody uses, and when it was recorded: 0 if in no boot. */
void sn_image_set_reserved(struct sn_image *image, uint64_t end_ms, uint64_t elapsed_word);

/* Raises the recorded end, in competition with others. */
void sn_image_raise_reserved(struct sn_image *image, uint64_t end_ms);

/* The last tick that begins before an instant, which a recorded end therefore allows. */
uint64_t sn_image_last_tick(const struct sn_ticks *ticks, uint64_t unix_ms);

/* The ticks and slots of its kind. */
void sn_image_ticks(const struct sn_image *image, struct sn_ticks *ticks);

void sn_image_set_boot(struct sn_image *image, const uint64_t boot[2]);
bool sn_image_has_boot(const struct sn_image *image);

/* Whether it has the ID of the current boot; false if the kernel does not say. */
bool sn_image_has_this_boot(const struct sn_image *image);

/* A point in the time since the boot, in one word that is never 0: milliseconds << 16 | the domain
 * of the clock. Two of them can be compared if their domains are the same. */
uint64_t sn_image_elapsed_word(uint64_t elapsed_ns, uint16_t domain);

/* Notes when something is recorded: never an earlier time than before, in the same domain. */
void sn_image_note_elapsed(struct sn_image *image, uint64_t elapsed_word);

/* Whether the shared state is of the current boot, as far as an image shows that nobody uses: it
 * has the boot ID, and was not last recorded later in its boot than it is now in this one. */
bool sn_image_is_of_this_boot(const struct sn_image *image, uint64_t elapsed_word);

void sn_image_holder(const struct sn_image *image, struct sn_holder *holder);
void sn_image_set_holder(struct sn_image *image, const struct sn_holder *holder);

#endif
