/* SPDX-License-Identifier: MIT
 *
 * State files without a generator: see admin.h.
 */
#ifndef SN_FILE_ADMIN_H
#define SN_FILE_ADMIN_H

#include "libsnowid/store/admin.h"

int sn_file_inspect(const char *path, sn_store_state_fn callback, void *user);
int sn_file_adopt(const char *path);
int sn_file_reset(const char *path, uint64_t floor_ms);

#endif
