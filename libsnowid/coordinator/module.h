/* SPDX-License-Identifier: MIT
 *
 * What a module that can be loaded exports: a factory of coordinators. A module needs nothing of
 * libsnowid. This is an interface between libsnowid and the modules that are installed with it,
 * not one for others.
 */
#ifndef SN_MODULE_H
#define SN_MODULE_H

#include "libsnowid/coordinator/coordinator.h"

#define SN_MODULE_VERSION 1
#define SN_MODULE_SYMBOL  "sn_coordinator_module"

/* How to reach a service. All texts outlive the coordinator. Secrets are in files, which are read
 * when they are needed, so that they can be replaced, or in the environment, and never in a URL:
 * URLs are printed. NULL: not given. */
struct sn_coordinator_settings {
	const char *servers; /* "h1:2379,h2:2379", as in the URL; IPv6 addresses in brackets */
	bool tls;
	const char *ca_file; /* certificates that are trusted, in PEM; NULL: those of the system */
	const char *cert_file, *key_file; /* of the client */
	const char *user;
	const char *password_file; /* NULL: the variable SNOWID_STORE_PASSWORD */
	const char *token_file;    /* NULL: the variable SNOWID_STORE_TOKEN */
};

struct sn_module {
	uint32_t version;   /* SN_MODULE_VERSION */
	const char *scheme; /* "etcd:" */

	/* Makes a coordinator, without waiting for the service. Returns a code of snowid.h; `why`
	 * gets what is wrong, in words. */
	int (*open)(const struct sn_coordinator_settings *settings,
		    struct sn_coordinator **coordinator, char *why, size_t size);
};

extern const struct sn_module sn_coordinator_module;

#endif
