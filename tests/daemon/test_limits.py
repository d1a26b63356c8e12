#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Deadlines of clients, connections, file descriptors, rates and tokens."""
import contextlib
import http.client
import re
import resource
import signal
import time

from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    check,
    equal,
    error_code,
    get,
    is_dropped,
    read_all,
    run_daemon,
    run_tests,
    statuses,
    wait_for,
    write_scratch,
    write_secret,
)

TOKEN = "correct-horse-battery-staple"
WRONG_TOKENS = [
    "Bearer " + TOKEN[:-1],
    f"Bearer {TOKEN}x",
    "Basic " + TOKEN,
    "Bearer",
    "Bearer ",
    TOKEN,
]


def serves(daemon):
    return statuses(daemon.send_raw(GET_AND_CLOSE)) == [200]


def test_idle_timeout():
    options = "--limits-idle-timeout", "200ms", "--limits-header-timeout", "600s"
    with Daemon(*options) as daemon, daemon.connect() as s:
        s.sendall(get())
        data = read_all(s)
        good = statuses(data) == [200] and b"Connection: close" not in data
        check(good, "an idle connection is closed")


def test_header_timeout():
    options = "--limits-header-timeout", "200ms", "--limits-idle-timeout", "600s"
    with Daemon(*options) as daemon:
        with daemon.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHo")
            equal(statuses(read_all(s)), [408], "408: a request that stops in its headers")
        with daemon.connect() as s:
            equal(read_all(s), b"", "a connection that sends nothing is closed")
        check(is_dropped(daemon, b"\r\n"), "a connection that sends only line ends is closed")
        with daemon.connect() as s:  # each byte comes soon, but all take longer than the deadline
            with contextlib.suppress(OSError):
                for byte in get("/" + "a" * 200):
                    s.sendall(bytes([byte]))
                    time.sleep(0.005)
            equal(statuses(read_all(s)), [408], "408: a request that trickles")


def test_connections():
    # One thread accepts in order.
    options = "--limits-connections", "10", "--limits-connections-per-client", "10"
    with Daemon(*options, "--threads", "1") as daemon:
        held = [daemon.connect() for _ in range(10)]
        full = wait_for(lambda: statuses(daemon.send_raw(GET_AND_CLOSE)) == [503], "the limit")
        check(full, "503: more connections than limits.connections")
        with daemon.connect() as s:
            response = http.client.HTTPResponse(s)
            response.begin()
            found = response.status, response.headers["Retry-After"], error_code(response.read())
        equal(found, (503, "1", "overloaded"), "the refusal is JSON, with Retry-After")
        equal(daemon.log().count("raise limits.connections"), 1, "the log says it once")
        for s in held:
            s.close()
        check(wait_for(lambda: serves(daemon), "room"), "connections that end make room for others")
        refused = daemon.metric("snowid_connections_refused_total")
        good = refused >= 2 and daemon.metric("snowid_connections_limit") == 10
        check(good, "refused connections are counted", refused)


def test_few_file_descriptors():
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}
    with Daemon("--threads", "1", "--limits-stop-timeout", "100ms", **few) as daemon:
        held = [daemon.connect() for _ in range(100)]
        warned = "limits.connections is above the number of file descriptors" in daemon.log()
        check(warned, "few file descriptors: the log says so at the start", daemon.log())
        said = wait_for(lambda: "no file descriptor" in daemon.log(), "EMFILE")
        check(said, "few file descriptors: the log says that there is none left")
        count = daemon.log().count("no file descriptor")
        equal(count, 1, "few file descriptors: the log says it once")
        held[-1].settimeout(DEADLINE)
        name = "few file descriptors: connections get 503 instead of being left to wait"
        equal(statuses(read_all(held[-1])), [503], name)
        for s in held:
            s.close()
        check(
            wait_for(lambda: serves(daemon), "files"), "few file descriptors: the daemon recovers"
        )
        held = [daemon.connect() for _ in range(100)]
        equal(daemon.stop(), 0, "few file descriptors: the daemon can be stopped")


def test_no_file_descriptor():
    with Daemon("--threads", "1") as daemon:
        # Not even the descriptor kept in reserve can be used, so that connections stay pending.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (5, 4096))
        held = [daemon.connect() for _ in range(20)]
        said = wait_for(lambda: "no file descriptor" in daemon.log(), "EMFILE")
        check(said, "no file descriptor: the log says so")
        thread = daemon.thread_named("loop 0")

        def sleeps():
            text = daemon.of_threads("status")[thread]
            return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.M).group(1))

        before = sleeps()
        slept = wait_for(lambda: sleeps() > before + 3, "the thread to sleep")
        check(slept, "no file descriptor: the thread sleeps between its attempts")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        check(wait_for(lambda: serves(daemon), "files"), "no file descriptor: the daemon recovers")
        for s in held:
            s.close()


def test_rate():
    with Daemon("--limits-rate", "1", "--limits-burst", "20") as daemon:
        found = statuses(daemon.send_raw(get() * 30 + GET_AND_CLOSE))
        good = found.count(200) in range(20, 25) and found.count(429) == 31 - found.count(200)
        check(good, "after a burst of 20 requests, others get 429", found)
        status, headers, body = daemon.request("/api/v1/id")
        good = status == 429 and int(headers["Retry-After"]) >= 1
        check(good and error_code(body) == "rate_limited", "429 has a code and Retry-After")
        equal(daemon.status("/api/v1/health/live"), 200, "health checks are not limited")


def test_id_rate():
    with Daemon("--limits-count", "20", "--limits-id-rate", "1") as daemon:
        equal(daemon.status("/api/v1/ids?count=20", method="HEAD"), 200, "HEAD takes no IDs")
        equal(daemon.status("/api/v1/ids?count=20"), 200, "as many IDs as the bucket has")
        status, headers, body = daemon.request("/api/v1/ids?count=20")
        found = status, error_code(body)
        equal(found, (429, "rate_limited"), "429: more IDs than the rate allows")
        good = int(headers["Retry-After"]) in range(1, 21)
        check(good, "Retry-After says when there will be", headers["Retry-After"])
        equal(daemon.status("/v1/next_id"), 429, "single IDs count too")
        equal(daemon.status("/api/v1/parse?id=1"), 200, "other requests do not")
    kind = "--kinds", "x=time:41,worker:16,sequence:1", "--worker-id", "1", "--store", "memory:"
    rate = "--limits-id-rate", "1", "--limits-wait-timeout", "0s"
    with Daemon(*kind, *rate) as daemon:
        found = [daemon.status("/api/v1/ids?count=10000") for _ in range(2)]
        equal(found, [429, 429], "more IDs than there are")
        code = error_code(daemon.text("/api/v1/ids?count=10000"))
        equal(code, "exhausted", "IDs that a client does not get do not count")


def test_token():
    with Daemon("--token-file", write_secret("token", TOKEN + "\n")) as daemon:
        status, headers, body = daemon.request("/api/v1/id")
        found = status, headers["WWW-Authenticate"], error_code(body)
        equal(found, (401, "Bearer", "unauthorised"), "401 without a token")
        for value in WRONG_TOKENS:
            status = daemon.status("/api/v1/id", headers={"Authorization": value})
            equal(status, 401, f"401 for the wrong token {value!r}")
        status = daemon.status("/api/v1/id", headers={"Authorization": "Bearer " + TOKEN})
        equal(status, 200, "200 with the token")
        paths = "/api/v1/health/live", "/api/v1/health/ready", "/metrics"
        found = [daemon.status(path) for path in paths]
        equal(found, [200, 200, 401], "probes need no token, metrics do")
        chunked = get(fields="Transfer-Encoding: chunked\r\nConnection: close\r\n")
        chunked += f"0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        equal(statuses(daemon.send_raw(chunked)), [401], "a token in a trailer does not count")
    old, new = ({"Authorization": f"Bearer {word}-token-of-a-rotation"} for word in ("old", "new"))
    path = write_secret("token", "old-token-of-a-rotation\nnew-token-of-a-rotation\n")
    with Daemon("--token-file", path) as daemon:
        found = [daemon.status("/api/v1/id", headers=headers) for headers in (old, new)]
        equal(found, [200, 200], "each token of the file is accepted")
        write_secret("token", "new-token-of-a-rotation\n")
        daemon.send_signal(signal.SIGHUP)
        ended = wait_for(lambda: daemon.status("/api/v1/id", headers=old) == 401, "the reload")
        check(ended, "a token that is no longer in the file is refused after a reload")
        equal(daemon.status("/api/v1/id", headers=new), 200, "the others are still accepted")
    got = run_daemon("--check-config", "--token-file", write_scratch("public-token", TOKEN))
    good = got.returncode == 2 and "everybody can read" in got.stderr
    check(good, "a token file that everybody can read is refused", got)
    for text in "short", "x" * 1100, "a token that has blanks":
        got = run_daemon("--check-config", "--token-file", write_secret("token", text))
        check("token_file: " in got.stderr, "a bad token is refused: " + text[:30])


if __name__ == "__main__":
    run_tests(globals())
