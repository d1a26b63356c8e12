/* SPDX-License-Identifier: MIT
 *
 * Stands between the library and the disk that a state file is on: calls can be made to fail, the
 * host can be rebooted, and the disk remembers what a power cut would leave of the file.
 */
#ifndef TESTS_FAKE_DISK_H
#define TESTS_FAKE_DISK_H

#include <stdbool.h>

#include "tests/unit/state_file.h"

/* What the library sees. With zeros it sees what is real, but for the boot. */
struct fake_disk {
	uint64_t boot; /* the number of this boot; 0: the kernel does not tell */
	unsigned char durable[STATE_SIZE]; /* the file as the syncs that are done have left it */
	unsigned syncs;                    /* of the recorded end */
	bool in_memory;                    /* syncs do nothing, so that they take no time */
	void (*before_link)(void);         /* called once, before a new file gets its name */
	void (*after_lstat)(void); /* called once, after the next renewal has seen the name */
	void (*during_sync)(void); /* called once, in the middle of the next sync */
	const char *failing;       /* a call that fails, …  */
	int failure;               /* … with this errno */
	/* What was written is lost, of which each open file description is told once. After that,
	 * its syncs succeed. */
	bool write_lost;
	void (*after_told)(void); /* called once, after one was told, and before it can act on it */
	long page_size;
	int inode_flags;   /* of every file, if the file system is btrfs */
	long file_system;  /* its magic number */
	bool other_device; /* the device has another number */
	bool other_user;   /* this process is another user's */
	enum { BIRTH_TRUE, BIRTH_LATER, BIRTH_UNKNOWN } birth; /* of inodes */
};

extern struct fake_disk disk;

static inline void disk_setup(void)
{
	disk = (struct fake_disk){.boot = 1};
	state_setup();
}

#endif
