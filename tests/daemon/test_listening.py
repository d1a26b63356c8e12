#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The addresses on which the daemon listens, and what becomes of the files of Unix sockets."""
import os
import signal
import socket

from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    check,
    equal,
    read_all,
    run_daemon,
    run_tests,
    scratch,
    statuses,
    wait_for,
    write_scratch,
)

PATH = scratch("socket")


def request_on(address, family=socket.AF_UNIX):
    """The statuses of one request."""
    with socket.socket(family) as s:
        s.settimeout(DEADLINE)
        s.connect(address)
        s.sendall(GET_AND_CLOSE)
        return statuses(read_all(s))


def test_unix_socket():
    rate = "--limits-rate", "1", "--limits-burst", "1"
    with Daemon("--listen", f"unix:{PATH} 127.0.0.1", *rate) as daemon:
        for _ in range(3):
            equal(request_on(PATH), [200], "a Unix socket is served, with no limit of rate")
        daemon.stop()
        check(not os.path.exists(PATH), "the file of the socket is removed at the end")


def test_reload():
    config = write_scratch("listen.yaml", f"listen: 'unix:{PATH}'\n")
    with Daemon("--config", config) as daemon, socket.socket(socket.AF_UNIX) as other:
        other.bind(PATH + "2")
        write_scratch("listen.yaml", f"listen: 'unix:{PATH}2'\n")
        daemon.send_signal(signal.SIGHUP)
        said = wait_for(lambda: "next start key=listen" in daemon.log(), "the reload")
        check(said, "listen takes effect at the next start")
        wait_for(lambda: " reloaded" in daemon.log(), "the end of the reload")
        daemon.stop()
        found = os.path.exists(PATH), os.path.exists(PATH + "2")
        equal(
            found,
            (False, True),
            "the socket that was made is removed, not the one configured since",
        )


def test_mode():
    for options, mode in ((), 0o600), (("--socket-mode", "0660"), 0o660):
        with Daemon("--listen", f"unix:{PATH}", *options):
            equal(os.stat(PATH).st_mode & 0o777, mode, f"the socket's mode is {mode:o}")


def test_addresses_in_the_log():
    with Daemon("--listen", f"127.0.0.1 unix:{PATH}") as daemon:
        lines = [f"for=http/1.1 address=127.0.0.1:{daemon.port}", f"address=unix:{PATH}"]
        check(all(line in daemon.log() for line in lines), "the log has addresses and ports")


def test_socket_of_another_process():
    with Daemon("--listen", f"unix:{PATH}") as daemon, socket.socket(socket.AF_UNIX) as other:
        os.unlink(PATH)
        other.bind(PATH)
        daemon.stop()
        check(
            os.path.exists(PATH), "a socket that has taken the place of the daemon's is not removed"
        )
    with socket.socket(socket.AF_UNIX) as other:
        os.unlink(PATH)
        other.bind(PATH)
        other.listen(1)
        got = run_daemon("--listen", f"unix:{PATH}3 unix:{PATH}")
        part = f"cannot listen on unix:{PATH}: Address already in use"
        good = got.returncode == 1 and part in got.stderr
        check(good, "a socket on which another process listens is not replaced", got.stderr)
        check(not os.path.exists(PATH + "3"), "a start that fails removes the sockets it made")
    with Daemon("--listen", f"unix:{PATH}"):
        equal(request_on(PATH), [200], "a socket on which nobody listens is replaced")


def test_ipv6():
    with Daemon("--listen", "[::1]") as daemon:
        equal(request_on(("::1", daemon.port), socket.AF_INET6), [200], "IPv6 is served")


if __name__ == "__main__":
    run_tests(globals())
