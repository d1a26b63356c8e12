/* SPDX-License-Identifier: MIT
 *
 * What a generator consists of. open.c makes one, generator.c uses it.
 */
#ifndef SN_GENERATOR_H
#define SN_GENERATOR_H

#include "libsnowid/config.h"
#include "libsnowid/id/encoder.h"
#include "libsnowid/sequence/sequencer.h"
#include "libsnowid/store/store.h"

struct snowid_generator {
	struct sn_sequencer sequencer;
	const struct sn_kind *kind; /* NULL for a layout */
	struct sn_encoder encoder;  /* of the IDs of a layout */
	uint64_t timeout_ns;
	struct snowid_config *config; /* with the fields that were drawn or found in the store */
	struct sn_store *store;
	uint64_t creator; /* sn_process_number(): a child must not release the store */
};

#endif
