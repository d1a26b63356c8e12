/* SPDX-License-Identifier: MIT
 *
 * How a process comes to use a state file: whose boot its shared state is of, and what happens
 * after a reboot.
 */
#ifndef SN_FILE_TAKEOVER_H
#define SN_FILE_TAKEOVER_H

#include "libsnowid/store/state_file.h"

/* Makes sure that the shared state is of this boot, and takes the lock of use: if it is not, one
 * process begins a new one above what was recorded, and others wait for it. -EBUSY, without a
 * detail: others use the file, and hold a lock that conflicts. */
int sn_file_take_over(const struct sn_state_file *file, const struct sn_store_settings *settings,
		      enum sn_lock use);

#endif
