#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""deploy/haproxy and deploy/nginx: three nodes under load. One of them refuses, one is killed; or
all are asked for more IDs than they have."""
import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import threading
import time
import urllib.request

from harness import (
    DEADLINE,
    DEPLOY,
    SCRATCH,
    Daemon,
    Load,
    check,
    equal,
    free_port,
    get,
    read_all,
    read_text,
    run_command,
    run_tests,
    running_proxy,
    scratch,
    skip_unless_found,
    statuses,
    wait_for,
    write_scratch,
)

CLIENTS = 8
NTP_EPOCH = 2208988800  # 1970 in seconds since 1900: RFC 5905, section 6
NGINX_PATHS = "client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path"


class ProxyLoad(Load):
    """Clients with one connection each."""

    def __init__(self, port, count=10):
        super().__init__(CLIENTS)
        self.port, self.path, self.ids = port, f"/api/v1/ids?count={count}", []

    def run(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        while not self.stopping.is_set():
            try:
                client.request("GET", self.path)
                response = client.getresponse()
                body = response.read()
                if response.status == 200:
                    self.ids += json.loads(body)["ids"]
                else:
                    self.failures.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
                time.sleep(0.01)


@contextlib.contextmanager
def wrong_ntp_server(port):
    """A server whose clock is an hour behind. test_clock.py has a real one."""
    stopping = threading.Event()

    def serve(server):
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                request, client = server.recvfrom(100)
                now = struct.pack(">II", int(time.time()) + NTP_EPOCH - 3600, 0)
                header = b"\x24\x02" + bytes(22)  # version 4, server, stratum 2
                server.sendto(header + request[40:48] + now + now, client)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        server.settimeout(0.05)
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def addresses_of(port, nodes):
    yield "127.0.0.1:8000", f"127.0.0.1:{port}"
    for i, node in enumerate(nodes):
        yield f"127.0.0.1:{8081 + i}", f"127.0.0.1:{node.port}"


def start_node(name, worker, *options):
    config = write_scratch(f"{name}.{worker}.yaml", "clock: {interval: 100ms}\n")
    store = "--store", "file:" + scratch(f"{name}.{worker}"), "--reserve", "100ms", "--hold", "30ms"
    return Daemon(
        "--config", config, "--worker-id", str(worker), *store, "--threads", "1", *options
    )


def ids_made(node):
    return node.metric('snowid_ids_generated_total{kind="snowflake"}')


def goes_on(node):
    before = ids_made(node)
    return wait_for(lambda: ids_made(node) > before + 1000, "more IDs")


def check_fields(name, port):
    fields = "X-Trace:\r\nX-Other: \t\r\nAccept: text/plain \t\r\nConnection: close \r\n"
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
        s.sendall(get("/v1/next_id", fields))
        found = statuses(read_all(s))
    equal(found, [200], name + ": header fields may be empty and have blanks around their values")


def check_client(name, text, *command):
    """The example tells a node, which believes it, who the client is."""
    port, client = free_port(), "127.0.0.7"
    with contextlib.ExitStack() as stack:
        trust = "--trusted-proxies", "127.0.0.1", "--log-access", "true"
        node = stack.enter_context(Daemon(*trust))
        addresses = addresses_of(port, [node, node, node])
        stack.enter_context(running_proxy(name, text, addresses, command))

        def logged():
            with contextlib.suppress(OSError):
                s = socket.create_connection(("127.0.0.1", port), DEADLINE, (client, 0))
                with s:
                    s.sendall(get("/v1/next_id", "X-Forwarded-For: 192.0.2.1\r\n"))
                    s.recv(1000)
            return f"client={client} method=GET target=/v1/next_id" in node.log()

        check(wait_for(logged, name), name + " says who the client is", node.log())


def check_failover(name, text, *command):
    port, ntp_port = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(start_node(name, worker)) for worker in range(3)]
        killed, refusing, last = nodes
        stack.enter_context(running_proxy(name, text, addresses_of(port, nodes), command))
        url = f"http://127.0.0.1:{port}/v1/next_id"

        def answers():
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(url, timeout=DEADLINE).status == 200
            return False

        check(wait_for(answers, name), name + " forwards requests")
        check_fields(name, port)
        with ProxyLoad(port) as load:
            used = wait_for(lambda: all(ids_made(n) > 500 for n in nodes), "load on all nodes")
            check(used, name + ": all three nodes are used")
            servers = f"ntp_servers: ['127.0.0.1:{ntp_port}']"
            write_scratch(f"{name}.1.yaml", f"clock: {{interval: 100ms, {servers}}}\n")
            stack.enter_context(wrong_ntp_server(ntp_port))
            refusing.send_signal(signal.SIGHUP)
            refused = wait_for(lambda: refusing.status("/api/v1/health") == 503, "the refusal")
            check(refused, name + ": a node whose clock is off refuses")
            check(goes_on(killed), name + ": the other nodes serve while one refuses")
            equal(load.failures, [], name + ": no request fails because a node refuses")
            killed.process.kill()
            check(goes_on(last), name + ": the last node serves when another is killed")
        # Each client had at most one request on the node that was killed.
        good = len(load.failures) <= CLIENTS
        check(good, name + ": only requests on the killed node fail", load.failures)
        unique = len(set(load.ids))
        equal(unique, len(load.ids), f"{name}: {unique} IDs without a duplicate")


def count_exhausted(node):
    return node.metric('snowid_errors_total{cause="exhausted"}')


def check_overload(name, text, *command):
    """429 says nothing about a node, of which none is taken out for it."""
    port = free_port()
    # 16,000 IDs per second, so that one node has not enough for two clients.
    few = "--kinds", "x=time:41,worker:16,sequence:4", "--limits-wait-timeout", "1s"
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(start_node(name + ".few", i, *few)) for i in range(3)]
        stack.enter_context(running_proxy(name, text, addresses_of(port, nodes), command))

        def overloaded():
            before = [count_exhausted(node) for node in nodes]
            return wait_for(
                lambda: all(count_exhausted(n) > b + 10 for n, b in zip(nodes, before)), "429"
            )

        with ProxyLoad(port, 10000) as heavy:
            check(overloaded(), name + ": all three nodes are overloaded")
            heavy.failures.clear()  # of clients that came before the proxy
            light = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            found = []
            for _ in range(200):
                light.request("GET", "/v1/next_id")
                response = light.getresponse()
                response.read()
                found.append(response.status)
            equal(set(found), {200}, name + ": a light client is served by overloaded nodes")
            check(overloaded(), name + ": all three nodes are still used")
        equal(set(heavy.failures), {429}, name + ": heavy clients get 429 and nothing else")


def test_haproxy():
    path = os.path.join(DEPLOY, "haproxy", "haproxy.cfg")
    status = run_command("haproxy", "-c", "-q", "-f", path).returncode
    equal(status, 0, "haproxy accepts the example")
    check_client("haproxy", read_text(path), "haproxy", "-db", "-f")
    check_failover("haproxy", read_text(path), "haproxy", "-db", "-f")
    check_overload("haproxy", read_text(path), "haproxy", "-db", "-f")


def test_graceful_stop():
    """No connection is refused while HAProxy takes the node out: it does not even try twice."""
    text = read_text(DEPLOY, "haproxy", "haproxy.cfg")
    text = text.replace("retries 2", "retries 0\n\ttimeout check 60s")
    text = text.replace("option redispatch 1", "no option redispatch")
    text = text.replace("check inter 1s", "check inter 100ms")
    port = free_port()
    with contextlib.ExitStack() as stack:
        delay = "--limits-drain-delay", "3s"
        nodes = [stack.enter_context(start_node("drain", worker, *delay)) for worker in range(3)]
        command = "haproxy", "-db", "-f"
        stack.enter_context(running_proxy("drain", text, addresses_of(port, nodes), command))
        with ProxyLoad(port) as load:
            used = wait_for(lambda: all(ids_made(n) > 500 for n in nodes), "load on all nodes")
            check(used, "drain: all three nodes are used")
            load.failures.clear()  # of clients that came before HAProxy
            equal(nodes[0].stop(), 0, "drain: a node stops in order")
            check(goes_on(nodes[1]), "drain: the other nodes serve")
        equal(load.failures, [], "drain: no request fails, of which none is sent again")


def test_nginx():
    text = read_text(DEPLOY, "nginx", "nginx.conf")
    paths = "".join(f" {key} {scratch(key)};" for key in (*NGINX_PATHS, "scgi_temp_path"))
    text = text.replace("access_log off;", "access_log off;" + paths)
    text = f"daemon off;\npid {scratch('nginx.pid')};\nerror_log {scratch('nginx.log')};\n" + text
    check_client("nginx", text, "nginx", "-p", SCRATCH, "-c")
    check_failover("nginx", text, "nginx", "-p", SCRATCH, "-c")
    check_overload("nginx", text, "nginx", "-p", SCRATCH, "-c")


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    skip_unless_found("haproxy", "nginx")
    run_tests(globals())
