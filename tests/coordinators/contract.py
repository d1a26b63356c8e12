#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Runs contract, which tries all that coordinator.h promises, with each module and its service.

    contract.py [SERVICE...]      etcd, zookeeper, consul; those whose module has been built

In the build directory, or with $top_builddir. Skipped (status 77) if no service can be had."""
import base64
import concurrent.futures
import os
import socket
import struct
import subprocess
import sys
import tempfile

import servers

BUILD = os.environ.get("top_builddir", ".")


# ---- keys by hand: what no module would do -------------------------------------------------------


class ZookeeperClient:
    """As much of its protocol as needed, which is big-endian records behind their length."""

    CREATE, DELETE, SET = 1, 2, 5
    NO_NODE = -101
    PERSISTENT = 0
    ANYONE = struct.pack(">ii", 1, 31) + b"\0\0\0\5world\0\0\0\6anyone"

    def __init__(self, node):
        self.socket = socket.create_connection((node.host, node.ports[0]), 30)
        self.exchange(struct.pack(">iqiqi", 0, 0, 10000, 0, 16) + bytes(17))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, packet):
        self.socket.sendall(struct.pack(">i", len(packet)) + packet)
        (length,) = struct.unpack(">i", self.socket.recv(4, socket.MSG_WAITALL))
        return self.socket.recv(length, socket.MSG_WAITALL)

    def call(self, kind, *arguments):
        """The error code, 0 if there is none. Texts get their length."""
        packet = struct.pack(">ii", 1, kind)
        for argument in arguments:
            if isinstance(argument, int):
                packet += struct.pack(">i", argument)
            elif isinstance(argument, str):
                packet += struct.pack(">i", len(argument)) + argument.encode()
            else:
                packet += argument
        return struct.unpack(">iqi", self.exchange(packet)[:16])[2]

    def put(self, key, value):
        error = self.call(self.SET, key, value, -1)
        if error == self.NO_NODE:
            error = self.call(self.CREATE, key, value, self.ANYONE, self.PERSISTENT)
        return error == 0

    def delete(self, key):
        return self.call(self.DELETE, key, -1) == 0


def put(cluster, key, value):
    node = cluster.nodes[0]
    if cluster.service == "zookeeper":
        with ZookeeperClient(node) as client:
            return client.put(key, value)
    if cluster.service == "etcd":
        texts = {"key": key, "value": value}
        encoded = {name: base64.b64encode(t.encode()).decode() for name, t in texts.items()}
        return cluster.post(node, "kv/put", encoded) is not None
    return cluster.request(node, "kv" + key, value.encode(), "PUT")


def delete(cluster, key, _=""):
    node = cluster.nodes[0]
    if cluster.service == "zookeeper":
        with ZookeeperClient(node) as client:
            return client.delete(key)
    if cluster.service == "etcd":
        encoded = base64.b64encode(key.encode()).decode()
        return cluster.post(node, "kv/deleterange", {"key": encoded}) is not None
    return cluster.request(node, "kv" + key, None, "DELETE")


# ---- the program and its wishes ------------------------------------------------------------------


def obey(cluster, wish):
    action, *words = wish.split("\t")
    if action == "kill":
        cluster.kill(0)
    elif action == "start":
        cluster.start()
    elif action in ("pause", "resume"):
        getattr(cluster, action)(0)
    elif action in ("put", "delete"):
        return {"put": put, "delete": delete}[action](cluster, *words)
    return True


def module_of(service):
    return os.path.abspath(
        os.path.join(BUILD, "libsnowid", "coordinator", ".libs", service + ".so")
    )


def run(service):
    """What happened, and whether all went well. The program asks for what it needs by a line on its
    standard input, and gets one byte."""
    program = os.path.join(BUILD, "tests", "coordinators", "contract")
    command = [*os.environ.get("WRAPPER", "").split(), program]
    with servers.SERVICES[service]() as cluster, tempfile.TemporaryFile("w+") as output:
        ours, its = socket.socketpair()
        environment = {
            **os.environ,
            "MODULE": module_of(service),
            "ADDRESSES": cluster.addresses,
        }
        with subprocess.Popen(
            command, stdin=its, stdout=output, stderr=output, env=environment
        ) as process:
            its.close()
            for line in ours.makefile("r"):
                ours.sendall(b"y" if obey(cluster, line.rstrip("\n")) else b"n")
        output.seek(0)
        return output.read(), process.returncode == 0


def why_not(service):
    """Why a service cannot be tried; None if it can."""
    try:
        servers.SERVICES[service].find()
    except servers.Unavailable as why:
        return str(why)
    return None if os.path.exists(module_of(service)) else "its module has not been built"


def main(services):
    obstacles = {service: why_not(service) for service in services}
    possible = [service for service in services if obstacles[service] is None]
    failed = []
    for service in set(services) - set(possible):
        print(f"not run - {service}: {obstacles[service]}")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for service, (output, well) in zip(possible, pool.map(run, possible)):
            print(f"{service}: {output}", flush=True)
            if not well:
                failed.append(service)
    if failed:
        sys.exit("failed: " + ", ".join(failed))
    sys.exit(0 if possible else 77)


if __name__ == "__main__":
    main(sys.argv[1:] or list(servers.SERVICES))
