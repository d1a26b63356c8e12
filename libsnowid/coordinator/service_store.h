/* SPDX-License-Identifier: MIT */
#ifndef SN_SERVICE_STORE_H
#define SN_SERVICE_STORE_H

#include "libsnowid/store/store.h"

extern const struct sn_store_class sn_zookeeper_store, sn_etcd_store, sn_consul_store;

#endif
