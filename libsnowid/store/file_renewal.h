/* SPDX-License-Identifier: MIT
 *
 * How far the IDs of a state file may go: what is recorded, and what a clock must be for that.
 */
#ifndef SN_FILE_RENEWAL_H
#define SN_FILE_RENEWAL_H

#include "libsnowid/store/state_file.h"

/* The wall clock. SNOWID_E_CLOCK: the file could not hold what it shows. */
int sn_file_read_clock(struct snowid_clock *clock, int64_t *sec, uint32_t *nsec);

static inline uint64_t sn_file_ms(int64_t sec, uint32_t nsec)
{
	return (uint64_t)sec * 1000 + nsec / 1000000;
}

/* The end to record: a block ahead of the clock, or of `next` if that is ahead of the clock. */
int sn_file_end_of_block(const struct sn_store_settings *settings, uint64_t next, int64_t sec,
			 uint32_t nsec, uint64_t *end_ms);

/* Records the end of a block, waits for the disk, and raises the limit. *renewer is the process whose
 * thread is doing that, 0 if none is: of the same process, only one does at a time. */
int sn_file_renew(struct sn_state_file *file, const struct sn_store_settings *settings,
		  _Atomic uint64_t *renewer);

#endif
