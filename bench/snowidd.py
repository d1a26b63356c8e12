#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon beside nginx: what each gets out of a second of CPU. Needs nginx, wrk, openssl and two CPUs:
the server has one, the client the other. Ratios within the run, alternating, medians of three."""
import json
import os
import re
import statistics
import subprocess
import sys

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


def wrk(pid, url, connections=64):
    """Requests a second of server CPU, and the latency of 99 in 100 in ms."""
    before = cpu(pid)
    text = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", url],
                          capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit("requests failed:\n" + text)
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", text).groups()
    return requests / (cpu(pid) - before), float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


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
    """Each measure in turn; the medians of each of what they give."""
    found = [[] for _ in measures]
    for _ in range(ROUNDS):
        for i, measure in enumerate(measures):
            found[i].append(measure())
    return [[statistics.median(column) for column in zip(*rows)] for rows in found]


def row(what, value, wanted=""):
    print(f"{what:<58} {value:>12} {wanted}")


def main():
    key, certificate = os.path.join(WORK, "key.pem"), os.path.join(WORK, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    port, tls_port = free_port(), free_port()
    reference, reference_worker = nginx(port, tls_port, key, certificate)
    one = ["--threads", "1", "--worker-id", "1", "--block", "100ms"]
    pin = {"preexec_fn": lambda: os.sched_setaffinity(0, {0})}
    try:
        with Daemon(*one, **pin) as d:
            pid, url = d.process.pid, f"http://127.0.0.1:{d.port}"
            row("resident memory at the start", f"{resident(pid) / 2**20:.1f} MiB", "< 16")
            (ours, ours_p99), (theirs, theirs_p99), (batch, _) = alternate(
                lambda: wrk(pid, url + "/api/v1/id"), lambda: wrk(reference_worker, f"http://127.0.0.1:{port}/"), lambda: wrk(pid, url + "/api/v1/ids?count=100"))
            row("/api/v1/id a second of CPU, 64 connections", f"{ours:,.0f}")
            row("nginx, return 200 with a fixed body", f"{theirs:,.0f}")
            row("  ratio", f"{ours / theirs:.2f}", ">= 1")
            row("p99 at 64 connections, all busy", f"{ours_p99:.2f} ms", f"< 2 (nginx: {theirs_p99:.2f})")
            row("IDs of ids?count=100 to those of single calls", f"{100 * batch / ours:.0f} x", ">= 40")
            before = resident(pid)
            held = []
            for _ in range(5000):
                s = d.connect()
                s.sendall(LAST.replace(b"Connection: close\r\n", b""))
                held.append(s)
            for s in held:
                s.recv(4096)
            row("memory of an idle connection", f"{(resident(pid) - before) / len(held):.0f} B", "< 4096")
            for s in held:
                s.close()
        with Daemon(*one, "--tls-certificate", certificate, "--tls-key", key, **pin) as d:
            (ours, _), (theirs, _) = alternate(lambda: wrk(d.process.pid, f"https://127.0.0.1:{d.port}/api/v1/id"),
                                               lambda: wrk(reference_worker, f"https://127.0.0.1:{tls_port}/"))
            row("TLS, ratio to nginx", f"{ours / theirs:.2f}", ">= 0.9")
    finally:
        reference.terminate()
        reference.wait()


if __name__ == "__main__":
    main()
