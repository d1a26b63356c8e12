/* SPDX-License-Identifier: MIT
 *
 * How far the IDs of a state file may go: what is recorded, and what a clock must be for that.
 */
#ifndef SN_FILE_RENEWAL_H
#define SN_FILE_RENEWAL_H

#include "libsnowid/store/state_file.h"

/* The end above which the IDs of a new file begin. */
uint64_t sn_file_start_of_new(const struct sn_store_settings *settings, int64_t sec, uint32_t nsec);

/* Records how far IDs may go, waits for the disk, and raises the limit. *renewer is the process
 * whose thread is doing that, 0 if none is: of the same process, only one does at a time.
 * SNOWID_E_STORE: the file was removed or replaced. */
int sn_file_renew(struct sn_state_file *file, const struct sn_store_settings *settings,
		  _Atomic uint64_t *renewer);

/* Fails if a sync has failed, after which nothing is recorded any more. */
int sn_file_check_failed(const struct sn_state_file *file);

int sn_file_fail_removed(const struct sn_state_file *file);

#endif
