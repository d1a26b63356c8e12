/* SPDX-License-Identifier: MIT
 *
 * The kinds of ID that are served: from settings to generators.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowidd/base/elapsed.h"
#include "snowidd/service/host_worker.h"
#include "snowidd/service/kind_store.h"
#include "snowidd/service/kinds.h"

/* A new state file begins a reserve ahead of the clock, if that is three times hold, and a server
 * without configuration should have its first ID soon. */
#define HOST_RESERVE "500ms"
#define HOST_HOLD    "166ms"

/* A kind on its way from settings to a generator. */
struct kind_setup {
	struct served_kind *kind;
	const struct settings *settings;
	struct snowid_config *config;
	const struct kinds_interrupt *interrupt;
	struct settings_error *error;
};

/* Fails with the detail of the library's last error. */
static bool fail_with_detail(const struct kind_setup *setup, const char *key)
{
	char detail[400];

	snowid_error_detail(detail, sizeof detail);
	return settings_fail(setup->error, "%s: kind %s: %s", key, setup->kind->name, detail);
}

/* ULIDs and UUIDs have no worker: they are as unique in a fleet as on a host. */
static bool has_layout(const char *item)
{
	struct snowid_layout *layout;
	const char *const equals = strchr(item, '=');
	const bool good = snowid_layout_new(equals ? equals + 1 : item, &layout) == 0;

	if (good)
		snowid_layout_free(layout);
	return good;
}

bool kinds_host_scope(const struct settings *settings)
{
	if (*kind_store_setting(settings) || !kind_store_assigns_worker(settings))
		return false;
	for (size_t i = 0; i < settings->kinds.count; i++)
		if (has_layout(settings->kinds.items[i]))
			return true;
	return false;
}

/* Only an ID can be negative, in a signed column. */
static bool parse_decimal(const char *text, uint64_t *number)
{
	return *text != '-' &&
	       snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, number) == 0;
}

/* ---- name and layout ------------------------------------------------------------------------- */

/* Splits NAME=LAYOUT; a preset is its own name. */
static bool split_kind(struct kind_setup *setup, const char *item)
{
	struct served_kind *const kind = setup->kind;
	const size_t length = strcspn(item, "=");
	const char *const spec = item[length] ? item + length + 1 : item;

	if (length == 0 || length >= sizeof kind->name ||
	    strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789_") < length)
		return settings_fail(
			setup->error,
			"kinds: \"%.80s\" is not NAME or NAME=LAYOUT, the name of up to "
			"31 of a-z, 0-9 and _",
			item);
	memcpy(kind->name, item, length);
	if (snprintf(kind->spec, sizeof kind->spec, "%s", spec) < (int)sizeof kind->spec)
		return true;
	return settings_fail(setup->error, "kinds: the layout of %s is too long", kind->name);
}

static bool is_epoch_in_ms(const char *epoch)
{
	const char *const digits = epoch + (*epoch == '-');

	return *digits && digits[strspn(digits, "0123456789")] == '\0';
}

/* An epoch is put into a layout, of which it must not set anything else. */
static bool check_epoch(const struct settings *settings, struct settings_error *error)
{
	const char *const epoch = settings->epoch;
	char detail[400];
	int64_t sec;
	uint32_t nsec;

	if (!*epoch || is_epoch_in_ms(epoch) ||
	    snowid_time_parse(epoch, strlen(epoch), &sec, &nsec) == 0)
		return true;
	snowid_error_detail(detail, sizeof detail);
	return settings_fail(error, "epoch: %s", detail);
}

/* Adds the epoch of the settings to a layout that has none of its own. */
static bool add_epoch(struct kind_setup *setup)
{
	struct served_kind *const kind = setup->kind;
	const char *const epoch = setup->settings->epoch;
	const size_t used = strlen(kind->spec), size = sizeof kind->spec - used;

	if (!*epoch || strstr(kind->spec, "epoch="))
		return true;
	if (snprintf(kind->spec + used, size, ";epoch=%s", epoch) < (int)size)
		return true;
	return settings_fail(setup->error, "kinds: the layout of %s is too long", kind->name);
}

/* What is a kind for the library, and has no layout, makes IDs of 128 bits. */
static bool set_kind(struct kind_setup *setup)
{
	struct served_kind *const kind = setup->kind;

	if (snowid_config_set_kind(setup->config, kind->spec) != 0)
		return fail_with_detail(setup, "kinds");
	if (snowid_layout_new(kind->spec, &kind->layout) != 0) {
		kind->type = strcmp(kind->spec, "ulid") == 0 ? KIND_ULID : KIND_UUID;
		return true;
	}
	snowid_layout_free(kind->layout);
	kind->layout = NULL;
	kind->type = KIND_LAYOUT;
	if (!add_epoch(setup))
		return false;
	return (snowid_config_set_kind(setup->config, kind->spec) == 0 &&
		snowid_layout_new(kind->spec, &kind->layout) == 0) ||
	       fail_with_detail(setup, "kinds");
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool has_field(const struct served_kind *kind, const char *name)
{
	const char *field;

	for (size_t i = 0; snowid_layout_field_at(kind->layout, i, &field, NULL, NULL) == 0; i++)
		if (strcmp(field, name) == 0)
			return true;
	return false;
}

static const char *find_worker_field(const struct served_kind *kind)
{
	static const char *const names[] = {"worker", "machine", "shard"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (has_field(kind, names[i]))
			return names[i];
	return NULL;
}

static bool read_worker(const char *text, uint64_t *worker, struct settings_error *error)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (!host_worker_is_asked_for(text))
		return parse_decimal(text, worker) ||
		       settings_fail(error,
				     "worker_id: \"%.80s\" is not a number, auto, hostname or "
				     "hostname:PREFIX",
				     text);
	gethostname(host, sizeof host - 1);
	return host_worker_parse(text, host, worker, error);
}

static bool set_worker(struct kind_setup *setup)
{
	const char *const field = find_worker_field(setup->kind);
	uint64_t number;

	if (kind_store_assigns_worker(setup->settings))
		return true;
	if (!read_worker(setup->settings->worker_id, &number, setup->error))
		return false;
	if (!field)
		return settings_fail(setup->error,
				     "worker_id: the kind %s has no worker, machine or shard",
				     setup->kind->name);
	return snowid_config_set_field(setup->config, field, number) == 0 ||
	       fail_with_detail(setup, "worker_id");
}

/* Sets a field if the kind has it. */
static bool set_field(struct kind_setup *setup, const char *key, const char *name, uint64_t value)
{
	return !has_field(setup->kind, name) ||
	       snowid_config_set_field(setup->config, name, value) == 0 ||
	       fail_with_detail(setup, key);
}

static bool set_fields(struct kind_setup *setup)
{
	const struct settings *const settings = setup->settings;
	char name[64];
	uint64_t value;

	for (size_t i = 0; i < settings->fields.count; i++) {
		const char *const item = settings->fields.items[i];
		const size_t length = strcspn(item, "=");
		if (!item[length] || length >= sizeof name ||
		    !parse_decimal(item + length + 1, &value))
			return settings_fail(setup->error, "fields: \"%.80s\" is not NAME=N", item);
		snprintf(name, sizeof name, "%.*s", (int)length, item);
		if (!set_field(setup, "fields", name, value))
			return false;
	}
	return settings->datacenter_id == NOT_SET ||
	       set_field(setup, "datacenter_id", "datacenter", settings->datacenter_id);
}

static bool is_field_of_any(const struct served_kind *kinds, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (kinds[i].layout && has_field(&kinds[i], name))
			return true;
	return false;
}

/* A field that is set must exist in at least one kind. */
static bool check_fields_are_used(const struct served_kind *kinds, size_t count,
				  const struct settings *settings, struct settings_error *error)
{
	char name[64];

	for (size_t i = 0; i < settings->fields.count; i++) {
		const char *const item = settings->fields.items[i];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(item, "="), item);
		if (!is_field_of_any(kinds, count, name))
			return settings_fail(error, "fields: no kind has a field %s", name);
	}
	if (settings->datacenter_id != NOT_SET && !is_field_of_any(kinds, count, "datacenter"))
		return settings_fail(error, "datacenter_id: no kind has a field datacenter");
	return true;
}

/* ---- generators ------------------------------------------------------------------------------ */

static bool set_clock_policy(struct kind_setup *setup)
{
	const struct settings *const s = setup->settings;
	const bool host = kinds_host_scope(s) && !*s->reserve;
	const struct {
		const char *key, *text;
	} texts[] = {
		{"wait", s->wait},
		{"hold", *s->hold || !host ? s->hold : HOST_HOLD},
		{"borrow", s->borrow},
		{"max_jump", s->max_jump},
		{"mode", s->mode},
		{"spread", s->spread},
		{"reserve", host ? HOST_RESERVE : s->reserve},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (*texts[i].text &&
		    snowid_config_set(setup->config, texts[i].key, texts[i].text) != 0)
			return fail_with_detail(setup, texts[i].key);
	return true;
}

static bool configure_kind(struct kind_setup *setup, const char *item)
{
	if (!split_kind(setup, item) || !set_kind(setup))
		return false;
	if (setup->kind->layout && (!set_fields(setup) || !set_worker(setup)))
		return false;
	return set_clock_policy(setup);
}

/* What starting would refuse, without making anything: a store that is misspelt or has no place,
 * and a clock that is outside the time of the layout. */
static bool try_generator(struct kind_setup *setup)
{
	struct served_kind *const kind = setup->kind;

	if (!kind_store_check(kind, setup->settings, setup->error))
		return false;
	if (*kind->store && snowid_config_set_store(setup->config, kind->store) != 0)
		return fail_with_detail(setup, "store");
	/* memory: assigns no worker; any is as good as that of the store. */
	const char *const worker = kind->layout && kind_store_assigns_worker(setup->settings)
					   ? find_worker_field(kind)
					   : NULL;
	if (worker && snowid_config_set_field(setup->config, worker, 0) != 0)
		return fail_with_detail(setup, "worker_id");
	return (snowid_config_set_store(setup->config, "memory:") == 0 &&
		snowid_generator_new(setup->config, &kind->generator) == 0) ||
	       fail_with_detail(setup, "cannot open");
}

/* A span that the generator was created with. */
static bool read_span(struct kind_setup *setup, const char *key, uint64_t *ns)
{
	char text[64];
	size_t length;

	return (snowid_generator_get(setup->kind->generator, key, text, sizeof text, &length) ==
			0 &&
		snowid_span_parse(text, length, ns) == 0) ||
	       fail_with_detail(setup, key);
}

static bool start_generator(struct kind_setup *setup)
{
	struct served_kind *const kind = setup->kind;
	uint64_t borrow_ns;

	if (!kind_store_choose(kind, setup->settings, setup->config, setup->error))
		return false;
	if (snowid_config_set_store(setup->config, kind->store) != 0)
		return fail_with_detail(setup, "store");
	if (setup->interrupt &&
	    snowid_config_set_interrupt(setup->config, setup->interrupt->interrupt,
					setup->interrupt->user) != 0)
		return fail_with_detail(setup, "store");
	if (snowid_generator_new(setup->config, &kind->generator) != 0)
		return fail_with_detail(setup, "cannot open");
	if (!read_span(setup, "reserve", &kind->reserve_ns) ||
	    !read_span(setup, "borrow", &borrow_ns))
		return false;
	/* That of the URL counts, which only the library knows. */
	if (kind_store_is_coordinated(kind->store))
		kind->reserve_ns = 0;
	share_init(&kind->share, kind->layout, borrow_ns);
	kind->limit_at_ns = elapsed_ns(); /* or later: the first renewal says when */
	return true;
}

static bool open_configured_kind(struct kind_setup *setup, const char *item,
				 enum kinds_opening opening)
{
	if (snowid_config_new(&setup->config) != 0)
		return fail_with_detail(setup, "SNOWID_STORE");
	const bool good = configure_kind(setup, item) &&
			  (opening != KINDS_START || start_generator(setup)) &&
			  (opening != KINDS_TRY || try_generator(setup));
	snowid_config_free(setup->config);
	return good;
}

static bool is_name_new(const struct served_kind *kinds, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(kinds[i].name, kinds[index].name) == 0)
			return false;
	return true;
}

bool kinds_open(struct served_kind kinds[KINDS_MAX], size_t *count, const struct settings *settings,
		enum kinds_opening opening, const struct kinds_interrupt *interrupt,
		struct settings_error *error)
{
	bool good = true;

	*count = 0;
	if (settings->kinds.count == 0 || settings->kinds.count > KINDS_MAX)
		return settings_fail(error, "kinds: %zu of them; 1 to %d can be served",
				     settings->kinds.count, KINDS_MAX);
	if (!check_epoch(settings, error))
		return false;
	for (size_t i = 0; i < settings->kinds.count && good; i++) {
		struct kind_setup setup = {&kinds[i], settings, NULL, interrupt, error};
		kinds[i].index = i;
		*count = i + 1;
		good = open_configured_kind(&setup, settings->kinds.items[i], opening);
		if (good && !is_name_new(kinds, i))
			good = settings_fail(error, "kinds: %s occurs twice", kinds[i].name);
	}
	if (good && check_fields_are_used(kinds, *count, settings, error))
		return true;
	kinds_free(kinds, *count);
	return false;
}

void kinds_free(struct served_kind kinds[KINDS_MAX], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		snowid_generator_free(kinds[i].generator);
		snowid_layout_free(kinds[i].layout);
	}
}
