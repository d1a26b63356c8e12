/* SPDX-License-Identifier: MIT
 *
 * Modules for check_loader: their service refuses everybody.
 */
#include <stdio.h>

#include "libsnowid/coordinator/module.h"

#ifndef MODULE_VERSION
#define MODULE_VERSION SN_MODULE_VERSION
#endif

static int module_open(const struct sn_coordinator_settings *settings,
		       struct sn_coordinator **coordinator, char *why, size_t size)
{
	(void)coordinator;
	snprintf(why, size, "the servers %s are not for tests", settings->servers);
	return SNOWID_E_STORE;
}

__attribute__((visibility("default"))) const struct sn_module sn_coordinator_module = {
	.version = MODULE_VERSION,
	.scheme = SCHEME,
	.open = module_open,
};
