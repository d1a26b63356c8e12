#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What workers of a service cost, by hand: measure.py [SERVICE...]

On one server, with the default TTL of 10 s. Prints a table in Markdown."""
import statistics
import sys
import time

import servers
from fleet import Row

OPENINGS, OWNERS, SECONDS = 12, 32, 30


def openings(r):
    times = []
    for _ in range(OPENINGS):
        owner = r.opened(ttl="10s", reserve="60s", rate=10)
        times.append(owner.open_seconds * 1000)
        owner.close()
    return f"{statistics.median(times):.1f} ({max(times):.1f}) ms"


def takeover(r):
    first = r.opened(workers="40-40", ttl="10s", reserve="10s")
    time.sleep(1)
    first.kill()
    since = time.monotonic()
    (owner,) = r.opened_in_the_end(r.owner(workers="40-40", ttl="10s", reserve="10s"))
    seconds = time.monotonic() - since
    owner.close()
    return f"{seconds:.1f} s"


def renewals(r):
    """Of owners that make no IDs: how long one takes, and what it sends."""
    options = {"ttl": "10s", "reserve": "60s", "workers": f"100-{99 + OWNERS}", "rate": 0}
    proxy = r.proxy()
    observed = r.opened(addresses=proxy.addresses, **options)
    owners = [observed, *r.opened_in_the_end(*[r.owner(**options) for _ in range(OWNERS - 1)])]
    time.sleep(3)
    before = [owner.report() for owner in owners]
    size, pieces = proxy.bytes, proxy.pieces
    time.sleep(SECONDS)
    after = [owner.report() for owner in owners]
    each = [b["renewals"] - a["renewals"] for a, b in zip(before, after)]
    pieces = (proxy.pieces - pieces) / max(each[0], 1)
    return [
        f"{statistics.median(b['renewal_ns'] for b in after) / 1e6:.1f} ms",
        f"{(proxy.bytes - size) / max(each[0], 1):.0f} bytes in {pieces:.1f} requests",
        f"{statistics.median(b['kib'] for b in after):.0f} KiB",
    ]


def main(*names):
    print(
        "| | first ID, median (longest) | takeover | renewal | network ",
        end="",
    )
    print("| memory of an owner |\n|---|---|---|---|---|---|", flush=True)
    for name in names or servers.SERVICES:
        with servers.SERVICES[name](1) as cluster:
            r = Row(name, cluster.addresses, "measure", cluster)
            try:
                cells = [name, openings(r), takeover(r), *renewals(r)]
            finally:
                result = r.finish()
        print("|", " | ".join(cells), "|", flush=True)
        for fault in result["faults"]:
            print("#", fault)


if __name__ == "__main__":
    main(*sys.argv[1:])
