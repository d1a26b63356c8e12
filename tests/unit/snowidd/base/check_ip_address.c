/* SPDX-License-Identifier: MIT
 *
 * IP addresses, and networks of them.
 */
#include <netinet/in.h>

#include "snowidd/base/ip_address.h"
#include "tests/unit/check.h"

static struct ip_address address_of(const char *text)
{
	struct ip_address address;

	ck_assert_msg(ip_address_parse(text, strlen(text), &address), "%s", text);
	return address;
}

TEST(addresses_are_read_and_written)
{
	static const struct {
		const char *text, *shown; /* NULL: it is refused */
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1:443", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::1"},
		{"[2001:db8::1]", "2001:db8::1"},
		{"[2001:db8::1]:443", "2001:db8::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"", NULL},
		{"unknown", NULL},
		{"_hidden", NULL},
		{"192.0.2", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:0", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1 ", NULL},
		{"2001:db8::1::", NULL},
		{"[2001:db8::1", NULL},
		{"fe80::1%eth0", NULL},
		{"unix:/x", NULL},
	};
	char shown[IP_ADDRESS_TEXT];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ip_address address;
		const char *const text = cases[i].text;
		ck_assert_msg(ip_address_parse(text, strlen(text), &address) == !!cases[i].shown,
			      "%s", text);
		if (!cases[i].shown)
			continue;
		ip_address_format(&address, shown);
		ck_assert_str_eq(shown, cases[i].shown);
	}
}

TEST(a_text_with_a_zero_byte_is_no_address)
{
	struct ip_address address;

	ck_assert(!ip_address_parse("192.0.2.1\0", 10, &address));
}

TEST(an_address_is_the_same_through_both_families)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	const struct sockaddr nothing = {.sa_family = AF_UNIX};
	const struct ip_address wanted = address_of("192.0.2.1");

	in.sin_addr.s_addr = htonl(0xc0000201);
	memcpy(&in6.sin6_addr, wanted.bytes, sizeof wanted.bytes);
	const struct ip_address ipv4 = ip_address_of((struct sockaddr *)&in),
				ipv6 = ip_address_of((struct sockaddr *)&in6);
	ck_assert_mem_eq(&ipv4, &wanted, sizeof wanted);
	ck_assert_mem_eq(&ipv6, &wanted, sizeof wanted);
	ck_assert(!ip_address_of(&nothing).known);
}

TEST(networks_have_their_addresses)
{
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.0.0.0/8", "::10.0.0.1", false},
		{"10.0.0.0/8", "::ffff:10.0.0.1", true},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.6", false},
		{"192.0.2.6/31", "192.0.2.7", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", true},
		{"::1", "::1", true},
		{"::1/128", "::2", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ip_network network;
		const struct ip_address address = address_of(cases[i].address);
		ck_assert_msg(ip_network_parse(cases[i].network, &network), "%s", cases[i].network);
		ck_assert_msg(ip_network_has(&network, &address) == cases[i].has, "%s in %s",
			      cases[i].address, cases[i].network);
	}
}

TEST(what_is_not_a_network_is_refused)
{
	static const char *const bad[] = {
		"",         "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8",     "10.0.0.0/-1",
		"::/129",   "10/8",      "10.0.0.0/8 ", "2001:db8::1/32", "10.0.0.0:80",
		"[::1]/16", "localhost", "10.0.0.0/08", "10.0.0.0/8/8",   "10.0.0.0/0",
	};
	struct ip_network network;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!ip_network_parse(bad[i], &network), "%s", bad[i]);
}

TEST(no_network_has_an_address_that_is_not_known)
{
	const struct ip_address unknown = {.known = false};
	struct ip_network all;

	ck_assert(ip_network_parse("::/0", &all));
	ck_assert(!ip_network_has(&all, &unknown));
}

int main(void)
{
	return run_tests(NULL, NULL);
}
