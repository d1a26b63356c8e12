#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""SIGTERM: which requests are still answered, and for whom the daemon does not wait.

Idle connections stay open for a twentieth of limits.stop_timeout: a request may be on its way."""
import json
import os
import signal
import subprocess
import threading
import time

from harness import (
    DAEMON,
    DEADLINE,
    Daemon,
    check,
    environment,
    equal,
    free_port,
    get,
    read_all,
    read_text,
    run_daemon,
    run_tests,
    scratch,
    statuses,
    wait_for,
)

CLIENTS = 40


class BusyClient(threading.Thread):
    """Sends requests, one after the other, until the daemon closes the connection."""

    def __init__(self, daemon, started):
        super().__init__()
        self.client, self.started, self.sent, self.failure = daemon.client(), started, 0, None

    def run(self):
        self.started.wait()
        try:
            while self.request():
                pass
        except ConnectionRefusedError:  # of a client whose connection was closed before
            self.failure = "refused" if self.client.sock else None
        except Exception as error:  # pylint: disable=broad-except
            self.failure = repr(error)

    def request(self):
        self.client.request("GET", "/api/v1/ids?count=20")
        response = self.client.getresponse()
        if response.status != 200 or len(json.loads(response.read())["ids"]) != 20:
            self.failure = "status"
        self.sent += 1
        return response.headers["Connection"] != "close"


def get_first_response(s):
    s.sendall(get())
    wait_for(lambda: statuses(s.recv(4096)) == [200], "a response")


def start_to_stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in daemon.log(), "the daemon to stop")


def test_load():
    with Daemon("--threads", "2", "--limits-stop-timeout", "3600s") as daemon:
        started = threading.Barrier(CLIENTS + 1)
        clients = [BusyClient(daemon, started) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        started.wait()
        count = 'snowid_ids_generated_total{kind="snowflake"}'
        wait_for(lambda: daemon.metric(count) > 4000, "some load")
        equal(daemon.stop(), 0, "SIGTERM under load: exit status 0")
        for client in clients:
            client.join()
        lost = [client.failure for client in clients if client.failure]
        sent = sum(client.sent for client in clients)
        equal(lost, [], f"40 busy clients lose none of their {sent} requests")
        check("stopped" in daemon.log(), "the log says that the daemon has stopped")


def test_idle_connections():
    with Daemon("--limits-stop-timeout", "2s") as daemon:
        with daemon.connect() as silent, daemon.connect() as idle:
            get_first_response(idle)
            found = daemon.stop(), "still busy" in daemon.log()
            equal(
                found,
                (0, False),
                "the daemon does not wait for a client that has asked for nothing",
            )
            equal((read_all(silent), read_all(idle)), (b"", b""), "such a client is sent nothing")


def test_late_request():
    # The request arrives while the daemon is frozen, and a twentieth of the time passes.
    with Daemon("--limits-stop-timeout", "40s") as daemon, daemon.connect() as s:
        get_first_response(s)
        start_to_stop(daemon)
        daemon.send_signal(signal.SIGSTOP)
        s.sendall(get())
        time.sleep(2.1)
        daemon.send_signal(signal.SIGCONT)
        equal(statuses(read_all(s)), [200], "a request that has arrived in time is answered")
        equal(daemon.process.wait(DEADLINE), 0, "the daemon stops after the request")


def test_begun_request():
    timeouts = "--limits-stop-timeout", "40s", "--limits-header-timeout", "3600s"
    with Daemon("--threads", "1", *timeouts) as daemon:
        with daemon.connect() as s, daemon.connect() as idle:
            s.sendall(b"GET / HTTP")
            start_to_stop(daemon)
            read_all(idle)  # its end shows that the thread is stopping
            s.sendall(b"/1.1\r\nHost: x\r\n\r\n")
            data = read_all(s)
        good = statuses(data) == [200] and b"Connection: close" in data
        check(good, "a request that had begun is answered, and its connection closed", data)
        equal(daemon.process.wait(DEADLINE), 0, "the daemon stops after the request that had begun")


def test_unfinished_request():
    with Daemon() as daemon, daemon.connect() as s:
        s.sendall(b"GET / HTTP")
        wait_for(lambda: daemon.metric("snowid_connections_open") == 2, "the connection")
        start_to_stop(daemon)
        daemon.send_signal(signal.SIGTERM)
        status = daemon.process.wait(DEADLINE)
        equal(status, -signal.SIGTERM, "a second SIGTERM ends the daemon at once")
    with Daemon("--limits-stop-timeout", "100ms") as daemon, daemon.connect() as s:
        s.sendall(b"GET / HTTP")
        wait_for(lambda: daemon.metric("snowid_connections_open") == 2, "the connection")
        equal(
            daemon.stop(), 0, "limits.stop_timeout ends the wait for a request that is unfinished"
        )


def test_worker():
    store = "--store", f"slots:{scratch('one')}?workers=4-4", "--reserve", "100ms", "--hold", "30ms"
    workers = set()
    for _ in range(2):
        with Daemon(*store) as daemon:
            workers.add(daemon.json("/api/v1/health")["worker_id"])
            got = run_daemon("--port", str(free_port()), *store)
            good = got.returncode == 1 and "cannot start" in got.stderr
            check(good, "where no worker is free, the start fails with exit status 1", got.stderr)
            daemon.stop()
    equal(workers, {4}, "a stop releases the worker for the next start")


def test_waiting_for_a_store():
    """A new state file begins a reserve ahead of the clock."""
    for number in signal.SIGTERM, signal.SIGINT:
        path, log = scratch("waiting.socket"), scratch(f"waiting.{number}.log")
        store = "--store", "file:" + scratch(f"waiting.{number}"), "--reserve", "600s"
        command = [DAEMON, "--worker-id", "1", *store, "--listen", "unix:" + path]
        with open(log, "wb") as file, subprocess.Popen(
            command, env=environment(), stderr=file
        ) as process:
            waits = wait_for(lambda: "waiting for the store" in read_text(log), "the wait")
            check(waits, "the log says that the start waits for the store")
            process.send_signal(signal.SIGHUP)
            process.send_signal(number)
            equal(process.wait(DEADLINE), 0, f"signal {number} ends the wait, with exit status 0")
        check("stopped while it was waiting" in read_text(log), "the log says so", read_text(log))
        check(not os.path.exists(path), "no socket is left")


def test_drain_delay():
    with Daemon("--limits-drain-delay", "3600s") as daemon:
        start_to_stop(daemon)
        found = [daemon.status(path) for path in ("/api/v1/health/ready", "/v1/next_id")]
        equal(found, [503, 200], "a daemon that drains is not ready, and serves new connections")
        equal(daemon.stop(), -signal.SIGTERM, "a second SIGTERM ends it at once")
    with Daemon("--limits-drain-delay", "50ms") as daemon:
        equal(daemon.stop(), 0, "after the delay it stops in order")
        check(daemon.log().rstrip().endswith("stopped"), "the log says so", daemon.log())


if __name__ == "__main__":
    run_tests(globals())
