/* SPDX-License-Identifier: MIT
 *
 * Who a request is from when proxies have forwarded it.
 */
#include "snowidd/net/forwarded.h"
#include "tests/unit/check.h"

static struct trusted_proxies proxies;

static void begin(void)
{
	static char first[] = "10.0.0.0/8", second[] = "2001:db8::/32";
	static char *items[] = {first, second};
	const struct text_list list = {items, 2};
	struct settings_error error;

	ck_assert(trusted_proxies_parse(&list, &proxies, &error));
}

static void end(void)
{
	trusted_proxies_free(&proxies);
}

static struct ip_address address_of(const char *text)
{
	struct ip_address address = {.known = false};

	ck_assert_msg(*text == '\0' || ip_address_parse(text, strlen(text), &address), "%s", text);
	return address;
}

static void expect_client(const char *from_text, const char *value, const char *wanted)
{
	const struct ip_address from = address_of(from_text);
	const struct ip_address client = forwarded_client(&proxies, &from, value, strlen(value));
	char got[IP_ADDRESS_TEXT];

	ip_address_format(&client, got);
	ck_assert_msg(strcmp(got, wanted) == 0, "%s from %s: %s", value, from_text, got);
}

TEST(only_a_trusted_proxy_is_believed)
{
	expect_client("192.0.2.1", "198.51.100.7", "192.0.2.1");
	expect_client("10.0.0.1", "198.51.100.7", "198.51.100.7");
	expect_client("2001:db8::1", "198.51.100.7", "198.51.100.7");
	expect_client("2001:db9::1", "198.51.100.7", "2001:db9::1");
}

/* What stands before it, the client may have sent itself. */
TEST(the_client_is_the_last_address_that_is_not_a_proxy)
{
	expect_client("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7");
	expect_client("10.0.0.1", "10.0.0.3, 198.51.100.7", "198.51.100.7");
	expect_client("10.0.0.1", "198.51.100.7, 10.0.0.2,10.0.0.3", "198.51.100.7");
	expect_client("10.0.0.1", "nonsense, 198.51.100.7 , 10.0.0.2", "198.51.100.7");
	expect_client("10.0.0.1", "198.51.100.7:4711,[2001:db8::2]:80", "198.51.100.7");
}

TEST(the_client_is_the_first_if_all_are_proxies)
{
	expect_client("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9");
}

TEST(what_is_not_an_address_makes_the_proxy_the_client)
{
	static const char *const values[] = {
		"",
		" ",
		",",
		"unknown",
		"198.51.100.7,",
		"198.51.100.7, unknown",
		"198.51.100.7, 10.0.0.256",
		"198.51.100.7; 10.0.0.2",
		"198.51.100.7, , 10.0.0.2",
		"for=198.51.100.7",
		", 10.0.0.2",
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		expect_client("10.0.0.1", values[i], "10.0.0.1");
}

TEST(unix_sockets_are_believed_if_the_settings_say_so)
{
	expect_client("", "198.51.100.7", "unix");
	proxies.unix_sockets = true;
	expect_client("", "198.51.100.7", "198.51.100.7");
	expect_client("", "", "unix");
}

TEST(a_list_that_is_wrong_is_refused)
{
	static char bad[] = "10.0.0.1/8", good[] = "unix:";
	char *items[] = {good, bad};
	const struct text_list list = {items, 2};
	struct trusted_proxies others;
	struct settings_error error;

	ck_assert(!trusted_proxies_parse(&list, &others, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "trusted_proxies: \"10.0.0.1/8\" is not an "));
	trusted_proxies_free(&others);
}

int main(void)
{
	return run_tests(begin, end);
}
