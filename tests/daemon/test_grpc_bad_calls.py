#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Whatever frames arrive, gRPC refuses them with the right status, and does not leak or hang."""
import contextlib
import gzip
import http.client
import os
import re
import socket

from grpc_client import GrpcDaemon
from h2_frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    ERRORS,
    FIELDS,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    TYPES,
    HeaderDecoder,
    frame,
    goaway_of,
    header_block,
    raw_connection,
    whole_frames,
)
from harness import (
    DEADLINE,
    Daemon,
    check,
    equal,
    free_port,
    read_all,
    read_text,
    run_tests,
    scratch,
    wait_for,
    write_secret,
)
from test_bad_requests import unescape

TOKEN = "correct-horse-battery-staple"
GOOD = {**FIELDS, "authorization": "Bearer " + TOKEN}
REFLECTION = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"
METHODS = {
    "ONE": "/IDGenerator/GenerateID",
    "BATCH": "/IDGenerator/GenerateBatch",
    "STREAM": "/IDGenerator/StreamIDs",
    "PARSE": "/IDGenerator/ParseID",
    "HEALTH": "/IDGenerator/HealthCheck",
    "CHECK": "/grpc.health.v1.Health/Check",
    "LIST": "/grpc.health.v1.Health/List",
    "WATCH": "/grpc.health.v1.Health/Watch",
    "INFO": REFLECTION.format("v1"),
    "INFO_V1ALPHA": REFLECTION.format("v1alpha"),
}
OPTIONS = "--kinds", "snowflake ulid uuid7 tiny=time:41,worker:2,sequence:1;unit=100ms"
OPTIONS += "--worker-id", "1", "--store", "memory:", "--limits-count", "100", "--threads", "1"
LAST_STREAM = 1001  # of the call that follows, in the connection that had a bad one


# ---- what is sent --------------------------------------------------------------------------------


def changed_fields(path, changes):
    """The fields of a call, as pairs, with the changes that a line of bad_calls.txt says."""
    fields = [*{**GOOD, ":path": path}.items()]
    for change in changes:
        name, _, value = unescape(change).partition(b"=")
        name, value = name.decode("latin-1"), value.decode("latin-1")
        if name.startswith("+"):
            # A pseudo-header field in front of the others: it is to be wrong as one too many only.
            fields.insert(0 if name[1] == ":" else len(fields), (name[1:], value))
        elif name.startswith("-"):
            fields = [field for field in fields if field[0] != name[1:]]
        elif name in dict(fields):
            fields = [(n, value if n == name else v) for n, v in fields]
        else:
            fields.insert(0 if name[0] == ":" else len(fields), (name, value))
    return fields


def with_prefix(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


def call_bytes(text):
    """METHOD CHANGES [= MESSAGE | < BYTES]"""
    head, sign, data = re.fullmatch(r"(.*?)(?: ([=<]) ?(.*))?", text).groups()
    method, *changes = head.split()
    body = unescape(data) if sign == "<" else with_prefix(unescape(data or ""))
    header = header_block(changed_fields(METHODS[method], changes))
    return frame(HEADERS, END_HEADERS, 1, header) + frame(DATA, END_STREAM, 1, body)


def raw_frames(text):
    """TYPE FLAGS STREAM PAYLOAD; ..."""
    found = b""
    for part in text.split(" ; "):
        kind, flags, stream, *payload = part.split(" ", 3)
        payload = unescape(payload[0]) if payload else b""
        payload = payload.replace(b"{header}", header_block(GOOD.items()))
        payload = payload.replace(b"{message}", bytes(5))
        number = TYPES.index(kind) if kind in TYPES else int(kind)
        found += frame(number, int(flags), int(stream), payload)
    return found


def written_cases():
    """Pairs of a line of bad_calls.txt and its bytes."""
    for line in read_text(os.path.dirname(__file__), "bad_calls.txt").splitlines():
        if line and not line.startswith("#"):
            text = line.split(": ", 1)[1]
            frames = text.removeprefix("frames ")
            yield line, raw_frames(frames) if frames != text else call_bytes(text)


def generated_cases():
    """What would be too long to write."""

    def call(fields=(), body=bytes(5), method="ONE"):
        block = header_block([*{**GOOD, ":path": METHODS[method]}.items(), *fields])
        first, rest = block[:16384], block[16384:]
        header = frame(HEADERS, 0 if rest else END_HEADERS, 1, first)
        header += frame(9, END_HEADERS, 1, rest) if rest else b""
        return header + frame(DATA, END_STREAM, 1, body)

    large = with_prefix(bytes(16385))
    bomb = b"\1" + with_prefix(gzip.compress(bytes(10**6)))[1:]
    yield "8: a field of 16 KiB", call([("x", "y" * 16384)])
    yield "8: 400 fields", call([(f"x-{i}", "y" * 20) for i in range(400)])
    yield "12: a path of 4 KiB", call_bytes("ONE :path=/" + "x" * 4096)
    yield "8: a message of 16385 bytes", call([])[:-14] + b"".join(
        frame(DATA, 0, 1, large[i : i + 8192]) for i in range(0, len(large), 8192)
    ) + frame(DATA, END_STREAM, 1)
    yield "8: a message that becomes too large", call([("grpc-encoding", "gzip")], bomb)
    yield "13: 16 KiB that are no message", call(body=with_prefix(b"\xff" * 16000))
    yield "3: a text of 16000 bytes", call(
        body=with_prefix(b"\x1a\x80\x7d" + b"1" * 16000), method="PARSE"
    )
    yield "goaway FRAME_SIZE_ERROR: a frame of 16385 bytes", frame(99, 0, 0, bytes(16385))
    yield "goaway FRAME_SIZE_ERROR: data of 16385 bytes", frame(DATA, 0, 1, bytes(16385))
    header = frame(HEADERS, END_HEADERS, 1, header_block(GOOD.items()))
    streams = [(2 * i + 1).to_bytes(4, "big") for i in range(101)]
    calls = b"".join(header[:5] + stream + header[9:] for stream in streams)
    resets = b"".join(frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08") for i in range(100))
    yield "reset REFUSED_STREAM: 101 calls at once", calls + resets


# ---- what is answered ----------------------------------------------------------------------------


def outcome_of(frames, decoder):
    """What a call, or the connection, has ended with, as bad_calls.txt has it; None if neither."""
    ends = {}
    for kind, _, stream, payload in frames:
        if kind == 7 and payload[4:8] != bytes(4):
            return "goaway " + ERRORS[int.from_bytes(payload[4:8], "big")]
        if kind == RST_STREAM and payload != bytes(4):
            ends.setdefault(stream, "reset " + ERRORS[int.from_bytes(payload, "big")])
        if kind == HEADERS:
            fields = decoder.decode(payload)
            if fields.get(":status", "200") != "200":
                ends.setdefault(stream, "http " + fields[":status"])
            if "grpc-status" in fields:
                ends.setdefault(stream, fields["grpc-status"])
    ends = {stream: end for stream, end in ends.items() if stream != LAST_STREAM}
    return next(iter(ends.values()), None)


def next_call_ended(data):
    return any(f[2] == LAST_STREAM and f[1] & END_STREAM for f in whole_frames(data))


def outcome_in(data):
    with HeaderDecoder() as decoder:
        return outcome_of(whole_frames(data), decoder)


def try_case(port, request):
    """What is answered to a request, and whether the next call of its connection is served."""
    good = frame(HEADERS, END_HEADERS, LAST_STREAM, header_block(GOOD.items()))
    good += frame(DATA, END_STREAM, LAST_STREAM, bytes(5))
    data = b""
    with raw_connection(port) as s, contextlib.suppress(OSError):
        s.sendall(request + good)
        s.shutdown(socket.SHUT_WR)
        while not (next_call_ended(data) and outcome_in(data)) and (part := s.recv(65536)):
            data += part
    return outcome_in(data), next_call_ended(data)


def test_errors():
    cases = [*written_cases(), *generated_cases()]
    check(len(cases) >= 200, f"{len(cases)} bad calls")
    token, port = write_secret("token", TOKEN), free_port()
    operators = "--admin-listen", f"127.0.0.1:{port}"
    options = *OPTIONS, *operators, "--token-file", token, "--log-access", "true"
    with GrpcDaemon(*options) as daemon:

        def try_all():
            return {line: try_case(daemon.grpc_port, request) for line, request in cases}

        def metric(name):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            return daemon.metric(name, client=client)

        before = metric("snowid_connections_open")
        all_closed = lambda: metric("snowid_connections_open") == before
        found = try_all()
        wrong = {line: got for line, (got, _) in found.items() if line.split(":")[0] != got}
        equal(wrong, {}, "each bad call has its status")
        ended = [line for line, (_, served) in found.items() if not served]
        wanted = [line for line, _ in cases if line.startswith("goaway")]
        equal(ended, wanted, "another call is served, unless the connection has ended")
        check(wait_for(all_closed, "the last connection"), "all connections are closed")
        files, memory = daemon.open_files(), metric("process_resident_memory_bytes")
        for _ in range(3):
            try_all()
        check(wait_for(all_closed, "the last connection"), "again all connections are closed")
        closed = wait_for(lambda: daemon.open_files() <= files, "closed files")
        check(closed, "no file is left open")
        more = metric("process_resident_memory_bytes") - memory
        check(more < 2e6 or daemon.is_sanitized(), "no memory is kept", more)
        equal(daemon.stop(), 0, "the daemon stops in order after bad calls")


def test_unix_socket():
    """There nghttp2 does not check the fields of headers, and some of those are in order for us."""
    path, cases = scratch("socket"), [*written_cases(), *generated_cases()]
    token = "--token-file", write_secret("token", TOKEN)
    with Daemon(*OPTIONS, "--grpc-listen", "unix:" + path, *token) as daemon:
        unanswered, wrong = [], {}
        for line, request in cases:
            wanted = line.split(":")[0]
            if wanted != "reset PROTOCOL_ERROR":
                got = try_case(path, request)[0]
                wrong.update({} if got == wanted else {line: got})
            elif "frames" not in line and not try_case(path, request)[0]:
                unanswered.append(line)
        equal(wrong, {}, "over a Unix socket each bad call has its status")
        equal(unanswered, [], "each malformed header is answered")
        equal(daemon.stop(), 0, "the daemon stops in order after them")


def test_first_bytes():
    """Before the connection has begun."""
    not_settings = {
        "a ping": frame(6, 0, 0, bytes(8)),
        "a call": frame(HEADERS, END_HEADERS, 1, header_block(GOOD.items())),
        "an acknowledgement": frame(SETTINGS, 1),
    }
    with GrpcDaemon(*OPTIONS) as daemon:
        for name, first in not_settings.items():
            with raw_connection(daemon.grpc_port, PREFACE + first) as s:
                s.shutdown(socket.SHUT_WR)
                equal(goaway_of(read_all(s)), 1, f"{name} instead of settings ends a connection")
        for first in b"\0" * 30, PREFACE[:-1] + b"x", PREFACE.lower(), b"\x16\x03\x01" * 20:
            with raw_connection(daemon.grpc_port, first) as s:
                s.shutdown(socket.SHUT_WR)
                check(b" 505 " in read_all(s), f"{first[:24]!r} is not HTTP/2")


if __name__ == "__main__":
    run_tests(globals())
