/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/system.h"

#define PATH_SIZE 4096

/* With the name, which is the scheme without its colon. */
static int module_path(const char *scheme, char path[PATH_SIZE])
{
	/* Unset in a set-user-ID program: its caller must not choose what code it runs. */
	const char *const set = sn_system_getenv("SNOWID_MODULES");
	const char *const directory = set && *set ? set : SN_MODULE_DIRECTORY;
	const int length =
		snprintf(path, PATH_SIZE, "%s/%.*s.so", directory, (int)strlen(scheme) - 1, scheme);

	/* dlopen() would look for another in directories of its own. */
	if (directory[0] == '/' && length < PATH_SIZE)
		return 0;
	return sn_fail(SNOWID_E_STORE,
		       "the variable SNOWID_MODULES is \"%.200s\", but must be the path of a "
		       "directory, which begins with /",
		       directory);
}

static int fail_to_load(const char *scheme, const char *path, const char *problem)
{
	const int name = (int)strlen(scheme) - 1;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return sn_fail(SNOWID_E_STORE,
			       "the module for %s stores, %.200s, is not installed; install the "
			       "package libsnowid-%.*s, or set SNOWID_MODULES to the directory "
			       "that it is in",
			       scheme, path, name, scheme);
	return sn_fail(SNOWID_E_STORE, "cannot load the module for %s stores: %.300s", scheme,
		       problem);
}

int sn_loader_find(const char *scheme, const struct sn_module **module)
{
	char path[PATH_SIZE];

	const int error = module_path(scheme, path);
	if (error)
		return error;
	void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct sn_module *const found = library ? dlsym(library, SN_MODULE_SYMBOL) : NULL;
	const char *const problem = found ? "" : dlerror();
	if (!found)
		return fail_to_load(scheme, path, problem ? problem : "it exports no module");
	if (found->version != SN_MODULE_VERSION)
		return sn_fail(SNOWID_E_STORE,
			       "%.200s is of version %u, but this libsnowid needs %u; install "
			       "libsnowid and libsnowid-%.*s of the same version",
			       path, found->version, SN_MODULE_VERSION, (int)strlen(scheme) - 1,
			       scheme);
	if (strcmp(found->scheme, scheme) != 0)
		return sn_fail(SNOWID_E_STORE, "%.200s is the module for %.20s stores, not for %s",
			       path, found->scheme, scheme);
	*module = found;
	return 0;
}

int sn_loader_connect(const struct sn_module *module, const char *name,
		      const struct sn_coordinator_settings *settings,
		      struct sn_coordinator **coordinator)
{
	char why[256] = "";

	const int error = module->open(settings, coordinator, why, sizeof why);
	return error ? sn_fail(error, "cannot use %.120s: %s", name, why) : 0;
}

int sn_loader_open(const char *scheme, const char *name,
		   const struct sn_coordinator_settings *settings,
		   struct sn_coordinator **coordinator)
{
	const struct sn_module *module;

	const int error = sn_loader_find(scheme, &module);
	return error ? error : sn_loader_connect(module, name, settings, coordinator);
}
