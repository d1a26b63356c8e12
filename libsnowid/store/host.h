/* SPDX-License-Identifier: MIT */
#ifndef SN_HOST_H
#define SN_HOST_H

#include "libsnowid/store/store.h"

extern const struct sn_store_class sn_host_store;

#endif
