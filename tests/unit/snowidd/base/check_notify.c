/* SPDX-License-Identifier: MIT
 *
 * What the service manager passes in the environment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "snowidd/base/notify.h"
#include "tests/unit/check.h"
#include "tests/unit/directory.h"

static void set_own_pid(const char *name)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv(name, pid, 1);
}

TEST(sockets_are_counted_if_they_are_for_this_process)
{
	setenv("LISTEN_FDS", "2", 1);
	ck_assert_int_eq(notify_sockets(), 0);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_PID", "1", 1);
	ck_assert_int_eq(notify_sockets(), 0);
	setenv("LISTEN_FDS", "2", 1);
	set_own_pid("LISTEN_PID");
	ck_assert_int_eq(notify_sockets(), 2);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_int_eq(notify_sockets(), 0);
}

TEST(sockets_have_the_names_of_their_units)
{
	setenv("LISTEN_FDNAMES", "http:grpc:", 1);
	ck_assert(notify_socket_is_named(0, "http"));
	ck_assert(notify_socket_is_named(1, "grpc"));
	ck_assert(!notify_socket_is_named(0, "grpc"));
	ck_assert(!notify_socket_is_named(0, "htt"));
	ck_assert(!notify_socket_is_named(1, "grpcs"));
	ck_assert(!notify_socket_is_named(2, "grpc"));
	ck_assert(!notify_socket_is_named(9, "grpc"));
	unsetenv("LISTEN_FDNAMES");
	ck_assert(!notify_socket_is_named(0, "grpc"));
}

TEST(a_number_of_sockets_that_is_none_is_0)
{
	static const char *const bad[] = {"", "x", "-1", "+1", "1x", " 1", "99999999999999999999"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		setenv("LISTEN_FDS", bad[i], 1);
		set_own_pid("LISTEN_PID");
		ck_assert_msg(notify_sockets() == 0, "%s", bad[i]);
	}
}

TEST(the_watchdog_is_fed_twice_as_often_as_it_asks)
{
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	ck_assert_uint_eq(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	ck_assert_uint_eq(notify_watchdog_ms(), 1500);
	set_own_pid("WATCHDOG_PID");
	ck_assert_uint_eq(notify_watchdog_ms(), 1500);
	setenv("WATCHDOG_PID", "1", 1);
	ck_assert_uint_eq(notify_watchdog_ms(), 0);
}

static int listen_for_notices(struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	const int length =
		snprintf(address->sun_path, sizeof address->sun_path, "%s/notify", directory);
	ck_assert_int_lt(length, (int)sizeof address->sun_path); /* else make it shorter */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
	return fd;
}

TEST(notices_go_to_the_socket_of_the_service_manager)
{
	struct sockaddr_un address;
	char text[100];

	directory_make();
	const int fd = listen_for_notices(&address);
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	ck_assert_int_lt(recv(fd, text, sizeof text, 0), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	notify_send("READY=1");
	ck_assert_int_eq(recv(fd, text, sizeof text, 0), 7);
	ck_assert_mem_eq(text, "READY=1", 7);
	notify_reloading();
	ck_assert_int_gt(recv(fd, text, sizeof text, 0), 0);
	ck_assert_mem_eq(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_status("no IDs\nREADY=1");
	ck_assert_int_eq(recv(fd, text, sizeof text, 0), 13);
	ck_assert_mem_eq(text, "STATUS=no IDs", 13);
	notify_extend(2000000000);
	ck_assert_int_eq(recv(fd, text, sizeof text, 0), 27);
	ck_assert_mem_eq(text, "EXTEND_TIMEOUT_USEC=2000000", 27);
	close(fd);
	directory_remove();
}

int main(void)
{
	return run_tests(NULL, NULL);
}
