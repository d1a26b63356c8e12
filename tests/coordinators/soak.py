#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random faults, several at a time, for as long as is asked, by hand:

    soak.py SERVICE SECONDS [SEED]

Eight owners share 16 workers of a cluster of three. Each has a network and a clock of its own. The
seed, which is printed, chooses faults and their times, though not what comes of them."""
import os
import random
import sys
import time

import servers
from fleet import Row
from test_faults import faketime, step_clock

OWNERS, WORKERS = 8, "0-15"
REPAIR_SECONDS = 20  # in which each owner must open after the last fault


class Soak:
    def __init__(self, r, cluster, chance):
        self.r, self.cluster, self.random = r, cluster, chance
        self.owners = [None] * OWNERS
        self.proxies = [r.proxy() for _ in range(OWNERS)]
        self.clocks = [os.path.join(cluster.directory, f"clock{i}") for i in range(OWNERS)]
        self.later = []  # (time, function): repairs
        self.counts = {}
        for i in range(OWNERS):
            step_clock(self.clocks[i], "+0s")
            self.open(i)

    def open(self, i):
        """The options of one service are the same for all, as they would be."""
        self.owners[i] = self.r.owner(
            self.proxies[i].addresses,
            rate=self.random.choice((10, 1000, 20000)),
            workers=WORKERS,
            reserve="4s",
            env=faketime(FAKETIME_TIMESTAMP_FILE=self.clocks[i]),
        )

    def after(self, seconds, function, *arguments):
        self.later.append((time.monotonic() + seconds, function, arguments))

    # ---- faults ----

    def kill_owner(self, i):
        self.owners[i].kill()
        self.open(i)

    def close_owner(self, i):
        if self.owners[i].poll() == "opened":
            self.owners[i].tell("close")
            self.after(3, self.kill_owner, i)

    def pause_owner(self, i):
        owner = self.owners[i]
        owner.pause()
        self.after(self.random.uniform(0, 9), owner.resume)

    def fork_owner(self, i):
        self.owners[i].tell("fork 5")

    def cut_network(self, i):
        requests, replies = self.random.choice(((True, False), (False, True), (False, False)))
        self.proxies[i].cut(requests=requests, replies=replies)
        self.after(self.random.uniform(0, 9), self.proxies[i].heal)

    def slow_network(self, i):
        self.proxies[i].delay = self.random.uniform(0, 0.4)
        self.after(self.random.uniform(0, 9), setattr, self.proxies[i], "delay", 0)

    def reset_network(self, i):
        self.proxies[i].reset()

    def step_clock(self, i):
        step_clock(self.clocks[i], f"{self.random.uniform(-10, 20):+.1f}s")
        self.after(self.random.uniform(0, 9), step_clock, self.clocks[i], "+0s")

    def end_lease(self, _):
        held = sorted(self.r.records.held(self.r.path))
        if held:
            self.r.records.end_lease(self.r.path, self.random.choice(held))

    def kill_server(self, i):
        node = i % len(self.cluster.nodes)
        if self.cluster.nodes[node].pid:
            self.cluster.kill(node)
            self.after(self.random.uniform(0, 6), self.cluster.start_node, node)

    def pause_server(self, i):
        node = i % len(self.cluster.nodes)
        if self.cluster.nodes[node].pid:
            self.cluster.pause(node)
            self.after(self.random.uniform(0, 6), self.resume_server, node)

    def resume_server(self, node):
        if self.cluster.nodes[node].pid:
            self.cluster.resume(node)

    def restart_servers(self, _):
        if all(node.pid for node in self.cluster.nodes):
            self.cluster.restart()

    FAULTS = {
        kill_owner: 6,
        close_owner: 6,
        pause_owner: 6,
        fork_owner: 2,
        cut_network: 6,
        slow_network: 4,
        reset_network: 4,
        step_clock: 4,
        end_lease: 2,
        kill_server: 2,
        pause_server: 2,
        restart_servers: 1,
    }

    # ---- time ----

    def repair(self, until=None):
        due = [entry for entry in self.later if entry[0] <= (until or time.monotonic())]
        self.later = [entry for entry in self.later if entry not in due]
        for _, function, arguments in due:
            function(*arguments)

    def run(self, seconds):
        end, shown = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end:
            fault = self.random.choices(list(self.FAULTS), self.FAULTS.values())[0]
            self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
            try:
                fault(self, self.random.randrange(OWNERS))
            except OSError as error:
                print("#", fault.__name__, error)
            time.sleep(self.random.uniform(0, 1))
            self.repair()
            for i, owner in enumerate(self.owners):
                if owner.poll() == "failed":
                    self.open(i)
            if time.monotonic() > shown + 60:
                shown = time.monotonic()
                print(f"# {end - shown:.0f} s to go, {len(self.r.owners)} owners", flush=True)
        self.repair(float("inf"))
        self.cluster.wait_until_ready()
        self.owners = self.r.opened_in_the_end(*self.owners, seconds=3 * REPAIR_SECONDS)
        for owner in self.owners:
            self.r.expect(owner.made_more(), "each owner makes IDs after the last fault")


def main(service, seconds, seed=None):
    seed = int(seed) if seed else random.randrange(1 << 32)
    print(f"# {service}, {seconds} s, seed {seed}", flush=True)
    with servers.SERVICES[service](3) as cluster:
        r = Row(service, cluster.addresses, "soak")
        soak = Soak(r, cluster, random.Random(seed))
        try:
            soak.run(float(seconds))
        finally:
            result = r.finish()
    print("#", ", ".join(f"{name} {count}" for name, count in sorted(soak.counts.items())))
    for fault in result["faults"]:
        print("#", fault)
    good = not result["faults"]
    print(
        "ok -" if good else "not ok -",
        f"{service}: {sum(soak.counts.values())} faults in {seconds} s, {len(r.owners)} owners,"
        f" {result['ids']:,} IDs, {result['duplicates']} duplicates,"
        f" {result['missed']} writes not seen, seed {seed}",
    )
    return not good


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else __doc__)
