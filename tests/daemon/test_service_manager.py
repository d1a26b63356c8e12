#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What systemd does, without it: sockets that are passed, notices, the watchdog.

See sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3)."""
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time

from harness import (
    DAEMON,
    DEADLINE,
    GET_AND_CLOSE,
    FrozenThreads,
    Load,
    check,
    environment,
    equal,
    free_port,
    read_all,
    read_text,
    run_tests,
    scratch,
    statuses,
    wait_for,
    write_scratch,
)

HOUR_US = 3600 * 1000000
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6, "0.0.0.0": socket.AF_INET}
# The addresses of the sockets, None for one that is UDP's, and what the log says about them.
PASSED = [
    (["127.0.0.1", "::1"], "serving"),
    (["127.0.0.1", "0.0.0.0"], "neither worker_id nor store"),
    (
        ["127.0.0.1", None],
        "file descriptor 4, passed by the service manager, is not a socket that listens",
    ),
]


def start_with_sockets(sockets, log, *options, **env):
    """Starts the daemon as systemd would, with sockets as descriptors 3 and on.

    The shell knows the process ID that the daemon will have, and moves the sockets."""
    high = [fcntl.fcntl(s, fcntl.F_DUPFD, 100) for s in sockets]
    redirections = " ".join(f"{3 + i}<&{number}" for i, number in enumerate(high))
    variables = " ".join(f"{name}={value}" for name, value in env.items())
    script = f"exec env LISTEN_PID=$$ LISTEN_FDS={len(sockets)} {variables} {DAEMON}"
    command = ["bash", "-c", " ".join([script, *options, redirections])]
    with open(log, "ab") as file:
        process = subprocess.Popen(command, env=environment(), pass_fds=high, stderr=file)
    for number in high:
        os.close(number)
    return process


def bound_socket(address):
    """Its port is any. Without an address it is one that cannot listen."""
    kind = socket.SOCK_STREAM if address else socket.SOCK_DGRAM
    s = socket.socket(FAMILIES.get(address, socket.AF_INET), kind)
    s.bind((address or "127.0.0.1", 0))
    if address:
        s.listen(100)
    return s


def request_on(listener):
    with socket.create_connection(listener.getsockname(), DEADLINE) as s:
        s.sendall(GET_AND_CLOSE)
        return statuses(read_all(s))


class Notices:
    """What the daemon sends to $NOTIFY_SOCKET."""

    def __init__(self):
        self.path = scratch("notify." + str(free_port()))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def wait_for(self, wanted):
        self.socket.settimeout(DEADLINE)
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if wanted in self.socket.recv(1000).decode():
                return True
        return False

    def drain(self):
        """Those that are there."""
        self.socket.settimeout(0)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(1000))
        return found


def test_passed_sockets():
    """Each of several is looked at; without configuration all have to be local."""
    for addresses, wanted in PASSED:
        sockets = [bound_socket(address) for address in addresses]
        log = write_scratch("passed.log")
        unused = scratch("unused." + str(free_port()))
        with socket.socket(socket.AF_UNIX) as s:  # that of the setting listen, which systemd made
            s.bind(unused)
        process = start_with_sockets(sockets, log, "--listen", "unix:" + unused)

        def is_logged(log=log, wanted=wanted):
            return wanted in read_text(log)

        wait_for(lambda p=process: is_logged() or p.poll() is not None, "the daemon")
        check(is_logged(), f"sockets are passed: {addresses}: {wanted}", read_text(log))
        process.terminate()
        process.wait(DEADLINE)
        check(os.path.exists(unused), f"sockets are passed: {addresses}: others are not removed")
        for s in sockets:
            s.close()


def test_named_sockets():
    """FileDescriptorName= says what is spoken on a socket."""
    with contextlib.ExitStack() as stack:
        rest, grpc, admin = (stack.enter_context(bound_socket("127.0.0.1")) for _ in range(3))
        log = write_scratch("named.log")
        process = start_with_sockets([rest, grpc, admin], log, LISTEN_FDNAMES="http:grpc:admin")
        wait_for(lambda: "serving" in read_text(log), "the daemon")
        equal(request_on(rest), [200], "a socket with another name serves HTTP")
        equal(request_on(grpc), [505], "one with the name grpc serves gRPC")
        equal(request_on(admin), [404], "one with the name admin makes no IDs")
        process.terminate()
        equal(process.wait(DEADLINE), 0, "named sockets: SIGTERM")


def test_idle_watchdog():
    """The watchdog of an hour has not asked any thread yet when the daemon is stopped."""
    notices, log = Notices(), write_scratch("idle.log")
    with bound_socket("127.0.0.1") as listener:
        env = {"NOTIFY_SOCKET": notices.path, "WATCHDOG_USEC": 2 * HOUR_US}
        process = start_with_sockets([listener], log, "--threads", "2", **env)
        check(notices.wait_for("READY=1"), "notice of a start with a slow watchdog")
        # Under ThreadSanitizer a signal that comes while the notice is sent waits for ever.
        equal(request_on(listener), [200], "a daemon with a slow watchdog serves")
        process.terminate()
        equal(process.wait(DEADLINE), 0, "a daemon with a slow watchdog stops in order")
        silent = "does not answer" in read_text(log)
        check(not silent, "no thread is said to be silent before it has been asked")


def test_status():
    notices, log = Notices(), write_scratch("status.log")
    slow = "--worker-id", "1", "--store", "file:" + scratch("status"), "--reserve", "600s"
    with bound_socket("127.0.0.1") as listener:
        process = start_with_sockets([listener], log, *slow, NOTIFY_SOCKET=notices.path)
        waits = notices.wait_for("STATUS=waiting for the store")
        check(waits, "systemctl status says that the start waits for the store")
        longer = notices.wait_for("EXTEND_TIMEOUT_USEC=")
        check(longer, "a start that waits for the store asks for more time")
        process.terminate()
        equal(process.wait(DEADLINE), 0, "a start that waits for the store can be stopped")
        options = "--worker-id", "5", "--store", "memory:"
        process = start_with_sockets([listener], log, *options, NOTIFY_SOCKET=notices.path)
        serves = notices.wait_for("STATUS=serving as datacenter=0,worker=5")
        check(serves, "systemctl status says which worker serves")
        process.terminate()
        check(notices.wait_for("EXTEND_TIMEOUT_USEC=25000000"), "a stop asks for all its time")
        equal(process.wait(DEADLINE), 0, "the daemon that serves can be stopped")


class SocketLoad(Load):
    def __init__(self, listener):
        super().__init__(clients=4)
        self.listener, self.served = listener, 0

    def run(self):
        while not self.stopping.is_set():
            try:
                if request_on(self.listener) != [200]:
                    self.failures.append("no response")
                self.served += 1
            except OSError as error:
                self.failures.append(repr(error))


def test_restart():
    notices = Notices()
    with bound_socket("127.0.0.1") as listener:
        env = {"NOTIFY_SOCKET": notices.path, "WATCHDOG_USEC": 200000}

        def start():
            return start_with_sockets([listener], os.devnull, "--threads", "2", **env)

        first = start()
        check(notices.wait_for("READY=1"), "notice of a start")
        check(notices.wait_for("WATCHDOG=1"), "notices for the watchdog")
        with SocketLoad(listener) as load:
            first.send_signal(signal.SIGHUP)
            reloaded = notices.wait_for("RELOADING=1") and notices.wait_for("READY=1")
            check(reloaded, "notices of a reload, at its start and its end")
            first.send_signal(signal.SIGTERM)
            check(notices.wait_for("STOPPING=1"), "notice of a stop")
            equal(first.wait(DEADLINE), 0, "the first daemon stops in order")
            before = load.served
            second = start()
            goes_on = notices.wait_for("READY=1")
            goes_on = goes_on and wait_for(lambda: load.served > before + 20, "more requests")
            check(goes_on, "a second daemon takes the socket over")
        equal(
            load.failures,
            [],
            f"a restart with a passed socket fails none of {load.served} requests",
        )
        second.send_signal(signal.SIGTERM)
        second.wait(DEADLINE)


def test_socket_activation():
    port = free_port()
    variables = (f"-E{name}={value}" for name, value in environment().items())
    address = "-l", f"127.0.0.1:{port}"
    command = ["systemd-socket-activate", *address, *variables, DAEMON, "--threads", "2"]

    def is_served():
        with contextlib.suppress(ConnectionRefusedError):
            with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
                s.sendall(GET_AND_CLOSE)
                return statuses(read_all(s)) == [200]
        return False

    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as process:
        served = wait_for(is_served, "a response")
        check(served, "systemd-socket-activate starts the daemon for its first client")
        process.terminate()
        status = process.wait(DEADLINE)
        equal(status, 0, "a daemon that systemd-socket-activate started stops in order")


def test_frozen_threads():
    notices, log = Notices(), write_scratch("frozen.log")

    def complaints():
        return read_text(log).count("does not answer")

    with bound_socket("127.0.0.1") as listener:
        env = {"NOTIFY_SOCKET": notices.path, "WATCHDOG_USEC": 200000}
        process = start_with_sockets([listener], log, "--threads", "2", **env)
        started = notices.wait_for("READY=1") and notices.wait_for("WATCHDOG=1")
        check(started, "notices for the watchdog of a daemon that will hang")
        threads = [int(thread) for thread in os.listdir(f"/proc/{process.pid}/task")]
        with FrozenThreads([thread for thread in threads if thread != process.pid]) as frozen:
            if frozen.complete:
                before = complaints()  # a busy machine may have been slow already
                logged = wait_for(lambda: complaints() > before, "a complaint")
                check(logged, "threads that hang are logged")
                notices.drain()
                wait_for(lambda: complaints() > before + 2, "more complaints")
                equal(notices.drain(), [], "while threads hang, the watchdog gets no notice")
            else:
                print("# skipped: not allowed to trace")
            process.kill()
        process.wait(DEADLINE)


if __name__ == "__main__":
    run_tests(globals())
