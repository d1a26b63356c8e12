#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon from outside, by real clients: http.client, curl, raw sockets.

Runs $top_builddir/snowidd/snowidd; prints a line per check and fails if any check did. Names of groups
as arguments run those alone."""
import concurrent.futures
import contextlib
import ctypes
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
DAEMON = os.path.join(BUILD, "snowidd", "snowidd")
WORK = tempfile.mkdtemp(prefix="snowidd-")
PATIENCE = 60  # seconds: a deadline for what must happen, not a measure
passed = failed = 0


def check(good, name, detail=""):
    global passed, failed
    if good:
        passed += 1
        print("ok -", name, flush=True)
    else:
        failed += 1
        print("not ok -", name, str(detail)[:2000], flush=True)


def equal(got, wanted, name):
    check(got == wanted, name, f"{got!r} is not {wanted!r}")


def until(condition, what):
    """Waits for a condition, and says whether it came."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    print("# waited in vain:", what)
    return False


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scratch(name, text=""):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SNOWID", "NOTIFY", "LISTEN", "WATCHDOG"))}
    env.update({"STATE_DIRECTORY": os.path.join(WORK, "state"), "LC_ALL": "C"}, **more)
    env.pop("JOURNAL_STREAM", None)
    return env


class Daemon:
    """A running snowidd; `with` ends it."""

    def __init__(self, *options, **more):
        # Somebody else may take the port before the daemon does.
        for _ in range(5):
            try:
                self.start(*options, **more)
                return
            except RuntimeError as error:
                if "Address already in use" not in str(error):
                    raise
        raise RuntimeError("no port is free")

    def start(self, *options, env=None, port=True, wait=True, **popen):
        self.port = free_port()
        self.log_path = os.path.join(WORK, f"log.{self.port}")
        self.log_file = open(self.log_path, "wb")
        arguments = [DAEMON] + (["--port", str(self.port)] if port else []) + list(options)
        self.process = subprocess.Popen(arguments, stderr=self.log_file, env=environment(**(env or {})), **popen)
        if wait and not until(self.answers, "the daemon"):
            raise RuntimeError(self.log())

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("snowidd ended: " + self.log())
        return "serving" in self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, path, method="GET", headers=None, body=None):
        """One request: status, headers, body."""
        client = self.client()
        client.request(method, path, body=body, headers=headers or {})
        answer = client.getresponse()
        result = answer.status, answer.headers, answer.read()
        client.close()
        return result

    def json(self, path, **more):
        return json.loads(self.ask(path, **more)[2])

    def raw(self, data, half_close=False):
        """Sends bytes, and returns all that comes back until the end."""
        with self.connect() as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            return read_all(s)

    def metric(self, name):
        return self.metric_of(self.client(), name)

    @staticmethod
    def metric_of(client, name):
        client.request("GET", "/metrics")
        text = client.getresponse().read().decode()
        client.close()
        return float(re.search("^" + re.escape(name) + " (.*)$", text, re.M).group(1))

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stands_still(self):
        """Whether SIGSTOP has come to all of its threads."""
        states = []
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/stat", encoding="ascii") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.log_file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log_file.close()
        log = self.log()
        if "Sanitizer" in log or "runtime error" in log:
            check(False, "no sanitizer complains", log)


def read_all(s):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            data += part
    return data


def statuses(data):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def get(path="/api/v1/id", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


LAST = get(more="Connection: close\r\n")

# ---- what is served ------------------------------------------------------------------------------


def endpoints():
    with Daemon() as d:
        health = d.json("/api/v1/health")
        equal((health["status"], health["scope"], health["datacenter_id"]), ("healthy", "host", 0), "health without configuration")
        check(isinstance(health["worker_id"], int) and health["uptime_seconds"] >= 0, "health has the worker and the uptime")

        status, headers, body = d.ask("/v1/next_id")
        check(status == 200 and body.isdigit() and headers["Content-Type"] == "text/plain", "next_id is text")
        for accept, kind in [("application/json", "application/json"), ("*/*", "text/plain"), ("text/plain, application/json;q=0.5", "text/plain"),
                             ("text/plain;q=0.1, application/json", "application/json"), ("text/html", "text/plain"), ("application/json;q=0", "text/plain"),
                             ("application/*", "application/json"), ("Application/JSON ; charset=utf-8 ; Q=0.002, text/*;q=0.001", "application/json"), ("application/json;q=0.5, */*;q=0.1", "application/json"),
                             ("application/json;q=inf", "text/plain"), ("text/plain;q=1e99, application/json;q=0.999", "text/plain"),
                             (",,;q=1,application/json;q=0." + "9" * 484, "application/json"), (",,;q=1,application/json;q=0" + " " * 484 + "0", "text/plain")]:
            equal(d.ask("/v1/next_id", headers={"Accept": accept})[1]["Content-Type"], kind, "next_id for Accept: " + accept)
        one = d.json("/api/v1/id")
        check(one["id"] == int(one["id_str"]) and set(one) == {"id", "id_str"}, "id is a number and a string")
        many = d.json("/api/v1/ids?count=100")
        check(many["ids"] == sorted(set(many["ids"])) and [int(x) for x in many["ids_str"]] == many["ids"] and len(many["ids"]) == 100,
              "ids: 100, in order, as numbers and strings")
        check(many["ids"][0] > one["id"], "later IDs are larger")
        equal(len(d.json("/api/v1/ids")["ids"]), 1, "ids without a count is one")
        equal(len(d.json("/api/v1/ids?count=10000")["ids"]), 10000, "ids: the largest count, which no tick can hold")
        before = time.time()
        parsed = d.json(f"/api/v1/parse?id={d.json('/api/v1/id')['id']}")
        check(abs(parsed["timestamp_ms"] / 1000 - before) < PATIENCE and parsed["datacenter_id"] == 0
              and parsed["worker_id"] == health["worker_id"] and 0 <= parsed["sequence"] < 4096, "parse reads what was made")
        # Arithmetic of the layout: 41/5/5/12 from 2021.
        made = (123456789 << 22) | (3 << 17) | (21 << 12) | 42
        parsed = d.json(f"/api/v1/parse?id={made}")
        equal((parsed["timestamp_ms"], parsed["datacenter_id"], parsed["worker_id"], parsed["sequence"], parsed["timestamp"]),
              (1609459200000 + 123456789, 3, 21, 42, "2021-01-02T10:17:36.789Z"), "parse: known answer")
        equal(d.json("/api/v1/parse?id=01ARYZ6S41TSV4RRFFQ69G5FAV")["timestamp_ms"], 1469918176385, "parse: the ULID of its specification")
        equal(d.json("/api/v1/parse?id=017F22E2-79B0-7CC3-98C4-DC0C0C07398F")["timestamp_ms"], 1645557742000, "parse: the UUIDv7 of RFC 9562")
        equal(d.json("/api/v1/health/live")["status"], "live", "live")
        equal(d.json("/api/v1/health/ready")["status"], "ready", "ready")
        status, headers, body = d.ask("/")
        check(status == 200 and headers["Content-Type"].startswith("text/html") and b"<html" in body, "a page for people")
        check(not re.search(rb"""(src|href)\s*=\s*["']?(https?:)?//""", body), "the page needs nothing from elsewhere")
        document = d.json("/openapi.json")
        equal(document["openapi"][:3], "3.1", "openapi.json")
        for path in ["/v1/next_id", "/api/v1/id", "/api/v1/ids", "/api/v1/parse", "/api/v1/health", "/api/v1/health/live",
                     "/api/v1/health/ready", "/api/v1/metrics", "/metrics", "/", "/openapi.json"]:
            check("get" in document["paths"].get(path, {}), "openapi.json describes " + path)
            status, headers, body = d.ask(path, "HEAD") if path != "/api/v1/parse" else d.ask(path + "?id=5", "HEAD")
            check(status == 200 and body == b"", "HEAD " + path, status)
        equal([d.ask(p, "HEAD")[0] for p in ("/api/v1/id?kind=x", "/api/v1/ids?count=0", "/v1/next_id?count=1", "/x")], [404, 400, 400, 404], "HEAD answers as GET would")
        count = d.metric('snowid_ids_generated_total{kind="snowflake"}')
        d.ask("/api/v1/id", "HEAD")
        equal(d.metric('snowid_ids_generated_total{kind="snowflake"}'), count, "HEAD takes no ID")
        with Daemon() as other:
            check(other.json("/api/v1/health")["worker_id"] != health["worker_id"], "another without configuration takes another worker")
            equal(len({d.json("/api/v1/id")["id"] for _ in range(50)} | {other.json("/api/v1/id")["id"] for _ in range(50)}), 100, "and makes other IDs")
        equal(d.stop(), 0, "SIGTERM: exit 0")


def openapi():
    """Each answer is as openapi.json says, and each code of an error is in it."""
    # pylint: disable=import-outside-toplevel
    import jsonschema
    codes = set()
    for name in "http/http.c", "http/rest.c", "service.c":
        with open(os.path.join(SOURCE, "snowidd", name), encoding="utf-8") as file:
            codes |= set(re.findall(r'(?:\] = \{|\{[45]\d\d, |problem\([^"]*, )"([a-z_]+)",', file.read()))
    token = scratch("token", "correct-horse-battery-staple\n")
    with Daemon("--kinds", "snowflake ulid uuid1 uuid7 tiny=time:41,worker:2,sequence:20", "--worker-id", "1", "--store", "memory:") as d, Daemon("--token-file", token) as closed:
        document = d.json("/openapi.json")
        jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"])
        resolver = jsonschema.RefResolver.from_schema(document)

        def resolve(thing):
            return resolver.resolve(thing["$ref"])[1] if "$ref" in thing else thing
        equal(sorted(document["components"]["schemas"]["Problem"]["properties"]["error"]["enum"]), sorted(codes - {"none"}), "openapi.json has each code of an error")
        ids = [d.ask("/v1/next_id?kind=" + k)[2].decode() for k in ("snowflake", "ulid", "uuid1", "uuid7")]
        for daemon, path, query, accept in [(d, p, q, a) for p, q, a in [
                ("/v1/next_id", "", "*/*"), ("/v1/next_id", "?kind=ulid", "application/json"), ("/v1/next_id", "?kind=x", "*/*"), ("/api/v1/id", "", "*/*"), ("/api/v1/id", "?kind=uuid7", "*/*"),
                ("/api/v1/ids", "?count=3", "*/*"), ("/api/v1/ids", "?count=2&kind=ulid", "*/*"), ("/api/v1/ids", "?count=0", "*/*"), *(("/api/v1/parse", "?id=" + i, "*/*") for i in ids),
                ("/api/v1/parse", "?kind=tiny&id=5", "*/*"), ("/api/v1/parse", "?id=01ARZ3NDEKTSV4RRFFQ69G5FAV", "*/*"), ("/api/v1/parse", "?id=00000000-0000-0000-0000-000000000000", "*/*"), ("/api/v1/parse", "?id=x", "*/*"),
                ("/api/v1/parse", "", "*/*"), ("/api/v1/health", "", "*/*"), ("/api/v1/health/live", "", "*/*"), ("/api/v1/health/ready", "", "*/*"), ("/api/v1/metrics", "", "*/*"), ("/metrics", "", "*/*"),
                ("/", "", "*/*"), ("/openapi.json", "", "*/*")]] + [(closed, p, "", "*/*") for p in document["paths"]]:
            status, headers, body = daemon.ask(path + query, headers={"Accept": accept})
            responses = document["paths"][path]["get"]["responses"]
            response = resolve(responses.get(str(status)) or responses["default"])
            media = headers["Content-Type"].split(";")[0]
            name = f"openapi.json has the answer to {path}{query}: {status} {media}"
            try:
                schema = response["content"][media]["schema"]
                jsonschema.Draft202012Validator(schema, resolver=resolver).validate(json.loads(body) if media == "application/json" else body.decode())
                check({"401": "WWW-Authenticate", "503": "Retry-After"}.get(str(status), "Date") in headers and "head" in document["paths"][path], name)
            except (KeyError, jsonschema.ValidationError) as error:
                check(False, name, error)


def kinds():
    with Daemon("--kinds", "snowflake ulid uuid7 uuid6 uuid1 orders=time:41,machine:10,sequence:13 sonyflake", "--worker-id=5", "--datacenter-id", "7", "--block", "100ms") as d:
        for kind, form in [("ulid", "[0-9A-HJKMNP-TV-Z]{26}"), ("uuid7", "[0-9a-f-]{14}7.*"), ("uuid6", "[0-9a-f-]{14}6.*"), ("uuid1", "[0-9a-f-]{14}1.*")]:
            many = d.json(f"/api/v1/ids?kind={kind}&count=50")
            check(len(set(many["ids"])) == 50 and many["ids"] == many["ids_str"] and all(re.fullmatch(form, x) for x in many["ids"]), "IDs of " + kind)
            text = d.ask(f"/v1/next_id?kind={kind}")[2].decode()
            check(re.fullmatch(form, text), "next_id of " + kind, text)
            parsed = d.json(f"/api/v1/parse?id={text}")
            check(parsed["kind"] == kind and abs(parsed["timestamp_ms"] / 1000 - time.time()) < PATIENCE, "parse of " + kind, parsed)
        parsed = d.json(f"/api/v1/parse?id={d.json('/api/v1/id')['id']}")
        equal((parsed["worker_id"], parsed["datacenter_id"]), (5, 7), "a worker and a datacenter of one's own")
        for kind in "orders", "sonyflake":
            parsed = d.json(f"/api/v1/parse?kind={kind}&id={d.json('/api/v1/id?kind=' + kind)['id']}")
            equal((parsed["machine_id"], parsed["kind"]), (5, kind), "a further layout: " + kind)
    with Daemon("--kinds", "snowflake orders=time:41,worker:10,sequence:12 more=time:42,worker:10,sequence:11", "--store", f"slots:{WORK}/beside?workers=3-9", "--block", "100ms") as d:
        stores = {k["name"]: k["store"] for k in d.json("/api/v1/health")["kinds"]}
        equal(stores, {"snowflake": f"slots:{WORK}/beside?workers=3-9", "orders": f"slots:{WORK}/beside/orders?workers=3-9",
                       "more": f"slots:{WORK}/beside/more?workers=3-9"}, "the stores of further kinds lie beside the first")
        equal([d.json(f"/api/v1/parse?kind={k}&id={d.json('/api/v1/id?kind=' + k)['id']}")["worker_id"] for k in stores], [3, 3, 3], "each with a worker")
        status, _, body = d.ask("/api/v1/id?kind=nothing")
        equal((status, json.loads(body)["error"]), (404, "unknown_kind"), "a kind that is not served")


def conversation():
    """HTTP as such."""
    with Daemon("--threads", "1") as d:
        equal(statuses(d.raw(get() * 50 + LAST)), [200] * 51, "51 pipelined requests, 51 answers")
        ids = re.findall(rb'"id":(\d+)', d.raw(get() * 50 + LAST))
        check(len(set(ids)) == 51 and ids == sorted(ids, key=int), "pipelined answers come in order")
        with d.connect() as s:
            for byte in get("/api/v1/parse?id=5") + LAST:
                s.sendall(bytes([byte]))
            equal(statuses(read_all(s)), [200, 200], "a request that arrives byte by byte")
        equal(statuses(d.raw(get("http://example.org/api/v1/id", "Connection: close\r\n"))), [200], "absolute form")
        answer = d.raw(b"GET /api/v1/id HTTP/1.0\r\n\r\n")
        check(statuses(answer) == [200] and b"Connection: close" in answer, "HTTP/1.0 closes")
        answer = d.raw(b"GET /api/v1/id HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /api/v1/id HTTP/1.0\r\n\r\n")
        check(statuses(answer) == [200, 200] and b"Connection: keep-alive" in answer, "HTTP/1.0 with keep-alive")
        equal(statuses(d.raw(get(), half_close=True)), [200], "an answer after the client has half-closed")
        check(b"\r\nDate: " in d.raw(LAST), "answers have a date")
        body = b"POST /api/v1/id HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + LAST
        equal(statuses(d.raw(body)), [405, 200], "a body is read past")
        chunked = b"GET /api/v1/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + LAST
        equal(statuses(d.raw(chunked)), [200, 200], "a chunked body is read past")
        waiting = b"GET /api/v1/id HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok" + LAST
        equal(statuses(d.raw(waiting)), [100, 200, 200], "Expect: 100-continue")
        equal(statuses(d.raw(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok")), [405], "which HTTP/1.0 has not")
        upgrade = get(more="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n") + LAST
        equal(statuses(d.raw(upgrade)), [200, 200], "an offer to upgrade is passed over")
        big = d.raw(get("/api/v1/ids?count=10000") * 20 + LAST)
        equal(statuses(big), [200] * 21, "20 large answers in a pipeline")
        many = d.raw(get() * 1000 + LAST)
        check(statuses(many) == [200] * 1001, "1001 pipelined requests", len(statuses(many)))
        got = subprocess.run(["curl", "-sS", "--http1.1", f"http://127.0.0.1:{d.port}/v1/next_id", f"http://127.0.0.1:{d.port}/v1/next_id"],
                             capture_output=True, check=False)
        check(got.returncode == 0 and re.fullmatch(rb"\d{36}", got.stdout), "curl", got)
    # A kind that never runs out, so that nothing but the client's not reading can stop the daemon.
    with Daemon("--threads", "1", "--kinds", "x=time:41,worker:3,sequence:20", "--worker-id", "1", "--store", "memory:") as d, d.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            for _ in range(3000):
                s.sendall(get("/api/v1/ids?count=10000"))
        equal(d.ask("/api/v1/id")[0], 200, "a client that does not read holds nobody up")
        check(d.metric("snowid_memory_bytes") < 100e6, "nor does it fill the memory", d.metric("snowid_memory_bytes"))
        # IDs tell who was served first. Both requests are there when the only thread looks.
        with d.connect() as greedy, d.connect() as modest:
            for client in greedy, modest:
                client.sendall(get())
                until(lambda c=client: statuses(c.recv(4096)) == [200], "an answer")
            d.process.send_signal(signal.SIGSTOP)
            until(d.stands_still, "the stop")
            greedy.sendall(get() * 1400 + LAST)
            modest.sendall(LAST)
            d.process.send_signal(signal.SIGCONT)
            ids = [[int(i) for i in re.findall(rb'"id":(\d+)', read_all(client))] for client in (modest, greedy)]
        check(len(ids[0]) == 1 and len(ids[1]) == 1401 and ids[0][0] < ids[1][200], "who asks for 1400 IDs in one go lets others have theirs in between",
              (ids[0], ids[1][:1], ids[1][-1:]))


def problems():
    with Daemon() as d:
        for path, status, code in [
                ("/nowhere", 404, "not_found"), ("/api/v1/idx", 404, "not_found"), ("/api/v1", 404, "not_found"),
                ("/api/v1/ids?count=0", 400, "count_out_of_range"), ("/api/v1/ids?count=10001", 400, "count_out_of_range"),
                ("/api/v1/ids?count=-1", 400, "count_out_of_range"), ("/api/v1/ids?count=", 400, "count_out_of_range"),
                ("/api/v1/ids?count=1e3", 400, "count_out_of_range"), ("/api/v1/ids?count=99999999999999999999", 400, "count_out_of_range"),
                ("/api/v1/ids?count=5&count=6", 400, "malformed_query"), ("/api/v1/ids?cuont=5", 400, "malformed_query"),
                ("/api/v1/id?count=5", 400, "malformed_query"), ("/api/v1/ids?count=%zz", 400, "malformed_query"), ("/api/v1/ids?count", 400, "malformed_query"),
                ("/api/v1/parse", 400, "missing_parameter"), ("/api/v1/parse?id=", 400, "malformed_id"), ("/api/v1/parse?id=x", 400, "malformed_id"),
                ("/api/v1/parse?id=18446744073709551616", 400, "malformed_id"), ("/api/v1/parse?id=%00", 400, "malformed_query"),
                ("/api/v1/parse?id=007", 400, "malformed_id"), ("/api/v1/parse?id=01ARZ3NDEKTSV4RRFFQ69G5FAU", 400, "malformed_id"),
                ("/api/v1/parse?id=zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", 400, "malformed_id"), ("/api/v1/parse?kind=x&id=5", 404, "unknown_kind")]:
            got, headers, body = d.ask(path)
            body = json.loads(body)
            check((got, body["error"], headers["Content-Type"]) == (status, code, "application/json") and body["message"], f"{status} {code}: {path}", (got, body))
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]:
            got, headers, body = d.ask("/api/v1/id", method)
            check((got, headers["Allow"], json.loads(body)["error"]) == (405, "GET, HEAD", "method_not_allowed"), "405: " + method, got)
        answer = d.raw(b"FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n")
        check(statuses(answer) == [405] and b"Allow: GET, HEAD" in answer, "405: a method that nobody knows")
        equal(statuses(d.raw(get("/" + "a" * 9000))), [414], "414")
        equal(statuses(d.raw(get(more="X: " + "a" * 17000 + "\r\n"))), [431], "431: one large field")
        equal(statuses(d.raw(get(more="X: y\r\n" * 4000))), [431], "431: many fields")
        equal(statuses(d.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")), [413], "413: announced")
        equal(statuses(d.raw(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" + b"x" * 4096
                             + b"\r\n1000\r\n" + b"x" * 4096 + b"\r\n1001\r\n" + b"x" * 4097)), [413], "413: in chunks")
        for line in b"GET / HTTP/3.7", b"GET / HTTP/1.2", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET /":
            equal(statuses(d.raw(line + b"\r\nHost: x\r\n\r\n"))[:1], [505], "505: " + line.decode())
        equal(d.metric('snowid_requests_total{endpoint="other",code="414"}'), 1, "what is refused is counted")
        equal(d.metric('snowid_errors_total{cause="unknown_kind"}'), 1, "errors are counted by cause")


def bad_requests():
    """Whatever arrives, nothing crashes, leaks or hangs."""
    good = get()
    bad = [bytes([c]) + good for c in range(256) if chr(c) not in "\r\n"]                     # a byte before
    bad += [good.replace(b"GET", b"G\x00T"), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET\r\n\r\n",
            b"GET  /  HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", b"GET / HTTP/11\r\nHost: x\r\n\r\n", b"GET / http/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n",
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nA:\r\n\tContent-Length: 5\r\n\r\nhello", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 5\r\n\r\nhello",
            b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http:///api/v1/id HTTP/1.1\r\nHost: x\r\n\r\n", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET api/v1/id HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%2e%2e/api/v1/id HTTP/1.1\r\nHost: x\r\n\r\n", b"GET //api/v1/id HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA\x7f: b\r\n\r\n", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"]
    for header in ["Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1", "Content-Length: +1", "Content-Length: 0x1", "Content-Length: 1 2",
                   "Content-Length: 99999999999999999999999", "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 1",
                   "Content-Length: 5\r\nContent-Length: 5", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity",
                   "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: xchunked", "Content-Length:"]:
        bad.append(f"POST /api/v1/id HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\nsmuggled".encode())
    for chunk in [b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\nhello\r\n0\r\n\r\n", b"5;a=\x00\r\nhello\r\n", b"5;a\nhello\r\n0\r\n\r\n", b"5;a=" + b"x" * 40000, b'5;a="' + b"x" * 40000, b"5 \r\nhello\r\n0\r\n\r\n", b"0\r\nA: b\r\n c\r\n\r\n",
                  b"0\r\n" + b"A: b\r\n" * 9000, b"2\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n"]:
        bad.append(b"POST /api/v1/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    with Daemon("--threads", "1", "--log-access", "true") as d:
        d.ask("/api/v1/id")
        files = d.files()

        def try_one(data):
            answer = d.raw(data + b"\r\n\r\n", half_close=True)
            return statuses(answer), answer
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(try_one, bad))
        check(len(bad) >= 200, f"{len(bad)} bad requests")
        wrong = [(request[:80], found) for request, (found, _) in zip(bad, answers) if not found or any(s < 400 for s in found)]
        equal(wrong, [], "each gets an error")
        wrong = [(request[:80], answer[:300]) for request, (_, answer) in zip(bad, answers) if b'{"error":"' not in answer]
        equal(wrong, [], "each error has a code")
        folded = b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n \tc\r\n\r\n"
        for cut in range(1, len(folded) - 1):
            with d.connect() as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                s.sendall(folded[:cut])
                until(lambda c=cut: d.metric("snowid_connections_open") == 2, "the first half")
                s.sendall(folded[cut:])
                found = statuses(read_all(s))
            if found != [400]:
                break
        equal((cut, found), (len(folded) - 2, [400]), "a folded line is refused, wherever it is cut")
        # Cut anywhere, then gone.
        for cut in range(0, len(LAST) - 1, 3):
            d.raw(LAST[:cut], half_close=True)
        for cut in range(1, len(LAST) - 1, 7):
            with d.connect() as s:
                s.sendall(LAST[:cut])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        check(until(lambda: d.files() <= files, "closed connections"), "no file is left open")
        equal(d.ask("/api/v1/id")[0], 200, "and it goes on")
        equal(d.stop(), 0, "and stops in order")


def many_clients():
    """IDs are unique over threads, connections and restarts."""
    seen = []

    def draw(d, requests):
        client, ids = d.client(), []
        for i in range(requests):
            client.request("GET", "/api/v1/ids?count=500" if i % 3 else "/api/v1/id")
            body = json.loads(client.getresponse().read())
            ids += body.get("ids", [body.get("id")]) if "ids" in body else [body["id"]]
        client.close()
        return ids
    state = os.path.join(WORK, "many")
    for _ in range(2):
        with Daemon("--threads", "4", "--store", "file:" + state, "--block", "100ms", "--worker-id", "3") as d:
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                for ids in pool.map(lambda _, d=d: draw(d, 40), range(16)):
                    seen += ids
            equal(d.metric('snowid_ids_generated_total{kind="snowflake"}'), 16 * (14 + 26 * 500), "each ID is counted once")
            d.stop(signal.SIGKILL)
    check(len(seen) == len(set(seen)) == 2 * 16 * (14 + 26 * 500), f"{len(seen)} IDs of 4 threads, 16 clients and 2 runs, one killed: all different")
    with Daemon("--threads", "2", "--kinds", "x=time:41,worker:16,sequence:4", "--worker-id", "1", "--store", "memory:", "--limits-wait-timeout", "60s") as d:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = [i for part in pool.map(lambda _: d.json("/api/v1/ids?count=1000")["ids"], range(8)) for i in part]
        equal(len(set(ids)), 8000, "requests that must wait for their IDs are parked, and get them")
        check(d.metric("snowid_sequence_overflows_total") > 0, "spent ticks are counted")
    with Daemon("--kinds", "x=time:41,worker:16,sequence:1", "--worker-id", "1", "--store", "memory:", "--limits-wait-timeout", "20ms") as d:
        status, headers, body = d.ask("/api/v1/ids?count=10000")
        equal((status, json.loads(body)["error"], headers["Retry-After"]), (503, "exhausted", "1"), "but not for longer than the limit says")


# ---- configuration -------------------------------------------------------------------------------


def run(*arguments, **env):
    return subprocess.run([DAEMON, *arguments], capture_output=True, text=True, env=environment(**env), timeout=PATIENCE, check=False)


def configuration():
    got = run("--version")
    check(got.returncode == 0 and re.fullmatch(r"snowidd \d+\.\d+\.\d+\n", got.stdout), "--version")
    options = re.findall(r"^  (--[a-z-]+) ", run("--help").stdout, re.M)
    check(len(options) > 30 and "--limits-rate" in options, "--help lists the options", options)
    with open(os.path.join(SOURCE, "man", "snowidd.yaml.5"), encoding="utf-8") as file:
        manual = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)?", file.read()))
    keys = {re.sub("^(tls|limits|clock|log)-", r"\1.", o[2:]).replace("-", "_") for o in options} - {"help", "config", "check_config"}
    equal(sorted(keys - manual), [], "the manual names each key")
    for text, line, part in [
            ("prot: 80\n", 1, 'no key "prot"'), ("port: 80\nlimits:\n  conections: 5\n", 3, 'no key "limits.conections"'),
            ("port: 0\n", 1, "not from 1 to 65535"), ("port: eighty\n", 1, "not a number"), ("\n\nport: -1\n", 3, "not a number"), ("port: 99999999999999999999\n", 1, "not a number"),
            ("port: [80]\n", 1, "must be a single value"), ("port: {a: b}\n", 1, "must be a single value"), ("port:\n", 1, "has no value"), ("listen: {a: b}\n", 1, "must be a list"),
            ("listen: [[a]]\n", 1, "single values"), ("port: 80\nport: 81\n", 2, "second time"), ("limits: 5\n", 1, "keys of its own"), ("[1, 2]\n", 1, "key: value"),
            ("port: 80\n---\nport: 81\n", 2, "more than one document"), ("port: 'x\n", None, "not YAML"), ("limits: {idle_timeout: 5}\n", 1, "not a span"),
            ("limits:\n  idle_timeout: 1ms\n", 2, "not from 10ms"), ("log: {access: maybe}\n", 1, "not one of true|false"), ("log: {format: xml}\n", 1, "not one of text|json"),
            ("port: *x\n", 1, "must be a single value"), ("? [a]\n: b\n", 1, "single word")]:
        path = scratch("bad.yaml", text)
        got = run("--check-config", "--config", path)
        where = f"{path}:{line}: " if line else path
        check(got.returncode == 2 and where in got.stderr and part in got.stderr, f"refused with file and line: {text!r}", got.stderr)
    for arguments, part in [
            (["--kinds", "nonsense"], "option --kinds: kinds: kind nonsense"), (["--kinds", ""], "kinds: 0"), (["--kinds", "ulid ulid"], "twice"), (["--kinds", "a,b"], "not NAME"),
            (["--worker-id", "32"], "worker_id"), (["--worker-id", "x"], "not a number, store or hostname"), (["--datacenter-id", "32"], "datacenter_id"),
            (["--kinds", "sonyflake", "--datacenter-id", "1"], "no kind has a field datacenter"), (["--fields", "x"], "not NAME=N"), (["--fields", "x=1"], "no kind has a field x"),
            (["--listen", "0.0.0.0"], "neither worker_id nor store"), (["--listen", "nowhere"], "not an address"), (["--listen", "127.0.0.1:x"], "port"),
            (["--listen", "unix:x"], "unix:/path"), (["--tls-key", "/x"], "must be set together"), (["--tls-client-ca", "/x"], "needs tls.certificate"),
            (["--tls-key", "/x", "--tls-certificate", "/y"], "tls.certificate: cannot use"), (["--token-file", "/nowhere"], "token_file"),
            (["--peers", "x"], "not HOST:PORT"), (["--clock-warn", "2s"], "clock.warn is above"), (["--nonsense", "1"], "no option --nonsense"), (["--port"], "needs a value"), (["--wait", "5"], "wait"),
            (["--epoch", "tomorrow"], "kind snowflake"), (["--config", "/nowhere"], "cannot read /nowhere")]:
        got = run("--check-config", *arguments)
        check(got.returncode == 2 and part in got.stderr and got.stderr.startswith("snowidd: "), "refused: " + " ".join(arguments), got.stderr)
    for text, line, part in [
            ("port: 1\ndatacenter_id: 32\n", 2, "datacenter_id: kind snowflake"), ("worker_id: 99\n", 1, "worker_id: kind snowflake"), ("\nworker_id: x\n", 2, "not a number, store or hostname"),
            ("kinds:\n- ulid\n- a,b\n", 3, "not NAME"), ("wait: 5\n", 1, "wait: kind snowflake"), ("fields: [x=1]\n", 1, "no kind has a field x"), ("clock:\n  refuse: 2s\n  warn: 3s\n", 3, "clock.warn is above"),
            ("listen: 0.0.0.0\n", 1, "neither worker_id nor store"), ("tls:\n  client_ca: /x\n", 2, "needs tls.certificate"), ("token_file: /nowhere\n", 1, "cannot read /nowhere"), ("peers: [x]\n", 1, "not HOST:PORT")]:
        path = scratch("bad.yaml", text)
        got = run("--check-config", "--config", path)
        check(got.returncode == 2 and f"snowidd: {path}:{line}: " in got.stderr and part in got.stderr, f"refused with file and line, though the file alone does not show it: {text!r}", got.stderr)
    equal(run("--check-config", SNOWIDD_PORT="tcp://10.0.0.1:8080").returncode, 0, "what Kubernetes makes of a Service that is named snowidd is no port")
    check("environment variable SNOWIDD_WORKER_ID: worker_id: " in run("--check-config", SNOWIDD_WORKER_ID="99").stderr, "or with its variable")
    # Nobody but this process sees this /etc.
    for what, mode, code, part in [("limits: {count: x}", 700, 2, "/etc/snowid/snowidd.yaml:1: limits.count"), ("limits: {count: 7}", 700, 0, "good"), ("", 0, 2, "cannot read /etc/snowid/snowidd.yaml: Permission denied")]:
        got = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /etc && mkdir -m {mode} /etc/snowid && if [ {mode} != 0 ]; then echo '{what}' >/etc/snowid/snowidd.yaml; fi &&"
                              f" exec setpriv --bounding-set=-all --inh-caps=-all {DAEMON} --check-config"], capture_output=True, text=True, env=environment(), check=False)
        if "not permitted" not in got.stderr and "ermission denied" not in got.stderr.split("snowidd:")[0]:
            check(got.returncode == code and part in got.stdout + got.stderr, f"/etc/snowid/snowidd.yaml is read: {what!r}", got)
    path = scratch("good.yaml", "# all is well\nport: 1\nlimits:\n  count: 7\nlog:\n  format: json\n  access: true\nkinds: [snowflake, ulid]\nlisten: 127.0.0.1\n")
    equal(run("--check-config", "--config", path).returncode, 0, "--check-config: a good file")
    equal(run("--check-config", "--config", scratch("empty.yaml", "# nothing\n")).returncode, 0, "an empty file")
    check("SNOWIDD_LIMITS_COUNT" in run("--check-config", SNOWIDD_LIMITS_COUNT="x").stderr, "an error names its environment variable")
    with Daemon("--config", path, env={"SNOWIDD_LIMITS_COUNT": "8"}) as d:
        equal((d.ask("/api/v1/ids?count=8")[0], d.ask("/api/v1/ids?count=9")[0]), (200, 400), "the environment weighs more than the file, an option more than both")
        lines = [json.loads(line) for line in d.log().splitlines()]
        check(any(l["event"] == "request" and l["target"] == "/api/v1/ids?count=8" and l["status"] == "200" for l in lines), "log: JSON, with requests", lines)
    name = subprocess.run(["unshare", "-u", "sh", "-c", f"hostname sfs-9.example && exec {DAEMON} --check-config --worker-id hostname"],
                          capture_output=True, text=True, env=environment(), check=False)
    if "not permitted" not in name.stderr:
        equal(name.returncode, 0, "worker_id: hostname, as name-9")
    check("cannot listen" in occupied(), "a port that is taken is an error")


def syslog_of(*options):
    """What a daemon says to /dev/log while it is asked for an ID; None where namespaces are not to be had."""
    fake = os.path.join(WORK, "dev")
    os.mkdir(fake)
    scratch("dev/null")
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(os.path.join(fake, "log"))
        log.settimeout(0.1)
        command = f'mount --bind /dev/null {fake}/null && mount --rbind {fake} /dev && exec "$@"'
        process = subprocess.Popen(["unshare", "-rm", "sh", "-c", command, "sh", DAEMON, "--port", str(port), *options], stderr=subprocess.PIPE, env=environment())
        lines = []

        def heard(event):
            with contextlib.suppress(TimeoutError):
                lines.append(log.recv(65536))
            return process.poll() not in (None, 0) or any(event in line for line in lines)
        until(lambda: heard(b"serving"), "the start, in syslog")
        if process.poll() is None:
            process.terminate()
        complaint = process.communicate()[1]
        until(lambda: heard(b"stopped"), "the end, in syslog")
    return (lines, complaint) if lines else None


def logs():
    with Daemon("--worker-id", "1", "--block", "100ms") as d:
        d.ask("/api/v1/id")
        equal(d.stop(), 0, "it stops")
        line = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug): [a-z ,]+( \w+=("([^"\\]|\\.)*"|[^\s"=\\]+))*')
        check(all(line.fullmatch(text) for text in d.log().splitlines()), "text: a line for each event", d.log())
        check("request" not in d.log(), "no request is logged unless it is asked for")
    hostile = [b"/api/v1/parse?id=%0Aerror:%20forged", b"/api/v1/parse?id=%1B%5B2J%22", "/\u0085\u009b2J\u2028".encode(), b"/\xff\xfe", b"/a=b\\"]
    for form in "text", "json":
        with Daemon("--worker-id", "1", "--block", "100ms", "--log-access", "true", "--log-format", form) as d:
            for target in hostile:
                d.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            equal(d.stop(), 0, "it stops")
            with open(d.log_path, "rb") as file:
                requests = [text for text in file.read().split(b"\n") if b"request" in text]
        equal(len(requests), len(hostile), form + ": a line for each request, whatever is in it")
        check(b"id=%0Aerror:%20forged" in requests[0], "as it was sent", requests[0])
        equal([text for text in requests if re.search(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]", text)], [], "nothing in them is for a terminal")
        if form == "json":
            equal([json.loads(text)["event"] for text in requests], ["request"] * len(hostile), "each is JSON")
    said = syslog_of("--log-target", "syslog", "--worker-id", "1", "--block", "100ms")
    if said:
        lines, complaint = said
        pattern = re.compile(rb"<30>\w{3} [ \d]\d \d\d:\d\d:\d\d snowidd\[\d+\]: info: [^\n]+")
        check(all(pattern.fullmatch(text) for text in lines), "syslog: a message for each event", lines)
        equal(complaint, b"", "and nothing to standard error")


def occupied():
    with Daemon() as d:
        return run("--port", str(d.port)).stderr


def reload():
    path = scratch("reload.yaml", "limits: {count: 5}\n")
    with Daemon("--config", path) as d:
        client = d.client()
        client.request("GET", "/api/v1/ids?count=6")
        equal(client.getresponse().read()[:30], b'{"error":"count_out_of_range",', "before the reload")
        scratch("reload.yaml", "limits: {count: 6}\nworker_id: 3\n")
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: " reloaded" in d.log(), "the reload"), "SIGHUP reloads")
        check("next start key=worker_id" in d.log(), "and says what it cannot reload", d.log())
        check(until(lambda: d.ask("/api/v1/ids?count=6")[0] == 200, "the new limit"), "a new limit holds")
        client.request("GET", "/api/v1/ids?count=6")
        equal(client.getresponse().status, 200, "also for a connection from before")
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: d.log().count("next start key=worker_id") == 2, "another warning"), "as long as it differs from what runs")
        scratch("reload.yaml", "limits: {count: x}\n")
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: "not reloaded" in d.log() and "reload.yaml:1" in d.log(), "the refusal"), "a bad file is not reloaded")
        equal(d.ask("/api/v1/ids?count=6")[0], 200, "and the old one holds")


# ---- limits --------------------------------------------------------------------------------------


def trickle(d, first, more):
    """Whether a client that goes on sending is left at last."""
    with d.connect() as s:
        s.sendall(first)

        def is_left():
            try:
                s.sendall(more)
            except OSError:
                return True
            return False
        return until(is_left, "the end of a connection that trickles")


def limits():
    with Daemon("--limits-idle-timeout", "200ms", "--limits-header-timeout", "600s") as d, d.connect() as s:
        s.sendall(get())
        answer = read_all(s)
        check(statuses(answer) == [200] and b"Connection: close" not in answer, "an idle connection is closed")
    # Only what must not be answered in time has a short one.
    with Daemon("--limits-header-timeout", "200ms", "--limits-idle-timeout", "600s") as d:
        with d.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHo")
            equal(statuses(read_all(s)), [408], "408: a request that does not go on")
        with d.connect() as s:
            equal(read_all(s), b"", "a connection that says nothing is closed")
        check(trickle(d, b"", b"\r\n"), "and so is one that says nothing but line ends")
        with d.connect() as s:  # slower than the deadline in all, though each byte comes soon
            with contextlib.suppress(OSError):
                for byte in get("/" + "a" * 200):
                    s.sendall(bytes([byte]))
                    time.sleep(0.005)
            equal(statuses(read_all(s)), [408], "408: a request that trickles")
    with Daemon("--limits-connections", "10", "--threads", "1") as d:  # one thread accepts in order
        held = [d.connect() for _ in range(10)]
        check(until(lambda: statuses(d.raw(LAST)) == [503], "the cap"), "503 beyond the cap of connections")
        refused = http.client.HTTPConnection("127.0.0.1", d.port, timeout=PATIENCE)
        refused.connect()
        answer = http.client.HTTPResponse(refused.sock)
        answer.begin()
        equal((answer.status, answer.headers["Retry-After"], json.loads(answer.read())["error"]), (503, "1", "overloaded"), "in JSON, with Retry-After")
        equal(d.log().count("raise limits.connections"), 1, "the operator is told, once")
        for s in held:
            s.close()
        check(until(lambda: statuses(d.raw(LAST)) == [200], "room"), "and room again when they have gone")
        check(d.metric("snowid_connections_refused_total") >= 2 and d.metric("snowid_connections_limit") == 10, "those turned away are counted")
    with Daemon("--threads", "1", "--limits-stop-timeout", "100ms", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))) as d:
        held = [d.connect() for _ in range(100)]
        check(until(lambda: "no file descriptor" in d.log(), "EMFILE"), "out of files: said")
        equal(d.log().count("no file descriptor"), 1, "once")
        held[-1].settimeout(PATIENCE)
        equal(held[-1].recv(100), b"", "out of files: connections are closed, not left waiting")
        for s in held:
            s.close()
        check(until(lambda: statuses(d.raw(LAST)) == [200], "files"), "out of files: survived")
        held = [d.connect() for _ in range(100)]
        equal(d.stop(), 0, "out of files: it can be stopped")
    with Daemon("--threads", "1") as d:
        # Not even the file that was spared can be had: whoever waits is not asked after all the time.
        resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (5, 4096))
        held = [d.connect() for _ in range(20)]
        check(until(lambda: "no file descriptor" in d.log(), "EMFILE"), "out of files for good: said")
        task = next(t for t in os.listdir(f"/proc/{d.process.pid}/task") if open(f"/proc/{d.process.pid}/task/{t}/comm", encoding="utf-8").read() == "worker 0\n")

        def naps():
            with open(f"/proc/{d.process.pid}/task/{task}/status", encoding="utf-8") as file:
                return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M).group(1))
        before = naps()
        check(until(lambda: naps() > before + 3, "a nap"), "out of files for good: the thread sleeps in between")
        resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        check(until(lambda: statuses(d.raw(LAST)) == [200], "files"), "out of files for good: survived")
        for s in held:
            s.close()
    with Daemon("--limits-rate", "1", "--limits-burst", "20") as d:
        found = statuses(d.raw(get() * 30 + LAST))
        check(found.count(200) in range(20, 25) and found.count(429) == 31 - found.count(200), "rate limit: 20 at once, then 429", found)
        status, headers, body = d.ask("/api/v1/id")
        check(status == 429 and int(headers["Retry-After"]) >= 1 and json.loads(body)["error"] == "rate_limited", "429 says when to come back")
        equal(d.ask("/api/v1/health/live")[0], 200, "health checks are not bounded")
    token = scratch("token", "correct-horse-battery-staple\n")
    with Daemon("--token-file", token) as d:
        status, headers, body = d.ask("/api/v1/id")
        equal((status, headers["WWW-Authenticate"], json.loads(body)["error"]), (401, "Bearer", "unauthorised"), "401 without a token")
        for value in ["Bearer correct-horse-battery-stapl", "Bearer correct-horse-battery-staplex", "Basic correct-horse-battery-staple", "Bearer", "Bearer ", "correct-horse-battery-staple"]:
            equal(d.ask("/api/v1/id", headers={"Authorization": value})[0], 401, "401 for " + value)
        equal(d.ask("/api/v1/id", headers={"Authorization": "Bearer correct-horse-battery-staple"})[0], 200, "200 with the token")
        equal([d.ask(p)[0] for p in ("/api/v1/health/live", "/api/v1/health/ready", "/metrics")], [200, 200, 401], "live and ready need none")
        chunked = b"GET /api/v1/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nAuthorization: Bearer correct-horse-battery-staple\r\n\r\n"
        equal(statuses(d.raw(chunked)), [401], "a trailer is no header")
    for text in "short", "x" * 1100, "a token that has blanks":
        check("token_file: " in run("--check-config", "--token-file", scratch("token", text)).stderr, "not a token: " + text[:30])


def listening():
    path = os.path.join(WORK, "socket")
    with Daemon("--listen", f"unix:{path} 127.0.0.1", "--limits-rate", "1", "--limits-burst", "1") as d:
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(PATIENCE)
                s.connect(path)
                s.sendall(LAST)
                equal(statuses(read_all(s)), [200], "a Unix socket")
        d.stop()
        check(not os.path.exists(path), "and it is removed")
    config = scratch("listen.yaml", f"listen: 'unix:{path}'\n")
    with Daemon("--config", config) as d, socket.socket(socket.AF_UNIX) as other:
        other.bind(path + "2")
        scratch("listen.yaml", f"listen: 'unix:{path}2'\n")
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: "next start key=listen" in d.log(), "the reload"), "listen takes effect at the next start")
        until(lambda: " reloaded" in d.log(), "the end of it")
        d.stop()
        equal((os.path.exists(path), os.path.exists(path + "2")), (False, True), "the socket that was made is removed, and not the one that will be")
    with Daemon("--listen", f"unix:{path}") as d, socket.socket(socket.AF_UNIX) as other:
        os.unlink(path)
        other.bind(path)
        d.stop()
        check(os.path.exists(path), "nor that of another which has taken its place")
    with socket.socket(socket.AF_UNIX) as other:
        os.unlink(path)
        other.bind(path)
        other.listen(1)
        got = run("--listen", f"unix:{path}3 unix:{path}")
        check(got.returncode == 1 and f"cannot listen on {path}: Address already in use" in got.stderr, "a socket on which somebody listens is not taken", got.stderr)
        check(not os.path.exists(path + "3"), "and what was made before is removed")
    with Daemon("--listen", f"unix:{path}") as d, socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(LAST)
        equal(statuses(read_all(s)), [200], "one that nobody listens on any more is")
    with Daemon("--listen", "[::1]") as d:
        try:
            with socket.create_connection(("::1", d.port), PATIENCE) as s:
                s.sendall(LAST)
                equal(statuses(read_all(s)), [200], "IPv6")
        except OSError as error:
            check(False, "IPv6", error)


def tls():
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=WORK)
    for name in "one", "two", "client":
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".crt",
                "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    for end in "key", "crt":
        shutil.copy(os.path.join(WORK, "one." + end), os.path.join(WORK, "server." + end))
    server = [os.path.join(WORK, "server." + end) for end in ("crt", "key")]

    def client(d, ca, certificate=None):
        context = ssl.create_default_context(cafile=os.path.join(WORK, ca))
        if certificate:
            context.load_cert_chain(os.path.join(WORK, certificate + ".crt"), os.path.join(WORK, certificate + ".key"))
        return http.client.HTTPSConnection("127.0.0.1", d.port, context=context, timeout=PATIENCE)
    with Daemon("--tls-certificate", server[0], "--tls-key", server[1]) as d:
        c = client(d, "one.crt")
        for _ in range(3):
            c.request("GET", "/api/v1/ids?count=10000")
            equal(len(json.loads(c.getresponse().read())["ids"]), 10000, "TLS, keep-alive, large answers")
        got = subprocess.run(["curl", "-sS", "--cacert", os.path.join(WORK, "one.crt"), "-w", " %{http_version}", f"https://127.0.0.1:{d.port}/v1/next_id"],
                             capture_output=True, text=True, check=False)
        check(re.fullmatch(r"\d+ 1\.1", got.stdout), "curl is given HTTP/1.1", got)
        check(statuses(d.raw(LAST)) == [], "plain HTTP is not answered")
        check(not statuses(d.raw(b"\x16\x03\x01" + os.urandom(200), half_close=True)), "nonsense is not either")
        for header in "", "Connection: close\r\n":
            context = ssl.create_default_context(cafile=os.path.join(WORK, "one.crt"))
            context.options &= ~0x80  # SSL_OP_IGNORE_UNEXPECTED_EOF
            with d.connect() as s, context.wrap_socket(s, server_hostname="localhost", suppress_ragged_eofs=False) as secure:
                secure.sendall(get(more=header))
                data = secure.recv(65536)
                if header:
                    while part := secure.recv(65536):
                        data += part
                equal(statuses(data), [200], "the end of an answer is said" if header else "TLS by hand")
        if not re.search("lib[at]san", open(f"/proc/{d.process.pid}/maps", encoding="utf-8").read()):  # which have memory of their own
            def idle_after(count):
                c = client(d, "one.crt")
                c.request("GET", f"/api/v1/ids?count={count}")
                c.getresponse().read()
                return c
            few = [idle_after(10000) for _ in range(5)]
            before = d.metric_of(client(d, "one.crt"), "snowid_memory_bytes")
            few += [idle_after(10000) for _ in range(40)]
            grown = d.metric_of(client(d, "one.crt"), "snowid_memory_bytes") - before
            check(grown < 40 * 100000, "a large answer leaves no large buffer behind", grown / 40)
            del few
        for end in "key", "crt":
            shutil.copy(os.path.join(WORK, "two." + end), os.path.join(WORK, "server." + end))
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: " reloaded" in d.log(), "the reload"), "SIGHUP with another certificate")

        def renewed():
            try:
                new = client(d, "two.crt")
                new.request("GET", "/api/v1/id")
                return new.getresponse().status == 200
            except ssl.SSLError:
                return False
        check(until(renewed, "the new certificate"), "new connections get the new certificate")
        c.request("GET", "/api/v1/id")
        equal(c.getresponse().status, 200, "a connection from before goes on")
        scratch("server.crt", "nonsense")
        d.process.send_signal(signal.SIGHUP)
        check(until(lambda: "not reloaded" in d.log(), "the refusal"), "a bad certificate is not taken")
        check(renewed(), "and the good one stays")
    with Daemon("--tls-certificate", os.path.join(WORK, "one.crt"), "--tls-key", os.path.join(WORK, "one.key"), "--limits-header-timeout", "200ms", "--limits-idle-timeout", "600s") as d:
        check(trickle(d, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", b"x"), "a handshake that trickles has no longer than a request")
    with Daemon("--tls-certificate", os.path.join(WORK, "one.crt"), "--tls-key", os.path.join(WORK, "one.key"), "--tls-client-ca", os.path.join(WORK, "client.crt")) as d:
        c = client(d, "one.crt", "client")
        c.request("GET", "/api/v1/id")
        equal(c.getresponse().status, 200, "a client with a certificate")
        for certificate in None, "two":
            try:
                c = client(d, "one.crt", certificate)
                c.request("GET", "/api/v1/id")
                check(c.getresponse().status != 200, "a client without the right certificate")
            except (OSError, http.client.HTTPException):
                check(True, "a client without the right certificate")


@contextlib.contextmanager
def stopped_thread(d, name):
    """One thread of the daemon stands still, as if the disk did. PTRACE_ATTACH stops one thread; whoever has been traced is to be waited for."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    tasks = f"/proc/{d.process.pid}/task"
    thread = None
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/comm", encoding="utf-8") as file:
            if file.read().strip() == name:
                thread = int(task)
    if ptrace(16, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace " + name)
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        if ptrace(17, thread, None, None) != 0:  # it has ended
            with contextlib.suppress(ChildProcessError):
                os.waitpid(thread, 0x40000000)


def keeper():
    """Nobody but the keeper of the stores waits for a disk: while it stands still, all else goes on, and nobody does its work."""
    with Daemon("--store", f"file:{WORK}/kept", "--worker-id", "1", "--block", "100ms", "--limits-wait-timeout", "50ms", "--threads", "2") as d:
        with stopped_thread(d, "keeper"):
            check(until(lambda: d.ask("/api/v1/id")[0] == 503, "the limit"), "no thread that serves renews the store")
            status, headers, body = d.ask("/api/v1/id")
            equal((status, json.loads(body)["error"], headers["Retry-After"]), (503, "store_unavailable", "1"), "IDs end at the limit")
            check(until(lambda: d.ask("/api/v1/health/ready")[0] == 503, "the end of patience"), "which makes it unready once requests are refused")
            equal([d.ask(p)[0] for p in ("/api/v1/health/live", "/api/v1/health/ready", "/api/v1/parse?id=5", "/metrics")], [200, 503, 200, 200], "all else is answered")
        check(until(lambda: d.ask("/api/v1/id")[0] == 200, "the renewal"), "when it goes on, so do IDs")
        equal(d.stop(), 0, "it stops in order")
    with Daemon("--store", f"file:{WORK}/kept", "--worker-id", "1", "--block", "100ms", "--limits-wait-timeout", "600s", "--threads", "2") as d, d.connect() as s:
        with stopped_thread(d, "keeper"):
            d.ask("/api/v1/health")
            limit = d.metric('snowid_store_limit_ahead_seconds{kind="snowflake"}')
            check(until(lambda: d.metric('snowid_store_limit_ahead_seconds{kind="snowflake"}') == 0, "the limit"), "the limit is reached", limit)
            s.sendall(LAST)
            equal(d.ask("/api/v1/health/ready")[0], 200, "a keeper that is late by less than requests wait is no reason to be unready")
        equal(statuses(read_all(s)), [200], "and nobody notices but by the wait")
    with Daemon("--store", f"file:{WORK}/kept", "--worker-id", "1", "--block", "100ms", "--limits-stop-timeout", "100ms") as d:
        with stopped_thread(d, "keeper"):
            d.process.send_signal(signal.SIGTERM)
            check(until(lambda: not any(w in comms(d) for w in ("worker 0", "worker 1")), "the workers"), "the workers end without it")
            check(d.process.poll() is None, "the daemon waits for it")
            d.process.send_signal(signal.SIGTERM)
        equal(d.process.wait(PATIENCE), -signal.SIGTERM, "but not after a second SIGTERM")


def comms(d):
    """The names of its threads."""
    names = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{d.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{d.process.pid}/task/{task}/comm", encoding="utf-8") as file:
                names.append(file.read().strip())
    return names


# ---- start and stop ------------------------------------------------------------------------------


def stopping():
    # A twentieth of the time to stop is that for a request to be on its way: more than any machine needs.
    with Daemon("--threads", "2", "--limits-stop-timeout", "3600s") as d:
        lost, done, going = [], [], threading.Barrier(41)

        def busy():
            client, sent = d.client(), 0
            going.wait()
            while True:
                try:
                    client.request("GET", "/api/v1/ids?count=20")
                    answer = client.getresponse()
                    if answer.status != 200 or len(json.loads(answer.read())["ids"]) != 20:
                        lost.append("status")
                    sent += 1
                    if answer.headers["Connection"] == "close":
                        break
                except ConnectionRefusedError:
                    lost.append("refused") if client.sock else None
                    break
                except Exception as error:  # pylint: disable=broad-except
                    lost.append(repr(error))
                    break
            done.append(sent)
        threads = [threading.Thread(target=busy) for _ in range(40)]
        for t in threads:
            t.start()
        going.wait()
        until(lambda: d.metric('snowid_ids_generated_total{kind="snowflake"}') > 4000, "some load")
        equal(d.stop(), 0, "SIGTERM under load: exit 0")
        for t in threads:
            t.join()
        equal((lost, len(done)), ([], 40), f"40 busy clients, {sum(done)} requests: none is lost")
        check("stopped" in d.log(), "it says so")
    with Daemon("--limits-stop-timeout", "2s") as d, d.connect() as silent, d.connect() as idle:
        idle.sendall(get())
        until(lambda: statuses(idle.recv(4096)) == [200], "an answer")
        equal((d.stop(), "still busy" in d.log()), (0, False), "who has asked for nothing is not waited for")
        equal((read_all(silent), read_all(idle)), (b"", b""), "nor told anything")
    # A request that arrives while the daemon does not run, and the time for it to be on its way goes by.
    with Daemon("--limits-stop-timeout", "40s") as d, d.connect() as s:
        s.sendall(get())
        until(lambda: statuses(s.recv(4096)) == [200], "an answer")
        d.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in d.log(), "the stop")
        d.process.send_signal(signal.SIGSTOP)
        s.sendall(get())
        time.sleep(2.1)
        d.process.send_signal(signal.SIGCONT)
        equal(statuses(read_all(s)), [200], "a request that has arrived is not closed upon")
        equal(d.process.wait(PATIENCE), 0, "and the stop goes on")
    with Daemon("--limits-stop-timeout", "3600s", "--limits-header-timeout", "3600s") as d, d.connect() as s:
        s.sendall(b"GET / HTTP")
        d.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in d.log(), "the stop")
        s.sendall(b"/1.1\r\nHost: x\r\n\r\n")
        answer = read_all(s)
        check(statuses(answer) == [200] and b"Connection: close" in answer, "a request that had begun is answered, and the connection closed")
        equal(d.process.wait(PATIENCE), 0, "and then it ends")
    with Daemon() as d, d.connect() as s:
        s.sendall(b"GET / HTTP")
        until(lambda: d.metric("snowid_connections_open") == 2, "the connection")
        d.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in d.log(), "the stop")
        d.process.send_signal(signal.SIGTERM)
        equal(d.process.wait(PATIENCE), -signal.SIGTERM, "a second SIGTERM ends it at once")
    with Daemon("--limits-stop-timeout", "100ms") as d, d.connect() as s:
        s.sendall(b"GET / HTTP")
        until(lambda: d.metric("snowid_connections_open") == 2, "the connection")
        equal(d.stop(), 0, "who does not finish is not waited for")
    ids = set()
    for _ in range(2):  # the worker is free again at once
        with Daemon("--store", f"slots:{WORK}/one?workers=4-4", "--block", "100ms") as d:
            ids.add(d.json("/api/v1/health")["worker_id"])
            got = run("--port", str(free_port()), "--store", f"slots:{WORK}/one?workers=4-4", "--block", "100ms")
            check(got.returncode == 1 and "cannot start" in got.stderr, "no worker is free: said, exit 1", got.stderr)
            d.stop()
    equal(ids, {4}, "a stop releases the worker")


def systemd():
    """What systemd does, without it: sockets handed over, notices, the watchdog."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    path = os.path.join(WORK, "notify")
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(path)
    notices.settimeout(PATIENCE)
    # Several, of which none is said to be what it is not; without configuration they have to be local.
    families = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6, "0.0.0.0": socket.AF_INET}
    for addresses, wanted in [(["127.0.0.1", "::1"], "serving"), (["127.0.0.1", "0.0.0.0"], "neither worker_id nor store"), (["127.0.0.1", None], "file descriptor 4, passed by the service manager, is not a socket that listens")]:
        sockets = [socket.socket(families.get(a, socket.AF_INET), socket.SOCK_STREAM if a else socket.SOCK_DGRAM) for a in addresses]
        for s, a in zip(sockets, addresses):
            s.bind((a or "127.0.0.1", 0))
            if a:
                s.listen(1)
        passing = " ".join(f"{3 + i}<&{s.fileno() + 100}" for i, s in enumerate(sockets))
        for s in sockets:
            os.dup2(s.fileno(), s.fileno() + 100)
        log = scratch("handed.log")
        unused = os.path.join(WORK, "unused" + str(len(os.listdir(WORK))))
        with socket.socket(socket.AF_UNIX) as s:  # that of the listen setting, which is systemd's
            s.bind(unused)
        with open(log, "ab") as file:
            process = subprocess.Popen(["bash", "-c", f"exec env LISTEN_PID=$$ LISTEN_FDS={len(sockets)} {DAEMON} --listen unix:{unused} {passing}"], env=environment(),
                                       pass_fds=[s.fileno() + 100 for s in sockets], stderr=file)

        def told():
            with open(log, encoding="utf-8") as file:
                return wanted in file.read()
        check(until(lambda: told() or process.poll() is not None, "the daemon") and told(), f"sockets handed over: {addresses}: {wanted}")
        process.terminate()
        process.wait(PATIENCE)
        check(os.path.exists(unused), "and what is not its own is left alone")
        for s in sockets:
            os.close(s.fileno() + 100)
            s.close()
    # The shell knows the process id that the daemon will have.
    command = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 NOTIFY_SOCKET={path} WATCHDOG_USEC=200000 {DAEMON} --threads 2 3<&{listener.fileno()}'

    def start(log=os.devnull):
        with open(log, "ab") as file:
            return subprocess.Popen(["bash", "-c", command], env=environment(), pass_fds=[listener.fileno()], stderr=file)

    def hear(wanted):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if wanted in notices.recv(1000).decode():
                return True
        return False
    # The watchdog of an hour has asked nobody yet when it is stopped.
    log = scratch("calm.log")
    command = command.replace("200000", "7200000000")
    calm = start(log)
    check(hear("READY=1"), "notice: ready, of a calm one")
    # Under ThreadSanitizer a signal that comes while the notice is sent waits for ever.
    with socket.create_connection(listener.getsockname(), PATIENCE) as s:
        s.sendall(LAST)
        equal(statuses(read_all(s)), [200], "it answers")
    calm.terminate()
    equal(calm.wait(PATIENCE), 0, "it ends")
    with open(log, encoding="utf-8") as file:
        check("does not answer" not in file.read(), "nobody is said to be silent who has not been asked")
    command = command.replace("7200000000", "200000")
    first = start()
    check(hear("READY=1"), "notice: ready")
    check(hear("WATCHDOG=1"), "notice: the watchdog")
    failures, stop, served = [], threading.Event(), [0]

    def load():
        while not stop.is_set():
            try:
                with socket.create_connection(listener.getsockname(), PATIENCE) as s:
                    s.sendall(LAST)
                    if statuses(read_all(s)) != [200]:
                        failures.append("no answer")
                    served[0] += 1
            except OSError as error:
                failures.append(repr(error))
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    first.send_signal(signal.SIGHUP)
    check(hear("RELOADING=1") and hear("READY=1"), "notice: reloading, ready")
    first.send_signal(signal.SIGTERM)
    check(hear("STOPPING=1"), "notice: stopping")
    equal(first.wait(PATIENCE), 0, "it ends")
    before = served[0]
    second = start()
    check(hear("READY=1") and until(lambda: served[0] > before + 20, "more requests"), "another takes the socket over")
    stop.set()
    for t in threads:
        t.join()
    equal(failures, [], f"a restart with a socket of systemd: {served[0]} requests, none failed")
    second.send_signal(signal.SIGTERM)
    second.wait(PATIENCE)
    # And by systemd itself.
    port = free_port()
    activated = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{port}", *(f"-E{k}={v}" for k, v in environment().items()), DAEMON, "--threads", "2"],
                                 env=environment(), stderr=subprocess.DEVNULL)

    def first_answer():
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            s.sendall(LAST)
            return statuses(read_all(s)) == [200]
        return False
    check(until(first_answer, "an answer"), "systemd-socket-activate starts it for its first client")
    activated.terminate()
    equal(activated.wait(PATIENCE), 0, "and it ends in order")
    # Threads that hang are noticed: the watchdog is not told that all is well.
    log = scratch("hang.log")
    third = start(log)
    check(hear("READY=1") and hear("WATCHDOG=1"), "notice: the watchdog of another run")
    ptrace, others = ctypes.CDLL(None).ptrace, [int(t) for t in os.listdir(f"/proc/{third.pid}/task") if int(t) != third.pid]
    # PTRACE_ATTACH stops one thread. Whoever has been traced is to be waited for.
    traced = [thread for thread in others if ptrace(16, thread, None, None) == 0]
    for thread in traced:
        os.waitpid(thread, 0x40000000)  # __WALL
    if traced == others:
        def complaints():
            with open(log, encoding="utf-8") as file:
                return file.read().count("does not answer")
        before = complaints()  # a busy machine may have been slow already

        def drain():
            heard = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.append(notices.recv(1000))
            return heard
        notices.setblocking(False)
        check(until(lambda: complaints() > before, "the silence"), "threads that hang are told of")
        drain()
        until(lambda: complaints() > before + 2, "more of it")
        equal(drain(), [], "and the watchdog hears nothing")
    else:
        print("# not allowed to trace: threads that hang are not tested")
    third.kill()
    for thread in traced:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(thread, 0x40000000)
    third.wait(PATIENCE)


# ---- the clock -----------------------------------------------------------------------------------


@contextlib.contextmanager
def chronyd(port):
    """A real NTP server on loopback that leaves the clock of this host alone."""
    directory = tempfile.mkdtemp(prefix="chrony-", dir=WORK)
    os.chmod(WORK, 0o711)
    os.chmod(directory, 0o700)
    command = os.path.join(directory, "socket")
    config = scratch(f"chrony.{port}", f"port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 5\nmanual\ncmdport 0\n"
                     f"pidfile {directory}/pid\nbindcmdaddress {command}\n")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    log = scratch(f"chrony.{port}.log")

    def answers():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
            s.settimeout(0.1)
            s.sendto(b"\x23" + bytes(47), ("127.0.0.1", port))
            return len(s.recv(100)) == 48
        return False
    # Once in a while it finds its port taken by somebody else's datagrams, and goes on without it.
    for _ in range(5):
        with open(log, "ab") as file:
            server = subprocess.Popen(["chronyd", "-x", "-U", "-d", "-u", user, "-f", config], stdout=file, stderr=file)
        end = time.monotonic() + 5
        while not answers() and time.monotonic() < end:
            time.sleep(0.05)
        if answers():
            break
        server.kill()
        server.wait()
    else:
        with open(log, encoding="utf-8") as file:
            raise RuntimeError("chronyd does not answer: " + file.read())
    try:
        yield lambda seconds: subprocess.run(
            ["chronyc", "-h", command, "settime", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + seconds))], capture_output=True, check=True)
    finally:
        server.kill()
        server.wait()


def clock():
    port = free_port()
    options = ["--clock-ntp-servers", f"127.0.0.1:{port}", "--clock-interval", "100ms"]
    with Daemon(*options) as d:
        with chronyd(port) as set_time:
            check(until(lambda: d.metric("snowid_ntp_measurements_total") > 2, "answers"), "chronyd is asked, and answers")
            health = d.json("/api/v1/health")
            check(health["clock"]["measured_by"] == "ntp" and abs(health["clock"]["drift_ms"]) < 100 and health["status"] == "healthy",
                  "the clock agrees with it", health)
            set_time(-5)  # NTP says that this host is 4 to 6 s ahead
            check(until(lambda: d.json("/api/v1/health").get("error") == "clock_unsafe", "the drift"), "more than a second of drift is seen")
            health = d.json("/api/v1/health")
            check(health["status"] == "unhealthy" and health["error"] == "clock_unsafe" and "ahead of the NTP servers" in health["reason"]
                  and 3500 < health["clock"]["drift_ms"] < 6500, "health says why", health)
            status, headers, body = d.ask("/api/v1/id")
            equal((status, json.loads(body)["error"], headers["Retry-After"]), (503, "clock_unsafe", "1"), "IDs are refused")
            equal([d.ask("/api/v1/health/ready")[0], d.ask("/api/v1/health/live")[0]], [503, 200], "not ready, but alive")
            check(d.metric("snowid_clock_drift_ms") > 3500 and d.metric("snowid_clock_unsafe") == 1 and d.metric("snowid_healthy") == 0, "the metrics show it")
            check("IDs are refused" in d.log(), "the log has it")
        with chronyd(port):
            check(until(lambda: d.ask("/api/v1/health")[0] == 200, "the end of it"), "and when it agrees again, they are not")
            equal(d.ask("/api/v1/id")[0], 200, "IDs are served")
            check("good again" in d.log(), "the log has that too")
        check(until(lambda: "no NTP server answers" in d.log(), "the silence"), "servers that do not answer are told of")
        equal(d.ask("/api/v1/id")[0], 200, "and stop nobody")


def peers():
    options = ["--datacenter-id", "1", "--store", "memory:", "--clock-interval", "100ms"]
    with Daemon("--worker-id", "5", *options) as a:
        path = scratch("peers.yaml", f"peers: ['127.0.0.1:{a.port}', '127.0.0.1:1']\n")
        with Daemon("--worker-id", "6", *options, "--config", path) as b, Daemon("--worker-id", "5", *options, "--config", path) as c:
            check(until(lambda: c.ask("/api/v1/health")[0] == 503, "the conflict"), "a peer with the same worker is a conflict")
            health = c.json("/api/v1/health")
            check(health["error"] == "worker_conflict" and f"127.0.0.1:{a.port} has the same datacenter_id=1 worker_id=5" in health["reason"], "health says who", health)
            status, _, body = c.ask("/v1/next_id")
            equal((status, json.loads(body)["error"]), (503, "worker_conflict"), "IDs are refused")
            equal((c.metric("snowid_worker_conflict"), b.metric("snowid_worker_conflict")), (1, 0), "the metrics show it")
            equal(b.ask("/v1/next_id")[0], 200, "one with another worker is none")
            scratch("peers.yaml", f"peers: ['127.0.0.1:{b.port}', '127.0.0.1:{c.port}']\n")
            c.process.send_signal(signal.SIGHUP)
            check(until(lambda: c.ask("/v1/next_id")[0] == 200, "the end of it"), "without it, IDs are served; oneself is no conflict")
            equal((b.stop(), c.stop()), (0, 0), "they stop in order")
    token = scratch("token", "correct-horse-battery-staple\n")
    with Daemon("--worker-id", "5", *options, "--token-file", token) as a:
        with Daemon("--worker-id", "5", *options, "--token-file", token, "--peers", f"127.0.0.1:{a.port} 127.0.0.1:1") as b, Daemon("--worker-id", "5", *options, "--peers", f"127.0.0.1:{a.port}") as c:
            check(until(lambda: b.ask("/api/v1/health/ready")[0] == 503, "the conflict"), "a peer that wants a token is given that of this daemon")
            check(until(lambda: f"a peer does not report its worker peer=127.0.0.1:{a.port} reason=\"status 401\"" in c.log(), "the warning"), "who does not say which worker it has is told of")
            check(until(lambda: "peer=127.0.0.1:1 reason=" in b.log(), "the warning"), "and so is who does not answer")


GROUPS = [endpoints, openapi, kinds, conversation, problems, bad_requests, many_clients, configuration, logs, reload, keeper, limits, listening, tls, stopping, systemd, clock, peers]


def main(groups):
    chosen = [g for g in groups if not sys.argv[1:] or g.__name__ in sys.argv[1:]]
    for group in chosen:
        started = time.monotonic()
        try:
            group()
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            check(False, group.__name__ + " runs to its end")
        print(f"# {group.__name__}: {time.monotonic() - started:.1f} s", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(GROUPS))
