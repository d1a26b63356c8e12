/* SPDX-License-Identifier: MIT
 *
 * The first opening of a state file after a reboot.
 */
#ifndef SN_FILE_TAKEOVER_H
#define SN_FILE_TAKEOVER_H

#include "libsnowid/store/state_file.h"

/* Makes sure that the shared state is of this boot: if not, one process begins a new one above what
 * was recorded, and others wait for it. */
int sn_file_take_over(const struct sn_state_file *file, const struct sn_store_settings *settings);

#endif
