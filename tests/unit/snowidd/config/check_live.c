/* SPDX-License-Identifier: MIT
 *
 * What a reload replaces as a whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowidd/config/live.h"
#include "snowidd/config/sources.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"
#include "tests/unit/snowidd/certificate.h"

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

TEST(the_tokens_are_read)
{
	char option[sizeof path + 32];
	const int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "correct-horse-battery-staple", 28), 28);
	close(fd);
	snprintf(option, sizeof option, "--token-file=%s", path);
	ck_assert_msg(load_live(option, NULL), "%s", error.text);
	ck_assert_str_eq(live->tokens.first, "correct-horse-battery-staple");
	ck_assert(!load_live("--token-file=/nonexistent", NULL));
	ck_assert_str_eq(error.text,
			 "option --token-file: token_file: cannot read /nonexistent: No "
			 "such file or directory");
}

static bool load_mask_key(const char *text, mode_t mode)
{
	char option[sizeof path + 32];
	FILE *const file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fchmod(fileno(file), mode), 0);
	fclose(file);
	snprintf(option, sizeof option, "--mask-key-file=%s", path);
	return load_live(option, NULL);
}

TEST(the_key_of_masks_is_read)
{
	ck_assert_msg(load_mask_key("000102030405060708090a0b0c0d0e0F \r\n\n", 0640), "%s",
		      error.text);
	ck_assert(live->has_mask_key);
	for (uint8_t i = 0; i < SNOWID_MASK_KEY; i++)
		ck_assert_uint_eq(live->mask_key[i], i);
}

/* What is wrong is said, and nothing of the key. */
TEST(other_keys_of_masks_are_refused)
{
	static const char *const texts[] = {"",
					    "\n",
					    "000102030405060708090a0b0c0d0e0",
					    "000102030405060708090a0b0c0d0e0g",
					    "000102030405060708090a0b0c0d0e0f0",
					    "00010203 0405060708090a0b0c0d0e0f"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		ck_assert(!load_mask_key(texts[i], 0600));
		ck_assert_msg(strstr(error.text, "mask_key_file: ") && strstr(error.text, "32"),
			      "%s", error.text);
		ck_assert_ptr_null(strstr(error.text, "0001"));
	}
	ck_assert(!load_mask_key("000102030405060708090a0b0c0d0e0f", 0604));
	ck_assert_ptr_nonnull(strstr(error.text, "mask_key_file: everybody can read "));
	ck_assert(!load_live("--mask-key-file=/dev/zero", NULL));
	ck_assert_ptr_nonnull(strstr(error.text, "too long"));
	ck_assert(!load_live("--mask-key-file=/nonexistent", NULL));
	ck_assert_ptr_nonnull(strstr(error.text, "mask_key_file: cannot read /nonexistent"));
}

TEST(a_certificate_that_cannot_be_used_is_refused)
{
	ck_assert(!load_live("--tls-certificate=/nonexistent", "--tls-key=/nonexistent"));
	ck_assert_ptr_nonnull(strstr(error.text, "tls.certificate: cannot use /nonexistent"));
}

TEST(peers_are_verified_if_there_is_a_certificate)
{
	static const char port[] = "--port=1", peers[] = "--peers=ids.example:1";
	char options[3][sizeof path + 32], key[sizeof path + 8];
	const struct certificate certificate = certificate_new("ids.example");

	snprintf(key, sizeof key, "%s.key", path);
	certificate_write(certificate, path, key);
	certificate_free(certificate);
	snprintf(options[0], sizeof options[0], "--tls-certificate=%s", path);
	snprintf(options[1], sizeof options[1], "--tls-key=%s", key);
	for (int with_peers = 0; with_peers < 2; with_peers++) {
		snprintf(options[2], sizeof options[2], "%s", with_peers ? peers : port);
		char *list[] = {options[0], options[1], options[2], NULL};
		live_unref(live);
		struct settings *const settings = settings_load(list, "/dev/null", &error);
		live = live_new(settings, &error);
		ck_assert_msg(live != NULL, "%s", error.text);
		ck_assert_int_eq(live->peer_tls != NULL, with_peers);
	}
	ck_assert_int_eq(SSL_CTX_get_verify_mode(live->peer_tls), SSL_VERIFY_PEER);
}

TEST(a_token_is_not_sent_to_another_host_in_the_clear)
{
	static const char token[] = "--token-file=/nonexistent";

	ck_assert(!load_live(token, "--peers=10.0.0.1:1"));
	ck_assert_ptr_nonnull(strstr(error.text, "would be sent to 10.0.0.1:1 in the clear"));
	ck_assert(!load_live(token, "--peers=[::1]:1 localhost.example:1"));
	ck_assert_ptr_nonnull(strstr(error.text, "would be sent to localhost.example:1"));
	ck_assert(!load_live(token, "--peers=[::1]:1 127.9.9.9:1 localhost:1"));
	ck_assert_ptr_nonnull(strstr(error.text, "cannot read"));
}

TEST(without_a_certificate_and_a_token_there_are_none)
{
	ck_assert_msg(load_live("--port=1", NULL), "%s", error.text);
	ck_assert_ptr_null(live->tls);
	ck_assert(!live->has_mask_key);
	ck_assert_uint_eq(live->tokens.count, 0);
	live_unref(live_ref(live)); /* it is still there */
	ck_assert_uint_eq(live->settings->port, 1);
}

int main(void)
{
	return run_tests(begin, end);
}
