#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Clients of gRPC that others have written, against a running snowidd; see README."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "daemon"))
# pylint: disable=wrong-import-position
from grpc_client import GrpcDaemon
from harness import (
    DAEMON,
    SOURCE,
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
    write_secret,
)

WORK = os.path.abspath(os.environ.get("CLIENTS_DIR", "build-check/clients"))
PROTO = os.path.abspath(os.environ.get("SNOWID_PROTO", SOURCE + "/snowidd/grpc/snowid.proto"))
# Each with the file that says its version.
VERSIONS = {
    "grpc-go": ("go.mod", r"google.golang.org/grpc v(\S+)"),
    "grpc-java": ("pom.xml", r"<grpc.version>(.*)<"),
    "tonic": ("Cargo.toml", r'tonic = .*"=([^"]*)"'),
    "grpc-js": ("package.json", r'grpc-js": "(.*)"'),
    "grpcio": ("requirements.txt", r"grpcio==(.*)"),
}
BALANCING = [name for name in VERSIONS if name != "tonic"]  # and repeating what was not served
TOOLS = {name: rf"/{name} v([^\s+]+)" for name in ("grpcurl", "ghz", "h2spec")}
CHECKS = 10  # that each client prints
TOKEN = "correct-horse-battery-staple"
KINDS = (
    "snowflake high=time:41,worker:7,sequence:16;epoch=1970-01-01"
    " slow=time:41,worker:5,sequence:1;unit=100ms"
)
CANCELLED = 'snowid_grpc_calls_total{method="/IDGenerator/StreamIDs",code="CANCELLED"}'
BUILD_SECONDS = 1800
PING_SECONDS = 25  # two pings, at the shortest interval that all clients allow, 10 s
# What h2spec expects and need not be so. What is no gRPC is answered before it ends, and its rest
# refused with NO_ERROR (RFC 9113, section 8.1), unless all of it has come by then.
DEVIATIONS = {
    "http2/5.1.1: Sends stream identifier that is numerically smaller than previous": (
        "nghttp2 ignores a stream that is not idle, as it may have been reset"
    ),
    "http2/8.1: Sends a second HEADERS frame without the END_STREAM flag": "it has been answered",
    "http2/8.1.2.1: Sends a HEADERS frame that contains a pseudo-header field as trailers": (
        "it has been answered"
    ),
}
PLAIN_DEVIATIONS = {"http2/3.5: Sends invalid connection preface": "this is answered in HTTP/1.1"}


# ---- client programs -----------------------------------------------------------------------------


def full_name(name):
    """With its version."""
    file, pattern = VERSIONS.get(name) or ("go.mod", TOOLS[name])
    with open(os.path.join(HERE, name if name in VERSIONS else "grpc-go", file)) as text:
        return f"{name} {re.search(pattern, text.read()).group(1)}"


def build(name):
    os.makedirs(os.path.join(WORK, name), exist_ok=True)
    command = [os.path.join(HERE, "build.sh"), name, PROTO]
    result = run_command(*command, cwd=os.path.join(WORK, name), timeout=BUILD_SECONDS)
    built = result.returncode == 0
    check(built, f"{full_name(name)} is built", (result.stdout + result.stderr)[-2000:])
    return built


def tool(name, *arguments):
    return run_command(os.path.join(WORK, "grpc-go", "bin", name), *arguments, timeout=300)


class Client:
    """A running client. It writes IDs to a file of its own."""

    def __init__(self, name, verb, target, **env):
        self.name = full_name(name)
        self.ids = write_scratch(f"ids.{len(Client.files)}.{name}")
        Client.files.append(self.ids)
        env = environment(TOKEN=TOKEN, IDS=self.ids, **env)
        command = [os.path.join(WORK, name, "client"), verb, target]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, env=env, text=True, **pipes)

    files = []

    def size(self):
        return os.path.getsize(self.ids)

    def end(self):
        """Ends its input, and waits for it: whether it has failed, and its output."""
        output = self.process.communicate(timeout=300)[0]
        return self.process.returncode != 0, output


def report(client, where, wanted):
    """Counts the checks of a client, of which there must be as many as wanted."""
    failed, output = client.end()
    lines = re.findall(r"^(not )?ok - (.*)$", output, re.M)
    for bad, name in lines:
        check(not bad, f"{client.name} {where}: {name}", output)
    if len(lines) != wanted or failed != any(bad for bad, _ in lines):
        check(False, f"{client.name} {where}: it runs to its end", output)


@contextlib.contextmanager
def load_of(names, target):
    """Clients that make calls; afterwards none may have failed."""
    clients = [Client(name, "load", target) for name in names]
    try:
        yield clients
    finally:
        for client in clients:
            failed, output = client.end()
            check(not failed and client.size() > 0, f"{client.name}: no call has failed", output)


def make_progress(clients, what):
    """Waits until each has made a few hundred calls more."""
    sizes = [client.size() for client in clients]
    more = lambda: all(
        client.size() > size + 2000 or client.process.poll() is not None
        for client, size in zip(clients, sizes)
    )
    wait_for(more, what)


# ---- a daemon ------------------------------------------------------------------------------------


def options_of(worker):
    token = write_secret("token", TOKEN + "\n")
    common = "--kinds", KINDS, "--token-file", token, "--limits-wait-timeout", "60s"
    return *common, "--worker-id", str(worker), "--store", "file:" + scratch(f"worker{worker}")


def metric(daemon, name):
    text = daemon.text("/metrics", headers={"Authorization": "Bearer " + TOKEN})
    return float(re.search("^" + re.escape(name) + " (.*)$", text, re.M).group(1))


def make_certificates():
    """An authority, and a server's and a client's certificate that it has signed."""
    key = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    config = write_scratch("openssl.cnf", "[req]\ndistinguished_name = name\n[name]\n")
    for name, extension, *more in (
        ("ca", "basicConstraints=critical,CA:TRUE"),
        ("server", "subjectAltName=DNS:localhost,IP:127.0.0.1", "ca"),
        ("client", "extendedKeyUsage=clientAuth", "ca"),
    ):
        files = "-keyout", scratch(name + ".key"), "-out", scratch(name + ".crt"), "-config", config
        signer = [("-CA", scratch(ca + ".crt"), "-CAkey", scratch(ca + ".key")) for ca in more]
        subject = "-subj", "/CN=" + name, "-days", "2", "-addext", extension
        command = "openssl", "req", "-x509", *key, *files, *subject, *sum(signer, ())
        run_command(*command, check=True)


TLS = "--tls-certificate", scratch("server.crt"), "--tls-key", scratch("server.key")
SERVER = {"CA": scratch("ca.crt")}
BOTH = {**SERVER, "CERTIFICATE": scratch("client.crt"), "KEY": scratch("client.key")}


# ---- tests ---------------------------------------------------------------------------------------


def test_transports():
    """Each client, all at the same time, in each of the ways to reach the daemon."""
    make_certificates()
    path = scratch("socket")
    for where, worker, target, options, env in (
        ("over TCP", 1, None, (), {}),
        ("over TLS", 2, None, TLS, SERVER),
        ("with a client certificate", 3, None, (*TLS, "--tls-client-ca", SERVER["CA"]), BOTH),
        ("over a Unix socket", 4, "unix:" + path, ("--grpc-listen", "unix:" + path), {}),
    ):
        start = Daemon if target else GrpcDaemon
        with start(*options, *options_of(worker)) as daemon:
            to = target or f"127.0.0.1:{daemon.grpc_port}"
            clients = [Client(name, "checks", to, **env) for name in built]
            for client in clients:
                report(client, where, CHECKS)
            if not env:
                cancelled = metric(daemon, CANCELLED)
                equal(cancelled, len(built), f"{where}: the daemon has seen each stream cancelled")


def test_keepalive():
    """Pings, and no GOAWAY for them: each client goes on with its connection."""
    with GrpcDaemon(*options_of(5)) as daemon:
        clients = [Client(name, "idle", f"127.0.0.1:{daemon.grpc_port}") for name in built]
        wait_for(lambda: all(client.size() > 0 for client in clients), "first calls")
        before = metric(daemon, "snowid_connections_accepted_total")
        for client in clients:
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.process.wait(PING_SECONDS / len(clients))
        for client in clients:
            report(client, "with keepalive", 2)
        asked = metric(daemon, "snowid_connections_accepted_total") - before
        equal(asked, 1, "no client has had to connect again (1: the question for the metric)")


def test_age():
    """Connections that end all the time."""
    with GrpcDaemon("--grpc-connection-age", "50ms", *options_of(6)) as daemon:
        with load_of(built, f"127.0.0.1:{daemon.grpc_port}") as clients:
            for _ in range(3):
                make_progress(clients, "calls")
        accepted = metric(daemon, "snowid_connections_accepted_total")
        check(accepted > 3 * len(built), "clients have connected again when asked to", accepted)


def test_restarts():
    """A daemon on a socket that the service manager keeps open, and that restarts under load."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        variables = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=grpc"  # the process ID stays
        script = f'exec env {variables} "$0" "$@" 3<&{listener.fileno()}'
        options = "--listen", "unix:" + scratch("rest"), *options_of(7)
        command = ["bash", "-c", script, DAEMON, *options]
        popen = {"env": environment(), "pass_fds": [listener.fileno()]}
        target = "127.0.0.1:%d" % listener.getsockname()[1]
        with load_of(built, target) as clients:
            for _ in range(5):
                with subprocess.Popen(command, stderr=subprocess.DEVNULL, **popen) as process:
                    make_progress(clients, "calls")
                    process.terminate()
                equal(process.returncode, 0, "the daemon has stopped under load")
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **popen)
            make_progress(clients, "calls")
        process.terminate()
        process.wait()


def test_fleet():
    """Clients that balance two daemons, with health checks where they have them; each stops."""
    ports = free_port(), free_port()
    daemons = [start_at(worker, port) for worker, port in zip((8, 9), ports)]
    names = [name for name in built if name in BALANCING]
    with load_of(names, ",".join(f"127.0.0.1:{port}" for port in ports)) as clients:
        for number in 0, 1, 0:
            make_progress(clients, "calls")
            equal(daemons[number].stop(), 0, "a daemon of two has stopped under load")
            make_progress(clients, "calls of the other")
            daemons[number] = start_at(8 + number, ports[number])
            connected = lambda: metric(daemons[number], "snowid_connections_open") > len(clients)
            wait_for(connected, "the clients, beside the question for the metric")
    for daemon in daemons:
        daemon.stop()


def start_at(worker, port):
    return Daemon("--grpc-listen", f"127.0.0.1:{port}", *options_of(worker))


def test_tools():
    with GrpcDaemon("--worker-id", "10", "--store", "memory:") as daemon:
        address = f"127.0.0.1:{daemon.grpc_port}"
        name = full_name("grpcurl")
        listed = tool("grpcurl", "-plaintext", address, "list").stdout.split()
        wanted = ["IDGenerator", "grpc.health.v1.Health"]
        equal(
            [service for service in listed if "reflection" not in service], wanted, f"{name} list"
        )
        text = tool("grpcurl", "-plaintext", address, "describe", "IDGenerator.StreamIDs").stdout
        check("returns ( stream .StreamIDsResponse )" in text, f"{name} describe", text)
        request = "-plaintext", "-d", '{"count": 3}', address, "IDGenerator/GenerateBatch"
        result = tool("grpcurl", *request)
        equal(len(json.loads(result.stdout or "{}").get("ids", [])), 3, f"{name} calls")
        if "grpcio" in built:
            report(Client("grpcio", "reflect", address), "without a token", 2)
        name, calls = full_name("ghz"), 20000
        load = "-n", str(calls), "-c", "50", "--connections", "5", "-O", "json"
        result = tool("ghz", "--insecure", "--call", "IDGenerator.GenerateID", *load, address)
        found = json.loads(result.stdout or "{}").get("statusCodeDistribution")
        equal(found, {"OK": calls}, f"{name} makes {calls} calls")


def test_h2spec():
    make_certificates()
    for where, options, more in ("over TCP", (), ()), ("over TLS", TLS, ("-t", "-k")):
        with GrpcDaemon("--worker-id", "11", "--store", "memory:", *options) as daemon:
            to = "-p", str(daemon.grpc_port), "-P", "/IDGenerator/GenerateID", "--strict"
            result = tool("h2spec", *to, *more, "-j", scratch("h2spec.xml"))
            check_cases(where, {**DEVIATIONS, **({} if options else PLAIN_DEVIATIONS)})
            summary = re.findall(r"^\d+ tests, .*$", result.stdout, re.M)
            check(len(summary) == 1, f"{full_name('h2spec')} {where}: {''.join(summary)}")


def check_cases(where, expected):
    """Each case of h2spec that has failed: whether that is known."""
    for case in xml.etree.ElementTree.parse(scratch("h2spec.xml")).iter("testcase"):
        name, error = f"{case.get('package')}: {case.get('classname')}", case.find("error")
        if error is not None:
            why = expected.get(name)
            check(why, f"h2spec {where} fails {name}: {why}", error.text)


def test_unique():
    """Over all clients, transports and daemons."""
    ids, count = set(), 0
    for name in Client.files:
        with open(name, encoding="ascii") as file:
            for line in file:
                ids.add(int(line))
                count += 1
    check(len(ids) == count > 0, f"no ID was made twice: {count} IDs", count - len(ids))


missing = [name for name in ("go", "mvn", "cargo", "npm", "protoc") if not shutil.which(name)]
check(not missing, "the package managers of all clients are installed", missing)
built = [name for name in os.environ.get("CLIENTS", " ".join(VERSIONS)).split() if build(name)]
run_tests(globals())
