/* SPDX-License-Identifier: MIT
 *
 * snowid store: shows what stores contain, says which of them can make the same IDs, adopts copied
 * state files, resets recorded times, and frees workers that a service keeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snowid-tool.h"

/* What has been printed. */
struct listing {
	bool json;
	int status; /* 1 if a record has an error */
	size_t identity_count;
	struct identity *identities;
};

/* ---- files that can make the same IDs -------------------------------------------------------- */

#define IDENTITY_TEXT 4096

/* What a file has been used for since the host was booted. */
struct identity {
	char *key;    /* the same for files that can make the same IDs */
	char *fields; /* for a message */
	char *url;
};

static void __attribute__((format(printf, 2, 3)))
append_text(char text[IDENTITY_TEXT], const char *format, ...)
{
	const size_t length = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + length, IDENTITY_TEXT - length, format, arguments);
	va_end(arguments);
}

static char *duplicate_text(const char *text)
{
	char *const copy = strdup(text);
	if (!copy)
		exit_failure("out of memory");
	return copy;
}

static void add_identity(struct listing *listing, const char *key, const char *fields,
			 const char *url)
{
	struct identity *const identities =
		realloc(listing->identities, (listing->identity_count + 1) * sizeof *identities);
	if (!identities)
		exit_failure("out of memory");
	listing->identities = identities;
	identities[listing->identity_count++] =
		(struct identity){duplicate_text(key), duplicate_text(fields), duplicate_text(url)};
}

/* Names of fields are not part of the key: layouts that only differ in them make the same IDs. The
 * random bytes of ULID and UUIDv7 keep IDs apart. */
static void collect_identity(struct listing *listing, const struct snowid_store_info *info,
			     size_t record)
{
	char id_key[IDENTITY_TEXT] = "", fields[IDENTITY_TEXT] = "";
	const char *key, *text, *url = "";
	bool usable = true, used = false;

	for (size_t i = 0; snowid_store_info_at(info, record, i, &key, &text, NULL) == 0; i++) {
		if (strcmp(key, "store") == 0)
			url = text;
		else if (strcmp(key, "error") == 0)
			usable = false;
		else if (strcmp(key, "kind") == 0)
			usable = usable && strcmp(text, "ulid") != 0 && strcmp(text, "uuid7") != 0;
		else if (strcmp(key, "this_boot") == 0)
			used = strcmp(text, "true") == 0;
		else if (strcmp(key, "fingerprint") == 0)
			append_text(id_key, "%s", text);
		else if (strncmp(key, "field.", 6) == 0) {
			append_text(id_key, " %s", text);
			append_text(fields, "%s%s %s", *fields ? ", " : "", key + 6, text);
		}
	}
	if (usable && used)
		add_identity(listing, id_key, fields, url);
}

static int compare_identities(const void *a, const void *b)
{
	const struct identity *const first = a, *const second = b;
	const int order = strcmp(first->key, second->key);
	return order ? order : strcmp(first->url, second->url);
}

/* Reports files that can make the same IDs, and frees what was collected. */
static void report_same_identities(struct listing *listing)
{
	struct identity *const identities = listing->identities;
	const size_t count = listing->identity_count;

	if (count > 0)
		qsort(identities, count, sizeof *identities, compare_identities);
	for (size_t i = 1; i < count; i++) {
		const struct identity *const one = &identities[i - 1], *const other = one + 1;
		if (strcmp(one->key, other->key) != 0 || strcmp(one->url, other->url) == 0)
			continue;
		print_error("%.300s and %.300s are of the same kind with the same fields (%.100s), "
			    "and can make the same IDs: use one store for both, or other fields",
			    one->url, other->url, *one->fields ? one->fields : "none");
		listing->status = 1;
	}
	for (size_t i = 0; i < count; i++) {
		free(identities[i].key);
		free(identities[i].fields);
		free(identities[i].url);
	}
	free(identities);
}

/* ---- printing -------------------------------------------------------------------------------- */

/* Records an instant of the past, and how long ago it was. */
static void record_age(const char *key, const char *instant)
{
	int64_t sec = now_seconds();
	uint32_t nsec;

	if (snowid_time_parse(instant, strlen(instant), &sec, &nsec) == 0)
		record_text(key, "%s, %s", instant, age_text(sec));
}

void record_store_value(bool json, const char *key, const char *text, enum snowid_value type)
{
	const bool flag = type == SNOWID_VALUE_BOOLEAN, yes = flag && strcmp(text, "true") == 0;

	if (json && type != SNOWID_VALUE_TEXT)
		record_number(key, "%s", text);
	else if (json)
		record_text(key, "%s", text);
	else if (strcmp(key, "durable") == 0 && !yes)
		record_text(key, "no: tmpfs is lost when the host goes down");
	else if (flag)
		record_text(key, "%s", yes ? "yes" : "no");
	else if (strcmp(key, "created") == 0)
		record_age(key, text);
	else if (strcmp(key, "error") != 0) /* goes to standard error */
		record_text(key, "%s", text);
}

static void print_empty_store(const char *url)
{
	char text[4096];

	snprintf(text, sizeof text, "%s", url);
	replace_controls(text);
	out_printf("%s contains nothing\n", text);
}

/* Whether a value is that of a field with more bits than a JavaScript number can hold. */
static bool is_wide_field(const char *kind_name, const char *key)
{
	struct part parts[PARTS_MAX];
	struct kind kind;
	bool wide = false;

	if (strncmp(key, "field.", 6) != 0 || !kind_name || kind_find(kind_name, &kind) != 0)
		return false;
	for (size_t i = kind_parts(&kind, parts); i-- > 0;)
		wide = wide ||
		       (strcmp(parts[i].name, key + 6) == 0 && is_string_in_json(&parts[i]));
	kind_close(&kind);
	return wide;
}

static void print_record(struct listing *listing, const struct snowid_store_info *info,
			 size_t record)
{
	const char *key, *text, *kind = NULL, *error = NULL;
	enum snowid_value type;

	record_begin(listing->json);
	for (size_t i = 0; snowid_store_info_at(info, record, i, &key, &text, &type) == 0; i++) {
		if (strcmp(key, "kind") == 0)
			kind = text;
		if (is_wide_field(kind, key))
			type = SNOWID_VALUE_TEXT;
		record_store_value(listing->json, key, text, type);
		if (strcmp(key, "error") == 0)
			error = text;
	}
	record_end();
	if (error) {
		print_error("%s", error);
		listing->status = 1;
	}
}

static void print_store(const char *url, void *user)
{
	struct listing *const listing = user;
	struct snowid_store_info *info;
	size_t count = 0;

	if (snowid_store_inspect(url, &info) != 0) {
		print_error("%s", error_detail());
		listing->status = 1;
		return;
	}
	snowid_store_info_count(info, &count);
	if (count == 0 && !listing->json)
		print_empty_store(url);
	for (size_t record = 0; record < count; record++) {
		print_record(listing, info, record);
		collect_identity(listing, info, record);
	}
	snowid_store_info_free(info);
}

/* ---- adopting, resetting and freeing --------------------------------------------------------- */

/* Explains the risk and asks for confirmation. Exits unless the answer is yes. */
static void confirm_risk(const struct options *options, char *risk)
{
	char answer[16] = "";

	if (options->yes)
		return;
	if (!isatty(STDIN_FILENO))
		exit_usage("%s Use --yes if that is so", risk);
	replace_controls(risk);
	fprintf(stderr, "snowid: %s\nType yes to go on: ", risk);
	if (!fgets(answer, sizeof answer, stdin) || strcmp(answer, "yes\n") != 0)
		exit_failure("nothing was changed");
}

static void adopt_store(const struct options *options, const char *url)
{
	char risk[1024];

	snprintf(
		risk, sizeof risk,
		"%.500s will be marked as an original. If the file it was copied from is used "
		"again, on this or another host, both make the same IDs: it must be gone, or never "
		"be used again.",
		url);
	confirm_risk(options, risk);
	if (snowid_store_adopt(url) != 0)
		exit_failure("%s", error_detail());
}

static void reset_store_floor(const struct options *options, const char *url)
{
	char risk[1024], instant[SNOWID_TIME_TEXT];
	int64_t sec;
	uint32_t nsec;

	if (!options->floor)
		exit_usage("--floor INSTANT is missing: the earliest time of the next ID");
	if (snowid_time_parse(options->floor, strlen(options->floor), &sec, &nsec) != 0 ||
	    snowid_time_format(sec, nsec, instant) != 0)
		exit_usage("--floor: %s", error_detail());
	snprintf(risk, sizeof risk,
		 "%.500s will make its next IDs at %s or later. IDs it made at that time or later "
		 "can be made again: there must be none, or none that are still in use.",
		 url, instant);
	confirm_risk(options, risk);
	if (snowid_store_reset(url, sec, nsec) != 0)
		exit_failure("%s", error_detail());
}

static void free_worker(const struct options *options, const char *url)
{
	char risk[1024];

	snprintf(risk, sizeof risk,
		 "The lease on %.500s will be ended. Its owner claims the worker again if it still "
		 "runs and can reach the service: it must have ended, or be cut off.",
		 url);
	confirm_risk(options, risk);
	if (snowid_store_free_worker(url) != 0)
		exit_failure("%s", error_detail());
}

/* Checks that at most one of the options that change a store is there, for one store. */
static void check_repairs(const struct options *options)
{
	const int repairs = options->adopt + options->reset + options->free_worker;
	const size_t count = options->operand_count;

	if (options->floor && !options->reset)
		exit_usage("--floor is only for --reset");
	if (repairs > 1)
		exit_usage("--adopt, --reset and --free cannot be used together");
	if (repairs > 0 && count != 1)
		exit_usage(count == 0 ? "the URL of the store is missing"
				      : "--adopt, --reset and --free are for one store at a time");
}

int cmd_store(const struct options *options)
{
	struct listing listing = {.json = options->json};
	const size_t count = options->operand_count;

	check_repairs(options);
	if (options->adopt)
		adopt_store(options, options->operands[0]);
	if (options->reset)
		reset_store_floor(options, options->operands[0]);
	if (options->free_worker)
		free_worker(options, options->operands[0]);
	for (size_t i = 0; i < count; i++)
		print_store(options->operands[i], &listing);
	if (count == 0)
		for_each_default_store(print_store, &listing);
	report_same_identities(&listing);
	return listing.status;
}
