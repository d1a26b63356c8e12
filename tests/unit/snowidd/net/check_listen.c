/* SPDX-License-Identifier: MIT
 *
 * The sockets to accept connections on.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snowidd/base/log.h"
#include "snowidd/base/notify.h"
#include "snowidd/config/sources.h"
#include "snowidd/net/listen.h"
#include "snowidd/net/protocol.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

#define LOOPS 3

static const struct protocol rest, grpc, admin = {.is_admin = true};
static const struct listen_protocols protocols = {&rest, &grpc, &admin};
static struct sockets sockets;
static struct settings *settings;
static struct settings_error error;

static void begin(void)
{
	unsetenv("LISTEN_FDS");
	unsetenv("SNOWID_STORE");
	log_open(LOG_LEVEL_ERROR, false, false);
	directory_make();
}

static void end(void)
{
	settings_free(settings);
	directory_remove();
}

static void load_listen(const char *listen, const char *worker)
{
	char addresses[5000], worker_id[64];
	char *options[] = {addresses, worker_id, NULL};

	snprintf(addresses, sizeof addresses, "--listen=%s", listen);
	snprintf(worker_id, sizeof worker_id, "--worker-id=%s", worker);
	settings_free(settings);
	settings = settings_load(options, "/dev/null", &error);
	ck_assert_msg(settings != NULL, "%s", error.text);
}

static void close_sockets(void)
{
	for (size_t i = 0; i < LOOPS; i++)
		for (size_t k = 0; k < sockets.count; k++)
			close(sockets.fds[i][k]);
	listen_close(&sockets);
}

/* A port that nothing listens on. */
static unsigned find_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof address;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	getsockname(fd, (struct sockaddr *)&address, &size);
	close(fd);
	return ntohs(address.sin_port);
}

TEST(each_loop_has_a_socket_of_its_own_for_an_address)
{
	char listen[200];

	snprintf(listen, sizeof listen, "127.0.0.1:%u", find_free_port());
	load_listen(listen, "store");
	ck_assert_msg(listen_open(settings, LOOPS, &protocols, &sockets, &error), "%s", error.text);
	ck_assert_uint_eq(sockets.count, 1);
	ck_assert_ptr_eq(sockets.protocols[0], &rest);
	for (size_t i = 0; i < LOOPS; i++) {
		struct stat info, first;
		ck_assert_int_eq(fstat(sockets.fds[i][0], &info), 0);
		fstat(sockets.fds[0][0], &first);
		ck_assert_int_eq(info.st_ino == first.st_ino, i == 0);
	}
	/* Although the sockets are shared between loops, another daemon may not join. */
	struct sockets others;
	ck_assert(!listen_open(settings, LOOPS, &protocols, &others, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "Address already in use"));
	listen_close(&others);
	close_sockets();
}

TEST(a_unix_socket_is_shared_and_removed)
{
	char listen[5000], *const path = listen + strlen("unix:");

	snprintf(listen, sizeof listen, "unix:%s/s", directory);
	if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
		return; /* tests run in a directory with a long name */
	load_listen(listen, "store");
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(listen_open(settings, LOOPS, &protocols, &sockets, &error), "%s",
			      error.text);
		ck_assert_int_eq(access(path, F_OK), 0);
		ck_assert_int_ne(sockets.fds[0][0], sockets.fds[1][0]);
		close_sockets();
		ck_assert_int_ne(access(path, F_OK), 0);
	}
	/* One that another process has put in its place stays. */
	ck_assert(listen_open(settings, LOOPS, &protocols, &sockets, &error));
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	close_sockets();
	ck_assert_int_eq(access(path, F_OK), 0);
}

/* As the service manager does it: from descriptor 3 on, which libcheck uses too, so that this is
 * for a process of its own. */
static void pass_socket(bool listening)
{
	char pid[16];
	struct sockaddr_in address = {.sin_family = AF_INET};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    (listening && listen(fd, 1) != 0))
		_exit(100);
	dup2(fd, NOTIFY_FIRST_SOCKET);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

/* Opens sockets in a child process, and returns what `check` does, 0 if all is well. */
static int check_with_passed_socket(bool listening, int (*check)(bool opened))
{
	int status;
	const pid_t child = fork();

	if (child == 0) {
		pass_socket(listening);
		_exit(check(listen_open(settings, LOOPS, &protocols, &sockets, &error)));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int check_passed(bool opened)
{
	if (!opened || sockets.count != 1)
		return 1;
	if (sockets.fds[0][0] != NOTIFY_FIRST_SOCKET)
		return 2;
	if (!(fcntl(NOTIFY_FIRST_SOCKET, F_GETFL) & O_NONBLOCK))
		return 3;
	for (size_t i = 0; i < LOOPS; i++)
		if (!(fcntl(sockets.fds[i][0], F_GETFD) & FD_CLOEXEC))
			return 4;
	return 0;
}

static int check_refused(bool opened)
{
	if (opened)
		return 1;
	return strstr(error.text, "file descriptor 3, passed by the service manager, is not a") ? 0
												: 2;
}

TEST(sockets_of_the_service_manager_replace_the_addresses)
{
	load_listen("127.0.0.1:1", "store");
	ck_assert_int_eq(check_with_passed_socket(true, check_passed), 0);
}

TEST(a_socket_that_does_not_listen_is_refused)
{
	load_listen("127.0.0.1", "store");
	ck_assert_int_eq(check_with_passed_socket(false, check_refused), 0);
}

TEST(addresses_are_checked_without_opening_them)
{
	static const char *const good[] = {"127.0.0.1", "127.9.9.9:80", "::1", "[::1]:65535",
					   "unix:/tmp/x"};
	static const char *const bad[] = {"127.0.0.1:0", "127.0.0.1:65536", "localhost", "unix:x",
					  "[::1]80",     "10.0.0.1",        "*",         "[::]:80"};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		load_listen(good[i], "store");
		ck_assert_msg(listen_check(settings, true, &error), "%s: %s", good[i], error.text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		load_listen(bad[i], "store");
		ck_assert_msg(!listen_check(settings, true, &error), "%s", bad[i]);
	}
}

TEST(an_address_may_be_there_only_once)
{
	static const struct {
		const char *listen;
		bool good;
	} cases[] = {
		{"10.0.0.1 10.0.0.1:8080", false},
		{"10.0.0.1:1 10.0.0.1:2", true},
		{"10.0.0.1:1 10.0.0.2:1", true},
		{"0.0.0.0 127.0.0.1", false},
		{"127.0.0.1 *", false},
		{"0.0.0.0 *", false},
		{"[::1]:1 [::]:1", false},
		{"[::1]:1 0.0.0.0:1", true},
		{"[::1]:1 127.0.0.1:1", true},
		{"unix:/tmp/x unix:/tmp/x", false},
		{"unix:/tmp/x unix:/tmp/y 10.0.0.1", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		load_listen(cases[i].listen, "5");
		ck_assert_msg(listen_check(settings, true, &error) == cases[i].good, "%s",
			      cases[i].listen);
		if (!cases[i].good)
			ck_assert_ptr_nonnull(strstr(error.text, "is there twice"));
	}
	load_listen("127.0.0.1:80", "5");
	settings_set(settings, setting_find("grpc.listen"), "127.0.0.1:80", false, "", &error);
	ck_assert(!listen_check(settings, false, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "grpc.listen: \"127.0.0.1:80\" is there twice"));
}

TEST(a_unix_socket_needs_a_directory)
{
	load_listen("unix:/nonexistent/x", "store");
	ck_assert(listen_check(settings, false, &error));
	ck_assert(!listen_check(settings, true, &error));
	ck_assert_str_eq(error.text, "listen: cannot listen on /nonexistent/x: No such file or "
				     "directory");
}

/* It makes no IDs, so that it need not be known which worker this is. */
TEST(operators_may_reach_any_server_from_other_hosts)
{
	load_listen("127.0.0.1:80", "store");
	settings_set(settings, setting_find("admin.listen"), "10.0.0.1:81", false, "", &error);
	ck_assert_msg(listen_check(settings, false, &error), "%s", error.text);
	settings_set(settings, setting_find("admin.listen"), "10.0.0.1", false, "", &error);
	ck_assert(!listen_check(settings, false, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "admin.listen: \"10.0.0.1\" needs a port"));
	settings_set(settings, setting_find("admin.listen"), "127.0.0.1:80", false, "", &error);
	ck_assert(!listen_check(settings, false, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "admin.listen: \"127.0.0.1:80\" is there twice"));
}

/* Two hosts without configuration would have the same worker. */
TEST(other_hosts_may_only_reach_a_worker_that_is_configured)
{
	load_listen("10.0.0.1 [2001:db8::1]:80 *", "store");
	ck_assert(!listen_check(settings, true, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "other hosts can reach 10.0.0.1"));
	load_listen("10.0.0.1 [2001:db8::1]:80 *:81", "5");
	ck_assert_msg(listen_check(settings, true, &error), "%s", error.text);
}

int main(void)
{
	return run_tests(begin, end);
}
