/* SPDX-License-Identifier: MIT
 *
 * snowid store: shows what a store contains, adopts copied state files, and resets recorded times.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "snowid-tool.h"

/* ---- printing -------------------------------------------------------------------------------- */

/* Records an instant of the past, and how long ago it was. */
static void record_age(const char *key, const char *instant)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	const int64_t now = (int64_t)time(NULL);
	int64_t sec = now;
	uint32_t nsec;
	size_t unit = 0;

	snowid_time_parse(instant, strlen(instant), &sec, &nsec);
	while (units[unit].seconds > 1 && now - sec < 2 * units[unit].seconds)
		unit++;
	record_text(key, "%s, %lld %s ago", instant, (long long)((now - sec) / units[unit].seconds),
		    units[unit].name);
}

static void record_store_value(bool json, const char *key, const char *text, enum snowid_value type)
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

/* Prints the records of a store. Returns the exit status: 1 if a record has an error. */
static int print_store(const char *url, bool json)
{
	struct snowid_store_info *info;
	const char *key, *text;
	enum snowid_value type;
	size_t count = 0;
	int status = 0;

	if (snowid_store_inspect(url, &info) != 0) {
		print_error("%s", error_detail());
		return 1;
	}
	snowid_store_info_count(info, &count);
	if (count == 0 && !json)
		print_empty_store(url);
	for (size_t index = 0; index < count; index++) {
		const char *error = NULL;
		record_begin(json);
		for (size_t i = 0; snowid_store_info_at(info, index, i, &key, &text, &type) == 0;
		     i++) {
			record_store_value(json, key, text, type);
			if (strcmp(key, "error") == 0)
				error = text;
		}
		record_end();
		if (error) {
			print_error("%s", error);
			status = 1;
		}
	}
	snowid_store_info_free(info);
	return status;
}

/* ---- adopting and resetting ------------------------------------------------------------------ */

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
		exit_usage("--floor %s: %s", options->floor, error_detail());
	snprintf(risk, sizeof risk,
		 "%.500s will make its next IDs at %s or later. IDs it made at that time or later "
		 "can be made again: there must be none, or none that are still in use.",
		 url, instant);
	confirm_risk(options, risk);
	if (snowid_store_reset(url, sec, nsec) != 0)
		exit_failure("%s", error_detail());
}

struct printing {
	bool json;
	int status;
};

static void print_user_store(const char *url, void *user)
{
	struct printing *const printing = user;
	printing->status |= print_store(url, printing->json);
}

int cmd_store(const struct options *options)
{
	const char *const url =
		options->operand_count > 0 ? options->operands[0] : store_from_environment();

	if (options->floor && !options->reset)
		exit_usage("--floor is only for --reset");
	if (options->adopt && options->reset)
		exit_usage("--adopt and --reset cannot be used together");
	if ((options->adopt || options->reset) && options->operand_count == 0)
		exit_usage("the URL of the store is missing");
	if (!url) {
		struct printing printing = {options->json, 0};
		for_each_state(print_user_store, &printing);
		return printing.status;
	}
	if (options->adopt)
		adopt_store(options, url);
	if (options->reset)
		reset_store_floor(options, url);
	return print_store(url, options->json);
}
