/* SPDX-License-Identifier: MIT
 *
 * No error shows what follows "?" or precedes "@": it may be a secret that is there by mistake.
 */
#include "libsnowid/coordinator/service_url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnowid/base/error.h"
#include "libsnowid/base/suggest.h"
#include "libsnowid/coordinator/lease.h"

#define SECOND_NS       UINT64_C(1000000000)
#define DEFAULT_TTL     (10 * SECOND_NS)
#define DEFAULT_RESERVE (60 * SECOND_NS)
#define MAX_TTL         (3600 * SECOND_NS)
#define MAX_RESERVE     (24 * 3600 * SECOND_NS)
#define MAX_PATH        200
#define PORT_SIZE       sizeof ":65535"
#define DATACENTERS     "/datacenters/dc"

/* The ports that the services listen on if nobody has chosen another. */
static const struct service_port {
	const char *scheme;
	const char *port, *tls_port;
} service_ports[] = {
	{"zookeeper:", "2181", "2281"},
	{"etcd:", "2379", "2379"},
	{"consul:", "8500", "8501"},
};

/* ---- options --------------------------------------------------------------------------------- */

struct option_text {
	const char *start;
	size_t length;
};

static int fail_option(const struct sn_service_url *url, const char *option, const char *problem)
{
	return sn_fail(SNOWID_E_SYNTAX, "the option %s in %.80s %s", option, url->name, problem);
}

static int set_workers_option(struct sn_service_url *url, const char *value)
{
	if (sn_assigned_set_workers(&url->assigned, value, strlen(value)))
		return 0;
	return fail_option(url, "workers=", "must be a range such as workers=0-31");
}

static int set_field_option(struct sn_service_url *url, const char *value)
{
	if (sn_assigned_set_field(&url->assigned, value, strlen(value)))
		return 0;
	return fail_option(url, "field=", "must be the name of a field such as field=worker");
}

static int read_span_option(const struct sn_service_url *url, const char *option, const char *value,
			    uint64_t *ns)
{
	const int error = snowid_span_parse(value, strlen(value), ns);
	if (error == SNOWID_E_SYNTAX)
		return fail_option(url, option, "must be a span of time such as 10s");
	return error;
}

static int set_ttl_option(struct sn_service_url *url, const char *value)
{
	return read_span_option(url, "ttl=", value, &url->ttl_ns);
}

static int set_reserve_option(struct sn_service_url *url, const char *value)
{
	return read_span_option(url, "reserve=", value, &url->reserve_ns);
}

static int set_tls_option(struct sn_service_url *url, const char *value)
{
	url->service.tls = strcmp(value, "1") == 0;
	if (url->service.tls || strcmp(value, "0") == 0)
		return 0;
	return fail_option(url, "tls=", "must be tls=1 or tls=0");
}

static int read_path_option(const struct sn_service_url *url, const char *option, const char *value,
			    const char **path)
{
	*path = value;
	if (value[0] == '/')
		return 0;
	return fail_option(url, option, "must be the path of a file, which begins with /");
}

static int set_cache_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "cache=", value, &url->cache_file);
}

static int set_ca_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "ca=", value, &url->service.ca_file);
}

static int set_cert_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "cert=", value, &url->service.cert_file);
}

static int set_key_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "key=", value, &url->service.key_file);
}

static int set_user_option(struct sn_service_url *url, const char *value)
{
	url->service.user = value;
	if (value[0] == '\0')
		return fail_option(url, "user=", "must be the name of a user");
	return strchr(value, ':') ? fail_option(url, "user=",
						"must be a name alone; the password is in the file "
						"that password_file= names")
				  : 0;
}

static int set_password_file_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "password_file=", value, &url->service.password_file);
}

static int set_token_file_option(struct sn_service_url *url, const char *value)
{
	return read_path_option(url, "token_file=", value, &url->service.token_file);
}

static int refuse_password_option(struct sn_service_url *url, const char *value)
{
	(void)value;
	return fail_option(url, "password=",
			   "would be shown with the URL; put the password into a file and use "
			   "password_file=/path, or into the variable SNOWID_STORE_PASSWORD");
}

static int refuse_token_option(struct sn_service_url *url, const char *value)
{
	(void)value;
	return fail_option(url, "token=",
			   "would be shown with the URL; put the token into a file and use "
			   "token_file=/path, or into the variable SNOWID_STORE_TOKEN");
}

static const struct service_option {
	const char *name;
	int (*set)(struct sn_service_url *url, const char *value);
} service_options[] = {
	{"ttl", set_ttl_option},
	{"reserve", set_reserve_option},
	{"workers", set_workers_option},
	{"field", set_field_option},
	{"cache", set_cache_option},
	{"tls", set_tls_option},
	{"ca", set_ca_option},
	{"cert", set_cert_option},
	{"key", set_key_option},
	{"user", set_user_option},
	{"password_file", set_password_file_option},
	{"token_file", set_token_file_option},
	{"password", refuse_password_option},
	{"token", refuse_token_option},
};
#define SERVICE_OPTIONS (sizeof service_options / sizeof service_options[0])

static int fail_unknown_option(const struct sn_service_url *url, const char *name)
{
	struct sn_suggestion suggestion;

	sn_suggestion_begin(&suggestion, name, strlen(name));
	for (size_t i = 0; i < SERVICE_OPTIONS; i++)
		if (service_options[i].set != refuse_password_option &&
		    service_options[i].set != refuse_token_option)
			sn_suggestion_offer(&suggestion, service_options[i].name);
	return sn_fail(SNOWID_E_SYNTAX, "there is no option \"%.40s\" in %.80s%s", name, url->name,
		       sn_suggestion_or(&suggestion,
					"; the options are ttl, reserve, workers, field, cache, "
					"tls, ca, cert, key, user, password_file and token_file"));
}

/* Sets what "NAME=VALUE" says, which it cuts up. `seen` has a bit for each option. */
static int set_service_option(struct sn_service_url *url, char *option, unsigned *seen)
{
	char *const equals = strchr(option, '=');

	if (!equals)
		return sn_fail(SNOWID_E_SYNTAX, "an option of %.80s is not of the form NAME=VALUE",
			       url->name);
	*equals = '\0';
	for (size_t i = 0; i < SERVICE_OPTIONS; i++) {
		if (strcmp(option, service_options[i].name) != 0)
			continue;
		if (*seen & 1U << i)
			return sn_fail(SNOWID_E_SYNTAX, "the option %s= is there twice in %.80s",
				       option, url->name);
		*seen |= 1U << i;
		return service_options[i].set(url, equals + 1);
	}
	return fail_unknown_option(url, option);
}

/* Cuts up the options, which are "" or begin with "?". */
static int set_service_options(struct sn_service_url *url, char *options)
{
	unsigned seen = 0;
	char *next = *options ? options + 1 : NULL;

	while (next) {
		char *const option = next;
		next = strchr(option, '&');
		if (next)
			*next++ = '\0';
		const int error = set_service_option(url, option, &seen);
		if (error)
			return error;
	}
	return 0;
}

/* ---- what belongs together ------------------------------------------------------------------- */

static int check_span_bounds(const struct sn_service_url *url, const char *option, uint64_t ns,
			     uint64_t min_ns, uint64_t max_ns)
{
	char given[SNOWID_SPAN_TEXT], min[SNOWID_SPAN_TEXT], max[SNOWID_SPAN_TEXT];

	if (ns >= min_ns && ns <= max_ns)
		return 0;
	snowid_span_format(ns, given);
	snowid_span_format(min_ns, min);
	snowid_span_format(max_ns, max);
	return sn_fail(SNOWID_E_RANGE, "%s is %s in %.80s, but must be from %s to %s", option,
		       given, url->name, min, max);
}

static int check_options(const struct sn_service_url *url)
{
	const struct sn_coordinator_settings *const service = &url->service;

	int error = check_span_bounds(url, "ttl", url->ttl_ns, SECOND_NS, MAX_TTL);
	if (!error)
		error = check_span_bounds(url, "reserve", url->reserve_ns,
					  SN_RESERVE_MIN(url->ttl_ns), MAX_RESERVE);
	if (error)
		return error;
	if (!service->cert_file != !service->key_file)
		return fail_option(url, service->cert_file ? "cert=" : "key=",
				   service->cert_file ? "needs key=/path as well"
						      : "needs cert=/path as well");
	if (!service->tls && (service->ca_file || service->cert_file))
		return fail_option(url, service->ca_file ? "ca=" : "cert=", "needs tls=1 as well");
	if (service->password_file && !service->user)
		return fail_option(url, "password_file=", "needs user=NAME as well");
	return 0;
}

/* ---- servers and path ------------------------------------------------------------------------ */

static int fail_service_url(const char *scheme, const char *problem)
{
	return sn_fail(SNOWID_E_SYNTAX,
		       "the URL of the store %s %s; it is of the form "
		       "%s//host1,host2/id-generator?ttl=10s",
		       scheme, problem, scheme);
}

/* Whether a server is of the form HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static bool parse_server(struct option_text server, bool *has_port)
{
	const bool bracketed = server.length > 0 && server.start[0] == '[';
	const char *const host = bracketed ? server.start + 1 : server.start;
	const char *const end = server.start + server.length;
	const char *const allowed =
		bracketed ? "0123456789ABCDEFabcdef:.%"
			  : "-._0123456789"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *at = host + strspn(host, allowed);
	unsigned port = 0;

	if (at == host || at > end || (bracketed && *at++ != ']'))
		return false;
	*has_port = at < end;
	if (!*has_port)
		return true;
	if (*at++ != ':' || end - at > 5 || at == end)
		return false;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		port = port * 10 + (unsigned)(*at - '0');
	return at == end && port > 0 && port <= 65535;
}

/* Writes the servers of a URL, each with its port. */
static int write_servers(const char *scheme, struct option_text servers, const char *port,
			 char *out)
{
	const char *const end = servers.start + servers.length;
	const char *start = servers.start;

	for (;;) {
		const size_t length = strcspn(start, ",/?");
		bool has_port;
		if (!parse_server((struct option_text){start, length}, &has_port))
			return sn_fail(
				SNOWID_E_SYNTAX,
				"\"%.*s\" in the URL of the store %s is not a server such as "
				"host:2379 or [2001:db8::1]:2379",
				(int)(length < 60 ? length : 60), start, scheme);
		out += sprintf(out, "%.*s%s%s", (int)length, start, has_port ? "" : ":",
			       has_port ? "" : port);
		start += length;
		if (start >= end)
			return 0;
		*out++ = ',';
		start++;
	}
}

/* Names that need no quotes in any of the services. */
static bool is_service_path(struct option_text path)
{
	static const char allowed[] = "/-_.0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *const end = path.start + path.length;

	if (path.length < 2 || path.length > MAX_PATH || strspn(path.start, allowed) < path.length)
		return false;
	for (const char *at = path.start; at < end;) {
		const size_t length = strcspn(at + 1, "/?"); /* of what follows the / */
		if (length == 0 || at[1] == '.')
			return false;
		at += 1 + length;
	}
	return true;
}

/* Splits "/id-generator/datacenters/dc3", as the tool shows it. */
static void split_path(struct sn_service_url *url, char *root, char *datacenter)
{
	const char *const found = strstr(root, DATACENTERS);
	const size_t prefix = sizeof DATACENTERS - 1;

	*datacenter = '\0';
	if (found && found > root && found[prefix] != '\0' &&
	    strspn(found + prefix, "0123456789") == strlen(found + prefix)) {
		strcpy(datacenter, found);
		root[found - root] = '\0';
	}
	url->root = root;
	url->datacenter = datacenter;
}

bool sn_service_is_datacenter(const char *name)
{
	return strcmp(name, "datacenter") == 0 || strcmp(name, "dc") == 0;
}

void sn_service_datacenter_path(uint64_t datacenter, char path[SN_DATACENTER_PATH])
{
	snprintf(path, SN_DATACENTER_PATH, DATACENTERS "%" PRIu64, datacenter);
}

/* Copies a text to *out, which it moves behind it. */
static char *put_text(char **out, const char *text, size_t length)
{
	char *const copy = *out;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*out += length + 1;
	return copy;
}

static size_t count_commas(struct option_text text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.length; i++)
		count += text.start[i] == ',';
	return count;
}

static int read_service_url(const struct service_port *ports, struct option_text servers,
			    struct option_text path, struct sn_service_url *url)
{
	const char *const options = path.start + path.length;
	const size_t servers_size = servers.length + (count_commas(servers) + 1) * PORT_SIZE + 1;

	*url = (struct sn_service_url){.ttl_ns = DEFAULT_TTL, .reserve_ns = DEFAULT_RESERVE};
	url->texts = malloc(2 * servers_size + strlen(ports->scheme) + 3 * path.length +
			    2 * strlen(options) + 16);
	if (!url->texts)
		return sn_fail_nomem();
	char *out = url->texts;
	url->options = put_text(&out, options, strlen(options));
	char *const cut = put_text(&out, options, strlen(options));
	char *const root = put_text(&out, path.start, path.length);
	char *const datacenter = out;
	out += path.length + 1;
	char *const written = out;
	out += servers_size;
	url->name = out;
	url->service.servers = written;
	sprintf(out, "%s//%.*s%.*s", ports->scheme, (int)servers.length, servers.start,
		(int)path.length, path.start);
	split_path(url, root, datacenter);
	int error = set_service_options(url, cut);
	if (!error)
		error = check_options(url);
	if (!error)
		error = write_servers(ports->scheme, servers,
				      url->service.tls ? ports->tls_port : ports->port, written);
	return error;
}

int sn_service_url_parse(const char *scheme, const char *rest, struct sn_service_url *url)
{
	const struct service_port *ports = service_ports;

	while (strcmp(ports->scheme, scheme) != 0)
		ports++;
	if (strncmp(rest, "//", 2) != 0)
		return fail_service_url(scheme, "has no // after its scheme");
	const struct option_text servers = {rest + 2, strcspn(rest + 2, "/?")};
	const char *const end = servers.start + servers.length;
	const struct option_text path = {end, strcspn(end, "?")};
	if (memchr(servers.start, '@', servers.length))
		return fail_service_url(scheme,
					"must not have a user or password before an @, because it "
					"is shown; give user=NAME and password_file=/path, or the "
					"variable SNOWID_STORE_PASSWORD");
	if (servers.length == 0)
		return fail_service_url(scheme, "names no server");
	if (!is_service_path(path))
		return fail_service_url(scheme,
					"needs a path of at most 200 letters, digits and - _ . in "
					"parts that begin with / and have no . in front");
	const int error = read_service_url(ports, servers, path, url);
	if (error)
		sn_service_url_free(url);
	return error;
}

void sn_service_url_free(struct sn_service_url *url)
{
	free(url->texts);
	url->texts = NULL;
}
