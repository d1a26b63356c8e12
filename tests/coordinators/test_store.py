#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""How users reach workers that services assign: the tool, Python, Ruby and Lua, and what `snowid
store` shows and corrects. Each part runs with each service that this machine has."""
import json
import os
import signal
import subprocess
import sys
import time

import servers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
from harness import (  # pylint: disable=wrong-import-position
    BUILD,
    check,
    equal,
    run_tests,
    wait_for,
    write_scratch,
)

TOP = os.environ.get("top_srcdir", ".")
TOOL = os.path.join(BUILD, "snowid")
MODULES = os.path.join(BUILD, "libsnowid", "coordinator", ".libs")
KIND = "time:41,worker:5,sequence:12"
WORKER_SHIFT, WORKERS = 12, 31
DEADLINE = 60  # seconds: for what must happen, on a busy machine
CLUSTERS = {}

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("SNOWID")},
    "SNOWID_MODULES": os.path.abspath(MODULES),
    "LC_ALL": "C.UTF-8",
}

# Each opens a generator of the URL, prints an ID, and closes it at the end of its input.
PYTHON_PROGRAM = """
import sys, snowid
with snowid.Generator(sys.argv[1], store=sys.argv[2]) as ids:
    print(ids.next(), flush=True)
    for line in sys.stdin:
        print(ids.next(), flush=True)
"""
RUBY_PROGRAM = """
require "snowid"
ids = Snowid::Generator.new(ARGV[0], store: ARGV[1])
$stdout.sync = true
puts ids.next
$stdin.each_line { puts ids.next }
ids.close
"""
LUA_PROGRAM = """
local snowid = require "snowid"
local ids = snowid.generator { kind = arg[1], store = arg[2] }
io.stdout:setvbuf "no"
print(ids:next())
for _ in io.stdin:lines() do print(ids:next()) end
ids:close()
"""


def built(*names):
    return os.path.abspath(os.path.join(BUILD, "bindings", *names))


def source(*names):
    return os.path.abspath(os.path.join(TOP, "bindings", *names))


def languages():
    """The command and the environment of each language that was built."""
    found = {}
    if os.path.exists(built("python", "tree", "snowid")):
        python = os.environ.get("PYTHON") or "/usr/bin/python3"
        paths = {"PYTHONPATH": built("python", "tree")}
        found["Python"] = [python, "-B", write_scratch("hold.py", PYTHON_PROGRAM)], paths
    if os.path.exists(built("ruby", "tree", "snowid")):
        ruby = os.environ.get("RUBY") or "ruby"
        paths = ["-I" + built("ruby", "tree"), "-I" + source("ruby", "lib")]
        found["Ruby"] = [ruby, *paths, write_scratch("hold.rb", RUBY_PROGRAM)], {}
    if os.path.exists(built("lua", "tree.5.4", "snowid")):
        paths = {
            "LUA_PATH": source("lua", "?.lua"),
            "LUA_CPATH": os.path.join(built("lua", "tree.5.4"), "?.so"),
        }
        found["Lua"] = ["lua5.4", write_scratch("hold.lua", LUA_PROGRAM)], paths
    return found


class Program:
    """A process that has a worker."""

    def __init__(self, language, url, kind=KIND):
        command, more = languages()[language]
        self.process = subprocess.Popen(
            [*command, kind, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**ENVIRONMENT, "LD_LIBRARY_PATH": os.path.join(BUILD, ".libs"), **more},
        )
        line = self.process.stdout.readline()
        check(line, f"{language} has an ID of {url}")
        self.first = int(line)

    @property
    def worker(self):
        return self.first >> WORKER_SHIFT & WORKERS

    def next(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        equal(self.process.wait(DEADLINE), 0, "it ends well")
        self.process.stdout.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def tool(*arguments):
    return subprocess.run(
        [TOOL, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        timeout=DEADLINE,
        check=False,
    )


def made(url, *arguments, kind=KIND):
    result = tool("-k", kind, "--store", url, *arguments)
    equal(f"{result.returncode}{result.stderr}", "0", f"the tool has IDs of {url}")
    return [int(line) if line.isdigit() else line for line in result.stdout.split()]


def records(url):
    """What `snowid store` shows: the records of workers by their number, and the summary."""
    result = tool("store", "--json", url)
    equal(f"{result.returncode}{result.stderr}", "0", f"the tool shows {url}")
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    workers = {r["field.worker"]: r for r in shown if "field.worker" in r}
    return workers, [r for r in shown if "namespace" in r]


def refused(text, *arguments):
    result = tool(*arguments)
    check(
        result.returncode != 0 and text in result.stderr,
        f"it is refused, because: {text}",
        f"{result.returncode} {result.stderr}",
    )


def of_each_service(test):
    """Calls a test with the root of the URLs of each service, and a path of its own."""

    def run():
        for service, cluster in CLUSTERS.items():
            test(f"{service}://{cluster.addresses}/{test.__name__.removeprefix('test_')}")

    run.__name__ = test.__name__
    return run


OPTIONS = "?ttl=2s&reserve=3s&workers="


@of_each_service
def test_tool(root):
    ids = made(root + OPTIONS + "5-5", "-n", "1000") + made(root + OPTIONS + "5-5", "-n", "1000")
    equal(ids, sorted(set(ids)), "2,000 IDs of two runs, in order")
    equal({i >> WORKER_SHIFT & WORKERS for i in ids}, {5}, "of the worker in the URL")
    workers, summaries = records(root)
    equal(list(workers), [5], "it is recorded")
    equal(workers[5]["use"], "free", "and has been given back")
    check(workers[5]["released"], "after the last ID")
    equal(len(summaries), 1, "all workers are summed up")
    equal(summaries[0]["workers_free"], 32, "and all are free")
    (worker,) = {i >> WORKER_SHIFT & WORKERS for i in made(root + OPTIONS + "0-31", "-n", "9")}
    check(0 <= worker <= 31, "of a range one is chosen")
    ids = made(root + "?ttl=2s", "--field", "worker=9")
    equal(ids[0] >> WORKER_SHIFT & WORKERS, 9, "a worker that the user has set is the one")
    refused("only has 0 to 7", "-k", KIND, "--store", root + OPTIONS + "0-7", "--field", "worker=9")


@of_each_service
def test_kinds(root):
    store = root + OPTIONS + "0-3"
    made(store, "--field", "datacenter=3", kind="snowflake")
    workers, (summary,) = records(root)
    (record,) = workers.values()
    equal(record["field.datacenter"], 3, "records are kept for each datacenter")
    check(summary["store"].endswith("/datacenters/dc3"), "below the path")
    made(root + "/datacenters/dc3" + OPTIONS + "0-3", "--field", "datacenter=3", kind="snowflake")
    other = root + "/datacenters/dc2" + OPTIONS + "0-3"
    refused("leave the datacenter out", "-k", "snowflake", "--store", other)
    made(root + "/uuid" + OPTIONS + "0-3&field=clock_seq", kind="uuid6")
    for kind, more, text in (
        ("ulid", "", 'no field "worker"'),
        ("uuid7", "", 'no field "worker"'),
        ("uuid6", "", 'no field "worker"'),
        ("snowflake", "&field=rack", 'no field "rack"'),
        ("snowflake", "&field=time", "differs from ID to ID"),
    ):
        refused(text, "-k", kind, "--store", store + more)


@of_each_service
def test_languages(root):
    programs = {name: Program(name, root + OPTIONS + "0-31") for name in languages()}
    workers, (summary,) = records(root)
    equal(len({p.worker for p in programs.values()}), len(programs), "each has another worker")
    for name, program in programs.items():
        record = workers[program.worker]
        equal(record["use"], "alone", f"{name} is the owner of its worker")
        equal(record["holder_pid"], program.process.pid, "by its process number")
        check(program.next() > program.first, "and makes more IDs")
    equal(summary["workers_owned"], len(programs), "as the summary says")
    for program in programs.values():
        program.close()
    workers, (summary,) = records(root)
    equal(summary["workers_free"], 32, "at the end all have given theirs back")
    check(all(r["released"] for r in workers.values()), "in their records too")


@of_each_service
def test_free_and_reset(root):
    program = Program(next(iter(languages())), root + OPTIONS + "4-4")
    store = records(root)[0][4]["store"]
    floor = "--floor", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    refused(f"process {program.process.pid} on ", "store", "--reset", *floor, "--yes", store)
    refused("must name one worker", "store", "--free", "--yes", root)
    refused("no file to adopt", "store", "--adopt", "--yes", store)
    refused("Use --yes if that is so", "store", "--free", store)
    before = records(root)[0][4]["epoch"]
    result = tool("store", "--free", "--yes", store)
    equal(f"{result.returncode}{result.stderr}", "0", "the lease of an owner is ended")
    wait_for(lambda: records(root)[0][4]["epoch"] > before, "the owner claims its worker again")
    check(program.next() > program.first, "and makes more IDs")
    program.kill()
    wait_for(lambda: records(root)[0][4]["use"] != "alone", "the lease of a killed owner ends")
    check(not records(root)[0][4]["released"], "its worker was not given back")
    result = tool("store", "--reset", *floor, "--yes", store)
    equal(f"{result.returncode}{result.stderr}", "0", "it can be reset")
    record = records(root)[0][4]
    equal((record["use"], record["floor"][:19]), ("free", floor[1][:19]), "and then is free")
    check(made(root + OPTIONS + "4-4")[0] > program.first, "for the next")
    refused("is free", "store", "--free", "--yes", store)


@of_each_service
def test_errors(root):
    service, address = root.split("://")[0], root.split("/")[2]
    refused("did you mean reserve", "--store", root + "?reserv=1s")
    refused("must not have a user", "--store", f"{service}://me:secret@{address}/ids")
    refused("password_file=/path", "--store", root + "?user=me&password=secret")
    if service == next(iter(CLUSTERS)):  # each takes as long as the tool is patient
        nobody = f"{service}://127.0.0.1:{servers.free_port()}/ids"
        refused(nobody + ": ", "store", nobody)
    unused = tool("store", root + "-unused")
    equal(unused.stdout, f"{root}-unused contains nothing\n", "of a path without records")


def main():
    for cluster in servers.Etcd, servers.Zookeeper, servers.Consul:
        module = os.path.join(MODULES, cluster.service + ".so")
        try:
            if os.path.exists(module):
                cluster.find()
                CLUSTERS[cluster.service] = cluster(nodes=1)
        except servers.Unavailable as missing:
            print(f"not run: {cluster.service}: {missing}")
    if not CLUSTERS:
        print("skipped: no service, or no module for one")
        sys.exit(77)
    for cluster in CLUSTERS.values():
        cluster.start()
    try:
        run_tests(globals())
    finally:
        for cluster in CLUSTERS.values():
            cluster.stop()


main()
