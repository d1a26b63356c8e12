/* SPDX-License-Identifier: MIT
 *
 * The URLs of stores that a service keeps:
 *
 *	SCHEME//SERVER[:PORT],.../PATH?OPTION=VALUE&...
 *
 * A URL holds no secret, because it is shown in logs, errors and metrics.
 */
#ifndef SN_SERVICE_URL_H
#define SN_SERVICE_URL_H

#include "libsnowid/coordinator/module.h"
#include "libsnowid/store/assigned.h"

struct sn_service_url {
	struct sn_coordinator_settings service; /* each server with its port */
	const char *name;                       /* the URL without its options, for errors */
	const char *options;                    /* as they are in the URL: "" or "?ttl=10s" */
	const char *root;                       /* "/id-generator" */
	const char *datacenter; /* "/datacenters/dc3" at the end of the path, or "" */
	const char *cache_file; /* NULL: none */
	uint64_t ttl_ns, reserve_ns;
	struct sn_assigned assigned;
	char *texts; /* what all of these are in */
};

/* `scheme` is one of the services, as "etcd:", and `rest` is what follows it. Free it, unless there
 * is an error. */
int sn_service_url_parse(const char *scheme, const char *rest, struct sn_service_url *url);
void sn_service_url_free(struct sn_service_url *url);

/* Whether a field of this name tells datacenters apart: its value is in the path of records. */
bool sn_service_is_datacenter(const char *name);

/* What follows the root in the path of the records of a datacenter. */
#define SN_DATACENTER_PATH (sizeof "/datacenters/dc18446744073709551615")
void sn_service_datacenter_path(uint64_t datacenter, char path[SN_DATACENTER_PATH]);

#endif
