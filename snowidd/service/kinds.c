/* SPDX-License-Identifier: MIT
 *
 * The kinds of ID that are served: from settings to generators.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowidd/config/span.h"
#include "snowidd/service/kinds.h"

/* A new state file begins a block above the clock. Who has configured nothing wants an ID at once. */
#define HOST_BLOCK "500ms"

/* What is being opened. */
struct opening {
	struct kind *kind;
	const struct settings *settings;
	struct snowid_config *config;
	struct settings_error *error;
};

static bool fail_library(const struct opening *opening, const char *what)
{
	char detail[400];

	snowid_error_detail(detail, sizeof detail);
	return settings_fail(opening->error, "%s: kind %s: %s", what, opening->kind->name, detail);
}

static const char *store_setting(const struct settings *settings)
{
	const char *const common = getenv("SNOWID_STORE");
	return *settings->store ? settings->store : common ? common : "";
}

bool kinds_host_scope(const struct settings *settings)
{
	return !*store_setting(settings) && strcmp(settings->worker_id, "store") == 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool read_name(struct opening *opening, const char *item)
{
	struct kind *const kind = opening->kind;
	const size_t length = strcspn(item, "=");
	const char *const spec = item[length] ? item + length + 1 : item;

	if (length == 0 || length >= sizeof kind->name ||
	    strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789_") < length)
		return settings_fail(
			opening->error,
			"kinds: \"%.80s\" is not NAME or NAME=LAYOUT, the name of up to "
			"31 of a-z, 0-9 and _",
			item);
	memcpy(kind->name, item, length);
	kind->type = strcmp(spec, "ulid") == 0 ? KIND_ULID
		     : strcmp(spec, "uuid1") == 0 || strcmp(spec, "uuid6") == 0 ||
				     strcmp(spec, "uuid7") == 0
			     ? KIND_UUID
			     : KIND_LAYOUT;
	const bool dated =
		kind->type == KIND_LAYOUT && *opening->settings->epoch && !strstr(spec, "epoch=");
	const int written = snprintf(kind->spec, sizeof kind->spec, "%s%s%s", spec,
				     dated ? ";epoch=" : "", dated ? opening->settings->epoch : "");
	if (written < 0 || (size_t)written >= sizeof kind->spec)
		return settings_fail(opening->error, "kinds: the layout of %s is too long",
				     kind->name);
	return true;
}

static bool set_kind(struct opening *opening)
{
	struct kind *const kind = opening->kind;

	if (snowid_config_set_kind(opening->config, kind->spec) != 0)
		return fail_library(opening, "kinds");
	if (kind->type == KIND_LAYOUT && snowid_layout_new(kind->spec, &kind->layout) != 0)
		return fail_library(opening, "kinds");
	return true;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool has_field(const struct kind *kind, const char *name)
{
	const char *field;

	for (size_t i = 0; snowid_layout_field_at(kind->layout, i, &field, NULL, NULL) == 0; i++)
		if (strcmp(field, name) == 0)
			return true;
	return false;
}

static const char *worker_field(const struct kind *kind)
{
	static const char *const usual[] = {"worker", "machine", "shard"};

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (has_field(kind, usual[i]))
			return usual[i];
	return NULL;
}

/* The number at the end of a host name, as of name-7 in a StatefulSet. */
static bool hostname_ordinal(uint64_t *number, struct settings_error *error)
{
	char name[HOST_NAME_MAX + 1] = "";

	gethostname(name, sizeof name - 1);
	name[strcspn(name, ".")] = '\0';
	const char *const dash = strrchr(name, '-');
	if (dash && snowid_id_parse(dash + 1, strlen(dash + 1), SNOWID_FORM_DECIMAL, number) == 0)
		return true;
	return settings_fail(error, "worker_id: hostname: \"%s\" does not end as name-7 does",
			     name);
}

static bool set_worker(struct opening *opening)
{
	const char *const text = opening->settings->worker_id, *const field =
								       worker_field(opening->kind);
	uint64_t number;

	if (strcmp(text, "store") == 0)
		return true;
	if (strcmp(text, "hostname") == 0) {
		if (!hostname_ordinal(&number, opening->error))
			return false;
	} else if (snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &number) != 0) {
		return settings_fail(opening->error,
				     "worker_id: \"%.80s\" is not a number, store or hostname",
				     text);
	}
	if (!field)
		return settings_fail(opening->error,
				     "worker_id: the kind %s has no worker, machine "
				     "or shard",
				     opening->kind->name);
	if (snowid_config_set_field(opening->config, field, number) != 0)
		return fail_library(opening, "worker_id");
	return true;
}

/* The NAME=N of `fields` that this kind has. */
static bool set_fields(struct opening *opening)
{
	const struct text_list *const fields = &opening->settings->fields;
	char name[64];
	uint64_t value;

	for (size_t i = 0; i < fields->count; i++) {
		const char *const item = fields->items[i];
		const size_t length = strcspn(item, "=");
		if (!item[length] || length >= sizeof name ||
		    snowid_id_parse(item + length + 1, strlen(item + length + 1),
				    SNOWID_FORM_DECIMAL, &value) != 0)
			return settings_fail(opening->error, "fields: \"%.80s\" is not NAME=N",
					     item);
		snprintf(name, sizeof name, "%.*s", (int)length, item);
		if (has_field(opening->kind, name) &&
		    snowid_config_set_field(opening->config, name, value) != 0)
			return fail_library(opening, "fields");
	}
	if (opening->settings->datacenter_id != NOT_SET && has_field(opening->kind, "datacenter") &&
	    snowid_config_set_field(opening->config, "datacenter",
				    opening->settings->datacenter_id) != 0)
		return fail_library(opening, "datacenter_id");
	return true;
}

/* What is set must be of use to one kind at least. */
static bool check_fields(const struct kind *kinds, size_t count, const struct settings *settings,
			 struct settings_error *error)
{
	for (size_t i = 0; i <= settings->fields.count; i++) {
		const bool last = i == settings->fields.count;
		const char *const item = last ? "datacenter" : settings->fields.items[i];
		char name[64];
		bool found = last && settings->datacenter_id == NOT_SET;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(item, "="), item);
		for (size_t k = 0; k < count && !found; k++)
			found = kinds[k].type == KIND_LAYOUT && has_field(&kinds[k], name);
		if (!found)
			return settings_fail(error, "%s: no kind has a field %s",
					     last ? "datacenter_id" : "fields", name);
	}
	return true;
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* Makes a directory and those above it, where they are missing, for this user alone. */
static bool make_directory(char *path)
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

/* Where the daemon keeps what nobody named a place for. */
static bool state_directory(char path[PATH_MAX], struct settings_error *error)
{
	const char *const given = getenv("STATE_DIRECTORY"), /* systemd.exec(5) */
		*const state = getenv("XDG_STATE_HOME"), *const home = getenv("HOME");

	if (given && given[0] == '/') {
		snprintf(path, PATH_MAX, "%s", given);
	} else {
		snprintf(path, PATH_MAX, "/var/lib/snowid");
		if (geteuid() == 0 || access(path, W_OK | X_OK) == 0)
			;
		else if (state && state[0] == '/')
			snprintf(path, PATH_MAX, "%s/snowid", state);
		else if (home && home[0] == '/')
			snprintf(path, PATH_MAX, "%s/.local/state/snowid", home);
	}
	if (strlen(path) < PATH_MAX / 2 && make_directory(path))
		return true;
	return settings_fail(error, "cannot keep state in %.200s: %s; set store", path,
			     strerror(errno));
}

/* One state file is of one layout and one set of fields: the name says of which. */
static bool default_store(struct opening *opening, char *url, size_t size)
{
	char directory[PATH_MAX], fields[256] = "";
	uint64_t fingerprint = 0, value;
	const char *name;
	int written;

	if (!state_directory(directory, opening->error))
		return false;
	snowid_layout_info(opening->kind->layout, SNOWID_LAYOUT_FINGERPRINT, &fingerprint);
	if (strcmp(opening->settings->worker_id, "store") == 0) {
		written = snprintf(url, size, "slots:%s/slots-%016" PRIx64, directory, fingerprint);
		return written > 0 && (size_t)written < size;
	}
	for (size_t i = 0; snowid_layout_field_at(opening->kind->layout, i, &name, NULL, NULL) == 0;
	     i++) {
		char key[80], text[32];
		snprintf(key, sizeof key, "field.%s", name);
		if (snowid_config_get(opening->config, key, text, sizeof text, NULL) == 0 &&
		    snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &value) == 0)
			snprintf(fields + strlen(fields), sizeof fields - strlen(fields),
				 "-%.20s%" PRIu64, name, value);
	}
	written = snprintf(url, size, "file:%s/%016" PRIx64 "%s.state", directory, fingerprint,
			   fields);
	return written > 0 && (size_t)written < size;
}

/* The store of a further kind lies beside that of the first: its name is added to the path. */
static bool store_beside(const struct opening *opening, const char *url, char *to, size_t size)
{
	const size_t path = strcspn(url, "?");
	const bool directory = strncmp(url, "file:", 5) != 0;
	int written;

	if (opening->kind->index == 0 || strcmp(url, "memory:") == 0)
		written = snprintf(to, size, "%s", url);
	else
		written = snprintf(to, size, "%.*s%s%s%s", (int)path, url, directory ? "/" : ".",
				   opening->kind->name, url + path);
	return written > 0 && (size_t)written < size;
}

static bool set_store(struct opening *opening)
{
	const char *const url = store_setting(opening->settings);
	struct kind *const kind = opening->kind;
	bool fits;

	if (kind->type != KIND_LAYOUT) /* 58 random bits and more, and a new node each time */
		fits = snprintf(kind->store, sizeof kind->store, "memory:") > 0;
	else if (*url)
		fits = store_beside(opening, url, kind->store, sizeof kind->store);
	else if (!default_store(opening, kind->store, sizeof kind->store))
		return false;
	else
		fits = true;
	if (!fits)
		return settings_fail(opening->error, "store: the URL is too long");
	if (snowid_config_set_store(opening->config, kind->store) != 0)
		return fail_library(opening, "store");
	return true;
}

/* ---- all together ---------------------------------------------------------------------------- */

static bool set_clock_policy(struct opening *opening)
{
	const struct settings *const s = opening->settings;
	const struct {
		const char *key, *text;
	} texts[] = {
		{"wait", s->wait},
		{"hold", s->hold},
		{"borrow", s->borrow},
		{"jump", s->jump},
		{"mode", s->mode},
		{"spread", s->spread},
		{"block", *s->block             ? s->block
			  : kinds_host_scope(s) ? HOST_BLOCK
						: ""},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (*texts[i].text &&
		    snowid_config_set(opening->config, texts[i].key, texts[i].text) != 0)
			return fail_library(opening, texts[i].key);
	return true;
}

static bool configure(struct opening *opening, const char *item)
{
	if (!read_name(opening, item) || !set_kind(opening))
		return false;
	if (opening->kind->type == KIND_LAYOUT && (!set_fields(opening) || !set_worker(opening)))
		return false;
	return set_clock_policy(opening);
}

static bool open_generator(struct opening *opening)
{
	struct kind *const kind = opening->kind;
	char text[64];
	uint64_t block_ns = 0;

	if (!set_store(opening))
		return false;
	if (snowid_generator_new(opening->config, &kind->generator) != 0)
		return fail_library(opening, "cannot open");
	if (snowid_generator_get(kind->generator, "block", text, sizeof text, NULL) == 0 &&
	    span_read_ns(text, &block_ns))
		kind->half_block_ns = block_ns / 2;
	kind->limit_at = 0; /* until the first renewal has told */
	return true;
}

static bool open_kind(struct opening *opening, const char *item, bool generators)
{
	if (snowid_config_new(&opening->config) != 0)
		return fail_library(opening, "SNOWID_STORE");
	const bool good = configure(opening, item) && (!generators || open_generator(opening));
	snowid_config_free(opening->config);
	return good;
}

bool kinds_open(struct kind kinds[KINDS_MAX], size_t *count, const struct settings *settings,
		bool generators, struct settings_error *error)
{
	bool good = true;

	*count = 0;
	if (settings->kinds.count == 0 || settings->kinds.count > KINDS_MAX)
		return settings_fail(error, "kinds: %zu of them; 1 to %d can be served",
				     settings->kinds.count, KINDS_MAX);
	for (size_t i = 0; i < settings->kinds.count && good; i++) {
		struct opening opening = {&kinds[i], settings, NULL, error};
		kinds[i].index = i;
		*count = i + 1;
		good = open_kind(&opening, settings->kinds.items[i], generators);
		for (size_t k = 0; k < i && good; k++)
			if (strcmp(kinds[k].name, kinds[i].name) == 0)
				good = settings_fail(error, "kinds: %s occurs twice",
						     kinds[i].name);
	}
	if (good && check_fields(kinds, *count, settings, error))
		return true;
	kinds_free(kinds, *count);
	return false;
}

void kinds_free(struct kind kinds[KINDS_MAX], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		snowid_generator_free(kinds[i].generator);
		snowid_layout_free(kinds[i].layout);
	}
}

bool kind_next_field(const struct kind *kind, size_t *index, const char **name, uint64_t *value)
{
	while (kind->layout &&
	       snowid_layout_field_at(kind->layout, *index, name, NULL, NULL) == 0) {
		++*index;
		if (strcmp(*name, "time") != 0 && strcmp(*name, "sequence") != 0 &&
		    snowid_generator_field(kind->generator, *name, value) == 0)
			return true;
	}
	return false;
}
