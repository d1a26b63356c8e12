#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the daemon with nginx and gRPC for C++: requests per second of CPU, latency, memory.

Needs nginx, wrk, h2load, openssl and two CPUs, one for the server and one for the client. Both
servers are measured in turn, and every figure is the median of three. TMPDIR should be on a disk,
because the last measure is about a disk that is busy. Without libgrpc++-dev and
protobuf-compiler-grpc, gRPC is compared with REST alone.
"""
import contextlib
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "daemon")
)
import grpc_client  # noqa: E402
from harness import (  # noqa: E402
    BUILD,
    SCRATCH,
    SOURCE,
    Daemon,
    free_port,
    get,
    scratch,
    wait_for,
    write_scratch,
)

SECONDS = 2
ROUNDS = 3
TICK = os.sysconf("SC_CLK_TCK")
SNOWFLAKE_EPOCH = 1609459200000


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


class Load:
    """What a client measured: requests per second of the server's CPU and of the clock, the share
    of a CPU that the server used, and the p99 latency in ms."""

    def __init__(self, requests, cpu_used, took, p99):
        self.per_cpu, self.per_second, self.share, self.p99 = (
            requests / cpu_used,
            requests / took,
            cpu_used / took,
            p99,
        )


def run_client(*command):
    text = subprocess.run(
        ["taskset", "-c", "1", *command], capture_output=True, text=True, check=True
    ).stdout
    if re.search(r"Non-2xx|Socket errors|[1-9]\d* (failed|errored|timeout)", text):
        sys.exit("requests failed:\n" + text)
    return text


def load_fully(pid, url, connections=64):
    """Sends as many requests as the server can answer."""
    before, began = cpu_seconds(pid), time.monotonic()
    text = run_client("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", url)
    used, took = cpu_seconds(pid) - before, time.monotonic() - began
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", text).groups()
    return Load(
        int(re.search(r"(\d+) requests in", text).group(1)),
        used,
        took,
        float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
    )


def load_at_rate(pid, rate, options, connections=64):
    """Sends `rate` requests per second."""
    log = scratch("requests")
    before, began = cpu_seconds(pid), time.monotonic()
    clients = [f"-c{connections}", f"-D{SECONDS}", f"--rps={rate / connections}"]
    run_client("h2load", *clients, f"--log-file={log}", *options)
    used, took = cpu_seconds(pid) - before, time.monotonic() - began
    with open(log, encoding="ascii") as file:
        times = sorted(int(line.split()[2]) for line in file)
    os.remove(log)
    return Load(len(times), used, took, times[len(times) * 99 // 100] / 1000)


def start_nginx(port, tls_port, key, certificate):
    body = r'{"id":780207505992056832,"id_str":"780207505992056832"}\n'
    config = write_scratch(
        "nginx.conf",
        f"""
        worker_processes 1; daemon off; pid {SCRATCH}/nginx.pid; error_log {SCRATCH}/nginx.log;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 1000000000; default_type application/json;
            server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
                ssl_certificate {certificate}; ssl_certificate_key {key};
                location / {{ return 200 '{body}'; }} }} }}""",
    )
    process = subprocess.Popen(
        ["taskset", "-c", "0", "nginx", "-p", SCRATCH, "-c", config],
        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"},
    )
    children = f"/proc/{process.pid}/task/{process.pid}/children"

    def find_worker():
        with open(children, encoding="ascii") as file:
            return file.read().split()

    wait_for(find_worker, "nginx")
    return process, int(find_worker()[0])


def alternate(*measures):
    """Runs the measures in turn, ROUNDS times. Returns a list of results for each."""
    found = [[] for _ in measures]
    for _ in range(ROUNDS):
        for i, measure in enumerate(measures):
            found[i].append(measure())
    return found


def median_of(loads, what):
    return statistics.median(getattr(load, what) for load in loads)


def print_row(what, value, wanted=""):
    print(f"{what:<58} {value:>12} {wanted}", flush=True)


def check_ids(daemon, before):
    """Checks outside of the measured time that the daemon's IDs are correct."""
    began, ids = time.time() * 1000, []
    for _ in range(50):
        ids += daemon.json("/api/v1/ids?count=100")["ids"] + [daemon.json("/api/v1/id")["id"]]
    first, last = (daemon.json(f"/api/v1/parse?id={i}")["timestamp_ms"] for i in (ids[0], ids[-1]))
    if ids != sorted(set(ids)) or not began - 1000 <= first <= last <= time.time() * 1000 + 1000:
        sys.exit("the IDs are not unique, in order and of this time")
    if count_made(daemon) != before + len(ids):
        sys.exit("IDs are not counted as they should be")


def count_made(daemon):
    text = daemon.text("/metrics")
    counts = re.findall(r"^snowid_ids_generated_total\{.*\} (.*)$", text, re.M)
    return int(sum(float(count) for count in counts))


# "wide" has 2^16 IDs per millisecond. Requests for 100 IDs would use up the 2^12 of a snowflake
# before they use up the CPU.
KINDS = "snowflake wide=time:41,worker:6,sequence:16"


def measure_requests(daemon, reference, reference_port):
    pid, url = daemon.process.pid, f"http://127.0.0.1:{daemon.port}"
    print_row("resident memory at the start", f"{resident_bytes(pid) / 2**20:.1f} MiB", "< 16")
    ours, theirs, batch = alternate(
        lambda: load_fully(pid, url + "/api/v1/id"),
        lambda: load_fully(reference, f"http://127.0.0.1:{reference_port}/"),
        lambda: load_fully(pid, url + "/api/v1/ids?count=100&kind=wide"),
    )
    print_row("/api/v1/id per second of CPU, 64 connections", f"{median_of(ours, 'per_cpu'):,.0f}")
    print_row("nginx, return 200 with a fixed body", f"{median_of(theirs, 'per_cpu'):,.0f}")
    print_row("  ratio", f"{median_of(ours, 'per_cpu') / median_of(theirs, 'per_cpu'):.2f}", ">= 1")
    print_row(
        "p99 at 64 connections, all busy",
        f"{median_of(ours, 'p99'):.2f} ms",
        f"< 2 (nginx: {median_of(theirs, 'p99'):.2f})",
    )
    print_row(
        "IDs of ids?count=100 to those of single calls, by CPU",
        f"{100 * median_of(batch, 'per_cpu') / median_of(ours, 'per_cpu'):.0f} x",
        ">= 40",
    )
    print_row(
        "  by the clock",
        f"{100 * median_of(batch, 'per_second') / median_of(ours, 'per_second'):.0f} x",
    )
    half = median_of(ours, "per_second") / 2
    ours, theirs = alternate(
        lambda: load_at_rate(pid, half, ("--h1", url + "/api/v1/id")),
        lambda: load_at_rate(reference, half, ("--h1", f"http://127.0.0.1:{reference_port}/")),
    )
    print_row(
        f"p99 at half of that load, {half:,.0f} per second",
        f"{median_of(ours, 'p99'):.2f} ms",
        f"< 1 (nginx: {median_of(theirs, 'p99'):.2f})",
    )
    ours, theirs = alternate(
        lambda: load_at_rate(pid, 10000, ("--h1", url + "/api/v1/id")),
        lambda: load_at_rate(reference, 10000, ("--h1", f"http://127.0.0.1:{reference_port}/")),
    )
    print_row(
        "share of a CPU at 10,000 requests per second",
        f"{100 * median_of(ours, 'share'):.1f} %",
        f"<= 15 (nginx: {100 * median_of(theirs, 'share'):.1f})",
    )
    check_ids(daemon, count_made(daemon))


def grpc_options(port, method, message=b""):
    """What has h2load make calls, and where."""
    with open(scratch(method), "wb") as file:
        file.write(bytes([0, 0, 0, 0, len(message)]) + message)
    fields = "-H", "content-type: application/grpc", "-H", "te: trailers"
    return "-d", scratch(method), *fields, f"http://127.0.0.1:{port}/IDGenerator/{method}"


def load_grpc(pid, options, count=None, clients=("-c8", "-m32")):
    """Makes as many calls as the server can answer. count() is how many IDs it has made; None: as
    many as calls."""
    before, began = cpu_seconds(pid), time.monotonic()
    ids = count() if count else 0
    text = run_client("h2load", *clients, f"-D{SECONDS}", "-w24", "-W24", *options)
    used, took = cpu_seconds(pid) - before, time.monotonic() - began
    calls = int(re.search(r"(\d+) succeeded", text).group(1))
    return Load(count() - ids if count else calls, used, took, 0)


def build_grpc_reference():
    """A server with the library of gRPC for C++. None if that is not installed."""
    plugin, protos = shutil.which("grpc_cpp_plugin"), os.path.join(SOURCE, "snowidd", "grpc")
    if not plugin:
        return None
    outputs = f"--cpp_out={SCRATCH}", f"--grpc_out={SCRATCH}", f"--plugin=protoc-gen-grpc={plugin}"
    proto = os.path.join(protos, "snowid.proto")
    subprocess.run(["protoc", *outputs, "-I", protos, proto], check=True)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    sources = os.path.join(SOURCE, "bench", "grpc_reference.cc"), *glob.glob(scratch("*.cc"))
    include = "-I", SCRATCH, "-I", os.path.join(SOURCE, "include")
    library = "-L", os.path.join(BUILD, ".libs"), "-lsnowid"
    program = scratch("grpc_reference")
    command = ["g++", "-O2", *include, *sources, "-o", program, *library, *flags.split()]
    subprocess.run(command, check=True)
    return program


@contextlib.contextmanager
def running_grpc_reference(port):
    """Its process, or None."""
    program = build_grpc_reference()
    if not program:
        yield None
        return
    command = ["taskset", "-c", "0", program, f"127.0.0.1:{port}"]
    env = {**os.environ, "LD_LIBRARY_PATH": os.path.join(BUILD, ".libs")}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.terminate()


def check_grpc_ids(port):
    """Checks outside of the measured time that a server's IDs are correct."""
    began = time.time() * 1000
    with grpc_client.Client(f"127.0.0.1:{port}", grpc_client.Interface()) as client:
        ids = [client.call("IDGenerator/GenerateID").id for _ in range(1000)]
    first, last = ((i >> 22) + SNOWFLAKE_EPOCH for i in (ids[0], ids[-1]))
    if ids != sorted(set(ids)) or not began - 1000 <= first <= last <= time.time() * 1000 + 1000:
        sys.exit("the IDs of gRPC are not unique, in order and of this time")


def print_grpc_reference(ours, reference, port):
    """Beside the library of gRPC for C++, in turn."""
    name = "  ratio to the library of gRPC for C++"
    if not reference:
        print_row(name, "-", "needs libgrpc++-dev and protobuf-compiler-grpc")
        return
    options = grpc_options(port, "GenerateID")
    one, other = alternate(ours, lambda: load_grpc(reference.pid, options))
    print_row(name, f"{median_of(one, 'per_cpu') / median_of(other, 'per_cpu'):.1f}", ">= 5")
    check_grpc_ids(port)


def measure_grpc(daemon, port):
    pid, rest_url = daemon.process.pid, f"http://127.0.0.1:{daemon.port}/api/v1/id"
    made, reference_port = lambda: count_made(daemon), free_port()
    one_id = grpc_options(port, "GenerateID")
    batch_of = grpc_options(port, "GenerateBatch", b"\x08\x64\x12\x04wide")
    stream_of = grpc_options(port, "StreamIDs", b"\x0a\x04wide\x10\x80\x89\x7a")
    rest, one, batch, stream = alternate(
        lambda: load_fully(pid, rest_url),
        lambda: load_grpc(pid, one_id, made),
        lambda: load_grpc(pid, batch_of, made),
        lambda: load_grpc(pid, stream_of, made, ("-c1", "-m1")),
    )
    per_cpu = median_of(one, "per_cpu")
    print_row("gRPC, GenerateID per second of CPU", f"{per_cpu:,.0f}")
    ratio = per_cpu / median_of(rest, "per_cpu")
    print_row("  ratio to /api/v1/id", f"{ratio:.2f}", ">= 1.5")
    ratio = median_of(batch, "per_cpu") / per_cpu
    print_row("gRPC, IDs of batches of 100 to those of single calls", f"{ratio:.0f} x", ">= 40")
    streamed = median_of(stream, "per_second") / 1e6
    print_row("gRPC, IDs of a stream", f"{streamed:.1f} M/s", ">= 2")
    # About half of a CPU, and what one of h2load can send. More connections would have it send in
    # bursts, of which the last have waited for the first.
    at_rate = alternate(lambda: load_at_rate(pid, 20000, one_id, 8))[0]
    name = f"gRPC, p99 at 20,000 per second, {100 * median_of(at_rate, 'share'):.0f} % of a CPU"
    print_row(name, f"{median_of(at_rate, 'p99'):.2f} ms", "< 1")
    check_grpc_ids(port)
    with running_grpc_reference(reference_port) as reference:
        print_grpc_reference(lambda: load_grpc(pid, one_id, made), reference, reference_port)


def measure_beside_batches(daemon, connections=1000):
    """Single IDs beside a client that asks for more than there are, and again when refused."""
    url = f"http://127.0.0.1:{daemon.port}"
    threads = ["-t1", f"-c{connections}", "-d3600s", "--timeout", "60s"]
    # The clients share a CPU, and what is measured is not how they do so.
    pinned = ["nice", "-n", "19", "taskset", "-c", "1"]
    command = [*pinned, "wrk", *threads, url + "/api/v1/ids?count=10000"]
    before = count_made(daemon)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as batches:
        try:
            wait_for(lambda: count_made(daemon) > before + 1000000, "the batches")
            one_id = "--h1", url + "/v1/next_id"
            loads = alternate(lambda: load_at_rate(daemon.process.pid, 500, one_id, 1))[0]
        finally:
            batches.terminate()
    print_row(
        f"p99 of single IDs beside {connections:,} connections of count=10000",
        f"{median_of(loads, 'p99'):.2f} ms",
        "< 5",
    )


def measure_idle_connections(daemon):
    before, held = resident_bytes(daemon.process.pid), []
    for _ in range(5000):
        s = daemon.connect()
        s.sendall(get())
        held.append(s)
    for s in held:
        s.recv(4096)
    print_row(
        "memory of an idle connection",
        f"{(resident_bytes(daemon.process.pid) - before) / len(held):.0f} B",
        "< 4096",
    )
    for s in held:
        s.close()


def measure_busy_disk(daemon):
    """Measures how long making an ID takes while others sync, by the daemon's own histogram."""

    def counts():
        text = daemon.text("/metrics")
        bucket = r'^snowid_id_generation_seconds_bucket{le="%s"} (\d+)$'
        return [int(re.search(bucket % le, text, re.M).group(1)) for le in ("0.001", r"\+Inf")]

    path = scratch("busy")
    writer = f"while :; do dd if=/dev/zero of={path} bs=1M count=64 oflag=dsync; done"
    with subprocess.Popen(
        ["taskset", "-c", "1", "sh", "-c", writer],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as disk:
        try:
            wait_for(lambda: os.path.exists(path), "the disk")
            before = counts()
            url = f"http://127.0.0.1:{daemon.port}/api/v1/id"
            load_at_rate(daemon.process.pid, 10000, ("--h1", url))
            late, total = (after - b for after, b in zip(counts(), before))
        finally:
            os.killpg(disk.pid, signal.SIGTERM)
    print_row(
        "IDs in more than 1 ms, 10,000 per second, the disk busy",
        f"{100 * (total - late) / total:.4f} %",
        f"<= 0.1 (of {total:,})",
    )
    check_ids(daemon, count_made(daemon))


def main():
    key, certificate = scratch("key.pem"), scratch("certificate.pem")
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
        + ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    port, tls_port = free_port(), free_port()
    reference, reference_worker = start_nginx(port, tls_port, key, certificate)
    one = [
        "--limits-connections-per-client",
        "10000",
        "--threads",
        "1",
        "--worker-id",
        "1",
        "--kinds",
        KINDS,
        "--reserve",
        "100ms",
    ]
    pin = {"preexec_fn": lambda: os.sched_setaffinity(0, {0})}
    grpc_port = free_port()
    try:
        with Daemon(*one, **pin) as daemon:
            measure_requests(daemon, reference_worker, port)
            measure_beside_batches(daemon)
            measure_idle_connections(daemon)
            measure_busy_disk(daemon)
        with Daemon(*one, "--grpc-listen", f"127.0.0.1:{grpc_port}", **pin) as daemon:
            measure_grpc(daemon, grpc_port)
        with Daemon(*one, "--tls-certificate", certificate, "--tls-key", key, **pin) as daemon:
            ours, theirs = alternate(
                lambda: load_fully(
                    daemon.process.pid, f"https://127.0.0.1:{daemon.port}/api/v1/id"
                ),
                lambda: load_fully(reference_worker, f"https://127.0.0.1:{tls_port}/"),
            )
            print_row(
                "TLS, by CPU, ratio to nginx",
                f"{median_of(ours, 'per_cpu') / median_of(theirs, 'per_cpu'):.2f}",
                ">= 0.9",
            )
    finally:
        reference.terminate()
        reference.wait()


if __name__ == "__main__":
    main()
