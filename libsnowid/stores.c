/* SPDX-License-Identifier: MIT
 *
 * The table of stores.
 */
#include "libsnowid/stores.h"

#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/suggest.h"
#include "libsnowid/coordinator/service_store.h"
#include "libsnowid/store/file.h"
#include "libsnowid/store/host.h"
#include "libsnowid/store/memory.h"
#include "libsnowid/store/slots.h"

static const struct sn_store_class *const classes[] = {
	&sn_memory_store,    &sn_host_store, &sn_file_store,   &sn_slots_store,
	&sn_zookeeper_store, &sn_etcd_store, &sn_consul_store,
};

static const struct sn_store_class *class_of_url(const char *url)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strncmp(url, classes[i]->scheme, strlen(classes[i]->scheme)) == 0)
			return classes[i];
	return NULL;
}

static int fail_unknown_scheme(const char *url, size_t scheme_length)
{
	struct sn_suggestion suggestion;

	sn_suggestion_begin(&suggestion, url, scheme_length);
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		sn_suggestion_offer(&suggestion, classes[i]->scheme);
	return sn_fail(SNOWID_E_STORE, "there is no store \"%.*s\"%s",
		       (int)(scheme_length < 60 ? scheme_length : 60), url,
		       sn_suggestion_or(&suggestion,
					"; the stores are memory:, host:, file:PATH, "
					"slots:DIRECTORY, zookeeper://, etcd:// and consul://"));
}

int sn_store_find(const char *url, const struct sn_store_class **class, const char **rest)
{
	*class = class_of_url(url);
	if (*class) {
		*rest = url + strlen((*class)->scheme);
		return (*class)->check(*rest);
	}
	const char *const colon = strchr(url, ':');
	if (!colon)
		return sn_fail(
			SNOWID_E_SYNTAX,
			"the store \"%.60s\" is not a URL such as memory: or file:/path/to/state",
			url);
	return fail_unknown_scheme(url, (size_t)(colon - url) + 1);
}

int sn_store_check(const char *url)
{
	const struct sn_store_class *class;
	const char *rest;
	return sn_store_find(url, &class, &rest);
}

bool sn_store_assigns(const char *url)
{
	const struct sn_store_class *const class = class_of_url(url);
	return class && class->assigns;
}

bool sn_store_is_prompt(const char *url)
{
	const struct sn_store_class *const class = class_of_url(url);
	return class && class->prompt;
}

int sn_store_open(const char *url, const struct sn_store_settings *settings,
		  struct sn_store **store)
{
	const struct sn_store_class *class;
	const char *rest;
	const int error = sn_store_find(url, &class, &rest);
	return error ? error : class->open(rest, settings, store);
}
