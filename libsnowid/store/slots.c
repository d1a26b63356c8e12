/* SPDX-License-Identifier: MIT
 *
 * slots:DIRECTORY?workers=A-B - a worker for each process: the first of a range that is free.
 *
 * Each worker has a state file in the directory, which one process and its children have
 * exclusively. The kernel releases it when the last of them ends, in whatever way, and the next
 * owner continues where it stopped.
 */
#include "libsnowid/store/slots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsnowid/base/descriptor.h"
#include "libsnowid/base/error.h"
#include "libsnowid/base/thread.h"
#include "libsnowid/store/assigned.h"
#include "libsnowid/store/file.h"
#include "libsnowid/store/file_admin.h"
#include "libsnowid/store/state_file.h"

#define DIRECTORY_SIZE 3072
#define NAME_SIZE      32

/* ---- the URL --------------------------------------------------------------------------------- */

struct slots_url {
	char directory[DIRECTORY_SIZE];
	char store[sizeof "slots:" + 80]; /* without its options, for errors */
	struct sn_assigned assigned;
};

static int fail_slots_url(const char *rest)
{
	return sn_fail(
		SNOWID_E_SYNTAX,
		"\"slots:%.80s\" is not of the form slots:/directory?workers=0-31&field=worker",
		rest);
}

static bool slots_read_option(const char *option, size_t length, struct sn_assigned *assigned)
{
	if (strncmp(option, "workers=", 8) == 0)
		return sn_assigned_set_workers(assigned, option + 8, length - 8);
	if (strncmp(option, "field=", 6) == 0)
		return sn_assigned_set_field(assigned, option + 6, length - 6);
	return false;
}

static int parse_slots_url(const char *rest, struct slots_url *slots)
{
	const size_t length = strcspn(rest, "?");
	const char *options = rest + length;

	*slots = (struct slots_url){.assigned = {.has_range = false}};
	if (rest[0] != '/' || length >= sizeof slots->directory)
		return fail_slots_url(rest);
	memcpy(slots->directory, rest, length);
	snprintf(slots->store, sizeof slots->store, "slots:%.80s", slots->directory);
	while (*options != '\0') {
		options++; /* the ? or & */
		const size_t option_length = strcspn(options, "&");
		if (!slots_read_option(options, option_length, &slots->assigned))
			return fail_slots_url(rest);
		options += option_length;
	}
	return 0;
}

static int slots_check(const char *rest)
{
	struct slots_url slots;
	return parse_slots_url(rest, &slots);
}

/* ---- opening the first that is free ---------------------------------------------------------- */

/* Items of an error, as far as there is room for them, and how many more there are. */
struct slots_list {
	char text[200];
	size_t length;
	uint64_t more;
};
#define ROOM_FOR_MORE sizeof " and 18446744073709551615 more"

static void slots_list_add(struct slots_list *list, const char *item)
{
	const size_t room = sizeof list->text - ROOM_FOR_MORE - list->length;
	const size_t length = strlen(item) + (list->length > 0 ? 2 : 0);

	if (list->more > 0 || length >= room) {
		list->more++;
		return;
	}
	snprintf(list->text + list->length, room, "%s%s", list->length > 0 ? ", " : "", item);
	list->length += length;
}

static void slots_list_end(struct slots_list *list)
{
	if (list->more > 0)
		snprintf(list->text + list->length, ROOM_FOR_MORE, " and %" PRIu64 " more",
			 list->more);
}

/* Why the workers that were tried cannot be had. */
struct slots_search {
	struct slots_list holders;  /* processes that have one */
	struct slots_list unusable; /* workers whose state files cannot be used */
	bool only_one;              /* worker is wanted */
	bool directory_made;
	bool parent_synced;
};

static void slots_add_holder(struct slots_search *search, const struct sn_holder *holder)
{
	char text[128], since[SNOWID_TIME_TEXT];

	sn_instant_show((int64_t)(holder->since_ms / 1000), 0, since);
	snprintf(text, sizeof text, "%" PRIu64 " on %s since %s", holder->process, holder->host,
		 since);
	slots_list_add(&search->holders, text);
}

static int slots_fail_none_left(const struct slots_url *slots, const char *field, uint64_t first,
				uint64_t last, struct slots_search *search)
{
	const bool some_held = search->holders.length > 0;

	slots_list_end(&search->holders);
	slots_list_end(&search->unusable);
	if (search->unusable.length == 0)
		return sn_fail(SNOWID_E_STORE,
			       "all values of %s from %" PRIu64 " to %" PRIu64
			       " in slots:%.60s are taken, by process %s%s; stop one, or widen the "
			       "range",
			       field, first, last, slots->directory, search->holders.text,
			       search->holders.more > 0 ? " (see snowid store)" : "");
	return sn_fail(SNOWID_E_STORE,
		       "no %s from %" PRIu64 " to %" PRIu64
		       " in slots:%.60s is free: the state files of %.80s cannot be used (see "
		       "snowid store)%s%.60s; restore them, or widen the range",
		       field, first, last, slots->directory, search->unusable.text,
		       some_held ? ", the others are taken, by process " : "",
		       search->holders.text);
}

/* Whether a state file is there, but nobody can use it. Then other workers may be free. Any other
 * error is not of this file alone: the clock, another kind, a directory that was copied. Its detail
 * is kept. */
static bool slots_is_unusable(const char *path)
{
	struct sn_state_file file = {.fd = -1};
	char detail[SN_DETAIL_SIZE];
	struct stat status;

	if (lstat(path, &status) != 0)
		return false;
	snowid_error_detail(detail, sizeof detail);
	int error = sn_state_file_open(&file, path, O_RDWR);
	if (!error)
		error = sn_state_file_load(&file);
	if (!error)
		error = sn_state_file_check_record(&file);
	const bool writable_by_all = !error && (file.status.st_mode & S_IWOTH) != 0;
	sn_state_file_close(&file);
	sn_fail(error, "%s", detail);
	return writable_by_all ||
	       (error && error != -ENOMEM && error != -EMFILE && error != -ENFILE);
}

/* A directory that was made may vanish in a power failure until the one that it is in is synced.
 * That is done before there is a file in it, because who made it may have been killed. One that
 * others made may be in a directory that this process cannot read. */
static int slots_sync_parent(const struct slots_url *slots, const struct slots_search *search)
{
	char parent[DIRECTORY_SIZE + sizeof "/.."];

	snprintf(parent, sizeof parent, "%s/..", slots->directory);
	const int fd = sn_descriptor_open(parent, O_RDONLY | O_DIRECTORY);
	const int error = fd < 0 ? fd : sn_system_sync_file(fd);
	if (fd >= 0)
		close(fd);
	if (!error || (error == -EACCES && !search->directory_made))
		return 0;
	return sn_fail(error, "cannot sync the directory that slots:%.200s is in: %s",
		       slots->directory, snowid_strerror(error));
}

/* -EBUSY: this one cannot be had, which has been noted, but another may be free. */
static int slots_try(const struct slots_url *slots, const struct sn_store_settings *settings,
		     const struct sn_store_field *field, struct slots_search *search,
		     struct sn_store **store)
{
	char path[DIRECTORY_SIZE + NAME_SIZE + 32], worker[24];
	struct sn_holder holder = {.process = 0};
	struct stat status;
	int error = 0;

	snprintf(path, sizeof path, "%s/%s-%" PRIu64 ".state", slots->directory, field->name,
		 field->value);
	if (!search->parent_synced && lstat(path, &status) != 0) {
		error = slots_sync_parent(slots, search);
		search->parent_synced = true;
	}
	if (!error)
		error = sn_file_store_open(path, settings, true, store, &holder);
	if (error == -EBUSY) {
		slots_add_holder(search, &holder);
		return error;
	}
	if (search->only_one ||
	    !(error ? slots_is_unusable(path) : sn_file_store.check_final(*store)))
		return error;
	if (!error)
		sn_file_store.close(*store);
	snprintf(worker, sizeof worker, "%" PRIu64, field->value);
	slots_list_add(&search->unusable, worker);
	return -EBUSY;
}

static int slots_open_free(const struct slots_url *slots, struct sn_store_settings *settings,
			   size_t index, struct slots_search *search, struct sn_store **store)
{
	struct sn_store_field *const field = &settings->fields[index];
	uint64_t first, last;

	int error = sn_assigned_find_range(&slots->assigned, slots->store, field, &first, &last);
	if (error)
		return error;
	search->only_one = first == last;
	/* The other fields are as the user has set them, or 0. */
	for (size_t i = 0; i < settings->field_count; i++)
		settings->fields[i].set_by_user = true;
	for (field->value = first;; field->value++) {
		error = slots_try(slots, settings, field, search, store);
		if (error != -EBUSY)
			return error;
		if (field->value == last)
			return slots_fail_none_left(slots, field->name, first, last, search);
	}
}

/* It is as accessible as its files: a group that may write them may create them, as files of that
 * group. */
static int slots_make_directory(const char *path, unsigned file_mode, bool *made)
{
	const bool grouped = (file_mode & S_IRWXG) != 0;
	const mode_t mode = 0700 | (file_mode & S_IRWXG) | (grouped ? S_IXGRP | S_ISGID : 0);
	int number = 0;

	*made = mkdir(path, 0700) == 0;
	if (!*made)
		number = errno;
	else if (grouped && chmod(path, mode) != 0) /* whatever the umask is */
		number = errno;
	if (!number || number == EEXIST)
		return 0;
	return sn_fail(-number, "cannot make the directory of slots:%.200s: %s", path,
		       snowid_strerror(-number));
}

static int slots_open(const char *rest, const struct sn_store_settings *settings,
		      struct sn_store **store)
{
	struct sn_store_settings *const own = malloc(sizeof *own);
	struct slots_url slots;
	struct slots_search search = {.parent_synced = false};
	size_t index = 0;

	if (!own)
		return sn_fail_nomem();
	*own = *settings;
	int error = parse_slots_url(rest, &slots);
	if (!error)
		error = sn_assigned_find_field(&slots.assigned, slots.store, settings, &index);
	if (!error)
		error = slots_make_directory(slots.directory, settings->mode,
					     &search.directory_made);
	if (!error)
		error = slots_open_free(&slots, own, index, &search, store);
	free(own);
	return error;
}

/* ---- its state files ------------------------------------------------------------------------- */

/* Whether a name is FIELD-N.state, with a field and a worker of the URL. */
static bool is_slot_name(const struct slots_url *slots, const char *name)
{
	const char *const dash = strrchr(name, '-');
	const char *end = dash ? dash + 1 : name;
	uint64_t worker;

	if (!dash || !sn_assigned_read_number(&end, &worker) || strcmp(end, ".state") != 0)
		return false;
	if (slots->assigned.has_range &&
	    (worker < slots->assigned.first_worker || worker > slots->assigned.last_worker))
		return false;
	const size_t length = (size_t)(dash - name);
	return slots->assigned.field[0] == '\0' ||
	       (length == strlen(slots->assigned.field) &&
		strncmp(name, slots->assigned.field, length) == 0);
}

/* worker-9 comes before worker-10. */
static int compare_slot_names(const struct dirent **first, const struct dirent **second)
{
	static const char digits[] = "0123456789";
	const char *const a = (*first)->d_name, *const b = (*second)->d_name;
	const size_t prefix = strcspn(a, digits), length_a = strlen(a), length_b = strlen(b);

	if (prefix != strcspn(b, digits) || strncmp(a, b, prefix) != 0 || length_a == length_b)
		return strcmp(a, b);
	return length_a < length_b ? -1 : 1;
}

/* Calls a function with the path of each state file, in order. Returns its first error, after it
 * was called with all. */
static int for_each_slot(const char *rest, int (*function)(const char *path, void *user),
			 void *user)
{
	char path[DIRECTORY_SIZE + NAME_MAX + 2], detail[SN_DETAIL_SIZE] = "";
	struct dirent **entries;
	struct slots_url slots;

	int error = parse_slots_url(rest, &slots);
	if (error)
		return error;
	const int count = scandir(slots.directory, &entries, NULL, compare_slot_names);
	if (count < 0)
		return sn_fail(-errno, "cannot read the directory of slots:%.200s: %s",
			       slots.directory, snowid_strerror(-errno));
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", slots.directory, entries[i]->d_name);
		const bool is_slot = is_slot_name(&slots, entries[i]->d_name);
		const int result = is_slot ? function(path, user) : 0;
		if (result && !error) {
			error = result;
			snowid_error_detail(detail, sizeof detail);
		}
		free(entries[i]);
	}
	free(entries);
	return error ? sn_fail(error, "%s", detail) : 0;
}

struct slots_inspection {
	sn_store_state_fn callback;
	void *user;
};

/* A file that cannot be opened is shown as one that cannot be used. */
static int inspect_slot(const char *path, void *user)
{
	const struct slots_inspection *const inspection = user;
	char problem[SN_DETAIL_SIZE], url[sizeof "file:" + DIRECTORY_SIZE + NAME_MAX + 2];

	const int error = sn_file_inspect(path, inspection->callback, inspection->user);
	if (!error || error == -ENOMEM)
		return error;
	snowid_error_detail(problem, sizeof problem);
	snprintf(url, sizeof url, "file:%s", path);
	const struct sn_store_state state = {.url = url, .problem = problem};
	return inspection->callback(inspection->user, &state);
}

static int slots_inspect(const char *rest, sn_store_state_fn callback, void *user)
{
	struct slots_inspection inspection = {callback, user};
	return for_each_slot(rest, inspect_slot, &inspection);
}

static int adopt_slot(const char *path, void *user)
{
	(void)user;
	return sn_file_adopt(path);
}

static int slots_adopt(const char *rest)
{
	return for_each_slot(rest, adopt_slot, NULL);
}

static int reset_slot(const char *path, void *user)
{
	const uint64_t *const floor_ms = user;
	return sn_file_reset(path, *floor_ms);
}

static int slots_reset(const char *rest, uint64_t floor_ms)
{
	return for_each_slot(rest, reset_slot, &floor_ms);
}

static const struct sn_store_admin slots_admin = {
	.inspect = slots_inspect,
	.adopt = slots_adopt,
	.reset = slots_reset,
};

/* It has no other functions, because what it opens is a file: store. */
const struct sn_store_class sn_slots_store = {
	.scheme = "slots:",
	.assigns = true,
	.check = slots_check,
	.open = slots_open,
	.admin = &slots_admin,
};
