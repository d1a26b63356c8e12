/* SPDX-License-Identifier: MIT */
#ifndef SN_SLOTS_H
#define SN_SLOTS_H

#include "libsnowid/store/store.h"

extern const struct sn_store_class sn_slots_store;

#endif
