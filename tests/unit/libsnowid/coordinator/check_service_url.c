/* SPDX-License-Identifier: MIT
 *
 * URLs of stores that a service keeps: what they mean, and errors.
 */
#include "libsnowid/coordinator/service_url.h"
#include "tests/unit/check.h"

static struct sn_service_url url;

static void teardown(void)
{
	sn_service_url_free(&url);
}

static void expect_text(const char *text, const char *expected)
{
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
}

TEST(servers_path_and_defaults)
{
	OK(sn_service_url_parse("etcd:", "//h1:2379,h2:2479/id-generator", &url));
	expect_text(url.service.servers, "h1:2379,h2:2479");
	expect_text(url.name, "etcd://h1:2379,h2:2479/id-generator");
	expect_text(url.root, "/id-generator");
	expect_text(url.datacenter, "");
	expect_text(url.options, "");
	ck_assert_uint_eq(url.ttl_ns, 10 * SEC);
	ck_assert_uint_eq(url.reserve_ns, 60 * SEC);
	ck_assert(!url.assigned.has_range && !url.service.tls);
	ck_assert_ptr_null(url.cache_file);
	ck_assert_ptr_null(url.service.user);
}

TEST(all_options)
{
	OK(sn_service_url_parse("etcd:",
				"//h/a/b?ttl=3s&reserve=1h&workers=4-31&field=host&tls=1"
				"&cache=/c&ca=/ca.pem&cert=/cert.pem&key=/key.pem&user=me@there"
				"&password_file=/p&token_file=/t",
				&url));
	ck_assert_uint_eq(url.ttl_ns, 3 * SEC);
	ck_assert_uint_eq(url.reserve_ns, 3600 * SEC);
	ck_assert(url.assigned.has_range && url.service.tls);
	ck_assert_uint_eq(url.assigned.first_worker, 4);
	ck_assert_uint_eq(url.assigned.last_worker, 31);
	expect_text(url.assigned.field, "host");
	expect_text(url.root, "/a/b");
	expect_text(url.name, "etcd://h/a/b");
	expect_text(url.cache_file, "/c");
	expect_text(url.service.ca_file, "/ca.pem");
	expect_text(url.service.cert_file, "/cert.pem");
	expect_text(url.service.key_file, "/key.pem");
	expect_text(url.service.user, "me@there");
	expect_text(url.service.password_file, "/p");
	expect_text(url.service.token_file, "/t");
	ck_assert_ptr_nonnull(strstr(url.options, "?ttl=3s&reserve=1h&"));
}

TEST(servers_without_a_port_get_the_usual_one)
{
	static const struct {
		const char *scheme, *rest, *servers;
	} cases[] = {
		{"zookeeper:", "//a,b:1,c/x", "a:2181,b:1,c:2181"},
		{"etcd:", "//a/x", "a:2379"},
		{"etcd:", "//a/x?tls=1", "a:2379"},
		{"consul:", "//127.0.0.1/x", "127.0.0.1:8500"},
		{"consul:", "//a,b/x?tls=1", "a:8501,b:8501"},
		{"etcd:", "//[2001:db8::1],[::1]:79/x", "[2001:db8::1]:2379,[::1]:79"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sn_service_url_free(&url);
		OK(sn_service_url_parse(cases[i].scheme, cases[i].rest, &url));
		expect_text(url.service.servers, cases[i].servers);
	}
}

TEST(datacenter_at_the_end_of_the_path)
{
	OK(sn_service_url_parse("etcd:", "//h/ids/datacenters/dc31?workers=0-1", &url));
	expect_text(url.root, "/ids");
	expect_text(url.datacenter, "/datacenters/dc31");
	expect_text(url.name, "etcd://h/ids/datacenters/dc31");
	sn_service_url_free(&url);
	OK(sn_service_url_parse("etcd:", "//h/ids/datacenters/dcx", &url));
	expect_text(url.root, "/ids/datacenters/dcx");
}

static const struct {
	const char *rest, *detail;
	int error;
} malformed[] = {
	{"h/x", "has no //", SNOWID_E_SYNTAX},
	{"//", "names no server", SNOWID_E_SYNTAX},
	{"///x", "names no server", SNOWID_E_SYNTAX},
	{"//h", "needs a path", SNOWID_E_SYNTAX},
	{"//h/", "needs a path", SNOWID_E_SYNTAX},
	{"//h?ttl=1s", "needs a path", SNOWID_E_SYNTAX},
	{"//h/a//b", "needs a path", SNOWID_E_SYNTAX},
	{"//h/a/", "needs a path", SNOWID_E_SYNTAX},
	{"//h/a/../b", "needs a path", SNOWID_E_SYNTAX},
	{"//h/.a", "needs a path", SNOWID_E_SYNTAX},
	{"//h/a b", "needs a path", SNOWID_E_SYNTAX},
	{"//h,/x", "\"\" in the URL of the store etcd: is not a server", SNOWID_E_SYNTAX},
	{"//h,,i/x", "is not a server", SNOWID_E_SYNTAX},
	{"//h:/x", "\"h:\" in the URL", SNOWID_E_SYNTAX},
	{"//h:0/x", "is not a server", SNOWID_E_SYNTAX},
	{"//h:65536/x", "is not a server", SNOWID_E_SYNTAX},
	{"//h:1:2/x", "is not a server", SNOWID_E_SYNTAX},
	{"//::1/x", "is not a server", SNOWID_E_SYNTAX},
	{"//[::1/x", "is not a server", SNOWID_E_SYNTAX},
	{"//[]/x", "is not a server", SNOWID_E_SYNTAX},
	{"//h/x?", "is not of the form NAME=VALUE", SNOWID_E_SYNTAX},
	{"//h/x?ttl=1s&", "is not of the form NAME=VALUE", SNOWID_E_SYNTAX},
	{"//h/x?worker=1-2", "did you mean workers?", SNOWID_E_SYNTAX},
	{"//h/x?zzzzzzzz=1", "the options are ttl, reserve", SNOWID_E_SYNTAX},
	{"//h/x?ttl=2s&ttl=2s", "ttl= is there twice", SNOWID_E_SYNTAX},
	{"//h/x?ttl=soon", "must be a span of time such as 10s", SNOWID_E_SYNTAX},
	{"//h/x?ttl=999ms", "ttl is 999ms in etcd://h/x, but must be from 1s to 1h",
	 SNOWID_E_RANGE},
	{"//h/x?ttl=2h", "must be from 1s to 1h", SNOWID_E_RANGE},
	{"//h/x?reserve=7s", "must be from 7500ms to 24h", SNOWID_E_RANGE},
	{"//h/x?ttl=100s", "reserve is 1m in etcd://h/x, but must be from 75s", SNOWID_E_RANGE},
	{"//h/x?reserve=25h", "to 24h", SNOWID_E_RANGE},
	{"//h/x?workers=3", "must be a range such as workers=0-31", SNOWID_E_SYNTAX},
	{"//h/x?workers=3-2", "must be a range", SNOWID_E_SYNTAX},
	{"//h/x?field=", "must be the name of a field", SNOWID_E_SYNTAX},
	{"//h/x?cache=c", "must be the path of a file", SNOWID_E_SYNTAX},
	{"//h/x?tls=yes", "must be tls=1 or tls=0", SNOWID_E_SYNTAX},
	{"//h/x?ca=/c", "ca= in etcd://h/x needs tls=1", SNOWID_E_SYNTAX},
	{"//h/x?tls=1&cert=/c", "needs key=/path as well", SNOWID_E_SYNTAX},
	{"//h/x?tls=1&key=/c", "needs cert=/path as well", SNOWID_E_SYNTAX},
	{"//h/x?cert=/c&key=/c", "needs tls=1", SNOWID_E_SYNTAX},
	{"//h/x?user=", "must be the name of a user", SNOWID_E_SYNTAX},
	{"//h/x?password_file=/p", "needs user=NAME", SNOWID_E_SYNTAX},
};
#define MALFORMED (sizeof malformed / sizeof malformed[0])

TEST_EACH(malformed_url_is_an_error_that_says_what_is_wrong, MALFORMED)
{
	EXPECT(sn_service_url_parse("etcd:", malformed[nth].rest, &url), malformed[nth].error);
	EXPECT_DETAIL(malformed[nth].detail);
}

/* What a user may have typed where others can read it, and what to use instead. */
static const struct {
	const char *rest, *detail;
} secret_urls[] = {
	{"//root:hunter2@h/x", "password_file=/path, or the variable SNOWID_STORE_PASSWORD"},
	{"//root:hunter2/@h/x", "needs a path"},
	{"//h/x?user=root:hunter2", "the password is in the file that password_file= names"},
	{"//h/x?user=a&password=hunter2", "use password_file=/path, or into the variable"},
	{"//h/x?token=hunter2", "use token_file=/path, or into the variable SNOWID_STORE_TOKEN"},
	{"//h/x?passwd=hunter2", "there is no option \"passwd\""},
	{"//h/x?hunter2", "is not of the form"},
	{"//h/x?user=a&password_file=hunter2", "must be the path of a file"},
};

TEST_EACH(secret_in_a_url_is_refused_and_not_shown, sizeof secret_urls / sizeof secret_urls[0])
{
	char detail[512];
	EXPECT(sn_service_url_parse("etcd:", secret_urls[nth].rest, &url), SNOWID_E_SYNTAX);
	EXPECT_DETAIL(secret_urls[nth].detail);
	snowid_error_detail(detail, sizeof detail);
	ck_assert_ptr_null(strstr(detail, "hunter2"));
}

TEST(store_of_a_config_is_checked)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_store(config, "consul://h/x?workers=0-3"));
	OK(snowid_config_set_store(config, "zookeeper://h1,h2/x"));
	EXPECT(snowid_config_set_store(config, "zookeeper://h1,h2/x?tll=1s"), SNOWID_E_SYNTAX);
	EXPECT_DETAIL("no option \"tll\" in zookeeper://h1,h2/x; did you mean ttl?");
	EXPECT(snowid_config_set_store(config, "etc://a:hunter2@h/x"), SNOWID_E_STORE);
	EXPECT_DETAIL("there is no store \"etc:\"; did you mean etcd:?");
	snowid_config_free(config);
}

int main(void)
{
	return run_tests(NULL, teardown);
}
