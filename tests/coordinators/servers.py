#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real etcd, ZooKeeper and Consul for tests: clusters of one or three nodes on this host.

As a module:

    with servers.Etcd(nodes=3) as cluster:
        use(cluster.addresses)          # "127.0.0.1:17001,127.0.0.1:17003,127.0.0.1:17005"
        cluster.kill(cluster.leader())
        cluster.restart()               # all nodes, on their data

From a shell, where servers live until `stop`:

    servers.py start etcd|zookeeper|consul DIRECTORY [NODES]    prints the addresses
    servers.py kill|pause|resume|start-node DIRECTORY NODE
    servers.py leader DIRECTORY         prints a number, from 0
    servers.py backup|restart|restore|erase DIRECTORY
    servers.py stop DIRECTORY
    servers.py find SERVICE             prints what it is run with, and fetches Consul if it must

All ports are free ones of the loopback interface. The timeouts of the servers are as short as they
allow, so that a lease of 2 s is granted. ZooKeeper needs the packages libzookeeper-java,
libslf4j-java and openjdk-17-jre-headless; etcd needs etcd-server. Debian 12 has no Consul: it is
the package of Debian 11, unpacked beside the system into $CONSUL_DIRECTORY, as by scripts/check; or
the program $CONSUL."""
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DEADLINE = 60  # seconds: for a server to be ready on a busy machine
JAVA_CLASSES = "/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar"
EPHEMERAL_PORTS = 32768  # ip_local_port_range(7): the kernel gives clients ports from here on


class Unavailable(Exception):
    """A server that this machine does not have."""


def free_port():
    """A port that is free now. Nothing reserves it, but the kernel gives no client one of these."""
    while True:
        port = random.randrange(EPHEMERAL_PORTS // 2, EPHEMERAL_PORTS)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def http_request(url, body=None, method=None, timeout=1, headers=None):
    """The body of the answer; None without a good one."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    context = ssl._create_unverified_context() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
            return answer.read()
    except (OSError, ValueError, urllib.error.HTTPError):
        return None


def http_json(url, body=None, method=None, timeout=1, headers=None):
    answer = http_request(url, body, method, timeout, headers)
    with contextlib.suppress(ValueError, TypeError):
        return json.loads(answer)
    return None


def fast_directory():
    """In memory, if there is room: that a busy disk makes servers slow is not what is tested."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > 4 << 30:
            return "/dev/shm"
    return None  # as tempfile has it


class Node:
    """One server: its ports, its data and its process. Subclasses of Cluster give the command."""

    def __init__(self, number, directory, ports):
        self.number, self.directory, self.ports, self.pid = number, directory, ports, None
        self.host = "127.0.0.1"
        self.data = os.path.join(directory, f"n{number}")
        self.log = self.data + ".log"

    @property
    def address(self):
        return f"{self.host}:{self.ports[0]}"


class Cluster:
    """Servers that end with this process, unless `detached`. `prefix` is a function of the node's
    number that returns words to put before its command, as "ip netns exec NAME"."""

    service = None  # the scheme of its URLs
    port_count = 0  # of each node

    def __init__(self, nodes=1, directory=None, detached=False, prefix=None, hosts=None):
        self.owns_directory = directory is None
        self.directory = os.path.abspath(
            directory or tempfile.mkdtemp(prefix="coordinators-", dir=fast_directory())
        )
        self.detached, self.prefix, self.processes = detached, prefix, {}
        self.program = self.find()
        os.makedirs(self.directory, exist_ok=True)
        self.nodes = []
        for number in range(nodes):
            ports = [free_port() for _ in range(self.port_count)]
            self.nodes.append(Node(number, self.directory, ports))
            if hosts:
                self.nodes[-1].host = hosts[number]

    # ---- what a service defines ----

    @classmethod
    def find(cls):
        """The words that run the server. Unavailable: it is not installed."""
        raise NotImplementedError

    def command(self, node):
        """The rest of the command line, once what it reads has been written."""
        raise NotImplementedError

    def is_ready(self, node):
        raise NotImplementedError

    def is_leader(self, node):
        raise NotImplementedError

    # ---- life ----

    @property
    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def start(self):
        """Starts all nodes and waits until each is ready."""
        for node in self.nodes:
            self.start_node(node.number)
        self.wait_until_ready()
        return self

    def start_node(self, number):
        node = self.nodes[number]
        command = [*(self.prefix(number) if self.prefix else ()), *self.program]
        if not self.detached:  # ends even if this process is killed
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(node.log, "ab") as log:
            process = subprocess.Popen(
                [*command, *self.command(node)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )
        node.pid, self.processes[number] = process.pid, process

    def wait_until_ready(self, numbers=None):
        waiting = [self.nodes[i] for i in (range(len(self.nodes)) if numbers is None else numbers)]
        end = time.monotonic() + DEADLINE
        while waiting:
            waiting = [node for node in waiting if not self.is_ready(node)]
            for node in waiting:
                process = self.processes.get(node.number)
                if time.monotonic() > end or (process and process.poll() is not None):
                    with open(node.log, encoding="utf-8", errors="replace") as log:
                        raise RuntimeError(f"{self.service} is not ready: {log.read()[-2000:]}")
            time.sleep(0.02 if waiting else 0)

    def signal(self, number, sign):
        """To the whole process group of a node."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.nodes[number].pid, sign)

    def kill(self, number):
        self.signal(number, signal.SIGKILL)
        if number in self.processes:
            self.processes.pop(number).wait()
        self.nodes[number].pid = None

    def pause(self, number):
        self.signal(number, signal.SIGSTOP)

    def resume(self, number):
        self.signal(number, signal.SIGCONT)

    def each(self, action):
        for node in self.nodes:
            if node.pid:
                action(node.number)

    def stop(self):
        self.each(self.kill)
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def leader(self):
        """The number of the node that leads."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            for node in self.nodes:
                if node.pid and self.is_leader(node):
                    return node.number
            time.sleep(0.02)
        raise RuntimeError(f"{self.service} has no leader")

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # ---- data: while all nodes are down or stopped, their files are as after a crash ----

    def backup(self):
        self.each(self.pause)
        for node in self.nodes:
            shutil.rmtree(node.data + ".backup", ignore_errors=True)
            shutil.copytree(node.data, node.data + ".backup")
        self.each(self.resume)

    def restart(self, seconds_down=0, change=lambda node: None):
        """Kills all nodes, changes their data, and starts them."""
        self.each(self.kill)
        for node in self.nodes:
            change(node)
        time.sleep(seconds_down)
        self.start()

    def restore(self, seconds_down=0):
        """Restarts on what was there at backup()."""

        def from_backup(node):
            shutil.rmtree(node.data)
            shutil.copytree(node.data + ".backup", node.data)

        self.restart(seconds_down, from_backup)

    def erase(self, seconds_down=0):
        """Restarts on nothing."""
        self.restart(seconds_down, lambda node: shutil.rmtree(node.data))

    # ---- across processes ----

    def save(self):
        nodes = [[node.host, node.ports, node.pid] for node in self.nodes]
        with open(os.path.join(self.directory, "cluster.json"), "w", encoding="utf-8") as file:
            json.dump({"service": self.service, "nodes": nodes}, file)

    @staticmethod
    def load(directory):
        with open(os.path.join(directory, "cluster.json"), encoding="utf-8") as file:
            saved = json.load(file)
        cluster = SERVICES[saved["service"]](len(saved["nodes"]), directory, detached=True)
        for node, (host, ports, pid) in zip(cluster.nodes, saved["nodes"]):
            node.host, node.ports, node.pid = host, ports, pid
        return cluster


class Etcd(Cluster):
    """`tls`: a certificate and a key, and what client certificates are checked with or None."""

    service = "etcd"
    port_count = 2

    def __init__(self, nodes=1, directory=None, tls=None, options=(), **more):
        super().__init__(nodes, directory, **more)
        self.tls, self.options = tls, options

    @classmethod
    def find(cls):
        program = os.environ.get("ETCD") or shutil.which("etcd")
        if not program:
            raise Unavailable("there is no etcd")
        return [program]

    def url(self, node):
        return ("https://" if self.tls else "http://") + node.address

    def command(self, node):
        peers = [f"n{n.number}=http://{n.host}:{n.ports[1]}" for n in self.nodes]
        peer = f"http://{node.host}:{node.ports[1]}"
        is_new = not os.path.exists(os.path.join(node.data, "member"))
        options = {
            "name": f"n{node.number}",
            "data-dir": node.data,
            "listen-client-urls": self.url(node),
            "advertise-client-urls": self.url(node),
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": ",".join(peers),
            "initial-cluster-state": "new" if is_new else "existing",
            "heartbeat-interval": 100,
            "election-timeout": 1000,  # a lease lasts at least 1.5 times this: minTTL of lessor.go
            "log-level": "error",
        }
        if self.tls:
            certificate, key, ca = self.tls
            options.update({"cert-file": certificate, "key-file": key})
            if ca:
                options.update({"trusted-ca-file": ca, "client-cert-auth": "true"})
        return [f"--{name}={value}" for name, value in options.items()] + list(self.options)

    def post(self, node, path, body):
        return http_json(f"{self.url(node)}/v3/{path}", body, timeout=2)

    def is_ready(self, node):
        health = http_json(self.url(node) + "/health") or {}
        return str(health.get("health")).lower() == "true"

    def is_leader(self, node):
        status = self.post(node, "maintenance/status", {})
        return bool(status) and status.get("leader") == status["header"]["member_id"]


class Zookeeper(Cluster):
    """`lines`: more of the configuration."""

    service = "zookeeper"
    port_count = 3

    def __init__(self, nodes=1, directory=None, lines=(), **more):
        super().__init__(nodes, directory, **more)
        self.lines = lines

    @classmethod
    def find(cls):
        if not shutil.which("java") or not all(os.path.exists(jar) for jar in JAVA_CLASSES):
            raise Unavailable("there is no java with ZooKeeper's classes")
        return [
            "java",
            "-Xmx64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-Dzookeeper.admin.enableServer=false",
            "-cp",
            ":".join(JAVA_CLASSES),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        ]

    def command(self, node):
        os.makedirs(node.data, exist_ok=True)
        with open(os.path.join(node.data, "myid"), "w", encoding="utf-8") as file:
            print(node.number + 1, file=file)
        lines = [
            "tickTime=500",
            "minSessionTimeout=2000",
            "initLimit=20",
            "syncLimit=4",
            "maxClientCnxns=0",
            "4lw.commands.whitelist=srvr,mntr,dump,cons",
            "dataDir=" + node.data,
            "clientPortAddress=" + node.host,
            f"clientPort={node.ports[0]}",
            *self.lines,
        ]
        if len(self.nodes) > 1:
            for n in self.nodes:
                lines.append(f"server.{n.number + 1}={n.host}:{n.ports[1]}:{n.ports[2]}")
        with open(node.data + ".cfg", "w", encoding="utf-8") as file:
            print(*lines, sep="\n", file=file)
        return [node.data + ".cfg"]

    def mode(self, node):
        """ "leader", "follower" or "standalone"; None while it does not serve."""
        with contextlib.suppress(OSError):
            with socket.create_connection((node.host, node.ports[0]), 1) as s:
                s.sendall(b"srvr")
                answer = b""
                while part := s.recv(4096):
                    answer += part
            for line in answer.decode().splitlines():
                if line.startswith("Mode: "):
                    return line[6:]
        return None

    def is_ready(self, node):
        return self.mode(node) is not None

    def is_leader(self, node):
        return self.mode(node) in ("leader", "standalone")


class Consul(Cluster):
    """`options`: more words for its command line; `token`: what may create sessions."""

    service = "consul"
    port_count = 4

    def __init__(self, nodes=1, directory=None, options=(), token=None, **more):
        super().__init__(nodes, directory, **more)
        self.options, self.token = options, token

    @classmethod
    def find(cls):
        return [os.environ.get("CONSUL") or shutil.which("consul") or unpack_consul()]

    def command(self, node):
        http, server, lan, dns = node.ports
        others = [f"-retry-join={n.host}:{n.ports[2]}" for n in self.nodes if n is not node]
        return [
            "agent",
            "-server",
            f"-bootstrap-expect={len(self.nodes)}",
            "-data-dir=" + node.data,
            f"-node=n{node.number}",
            "-bind=" + node.host,
            "-client=" + node.host,
            f"-http-port={http}",
            f"-server-port={server}",
            f"-serf-lan-port={lan}",
            "-serf-wan-port=-1",
            f"-dns-port={dns}",
            "-grpc-port=-1",
            "-log-level=err",
            "-retry-interval=1s",
            *others,
            "-hcl",
            'session_ttl_min="2s" disable_update_check=true performance{raft_multiplier=1} '
            "limits{http_max_conns_per_client=2000} leave_on_terminate=false",
            *self.options,
        ]

    def request(self, node, path, body=None, method=None):
        headers = {"X-Consul-Token": self.token} if self.token else {}
        url = f"http://{node.address}/v1/{path}"
        return http_json(url, body, method, timeout=2, headers=headers)

    def is_ready(self, node):
        session = self.request(node, "session/create", {"TTL": "10s"}, "PUT")
        if session:
            self.request(node, "session/destroy/" + session["ID"], b"", "PUT")
        return bool(session)

    def is_leader(self, node):
        return self.request(node, "status/leader") == f"{node.host}:{node.ports[1]}"


SERVICES = {cls.service: cls for cls in (Etcd, Zookeeper, Consul)}


# ---- Consul, which Debian 12 does not have -------------------------------------------------------


TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CONSUL_DIRECTORY = os.path.abspath(os.path.join(TOP, "build-check", "consul"))


def unpack_consul():
    """Downloads Debian 11's package from where this machine has its packages, once, and only if
    $CONSUL_DIRECTORY says where to: a test alone fetches nothing. Nothing of the system changes, as
    apt has lists of its own here."""
    directory = os.path.abspath(os.environ.get("CONSUL_DIRECTORY", CONSUL_DIRECTORY))
    program = os.path.join(directory, "usr", "bin", "consul")
    if os.path.exists(program):
        return program
    if "CONSUL_DIRECTORY" not in os.environ:
        raise Unavailable("there is no consul: run tests/coordinators/servers.py find consul")
    try:
        os.makedirs(os.path.join(directory, "archives", "partial"), exist_ok=True)
        os.makedirs(os.path.join(directory, "lists", "partial"), exist_ok=True)
        with open(os.path.join(directory, "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(program):
                download_consul(directory)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"there is no consul: {error}") from error
    return program


def download_consul(directory):
    sources = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        + ["Origin: Debian", "Component: main"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if not sources:
        raise OSError("apt knows no archive of Debian")
    with open(os.path.join(directory, "sources.list"), "w", encoding="utf-8") as file:
        for source in sorted(set(sources)):
            if "security" not in source:
                print("deb", source, "bullseye main", file=file)
    apt = ["apt-get", "-qq"]
    for option in (
        f"Dir::Etc::sourcelist={directory}/sources.list",
        "Dir::Etc::sourceparts=-",
        f"Dir::State::lists={directory}/lists",
        f"Dir::Cache::archives={directory}/archives",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "APT::Sandbox::User=",
        "Acquire::Languages=none",
    ):
        apt += ["-o", option]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": directory}
    subprocess.run([*apt, "update"], **quiet)
    subprocess.run([*apt, "download", "consul"], **quiet)
    package = next(name for name in os.listdir(directory) if name.endswith(".deb"))
    subprocess.run(["dpkg", "-x", package, "."], **quiet)
    os.remove(os.path.join(directory, package))


# ---- from a shell --------------------------------------------------------------------------------


def main(action, *words):
    if action == "find":
        os.environ.setdefault("CONSUL_DIRECTORY", CONSUL_DIRECTORY)
        print(*SERVICES[words[0]].find())
        return
    if action == "start":
        service, directory, *nodes = words
        cluster = SERVICES[service](int(nodes[0]) if nodes else 1, directory, detached=True)
        try:
            cluster.start()
        except BaseException:
            cluster.stop()
            raise
        cluster.save()
        print(cluster.addresses)
        return
    cluster = Cluster.load(words[0])
    numbers = [int(word) for word in words[1:]]
    if action == "leader":
        print(cluster.leader())
        return
    actions = {"start-node": "start_node"}
    names = "kill", "pause", "resume", "start-node", "backup", "restart", "restore", "erase", "stop"
    if action not in names:
        raise ValueError("no such action: " + action)
    getattr(cluster, actions.get(action, action))(*numbers)
    if action == "start-node":
        cluster.wait_until_ready(numbers)
    cluster.save()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unavailable as why:
        sys.exit(str(why))
    except (TypeError, ValueError, KeyError):
        sys.exit(__doc__)
