/* SPDX-License-Identifier: MIT
 *
 * The sockets to accept connections on.
 *
 * Each loop has a socket of its own for an address (SO_REUSEPORT), so that the kernel spreads
 * connections; sockets that were passed, and Unix sockets, are shared.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "snowidd/base/address.h"
#include "snowidd/base/log.h"
#include "snowidd/base/notify.h"
#include "snowidd/base/place.h"
#include "snowidd/net/listen.h"
#include "snowidd/net/protocol.h"
#include "snowidd/service/kinds.h"

#define LISTEN_SETTINGS 3

struct socket_address {
	struct sockaddr_storage name;
	socklen_t size;
};

/* Addresses to listen on, as a setting has them. */
struct listen_setting {
	const char *key;
	const struct text_list *addresses;
	uint16_t port; /* of those without one; 0: each must have one */
	bool makes_ids;
	const char *socket_name; /* of those that the service manager passes; NULL: any other */
	const struct protocol *protocol;
};

/* The first has the sockets that are passed with no other's name. */
static void list_settings(const struct settings *settings, const struct listen_protocols *protocols,
			  struct listen_setting all[LISTEN_SETTINGS])
{
	all[0] = (struct listen_setting){
		"listen", &settings->listen, (uint16_t)settings->port, true, NULL, protocols->rest};
	all[1] = (struct listen_setting){"grpc.listen", &settings->grpc_listen, 0, true,
					 "grpc",        protocols->grpc};
	all[2] = (struct listen_setting){"admin.listen", &settings->admin_listen, 0, false,
					 "admin",        protocols->admin};
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void set_unix_path(struct socket_address *address, const char *path)
{
	struct sockaddr_un *const name = (struct sockaddr_un *)&address->name;

	_Static_assert(sizeof name->sun_path >= ADDRESS_PATH_SIZE, "unix(7)");
	name->sun_family = AF_UNIX;
	snprintf(name->sun_path, sizeof name->sun_path, "%s", path);
	address->size = sizeof *name;
}

/* Only numbers: a name could resolve to another address at the next start. */
static bool set_host(struct socket_address *address, const char *host, uint16_t port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	char number[8];

	snprintf(number, sizeof number, "%u", (unsigned)port);
	if (getaddrinfo(strcmp(host, "*") == 0 ? "::" : host, number, &hints, &found) != 0)
		return false;
	memcpy(&address->name, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool read_address(const struct listen_setting *setting, const char *text,
			 struct socket_address *address, struct settings_error *error)
{
	struct address parsed;
	uint16_t port = 0;
	const bool good = address_parse(text, &parsed);

	*address = (struct socket_address){.size = 0};
	if (good && *parsed.path) {
		set_unix_path(address, parsed.path);
		return true;
	}
	if (good && !*parsed.port && setting->port == 0)
		return settings_fail(error, "%s: \"%.120s\" needs a port, as in 127.0.0.1:50051",
				     setting->key, text);
	if (good && !address_port(&parsed, setting->port, &port))
		return settings_fail(error, "%s: the port of \"%.120s\" is not from 1 to 65535",
				     setting->key, text);
	if (good && set_host(address, parsed.host, port))
		return true;
	return settings_fail(error,
			     "%s: \"%.120s\" is not an address such as 10.0.0.1%s, [::]:8080 "
			     "or unix:/path of at most %d bytes",
			     setting->key, text, setting->port > 0 ? "" : ":50051",
			     ADDRESS_PATH_SIZE - 1);
}

static bool is_local(const struct socket_address *address)
{
	if (address->name.ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)&address->name)->sin_addr.s_addr) >> 24 ==
		       127;
	if (address->name.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(
			&((const struct sockaddr_in6 *)&address->name)->sin6_addr);
	return true;
}

static bool check_scope(const struct settings *settings, const struct listen_setting *setting,
			const char *text, const struct socket_address *address,
			struct settings_error *error)
{
	if (!setting->makes_ids || is_local(address) || !kinds_host_scope(settings))
		return true;
	return settings_fail(error,
			     "%s: other hosts can reach %.120s, and neither worker_id nor store "
			     "says which worker this one is: set one of them",
			     setting->key, text);
}

/* The addresses of all settings. */
struct address_list {
	struct socket_address addresses[SOCKETS_MAX];
	size_t count;
};

static uint16_t port_of(const struct socket_address *address)
{
	return address->name.ss_family == AF_INET
		       ? ((const struct sockaddr_in *)&address->name)->sin_port
		       : ((const struct sockaddr_in6 *)&address->name)->sin6_port;
}

static bool is_any_host(const struct socket_address *address)
{
	return address->name.ss_family == AF_INET
		       ? ((const struct sockaddr_in *)&address->name)->sin_addr.s_addr == INADDR_ANY
		       : IN6_IS_ADDR_UNSPECIFIED(
				 &((const struct sockaddr_in6 *)&address->name)->sin6_addr);
}

/* Whether the kernel would give only one of them. :: includes IPv4. */
static bool addresses_overlap(const struct socket_address *a, const struct socket_address *b)
{
	const int family = a->name.ss_family, other = b->name.ss_family;

	if (family == other && memcmp(&a->name, &b->name, a->size) == 0)
		return true;
	if (family == AF_UNIX || other == AF_UNIX || port_of(a) != port_of(b))
		return false;
	if (family == other)
		return is_any_host(a) || is_any_host(b);
	return is_any_host(family == AF_INET6 ? a : b);
}

static bool add_to_list(struct address_list *list, const char *key, const char *text,
			const struct socket_address *address, struct settings_error *error)
{
	for (size_t i = 0; i < list->count; i++)
		if (addresses_overlap(&list->addresses[i], address))
			return settings_fail(error,
					     "%s: \"%.120s\" is there twice, or part of another "
					     "address",
					     key, text);
	if (list->count == SOCKETS_MAX)
		return settings_fail(error, "%s: more than %d addresses", key, SOCKETS_MAX);
	list->addresses[list->count++] = *address;
	return true;
}

static bool check_socket_place(const char *key, const struct socket_address *address,
			       struct settings_error *error)
{
	const char *const path = ((const struct sockaddr_un *)&address->name)->sun_path;

	return address->name.ss_family != AF_UNIX || place_is_good(path) ||
	       settings_fail(error, "%s: cannot listen on %.120s: %s", key, path, strerror(errno));
}

static bool check_addresses(const struct settings *settings, const struct listen_setting *setting,
			    bool thorough, struct address_list *list, struct settings_error *error)
{
	struct socket_address address;

	for (size_t i = 0; i < setting->addresses->count; i++) {
		const char *const text = setting->addresses->items[i];
		if (!read_address(setting, text, &address, error) ||
		    !check_scope(settings, setting, text, &address, error) ||
		    !add_to_list(list, setting->key, text, &address, error) ||
		    (thorough && !check_socket_place(setting->key, &address, error)))
			return false;
	}
	return true;
}

bool listen_check(const struct settings *settings, bool thorough, struct settings_error *error)
{
	const struct listen_protocols protocols = {NULL, NULL, NULL};
	struct listen_setting all[LISTEN_SETTINGS];
	struct address_list list = {.count = 0};

	list_settings(settings, &protocols, all);
	for (size_t i = 0; i < LISTEN_SETTINGS; i++)
		if (!check_addresses(settings, &all[i], thorough, &list, error))
			return false;
	return true;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static void enable_option(int fd, int level, int option)
{
	const int on = 1;
	setsockopt(fd, level, option, &on, sizeof on);
}

/* Returns the socket, or -1 with errno. */
static int open_socket(const struct socket_address *address, bool shared_port)
{
	const int family = address->name.ss_family;
	const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (family != AF_UNIX)
		enable_option(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared_port)
		enable_option(fd, SOL_SOCKET, SO_REUSEPORT);
	if (family == AF_INET6 &&
	    !IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->name)->sin6_addr))
		enable_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, (const struct sockaddr *)&address->name, address->size) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		const int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Removes a socket that no process listens on any more. */
static void remove_stale(const struct socket_address *address)
{
	const char *const path = ((const struct sockaddr_un *)&address->name)->sun_path;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat info;

	if (fd < 0)
		return;
	if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode) &&
	    connect(fd, (const struct sockaddr *)&address->name, address->size) != 0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

/* For listen_close(), which removes it. */
static void remember_socket_file(struct sockets *sockets, const struct socket_address *address)
{
	const struct sockaddr_un *const name = (const struct sockaddr_un *)&address->name;
	struct socket_file *const file = &sockets->files[sockets->file_count];
	struct stat info;

	if (lstat(name->sun_path, &info) != 0)
		return;
	snprintf(file->path, sizeof file->path, "%s", name->sun_path);
	file->device = info.st_dev;
	file->inode = info.st_ino;
	sockets->file_count++;
}

/* Adds one socket, which all loops share. */
static bool add_shared(struct sockets *sockets, const struct protocol *protocol, int fd)
{
	sockets->protocols[sockets->count] = protocol;
	for (size_t i = 0; i < sockets->loops; i++) {
		sockets->fds[i][sockets->count] = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (sockets->fds[i][sockets->count] < 0)
			return false;
	}
	sockets->count++;
	return true;
}

/* The file has its permissions from the beginning. No other thread runs yet. */
static int open_unix_socket(const struct socket_address *address, const char *mode)
{
	const mode_t mask = umask(0777 & ~(mode_t)strtoul(mode, NULL, 8));
	const int fd = open_socket(address, false);
	const int error = errno;

	umask(mask);
	errno = error;
	return fd;
}

static bool open_for_loops(struct sockets *sockets, const struct protocol *protocol,
			   const struct socket_address *address, const char *unix_mode)
{
	if (address->name.ss_family == AF_UNIX) {
		remove_stale(address);
		const int fd = open_unix_socket(address, unix_mode);
		if (fd < 0)
			return false;
		remember_socket_file(sockets, address);
		return add_shared(sockets, protocol, fd);
	}
	/* With SO_REUSEPORT alone, a second daemon would take half of the connections. */
	const int probe = open_socket(address, false);
	if (probe < 0)
		return false;
	close(probe);
	sockets->protocols[sockets->count] = protocol;
	for (size_t i = 0; i < sockets->loops; i++) {
		sockets->fds[i][sockets->count] = open_socket(address, true);
		if (sockets->fds[i][sockets->count] < 0)
			return false;
	}
	sockets->count++;
	return true;
}

/* 127.0.0.1:80, [::1]:80, or unix:/path. */
static void describe_address(const struct socket_address *address, char *text, size_t size)
{
	char host[64], port[8];

	if (address->name.ss_family == AF_UNIX)
		snprintf(text, size, "unix:%s",
			 ((const struct sockaddr_un *)&address->name)->sun_path);
	else if (getnameinfo((const struct sockaddr *)&address->name, address->size, host,
			     sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(text, size, address->name.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			 host, port);
}

static bool open_address(struct sockets *sockets, const struct settings *settings,
			 const struct listen_setting *setting, const char *text,
			 struct settings_error *error)
{
	struct socket_address address;
	char where[SOCKET_PATH + 8] = "";

	if (sockets->count == SOCKETS_MAX)
		return settings_fail(error, "%s: more than %d addresses", setting->key,
				     SOCKETS_MAX);
	if (!read_address(setting, text, &address, error) ||
	    !check_scope(settings, setting, text, &address, error))
		return false;
	if (!open_for_loops(sockets, setting->protocol, &address, settings->socket_mode)) {
		const int why = errno;
		describe_address(&address, where, sizeof where);
		return settings_fail(error, "%s: cannot listen on %.120s: %s", setting->key, where,
				     strerror(why));
	}
	describe_address(&address, where, sizeof where);
	log_event(LOG_LEVEL_INFO, "listening", "for",
		  setting->protocol->is_admin ? "admin" : setting->protocol->alpn, "address", where,
		  NULL);
	return true;
}

static bool open_addresses(struct sockets *sockets, const struct settings *settings,
			   const struct listen_setting *setting, struct settings_error *error)
{
	for (size_t i = 0; i < setting->addresses->count; i++)
		if (!open_address(sockets, settings, setting, setting->addresses->items[i], error))
			return false;
	return true;
}

/* Where other hosts cannot reach it. */
static bool open_loopback(struct sockets *sockets, const struct settings *settings,
			  const struct listen_setting *setting, struct settings_error *error)
{
	struct settings_error why;

	if (!open_address(sockets, settings, setting, "127.0.0.1", error))
		return false;
	/* A host without IPv6 has no ::1. */
	if (!open_address(sockets, settings, setting, "::1", &why))
		log_event(LOG_LEVEL_INFO, "not listening", "reason", why.text, NULL);
	return true;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof listening;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static const struct listen_setting *
find_setting_of_socket(const struct listen_setting all[LISTEN_SETTINGS], size_t index)
{
	for (size_t i = 1; i < LISTEN_SETTINGS; i++)
		if (notify_socket_is_named(index, all[i].socket_name))
			return &all[i];
	return &all[0];
}

/* The service manager passes sockets in blocking mode, with addresses that it has chosen. */
static bool adopt_passed_sockets(struct sockets *sockets, const struct settings *settings,
				 const struct listen_setting all[LISTEN_SETTINGS], int count,
				 struct settings_error *error)
{
	if (count > SOCKETS_MAX)
		return settings_fail(error, "the service manager has passed more than %d sockets",
				     SOCKETS_MAX);
	for (int fd = NOTIFY_FIRST_SOCKET; fd < NOTIFY_FIRST_SOCKET + count; fd++) {
		struct socket_address address = {.size = sizeof address.name};
		const struct listen_setting *const setting =
			find_setting_of_socket(all, (size_t)(fd - NOTIFY_FIRST_SOCKET));
		if (!is_listening(fd) ||
		    getsockname(fd, (struct sockaddr *)&address.name, &address.size) != 0)
			return settings_fail(error,
					     "file descriptor %d, passed by the service manager, "
					     "is not a socket that "
					     "listens for connections",
					     fd);
		if (!check_scope(settings, setting, "the socket passed by the service manager",
				 &address, error))
			return false;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		if (!add_shared(sockets, setting->protocol, fd))
			return settings_fail(error, "cannot share a socket: %s", strerror(errno));
	}
	log_event(LOG_LEVEL_INFO, "listening on the sockets passed by the service manager", NULL);
	return true;
}

bool listen_serves(const struct sockets *sockets, const struct protocol *protocol)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->protocols[i] == protocol)
			return true;
	return false;
}

/* What a setting says is ignored if a socket was passed for the same protocol. */
static bool open_setting(struct sockets *sockets, const struct settings *settings,
			 const struct listen_setting *setting, bool loopback_by_default,
			 struct settings_error *error)
{
	if (listen_serves(sockets, setting->protocol))
		return true;
	return setting->addresses->count == 0 && loopback_by_default
		       ? open_loopback(sockets, settings, setting, error)
		       : open_addresses(sockets, settings, setting, error);
}

bool listen_open(const struct settings *settings, size_t loops,
		 const struct listen_protocols *protocols, struct sockets *sockets,
		 struct settings_error *error)
{
	struct listen_setting all[LISTEN_SETTINGS];
	const int passed = notify_sockets();

	*sockets = (struct sockets){.loops = loops};
	sockets->fds = calloc(loops, sizeof *sockets->fds);
	if (!sockets->fds)
		return settings_fail(error, "out of memory");
	list_settings(settings, protocols, all);
	if (passed > 0 && !adopt_passed_sockets(sockets, settings, all, passed, error))
		return false;
	for (size_t i = 0; i < LISTEN_SETTINGS; i++)
		if (!open_setting(sockets, settings, &all[i], i == 0, error))
			return false;
	return true;
}

void listen_close(struct sockets *sockets)
{
	struct stat info;

	for (size_t i = 0; i < sockets->file_count; i++) {
		const struct socket_file *const file = &sockets->files[i];
		if (lstat(file->path, &info) == 0 && info.st_dev == file->device &&
		    info.st_ino == file->inode)
			unlink(file->path);
	}
	free(sockets->fds);
}
