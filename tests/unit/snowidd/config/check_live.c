/* SPDX-License-Identifier: MIT
 *
 * What a reload replaces as a whole.
 */
#include <stdio.h>

#include "snowidd/config/live.h"
#include "snowidd/config/sources.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static struct live *live;
static struct settings_error error;
static char path[sizeof directory + 16];

static void begin(void)
{
	directory_make();
	snprintf(path, sizeof path, "%s/token", directory);
}

static void end(void)
{
	live_unref(live);
	live = NULL;
	directory_remove();
}

static bool load_live(const char *first, const char *second)
{
	char copies[2][sizeof path + 32], *options[] = {copies[0], second ? copies[1] : NULL, NULL};

	snprintf(copies[0], sizeof copies[0], "%s", first);
	snprintf(copies[1], sizeof copies[1], "%s", second ? second : "");
	live_unref(live);
	live = NULL;
	struct settings *const settings = settings_load(options, "/dev/null", &error);
	ck_assert_msg(settings != NULL, "%s", error.text);
	live = live_new(settings, &error);
	return live;
}

static bool load_token(const char *text)
{
	char option[sizeof path + 32];
	FILE *const file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	snprintf(option, sizeof option, "--token-file=%s", path);
	return load_live(option, NULL);
}

static bool is_authorised(const char *value)
{
	const size_t length = strlen(value);
	char *const copy = malloc(length + 1);

	memcpy(copy, value, length);
	const bool authorised = live_authorises(live, copy, length);
	free(copy);
	return authorised;
}

TEST(the_token_is_what_the_file_has_without_blanks_at_its_end)
{
	ck_assert_msg(load_token("correct-horse-battery-staple \r\n\n"), "%s", error.text);
	ck_assert_str_eq(live->token, "correct-horse-battery-staple");
	ck_assert(is_authorised("Bearer correct-horse-battery-staple"));
	ck_assert(is_authorised("BEARER  correct-horse-battery-staple"));
	ck_assert(!is_authorised("Bearer correct-horse-battery-staple "));
	ck_assert(!is_authorised("Bearer correct-horse-battery-stapl"));
	ck_assert(!is_authorised("Bearer "));
	ck_assert(!is_authorised("Bearer"));
	ck_assert(!is_authorised(""));
}

TEST(a_token_is_long_and_can_be_sent)
{
	char text[1100];

	ck_assert(!load_token("too-short\n"));
	ck_assert(!load_token("sixteen letters.\n"));
	ck_assert(!load_token("sixteen-l\xc3\xa4tters\n"));
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert(!load_token(text));
	text[1000] = '\0';
	ck_assert_msg(load_token(text), "%s", error.text);
	unlink(path);
	ck_assert(!load_live("--token-file=/nonexistent", NULL));
	ck_assert_str_eq(error.text,
			 "option --token-file: token_file: cannot read /nonexistent: No "
			 "such file or directory");
}

TEST(settings_have_to_fit_together)
{
	static const struct {
		const char *first, *second, *message;
	} cases[] = {
		{"--clock-warn=2s", "--clock-refuse=1s", "clock.warn is above clock.refuse"},
		{"--tls-key=x", NULL, "tls.certificate and tls.key must be set together"},
		{"--tls-client-ca=x", NULL, "tls.client_ca needs tls.certificate and tls.key"},
		{"--peers=a", NULL, "peers: \"a\" is not HOST:PORT"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert(!load_live(cases[i].first, cases[i].second));
		ck_assert_msg(strstr(error.text, cases[i].message) != NULL, "%s", error.text);
	}
}

TEST(a_certificate_that_cannot_be_used_is_refused)
{
	ck_assert(!load_live("--tls-certificate=/nonexistent", "--tls-key=/nonexistent"));
	ck_assert_ptr_nonnull(strstr(error.text, "tls.certificate: cannot use /nonexistent"));
}

TEST(without_a_certificate_and_a_token_there_are_none)
{
	ck_assert_msg(load_live("--port=1", NULL), "%s", error.text);
	ck_assert_ptr_null(live->tls);
	ck_assert_ptr_null(live->token);
	live_unref(live_ref(live)); /* it is still there */
	ck_assert_uint_eq(live->settings->port, 1);
}

int main(void)
{
	return run_tests(begin, end);
}
