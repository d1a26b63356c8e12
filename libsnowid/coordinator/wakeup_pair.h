/* SPDX-License-Identifier: MIT
 *
 * The two descriptors by which libcurl wakes itself. It tells nobody which they are and, before
 * 8.10, programs that are executed inherit them. For modules.
 */
#ifndef SN_WAKEUP_PAIR_H
#define SN_WAKEUP_PAIR_H

#include <curl/curl.h>

/* Finds them by what a wakeup does to them, and has them closed in programs that are executed. -1:
 * not found. Nothing may be on its way yet. */
void sn_wakeup_pair_find(CURLM *multi, int pair[2]);

#endif
