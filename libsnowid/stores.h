/* SPDX-License-Identifier: MIT
 *
 * The stores there are, by URL.
 */
#ifndef SN_STORES_H
#define SN_STORES_H

#include "libsnowid/store/store.h"

/* The store that a URL names, and what follows the scheme; SNOWID_E_SYNTAX, SNOWID_E_STORE. */
int sn_store_find(const char *url, const struct sn_store_class **class, const char **rest);

/* Checks a URL. */
int sn_store_check(const char *url);

/* Whether the store of a URL chooses the value of a field. */
bool sn_store_assigns(const char *url);

/* Whether renewals of the store of a URL wait for nothing. */
bool sn_store_is_prompt(const char *url);

/* SN_STORE_ABSENT: see store.h. */
int sn_store_open(const char *url, const struct sn_store_settings *settings,
		  struct sn_store **store);

#endif
