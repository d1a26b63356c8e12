#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon beside nginx: what each gets out of a second of CPU, how long its clients wait, what it takes.
Needs nginx, wrk, h2load, openssl and two CPUs: the server has one, the client the other. Ratios within the
run, alternating, medians of three. WORK, in TMPDIR, should be on a disk and not in memory: the last figure
is about one that is busy."""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from snowidd import LAST, WORK, Daemon, free_port, scratch, until  # noqa: E402 pylint: disable=wrong-import-position

SECONDS = 2
ROUNDS = 3
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


class Load:
    """What a client found: requests a second of the server's CPU and of the clock, the server's share of a CPU, and what
    all but 1 in 100 requests took, in ms."""

    def __init__(self, requests, cpu_used, took, p99):
        self.per_cpu, self.per_second, self.share, self.p99 = requests / cpu_used, requests / took, cpu_used / took, p99


def client(*command):
    text = subprocess.run(["taskset", "-c", "1", *command], capture_output=True, text=True, check=True).stdout
    if re.search(r"Non-2xx|Socket errors|[1-9]\d* (failed|errored|timeout)", text):
        sys.exit("requests failed:\n" + text)
    return text


def full(pid, url, connections=64):
    """As many requests as there can be."""
    before, began = cpu(pid), time.monotonic()
    text = client("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", url)
    used, took = cpu(pid) - before, time.monotonic() - began
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", text).groups()
    return Load(int(re.search(r"(\d+) requests in", text).group(1)), used, took, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit])


def paced(pid, url, rate, connections=64):
    """That many requests a second."""
    log = os.path.join(WORK, "requests")
    before, began = cpu(pid), time.monotonic()
    client("h2load", "--h1", f"-c{connections}", f"-D{SECONDS}", f"--rps={rate / connections}", f"--log-file={log}", url)
    used, took = cpu(pid) - before, time.monotonic() - began
    with open(log, encoding="ascii") as file:
        times = sorted(int(line.split()[2]) for line in file)
    os.remove(log)
    return Load(len(times), used, took, times[len(times) * 99 // 100] / 1000)


def nginx(port, tls_port, key, certificate):
    body = json.dumps({"id": 780207505992056832, "id_str": "780207505992056832"}, separators=(",", ":")) + "\\n"
    config = scratch("nginx.conf", f"""
        worker_processes 1; daemon off; pid {WORK}/nginx.pid; error_log {WORK}/nginx.log;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 1000000000; default_type application/json;
            server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
                location / {{ return 200 '{body}'; }} }} }}""")
    process = subprocess.Popen(["taskset", "-c", "0", "nginx", "-p", WORK, "-c", config], env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    children = f"/proc/{process.pid}/task/{process.pid}/children"

    def worker():
        with open(children, encoding="ascii") as file:
            return file.read().split()
    until(worker, "nginx")
    return process, int(worker()[0])


def alternate(*measures):
    """Each measure in turn, several times: lists of what each gave."""
    found = [[] for _ in measures]
    for _ in range(ROUNDS):
        for i, measure in enumerate(measures):
            found[i].append(measure())
    return found


def middle(loads, what):
    return statistics.median(getattr(load, what) for load in loads)


def row(what, value, wanted=""):
    print(f"{what:<58} {value:>12} {wanted}", flush=True)


def verify(d, before):
    """What it hands out is good: else no figure of it is worth anything. Called outside of what is timed."""
    began, ids = time.time() * 1000, []
    for _ in range(50):
        ids += d.json("/api/v1/ids?count=100")["ids"] + [d.json("/api/v1/id")["id"]]
    first, last = (d.json(f"/api/v1/parse?id={i}")["timestamp_ms"] for i in (ids[0], ids[-1]))
    if ids != sorted(set(ids)) or not began - 1000 <= first <= last <= time.time() * 1000 + 1000:
        sys.exit("the IDs are not unique, in order and of this time")
    if made(d) != before + len(ids):
        sys.exit("IDs are not counted as they should be")


def made(d):
    return int(sum(float(n) for n in re.findall(r"^snowid_ids_generated_total\{.*\} (.*)$", d.ask("/metrics")[2].decode(), re.M)))


# A kind of 2^16 IDs a millisecond: one of 2^12 ends before the CPU does when 100 are asked for at once.
KINDS = "snowflake wide=time:41,worker:6,sequence:16"


def requests(d, reference, reference_port):
    pid, url = d.process.pid, f"http://127.0.0.1:{d.port}"
    row("resident memory at the start", f"{resident(pid) / 2**20:.1f} MiB", "< 16")
    ours, theirs, batch = alternate(lambda: full(pid, url + "/api/v1/id"), lambda: full(reference, f"http://127.0.0.1:{reference_port}/"),
                                    lambda: full(pid, url + "/api/v1/ids?count=100&kind=wide"))
    row("/api/v1/id a second of CPU, 64 connections", f"{middle(ours, 'per_cpu'):,.0f}")
    row("nginx, return 200 with a fixed body", f"{middle(theirs, 'per_cpu'):,.0f}")
    row("  ratio", f"{middle(ours, 'per_cpu') / middle(theirs, 'per_cpu'):.2f}", ">= 1")
    row("p99 at 64 connections, all busy", f"{middle(ours, 'p99'):.2f} ms", f"< 2 (nginx: {middle(theirs, 'p99'):.2f})")
    row("IDs of ids?count=100 to those of single calls, by CPU", f"{100 * middle(batch, 'per_cpu') / middle(ours, 'per_cpu'):.0f} x", ">= 40")
    row("  by the clock", f"{100 * middle(batch, 'per_second') / middle(ours, 'per_second'):.0f} x")
    half = middle(ours, "per_second") / 2
    ours, theirs = alternate(lambda: paced(pid, url + "/api/v1/id", half), lambda: paced(reference, f"http://127.0.0.1:{reference_port}/", half))
    row(f"p99 at half of that load, {half:,.0f} a second", f"{middle(ours, 'p99'):.2f} ms", f"< 1 (nginx: {middle(theirs, 'p99'):.2f})")
    ours, theirs = alternate(lambda: paced(pid, url + "/api/v1/id", 10000), lambda: paced(reference, f"http://127.0.0.1:{reference_port}/", 10000))
    row("share of a CPU at 10,000 requests a second", f"{100 * middle(ours, 'share'):.1f} %", f"<= 15 (nginx: {100 * middle(theirs, 'share'):.1f})")
    verify(d, made(d))


def idle_connections(d):
    before, held = resident(d.process.pid), []
    for _ in range(5000):
        s = d.connect()
        s.sendall(LAST.replace(b"Connection: close\r\n", b""))
        held.append(s)
    for s in held:
        s.recv(4096)
    row("memory of an idle connection", f"{(resident(d.process.pid) - before) / len(held):.0f} B", "< 4096")
    for s in held:
        s.close()


def busy_disk(d):
    """next() while others sync: the daemon's own histogram tells."""
    def counts():
        text = d.ask("/metrics")[2].decode()
        return [int(re.search(rf'^snowid_id_generation_seconds_bucket{{le="{le}"}} (\d+)$', text, re.M).group(1)) for le in ("0.001", r"\+Inf")]
    path = os.path.join(WORK, "busy")
    with subprocess.Popen(["taskset", "-c", "1", "sh", "-c", f"while :; do dd if=/dev/zero of={path} bs=1M count=64 oflag=dsync; done"],
                          stderr=subprocess.DEVNULL, start_new_session=True) as disk:
        try:
            until(lambda: os.path.exists(path), "the disk")
            before = counts()
            paced(d.process.pid, f"http://127.0.0.1:{d.port}/api/v1/id", 10000)
            late, total = (after - b for after, b in zip(counts(), before))
        finally:
            os.killpg(disk.pid, signal.SIGTERM)
    row("IDs in more than 1 ms, 10,000 a second, the disk busy", f"{100 * (total - late) / total:.4f} %", f"<= 0.1 (of {total:,})")
    verify(d, made(d))


def main():
    key, certificate = os.path.join(WORK, "key.pem"), os.path.join(WORK, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    port, tls_port = free_port(), free_port()
    reference, reference_worker = nginx(port, tls_port, key, certificate)
    one = ["--threads", "1", "--worker-id", "1", "--kinds", KINDS, "--block", "100ms"]
    pin = {"preexec_fn": lambda: os.sched_setaffinity(0, {0})}
    try:
        with Daemon(*one, **pin) as d:
            requests(d, reference_worker, port)
            idle_connections(d)
            busy_disk(d)
        with Daemon(*one, "--tls-certificate", certificate, "--tls-key", key, **pin) as d:
            ours, theirs = alternate(lambda: full(d.process.pid, f"https://127.0.0.1:{d.port}/api/v1/id"),
                                     lambda: full(reference_worker, f"https://127.0.0.1:{tls_port}/"))
            row("TLS, by CPU, ratio to nginx", f"{middle(ours, 'per_cpu') / middle(theirs, 'per_cpu'):.2f}", ">= 0.9")
    finally:
        reference.terminate()
        reference.wait()


if __name__ == "__main__":
    main()
