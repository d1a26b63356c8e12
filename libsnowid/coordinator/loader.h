/* SPDX-License-Identifier: MIT
 *
 * Loads the modules that speak with services, so that programs which use none need no more than the
 * C library.
 */
#ifndef SN_LOADER_H
#define SN_LOADER_H

#include "libsnowid/coordinator/module.h"

/* The module of a scheme, as "etcd:". It stays loaded, because its coordinators may outlive every
 * store of a child. Errors name the package that has it. */
int sn_loader_find(const char *scheme, const struct sn_module **module);

/* Makes a coordinator of a module. `name` is what errors call the store. */
int sn_loader_connect(const struct sn_module *module, const char *name,
		      const struct sn_coordinator_settings *settings,
		      struct sn_coordinator **coordinator);

/* Finds the module of a scheme, and makes a coordinator of it. */
int sn_loader_open(const char *scheme, const char *name,
		   const struct sn_coordinator_settings *settings,
		   struct sn_coordinator **coordinator);

#endif
