#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What each path returns."""
import contextlib
import re
import resource
import time

from harness import DEADLINE, Daemon, check, equal, run_tests, wait_for

PATHS = """/v1/next_id /api/v1/id /api/v1/ids /api/v1/parse /api/v1/metrics /metrics / /openapi.json
/api/v1/health /api/v1/health/live /api/v1/health/ready""".split()
SNOWFLAKES = 'snowid_ids_generated_total{kind="snowflake"}'
LONG_QUALITY = ",,;q=1,application/json;q=0"
# Accept fields, as RFC 9110, sections 12.4.2 and 12.5.1, rank them. Some are malformed or long.
ACCEPTED = [
    ("application/json", "application/json"),
    ("*/*", "text/plain"),
    ("text/plain, application/json;q=0.5", "text/plain"),
    ("text/plain;q=0.1, application/json", "application/json"),
    ("text/html", "text/plain"),
    ("application/json;q=0", "text/plain"),
    ("application/*", "application/json"),
    ("Application/JSON ; charset=utf-8 ; Q=0.002, text/*;q=0.001", "application/json"),
    ("application/json;q=0.5, */*;q=0.1", "application/json"),
    ("application/json;q=inf", "text/plain"),
    ("text/plain;q=1e99, application/json;q=0.999", "text/plain"),
    (LONG_QUALITY + "." + "9" * 484, "application/json"),
    (LONG_QUALITY + " " * 484 + "0", "text/plain"),
]


def test_health():
    with Daemon() as daemon:
        health = daemon.json("/api/v1/health")
        found = health["status"], health["scope"], health["datacenter_id"]
        equal(
            found,
            ("healthy", "host", 0),
            "without configuration the daemon is healthy, for one host",
        )
        good = isinstance(health["worker_id"], int) and health["uptime_seconds"] >= 0
        check(good, "health reports the worker and the uptime")
        equal(daemon.json("/api/v1/health/live")["status"], "live", "the liveness probe succeeds")
        equal(
            daemon.json("/api/v1/health/ready")["status"], "ready", "the readiness probe succeeds"
        )
        equal(daemon.stop(), 0, "SIGTERM: exit status 0")


def test_next_id():
    with Daemon() as daemon:
        status, headers, body = daemon.request("/v1/next_id")
        good = status == 200 and body.isdigit() and headers["Content-Type"] == "text/plain"
        check(good, "next_id returns plain text")
        for accept, media in ACCEPTED:
            headers = daemon.request("/v1/next_id", headers={"Accept": accept})[1]
            equal(
                headers["Content-Type"], media, "next_id negotiates the type for Accept: " + accept
            )


def test_ids():
    with Daemon() as daemon:
        one = daemon.json("/api/v1/id")
        good = one["id"] == int(one["id_str"]) and set(one) == {"id", "id_str"}
        check(good, "id returns the ID as a number and as a string")
        many = daemon.json("/api/v1/ids?count=100")
        good = len(many["ids"]) == 100 and many["ids"] == sorted(set(many["ids"]))
        good = good and [int(x) for x in many["ids_str"]] == many["ids"]
        check(good, "ids returns 100 IDs in order, as numbers and as strings")
        check(many["ids"][0] > one["id"], "later IDs are larger")
        equal(len(daemon.json("/api/v1/ids")["ids"]), 1, "ids without a count returns one ID")
        count = len(daemon.json("/api/v1/ids?count=10000")["ids"])
        equal(count, 10000, "ids returns the largest count, which no single tick can hold")


def test_parse():
    with Daemon() as daemon:
        before = time.time()
        parsed = daemon.json(f"/api/v1/parse?id={daemon.json('/api/v1/id')['id']}")
        good = (
            abs(parsed["timestamp_ms"] / 1000 - before) < DEADLINE and parsed["datacenter_id"] == 0
        )
        good = good and parsed["worker_id"] == daemon.json("/api/v1/health")["worker_id"]
        check(good and 0 <= parsed["sequence"] < 4096, "parse decodes an ID that the daemon made")
        # Arithmetic of the layout: 41/5/5/12 bits since 2021.
        made = (123456789 << 22) | (3 << 17) | (21 << 12) | 42
        parsed = daemon.json(f"/api/v1/parse?id={made}")
        wanted = {
            "timestamp_ms": 1609459200000 + 123456789,
            "datacenter_id": 3,
            "worker_id": 21,
            "sequence": 42,
            "timestamp": "2021-01-02T10:17:36.789Z",
        }
        equal({key: parsed[key] for key in wanted}, wanted, "parse decodes an ID composed by hand")
        for text, wanted, origin in [
            ("01ARYZ6S41TSV4RRFFQ69G5FAV", 1469918176385, "the ULID of its specification"),
            ("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", 1645557742000, "the UUIDv7 of RFC 9562"),
        ]:
            parsed = daemon.json("/api/v1/parse?id=" + text)
            equal(parsed["timestamp_ms"], wanted, "parse decodes " + origin)


def test_page():
    with Daemon() as daemon:
        status, headers, body = daemon.request("/")
        good = (
            status == 200 and headers["Content-Type"].startswith("text/html") and b"<html" in body
        )
        check(good, "the root is a page for people")
        foreign = re.search(rb"""(src|href)\s*=\s*["']?(https?:)?//""", body)
        check(not foreign, "the page loads nothing from another host")


def test_process_metrics():
    """The metrics that all programs have say what the kernel says."""
    before = time.time()
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        pid = daemon.process.pid

        def read_metric(name):
            return daemon.metric("process_" + name)

        most = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
        equal(read_metric("max_fds"), most, "the limit of descriptors")
        files = read_metric("open_fds")
        for _ in range(50):
            stack.enter_context(daemon.connect())
        # Some that were open at first, as those of the wait for the start, may be closed by now.
        opened = wait_for(lambda: read_metric("open_fds") >= files + 40, "fifty connections")
        check(opened, "connections are among the open descriptors", read_metric("open_fds"))
        resident, virtual = read_metric("resident_memory_bytes"), read_metric(
            "virtual_memory_bytes"
        )
        check(
            0 < resident <= virtual, "resident memory is part of the virtual", (resident, virtual)
        )
        start = read_metric("start_time_seconds")
        check(before - 2 <= start <= time.time(), "the start is after that of the test", start)
        equal(read_metric("start_time_seconds"), start, "the start stays the same")
        used = read_metric("cpu_seconds_total")
        check(0 <= used <= read_metric("cpu_seconds_total"), "CPU time never decreases", used)


def test_openapi_and_head():
    with Daemon() as daemon:
        document = daemon.json("/openapi.json")
        equal(document["openapi"][:3], "3.0", "openapi.json is of OpenAPI 3.0")
        for path in PATHS:
            check("get" in document["paths"].get(path, {}), "openapi.json describes " + path)
            query = "?id=5" if path == "/api/v1/parse" else ""
            status, _, body = daemon.request(path + query, "HEAD")
            check(status == 200 and body == b"", "HEAD succeeds, without a body: " + path, status)
        paths = "/api/v1/id?kind=x", "/api/v1/ids?count=0", "/v1/next_id?count=1", "/x"
        found = [daemon.status(path, method="HEAD") for path in paths]
        equal(found, [404, 400, 400, 404], "HEAD returns the same errors as GET")
        count = daemon.metric(SNOWFLAKES)
        daemon.request("/api/v1/id", "HEAD")
        equal(daemon.metric(SNOWFLAKES), count, "HEAD uses up no ID")


def test_two_daemons():
    with Daemon() as daemon, Daemon() as other:
        workers = [d.json("/api/v1/health")["worker_id"] for d in (daemon, other)]
        check(
            workers[0] != workers[1], "a second daemon without configuration takes another worker"
        )
        ids = {d.json("/api/v1/id")["id"] for d in (daemon, other) for _ in range(50)}
        equal(len(ids), 100, "their IDs differ")


if __name__ == "__main__":
    run_tests(globals())
