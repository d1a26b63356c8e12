#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Who gets the IDs when more are asked for than there are, and clients that have gone."""
import contextlib
import signal
import socket
import struct

from harness import Daemon, check, equal, get, read_all, run_tests, statuses, wait_for

CLIENTS = 1000
BATCH = get("/api/v1/ids?count=10000", "Connection: close\r\n")
# 16,000 IDs per second: the batches of all clients would take ten minutes.
SCARCE = "--kinds", "x=time:41,worker:16,sequence:4", "--worker-id", "1", "--store", "memory:"
PATIENT = "--limits-wait-timeout", "3600s"
PLENTY = "--kinds", "x=time:41,worker:1,sequence:22", "--worker-id", "1", "--store", "memory:"
LINGER = struct.pack("ii", 1, 0)  # close(2) resets the connection


@contextlib.contextmanager
def connected(daemon, count=CLIENTS):
    """Clients that the daemon has accepted."""
    sockets = [daemon.connect() for _ in range(count)]
    try:
        accepted = wait_for(lambda: open_connections(daemon) >= count, "the clients")
        check(accepted, f"{count} clients are connected")
        yield sockets
    finally:
        for s in sockets:
            s.close()


def open_connections(daemon):
    return daemon.metric("snowid_connections_open")


def ids_made(daemon):
    return daemon.metric('snowid_ids_generated_total{kind="x"}')


def reset(sockets):
    for s in sockets:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        s.close()


def only_metrics_are_open(daemon):
    return wait_for(lambda: open_connections(daemon) <= 1, "the end of the connections")


def single_id_statuses(daemon, count):
    found = set()
    with contextlib.closing(daemon.client()) as client:
        for _ in range(count):
            client.request("GET", "/v1/next_id")
            response = client.getresponse()
            response.read()
            found.add(response.status)
    return found


def check_single_ids(threads):
    with Daemon("--threads", threads, *SCARCE, *PATIENT) as daemon:
        with connected(daemon) as sockets:
            for s in sockets:
                s.sendall(BATCH)
            wait_for(lambda: ids_made(daemon) > 1000, "the batches to begin")
            found = single_id_statuses(daemon, 100)
            equal(found, {200}, f"{threads} threads: single IDs are served beside batches")
            good = ids_made(daemon) < CLIENTS * 10000 / 2
            check(good, f"{threads} threads: before most of the batches")
            reset(sockets)
            check(only_metrics_are_open(daemon), "batches end with their clients")


def test_single_ids():
    check_single_ids("1")
    check_single_ids("3")


def test_hopeless():
    with Daemon("--threads", "1", *SCARCE, "--limits-wait-timeout", "10s") as daemon:
        with connected(daemon, 100) as sockets:
            for s in sockets:
                s.sendall(BATCH)
            # 16 of them can be served in the time, and 17 have IDs to wait for.
            count = 'snowid_requests_total{endpoint="/api/v1/ids",code="429"}'
            refused = wait_for(lambda: daemon.metric(count) >= 80, "refusals")
            check(refused, "batches that cannot be served in time are refused")
            check(ids_made(daemon) < 16 * 10000, "that is not after the time")
            reset(sockets)


def test_clients_that_have_gone():
    with Daemon("--threads", "2", *PLENTY) as daemon:
        with connected(daemon) as sockets:
            daemon.send_signal(signal.SIGSTOP)
            wait_for(daemon.is_frozen, "the daemon to stand still")
            for s in sockets:
                s.sendall(BATCH)
            reset(sockets)
            daemon.send_signal(signal.SIGCONT)
            check(only_metrics_are_open(daemon), "connections that were reset are closed")
            equal(ids_made(daemon), 0, f"{CLIENTS} clients that have gone get no IDs")
        answer = daemon.send_raw(BATCH, half_close=True)
        equal(statuses(answer), [200], "a client that has finished sending gets its batch")


def test_clients_that_go_while_they_wait():
    with Daemon("--threads", "1", *SCARCE, *PATIENT) as daemon:
        with connected(daemon, 100) as sockets:
            for i, s in enumerate(sockets):
                s.sendall(BATCH if i % 2 else get("/api/v1/ids?count=10000") + BATCH)
            wait_for(lambda: ids_made(daemon) > 1000, "the batches to begin")
            with daemon.connect() as waiting:
                waiting.sendall(BATCH)
                waiting.shutdown(socket.SHUT_WR)
                reset(sockets)
                equal(statuses(read_all(waiting)), [200], "the others are served at once")
            check(only_metrics_are_open(daemon), "waiting requests notice that their clients go")
            good = ids_made(daemon) < 50 * 10000
            check(good, "no IDs are made for them", ids_made(daemon))


if __name__ == "__main__":
    run_tests(globals())
