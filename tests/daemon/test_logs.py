#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What the daemon logs: text, JSON, syslog, and requests that try to forge lines."""
import contextlib
import json
import os
import re
import socket
import subprocess

from harness import (
    DAEMON,
    Daemon,
    check,
    environment,
    equal,
    free_port,
    run_command,
    run_tests,
    scratch,
    wait_for,
    write_scratch,
)

OPTIONS = "--worker-id", "1", "--reserve", "100ms", "--hold", "30ms"
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug): [a-z ,]+"
    r'( \w+=("([^"\\]|\\.)*"|[^\s"=\\]+))*'
)
SYSLOG_LINE = re.compile(rb"<30>\w{3} [ \d]\d \d\d:\d\d:\d\d snowidd\[\d+\]: info: [^\n]+")
FORGED = b"/api/v1/parse?id=%0Aerror:%20forged"
HOSTILE = [
    FORGED,
    b"/api/v1/parse?id=%1B%5B2J%22",
    "/\u0085\u009b2J\u2028".encode(),
    b"/\xff\xfe",
    b"/a=b\\",
]
CONTROL = rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]"


def test_text():
    with Daemon(*OPTIONS) as daemon:
        daemon.request("/api/v1/id")
        equal(daemon.stop(), 0, "the daemon stops in order")
        good = all(LINE.fullmatch(line) for line in daemon.log().splitlines())
        check(good, "text: each event is a line", daemon.log())
        check("request" not in daemon.log(), "requests are not logged by default")


def test_worker():
    kind = "it=time:42,shard:6,zone:4,sequence:12"
    with Daemon("--kinds", kind, "--worker-id", "5", "--fields", "zone=9", *OPTIONS[2:]) as daemon:
        check(
            " worker_id=5 " in daemon.log(), "the worker is logged, not another field", daemon.log()
        )


def log_of_hostile_requests(form):
    """Its lines about requests."""
    with Daemon(*OPTIONS, "--log-access", "true", "--log-format", form) as daemon:
        for target in HOSTILE:
            daemon.send_raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        equal(daemon.stop(), 0, f"{form}: the daemon stops in order after hostile requests")
        with open(daemon.log_path, "rb") as file:
            return [line for line in file.read().split(b"\n") if b"request" in line]


def test_request_ids():
    with Daemon(*OPTIONS, "--log-access", "true") as daemon:
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        daemon.request("/v1/next_id", headers={"traceparent": trace})
        daemon.request("/v1/next_id", headers={"X-Request-Id": "abc-1", "traceparent": trace})
        daemon.request("/v1/next_id", headers={"X-Request-Id": 'x" forged=y' + 200 * "x"})
        daemon.request("/v1/next_id")
        daemon.stop()
        lines = [line for line in daemon.log().splitlines() if "target=/v1/next_id" in line]
        found = [line.partition(" id=")[2] for line in lines]
        equal(found[:2], [trace, "abc-1"], "the log has what others call a request")
        long = r'"x\" forged=y' + 117 * "x" + '"'
        equal(found[2:], [long, ""], "what is too long is cut, and quoted where it must be")


def test_no_syslog():
    script = 'mount -t tmpfs none /dev && exec "$@"'
    command = "unshare", "-m", "sh", "-c", script, "sh", DAEMON, "--log-target", "syslog"
    got = run_command(*command, "--listen", "unix:/nonexistent/x", env=environment())
    if "not permitted" in got.stderr:
        print("# skipped: not allowed to mount")
        return
    check("there is no syslog" in got.stderr, "a syslog that is missing is said on stderr", got)


def test_hostile_requests():
    for form in "text", "json":
        lines = log_of_hostile_requests(form)
        equal(len(lines), len(HOSTILE), form + ": each request is a line, whatever it contains")
        check(
            FORGED.split(b"?")[1] in lines[0],
            form + ": a target is logged as it was sent",
            lines[0],
        )
        unsafe = [line for line in lines if re.search(CONTROL, line)]
        equal(unsafe, [], form + ": control characters do not reach the log")
        if form == "json":
            events = [json.loads(line)["event"] for line in lines]
            equal(events, ["request"] * len(HOSTILE), "json: each line is an object")


def syslog_of(*options):
    """What a daemon sends to a /dev/log of its own, and its stderr; None without privileges."""
    dev = scratch("dev")
    os.mkdir(dev)
    write_scratch("dev/null")
    own_dev = f'mount --bind /dev/null {dev}/null && mount --rbind {dev} /dev && exec "$@"'
    daemon = DAEMON, "--port", str(free_port()), *options
    command = "unshare", "-rm", "sh", "-c", own_dev, "sh", *daemon
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(os.path.join(dev, "log"))
        log.settimeout(0.1)
        lines = []
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment()) as process:

            def received(event):
                with contextlib.suppress(TimeoutError):
                    lines.append(log.recv(65536))
                failed = process.poll() not in (None, 0)
                return failed or any(event in line for line in lines)

            wait_for(lambda: received(b"serving"), "the start in syslog")
            if process.poll() is None:
                process.terminate()
            stderr = process.communicate()[1]
            wait_for(lambda: received(b"stopped"), "the end in syslog")
    return (lines, stderr) if lines else None


def test_syslog():
    found = syslog_of("--log-target", "syslog", *OPTIONS)
    if not found:
        print("# skipped: not allowed to mount")
        return
    lines, stderr = found
    check(
        all(SYSLOG_LINE.fullmatch(line) for line in lines), "syslog: each event is a message", lines
    )
    equal(stderr, b"", "syslog: nothing is written to standard error")


if __name__ == "__main__":
    run_tests(globals())
