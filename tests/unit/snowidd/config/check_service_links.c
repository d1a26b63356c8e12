/* SPDX-License-Identifier: MIT
 *
 * Which variables are those of Kubernetes: the examples are of its documentation, with our name.
 */
#include "snowidd/config/service_links.h"
#include "tests/unit/check.h"

static const struct {
	const char *name, *value;
	bool is_link;
} cases[] = {
	{"SNOWIDD_SERVICE_HOST", "10.0.0.11", true},
	{"SNOWIDD_SERVICE_HOST", "fd00::11", true},
	{"SNOWIDD_SERVICE_PORT", "6379", true},
	{"SNOWIDD_SERVICE_PORT_GRPC", "50051", true},
	{"SNOWIDD_PORT", "tcp://10.0.0.11:6379", true},
	{"SNOWIDD_PORT", "tcp://[fd00::11]:6379", true},
	{"SNOWIDD_PORT_6379_TCP", "tcp://10.0.0.11:6379", true},
	{"SNOWIDD_PORT_6379_TCP_PROTO", "tcp", true},
	{"SNOWIDD_PORT_6379_TCP_PORT", "6379", true},
	{"SNOWIDD_PORT_6379_TCP_ADDR", "10.0.0.11", true},
	{"SNOWIDD_PORT_53_UDP", "udp://10.0.0.11:53", true},
	{"SNOWIDD_IDS_SERVICE_HOST", "10.0.0.11", true},
	{"SNOWIDD_IDS_PORT_80_TCP", "tcp://10.0.0.11:80", true},
	{"SNOWIDD_PORT", "6379", false},
	{"SNOWIDD_PORT", "", false},
	{"SNOWIDD_SERVICE_HOST", "localhost", false},
	{"SNOWIDD_SERVICE_PORT", "http", false},
	{"SNOWIDD_SERVICE_PORTS", "80", false},
	{"SNOWIDD_PORT_X_TCP", "tcp://10.0.0.11:80", false},
	{"SNOWIDD_PORT_80_TCP_HOST", "10.0.0.11", false},
	{"SNOWIDD_TOKENFILE", "/run/token", false},
	{"SNOWIDD_HOST", "10.0.0.11", false},
};

TEST_EACH(a_variable_of_kubernetes_has_its_form, (int)(sizeof cases / sizeof cases[0]))
{
	ck_assert_msg(service_link_is(cases[nth].name, cases[nth].value) == cases[nth].is_link,
		      "%s=%s", cases[nth].name, cases[nth].value);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
