/* SPDX-License-Identifier: MIT
 *
 * The environment variables that Kubernetes sets in each container for each Service
 * (kubernetes.io/docs/tutorials/services/connect-applications-service, "Environment Variables";
 * their names and values are made in pkg/kubelet/envvars/envvars.go).
 */
#include <regex.h>
#include <stddef.h>

#include "snowidd/config/service_links.h"

#define ADDRESS  "[0-9A-Fa-f.:]+"
#define PROTOCOL "(tcp|udp|sctp)"
#define NUMBER   "[0-9]{1,5}"
#define PORT_OF  "_PORT_" NUMBER "_(TCP|UDP|SCTP)"
#define URL      PROTOCOL "://\\[?" ADDRESS "]?:" NUMBER

static const struct {
	const char *name_end, *value;
} links[] = {
	{"_SERVICE_HOST$", "^" ADDRESS "$"},
	{"_SERVICE_PORT(_[A-Z0-9_]+)?$", "^" NUMBER "$"},
	{"_PORT$", "^" URL "$"},
	{PORT_OF "$", "^" URL "$"},
	{PORT_OF "_PROTO$", "^" PROTOCOL "$"},
	{PORT_OF "_PORT$", "^" NUMBER "$"},
	{PORT_OF "_ADDR$", "^" ADDRESS "$"},
};

static bool matches(const char *pattern, const char *text)
{
	regex_t compiled;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	const bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return found;
}

bool service_link_is(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (matches(links[i].name_end, name) && matches(links[i].value, value))
			return true;
	return false;
}
