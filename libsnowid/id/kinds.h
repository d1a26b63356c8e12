/* SPDX-License-Identifier: MIT */
#ifndef SN_KINDS_H
#define SN_KINDS_H

#include "libsnowid/id/kind.h"

/* The kind with this name, or NULL if it can only be a layout. */
const struct sn_kind *sn_kind_find(const char *name);

/* SNOWID_E_UNKNOWN: there is neither a kind nor a preset with this name. */
int sn_kind_fail_unknown(const char *name) __attribute__((cold));

#endif
