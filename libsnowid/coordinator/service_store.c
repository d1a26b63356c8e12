/* SPDX-License-Identifier: MIT
 *
 * zookeeper://, etcd:// and consul:// - a worker for each process, of all hosts of a service.
 */
#include "libsnowid/coordinator/service_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/coordinator/loader.h"
#include "libsnowid/coordinator/manager.h"
#include "libsnowid/coordinator/service_admin.h"
#include "libsnowid/coordinator/service_url.h"

static int service_store_check(const struct sn_store_class *class, const char *rest)
{
	struct sn_service_url url;

	const int error = sn_service_url_parse(class->scheme, rest, &url);
	if (!error)
		sn_service_url_free(&url);
	return error;
}

/* Workers of other datacenters have records of their own. */
static int service_store_path(const struct sn_service_url *url,
			      const struct sn_store_settings *settings, size_t assigned, char *path,
			      size_t size)
{
	char datacenter[SN_DATACENTER_PATH] = "";

	for (size_t i = 0; i < settings->field_count; i++)
		if (i != assigned && sn_service_is_datacenter(settings->fields[i].name))
			sn_service_datacenter_path(settings->fields[i].value, datacenter);
	if (url->datacenter[0] && strcmp(url->datacenter, datacenter) != 0)
		return sn_fail(SNOWID_E_STORE,
			       "the records of this generator are below %.60s%s, not %.100s; leave "
			       "the datacenter out of the URL",
			       url->root, datacenter, url->name);
	snprintf(path, size, "%s%s", url->root, datacenter);
	return 0;
}

static int service_store_open_url(const struct sn_store_class *class,
				  const struct sn_service_url *url,
				  const struct sn_store_settings *settings, struct sn_store **store)
{
	char path[256 + SN_DATACENTER_PATH];
	struct sn_manager_settings managed = {
		.service = &url->service,
		.root = url->root,
		.path = path,
		.ttl_ns = url->ttl_ns,
		.reserve_ns = url->reserve_ns,
		.cache_file = url->cache_file,
	};

	int error =
		sn_assigned_find_field(&url->assigned, url->name, settings, &managed.field_index);
	if (!error)
		error = sn_assigned_find_range(&url->assigned, url->name,
					       &settings->fields[managed.field_index],
					       &managed.first_worker, &managed.last_worker);
	if (!error)
		error = service_store_path(url, settings, managed.field_index, path, sizeof path);
	if (!error)
		error = sn_loader_find(class->scheme, &managed.module);
	return error ? error : sn_manager_open(&managed, class, settings, store);
}

static int service_store_open(const struct sn_store_class *class, const char *rest,
			      const struct sn_store_settings *settings, struct sn_store **store)
{
	struct sn_service_url url;

	int error = sn_service_url_parse(class->scheme, rest, &url);
	if (error)
		return error;
	error = service_store_open_url(class, &url, settings, store);
	sn_service_url_free(&url);
	return error;
}

/* The functions of a class do not learn which class they are of, so each service has its own. */
#define SERVICE_STORE(name)                                                                        \
	static int name##_check(const char *rest)                                                  \
	{                                                                                          \
		return service_store_check(&sn_##name##_store, rest);                              \
	}                                                                                          \
	static int name##_open(const char *rest, const struct sn_store_settings *settings,         \
			       struct sn_store **store)                                            \
	{                                                                                          \
		return service_store_open(&sn_##name##_store, rest, settings, store);              \
	}                                                                                          \
	static int name##_inspect(const char *rest, sn_store_state_fn callback, void *user)        \
	{                                                                                          \
		return sn_service_inspect(#name ":", rest, callback, user);                        \
	}                                                                                          \
	static int name##_reset(const char *rest, uint64_t floor_ms)                               \
	{                                                                                          \
		return sn_service_reset(#name ":", rest, floor_ms);                                \
	}                                                                                          \
	static int name##_free_worker(const char *rest)                                            \
	{                                                                                          \
		return sn_service_free_worker(#name ":", rest);                                    \
	}                                                                                          \
	static const struct sn_store_admin name##_admin = {                                        \
		.inspect = name##_inspect,                                                         \
		.reset = name##_reset,                                                             \
		.free_worker = name##_free_worker,                                                 \
	};                                                                                         \
	const struct sn_store_class sn_##name##_store = {                                          \
		.scheme = #name ":",                                                               \
		.assigns = true,                                                                   \
		.check = name##_check,                                                             \
		.open = name##_open,                                                               \
		.renew = sn_manager_renew,                                                         \
		.check_renewal = sn_manager_check_renewal,                                         \
		.check_final = sn_manager_check_final,                                             \
		.lease_stat = sn_manager_lease_stat,                                               \
		.release = sn_manager_release,                                                     \
		.close = sn_manager_close,                                                         \
		.admin = &name##_admin,                                                            \
	}

SERVICE_STORE(zookeeper);
SERVICE_STORE(etcd);
SERVICE_STORE(consul);
