#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The clock against a real NTP server: chronyd, which does not touch the clock of this host."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time

from harness import (
    SCRATCH,
    Daemon,
    check,
    equal,
    error_code,
    free_port,
    read_text,
    run_command,
    run_tests,
    wait_for,
    write_scratch,
)

CHRONYD = """port {port}
bindaddress 127.0.0.1
allow 127.0.0.1
local stratum 5
manual
cmdport 0
pidfile {directory}/pid
bindcmdaddress {directory}/socket
"""
SNTP_REQUEST = b"\x23" + bytes(47)  # version 4, client: RFC 5905, section 7.3


def answers_ntp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.settimeout(0.1)
        s.sendto(SNTP_REQUEST, ("127.0.0.1", port))
        return len(s.recv(100)) == 48
    return False


def start_chronyd(port, config):
    """When another UDP socket has its port, chronyd goes on without it: hence the attempts."""
    log = write_scratch(f"chrony.{port}.log")
    user = run_command("id", "-un").stdout.strip()
    for _ in range(5):
        with open(log, "ab") as file:
            command = "chronyd", "-x", "-U", "-d", "-u", user, "-f", config
            server = subprocess.Popen(command, stdout=file, stderr=file)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if answers_ntp(port):
                return server
            time.sleep(0.05)
        server.kill()
        server.wait()
    raise RuntimeError("chronyd does not answer: " + read_text(log))


@contextlib.contextmanager
def chronyd(port):
    """A server, and a function that sets its time to so many seconds from now."""
    directory = tempfile.mkdtemp(prefix="chrony-", dir=SCRATCH)
    os.chmod(SCRATCH, 0o711)
    os.chmod(directory, 0o700)
    config = write_scratch(f"chrony.{port}", CHRONYD.format(port=port, directory=directory))
    server = start_chronyd(port, config)

    def set_time(seconds):
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + seconds))
        run_command("chronyc", "-h", directory + "/socket", "settime", text, check=True)

    try:
        yield set_time
    finally:
        server.kill()
        server.wait()


def check_refusal(daemon):
    """What a daemon does whose clock is 4 to 6 s ahead of its NTP server."""
    health = daemon.json("/api/v1/health")
    found = health["status"], health["error"]
    good = found == ("unhealthy", "clock_unsafe") and "ahead of the NTP servers" in health["reason"]
    check(good and 3500 < health["clock"]["drift_ms"] < 6500, "health gives the reason", health)
    status, headers, body = daemon.request("/api/v1/id")
    found = status, error_code(body), headers["Retry-After"]
    equal(found, (503, "clock_unsafe", "1"), "IDs are refused while the clock is off")
    found = [daemon.status("/api/v1/health/" + probe) for probe in ("ready", "live")]
    equal(found, [503, 200], "while the clock is off, the daemon is not ready, but alive")
    drift, unsafe = daemon.metric("snowid_clock_drift_ms"), daemon.metric("snowid_clock_unsafe")
    good = drift > 3500 and unsafe == 1 and daemon.metric("snowid_healthy") == 0
    check(good, "the metrics show the drift")
    check("IDs are refused" in daemon.log(), "the log says that IDs are refused")


def test_clock():
    port = free_port()
    options = "--clock-ntp-servers", f"127.0.0.1:{port}", "--clock-interval", "100ms"
    with Daemon(*options) as daemon:
        with chronyd(port) as set_time:
            measurements = "snowid_ntp_measurements_total"
            asked = wait_for(lambda: daemon.metric(measurements) > 2, "measurements")
            check(asked, "the daemon asks chronyd, and gets answers")
            health = daemon.json("/api/v1/health")
            clock = health["clock"]
            good = clock["measured_by"] == "ntp" and abs(clock["drift_ms"]) < 100
            good = good and health["status"] == "healthy"
            check(good, "the clock of this host agrees with chronyd's", health)
            set_time(-5)

            def is_unsafe():
                return daemon.json("/api/v1/health").get("error") == "clock_unsafe"

            check(wait_for(is_unsafe, "the drift"), "a drift of more than a second is noticed")
            check_refusal(daemon)
        with chronyd(port):
            healthy = wait_for(
                lambda: daemon.status("/api/v1/health") == 200, "the end of the drift"
            )
            check(healthy, "the daemon is healthy again when the clocks agree again")
            equal(daemon.status("/api/v1/id"), 200, "IDs are served when the clocks agree again")
            check("good again" in daemon.log(), "the log says that the clock is good again")
        silent = wait_for(lambda: "no NTP server answers" in daemon.log(), "the silence")
        check(silent, "NTP servers that do not answer are logged")
        equal(daemon.status("/api/v1/id"), 200, "IDs are served while no NTP server answers")


if __name__ == "__main__":
    run_tests(globals())
