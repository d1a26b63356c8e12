/* SPDX-License-Identifier: MIT */
#ifndef SN_FILE_H
#define SN_FILE_H

#include "libsnowid/store/store.h"

extern const struct sn_store_class sn_file_store;

/* Opens a state file, and creates it if there is none. `exclusive`: for this process and its
 * children alone. -EBUSY: others use it, and *holder says which process opened it last. */
int sn_file_store_open(const char *path, const struct sn_store_settings *settings, bool exclusive,
		       struct sn_store **store, struct sn_holder *holder);

#endif
