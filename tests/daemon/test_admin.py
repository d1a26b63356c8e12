#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The listener for operators: probes and metrics when clients have taken all there is."""
import contextlib
import http.client
import resource
import socket
import ssl

from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    certificate_options,
    check,
    equal,
    error_code,
    free_port,
    get,
    make_certificates,
    read_all,
    run_daemon,
    run_tests,
    scratch,
    statuses,
    wait_for,
    write_secret,
)

PROBES = "/api/v1/health/live", "/api/v1/health/ready", "/api/v1/health", "/metrics", "/"
ALL_WELL = [200] * len(PROBES)
ADMIN_CONNECTIONS = 64
THREE = "--limits-connections", "3", "--limits-connections-per-client", "3"


class AdminDaemon(Daemon):
    """A daemon with an address for operators."""

    def start(self, *options, **popen):
        self.admin_port = free_port()
        super().start("--admin-listen", f"127.0.0.1:{self.admin_port}", *options, **popen)

    def admin(self):
        return http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=DEADLINE)

    def connect_admin(self):
        return socket.create_connection(("127.0.0.1", self.admin_port), DEADLINE)

    def probe_once(self):
        with self.connect_admin() as s:
            with contextlib.suppress(OSError):
                s.sendall(get("/api/v1/health/live", "Connection: close\r\n"))
            return statuses(read_all(s))

    def probe(self):
        return [self.status(path, client=self.admin()) for path in PROBES]


def test_paths():
    with AdminDaemon() as daemon:
        equal(daemon.probe(), ALL_WELL, "operators get health, metrics and the page")
        status, _, body = daemon.request("/v1/next_id", client=daemon.admin())
        equal((status, error_code(body)), (404, "not_found"), "they get no IDs")
        equal([daemon.status(path) for path in PROBES], [200, 200, 200, 404, 404], "clients do not")
        check("admin.listen" in daemon.text("/metrics"), "the error says where the metrics are")
        check(
            f"for=admin address=127.0.0.1:{daemon.admin_port}" in daemon.log(),
            "the log has the address for operators",
        )
        equal(daemon.stop(), 0, "the daemon stops in order")


def test_connections():
    with AdminDaemon(*THREE, "--threads", "1") as daemon:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(daemon.connect())
            full = wait_for(lambda: statuses(daemon.send_raw(GET_AND_CLOSE)) == [503], "the limit")
            check(full, "clients have all connections")
            equal(daemon.probe(), ALL_WELL, "operators are served beside them")
            name = "snowid_connections_open"
            equal(daemon.metric(name, client=daemon.admin()), 3, "and are not counted as clients")


def test_own_limit():
    """Whoever takes the connections of operators takes none of the clients'."""
    with AdminDaemon(*THREE, "--threads", "1") as daemon:
        with contextlib.ExitStack() as stack:
            for _ in range(ADMIN_CONNECTIONS):
                stack.enter_context(daemon.connect_admin())
            said = wait_for(lambda: daemon.probe_once() == [503], "the limit")
            check(said, "503: more connections of operators than there is room for")
            equal(daemon.status("/v1/next_id"), 200, "clients are served all the same")
        check(wait_for(lambda: daemon.probe_once() == [200], "room"), "they end, and make room")


def test_descriptors():
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}
    with AdminDaemon("--threads", "1", **few) as daemon, contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(daemon.connect())
        said = wait_for(lambda: "no file descriptor" in daemon.log(), "the end of descriptors")
        check(said, "clients have all descriptors that they can have")
        equal(daemon.probe(), ALL_WELL, "operators are served beside them")


def test_certificates_and_tokens():
    make_certificates("server", "client")
    options = *certificate_options("server"), "--tls-client-ca", scratch("client.crt")
    token = "--token-file", write_secret("token", "correct-horse-battery-staple\n")
    rate = "--limits-rate", "1", "--limits-burst", "1"
    with AdminDaemon(*options, *token, *rate) as daemon:
        for _ in range(3):
            equal(daemon.probe(), ALL_WELL, "operators need neither TLS nor a token")
        context = ssl.create_default_context(cafile=scratch("server.crt"))
        address = "127.0.0.1", daemon.port
        client = http.client.HTTPSConnection(*address, context=context, timeout=DEADLINE)
        with contextlib.suppress(OSError):
            status = daemon.status("/api/v1/health/live", client=client)
            check(False, "clients need a certificate", status)


def test_configuration():
    for address, problem in (
        ("127.0.0.1", "needs a port"),
        ("127.0.0.1:8080", "is there twice"),
    ):
        got = run_daemon("--check-config", "--admin-listen", address, "--listen", "127.0.0.1:8080")
        check(
            got.returncode == 2 and problem in got.stderr, f"admin.listen: {address}: refused", got
        )


if __name__ == "__main__":
    run_tests(globals())
