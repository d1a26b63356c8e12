#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Who a request is from, for limits and in the log."""
import contextlib
import os
import shutil
import socket
import ssl

from grpc_client import GrpcDaemon, Interface
from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    certificate_options,
    check,
    equal,
    free_port,
    get,
    make_certificates,
    read_all,
    run_daemon,
    run_tests,
    running_proxy,
    scratch,
    skip,
    statuses,
    wait_for,
)

GENERATE = "IDGenerator/GenerateID"
CLIENT = "198.51.100.7"
OTHER = "198.51.100.8"
TRUST = "--trusted-proxies", "127.0.0.1,10.0.0.0/8"
# One request of each client, and no more of those that come at once.
RATE = "--limits-rate", "1", "--limits-burst", "1"
FIELD = "X-Forwarded-For"
interface = Interface()


def statuses_of(daemon, *lists):
    """Of requests that are sent together, so that it does not matter how fast the machine is."""
    requests = [get("/v1/next_id", f"{FIELD}: {value}\r\n") for value in lists]
    return statuses(daemon.send_raw(b"".join(requests), half_close=True))


def test_http():
    with GrpcDaemon("--log-access", "true", *TRUST) as daemon:
        equal(
            daemon.status("/v1/next_id", headers={FIELD: f"1.1.1.1, {CLIENT}, 10.0.0.9"}),
            200,
            "a list",
        )
        check(f"client={CLIENT} method=GET" in daemon.log(), "the log has the client", daemon.log())
        equal(daemon.status("/v1/next_id", headers={FIELD: "nonsense"}), 200, "nonsense")
        check("client=127.0.0.1 method=GET" in daemon.log(), "or the proxy itself", daemon.log())
    with GrpcDaemon("--log-access", "true") as daemon:
        equal(daemon.status("/v1/next_id", headers={FIELD: CLIENT}), 200, "no proxy")
        check(CLIENT not in daemon.log(), "others are not believed", daemon.log())


def test_grpc():
    with GrpcDaemon("--log-access", "true", *TRUST) as daemon, daemon.grpc(interface) as client:
        metadata = ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", CLIENT)
        client.call(GENERATE, metadata=metadata)
        line = f"client={CLIENT} method=gRPC"
        check(wait_for(lambda: line in daemon.log(), line), "the log has that of a call")


def test_rate():
    with GrpcDaemon(*RATE, *TRUST) as daemon, daemon.grpc(interface) as client:
        found = statuses_of(daemon, CLIENT, OTHER, CLIENT, f"{OTHER}, 10.0.0.9")
        equal(found, [200, 200, 429, 429], "each client has a limit of its own")

        def exhausted():
            statuses_of(daemon, CLIENT)
            failure = client.failure(GENERATE, metadata=[("x-forwarded-for", CLIENT)])
            return failure[0] == "RESOURCE_EXHAUSTED"

        check(wait_for(exhausted, "the limit"), "which is that of gRPC, too")
    with GrpcDaemon(*RATE) as daemon:
        equal(statuses_of(daemon, CLIENT, OTHER), [200, 429], "others cannot have another one")


def connections_from(daemon, address, count):
    """The status of a request on each of them, while all are open."""
    with contextlib.ExitStack() as stack:
        target, found = ("127.0.0.1", daemon.port), []
        for _ in range(count):
            s = stack.enter_context(socket.create_connection(target, DEADLINE, (address, 0)))
            with contextlib.suppress(OSError):
                s.sendall(get())
            found += statuses(s.recv(4096))
        return found


def test_connections():
    with Daemon("--limits-connections", "7", "--threads", "1") as daemon:
        found = connections_from(daemon, "127.0.0.8", 6)
        equal(found, [200] * 4 + [503] * 2, "one client has half of the connections")
        check("client=127.0.0.8" in daemon.log(), "the log says who it is", daemon.log())

        def room():
            return connections_from(daemon, "127.0.0.8", 4) == [200] * 4

        check(wait_for(room, "room"), "connections that end make room for others")
    limit = "--limits-connections-per-client", "2"
    with Daemon(*limit, "--threads", "1") as daemon, daemon.connect(), daemon.connect():
        found = connections_from(daemon, "127.0.0.8", 3)
        equal(found, [200, 200, 503], "each client has as many as the setting says")
    with Daemon(*limit, "--trusted-proxies", "127.0.0.8") as daemon:
        found = connections_from(daemon, "127.0.0.8", 5)
        equal(found, [200] * 5, "a trusted proxy has those of many clients")
    with Daemon(*limit, *PROXIED, *TRUST) as daemon, contextlib.ExitStack() as stack:
        found = []
        for _ in range(3):
            s = stack.enter_context(daemon.connect())
            s.sendall(LINE + get())
            found += statuses(s.recv(4096))
        equal(found, [200, 200, 503], "and its clients are limited one by one")


LINE = f"PROXY TCP4 {CLIENT} 192.0.2.1 4711 80\r\n".encode()
BLOCK = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(CLIENT) + bytes(8)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
PROXIED = "--proxy-protocol", "both"


def test_proxy_header():
    with GrpcDaemon("--log-access", "true", *TRUST, *PROXIED) as daemon:
        for header in LINE, BLOCK:
            before = daemon.log().count(f"client={CLIENT} method=GET")
            equal(statuses(daemon.send_raw(header + GET_AND_CLOSE)), [200], "a header is read")
            after = daemon.log().count(f"client={CLIENT} method=GET")
            equal(after - before, 1, "the log has its client")
            with daemon.connect() as s:  # byte by byte
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in header + GET_AND_CLOSE:
                    s.sendall(bytes([byte]))
                equal(statuses(read_all(s)), [200], "however it is cut")
        equal(statuses(daemon.send_raw(LOCAL + GET_AND_CLOSE)), [200], "a proxy checks the health")
        check("client=127.0.0.1 method=GET" in daemon.log(), "for itself", daemon.log())
        for data in GET_AND_CLOSE, LINE[:-1] + b"x\n" + GET_AND_CLOSE, b"\0" * 300:
            equal(daemon.send_raw(data), b"", "a connection without a header is closed")
        with daemon.grpc(interface) as client:
            code = client.failure(GENERATE, timeout=1)[0]
            check(code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), "and so is one of gRPC", code)
        forwarded = get("/v1/next_id", f"{FIELD}: {OTHER}\r\nConnection: close\r\n")
        equal(statuses(daemon.send_raw(LINE + forwarded)), [200], "the client says who it is")
        check(OTHER not in daemon.log(), "and is not believed", daemon.log())


def test_proxy_header_from_others():
    trust = "--trusted-proxies", "10.0.0.0/8"
    with Daemon(*trust, "--proxy-protocol", "listen") as daemon:
        equal(daemon.send_raw(LINE + GET_AND_CLOSE), b"", "only trusted proxies may send a header")
        check("outside of trusted_proxies" in daemon.log(), "the log says so", daemon.log())
    with Daemon() as daemon:
        equal(statuses(daemon.send_raw(LINE + GET_AND_CLOSE)), [400], "by default none is read")


def test_proxy_header_before_tls():
    make_certificates("server")
    with Daemon(*certificate_options("server"), *TRUST, "--log-access", "true", *PROXIED) as daemon:
        context = ssl.create_default_context(cafile=scratch("server.crt"))
        with daemon.connect() as s:
            s.sendall(BLOCK)
            with context.wrap_socket(s, server_hostname="localhost") as tls:
                tls.sendall(GET_AND_CLOSE)
                equal(statuses(read_all(tls)), [200], "a header comes before TLS")
        check(f"client={CLIENT} method=GET" in daemon.log(), "the log has its client")


HAPROXY = """defaults
	mode tcp
	timeout connect 10s
	timeout client 60s
	timeout server 60s
listen ids
	bind 127.0.0.1:8000
	server a 127.0.0.1:8081 {send}
"""


def test_haproxy():
    """In TCP mode it passes on what it does not read, such as TLS."""
    if not shutil.which("haproxy"):
        skip("there is no haproxy")
        return
    for send in "send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn":
        port = free_port()
        with Daemon("--log-access", "true", *TRUST, *PROXIED) as daemon:
            addresses = ("127.0.0.1:8000", f"127.0.0.1:{port}"), (
                "127.0.0.1:8081",
                f"127.0.0.1:{daemon.port}",
            )
            text = HAPROXY.format(send=send)
            with running_proxy(send, text, addresses, ["haproxy", "-db", "-f"]):

                def logged(port=port, daemon=daemon):
                    with contextlib.suppress(OSError):
                        address = "127.0.0.1", port
                        with socket.create_connection(address, DEADLINE, ("127.0.0.7", 0)) as s:
                            s.sendall(GET_AND_CLOSE)
                            read_all(s)
                    return "client=127.0.0.7 method=GET" in daemon.log()

                check(wait_for(logged, send), f"HAProxy with {send} says who the client is")


def test_configuration():
    got = run_daemon("--check-config", *PROXIED)
    good = got.returncode == 2 and "proxy_protocol: both needs trusted_proxies" in got.stderr
    check(good, "proxy_protocol without trusted_proxies is refused", got)

    for value in "localhost", "10.0.0.1/8", "10.0.0.0/33":
        got = run_daemon("--check-config", "--trusted-proxies", value)
        good = got.returncode == 2 and f'trusted_proxies: "{value}" is not' in got.stderr
        check(good, "a list of proxies is refused: " + value, got)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    run_tests(globals())
