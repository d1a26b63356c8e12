/* SPDX-License-Identifier: MIT
 *
 * Where a kind keeps its state.
 */
#ifndef SNOWIDD_KIND_STORE_H
#define SNOWIDD_KIND_STORE_H

#include "snowidd/config/settings.h"
#include "snowidd/service/kind.h"

/* The store that is configured, "" if there is none. */
const char *kind_store_setting(const struct settings *settings);

/* Whether the store assigns the worker. */
bool kind_store_assigns_worker(const struct settings *settings);

/* Whether a URL names a service that gives each worker to one owner among all hosts. */
bool kind_store_is_coordinated(const char *url);

/* Sets kind->store if one is configured, and makes nothing. False with *error if the directory that
 * it needs is not there, or not ours to write to. */
bool kind_store_check(struct served_kind *kind, const struct settings *settings,
		      struct settings_error *error);

/* Sets kind->store, and makes the directory of one that is not configured. `config` has the fields
 * of the kind. False with *error. */
bool kind_store_choose(struct served_kind *kind, const struct settings *settings,
		       const struct snowid_config *config, struct settings_error *error);

#endif
