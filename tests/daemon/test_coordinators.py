#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Daemons whose workers real services assign: etcd, ZooKeeper and Consul, those that are installed.

Each server is started once. Each test has a path of its own in it."""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

from harness import (
    BUILD,
    DAEMON,
    DEADLINE,
    DEPLOY,
    SOURCE,
    Daemon,
    check,
    environment,
    equal,
    free_port,
    read_text,
    run_command,
    run_daemon,
    run_tests,
    scratch,
    skip,
    wait_for,
    write_secret,
)
from test_systemd_unit import ALLOW, KILL, calls_allowed_by, seccomp_filter, unit_text

sys.path.insert(0, os.path.join(SOURCE, "tests", "coordinators"))
import servers  # noqa: E402  pylint: disable=wrong-import-position

MODULES = os.path.abspath(os.path.join(BUILD, "libsnowid", "coordinator", ".libs"))
READY = "/api/v1/health/ready"
clusters = {}


def urls(path, options=""):
    """A URL of each service that runs, by its name."""
    for name, cluster in clusters.items():
        yield name, f"{name}://{cluster.addresses}/{path}{options}"


def url_of_one(path, options=""):
    """Where one service is enough."""
    return next(iter(urls(path, options)))


@contextlib.contextmanager
def stopped(*names):
    """Services that do not answer."""
    for name in names:
        clusters[name].pause(0)
    try:
        yield
    finally:
        for name in names:
            clusters[name].resume(0)


def daemon_of(url, *options, **env):
    env = environment(SNOWID_MODULES=MODULES, **env)
    return Daemon("--store", url, "--threads", "1", *options, env=env)


def worker_of(daemon):
    return daemon.json("/api/v1/health")["worker_id"]


def is_logged(daemon, text, what):
    check(wait_for(lambda: text in daemon.log(), text), what, daemon.log())


def is_ready(daemon):
    return daemon.status(READY) == 200 and daemon.status("/api/v1/id") == 200


# ---- each service --------------------------------------------------------------------------------


def check_metrics(name, daemon):
    def renewals():
        return daemon.metric('snowid_worker_renewals_total{kind="snowflake"}')

    check(wait_for(lambda: renewals() > 0, "a renewal"), f"{name}: the metrics count renewals")
    for metric in "snowid_worker_losses_total", "snowid_worker_renewal_seconds":
        value = daemon.metric(metric + '{kind="snowflake"}')
        check(0 <= value < DEADLINE, f"{name}: {metric}", value)


def test_workers():
    for name, url in urls("workers", "?workers=4-5"):
        with daemon_of(url) as first, daemon_of(url) as second:
            equal({worker_of(first), worker_of(second)}, {4, 5}, f"{name}: two have two workers")
            check_metrics(name, first)
            health = first.json("/api/v1/health")
            found = health["status"], health["scope"], health["kinds"][0]["store"]
            equal(found, ("healthy", "fleet", url), f"{name}: health shows the store")
            freed = worker_of(first)
            equal(first.stop(), 0, f"{name}: the daemon stops in order")
            check("is not released" not in first.log(), f"{name}: the worker is released")
            with daemon_of(url) as third:
                equal(worker_of(third), freed, f"{name}: the next one takes the worker at once")


def check_degraded(name, daemon):
    def status():
        return daemon.json("/api/v1/health")["status"]

    degraded = wait_for(lambda: status() == "degraded", "the daemon to notice")
    health = daemon.json("/api/v1/health")
    good = degraded and 0 < health["seconds_left"] <= 600
    check(good, f"{name} is away: the daemon is degraded, and says for how long", health)
    check(is_ready(daemon), f"{name} is away: IDs are made up to the limit")


def check_refused(name, daemon):
    refuses = wait_for(lambda: daemon.status(READY) == 503, "the limit")
    check(refuses, f"{name} is away: at the limit the daemon is not ready")
    health = daemon.json("/api/v1/health")
    found = health["error"], daemon.status("/api/v1/id")
    equal(found, ("store_unavailable", 503), f"{name} is away: at the limit IDs are refused")
    good = "cannot be renewed: " in health["reason"]
    check(good, f"{name} is away: health says why", health["reason"])
    is_logged(daemon, "no IDs can be made", f"{name} is away: the log says so")


def test_outage():
    with contextlib.ExitStack() as stack:
        daemons = []
        options = "--limits-wait-timeout", "100ms"
        for (name, long_url), (_, short_url) in zip(
            urls("outage", "?reserve=600s"), urls("outage", "?ttl=4s&reserve=3s")
        ):
            started = [daemon_of(url, *options) for url in (long_url, short_url)]
            daemons.append((name, *(stack.enter_context(daemon) for daemon in started)))
        workers = [worker_of(short) for _, _, short in daemons]
        with stopped(*clusters):
            for name, long, short in daemons:
                check_degraded(name, long)
                check_refused(name, short)
        for (name, long, short), worker in zip(daemons, workers):
            back = wait_for(lambda d=short: is_ready(d), "the service")
            check(back and worker_of(short) == worker, f"{name} is back: so is the worker")
            is_logged(short, "IDs are made again", f"{name} is back: the log says so")
            healthy = wait_for(
                lambda d=long: d.json("/api/v1/health")["status"] == "healthy", "the service"
            )
            check(healthy, f"{name} is back: a daemon that was degraded is healthy")


# ---- any service ---------------------------------------------------------------------------------


def test_lost():
    """A daemon stands still while its worker is given to another."""
    name, url = url_of_one("lost", "?ttl=3s&reserve=3s&workers=0-1")
    options = "--limits-wait-timeout", "100ms"
    with daemon_of(url, *options) as frozen, daemon_of(url) as second:
        first_worker, second_worker = worker_of(frozen), worker_of(second)
        frozen.send_signal(signal.SIGSTOP)
        with daemon_of(url) as third:
            equal(worker_of(third), first_worker, f"{name}: a worker that stands still is replaced")
            frozen.send_signal(signal.SIGCONT)
            refuses = wait_for(lambda: frozen.status(READY) == 503, "the daemon to notice")
            check(refuses, f"{name}: without a worker the daemon is not ready")
            equal(frozen.status("/api/v1/id"), 503, f"{name}: without a worker IDs are refused")
            is_logged(frozen, "another process has the worker", f"{name}: the loss is logged")
            second.stop()
            check(wait_for(lambda: is_ready(frozen), "a worker"), f"{name}: it takes a free one")
            before, after = (f'"datacenter=0,worker={x}"' for x in (first_worker, second_worker))
            changed = f"the worker has changed kind=snowflake from={before} to={after} reason="
            is_logged(frozen, changed, f"{name}: another worker is logged")
            equal(worker_of(frozen), second_worker, f"{name}: health shows it")
            number = frozen.text("/v1/next_id").strip()
            parts = frozen.json("/api/v1/parse?id=" + number)
            equal(parts["worker_id"], second_worker, f"{name}: IDs have it")
            losses = frozen.metric('snowid_worker_losses_total{kind="snowflake"}')
            equal(losses, 1, f"{name}: the loss is counted")


def test_kinds():
    name, url = url_of_one("kinds", f"?cache={scratch('kinds')}")
    with daemon_of(url, "--kinds", "snowflake orders=time:41,worker:8,sequence:14 ulid") as daemon:
        stores = [kind["store"] for kind in daemon.json("/api/v1/health")["kinds"]]
        beside = url.replace("/kinds?", "/kinds/orders?") + ".orders"
        equal(stores, [url, beside, "memory:"], f"{name}: each kind has its place")
        found = [daemon.status("/api/v1/id?kind=" + kind) for kind in ("orders", "ulid")]
        equal(found, [200, 200], f"{name}: IDs of each kind are made")
        equal(daemon.stop(), 0, f"{name}: the daemon of several kinds stops in order")
        check("is not released" not in daemon.log(), f"{name}: all workers are released")


@contextlib.contextmanager
def forged_peer():
    """Answers with the health of a daemon under another name: its port, and what it answers."""
    answer = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], answer
        finally:
            server.shutdown()
            thread.join()


def test_forged_peer():
    name, url = url_of_one("peer")
    with forged_peer() as (port, answer):
        peers = "--peers", f"127.0.0.1:{port}", "--clock-interval", "100ms"
        with daemon_of(url, *peers) as daemon:
            answer.update({**daemon.json("/api/v1/health"), "instance": "other"})
            is_logged(daemon, "a peer says that it has the same worker", f"{name}: it is logged")
            found = daemon.metric("snowid_worker_contested"), daemon.metric(
                "snowid_worker_conflict"
            )
            equal(found, (1, 0), f"{name}: the metrics show a peer that claims the worker")
            check(is_ready(daemon), f"{name}: a peer that claims the worker stops nothing")


def test_start():
    dead = f"etcd://127.0.0.1:{free_port()}/x?ttl=1s&reserve=1s"
    got = run_daemon("--port", str(free_port()), "--store", dead, SNOWID_MODULES=MODULES)
    found = got.returncode, "waiting for the store" in got.stderr, "cannot start" in got.stderr
    equal(found, (1, True, True), "a service that is away: the start waits, and then fails")
    check("onnect" in got.stderr, "a service that is away: the log says why", got.stderr)
    name, url = url_of_one("start")
    log = scratch("start.log")
    command = [DAEMON, "--port", str(free_port()), "--store", url]
    env = environment(SNOWID_MODULES=MODULES)
    with stopped(name), open(log, "wb") as file:
        with subprocess.Popen(command, env=env, stderr=file) as process:
            wait_for(lambda: "waiting for the store" in read_text(log), "the wait")
            process.terminate()
            equal(process.wait(DEADLINE), 0, f"{name}: SIGTERM ends a start that waits")


def test_stop():
    """The service does not answer when a worker is released."""
    name, url = url_of_one("stop")
    short, long = (("--limits-stop-timeout", span) for span in ("100ms", "600s"))
    with daemon_of(url, *short) as daemon, daemon_of(url, *long) as patient:
        with stopped(name):
            equal(daemon.stop(), 0, f"{name} is away: the daemon stops within stop_timeout")
            is_logged(daemon, "the worker is not released", f"{name} is away: the log says so")
            patient.send_signal(signal.SIGTERM)
            only_waits = wait_for(lambda: patient.thread_named("loop 0") is None, "the release")
            check(only_waits, f"{name} is away: the daemon waits to release its worker")
            status = patient.stop()
            equal(status, -signal.SIGTERM, f"{name} is away: a second SIGTERM ends it at once")


def test_cache():
    """A daemon that is killed, and started again while the service is away."""
    name, url = url_of_one("cache", f"?reserve=600s&cache={scratch('cache')}")
    with daemon_of(url) as daemon:
        worker = worker_of(daemon)
    with contextlib.ExitStack() as stack:
        with stopped(name):
            again = stack.enter_context(daemon_of(url))
            equal(worker_of(again), worker, f"{name}: without the service, the worker is the same")
            check(is_ready(again), f"{name}: without the service, IDs are made")
        healthy = wait_for(
            lambda: again.json("/api/v1/health")["status"] == "healthy", "the service"
        )
        check(healthy, f"{name}: once the service is back, the daemon is healthy")
        equal(worker_of(again), worker, f"{name}: it still has its worker")


def test_unit_filter():
    if not shutil.which("systemd-analyze"):
        skip("there is no systemd-analyze")
        return
    install = seccomp_filter(calls_allowed_by(unit_text()), ALLOW, KILL)
    for name, url in urls("filter"):
        by_name = url.replace("127.0.0.1", "localhost")
        env = environment(SNOWID_MODULES=MODULES)
        with Daemon("--store", by_name, env=env, preexec_fn=install) as daemon:
            check(is_ready(daemon), f"{name}: the filter of the unit lets its module work")
            equal(daemon.stop(), 0, f"{name}: the filter of the unit lets the daemon stop")


# ---- deploy --------------------------------------------------------------------------------------


def etcdctl(address, *words, **options):
    env = {**os.environ, "ETCDCTL_API": "3"}
    return run_command("etcdctl", "--endpoints", address, *words, env=env, **options)


def test_rights_in_etcd():
    """deploy/etcd/setup.sh makes a user that can do what a daemon has to, and nothing else."""
    if "etcd" not in clusters or not shutil.which("etcdctl"):
        skip("there is no etcd with etcdctl")
        return
    with servers.Etcd() as cluster:
        address = cluster.addresses
        setup = os.path.join(DEPLOY, "etcd", "setup.sh"), "--endpoints", address
        for words in ["user", "add", "root:r"], ["user", "grant-role", "root", "root"]:
            etcdctl(address, *words)
        got = run_command(*setup, input="right\n", env={**os.environ, "ETCDCTL_API": "3"})
        equal(got.returncode, 0, "deploy/etcd/setup.sh succeeds")
        etcdctl(address, "auth", "enable")
        got = etcdctl(address, "--user", "snowid:right", "put", "/other", "x")
        check("permission denied" in got.stderr, "its user may write nowhere else", got.stderr)
        url = f"etcd://{address}/id-generator?user=snowid&password_file="
        with daemon_of(url + write_secret("right", "right\n")) as daemon:
            check(is_ready(daemon), "its user may do what a daemon has to")
            equal(daemon.stop(), 0, "a daemon with a password stops in order")
        wrong = url + write_secret("wrong", "wrong\n")
        got = run_daemon("--port", str(free_port()), "--store", wrong, SNOWID_MODULES=MODULES)
        equal(got.returncode, 1, "with a wrong password the daemon does not start")
        good = "authentication failed" in got.stderr and "wrong\n" not in got.stderr
        check(good, "the log has the words of etcd", got.stderr)


def test_rights_in_zookeeper():
    if "zookeeper" not in clusters:
        skip("there is no ZooKeeper")
        return
    address = clusters["zookeeper"].addresses
    commands = read_text(DEPLOY, "zookeeper", "setup.txt").replace("PASSWORD", "right")
    client = *servers.Zookeeper.find()[:-1], "org.apache.zookeeper.ZooKeeperMain"
    got = run_command(*client, "-server", address, input=commands)
    check("Created /id-generator" in got.stderr, "deploy/zookeeper/setup.txt succeeds", got)
    url = f"zookeeper://{address}/id-generator"
    user = "?user=snowid&password_file=" + write_secret("digest", "right\n")
    with daemon_of(url + user) as daemon:
        check(is_ready(daemon), "its user may do what a daemon has to")
        equal(daemon.stop(), 0, "a daemon with a digest stops in order")
    got = run_daemon("--port", str(free_port()), "--store", url, SNOWID_MODULES=MODULES)
    good = got.returncode == 1 and "cannot start" in got.stderr
    check(good, "without the user a daemon does not start", got.stderr)


def test_rights_in_consul():
    if "consul" not in clusters:
        skip("there is no Consul")
        return
    rules = {"Name": "snowid", "Rules": read_text(DEPLOY, "consul", "policy.hcl")}
    master = "11111111-1111-1111-1111-111111111111"
    acl = f'acl{{enabled=true default_policy="deny" tokens{{master="{master}"}}}}'
    with servers.Consul(token=master, options=("-hcl", acl)) as cluster:
        node = cluster.nodes[0]
        policy = cluster.request(node, "acl/policy", rules, "PUT")
        check(policy, "deploy/consul/policy.hcl is a policy")
        token = {"Policies": [{"Name": "snowid"}]}
        secret = cluster.request(node, "acl/token", token, "PUT")["SecretID"]
        file = write_secret("token", secret + "\n")
        url = f"consul://{cluster.addresses}/id-generator?token_file={file}"
        with daemon_of(url) as daemon:
            check(is_ready(daemon), "a token of it may do what a daemon has to")
            equal(daemon.stop(), 0, "a daemon with a token stops in order")


def settings_of_pod(text):
    """What a manifest has in the environment of its container."""
    unfolded = re.sub(r"\\\n +", "", text)
    pairs = re.findall(r'name: (SNOWIDD_\w+)(?:,|\n +)\s*value: "?([^"\n}]*)"?', unfolded)
    return dict(pairs)


def test_kubernetes():
    text = read_text(DEPLOY, "kubernetes", "snowidd.yaml")
    settings = settings_of_pod(text)
    check("cache=/run/snowid/" in settings["SNOWIDD_STORE"], "the manifest has a cache", settings)
    settings["SNOWIDD_STORE"] = settings["SNOWIDD_STORE"].replace("/run/snowid", scratch())
    got = run_daemon("--check-config", **settings)
    equal((got.returncode, got.stderr), (0, ""), "the settings of the manifest are good")
    grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", text).group(1))
    spans = [settings["SNOWIDD_LIMITS_" + x] for x in ("DRAIN_DELAY", "STOP_TIMEOUT")]
    delay, stop = (int(span.rstrip("s")) for span in spans)
    check(grace > delay + 2 * stop, "a pod has the time to release its worker", grace)


@contextlib.contextmanager
def running_clusters():
    with contextlib.ExitStack() as stack:
        for name, service in servers.SERVICES.items():
            if not os.path.exists(os.path.join(MODULES, name + ".so")):
                skip(f"the module of {name} is not built")
                continue
            try:
                clusters[name] = stack.enter_context(service())
            except servers.Unavailable as why:
                skip(str(why))
        yield


if __name__ == "__main__":
    with running_clusters():
        if not clusters:
            sys.exit(77)
        run_tests(globals())
