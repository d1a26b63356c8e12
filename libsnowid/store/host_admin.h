/* SPDX-License-Identifier: MIT
 *
 * Files of host: without a generator: see admin.h. Here a URL may also name one file.
 */
#ifndef SN_HOST_ADMIN_H
#define SN_HOST_ADMIN_H

#include "libsnowid/store/admin.h"

int sn_host_inspect(const char *rest, sn_store_state_fn callback, void *user);
int sn_host_adopt(const char *rest);
int sn_host_reset(const char *rest, uint64_t floor_ms);

#endif
