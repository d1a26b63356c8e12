/* SPDX-License-Identifier: MIT
 *
 * Addresses as settings have them.
 */
#include "snowidd/base/address.h"
#include "tests/unit/check.h"

static void expect_address(const char *text, const char *host, const char *port, const char *path)
{
	struct address address;

	ck_assert_msg(address_parse(text, &address), "%s", text);
	ck_assert_str_eq(address.host, host);
	ck_assert_str_eq(address.port, port);
	ck_assert_str_eq(address.path, path);
}

TEST(hosts_with_and_without_a_port)
{
	expect_address("10.0.0.1", "10.0.0.1", "", "");
	expect_address("10.0.0.1:80", "10.0.0.1", "80", "");
	expect_address("ids-0.example.org:8080", "ids-0.example.org", "8080", "");
	expect_address("*", "*", "", "");
	expect_address("*:1", "*", "1", "");
	expect_address("host:ntp", "host", "ntp", "");
}

TEST(an_ipv6_address_has_a_port_only_after_brackets)
{
	expect_address("::1", "::1", "", "");
	expect_address("::", "::", "", "");
	expect_address("fe80::1:8080", "fe80::1:8080", "", "");
	expect_address("[::1]", "::1", "", "");
	expect_address("[::1]:8081", "::1", "8081", "");
	expect_address("[fe80::1%eth0]:123", "fe80::1%eth0", "123", "");
}

TEST(paths_of_unix_sockets)
{
	char text[ADDRESS_PATH_SIZE + 8] = "unix:/";
	struct address address;

	expect_address("unix:/run/snowid/socket", "", "", "/run/snowid/socket");
	expect_address("unix:/a:80", "", "", "/a:80");
	memset(text + 6, 'x', ADDRESS_PATH_SIZE - 2);
	expect_address(text, "", "", text + 5);
	text[6 + ADDRESS_PATH_SIZE - 2] = 'x';
	ck_assert(!address_parse(text, &address));
}

TEST(texts_that_are_not_addresses)
{
	static const char *const texts[] = {
		"",       ":",       ":80",    "host:", "[]",    "[]:80",     "[::1",
		"[::1]:", "[::1]80", "[::1]]", "[host", "unix:", "unix:path", "unix:1",
	};
	struct address address;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		ck_assert_msg(!address_parse(texts[i], &address), "\"%s\"", texts[i]);
}

TEST(parts_that_are_too_long_are_refused)
{
	char text[ADDRESS_HOST_SIZE + ADDRESS_PORT_SIZE + 8];
	struct address address;

	memset(text, 'h', ADDRESS_HOST_SIZE - 1);
	strcpy(text + ADDRESS_HOST_SIZE - 1, ":80");
	ck_assert(address_parse(text, &address));
	ck_assert_uint_eq(strlen(address.host), ADDRESS_HOST_SIZE - 1);
	memset(text, 'h', ADDRESS_HOST_SIZE);
	strcpy(text + ADDRESS_HOST_SIZE, ":80");
	ck_assert(!address_parse(text, &address));
	text[ADDRESS_HOST_SIZE] = '\0';
	ck_assert(!address_parse(text, &address));
	strcpy(text, "h:");
	memset(text + 2, '1', ADDRESS_PORT_SIZE);
	text[2 + ADDRESS_PORT_SIZE] = '\0';
	ck_assert(!address_parse(text, &address));
}

TEST(ports_are_numbers_from_1_to_65535)
{
	static const struct {
		const char *text;
		unsigned port; /* 0: there is none */
	} cases[] = {
		{"h", 8080},  {"h:1", 1},       {"h:65535", 65535},
		{"h:0", 0},   {"h:65536", 0},   {"h:http", 0},
		{"h:-1", 0},  {"h: 1", 0},      {"h:99999999999999999999", 0},
		{"h:80x", 0}, {"[::1]:80", 80}, {"h:+1", 0},
	};
	struct address address;
	uint16_t port;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert(address_parse(cases[i].text, &address));
		const bool good = address_port(&address, 8080, &port);
		ck_assert_msg(good == (cases[i].port > 0), "%s", cases[i].text);
		ck_assert(!good || port == cases[i].port);
	}
}

int main(void)
{
	return run_tests(NULL, NULL);
}
