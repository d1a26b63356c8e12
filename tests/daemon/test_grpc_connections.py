#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The connections of gRPC: TLS, Unix sockets, limits, floods."""
import contextlib
import socket
import ssl
import struct

import grpc

from grpc_client import Client, GrpcDaemon, Interface
from h2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    FIELDS,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    call_frames,
    frame,
    frames_of,
    goaway_of,
    header_block,
    raw_connection,
)
from harness import (
    DEADLINE,
    Daemon,
    check,
    equal,
    make_certificates,
    read_all,
    run_command,
    run_tests,
    scratch,
    wait_for,
)

ONE = "IDGenerator/GenerateID"
HEADER = header_block(FIELDS.items())
ENHANCE_YOUR_CALM = 11
interface = Interface()


def credentials(authority, certificate=None):
    def read(name):
        with open(scratch(name), "rb") as file:
            return file.read()

    pair = (read(certificate + ".key"), read(certificate + ".crt")) if certificate else (None, None)
    return grpc.ssl_channel_credentials(read(authority + ".crt"), *pair)


def test_tls():
    make_certificates("server", "client")
    options = "--tls-certificate", scratch("server.crt"), "--tls-key", scratch("server.key")
    with GrpcDaemon(*options) as daemon:
        with daemon.grpc(interface, credentials=credentials("server")) as client:
            check(client.call(ONE).id > 0, "a call over TLS")
        with daemon.grpc(interface) as client:
            equal(client.failure(ONE)[0], "UNAVAILABLE", "a call in the clear is not answered")
        for protocol, wanted in ("h2", "h2"), ("http/1.1", None):
            equal(alpn(daemon.grpc_port, protocol), wanted, f"ALPN of gRPC for {protocol}")
        equal(alpn(daemon.port, "h2"), None, "REST is not HTTP/2")
    with GrpcDaemon(*options, "--tls-client-ca", scratch("client.crt")) as daemon:
        with daemon.grpc(interface, credentials=credentials("server", "client")) as client:
            check(client.call(ONE).id > 0, "a client with a certificate")
        with daemon.grpc(interface, credentials=credentials("server")) as client:
            equal(client.failure(ONE)[0], "UNAVAILABLE", "a client without one")


def alpn(port, protocol):
    context = ssl.create_default_context(cafile=scratch("server.crt"))
    context.set_alpn_protocols([protocol])
    with contextlib.suppress(ssl.SSLError):
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
            with context.wrap_socket(s, server_hostname="127.0.0.1") as tls:
                return tls.selected_alpn_protocol()
    return None


def test_unix_socket():
    path = scratch("grpc")
    with Daemon("--grpc-listen", f"unix:{path}"):
        with Client(f"unix:{path}", interface) as client:
            check(client.call(ONE).id > 0, "a call over a Unix socket")
        # As grpc-java does it.
        options = [("grpc.default_authority", path)]
        with Client(f"unix:{path}", interface, options=options) as client:
            check(client.call(ONE).id > 0, "a path may be the authority")


def test_connections():
    options = "--limits-connections", "5", "--limits-connections-per-client", "5", "--threads", "1"
    with GrpcDaemon(*options) as daemon:
        held = [daemon.connect() for _ in range(5)]
        check(wait_for(lambda: goaway_of(busy_reply(daemon)) is not None, "the limit"), "GOAWAY")
        equal(goaway_of(busy_reply(daemon)), ENHANCE_YOUR_CALM, "more connections than allowed")
        for s in held:
            s.close()
        with daemon.grpc(interface, options=[("grpc.initial_reconnect_backoff_ms", 100)]) as client:
            served = lambda: client.failure(ONE)[0] == "OK"
            check(wait_for(served, "room for a connection"), "a client is served afterwards")


def busy_reply(daemon):
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", daemon.grpc_port), DEADLINE) as s:
            s.settimeout(1)
            return read_all(s)
    return b""


def test_timeouts():
    with GrpcDaemon("--limits-idle-timeout", "200ms") as daemon:
        with raw_connection(daemon.grpc_port) as s:
            s.sendall(call_frames(1))
            equal(goaway_of(read_all(s)), 0, "an idle connection is closed, and is told so")
        with daemon.grpc(interface) as client:
            for _ in range(3):
                equal(client.failure(ONE)[0], "OK", "a client connects again when it is needed")
    with GrpcDaemon("--limits-header-timeout", "200ms") as daemon:
        with socket.create_connection(("127.0.0.1", daemon.grpc_port), DEADLINE) as s:
            s.sendall(PREFACE[:10])
            read_all(s)
            check(True, "a connection that does not begin to speak is closed")


def test_vanished_client():
    times = "--grpc-keepalive-time", "100ms", "--grpc-keepalive-timeout", "100ms"
    first = PREFACE + frame(SETTINGS) + call_frames(1, "/grpc.health.v1.Health/Watch")
    with GrpcDaemon(*times) as daemon, raw_connection(daemon.grpc_port, first) as s:
        kinds = [kind for kind, _ in frames_of(read_all(s))]
        check(PING in kinds, "a client that does not answer a ping is disconnected", kinds)


def test_client_that_does_not_read():
    window = 2**31 - 1
    with GrpcDaemon("--limits-idle-timeout", "200ms") as daemon, raw_connection(
        daemon.grpc_port
    ) as s:
        s.sendall(frame(SETTINGS, payload=struct.pack(">HI", 4, window)))
        s.sendall(frame(WINDOW_UPDATE, payload=struct.pack(">I", window - 65535)))
        s.sendall(call_frames(1, "/IDGenerator/StreamIDs"))
        closed = lambda: daemon.calls("IDGenerator/StreamIDs", "CANCELLED") == 1
        check(wait_for(closed, "the end"), "a stream ends that its client does not read")


def test_floods():
    with GrpcDaemon("--threads", "1") as daemon, daemon.grpc(interface) as client:
        header = frame(HEADERS, END_HEADERS, 1, HEADER)
        floods = {
            "pings": (b"", frame(PING, payload=bytes(8))),
            "settings": (b"", frame(SETTINGS)),
            "empty data": (header, frame(DATA, stream=1)),
            "a header without an end": (frame(HEADERS, 0, 1), frame(CONTINUATION, stream=1)),
        }
        for name, (first, flood) in floods.items():
            with raw_connection(daemon.grpc_port) as s:
                with contextlib.suppress(OSError):
                    s.sendall(first)
                    for _ in range(1000):
                        s.sendall(flood * 100)
                    s.shutdown(socket.SHUT_WR)
                ended = goaway_of(read_all(s))
            equal(ended, ENHANCE_YOUR_CALM, f"a flood of {name} ends its connection")
            equal(client.failure(ONE)[0], "OK", "others are served")
        with raw_connection(daemon.grpc_port) as s:  # CVE-2023-44487
            for stream in range(1, 20001, 2):
                reset = frame(RST_STREAM, stream=stream, payload=bytes([0, 0, 0, 8]))
                s.sendall(frame(HEADERS, END_HEADERS, stream, HEADER) + reset)
            equal(client.failure(ONE)[0], "OK", "others are served beside calls that are reset")
            s.sendall(frame(PING, payload=b"12345678"))
            s.settimeout(DEADLINE)
            data = b""
            while b"12345678" not in data:
                data += s.recv(65536)
            equal(goaway_of(data), None, "to cancel each call is no flood")
        memory = daemon.metric("process_resident_memory_bytes")
        check(memory < 200e6, "the memory is bounded", memory)


def test_h2_clients():
    with GrpcDaemon() as daemon:
        url = f"http://127.0.0.1:{daemon.grpc_port}/{ONE}"
        command = "curl", "-sS", "--http2-prior-knowledge", "-w", "\n%{http_code}", url
        for options, what, wanted in (
            ((), "a GET of a browser or a probe", "405"),
            (("-I",), "a HEAD, whose response has no text", "405"),
            (("-d", "{}"), "a POST of something else", "415"),
        ):
            result = run_command(*command, *options)
            text, code = result.stdout.rsplit("\n", 1)
            equal((result.returncode, code), (0, wanted), what)
            check("-I" in options or "serves gRPC" in text, f"{what}: why", text)


run_tests(globals())
