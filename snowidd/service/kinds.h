/* SPDX-License-Identifier: MIT
 *
 * The kinds of ID that are served: from settings to generators.
 */
#ifndef SNOWIDD_KINDS_H
#define SNOWIDD_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "snowidd/config/settings.h"
#include "snowidd/service/counters.h"
#include "snowidd/service/kind.h"

enum kinds_opening {
	KINDS_READ, /* reads their settings alone */
	KINDS_TRY,  /* looks for what would refuse a start, and makes nothing */
	KINDS_START /* opens their generators, which may wait for the stores */
};

/* Called while a store is waited for, which fails as soon as it returns anything but 0; see
 * snowid_config_set_interrupt(3). */
struct kinds_interrupt {
	snowid_interrupt_fn interrupt;
	void *user;
};

/* Reads the settings of all kinds. `interrupt` may be NULL. False with *error, and nothing is
 * open. */
bool kinds_open(struct served_kind kinds[KINDS_MAX], size_t *count, const struct settings *settings,
		enum kinds_opening opening, const struct kinds_interrupt *interrupt,
		struct settings_error *error);
void kinds_free(struct served_kind kinds[KINDS_MAX], size_t count);

/* Whether no setting says which worker this is, and a kind has one: its IDs are then unique only on
 * this host. */
bool kinds_host_scope(const struct settings *settings);

#endif
