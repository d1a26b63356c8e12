/* SPDX-License-Identifier: MIT
 *
 * snowid store: what a store keeps; copies adopted, and records reset.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "snowid-tool.h"

/* ---- showing --------------------------------------------------------------------------------- */

/* An instant of the past with how long ago it was. */
static void show_age(const char *key, const char *instant)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	const int64_t now = (int64_t)time(NULL);
	int64_t sec = now;
	uint32_t nsec;
	size_t u = 0;

	snowid_time_parse(instant, strlen(instant), &sec, &nsec);
	while (units[u].seconds > 1 && now - sec < 2 * units[u].seconds)
		u++;
	record_text(key, "%s, %lld %s ago", instant, (long long)((now - sec) / units[u].seconds),
		    units[u].name);
}

static void show_value(bool json, const char *key, const char *text, enum snowid_value type)
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
		show_age(key, text);
	else if (strcmp(key, "error") != 0) /* which is a complaint */
		record_text(key, "%s", text);
}

/* Shows the records of a store. Returns the exit status: 1 if there is something wrong with one. */
static int show(const char *url, bool json)
{
	struct snowid_store_info *info;
	const char *key, *text;
	enum snowid_value type;
	size_t count = 0;
	int status = 0;

	if (snowid_store_inspect(url, &info) != 0) {
		complain("%s", detail());
		return 1;
	}
	snowid_store_info_count(info, &count);
	if (count == 0 && !json)
		out_printf("%s contains nothing\n", url);
	for (size_t r = 0; r < count; r++) {
		const char *error = NULL;
		record_begin(json);
		for (size_t i = 0; snowid_store_info_at(info, r, i, &key, &text, &type) == 0; i++) {
			show_value(json, key, text, type);
			if (strcmp(key, "error") == 0)
				error = text;
		}
		record_end();
		if (error) {
			complain("%s", error);
			status = 1;
		}
	}
	snowid_store_info_free(info);
	return status;
}

/* ---- setting right --------------------------------------------------------------------------- */

/* Says what is at stake and asks; ends the tool unless the answer is yes. */
static void confirm(const struct options *options, const char *risk)
{
	char answer[16] = "";

	if (options->yes)
		return;
	if (!isatty(STDIN_FILENO))
		usage("%s Use --yes if that is so", risk);
	fprintf(stderr, "snowid: %s\nType yes to go on: ", risk);
	if (!fgets(answer, sizeof answer, stdin) || strcmp(answer, "yes\n") != 0)
		fail("nothing was changed");
}

static void adopt(const struct options *options, const char *url)
{
	char risk[1024];

	snprintf(
		risk, sizeof risk,
		"%.500s will be marked as an original. If the file it was copied from is used "
		"again, on this or another host, both make the same IDs: it must be gone, or never "
		"be used again.",
		url);
	confirm(options, risk);
	if (snowid_store_adopt(url) != 0)
		fail("%s", detail());
}

static void reset(const struct options *options, const char *url)
{
	char risk[1024], instant[SNOWID_TIME_TEXT];
	int64_t sec;
	uint32_t nsec;

	if (!options->floor)
		usage("--floor INSTANT is missing: the earliest time of the next ID");
	if (snowid_time_parse(options->floor, strlen(options->floor), &sec, &nsec) != 0 ||
	    snowid_time_format(sec, nsec, instant) != 0)
		usage("--floor %s: %s", options->floor, detail());
	snprintf(risk, sizeof risk,
		 "%.500s will make its next IDs at %s or later. IDs it made at that time or later "
		 "can be made again: there must be none, or none that are still in use.",
		 url, instant);
	confirm(options, risk);
	if (snowid_store_reset(url, sec, nsec) != 0)
		fail("%s", detail());
}

struct showing {
	bool json;
	int status;
};

static void show_one(const char *url, void *user)
{
	struct showing *const showing = user;
	showing->status |= show(url, showing->json);
}

int store(const struct options *options)
{
	const char *const url =
		options->operand_count > 0 ? options->operands[0] : store_of_environment();

	if (options->floor && !options->reset)
		usage("--floor is only for --reset");
	if (options->adopt && options->reset)
		usage("--adopt and --reset cannot be used together");
	if ((options->adopt || options->reset) && options->operand_count == 0)
		usage("the URL of the store is missing");
	if (!url) {
		struct showing showing = {options->json, 0};
		each_state(show_one, &showing);
		return showing.status;
	}
	if (options->adopt)
		adopt(options, url);
	if (options->reset)
		reset(options, url);
	return show(url, options->json);
}
