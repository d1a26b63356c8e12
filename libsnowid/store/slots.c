/* SPDX-License-Identifier: MIT
 *
 * slots:DIRECTORY?workers=A-B - a worker for each process, the first of a range that is free.
 *
 * Each worker has a state file in the directory, which a process takes alone. The kernel gives it up
 * with the last process that holds it, however that ends, and the next owner goes on where it ended.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsnowid/base/error.h"
#include "libsnowid/store/store.h"

#define DIRECTORY_SIZE 3072
#define NAME_SIZE      32

/* What a URL says. */
struct slots {
	char directory[DIRECTORY_SIZE];
	char field[NAME_SIZE]; /* "": worker, machine or shard */
	bool ranged;
	uint64_t first, last;
};

static int malformed(const char *rest)
{
	return sn_fail(
		SNOWID_E_SYNTAX,
		"\"slots:%.80s\" is not of the form slots:/directory?workers=0-31&field=worker",
		rest);
}

static bool read_number(const char **at, uint64_t *value)
{
	const size_t digits = strspn(*at, "0123456789");
	if (snowid_id_parse(*at, digits, SNOWID_FORM_DECIMAL, value) != 0)
		return false;
	*at += digits;
	return true;
}

static bool read_option(const char **at, struct slots *slots)
{
	if (strncmp(*at, "workers=", 8) == 0) {
		*at += 8;
		slots->ranged = true;
		return read_number(at, &slots->first) && *(*at)++ == '-' &&
		       read_number(at, &slots->last) && slots->first <= slots->last;
	}
	if (strncmp(*at, "field=", 6) == 0) {
		const size_t length = strcspn(*at + 6, "&");
		if (length == 0 || length >= sizeof slots->field)
			return false;
		memcpy(slots->field, *at + 6, length);
		*at += 6 + length;
		return true;
	}
	return false;
}

static int parse(const char *rest, struct slots *slots)
{
	const size_t length = strcspn(rest, "?");
	const char *at = rest + length;

	*slots = (struct slots){.ranged = false};
	if (rest[0] != '/' || length >= sizeof slots->directory)
		return malformed(rest);
	memcpy(slots->directory, rest, length);
	while (*at != '\0') {
		at++; /* the ? or & */
		if (!read_option(&at, slots) || (*at != '\0' && *at != '&'))
			return malformed(rest);
	}
	return 0;
}

static int slots_check(const char *rest)
{
	struct slots slots;
	return parse(rest, &slots);
}

/* The field that is assigned. */
static int find_field(const struct slots *slots, const struct sn_store_settings *settings,
		      size_t *index)
{
	static const char *const usual[] = {"worker", "machine", "shard"};
	const bool named = slots->field[0] != '\0';

	for (size_t n = 0; n < (named ? 1 : sizeof usual / sizeof usual[0]); n++)
		for (size_t i = 0; i < settings->field_count; i++)
			if (strcmp(settings->fields[i].name, named ? slots->field : usual[n]) ==
			    0) {
				*index = i;
				return 0;
			}
	return sn_fail(SNOWID_E_STORE, "slots: assigns a worker, but the kind has no field \"%s\"",
		       named ? slots->field : usual[0]);
}

/* The range to choose from: of the URL, one that the user has given, or all there are. */
static int find_range(const struct slots *slots, const struct sn_store_field *field,
		      uint64_t *first, uint64_t *last)
{
	const uint64_t max = field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX;

	*first = slots->ranged ? slots->first : 0;
	*last = slots->ranged ? slots->last : max;
	if (*last > max)
		return sn_fail(SNOWID_E_RANGE,
			       "workers=%" PRIu64 "-%" PRIu64
			       " in slots:%.80s: the field %s must be from 0 to %" PRIu64,
			       *first, *last, slots->directory, field->name, max);
	if (!field->set_by_user)
		return 0;
	if (field->value < *first || field->value > *last)
		return sn_fail(SNOWID_E_RANGE,
			       "the field %s is %" PRIu64 ", but slots:%.80s only has %" PRIu64
			       " to %" PRIu64,
			       field->name, field->value, slots->directory, *first, *last);
	*first = *last = field->value;
	return 0;
}

/* Who has them, as far as there is room to say; how many there was none for. */
struct holders {
	char text[200];
	size_t used;
	uint64_t more;
};

static void note_holder(struct holders *holders, const struct sn_holder *holder)
{
	char one[sizeof holders->text], since[SNOWID_TIME_TEXT] = "?";

	snowid_time_format((int64_t)(holder->since_ms / 1000), 0, since);
	const int length =
		snprintf(one, sizeof one, "%s%" PRIu64 " on %s since %s", holders->used ? ", " : "",
			 holder->process, holder->host, since);
	if (length < 0 || holders->used + (size_t)length >= sizeof holders->text) {
		holders->more++;
		return;
	}
	memcpy(holders->text + holders->used, one, (size_t)length + 1);
	holders->used += (size_t)length;
}

static int take_first(const struct slots *slots, struct sn_store_settings *settings, size_t index,
		      struct sn_store **store)
{
	struct sn_store_field *const field = &settings->fields[index];
	struct holders holders = {.text = "?"};
	char path[DIRECTORY_SIZE + NAME_SIZE + 32], more[64] = "";
	struct sn_holder holder = {.process = 0};
	uint64_t first, last;

	int error = find_range(slots, field, &first, &last);
	if (error)
		return error;
	for (size_t i = 0; i < settings->field_count; i++)
		settings->fields[i].set_by_user =
			true; /* what is not assigned is as it is asked for, or 0 */
	for (field->value = first;; field->value++) {
		snprintf(path, sizeof path, "%s/%s-%" PRIu64 ".state", slots->directory,
			 field->name, field->value);
		error = sn_store_file_open(path, settings, true, store, &holder);
		if (error != -EBUSY)
			return error;
		note_holder(&holders, &holder);
		if (field->value == last)
			break;
	}
	if (holders.more > 0)
		snprintf(more, sizeof more, " and %" PRIu64 " more (see snowid store)",
			 holders.more);
	return sn_fail(SNOWID_E_STORE,
		       "all values of %s from %" PRIu64 " to %" PRIu64
		       " in slots:%.60s are taken, by process %s%s; stop one, or widen the range",
		       field->name, first, last, slots->directory, holders.text, more);
}

/* As open as the files in it are to be: a group that may write them may make them, of its own group. */
static int make_directory(const char *path, unsigned file_mode)
{
	const bool grouped = (file_mode & S_IRWXG) != 0;
	const mode_t mode = 0700 | (file_mode & S_IRWXG) | (grouped ? S_IXGRP | S_ISGID : 0);
	int number = 0;

	if (mkdir(path, 0700) != 0)
		number = errno;
	else if (grouped && chmod(path, mode) != 0) /* whatever the umask */
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
	struct slots slots;
	size_t index = 0;

	if (!own)
		return sn_fail_nomem();
	*own = *settings;
	int error = parse(rest, &slots);
	if (!error)
		error = find_field(&slots, settings, &index);
	if (!error)
		error = make_directory(slots.directory, settings->mode);
	if (!error)
		error = take_first(&slots, own, index, store);
	free(own);
	return error;
}

/* ---- its state files ------------------------------------------------------------------------- */

/* Reads "FIELD-N.state", the name of the file of a worker that a URL speaks of. */
static bool read_name(const struct slots *slots, const char *name, uint64_t *worker)
{
	const char *const dash = strrchr(name, '-');
	const char *at = dash ? dash + 1 : name;

	if (!dash || !read_number(&at, worker) || strcmp(at, ".state") != 0)
		return false;
	if (slots->ranged && (*worker < slots->first || *worker > slots->last))
		return false;
	const size_t length = (size_t)(dash - name);
	return slots->field[0] == '\0' ||
	       (length == strlen(slots->field) && strncmp(name, slots->field, length) == 0);
}

/* Like strverscmp(), which is GNU's: worker-9 comes before worker-10. */
static int compare_names(const struct dirent **first, const struct dirent **second)
{
	static const char digits[] = "0123456789";
	const char *const a = (*first)->d_name, *const b = (*second)->d_name;
	const size_t prefix = strcspn(a, digits), length_a = strlen(a), length_b = strlen(b);

	if (prefix != strcspn(b, digits) || strncmp(a, b, prefix) != 0 || length_a == length_b)
		return strcmp(a, b);
	return length_a < length_b ? -1 : 1;
}

/* Does something with each state file there is, in order, up to the first failure. */
static int each_file(const char *rest, int (*use)(const char *path, void *user), void *user)
{
	char path[DIRECTORY_SIZE + NAME_MAX + 2];
	struct dirent **entries;
	struct slots slots;
	uint64_t worker;

	int error = parse(rest, &slots);
	if (error)
		return error;
	const int count = scandir(slots.directory, &entries, NULL, compare_names);
	if (count < 0)
		return sn_fail(-errno, "cannot read the directory of slots:%.200s: %s",
			       slots.directory, snowid_strerror(-errno));
	for (int i = 0; i < count; i++) {
		if (!error && read_name(&slots, entries[i]->d_name, &worker)) {
			snprintf(path, sizeof path, "%s/%s", slots.directory, entries[i]->d_name);
			error = use(path, user);
		}
		free(entries[i]);
	}
	free(entries);
	return error;
}

struct telling {
	sn_store_state_fn tell;
	void *user;
};

static int inspect_one(const char *path, void *user)
{
	const struct telling *const telling = user;
	return sn_state_file_inspect(path, telling->tell, telling->user);
}

static int slots_inspect(const char *rest, sn_store_state_fn tell, void *user)
{
	struct telling telling = {tell, user};
	return each_file(rest, inspect_one, &telling);
}

static int adopt_one(const char *path, void *user)
{
	(void)user;
	return sn_state_file_adopt(path);
}

static int slots_adopt(const char *rest)
{
	return each_file(rest, adopt_one, NULL);
}

static int reset_one(const char *path, void *user)
{
	const uint64_t *const floor_ms = user;
	return sn_state_file_reset(path, *floor_ms);
}

static int slots_reset(const char *rest, uint64_t floor_ms)
{
	return each_file(rest, reset_one, &floor_ms);
}

/* What it opens is a file: store. */
const struct sn_store_class sn_store_slots = {
	.scheme = "slots:",
	.assigns = true,
	.check = slots_check,
	.open = slots_open,
	.inspect = slots_inspect,
	.adopt = slots_adopt,
	.reset = slots_reset,
};
