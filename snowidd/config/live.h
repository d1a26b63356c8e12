/* SPDX-License-Identifier: MIT
 *
 * What a reload replaces as a whole: the settings, and what is read from the files that they name.
 * Immutable, and shared by all threads, which hold references.
 */
#ifndef SNOWIDD_LIVE_H
#define SNOWIDD_LIVE_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "snowid.h"
#include "snowidd/config/settings.h"
#include "snowidd/config/tokens.h"
#include "snowidd/config/trusted_proxies.h"

struct live {
	_Atomic unsigned references;
	struct settings *settings;
	SSL_CTX *tls;         /* NULL if connections are in the clear */
	SSL_CTX *peer_tls;    /* for connections to peers; NULL likewise */
	struct tokens tokens; /* of which clients must send one, if there are any */
	struct trusted_proxies proxies;
	bool has_mask_key;
	uint8_t mask_key[SNOWID_MASK_KEY];
};

/* Takes over the settings, even if it fails. NULL with *error. */
struct live *live_new(struct settings *settings, struct settings_error *error);
struct live *live_ref(struct live *live);
void live_unref(struct live *live);

#endif
