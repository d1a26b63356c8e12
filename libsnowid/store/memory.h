/* SPDX-License-Identifier: MIT */
#ifndef SN_MEMORY_H
#define SN_MEMORY_H

#include "libsnowid/store/store.h"

extern const struct sn_store_class sn_memory_store;

#endif
