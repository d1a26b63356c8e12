#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""deploy/haproxy and deploy/nginx for gRPC: three nodes under load, one of which stops."""
import contextlib
import os

import grpc

from grpc_client import Client, GrpcDaemon, Interface
from harness import (
    DEPLOY,
    SCRATCH,
    Load,
    check,
    equal,
    free_port,
    read_text,
    run_command,
    run_tests,
    running_proxy,
    scratch,
    skip_unless_found,
    wait_for,
)

CLIENTS = 6
BATCH = "IDGenerator/GenerateBatch"
STREAM = "IDGenerator/StreamIDs"
TEMPORARY_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
interface = Interface()


class Callers(Load):
    """Clients of a proxy with a connection each."""

    def __init__(self, port):
        self.port, self.ids = port, []
        super().__init__(CLIENTS)

    def run(self):
        with Client(f"127.0.0.1:{self.port}", interface) as client:
            while not self.stopping.is_set():
                try:
                    self.ids += client.call(BATCH, count=10).ids
                except grpc.RpcError as error:
                    self.failures.append((error.code().name, error.details()))


def addresses_of(port, nodes):
    yield "127.0.0.1:8000", f"127.0.0.1:{port}"
    for i, node in enumerate(nodes):
        yield f"127.0.0.1:{50051 + i}", f"127.0.0.1:{node.grpc_port}"
        yield f"port {8081 + i}", f"port {node.port}"


def check_stop(name, text, *command):
    port = free_port()
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(GrpcDaemon("--worker-id", str(worker), "--store", "memory:"))
            for worker in range(3)
        ]
        stack.enter_context(running_proxy(name, text, addresses_of(port, nodes), command))
        client = stack.enter_context(Client(f"127.0.0.1:{port}", interface))
        answers = lambda: client.failure(BATCH, count=1)[0] == "OK"
        check(wait_for(answers, name), name + " forwards calls")
        ids = [id for message in client.call(STREAM, count=50000) for id in message.ids]
        equal(len(set(ids)), 50000, name + " forwards a stream")
        equal(client.failure(BATCH, count=0)[0], "INVALID_ARGUMENT", name + " forwards an error")
        with Callers(port) as callers:
            used = wait_for(lambda: all(node.calls(BATCH) > 100 for node in nodes), "all nodes")
            check(used, name + ": all three nodes are used by each client")
            equal(nodes[0].stop(), 0, name + ": a node stops")
            before = len(callers.ids)
            wait_for(lambda: len(callers.ids) > before + 2000, "the other nodes to serve")
        equal(callers.failures, [], name + ": no call fails because a node stops")
        unique = len(set(callers.ids))
        equal(unique, len(callers.ids), f"{name}: {unique} IDs without a duplicate")


def test_haproxy():
    path = os.path.join(DEPLOY, "haproxy", "grpc.cfg")
    equal(run_command("haproxy", "-c", "-q", "-f", path).returncode, 0, "haproxy accepts it")
    check_stop("haproxy", read_text(path), "haproxy", "-db", "-f")


def test_nginx():
    text = read_text(DEPLOY, "nginx", "grpc.conf")
    paths = "".join(f" {path}_temp_path {scratch(path)};" for path in TEMPORARY_PATHS)
    text = text.replace("access_log off;", "access_log off;" + paths)
    text = f"daemon off;\npid {scratch('nginx.pid')};\nerror_log {scratch('nginx.log')};\n" + text
    check_stop("nginx", text, "nginx", "-p", SCRATCH, "-c")


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    skip_unless_found("haproxy", "nginx")
    run_tests(globals())
