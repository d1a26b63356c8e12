/* SPDX-License-Identifier: MIT
 *
 * State files without a generator: see admin.h.
 */
#ifndef SN_FILE_ADMIN_H
#define SN_FILE_ADMIN_H

#include "libsnowid/store/admin.h"
#include "libsnowid/store/state_file.h"

int sn_file_inspect(const char *path, sn_store_state_fn callback, void *user);
int sn_file_adopt(const char *path);
int sn_file_reset(const char *path, uint64_t floor_ms);

/* What the files of all stores have: header, shared state, use. */
void sn_file_describe(const struct sn_state_file *file, struct sn_store_state *state);

/* Until the file is closed, nobody can use it. -EBUSY: somebody does. */
int sn_file_lock_out_others(const struct sn_state_file *file);

/* The tick of an instant above which IDs are to begin. */
int sn_file_locate_floor(const struct sn_state_file *file, uint64_t floor_ms, uint64_t *tick);

#endif
