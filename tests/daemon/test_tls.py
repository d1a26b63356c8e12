#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""TLS: responses, certificates that are replaced, clients with certificates, memory."""
import http.client
import json
import os
import re
import shutil
import signal
import ssl

from harness import (
    DEADLINE,
    GET_AND_CLOSE,
    Daemon,
    certificate_options,
    check,
    equal,
    get,
    is_dropped,
    make_certificates,
    run_command,
    run_tests,
    scratch,
    statuses,
    wait_for,
    write_scratch,
)

IGNORE_UNEXPECTED_EOF = (
    0x80  # SSL_OP_IGNORE_UNEXPECTED_EOF of OpenSSL, which Python 3.11 does not name
)


def use_certificate(name):
    """Puts a certificate where the daemon reads that of its server."""
    for end in "key", "crt":
        shutil.copy(scratch(f"{name}.{end}"), scratch("server." + end))


def tls_client(daemon, authority, certificate=None):
    context = ssl.create_default_context(cafile=scratch(authority + ".crt"))
    if certificate:
        context.load_cert_chain(scratch(certificate + ".crt"), scratch(certificate + ".key"))
    port = daemon.port
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=DEADLINE)


def status_of(client, path="/api/v1/id"):
    client.request("GET", path)
    response = client.getresponse()
    response.read()
    return response.status


def test_responses():
    with Daemon(*certificate_options("one")) as daemon:
        client = tls_client(daemon, "one")
        for _ in range(3):
            client.request("GET", "/api/v1/ids?count=10000")
            count = len(json.loads(client.getresponse().read())["ids"])
            equal(count, 10000, "large responses come over one TLS connection")
        url = f"https://127.0.0.1:{daemon.port}/v1/next_id"
        options = "-sS", "--cacert", scratch("one.crt"), "-w", " %{http_version}"
        got = run_command("curl", *options, url)
        check(re.fullmatch(r"\d+ 1\.1", got.stdout), "curl is served with HTTP/1.1", got)
        equal(statuses(daemon.send_raw(GET_AND_CLOSE)), [], "plain HTTP is not answered")
        random = b"\x16\x03\x01" + os.urandom(200)
        equal(
            statuses(daemon.send_raw(random, half_close=True)), [], "random bytes are not answered"
        )


def test_end_of_response():
    """Without ignoring what OpenSSL calls an unexpected end."""
    context = ssl.create_default_context(cafile=scratch("one.crt"))
    context.options &= ~IGNORE_UNEXPECTED_EOF
    options = {"server_hostname": "localhost", "suppress_ragged_eofs": False}
    with Daemon(*certificate_options("one")) as daemon:
        with daemon.connect() as s, context.wrap_socket(s, **options) as secure:
            secure.sendall(get())
            equal(statuses(secure.recv(65536)), [200], "a response comes over plain sockets of TLS")
        with daemon.connect() as s, context.wrap_socket(s, **options) as secure:
            secure.sendall(GET_AND_CLOSE)
            data = b""
            while part := secure.recv(65536):
                data += part
            equal(statuses(data), [200], "the end of a response is announced by close_notify")


def test_memory():
    with Daemon(*certificate_options("one")) as daemon:
        if daemon.is_sanitized():
            print("# skipped: sanitizers have memory of their own")
            return

        def idle_client():
            client = tls_client(daemon, "one")
            status_of(client, "/api/v1/ids?count=10000")
            return client

        def used():
            return daemon.metric("process_resident_memory_bytes", tls_client(daemon, "one"))

        idle = [idle_client() for _ in range(5)]
        before = used()
        idle += [idle_client() for _ in range(40)]
        grown = used() - before
        check(grown < 40 * 100000, "a large response leaves no large buffer behind", grown / 40)


def test_renewal():
    use_certificate("one")
    with Daemon(*certificate_options("server")) as daemon:
        old_client = tls_client(daemon, "one")
        equal(status_of(old_client), 200, "the first certificate is used")
        use_certificate("two")
        daemon.send_signal(signal.SIGHUP)
        reloaded = wait_for(lambda: " reloaded" in daemon.log(), "the reload")
        check(reloaded, "SIGHUP reloads the certificate")

        def is_new():
            try:
                return status_of(tls_client(daemon, "two")) == 200
            except ssl.SSLError:
                return False

        check(wait_for(is_new, "the new certificate"), "new connections get the new certificate")
        equal(status_of(old_client), 200, "a connection from before goes on")
        write_scratch("server.crt", "nonsense")
        daemon.send_signal(signal.SIGHUP)
        refused = wait_for(lambda: "not reloaded" in daemon.log(), "the refusal")
        check(refused, "a bad certificate is not loaded")
        check(is_new(), "after a bad certificate the good one is used")


def test_idle_memory():
    """Of connections that have ended, whose memory lies between that of others."""
    with Daemon(*certificate_options("one"), "--threads", "2") as daemon:
        if daemon.is_sanitized():
            return

        def resident():
            return daemon.metric("process_resident_memory_bytes", tls_client(daemon, "one"))

        clients = [tls_client(daemon, "one") for _ in range(600)]
        equal(status_of(clients[0]), 200, "a first client is served")
        before = resident()
        for client in clients:
            status_of(client)
        most = resident()
        for client in clients:
            client.close()
        given_back = wait_for(lambda: resident() - before < (most - before) / 2, "the memory")
        found = before, most, resident()
        check(given_back, "memory of connections that have ended is given back", found)


def test_handshake_timeout():
    timeouts = "--limits-header-timeout", "200ms", "--limits-idle-timeout", "600s"
    hello = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03"
    with Daemon(*certificate_options("one"), *timeouts) as daemon:
        dropped = is_dropped(daemon, b"x", first=hello)
        check(dropped, "a handshake that trickles is dropped at the deadline of a request")


def test_client_certificates():
    with Daemon(*certificate_options("one"), "--tls-client-ca", scratch("client.crt")) as daemon:
        status = status_of(tls_client(daemon, "one", "client"))
        equal(status, 200, "a client with a certificate is served")
        for certificate in None, "two":
            try:
                status = status_of(tls_client(daemon, "one", certificate))
            except (OSError, http.client.HTTPException):
                status = None
            refused = status != 200
            check(refused, f"a client is refused with {certificate or 'no'} certificate", status)


if __name__ == "__main__":
    make_certificates("one", "two", "client")
    run_tests(globals())
