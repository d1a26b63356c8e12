/* SPDX-License-Identifier: MIT */
#ifndef SN_PAUSE_H
#define SN_PAUSE_H

/* Lets the winner of a race continue alone for some hundred cycles, so that a cache line does not
 * move between processors for each ID. What was loaded before it may be out of date after it. */
void sn_pause_after_lost_race(void);

#endif
