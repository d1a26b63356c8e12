#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""SIGHUP: what it reloads, what has to wait for a start, and a file that is bad."""
import signal

from harness import Daemon, check, equal, run_tests, wait_for, write_scratch

DEFERRED = "next start key=worker_id"


def test_reload():
    path = write_scratch("reload.yaml", "limits: {count: 5}\n")
    with Daemon("--config", path) as daemon:
        old_client = daemon.client()
        old_client.request("GET", "/api/v1/ids?count=6")
        start = old_client.getresponse().read()[:30]
        equal(start, b'{"error":"count_out_of_range",', "the old limit holds before the reload")

        write_scratch("reload.yaml", "limits: {count: 6}\nworker_id: 3\n")
        daemon.send_signal(signal.SIGHUP)
        check(
            wait_for(lambda: " reloaded" in daemon.log(), "the reload"), "SIGHUP reloads the file"
        )
        check(
            DEFERRED in daemon.log(), "the log names what the next start will change", daemon.log()
        )
        changed = wait_for(lambda: daemon.status("/api/v1/ids?count=6") == 200, "the new limit")
        check(changed, "the new limit holds")
        old_client.request("GET", "/api/v1/ids?count=6")
        status = old_client.getresponse().status
        equal(status, 200, "the new limit holds on a connection from before the reload")
        daemon.send_signal(signal.SIGHUP)
        warned = wait_for(lambda: daemon.log().count(DEFERRED) == 2, "another warning")
        check(warned, "each reload names what still differs from what runs")

        write_scratch("reload.yaml", "limits: {count: x}\n")
        daemon.send_signal(signal.SIGHUP)
        parts = "not reloaded", "reload.yaml:1"
        refused = wait_for(lambda: all(x in daemon.log() for x in parts), "the refusal")
        check(refused, "a bad file is not loaded")
        equal(daemon.status("/api/v1/ids?count=6"), 200, "after a bad file the old settings hold")


if __name__ == "__main__":
    run_tests(globals())
