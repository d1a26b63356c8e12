/* SPDX-License-Identifier: MIT */
#ifndef SN_EXPORT_H
#define SN_EXPORT_H

/* For the definitions of the functions in snowid.h. All others are hidden. */
#define SNOWID_EXPORT __attribute__((visibility("default")))

#endif
