/* SPDX-License-Identifier: MIT
 *
 * Where a kind keeps its state.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowidd/base/place.h"
#include "snowidd/service/kind_store.h"

const char *kind_store_setting(const struct settings *settings)
{
	const char *const common = getenv("SNOWID_STORE");

	if (*settings->store)
		return settings->store;
	return common ? common : "";
}

/* "store" is what configurations before 0.1.0 say. */
bool kind_store_assigns_worker(const struct settings *settings)
{
	return strcmp(settings->worker_id, "auto") == 0 ||
	       strcmp(settings->worker_id, "store") == 0;
}

/* ---- a store that is not configured ---------------------------------------------------------- */

/* Makes a directory for this user alone, and those above it that are missing. */
static bool make_directories(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		const int made = mkdir(path, 0755);
		*slash = '/';
		if (made != 0 && errno != EEXIST && errno != EACCES && errno != EROFS)
			return false;
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return false;
	return access(path, W_OK | X_OK) == 0;
}

/* $STATE_DIRECTORY is set by the service manager (systemd.exec(5)). A user who cannot write to
 * /var/lib/snowid has a directory of their own (XDG Base Directory Specification). */
static void choose_state_directory(char path[PATH_MAX])
{
	static const char system_wide[] = "/var/lib/snowid";
	const char *const given = getenv("STATE_DIRECTORY"),
			  *const state = getenv("XDG_STATE_HOME"), *const home = getenv("HOME");

	snprintf(path, PATH_MAX, "%s", system_wide);
	if (given && given[0] == '/')
		snprintf(path, PATH_MAX, "%s", given);
	else if (geteuid() == 0 || access(system_wide, W_OK | X_OK) == 0)
		return;
	else if (state && state[0] == '/')
		snprintf(path, PATH_MAX, "%s/snowid", state);
	else if (home && home[0] == '/')
		snprintf(path, PATH_MAX, "%s/.local/state/snowid", home);
}

/* "-name5" for each field that has a value. */
static void append_field_values(const struct served_kind *kind, const struct snowid_config *config,
				char *text, size_t size)
{
	const char *name;
	uint64_t value;

	text[0] = '\0';
	for (size_t i = 0; snowid_layout_field_at(kind->layout, i, &name, NULL, NULL) == 0; i++) {
		const size_t used = strlen(text);
		char key[80], number[32];
		snprintf(key, sizeof key, "field.%s", name);
		if (snowid_config_get(config, key, number, sizeof number, NULL) == 0 &&
		    snowid_id_parse(number, strlen(number), SNOWID_FORM_DECIMAL, &value) == 0)
			snprintf(text + used, size - used, "-%.20s%" PRIu64, name, value);
	}
}

/* A state file belongs to one layout and one set of fields, so its name says which. */
static bool choose_default(struct served_kind *kind, const struct settings *settings,
			   const struct snowid_config *config, struct settings_error *error)
{
	char directory[PATH_MAX], fields[256];
	uint64_t fingerprint = 0;
	int written;

	choose_state_directory(directory);
	if (strlen(directory) >= PATH_MAX / 2 || !make_directories(directory))
		return settings_fail(error, "cannot keep state in %.200s: %s; set store", directory,
				     strerror(errno));
	snowid_layout_info(kind->layout, SNOWID_LAYOUT_FINGERPRINT, &fingerprint);
	if (kind_store_assigns_worker(settings)) {
		written = snprintf(kind->store, sizeof kind->store, "slots:%s/slots-%016" PRIx64,
				   directory, fingerprint);
	} else {
		append_field_values(kind, config, fields, sizeof fields);
		written =
			snprintf(kind->store, sizeof kind->store, "file:%s/%016" PRIx64 "%s.state",
				 directory, fingerprint, fields);
	}
	if (written > 0 && (size_t)written < sizeof kind->store)
		return true;
	return settings_fail(error, "store: the URL is too long");
}

/* ---- a store that is configured -------------------------------------------------------------- */

bool kind_store_is_coordinated(const char *url)
{
	static const char *const schemes[] = {"zookeeper:", "etcd:", "consul:"};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

/* Whether a store keeps kinds apart by itself. */
static bool store_is_for_all_kinds(const char *url)
{
	return strcmp(url, "memory:") == 0 || strncmp(url, "host:", 5) == 0;
}

/* The end of the value of an option in a URL; NULL if it is not there. */
static const char *option_end(const char *options, const char *option)
{
	const size_t length = strlen(option);

	for (const char *at = options; *at; at += strcspn(at, "&")) {
		at++; /* past ? or & */
		if (strncmp(at, option, length) == 0)
			return at + strcspn(at, "&");
	}
	return NULL;
}

/* The stores of further kinds lie beside that of the first: their names are added to its path. So
 * do their caches. */
static bool choose_configured(struct served_kind *kind, const char *url,
			      struct settings_error *error)
{
	const char *const options = url + strcspn(url, "?"), *const cache =
								     option_end(options, "cache=");
	const char *const rest = cache ? cache : options;
	const bool is_directory = strncmp(url, "file:", 5) != 0;
	const char *path = options;
	int written;

	while (is_directory && path > url && path[-1] == '/')
		path--;
	if (kind->index == 0 || store_is_for_all_kinds(url))
		written = snprintf(kind->store, sizeof kind->store, "%s", url);
	else
		written = snprintf(kind->store, sizeof kind->store, "%.*s%s%s%.*s%s%s%s",
				   (int)(path - url), url, is_directory ? "/" : ".", kind->name,
				   (int)(rest - options), options, cache ? "." : "",
				   cache ? kind->name : "", rest);
	if (written > 0 && (size_t)written < sizeof kind->store)
		return true;
	return settings_fail(error, "store: the URL is too long");
}

bool kind_store_choose(struct served_kind *kind, const struct settings *settings,
		       const struct snowid_config *config, struct settings_error *error)
{
	const char *const url = kind_store_setting(settings);

	/* IDs of 128 bits need no state: 58 of the bits or more are random each time. */
	if (kind->type != KIND_LAYOUT)
		return choose_configured(kind, "memory:", error);
	return *url ? choose_configured(kind, url, error)
		    : choose_default(kind, settings, config, error);
}

/* That of the first kind is enough: those of others lie beside it. */
static bool check_store_place(const struct served_kind *kind, struct settings_error *error)
{
	char path[sizeof kind->store];
	const char *const colon = strchr(kind->store, ':');

	/* What is escaped in a URL, only the library can read. */
	if (kind->index > 0 || kind_store_is_coordinated(kind->store) || !colon ||
	    colon[1] != '/' || strchr(kind->store, '%'))
		return true;
	snprintf(path, sizeof path, "%.*s", (int)strcspn(colon + 1, "?"), colon + 1);
	return place_is_good(path) || settings_fail(error, "store: cannot keep state in %.200s: %s",
						    path, strerror(errno));
}

bool kind_store_check(struct served_kind *kind, const struct settings *settings,
		      struct settings_error *error)
{
	const char *const url = kind_store_setting(settings);

	if (kind->type != KIND_LAYOUT || !*url)
		return true;
	return choose_configured(kind, url, error) && check_store_place(kind, error);
}
