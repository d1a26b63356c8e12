#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Whatever bytes arrive, the daemon refuses them and does not crash, leak or hang."""
import concurrent.futures
import os
import socket
import struct

from harness import (
    GET_AND_CLOSE,
    Daemon,
    check,
    equal,
    get,
    read_all,
    read_text,
    run_tests,
    statuses,
    wait_for,
)

CHUNKED = b"POST /api/v1/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FOLDED = b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n \tc\r\n\r\n"
FOLDED_EMPTY = b"GET / HTTP/1.1\r\nHost: x\r\nA:\r\n \r\n\r\n"


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def written_requests():
    """Those of bad_requests.txt."""
    frame, found = "%s", []
    for line in read_text(os.path.dirname(__file__), "bad_requests.txt").splitlines():
        if line.startswith("frame: "):
            frame = line.removeprefix("frame: ")
        elif line and not line.startswith("#"):
            found.append(unescape(frame.replace("%s", line)))
    return found


def generated_requests():
    """Each byte but CR and LF before a good request, and chunks with too much beside their data."""
    found = [bytes([c]) + get() for c in range(256) if chr(c) not in "\r\n"]
    large = b"5;a=" + b"x" * 40000, b'5;a="' + b"x" * 40000, b"0\r\n" + b"A: b\r\n" * 9000
    return found + [CHUNKED + chunk for chunk in large]


def test_errors():
    bad = generated_requests() + written_requests()
    check(len(bad) >= 325, f"{len(bad)} bad requests")
    with Daemon("--threads", "1", "--log-access", "true") as daemon:

        def refusal(request):
            return daemon.send_raw(request + b"\r\n\r\n", half_close=True)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            responses = list(zip(bad, pool.map(refusal, bad)))
        wrong = [
            request[:80] for request, data in responses if min(statuses(data), default=0) < 400
        ]
        equal(wrong, [], "each bad request gets an error")
        wrong = [request[:80] for request, data in responses if b'{"error":"' not in data]
        equal(wrong, [], "each error has a code")
        equal(daemon.stop(), 0, "the daemon stops in order after bad requests")


def test_folded_line():
    with Daemon("--threads", "1") as daemon:
        passed = []
        cuts = [(text, cut) for text in (FOLDED, FOLDED_EMPTY) for cut in range(1, len(text) - 1)]
        for text, cut in cuts:
            with daemon.connect() as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                s.sendall(text[:cut])
                wait_for(lambda: daemon.metric("snowid_connections_open") == 2, "the first part")
                s.sendall(text[cut:])
                passed += [] if statuses(read_all(s)) == [400] else [(text, cut)]
        equal(passed, [], "a folded line is refused, however it is split into packets")


def test_cut_requests():
    with Daemon("--threads", "1") as daemon:
        daemon.request("/api/v1/id")
        files = daemon.open_files()
        for cut in range(0, len(GET_AND_CLOSE) - 1, 3):
            daemon.send_raw(GET_AND_CLOSE[:cut], half_close=True)
        for cut in range(1, len(GET_AND_CLOSE) - 1, 7):
            with daemon.connect() as s:
                s.sendall(GET_AND_CLOSE[:cut])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        closed = wait_for(lambda: daemon.open_files() <= files, "closed connections")
        check(closed, "requests that are cut off leave no file open")
        equal(
            daemon.status("/api/v1/id"), 200, "the daemon serves after requests that were cut off"
        )


if __name__ == "__main__":
    run_tests(globals())
