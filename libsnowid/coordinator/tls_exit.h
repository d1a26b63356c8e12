/* SPDX-License-Identifier: MIT
 *
 * When a program exits, OpenSSL frees what it has while other threads may still be using it: that
 * is a crash in a program that ends without closing its generators. For modules.
 */
#ifndef SN_TLS_EXIT_H
#define SN_TLS_EXIT_H

#include <stdbool.h>

/* Call it after OpenSSL was initialized, which is then freed later. */
void sn_tls_exit_watch(void);

/* False: the program is exiting, and TLS must not be used any more. Otherwise it does not exit
 * before sn_tls_leave(). */
bool sn_tls_enter(void);
void sn_tls_leave(void);

#endif
