/* SPDX-License-Identifier: MIT
 *
 * The worker ID in a host name, such as the 7 of ids-7.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/service/host_worker.h"

#define HOSTNAME "hostname"
#define DIGITS   "0123456789"

bool host_worker_is_asked_for(const char *worker_id)
{
	const size_t length = strlen(HOSTNAME);

	return strncmp(worker_id, HOSTNAME, length) == 0 &&
	       (worker_id[length] == '\0' || worker_id[length] == ':');
}

/* Digits alone. snowid_id_parse() refuses leading zeros, so that ids-07 is not the worker of
 * ids-7. */
static bool parse_host_number(const char *text, uint64_t *number)
{
	const size_t length = strspn(text, DIGITS);

	return text[length] == '\0' &&
	       snowid_id_parse(text, length, SNOWID_FORM_DECIMAL, number) == 0;
}

/* With several numbers, two hosts that differ in another one would be the same worker: of
 * ip-10-0-1-7 and ip-10-0-2-7, as clouds name hosts, the 7 says nothing. */
static bool parse_only_number(const char *host, uint64_t *number, struct settings_error *error)
{
	const char *const dash = strrchr(host, '-');

	if (!dash || !parse_host_number(dash + 1, number))
		return settings_fail(
			error, "worker_id: hostname: \"%.64s\" does not end as name-7 does", host);
	const int prefix = (int)(dash + 1 - host);
	if (strcspn(host, DIGITS) == (size_t)prefix)
		return true;
	return settings_fail(error,
			     "worker_id: hostname: \"%.64s\" has more than one number: set "
			     "hostname:%.*s if that is the same on every host, or a number",
			     host, prefix, host);
}

static bool parse_after_prefix(const char *prefix, const char *host, uint64_t *number,
			       struct settings_error *error)
{
	const size_t length = strlen(prefix);

	if (strncmp(host, prefix, length) == 0 && parse_host_number(host + length, number))
		return true;
	return settings_fail(
		error, "worker_id: hostname: \"%.64s\" is not \"%.64s\" and a number after it",
		host, prefix);
}

bool host_worker_parse(const char *worker_id, const char *host, uint64_t *worker,
		       struct settings_error *error)
{
	const char *const colon = strchr(worker_id, ':');
	char label[HOST_NAME_MAX + 1];

	/* A host may know its name with or without its domain. */
	snprintf(label, sizeof label, "%.*s", (int)strcspn(host, "."), host);
	return colon ? parse_after_prefix(colon + 1, label, worker, error)
		     : parse_only_number(label, worker, error);
}
