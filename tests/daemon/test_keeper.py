#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Only the thread that renews the stores waits for a disk: while it hangs, the others serve."""
import signal

from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    FrozenThreads,
    check,
    equal,
    error_code,
    read_all,
    run_tests,
    scratch,
    statuses,
    wait_for,
)

LIMIT_AHEAD = 'snowid_store_limit_ahead_seconds{kind="snowflake"}'
PROBES = "/api/v1/health/live", "/api/v1/health/ready", "/api/v1/parse?id=5", "/metrics"


def daemon_with(*options):
    block = "--reserve", "100ms", "--hold", "30ms"
    store = "--store", "file:" + scratch("kept"), "--worker-id", "1", *block
    return Daemon(*store, "--threads", "2", *options)


def frozen_keeper(daemon):
    frozen = FrozenThreads([daemon.thread_named("keeper")])
    if not frozen.complete:
        raise PermissionError("ptrace(2) of the keeper")
    return frozen


def test_limit():
    with daemon_with("--limits-wait-timeout", "50ms") as daemon:
        with frozen_keeper(daemon):
            reached = wait_for(lambda: daemon.status("/api/v1/id") == 503, "the limit")
            check(reached, "no thread that serves renews the store")
            status, headers, body = daemon.request("/api/v1/id")
            found = status, error_code(body), headers["Retry-After"]
            equal(
                found, (503, "store_unavailable", "1"), "at the limit of the store, IDs are refused"
            )
            unready = wait_for(
                lambda: daemon.status(PROBES[1]) == 503, "the readiness probe to fail"
            )
            check(unready, "the daemon is unready once requests are refused")
            found = [daemon.status(path) for path in PROBES]
            equal(found, [200, 503, 200, 200], "everything but IDs is served")
        served = wait_for(lambda: daemon.status("/api/v1/id") == 200, "the renewal")
        check(served, "IDs are served again once the store is renewed")
        equal(daemon.stop(), 0, "the daemon stops in order")


def test_waiting_requests():
    with daemon_with("--limits-wait-timeout", "600s") as daemon, daemon.connect() as s:
        renewed = wait_for(lambda: daemon.metric(LIMIT_AHEAD) > 0, "the first renewal")
        check(renewed, "the keeper says when the limit is reached")
        with frozen_keeper(daemon):
            reached = wait_for(lambda: daemon.metric(LIMIT_AHEAD) == 0, "the limit")
            check(reached, "the limit is reached while the keeper stands still")
            s.sendall(GET_AND_CLOSE)
            status = daemon.status("/api/v1/health/ready")
            equal(status, 200, "the daemon is ready while requests may still wait for the keeper")
        equal(statuses(read_all(s)), [200], "a request that waited for the keeper gets its ID")


def test_stop():
    with daemon_with("--limits-stop-timeout", "100ms") as daemon:
        with frozen_keeper(daemon):
            daemon.send_signal(signal.SIGTERM)
            names = {"loop 0\n", "loop 1\n"}
            gone = wait_for(lambda: not names & set(daemon.of_threads("comm").values()), "the end")
            check(gone, "the threads that serve end without the keeper")
            check(daemon.process.poll() is None, "the daemon waits for the keeper")
            daemon.send_signal(signal.SIGTERM)
        status = daemon.process.wait(DEADLINE)
        equal(status, -signal.SIGTERM, "a second SIGTERM ends the daemon without the keeper")


if __name__ == "__main__":
    run_tests(globals())
