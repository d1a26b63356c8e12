#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""HTTP as such: pipelines, bodies, versions, clients that are slow or greedy."""
import contextlib
import re
import signal
import socket

from harness import (
    GET_AND_CLOSE,
    Daemon,
    check,
    equal,
    get,
    read_all,
    run_command,
    run_tests,
    scratch,
    statuses,
    wait_for,
)


def ids_in(data):
    return [int(number) for number in re.findall(rb'"id":(\d+)', data)]


def test_pipelines():
    with Daemon("--threads", "1") as daemon:
        found = statuses(daemon.send_raw(get() * 50 + GET_AND_CLOSE))
        equal(found, [200] * 51, "51 pipelined requests get 51 responses")
        ids = ids_in(daemon.send_raw(get() * 50 + GET_AND_CLOSE))
        check(len(set(ids)) == 51 and ids == sorted(ids), "pipelined responses come in order")
        large = daemon.send_raw(get("/api/v1/ids?count=10000") * 20 + GET_AND_CLOSE)
        equal(statuses(large), [200] * 21, "20 large responses fit in one pipeline")
        found = statuses(daemon.send_raw(get() * 1000 + GET_AND_CLOSE))
        check(found == [200] * 1001, "1001 pipelined requests are answered", len(found))


def test_waiting_behind_unread():
    # Two of these IDs in 100 ms: the third has to wait.
    kinds = "ulid slow=time:41,worker:2,sequence:1;unit=100ms"
    path = scratch("http")  # a Unix socket, which holds less than the first response
    options = "--kinds", kinds, "--worker-id", "1", "--store", "memory:", "--threads", "1"
    listen = "--listen", f"127.0.0.1 unix:{path}"
    slow = "/api/v1/ids?count=3&kind=slow"
    with Daemon(*options, *listen) as daemon, socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(get("/api/v1/ids?count=4000") + get(slow) + GET_AND_CLOSE)
        for _ in range(2):  # now the one that waits could have its IDs
            equal(daemon.status(slow), 200, "another client is served")
        data = read_all(s)
        sizes = [len(ids.split(b",")) for ids in re.findall(rb'"ids":\[(.*?)\]', data)]
        equal((sizes, len(statuses(data))), ([4000, 3], 3), "what waited comes behind what did not")


def test_versions():
    with Daemon("--threads", "1") as daemon:
        target = "http://example.org/api/v1/id"
        found = statuses(daemon.send_raw(get(target, "Connection: close\r\n")))
        equal(found, [200], "a target in absolute form is accepted")
        data = daemon.send_raw(b"GET /api/v1/id HTTP/1.0\r\n\r\n")
        good = statuses(data) == [200] and b"Connection: close" in data
        check(good, "an HTTP/1.0 connection is closed after the response")
        keep = b"GET /api/v1/id HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        data = daemon.send_raw(keep + b"GET /api/v1/id HTTP/1.0\r\n\r\n")
        good = statuses(data) == [200, 200] and b"Connection: keep-alive" in data
        check(good, "an HTTP/1.0 connection with keep-alive stays open")
        fields = (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        )
        found = statuses(daemon.send_raw(get(fields=fields) + GET_AND_CLOSE))
        equal(found, [200, 200], "an offer to upgrade is ignored")
        url = f"http://127.0.0.1:{daemon.port}/v1/next_id"
        got = run_command("curl", "-sS", "--http1.1", url, url)
        check(got.returncode == 0 and re.fullmatch(r"\d{36}", got.stdout), "curl gets two IDs", got)


def test_timing():
    with Daemon("--threads", "1") as daemon:
        with daemon.connect() as s:
            for byte in get("/api/v1/parse?id=5") + GET_AND_CLOSE:
                s.sendall(bytes([byte]))
            equal(
                statuses(read_all(s)), [200, 200], "requests that arrive byte by byte are answered"
            )
        found = statuses(daemon.send_raw(get(), half_close=True))
        equal(found, [200], "a client that has closed its half of the connection gets its response")
        check(b"\r\nDate: " in daemon.send_raw(GET_AND_CLOSE), "responses have a date")


def test_bodies():
    chunked = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    expect = b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok"
    with Daemon("--threads", "1") as daemon:
        body = b"POST /api/v1/id HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        found = statuses(daemon.send_raw(body + GET_AND_CLOSE))
        equal(found, [405, 200], "a body is skipped")
        request = b"GET /api/v1/id HTTP/1.1\r\nHost: x\r\n"
        found = statuses(daemon.send_raw(request + chunked + GET_AND_CLOSE))
        equal(found, [200, 200], "a chunked body is skipped")
        found = statuses(daemon.send_raw(request + expect + GET_AND_CLOSE))
        equal(found, [100, 200, 200], "Expect: 100-continue gets 100 before the response")
        found = statuses(daemon.send_raw(b"POST / HTTP/1.0\r\n" + expect))
        equal(found, [405], "Expect is ignored in HTTP/1.0, which has no 100")


def test_slow_reader():
    # A kind that never runs out of IDs, so that only the client can delay the daemon.
    kind = "--kinds", "x=time:41,worker:3,sequence:20", "--worker-id", "1", "--store", "memory:"
    with Daemon("--threads", "1", *kind) as daemon, daemon.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            for _ in range(3000):
                s.sendall(get("/api/v1/ids?count=10000"))
        equal(daemon.status("/api/v1/id"), 200, "a client that does not read delays no other")
        used = daemon.metric("process_resident_memory_bytes")
        check(used < 100e6, "a client that does not read does not fill the memory", used)


def test_greedy_client():
    kind = "--kinds", "x=time:41,worker:3,sequence:20", "--worker-id", "1", "--store", "memory:"
    with Daemon("--threads", "1", *kind) as daemon:
        with daemon.connect() as greedy, daemon.connect() as modest:
            for client in greedy, modest:
                client.sendall(get())
                wait_for(lambda c=client: statuses(c.recv(4096)) == [200], "a response")
            # Both requests are there when the only thread looks. The IDs show their order.
            daemon.send_signal(signal.SIGSTOP)
            wait_for(daemon.is_frozen, "SIGSTOP")
            greedy.sendall(get() * 1400 + GET_AND_CLOSE)
            modest.sendall(GET_AND_CLOSE)
            daemon.send_signal(signal.SIGCONT)
            few, many = ids_in(read_all(modest)), ids_in(read_all(greedy))
        good = len(few) == 1 and len(many) == 1401 and few[0] < many[200]
        check(good, "a pipeline of 1400 requests does not starve another client", (few, many[:1]))


if __name__ == "__main__":
    run_tests(globals())
