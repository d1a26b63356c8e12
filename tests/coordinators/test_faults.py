#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What breaks, against real etcd, ZooKeeper and Consul: no ID is made twice.

    test_faults.py                  the short form, as in `make check`: see SHORT
    test_faults.py full             all rows of all services
    test_faults.py SERVICE          the short form, of one service
    test_faults.py [SERVICE:]ROW... some, by the names of their functions
    test_faults.py --list           their names

Each row is a process with owners of its own, under a path of its own, and rows run side by side on
one cluster of each service. Those that break servers run one after another on another cluster.
COORDINATOR_FAULTS=full has the short form run all; OWNER=PROGRAM replaces the owner, as with one
that is linked with a mutant of the library. TABLE=FILE gets the results as a table in Markdown."""
import collections
import functools
import glob
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import servers
from fleet import DEADLINE, Row
from records import wait_until

ROW_SECONDS = 180  # after which a row is given up
AT_ONCE = 8  # rows that run side by side
RowOfTable = collections.namedtuple("RowOfTable", "function text breaks_servers weight")
ROWS = {}
NODES = 3  # of a cluster that is broken


def row(text, breaks_servers=False, weight=1):
    """`weight`: as how many rows it counts, of those that run side by side."""

    def register(function):
        ROWS[function.__name__] = RowOfTable(function, text, breaks_servers, weight)
        return function

    return register


class NotRun(Exception):
    """This machine, or this service, cannot do it."""


# ---- owners --------------------------------------------------------------------------------------


def note_takeover(r, owner, since):
    """Waits until a worker has another owner."""
    (owner,) = r.opened_in_the_end(owner)
    r.note(f"takeover {time.monotonic() - since:.1f} s")
    return owner


@row("an owner is killed")
def killed(r):
    first = r.opened(workers="5-5")
    time.sleep(1)
    first.kill()
    second = note_takeover(r, r.owner(workers="5-5"), time.monotonic())
    r.expect(second.made_more(), "the successor makes IDs")
    second.close()


@row("an owner is stopped past its lease, and woken")
def stopped(r, rate=20000):
    first = r.opened(workers="5-5")
    first.rate(rate)
    time.sleep(0.5)
    first.report()
    first.pause()
    second = note_takeover(r, r.owner(workers="5-5"), time.monotonic())
    before = r.records.read(r.path)[5]["epoch"]
    second.rate(rate)
    first.resume()
    time.sleep(1)
    second.rate(1000)
    report = first.report()
    first.rate(1000)
    r.expect(report["refused"] > 0, "the first owner is refused IDs once it runs again")
    first.longest = 0  # it was stopped
    r.expect(second.made_more(), "the successor goes on")
    second.close()
    r.expect(first.made_more(), "the first owner claims the worker again")
    r.expect(r.records.read(r.path)[5]["epoch"] > before, "in another epoch")
    first.close()


@row("both owners of a stopped worker at full speed", weight=2)
def stopped_at_full_speed(r):
    stopped(r, "full")


@row("an owner is paused at each of its requests", weight=2)
def paused_at_requests(r):
    pairs = []
    for number in range(1, 11):
        proxy = r.proxy()
        first = r.owner(proxy.addresses, workers=f"{number}-{number}")
        hold = number % 2 == 0  # the request arrives only after the pause
        proxy.on_request = functools.partial(pause_at, proxy, first, number, hold)
        pairs.append([number, proxy, first, None])
    wait_until(lambda: all(p.pieces >= n for n, p, _, _ in pairs), 20)
    for pair in pairs:
        pair[3] = r.owner(workers=f"{pair[0]}-{pair[0]}")
    successors = r.opened_in_the_end(*[second for *_, second in pairs])
    for _, proxy, first, _ in pairs:
        proxy.held = False
        first.resume()
    time.sleep(2)
    for second in successors:
        r.expect(second.made_more(), "the successor goes on")
    for owner in r.owners:
        owner.longest = 0  # the first ones were paused
    for second in successors:
        second.close()
    time.sleep(1)


def pause_at(proxy, owner, number, hold, _):
    if proxy.pieces == number:
        if hold:
            proxy.held = True
        owner.pause()


@row("24 claim at once, crash, and are replaced", weight=4)
def claimants(r, count=24):
    workers = f"0-{count - 1}"
    owners = r.opened_in_the_end(*[r.owner(workers=workers, rate=100) for _ in range(count)])
    times = sorted(owner.open_seconds for owner in owners)
    r.note(f"claims {times[count // 2]:.2f} to {times[-1]:.2f} s")
    for owner in owners:
        owner.signal(signal.SIGKILL)
    since = time.monotonic()
    r.opened_in_the_end(*[r.owner(workers=workers, rate=100) for _ in range(count)])
    r.note(f"all replaced in {time.monotonic() - since:.1f} s")


@row("all workers are taken")
def all_taken(r):
    options = {"ttl": "10s", "reserve": "60s", "workers": "0-2"}
    owners = r.opened_in_the_end(*[r.owner(**options) for _ in range(3)])
    r.expect(len({owner.worker for owner in owners}) == 3, "each has another worker")
    late = r.owner(**options)
    r.expect(not late.is_open(), "one more cannot open")
    r.note(late.detail.split(" ", 1)[-1])
    owners[1].close()
    next_owner = r.opened(**options)
    r.expect(next_owner.worker == owners[1].worker, "what is released is taken")


@row("32 of 32 crash, and are replaced", weight=5)
def all_crash(r):
    claimants(r, 32)


@row("children of fork outlive the opener")
def forked(r):
    first = r.opened(workers="5-5")
    first.tell("fork 8").tell("fork 8")
    time.sleep(1)
    first.kill_opener()
    second = note_takeover(r, r.owner(workers="5-5"), time.monotonic())
    second.tell("fork 3")
    time.sleep(1)
    second.close()
    third = r.opened(workers="5-5")
    time.sleep(2)
    third.close()


@row("workers of a range that shrinks and grows")
def range_changes(r):
    owners = r.opened_in_the_end(*[r.owner(workers="0-3") for _ in range(4)])
    small = r.owner(workers="0-1")
    r.expect(not small.is_open(), "no worker of the small range is free")
    for owner in owners:
        owner.close()
    owners = r.opened_in_the_end(*[r.owner(workers="0-1") for _ in range(2)])
    owners += r.opened_in_the_end(*[r.owner(workers="0-7") for _ in range(6)])
    r.expect(len({owner.worker for owner in owners}) == 8, "each of the large range is taken")
    for owner in owners:
        owner.close()


@row("a TTL that the server changes")
def changed_ttl(r):
    if r.service == "consul":
        owner = r.owner(workers="5-5", ttl="1s")
        r.expect(not owner.is_open(), "Consul refuses a TTL below its minimum")
        r.note(owner.detail.split(" ", 1)[-1])
        r.opened(workers="5-5")
        return
    first = r.opened(workers="5-5", ttl="1s")  # both grant 2 s
    time.sleep(4)
    r.expect(first.made_more(), "the owner goes on")
    first.kill()
    note_takeover(r, r.owner(workers="5-5", ttl="1s"), time.monotonic())


@row("another layout finds its records")
def other_layout(r):
    first = r.opened(workers="5-5")
    other = r.owner(workers="5-5", kind="time:41,worker:10,sequence:12;epoch=1600000000000")
    r.expect(not other.is_open(), "a generator of another layout cannot open")
    r.note(other.detail.split(" ", 1)[-1])
    first.close()
    other = r.owner(workers="5-5", kind="time:41,worker:10,sequence:12;epoch=1600000000000")
    r.expect(not other.is_open(), "nor after the release")


# ---- what is changed by hand ---------------------------------------------------------------------


@row("its lease is ended by hand")
def lease_ended(r):
    first = r.opened(workers="5-5")
    for _ in range(3):
        time.sleep(1)
        if 5 in r.records.held(r.path):
            r.records.end_lease(r.path, 5)
    time.sleep(2)
    r.expect(first.made_more(), "the owner goes on")
    first.close()


@row("its record is deleted by hand")
def record_deleted(r):
    r.checks_records = False
    first = r.opened(workers="5-5")
    for _ in range(3):
        time.sleep(1)
        r.records.delete(r.path, 5)
    time.sleep(3)
    r.expect(first.made_more(), "the owner goes on")
    first.close()
    second = r.opened(workers="5-5")
    second.close()


@row("another owner's record in place of its own")
def stale_writer(r):
    first = r.opened(workers="5-6")
    worker = first.worker
    time.sleep(1)
    record = r.records.read(r.path)[worker]
    incarnation = record["incarnation"]
    other = incarnation.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    record.update(incarnation=other, epoch=record["epoch"] + 1, writes=record["writes"] + 1000)
    record["limit"] += 2000
    r.records.write(r.path, worker, record)
    time.sleep(3)
    r.expect(first.made_more(), "the owner goes on as another worker")
    report = first.report()
    r.expect(report["worker"] != worker or report["epoch"] > record["epoch"], "in another epoch")
    r.expect(r.records.read(r.path)[worker]["limit"] >= record["limit"], "no limit fell")


# ---- networks ------------------------------------------------------------------------------------


def through(r, **options):
    """An owner that has a network of its own."""
    proxy = r.proxy()
    owner = r.opened(addresses=proxy.addresses, workers="5-5", **options)
    time.sleep(0.7)
    return proxy, owner


def goes_on(r, owner):
    worker = owner.worker
    since = time.monotonic()
    r.expect(owner.made_more(), "the owner makes IDs again")
    r.note(f"back after {time.monotonic() - since:.1f} s")
    r.expect(owner.report()["worker"] == worker, "it keeps its worker")
    owner.close()


@row("all answers are lost")
def replies_lost(r):
    proxy, owner = through(r)
    proxy.cut(requests=True)
    time.sleep(3)
    proxy.heal()
    goes_on(r, owner)


@row("all requests are lost")
def requests_lost(r):
    proxy, owner = through(r)
    proxy.cut(replies=True)
    time.sleep(3)
    proxy.heal()
    goes_on(r, owner)


@row("nothing arrives either way, longer than lease and limit last")
def black_hole(r):
    proxy, owner = through(r)
    proxy.cut()
    time.sleep(6)
    proxy.heal()
    goes_on(r, owner)


@row("nothing arrives for less than the reserve")
def black_hole_within_reserve(r):
    proxy, owner = through(r, reserve="30s")
    owner.report()
    proxy.cut()
    time.sleep(6)
    r.expect(owner.report()["refused"] == 0, "no ID is refused")
    proxy.heal()
    goes_on(r, owner)


@row("a successor during a black hole")
def taken_in_black_hole(r):
    proxy, owner = through(r)
    proxy.cut()
    second = note_takeover(r, r.owner(workers="5-5"), time.monotonic())
    proxy.heal()
    time.sleep(1)
    r.expect(second.made_more(), "the successor goes on")
    second.close()
    r.expect(owner.made_more(), "the first owner claims the worker again")
    owner.longest = 0
    owner.close()


@row("connections are reset")
def resets(r):
    proxy, owner = through(r)
    for i in range(16):
        proxy.refusing = i % 4 == 0
        proxy.reset()
        time.sleep(0.2)
    proxy.heal()
    goes_on(r, owner)


@row("answers take 300 ms longer")
def latency(r):
    proxy, owner = through(r, ttl="10s", reserve="10s")
    proxy.delay = 0.15
    time.sleep(12)
    r.expect(owner.report()["refused"] == 0, "no ID is refused")
    second = r.opened(addresses=proxy.addresses, workers="6-6", ttl="10s", reserve="10s")
    r.note(f"first ID {second.open_seconds:.2f} s")
    second.close()
    goes_on(r, owner)


class Namespace:
    """A network of its own with one wire to this one, and what drops its packets."""

    def __init__(self, r):
        if os.geteuid() != 0:
            raise NotRun("only root can make a network")
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"],
            stderr=subprocess.DEVNULL,
        )
        r.cleanups.append(self.holder.kill)
        name, number = f"v{os.getpid()}", random.randrange(1 << 15) * 4
        network = f"198.{18 + (number >> 16)}.{number >> 8 & 255}."
        self.outside, inside = (network + str((number & 255) + i) for i in (1, 2))
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        mine = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != mine, DEADLINE)
        try:
            run(f"ip link add {name} type veth peer name inside netns {self.holder.pid}")
            run(f"ip addr add {self.outside}/30 dev {name}")
            run(f"ip link set {name} up")
            run(f"ip addr add {inside}/30 dev inside", self.inside)
            run("ip link set inside up", self.inside)
            run("ip link set lo up", self.inside)
            run("nft add table ip faults", self.inside)
            for chain, hook in ("out", "output"), ("in", "input"):
                run(
                    f"nft add chain ip faults {chain} {{ type filter hook {hook} priority 0; }}",
                    self.inside,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise NotRun(f"no network can be made: {error}") from error

    def drop(self, *chains, how="drop"):
        for chain in chains:
            run(f"nft add rule ip faults {chain} ip protocol tcp {how}", self.inside)

    def heal(self):
        run("nft flush chain ip faults in", self.inside)
        run("nft flush chain ip faults out", self.inside)


def run(command, prefix=()):
    subprocess.run([*prefix, *command.split()], check=True, stderr=subprocess.DEVNULL)


def partition(r, *chains, how="drop", seconds=6, **options):
    network = Namespace(r)
    proxy = r.proxy(host=network.outside)
    owner = r.opened(addresses=proxy.addresses, workers="5-5", prefix=network.inside, **options)
    time.sleep(1)
    network.drop(*chains, how=how)
    time.sleep(seconds)
    network.heal()
    goes_on(r, owner)


@row("a partition both ways")
def partition_both(r):
    partition(r, "in", "out")


@row("a partition of what the owner sends")
def partition_out(r):
    partition(r, "out")


@row("a partition of what the owner receives")
def partition_in(r):
    partition(r, "in")


@row("30 % of the packets are lost")
def packets_lost(r):
    loss = "numgen random mod 100 < 30 drop"
    partition(r, "in", "out", how=loss, seconds=10, ttl="4s", reserve="10s")


# ---- clocks --------------------------------------------------------------------------------------


def faketime(**how):
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise NotRun("there is no libfaketime")
    return {
        "LD_PRELOAD": found[0],
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
        **how,
    }


@row("the clock of the successor is 3 s behind")
def clock_behind(r):
    first = r.opened(workers="5-5")
    time.sleep(1)
    first.kill()
    note_takeover(r, r.owner(workers="5-5", env=faketime(FAKETIME="-3s")), time.monotonic())
    time.sleep(1)


@row("the clock steps 20 s ahead, and back")
def clock_steps(r):
    path = os.path.join(r.directory, "..", f"clock{os.getpid()}")
    r.cleanups.append(lambda: os.remove(path))
    step_clock(path, "+0s")
    env = faketime(FAKETIME_TIMESTAMP_FILE=path)
    owner = r.opened(workers="5-5", env=env)
    time.sleep(1)
    for seconds in (0.3, 2):
        step_clock(path, "+20s")
        time.sleep(seconds)
        limits = [record["limit"] for record in r.records.read(r.path).values()]
        r.expect(max(limits) < (time.time() + 2 + 6) * 1000 - 1288834974657, "no limit is poisoned")
        step_clock(path, "+0s")
        time.sleep(1.5)
    r.expect(owner.made_more(), "the owner goes on")
    owner.close()
    second = r.opened(workers="5-5")
    r.expect(second.made_more(), "another process is not barred")


def step_clock(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text + "\n")
    os.rename(path + ".new", path)


@row("hosts that were booted at other times")
def boot_offset(r):
    prefix = ["unshare", "--time", "--fork", "--kill-child", "--boottime", "8640000"]
    if subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise NotRun("unshare --time fails")
    first = r.opened(workers="5-5", prefix=prefix)
    time.sleep(1)
    first.kill()
    second = note_takeover(r, r.owner(workers="5-5"), time.monotonic())
    time.sleep(1)
    second.kill()
    note_takeover(r, r.owner(workers="5-5", prefix=prefix), time.monotonic())
    time.sleep(1)


# ---- servers -------------------------------------------------------------------------------------


def three_owners(r, **options):
    owners = r.opened_in_the_end(
        r.owner(workers="0-0", **options), *[r.owner(workers="1-4", **options) for _ in range(2)]
    )
    time.sleep(1)
    for owner in owners:
        owner.report()
    return owners


def all_go_on(r, owners, as_before=True):
    workers = [owner.worker for owner in owners]
    for owner in owners:
        r.expect(owner.made_more(), "an owner makes IDs again")
    if as_before:
        present = [owner.report()["worker"] for owner in owners]
        r.expect(present == workers, "all keep their workers")
    r.opened(workers="5-9").close()


@row("the leader is killed", breaks_servers=True)
def leader_killed(r):
    owners = three_owners(r)
    leader = r.cluster.leader()
    r.cluster.kill(leader)
    time.sleep(4)
    r.cluster.start_node(leader)
    r.cluster.wait_until_ready()
    all_go_on(r, owners)


@row("the leader is stopped, and goes on", breaks_servers=True)
def leader_stopped(r):
    owners = three_owners(r)
    leader = r.cluster.leader()
    r.cluster.pause(leader)
    time.sleep(6)
    r.cluster.resume(leader)
    r.cluster.wait_until_ready()
    all_go_on(r, owners)


@row("all servers are killed, and start on their data", breaks_servers=True)
def restarted(r):
    owners = three_owners(r)
    r.cluster.restart(seconds_down=4)
    all_go_on(r, owners)


@row("all servers are away for less than the reserve", breaks_servers=True)
def restarted_within_reserve(r):
    owners = three_owners(r, reserve="60s")
    r.cluster.restart(seconds_down=4)
    for owner in owners:
        r.expect(owner.report()["refused"] == 0, "no ID is refused")
    all_go_on(r, owners)


@row("all servers start on an old backup", breaks_servers=True)
def restored(r):
    r.checks_records = False
    owners = three_owners(r)
    r.cluster.backup()
    time.sleep(3)
    r.cluster.restore(seconds_down=1)
    time.sleep(3)
    all_go_on(r, owners, as_before=False)  # a worker that was claimed since is another's there


@row("all servers start on nothing, and owners are there", breaks_servers=True)
def erased(r):
    r.checks_records = False
    owners = three_owners(r)
    r.cluster.erase(seconds_down=1)
    all_go_on(r, owners)  # they know the namespace, and what they have made


@row("others begin on servers that have lost everything", breaks_servers=True)
def another_namespace(r):
    r.checks_records = False
    owners = three_owners(r)
    for owner in owners:
        owner.pause()
    r.cluster.erase(seconds_down=3)  # when nobody is allowed any more IDs
    new = r.opened(workers="0-4")
    for owner in owners:
        owner.resume()
    time.sleep(3)
    for owner in owners:
        owner.longest = 0
        r.expect(not owner_makes_ids(owner), "an owner from before makes no IDs")
    r.note(owners[0].tell("maintain").line("maintain").split(" ", 1)[-1])
    r.expect(new.made_more(), "a new owner does")


def owner_makes_ids(owner):
    made = owner.report()["made"]
    time.sleep(0.5)
    return owner.report()["made"] > made


# ---- running -------------------------------------------------------------------------------------

SHORT = [
    "killed",
    "stopped",
    "paused_at_requests",
    "claimants",
    "forked",
    "lease_ended",
    "replies_lost",
    "clock_steps",
]


class Run:
    """Rows that run in a process of their own, one after another. Those that break servers have a
    cluster of their own."""

    def __init__(self, service, names, cluster):
        self.service, self.names, self.began = service, names, time.monotonic()
        self.weight = group_weight((service, names))
        self.results = tempfile.NamedTemporaryFile("r", prefix="row-", encoding="utf-8")
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            try:
                if cluster:
                    self.run(cluster)
                else:
                    with servers.SERVICES[service](NODES) as own:
                        self.run(own)
            except BaseException:  # pylint: disable=broad-except
                traceback.print_exc()
            os._exit(0)

    def run(self, cluster):
        with open(self.results.name, "w", encoding="utf-8") as file:
            for name in self.names:
                print(json.dumps(run_row(self.service, name, cluster)), file=file, flush=True)

    def has_ended(self):
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            return True
        if time.monotonic() - self.began > ROW_SECONDS * len(self.names):
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            return True
        return False

    def each_result(self):
        done = [json.loads(line) for line in self.results]
        for name in self.names:
            missing = {"name": name, "faults": ["it did not come to an end"]}
            yield next((result for result in done if result["name"] == name), missing)


def run_row(service, name, cluster):
    began = time.monotonic()
    r, why = Row(service, cluster.addresses, name, cluster), None
    try:
        ROWS[name].function(r)
    except NotRun as error:
        why = str(error)
    except Exception:  # pylint: disable=broad-except
        r.faults.append(traceback.format_exc())
    result = r.finish()
    return {**result, "name": name, "not_run": why, "seconds": time.monotonic() - began}


class Report:
    def __init__(self):
        self.failed, self.rows = 0, []

    def not_run(self, name, why):
        print(f"not run - {name}: {why}", flush=True)

    def add(self, service, result):
        name = f"{service}: {ROWS[result['name']].text}"
        if result.get("not_run"):
            self.not_run(name, result["not_run"])
            return
        self.rows.append([service, result])
        self.failed += bool(result["faults"])
        print("not ok -" if result["faults"] else "ok -", name)
        if "ids" in result:
            words = [f"{result['ids']:,} IDs", f"{result['duplicates']} duplicates"]
            words.append(f"longest pause {result['longest']:.2f} s")
            words.append(f"took {result['seconds']:.0f} s")
            print("#", ", ".join(words + result["notes"]))
        for fault in result["faults"]:
            print("#", fault.rstrip().replace("\n", "\n# "))
        sys.stdout.flush()

    def write_table(self, path):
        with open(path, "w", encoding="utf-8") as file:
            print("| service | fault | IDs | duplicates | longest pause | |", file=file)
            print("|---|---|---:|---:|---:|---|", file=file)
            for service, result in self.rows:
                cells = [service, ROWS[result["name"]].text, f"{result.get('ids', 0):,}"]
                cells += [result.get("duplicates", ""), f"{result.get('longest', 0):.2f} s"]
                cells.append("; ".join(result.get("notes", [])))
                print("|", " | ".join(map(str, cells)), "|", file=file)


def group(chosen):
    """(service, names) for what runs in one process each: rows that break servers run longest, and
    begin first."""
    groups = {}
    for service, name in chosen:
        if ROWS[name].breaks_servers:
            groups.setdefault(service, []).append(name)
    return [*groups.items(), *((s, [n]) for s, n in chosen if not ROWS[n].breaks_servers)]


def group_weight(service_and_names):
    return max(ROWS[name].weight for name in service_and_names[1])


def run_all(chosen, nodes, report):
    clusters, running, waiting = {}, [], group(chosen)
    try:
        while waiting or running:
            while waiting and (
                not running
                or sum(started.weight for started in running) + group_weight(waiting[0]) <= AT_ONCE
            ):
                service, names = waiting.pop(0)
                cluster = None
                if not ROWS[names[0]].breaks_servers:
                    if service not in clusters:
                        clusters[service] = servers.SERVICES[service](nodes)
                        clusters[service].start()
                    cluster = clusters[service]
                running.append(Run(service, names, cluster))
            for ended in [started for started in running if started.has_ended()]:
                running.remove(ended)
                for result in ended.each_result():
                    report.add(ended.service, result)
            time.sleep(0.02)
    finally:
        for started in running:
            os.killpg(started.pid, signal.SIGKILL)
        for cluster in clusters.values():
            cluster.stop()


def choose(arguments):
    if arguments == [] and os.environ.get("COORDINATOR_FAULTS") != "full":
        return [(service, name) for name in SHORT for service in servers.SERVICES]
    if arguments in ([], ["full"]):
        return [(service, name) for name in ROWS for service in servers.SERVICES]
    chosen = []
    for argument in arguments:
        service, _, name = argument.rpartition(":")
        if name in servers.SERVICES:
            chosen += [(name, short) for short in SHORT]
            continue
        chosen += [(s, name) for s in ([service] if service else servers.SERVICES)]
    return chosen


def main(arguments):
    if arguments == ["--list"]:
        for name, entry in ROWS.items():
            print(f"{name:28} {entry.text}")
        return 0
    report, chosen = Report(), choose(arguments)
    for service, cls in servers.SERVICES.items():
        try:
            cls.find()
        except servers.Unavailable as why:
            report.not_run(service, why)
            chosen = [(s, name) for s, name in chosen if s != service]
    run_all(chosen, 1 if len(chosen) <= 3 * len(SHORT) else NODES, report)
    if os.environ.get("TABLE"):
        report.write_table(os.environ["TABLE"])
    return 77 if not report.rows else report.failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
