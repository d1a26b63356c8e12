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

/* Reads the settings of all kinds, and, if `generators` is set, opens their generators, which may
 * wait for the stores. False with *error, and nothing is open. */
bool kinds_open(struct served_kind kinds[KINDS_MAX], size_t *count, const struct settings *settings,
		bool generators, struct settings_error *error);
void kinds_free(struct served_kind kinds[KINDS_MAX], size_t count);

/* Whether no setting says which worker this is: the IDs are then unique only on this host. */
bool kinds_host_scope(const struct settings *settings);

#endif
