/* SPDX-License-Identifier: MIT */
#ifndef SN_EXPORT_H
#define SN_EXPORT_H

/* Stands on the definition of each function of snowid.h; all else is hidden. */
#define SNOWID_EXPORT __attribute__((visibility("default")))

#endif
