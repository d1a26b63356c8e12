#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Daemons that ask each other which worker they have."""
import signal
import socket

from harness import (
    Daemon,
    certificate_options,
    check,
    equal,
    error_code,
    make_certificates,
    read_all,
    run_tests,
    scratch,
    wait_for,
    write_scratch,
    write_secret,
)

OPTIONS = "--datacenter-id", "1", "--store", "memory:", "--clock-interval", "100ms"


def daemon_of_worker(worker, *options):
    return Daemon("--worker-id", str(worker), *OPTIONS, *options)


def check_conflict(daemon, peer):
    health = daemon.json("/api/v1/health")
    reason = f"127.0.0.1:{peer.port} has the same datacenter_id=1 worker_id=5"
    good = health["error"] == "worker_conflict" and reason in health["reason"]
    check(good, "health names the peer that has the same worker", health)
    status, _, body = daemon.request("/v1/next_id")
    equal((status, error_code(body)), (503, "worker_conflict"), "IDs are refused during a conflict")


def test_conflict():
    metric = "snowid_worker_conflict"
    with daemon_of_worker(5) as first:
        path = write_scratch("peers.yaml", f"peers: ['127.0.0.1:{first.port}', '127.0.0.1:1']\n")
        config = "--config", path
        with daemon_of_worker(6, *config) as other, daemon_of_worker(5, *config) as twin:
            conflict = wait_for(lambda: twin.status("/api/v1/health") == 503, "the conflict")
            check(conflict, "a peer with the same worker is a conflict")
            check_conflict(twin, first)
            found = twin.metric(metric), other.metric(metric)
            equal(found, (1, 0), "the metrics show the conflict")
            equal(other.status("/v1/next_id"), 200, "a peer with another worker is no conflict")
            peers = f"'127.0.0.1:{other.port}', '127.0.0.1:{twin.port}'"
            write_scratch("peers.yaml", f"peers: [{peers}]\n")
            twin.send_signal(signal.SIGHUP)
            served = wait_for(lambda: twin.status("/v1/next_id") == 200, "the end of the conflict")
            check(served, "IDs are served without the twin; a daemon does not conflict with itself")
            equal((other.stop(), twin.stop()), (0, 0), "daemons with peers stop in order")


def test_tokens():
    token = "--token-file", write_secret("token", "correct-horse-battery-staple\n")
    with daemon_of_worker(5, *token) as first:
        address = f"127.0.0.1:{first.port}"
        with daemon_of_worker(5, *token, "--peers", address + " 127.0.0.1:1") as twin:
            conflict = wait_for(lambda: twin.status("/api/v1/health/ready") == 503, "the conflict")
            check(conflict, "a peer is sent the token of this daemon")
            silent = wait_for(lambda: "peer=127.0.0.1:1 reason=" in twin.log(), "the warning")
            check(silent, "a peer that does not answer is logged")
        with daemon_of_worker(5, "--peers", address) as stranger:
            line = f'a peer does not report its worker peer={address} reason="status 401"'
            refused = wait_for(lambda: line in stranger.log(), "the warning")
            check(refused, "a peer that does not report its worker is logged")


def test_tls():
    token = "--token-file", write_secret("token", "correct-horse-battery-staple\n")
    one = certificate_options("one")
    authority = "--tls-client-ca", scratch("one.crt")
    with daemon_of_worker(5, *token, *one, *authority) as first:
        peers = "--peers", f"127.0.0.1:{first.port}"

        def daemon_that_asks(name, trusts, *options):
            trusted = "--tls-peer-ca", scratch(trusts + ".crt")
            return daemon_of_worker(
                5, *token, *certificate_options(name), *trusted, *peers, *options
            )

        with daemon_that_asks("one", "one") as twin:
            found = wait_for(lambda: "has the same worker" in twin.log(), "the conflict")
            check(found, "a peer is asked through TLS, with a certificate and the token")
        for trusts, name in ("two", "one"), ("one", "two"):
            with daemon_that_asks(name, trusts) as stranger:
                found = wait_for(lambda: 'reason="TLS: ' in stranger.log(), "the warning")
                what = f"peer with certificate one, asked with {name} by one who trusts {trusts}"
                check(found, f"a {what}: a warning", stranger.log())


def test_token_in_the_clear():
    """A peer that does not speak TLS is sent the beginning of a handshake and nothing else."""
    token = write_secret("token", "correct-horse-battery-staple\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        options = "--token-file", token, *certificate_options("one")
        with daemon_of_worker(5, *options, "--peers", f"127.0.0.1:{server.getsockname()[1]}"):
            client = server.accept()[0]
            with client:
                received = client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
                received += read_all(client)
    check(received[:1] == b"\x16", "a peer is sent a TLS handshake first", received)
    check(b"Bearer" not in received, "a peer that does not speak TLS does not see the token")


if __name__ == "__main__":
    make_certificates("one", "two")
    run_tests(globals())
