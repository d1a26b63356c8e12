#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The modules for etcd and Consul against a server that answers what it is told to: servers that
die, names whose address changes, answers that are malformed or hostile, logins, fork and exit."""
import base64
import contextlib
import http.server
import json
import os
import socket
import ssl
import sys
import threading

from asker import (
    DEADLINE,
    READ,
    SERVICES,
    Asker,
    check,
    equal,
    free_port,
    make_certificates,
    run_tests,
    scratch,
    wait_for,
    write_scratch,
)

RANGE = {"response_range": {"header": {"revision": "1"}}}
EMPTY = {
    "etcd": {"header": {"revision": "1"}, "succeeded": True, "responses": [RANGE] * 3},
    "consul": {"Results": [], "Errors": None},
}
TOKEN_OUTDATED = 401, {"code": 16, "message": "etcdserver: invalid auth token"}


class Server(http.server.ThreadingHTTPServer):
    """Its answer is a function of path and body that returns status and JSON, or bytes."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer, port=0, address="127.0.0.1", context=None):
        self.answer, self.requests, self.connections, self.open = answer, [], 0, []
        super().__init__((address, port), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self):
        return f"{self.server_address[0]}:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1
        self.server.open.append(self.connection)

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, body, dict(self.headers)))
        answer = self.server.answer(self.path, json.loads(body) if body else None)
        if answer is None:
            self.close_connection = True
            return
        status, data = answer
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST  # pylint: disable=invalid-name

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def always(status, data):
    return lambda path, body: (status, data)


def fails(service, status, data, **request):
    """The answer to one request whose every answer of the server is the same."""
    with Server(always(status, data)) as server, Asker(service, server.address) as asker:
        return asker.one(**{"ask": "READ", "count": 4, **request})


def dead_address():
    return f"127.0.0.1:{free_port()}"


# ---- servers that die ----------------------------------------------------------------------------


def test_servers_in_turn():
    for service in SERVICES:
        with Server(always(200, EMPTY[service])) as server:
            servers = f"{dead_address()},{dead_address()},{server.address}"
            with Asker(service, servers) as asker:
                equal(asker.one()["outcome"], "DONE", service + ": dead servers are passed over")
                equal([a["outcome"] for a in asker.all(*[READ] * 50)], ["DONE"] * 50, "50 at once")
                equal(asker.one()["outcome"], "DONE", "and again")
                check(server.connections <= 16, "over few connections", server.connections)


def test_all_dead():
    for service in SERVICES:
        with Asker(service, f"{dead_address()},{dead_address()}") as asker:
            answer = asker.one()
            equal(answer["outcome"], "UNKNOWN", service + ": all are dead")
            check("connect" in answer["why"], "it says so", answer["why"])


def test_server_without_leader():
    for service in SERVICES:
        bad = always(503, {"code": 14, "message": "etcdserver: no leader"})
        with Server(bad) as first, Server(always(200, EMPTY[service])) as second:
            with Asker(service, first.address + "," + second.address) as asker:
                answer = asker.one("RAISE", timeout_ms=30000)
                equal(answer["outcome"], "UNKNOWN", service + ": a server without a leader")
                check("no leader" in answer["why"], "it says so", answer["why"])
                equal(asker.one()["outcome"], "DONE", "the next request goes to the next server")
                equal(asker.one()["outcome"], "DONE", "and stays there")
                equal(len(first.requests), 1, "the first is not asked again")


def test_black_hole():
    """A request ends when it has to, and the others are not held up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hole = f"127.0.0.1:{silent.getsockname()[1]}"
        for service in SERVICES:
            with Server(always(200, EMPTY[service])) as server:
                with Asker(service, f"{hole},{server.address}") as asker:
                    answer = asker.one(timeout_ms=300)
                    equal(answer["outcome"], "UNKNOWN", service + ": a black hole")
                    check("timed out" in answer["why"].lower(), "it says so", answer["why"])
                    equal(asker.one()["outcome"], "DONE", "the next server answers")


def test_no_tls():
    """It closes what does not begin as a request of HTTP does."""
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def close_each():
            with contextlib.suppress(OSError):
                while True:
                    plain.accept()[0].close()

        threading.Thread(target=close_each, daemon=True).start()
        for service in SERVICES:
            with Asker(service, f"127.0.0.1:{plain.getsockname()[1]}", "tls=1") as asker:
                answer = asker.one()
                equal(answer["outcome"], "UNKNOWN", service + ": a server without TLS")
                check("does it speak TLS" in answer["why"], "it says so", answer["why"])


def test_closed_connection():
    """One that the server closed while it was idle is replaced without an error."""
    for service in SERVICES:
        port = free_port()
        with Server(always(200, EMPTY[service]), port) as server:
            with Asker(service, server.address) as asker:
                equal(asker.one()["outcome"], "DONE", service + ": asked once")
                server.answer = lambda path, body: None
                equal(asker.one()["outcome"], "UNKNOWN", "closed before the answer")
                server.answer = always(200, EMPTY[service])
                equal(asker.one()["outcome"], "DONE", "asked again")


# ---- names ---------------------------------------------------------------------------------------


def test_name_changes():
    port = free_port()
    for service in SERVICES:
        hosts = write_scratch("hosts", "db.test 127.0.0.2\n")
        with Server(always(200, EMPTY[service]), port, "127.0.0.2"):
            asker = Asker(service, f"db.test:{port}", ASK_HOSTS=hosts)
            equal(asker.one()["outcome"], "DONE", service + ": by name")
        with asker, Server(always(200, EMPTY[service]), port, "127.0.0.3") as second:
            write_scratch("hosts", "db.test 127.0.0.3\n")
            check(
                wait_for(lambda: asker.one(timeout_ms=1000)["outcome"] == "DONE", "the address"),
                "the new address is found",
            )
            check(second.requests, "the new server was asked")


def test_silent_resolver():
    """Neither the request nor the thread of the coordinator waits for it."""
    hosts = write_scratch("hosts", "slow.test hang\n")
    for service in SERVICES:
        with Server(always(200, EMPTY[service])) as server:
            with Asker(service, f"slow.test,{server.address}", ASK_HOSTS=hosts) as asker:
                answer = asker.one(timeout_ms=300)
                equal(answer["outcome"], "UNKNOWN", service + ": the resolver is silent")
                equal(asker.one()["outcome"], "DONE", "the next server answers")


def test_no_proxy():
    for service in SERVICES:
        with Server(always(200, EMPTY[service])) as server, Server(always(200, {})) as proxy:
            variables = {name: "http://" + proxy.address for name in ("http_proxy", "all_proxy")}
            with Asker(service, server.address, **variables) as asker:
                equal(asker.one()["outcome"], "DONE", service + ": no proxy of the environment")
                equal(proxy.requests, [], "the proxy gets nothing")


# ---- answers -------------------------------------------------------------------------------------


def pair(key, value):
    return {"key": encode(key), "value": encode(value), "mod_revision": "7"}


def encode(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


STATE = "/id-generator/datacenters/dc0/state/worker"
WORKERS = "/id-generator/datacenters/dc0/workers/worker"
RECORD = {
    "format": 1,
    "epoch": 3,
    "limit": 9,
    "limit_time": "2026-01-01T00:00:00.000Z",
    "released": False,
    "last_tick": 0,
    "writes": 1,
    "incarnation": "0" * 31 + "1",
    "owner": {"host": "h", "process": 1, "since": "2026-01-01T00:00:00.000Z"},
    "fingerprint": "0" * 16,
    "kind": "k",
}


def etcd_read(namespace=(), states=(), workers=()):
    parts = [
        {"response_range": {"kvs": list(part), "count": str(len(part))}}
        for part in (namespace, states, workers)
    ]
    return {"header": {"revision": "9"}, "succeeded": True, "responses": parts}


def consul_read(*pairs):
    return {"Results": [{"KV": p} for p in pairs], "Errors": None}


def consul_pair(key, value, **more):
    return {"Key": key[1:], "Value": encode(value), "ModifyIndex": 7, **more}


MALFORMED = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\xff\xfe\x00",
    b"<html>",
    b"[" * 100000,
    b'{"header":' * 3000,
)


def test_malformed():
    for service in SERVICES:
        with Server(None) as server, Asker(service, server.address) as asker:
            for data in MALFORMED:
                server.answer = always(200, data)
                for ask in ("READ", "CLAIM", "RAISE", "RELEASE", "FORGET", "RESET"):
                    answer = asker.one(ask, count=4)
                    name = f"{service}: {ask} is answered {data[:20]}"
                    check(answer["outcome"] in ("UNKNOWN", "DENIED"), name, answer)


WRONG_ETCD = (
    {"header": {"revision": "1"}, "responses": [RANGE] * 2},
    {**etcd_read(), "responses": [RANGE, {"response_range": {"count": "3"}}, RANGE]},
    {"responses": 7},
    {"responses": [7, None, "x"]},
    {"responses": [{"response_range": {"kvs": 3}}] * 3},
    etcd_read(states=[{"key": 7, "value": 7}]),
    etcd_read(states=[{"key": "*", "value": "*"}]),
    etcd_read(states=[pair(STATE + "1", "not JSON")]),
    etcd_read(states=[pair(STATE + "1", "")]),
    etcd_read(states=[pair(STATE + "1", json.dumps({**RECORD, "format": 2}))]),
    etcd_read(states=[pair(STATE + "1", json.dumps({**RECORD, "epoch": -1}))]),
    etcd_read(workers=[pair(WORKERS + "1", "[]")]),
    etcd_read(namespace=[pair("/id-generator/namespace", "me")]),
)


def test_wrong_types_etcd():
    if "etcd" not in SERVICES:
        return
    for data in WRONG_ETCD:
        answer = fails("etcd", 200, data)
        check(answer["outcome"] in ("UNKNOWN", "DENIED"), f"etcd: {str(data)[:60]}", answer)


def test_wrong_types_consul():
    if "consul" not in SERVICES:
        return
    for data in (
        {"Results": 7},
        {"Results": [7, None, {"KV": 7}]},
        consul_read({"Key": 7}),
        consul_read({"Key": WORKERS[1:] + "1", "Value": 7}),
        consul_read({"Key": WORKERS[1:] + "1", "Value": "*"}),
        consul_read(consul_pair(WORKERS + "1", "not JSON")),
        consul_read(consul_pair("/id-generator/namespace", "me")),
    ):
        answer = fails("consul", 200, data)
        check(answer["outcome"] in ("UNKNOWN", "DENIED"), f"consul: {str(data)[:60]}", answer)


def test_other_keys():
    """Those of workers that were not asked for, or that are no workers, and one key twice."""
    text = json.dumps(RECORD)
    names = ["1", "1", "01", "4", "99999999999999999999999", "-1", "x", "", "1 "]
    answers = {
        "etcd": etcd_read(states=[pair(STATE + n, text) for n in names]),
        "consul": consul_read(*[consul_pair(WORKERS + n, text) for n in names]),
    }
    for service in SERVICES:
        answer = fails(service, 200, answers[service], worker=0, count=4)
        equal(answer["outcome"], "DONE", service + ": other keys are ignored")
        existing = [record["exists"] for record in answer["records"]]
        equal(existing, [False, True, False, False], "one worker exists")


def test_session_in_path():
    """What a server calls a session becomes part of a path."""
    if "consul" not in SERVICES:
        return

    def answer(path, body):
        return 200, {"ID": "../../kv/other"} if path.endswith("create") else consul_read()

    with Server(answer) as server, Asker("consul", server.address) as asker:
        equal(asker.one("CLAIM")["outcome"], "UNKNOWN", "a session that is no UUID")
        check(not any("other" in path for path, _, _ in server.requests), "it is not used")


def test_endless_answer():
    for service in SERVICES:
        answer = fails(service, 200, b" " * (17 << 20))
        equal(answer["outcome"], "UNKNOWN", service + ": an answer of 17 MiB")
        check("too long" in answer["why"], "it says so", answer["why"])


def test_control_characters():
    for service in SERVICES:
        answer = fails(service, 400, b"\x1b[2Jhello\x07")
        check("hello" in answer["why"], service + ": the words of the server", answer)
        check(not any(c < " " for c in answer["why"]), "are printable", answer["why"])


def test_other_services():
    for service in SERVICES:
        answer = fails(service, 404, b"404 page not found\n")
        equal(answer["outcome"], "DENIED", service + ": another service")
        check("is this" in answer["why"], "it says so", answer["why"])


def test_half_done():
    """A write that is done is never refused, whatever comes after it."""
    written = {"header": {"revision": "9"}, "succeeded": True}
    lease = {"result": {"header": {"revision": "9"}, "ID": "1"}}
    session = "01234567-89ab-cdef-0123-456789abcdef"
    held = consul_read(consul_pair(WORKERS + "0", json.dumps(RECORD), Session=session))

    def etcd(path, body):
        return (200, written) if path == "/v3/kv/txn" else after

    def consul(path, body):
        return (200, held) if path.startswith("/v1/txn") else after

    for service, answer in ("etcd", etcd), ("consul", consul):
        for after in None, (500, {}), (404, {"code": 5, "message": "not found"}), (200, lease):
            if service not in SERVICES or (service == "consul" and after == (200, lease)):
                continue
            with Server(answer) as server, Asker(service, server.address) as asker:
                got = asker.one("RAISE", version=7, exists=1, incarnation=0)
                # The record is that of incarnation (0, 1) on the server, and (0, 7) here.
                outcomes = ("UNKNOWN",) if service == "etcd" else ("UNKNOWN", "REFUSED")
                check(got["outcome"] in outcomes, f"{service}: then {after}", got)


# ---- etcd's logins -------------------------------------------------------------------------------


class Login:
    """Gives tokens, and takes the newest."""

    def __init__(self, broken=False):
        self.broken, self.count, self.lock = broken, 0, threading.Lock()
        self.server = None

    def __call__(self, path, body):
        with self.lock:
            if path == "/v3/auth/authenticate":
                self.count += 1
                return 200, {"token": f"token.{self.count}"}
            used = self.server.requests[-1][2].get("Authorization")
            if self.broken or used not in {f"token.{self.count}"}:
                return TOKEN_OUTDATED
            return 200, EMPTY["etcd"]

    @contextlib.contextmanager
    def asked(self):
        with Server(self) as self.server:
            password = write_scratch("password", "secret\n")
            with Asker("etcd", self.server.address, "user=me", "password_file=" + password) as a:
                yield a


def test_logins():
    if "etcd" not in SERVICES:
        return
    login = Login()
    with login.asked() as asker:
        equal(asker.one()["outcome"], "DONE", "after a login")
        equal(asker.one()["outcome"], "DONE", "with the same token")
        equal(login.count, 1, "one login")
        sent = json.loads(login.server.requests[0][1])
        equal(sent, {"name": "me", "password": "secret"}, "user and password")
        login.count += 1  # the server forgets what it gave
        equal(asker.one()["outcome"], "DONE", "a token that has ended is replaced")
        equal(login.count, 3, "by another login")


def test_login_is_shared():
    if "etcd" not in SERVICES:
        return
    login = Login()
    with login.asked() as asker:
        outcomes = [answer["outcome"] for answer in asker.all(*[READ] * 20)]
        equal(outcomes, ["DONE"] * 20, "20 requests at once")
        equal(login.count, 1, "one login")


def test_login_does_not_loop():
    if "etcd" not in SERVICES:
        return
    login = Login(broken=True)
    with login.asked() as asker:
        answer = asker.one()
        equal(answer["outcome"], "DENIED", "tokens that are never good")
        check("invalid auth token" in answer["why"], "the words of the server", answer["why"])
        equal(login.count, 2, "two logins, and no more")


def test_password_is_read_again():
    if "etcd" not in SERVICES:
        return
    login = Login()
    with login.asked() as asker:
        asker.one()
        write_scratch("password", "another")
        login.count += 1
        equal(asker.one()["outcome"], "DONE", "after another login")
        passwords = [b for p, b, _ in login.server.requests if p == "/v3/auth/authenticate"]
        equal(json.loads(passwords[-1])["password"], "another", "with the new password")
        os.remove(scratch("password"))
        login.count += 1
        answer = asker.one()
        equal(answer["outcome"], "DENIED", "a password file that is gone")
        check("password" in answer["why"], "it says which", answer["why"])


def test_settings():
    for service, options, words in (
        ("etcd", ["user=me"], "SNOWID_STORE_PASSWORD"),
        ("etcd", ["token_file=x"], "user="),
        ("etcd", ["password_file=x"], "user="),
        ("etcd", ["ca=x"], "tls=1"),
        ("etcd", ["tls=1", "cert=x"], "key="),
        ("consul", ["user=me"], "token_file="),
    ):
        if service in SERVICES:
            asker = Asker(service, "127.0.0.1:1", *options)
            out, _ = asker.process.communicate(timeout=DEADLINE)
            equal(asker.process.returncode, 1, f"{service} {options}")
            check(words in out, "it says what to do", out)
    for servers in "", ",", "a,,b", "a b", "u:p@h:1", "h/x", "h:port", "[::1", "h:1:2", "h:123456":
        asker = Asker(SERVICES[0], servers)
        out, _ = asker.process.communicate(timeout=DEADLINE)
        check("is not a server" in out, f"{servers!r} is refused", out)


# ---- the life of a process -----------------------------------------------------------------------


def tls_context(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scratch(name + ".crt"), scratch(name + ".key"))
    return context


def test_fork():
    """A child closes its copies without a goodbye: the connections of the parent stay."""
    make_certificates("server")
    for service in SERVICES:
        with Server(always(200, EMPTY[service]), context=tls_context("server")) as server:
            options = "tls=1", "ca=" + scratch("server.crt")
            with Asker(service, server.address, *options) as asker:
                equal(asker.one()["outcome"], "DONE", service + ": over TLS")
                equal(asker.line("fork"), "0\n", "a child closes it")
                equal(asker.one()["outcome"], "DONE", "the parent goes on")
                equal(server.connections, 1, "over the same connection")


def test_exit():
    make_certificates("server")
    for service in SERVICES:
        with Server(always(200, EMPTY[service]), context=tls_context("server")) as server:
            options = "tls=1", "ca=" + scratch("server.crt")
            asker = Asker(service, server.address, *options)
            asker.line("exit")
            equal(asker.process.wait(DEADLINE), 0, service + ": exit while a thread asks")


if not SERVICES:
    print("skipped: no module for etcd or Consul was built")
    sys.exit(77)
run_tests(globals())
