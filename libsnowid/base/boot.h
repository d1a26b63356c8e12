/* SPDX-License-Identifier: MIT */
#ifndef SN_BOOT_H
#define SN_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* Which boot of the host this is; false where the kernel does not say. */
bool sn_boot_id(uint64_t id[2]);

#endif
