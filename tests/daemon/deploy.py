#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What deploy/ holds, with the programs it is for: HAProxy, nginx, Prometheus, promtool, systemd-analyze."""
import contextlib
import ctypes
import http.client
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import DAEMON, PATIENCE, SOURCE, WORK, Daemon, check, equal, free_port, main, scratch, until  # noqa: E402 pylint: disable=wrong-import-position

DEPLOY = os.path.join(os.path.abspath(SOURCE), "deploy")
os.environ["PATH"] += ":/usr/sbin:/sbin"


def read(*path):
    with open(os.path.join(DEPLOY, *path), encoding="utf-8") as file:
        return file.read()


def output(*command):
    got = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return got.returncode, got.stdout + got.stderr


@contextlib.contextmanager
def program(*command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


# ---- failover ------------------------------------------------------------------------------------


class Clients:
    """Eight keep-alive clients of a proxy; `with` ends them."""

    def __init__(self, port):
        self.port, self.ids, self.failures, self.stop = port, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(8)]

    def run(self):
        client, ids = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE), []
        while not self.stop.is_set():
            try:
                client.request("GET", "/api/v1/ids?count=10")
                answer = client.getresponse()
                body = answer.read()
                if answer.status == 200:
                    ids += json.loads(body)["ids"]
                else:
                    self.failures.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
                time.sleep(0.01)
        self.ids += ids

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()


def made(d):
    return d.metric('snowid_ids_generated_total{kind="snowflake"}')


def failover(name, config, *command):
    """Three nodes, one killed and one made to refuse, under load."""
    port, ntp = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        nodes = []
        for worker in range(3):
            path = scratch(f"{name}.{worker}.yaml", "clock: {interval: 100ms}\n")
            nodes.append(stack.enter_context(Daemon("--config", path, "--worker-id", str(worker), "--store", f"file:{WORK}/{name}.{worker}",
                                                    "--block", "100ms", "--threads", "1")))
        text = read(*config).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        for i, node in enumerate(nodes):
            text = text.replace(f"127.0.0.1:{8081 + i}", f"127.0.0.1:{node.port}")
        if name == "nginx":
            text = f"daemon off;\npid {WORK}/nginx.pid;\nerror_log {WORK}/nginx.log;\n" + text.replace(
                "access_log off;", f"access_log off; client_body_temp_path {WORK}/t1; proxy_temp_path {WORK}/t2; fastcgi_temp_path {WORK}/t3; "
                f"uwsgi_temp_path {WORK}/t4; scgi_temp_path {WORK}/t5;")
        stack.enter_context(program(*command, scratch(name + ".cfg", text)))

        def answers():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/next_id", timeout=PATIENCE).status == 200
            except OSError:
                return False
        check(until(answers, name), name + " answers")
        with Clients(port) as clients:
            check(until(lambda: all(made(n) > 500 for n in nodes), "load on all"), name + ": all three are used")
            # One refuses: an NTP server says that its clock is wrong.
            scratch(f"{name}.1.yaml", f"clock: {{interval: 100ms, ntp_servers: ['127.0.0.1:{ntp}']}}\n")
            stack.enter_context(wrong_time(ntp))
            nodes[1].process.send_signal(1)
            check(until(lambda: nodes[1].ask("/api/v1/health")[0] == 503, "the refusal"), name + ": one refuses")
            before = made(nodes[0])
            check(until(lambda: made(nodes[0]) > before + 1000, "the others"), name + ": the others go on")
            equal(clients.failures, [], name + ": no request fails because one refuses")
            nodes[0].process.kill()
            before = made(nodes[2])
            check(until(lambda: made(nodes[2]) > before + 1000, "the last"), name + ": one is killed, the last goes on")
        # In flight on the one that was killed: at most what each client had asked.
        check(len(clients.failures) <= 8, name + ": none fails beyond those in flight on it", clients.failures)
        equal(len(clients.ids), len(set(clients.ids)), f"{name}: {len(clients.ids)} IDs, no duplicate")


@contextlib.contextmanager
def wrong_time(port):
    """A server whose clock is an hour off. What a real one does is in the group `clock` of daemon.py."""
    import socket
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))
    server.settimeout(0.05)
    stop = threading.Event()

    def run():
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                request, client = server.recvfrom(100)
                now = struct.pack(">II", int(time.time()) + 2208988800 - 3600, 0)
                server.sendto(b"\x24\x02" + bytes(22) + request[40:48] + now + now, client)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        server.close()


def haproxy():
    equal(output("haproxy", "-c", "-q", "-f", os.path.join(DEPLOY, "haproxy", "haproxy.cfg"))[0], 0, "haproxy takes the example")
    failover("haproxy", ("haproxy", "haproxy.cfg"), "haproxy", "-db", "-f")


def nginx():
    failover("nginx", ("nginx", "nginx.conf"), "nginx", "-p", WORK, "-c")


# ---- metrics -------------------------------------------------------------------------------------


def rules():
    path = os.path.join(DEPLOY, "prometheus", "snowid.rules.yml")
    tests = read("prometheus", "snowid.rules.test.yml")
    for command in (["check", "rules", path], ["test", "rules", path.replace(".yml", ".test.yml")]):
        status, text = output("promtool", *command)
        equal(status, 0, "promtool " + " ".join(command[:2]) + ("" if status == 0 else text))
    # Each alert fires in the tests; and in the one where none does, each metric it is about is there.
    quiet, loud = tests.split("- name: ")[1:]
    text = read("prometheus", "snowid.rules.yml")
    names = re.findall(r"alert: (\w+)", text)
    equal([n for n in names if f'alertname="{n}"' not in loud], [], f"all {len(names)} alerts are seen to fire")
    used = set(re.findall(r"snowid_\w+", "\n".join(re.findall(r"expr: (.*)", text))))
    equal(sorted(n for n in used if f"'{n}{{" not in quiet), [], "and not to fire")
    return path, used


def prometheus():
    path, used = rules()
    key, certificate = os.path.join(WORK, "key.pem"), os.path.join(WORK, "certificate.pem")
    output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "3",
           "-subj", "/CN=localhost")
    with Daemon("--kinds", "snowflake ulid", "--worker-id", "1", "--block", "100ms") as d, \
            Daemon("--worker-id", "2", "--block", "100ms", "--tls-certificate", certificate, "--tls-key", key) as secured:
        for path_asked in "/api/v1/ids?count=50", "/v1/next_id", "/api/v1/id?kind=ulid", "/nowhere", "/api/v1/parse?id=x":
            d.ask(path_asked)
        text = d.ask("/metrics")[2]
        got = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        # drift in ms is asked for in that unit
        complaints = [line for line in (got.stdout + got.stderr).decode().splitlines() if line and "snowid_clock_drift_ms" not in line]
        equal(complaints, [], "promtool check metrics")
        port = free_port()
        config = scratch("prometheus.yml", f"global: {{scrape_interval: 100ms}}\nrule_files: ['{path}']\nscrape_configs:\n  - job_name: snowid\n"
                         f"    static_configs: [{{targets: ['127.0.0.1:{d.port}']}}]\n  - job_name: snowid-tls\n    scheme: https\n"
                         f"    tls_config: {{insecure_skip_verify: true}}\n    static_configs: [{{targets: ['127.0.0.1:{secured.port}']}}]\n")

        def ask(query):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query}), timeout=PATIENCE) as answer:
                    return json.load(answer)["data"]["result"]
            except urllib.error.HTTPError as error:
                return error.read()
            except OSError:
                return []
        with program("prometheus", "--config.file", config, "--storage.tsdb.path", os.path.join(WORK, "tsdb"), "--web.listen-address", f"127.0.0.1:{port}",
                     "--log.level=error"):
            check(until(lambda: len(ask("snowid_healthy == 1")) == 2, "a scrape"), "Prometheus scrapes it, over TLS too")
            equal([r["value"][1] for r in ask('snowid_ids_generated_total{job="snowid",kind="snowflake"}')], ["51"], "and has the numbers")
            left = float(ask("snowid_tls_certificate_end_timestamp_seconds - time()")[0]["value"][1])
            check(2 * 86400 < left <= 3 * 86400, "the end of the certificate", left)
            dashboard(ask, set(re.findall(r"^# TYPE (\S+)", text.decode(), re.M)), used)


def dashboard(ask, exported, used):
    """That of Grafana asks for what there is, and for all of it."""
    text = read("grafana", "snowidd.json")
    names = set(re.findall(r"snowid_\w+", text)) | used
    equal(sorted(n for n in names if not ask(n)), [], f"all {len(names)} metrics of the dashboard and the alerts exist")
    panels = [p for p in json.loads(text)["panels"] if p["type"] != "row"]
    equal([p["title"] for p in panels if not p["targets"] or "unit" not in p["fieldConfig"]["defaults"] and p["type"] != "heatmap"], [], "each panel has a unit")
    queries = [t["expr"] for p in panels for t in p["targets"]]
    # What compares may have nothing to show; ALERTS and the certificate neither.
    good = {q: re.sub(r"\$__rate_interval", "10s", re.sub(r"\$\w+(?=\")", ".*", q)) for q in queries}

    def silent():
        answers = {q: ask(asked) for q, asked in good.items()}
        return [(q, a) for q, a in answers.items() if isinstance(a, bytes) or (not a and not re.search("[<>]|ALERTS", q))]
    check(until(lambda: not silent(), "the dashboard"), f"all {len(queries)} queries of the dashboard are good, and answered", silent())
    shown = {re.sub("_(bucket|sum|count)$", "", n) for n in names}
    equal(sorted(exported - shown), [], "the dashboard leaves no metric out")


# ---- systemd -------------------------------------------------------------------------------------


def calls_of(*names):
    """The system calls of systemd's groups, and of groups in groups."""
    found = set()
    for name in names:
        if name.startswith("@"):
            found |= calls_of(*re.findall(r"^    ([@a-z0-9_-]+)$", output("systemd-analyze", "syscall-filter", name)[1], re.M))
        else:
            found.add(name)
    return found


def allowed_by(unit):
    """What SystemCallFilter= leaves, as systemd.exec(5) adds and takes away line by line."""
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        if line.startswith("~"):
            allowed -= calls_of(*line[1:].split())
        else:
            allowed |= calls_of(*line.split())
    return allowed | calls_of("@default")


def numbers():
    """Of system calls, on this machine."""
    text = output("sh", "-c", "echo '#include <sys/syscall.h>' | ${CC:-cc} -E -dM -")[1]
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", text, re.M)}


def filter_calls(chosen, action, otherwise):
    """A preexec_fn: seccomp(2) with an action for the system calls chosen."""
    known = numbers()
    chosen = sorted(known[name] for name in chosen if name in known)
    program_text = struct.pack("HBBI", 0x20, 0, 0, 0)  # load the number
    for number in chosen:
        program_text += struct.pack("HBBI", 0x15, 0, 1, number) + struct.pack("HBBI", 0x06, 0, 0, action)
    program_text += struct.pack("HBBI", 0x06, 0, 0, otherwise)
    buffer = ctypes.create_string_buffer(program_text)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program_text) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if libc.prctl(22, 2, header) != 0:  # PR_SET_SECCOMP
            os._exit(99)
    install.keep = buffer, header
    return install


ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x00050001


def systemd():
    unit = read("systemd", "snowidd.service.in").replace("@sbindir@/snowidd", os.path.abspath(DAEMON))
    paths = [scratch("snowidd.service", unit), scratch("snowidd.socket", read("systemd", "snowidd.socket"))]
    status, text = output("systemd-analyze", "verify", "--man=no", *paths)
    equal((status, text), (0, ""), "systemd-analyze verify")
    status, text = output("systemd-analyze", "security", "--offline=true", paths[0])
    found = re.search(r"exposure level for snowidd.service: ([0-9.]+)", text)
    check(found and float(found.group(1)) <= 2.0, "systemd-analyze security: at most 2.0", found and found.group(1))
    check(not re.search("^ProcSubset=pid", unit, re.M), "the ID of the boot can be read")
    root = os.path.join(WORK, "root")
    os.makedirs(os.path.join(root, "etc"))
    status, text = output("systemd-sysusers", "--dry-run", "--root", root, os.path.join(DEPLOY, "systemd", "snowid.sysusers"))
    equal(status, 0, "systemd-sysusers takes the user" + ("" if status == 0 else text))
    status, text = output("systemd-tmpfiles", "--cat-config", os.path.join(DEPLOY, "systemd", "snowid.tmpfiles"))
    equal(status, 0, "systemd-tmpfiles takes the directories" + ("" if status == 0 else text))
    filtered(unit)


def filtered(unit):
    """Under the unit's own filter of system calls, with death in place of EPERM; and under that of ProtectClock=."""
    with Daemon("--worker-id", "9", "--block", "100ms", preexec_fn=filter_calls(allowed_by(unit), ALLOW, KILL)) as d:
        asked = [d.ask(path)[0] for path in ("/api/v1/ids?count=1000", "/api/v1/health", "/metrics", "/")]
        d.process.send_signal(1)
        check(until(lambda: "reloaded" in d.log(), "the reload"), "it reloads within the unit's filter of system calls")
        equal((asked, d.stop()), ([200] * 4, 0), "it calls nothing that the filter refuses")
        check("adjtimex" not in d.log(), "and may ask the kernel about the clock", d.log())
    with Daemon("--worker-id", "9", "--block", "100ms", preexec_fn=filter_calls(calls_of("@clock"), EPERM, ALLOW)) as d:
        check("adjtimex" in d.log(), "with ProtectClock=yes the kernel may not be asked, which is logged", d.log())
        equal((d.ask("/v1/next_id")[0], d.metric("snowid_ntp_synchronised")), (200, 0), "and IDs are served")


if __name__ == "__main__":
    missing = [p for p in ("haproxy", "nginx", "prometheus", "promtool", "systemd-analyze") if not any(
        os.access(os.path.join(d, p), os.X_OK) for d in os.environ["PATH"].split(":"))]
    if missing:
        print("skipped: there is no " + ", ".join(missing))
        sys.exit(77)
    sys.exit(main([haproxy, nginx, prometheus, systemd]))
