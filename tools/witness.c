/* SPDX-License-Identifier: MIT
 *
 * Finds the records of stores that belong to an ID, and says whether one of them can have made it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* ---- reading the stores ---------------------------------------------------------------------- */

const char *witness_value(const struct witness *witness, const char *wanted)
{
	const char *key, *text;

	for (size_t i = 0;
	     snowid_store_info_at(witness->info, witness->record, i, &key, &text, NULL) == 0; i++)
		if (strcmp(key, wanted) == 0)
			return text;
	return NULL;
}

static void *grow_list(void *list, size_t count, size_t size)
{
	void *const grown = realloc(list, (count + 1) * size);
	if (!grown)
		exit_failure("out of memory");
	return grown;
}

static void add_witness(struct witnesses *witnesses, const struct snowid_store_info *info,
			size_t record)
{
	struct witness witness = {.info = info, .record = record};
	const char *const kind = witness_value(&witness, "kind");
	const char *const error = witness_value(&witness, "error");

	if (!kind || kind_find(kind, &witness.kind) != 0) {
		print_error("%s", error ? error : error_detail());
		witnesses->status = 1;
		return;
	}
	kind_name_preset(&witness.kind);
	witnesses->all = grow_list(witnesses->all, witnesses->count, sizeof witness);
	witnesses->all[witnesses->count++] = witness;
}

static void read_store(const char *url, void *user)
{
	struct witnesses *const witnesses = user;
	struct snowid_store_info *info;
	size_t count = 0;

	if (snowid_store_inspect(url, &info) != 0) {
		print_error("%s", error_detail());
		witnesses->status = 1;
		return;
	}
	witnesses->infos = grow_list(witnesses->infos, witnesses->info_count, sizeof(void *));
	witnesses->infos[witnesses->info_count++] = info;
	snowid_store_info_count(info, &count);
	for (size_t record = 0; record < count; record++)
		add_witness(witnesses, info, record);
}

void witnesses_open(struct witnesses *witnesses, char *const urls[], size_t count)
{
	*witnesses = (struct witnesses){.count = 0};
	for (size_t i = 0; i < count; i++)
		read_store(urls[i], witnesses);
	if (count == 0)
		for_each_default_store(read_store, witnesses);
}

void witnesses_close(struct witnesses *witnesses)
{
	for (size_t i = 0; i < witnesses->count; i++)
		kind_close(&witnesses->all[i].kind);
	for (size_t i = 0; i < witnesses->info_count; i++)
		snowid_store_info_free(witnesses->infos[i]);
	free(witnesses->all);
	free(witnesses->infos);
}

/* ---- which records belong to an ID ----------------------------------------------------------- */

static bool has_fields_of(const struct witness *witness, const struct id *id)
{
	const char *key, *text;

	for (size_t i = 0;
	     snowid_store_info_at(witness->info, witness->record, i, &key, &text, NULL) == 0; i++) {
		uint64_t kept = 0, value = 0;
		if (strncmp(key, "field.", 6) != 0)
			continue;
		if (snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &kept) != 0 ||
		    !id_field(&witness->kind, id, key + 6, &value) || value != kept)
			return false;
	}
	return true;
}

static bool is_same_layout(const struct snowid_layout *one, const struct snowid_layout *other)
{
	uint64_t fingerprint = 0, wanted = 0;

	snowid_layout_info(one, SNOWID_LAYOUT_FINGERPRINT, &fingerprint);
	snowid_layout_info(other, SNOWID_LAYOUT_FINGERPRINT, &wanted);
	return fingerprint == wanted;
}

bool witness_matches(const struct witness *witness, const struct kind *asked, const struct id *id)
{
	int64_t sec;
	uint32_t nsec;

	if (kind_id_type(&witness->kind) != id->type)
		return false;
	if (id->type == ID_64 && asked && !is_same_layout(asked->layout, witness->kind.layout))
		return false;
	if (id->type != ID_64 && kind_of_id(&witness->kind, id).wide != witness->kind.wide)
		return false;
	return id_time(&witness->kind, id, &sec, &nsec) == 0 && has_fields_of(witness, id);
}

/* ---- whether a record can have made it ------------------------------------------------------- */

/* The order of an ID's time and an instant of the record, as of memcmp(). 0 if it has none. */
static int compare_time(const struct witness *witness, const struct id *id, const char *key)
{
	const char *const text = witness_value(witness, key);
	int64_t sec, other_sec;
	uint32_t nsec, other_nsec;

	if (!text || id_time(&witness->kind, id, &sec, &nsec) != 0 ||
	    snowid_time_parse(text, strlen(text), &other_sec, &other_nsec) != 0)
		return 0;
	if (sec != other_sec)
		return sec < other_sec ? -1 : 1;
	return (nsec > other_nsec) - (nsec < other_nsec);
}

/* The order of an ID and the last one of the record. The fields of both are the same, so that IDs
 * of a layout are in the order in which they are issued. */
static int compare_to_last(const struct witness *witness, const struct id *id)
{
	const char *const text = witness_value(witness, "last_id");
	uint64_t last = 0;

	if (id->type != ID_64 || !text ||
	    snowid_id_parse(text, strlen(text), SNOWID_FORM_DECIMAL, &last) != 0)
		return compare_time(witness, id, "last");
	return (id->number > last) - (id->number < last);
}

static void __attribute__((format(printf, 3, 4)))
conclude(struct finding *finding, enum verdict possible, const char *format, ...)
{
	va_list arguments;

	finding->possible = possible;
	va_start(arguments, format);
	vsnprintf(finding->why, sizeof finding->why, format, arguments);
	va_end(arguments);
}

static struct finding finding_of_this_boot(const struct witness *witness, const struct id *id)
{
	const char *const last = witness_value(witness, "last");
	struct finding finding;

	if (!last && compare_time(witness, id, "floor") >= 0)
		conclude(&finding, VERDICT_NO, "it has not made an ID of that time yet");
	else if (!last)
		conclude(&finding, VERDICT_YES, "before the host was booted");
	else if (compare_to_last(witness, id) > 0)
		conclude(&finding, VERDICT_NO, "its last ID, of %s, is before this one", last);
	else if (id->type == ID_64 && compare_to_last(witness, id) == 0)
		conclude(&finding, VERDICT_YES, "this is its last ID");
	else
		conclude(&finding, VERDICT_YES, "its last ID, of %s, is after this one", last);
	return finding;
}

struct finding witness_finding(const struct witness *witness, const struct id *id)
{
	const char *const this_boot = witness_value(witness, "this_boot");
	const char *const limit = witness_value(witness, "limit");
	struct finding finding;

	if (compare_time(witness, id, "created") < 0)
		conclude(&finding, VERDICT_NO, "the file was created later, at %s",
			 witness_value(witness, "created"));
	else if (this_boot && strcmp(this_boot, "true") == 0)
		finding = finding_of_this_boot(witness, id);
	else if (!limit)
		conclude(&finding, VERDICT_UNKNOWN,
			 "it has no record from before the host was booted");
	else if (compare_time(witness, id, "limit") < 0)
		conclude(&finding, VERDICT_YES, "before the host was booted");
	else
		conclude(&finding, VERDICT_NO, "its limit, %s, is before this ID", limit);
	return finding;
}
