# SPDX-License-Identifier: MIT
"""Measures what the Python package costs, as ratios to clock_gettime in C and to uuid.uuid4().

python.py CLOCK           CLOCK is the program of bench/clock.c
python.py CLOCK --peers   also measures python-ulid, uuid_utils and snowflake-id from PyPI, in a
                          temporary virtual environment

Every figure is the median over rounds, each of which runs all measures in turn. The IDs are checked
outside of the measured time: they must be unique, in order, and contain the right time.
"""

import argparse
import gc
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from array import array
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import snowid

ROUNDS = 51
COUNT = 10_000
SLOW_COUNT = 1_000
BATCH = 10_000
LAYOUT = "time:41,sequence:22;epoch=2024-01-01"  # has more IDs per tick than a loop can make

ids = snowid.Generator(LAYOUT)
ulids = snowid.Generator("ulid")
uuid7s = snowid.Generator("uuid7")
layout = snowid.Layout(LAYOUT)
buffer = array("Q", [0]) * BATCH


def call_loop(function: Callable[[], Any], count: int) -> None:
    for _ in itertools.repeat(None, count):
        function()


def text_loop(function: Callable[[], Any], count: int) -> None:
    for _ in itertools.repeat(None, count):
        str(function())


def iterate_ids(_: object, count: int) -> None:
    for _ in itertools.islice(ids, count):
        pass


def iterate_count(_: object, count: int) -> None:
    for _ in itertools.islice(itertools.count(1 << 60), count):
        pass


def make_lists(_: object, count: int) -> None:
    for _ in range(count // BATCH):
        ids.batch(BATCH)


def fill_buffers(_: object, count: int) -> None:
    for _ in range(count // BATCH):
        ids.fill(buffer)


class Measure(NamedTuple):
    what: str
    loop: Callable[[Callable[[], Any], int], None]
    make: Callable[[], Any]
    count: int = COUNT
    time_ns: Optional[Callable[[Any], int]] = None  # of an ID, if it contains a time
    ordered: bool = False
    target: str = ""


def time_ns_of(id: Any) -> int:
    return id.time_ns


OURS = [
    Measure("next()", call_loop, ids.next, COUNT, layout.time_ns, True, "<= 4"),
    Measure("iteration, an ID", iterate_ids, ids.__next__, COUNT, layout.time_ns, True, "<= 2"),
    Measure("  reference: itertools.count()", iterate_count, ids.next),
    Measure(
        "batch(10_000), an ID", make_lists, ids.next, COUNT * 2, layout.time_ns, True, "<= 0.8"
    ),
    Measure(
        "fill(10_000), an ID", fill_buffers, ids.next, COUNT * 20, layout.time_ns, True, "<= 0.05"
    ),
    Measure("ULID()", call_loop, snowid.ULID, COUNT, time_ns_of),
    Measure("str(ULID())", text_loop, snowid.ULID, COUNT, time_ns_of),
    Measure("Generator('ulid').next()", call_loop, ulids.next, COUNT, time_ns_of, True),
    Measure("uuid7()", call_loop, snowid.uuid7, COUNT, time_ns_of),
    Measure("str(uuid7())", text_loop, snowid.uuid7, COUNT, time_ns_of),
    Measure("Generator('uuid7').next()", call_loop, uuid7s.next, COUNT, time_ns_of, True),
    Measure("uuid.uuid4()", call_loop, uuid.uuid4, SLOW_COUNT),
    Measure("str(uuid.uuid4())", text_loop, uuid.uuid4, SLOW_COUNT),
]


def peer_measures() -> List[Measure]:
    import snowflake
    import ulid
    import uuid_utils

    flakes = snowflake.SnowflakeGenerator(1)
    return [
        Measure("python-ulid: ULID()", call_loop, ulid.ULID, SLOW_COUNT),
        Measure("python-ulid: str(ULID())", text_loop, ulid.ULID, SLOW_COUNT),
        Measure("uuid_utils: uuid7()", call_loop, uuid_utils.uuid7),
        Measure("uuid_utils: str(uuid7())", text_loop, uuid_utils.uuid7),
        Measure("uuid_utils: uuid4()", call_loop, uuid_utils.uuid4),
        Measure("snowflake-id: next()", call_loop, flakes.__next__, SLOW_COUNT),
    ]


def check_ids(measure: Measure) -> None:
    begin_ns = time.time_ns()
    if measure.loop is make_lists:
        made: List[Any] = ids.batch(COUNT)
    elif measure.loop is fill_buffers:
        made = list(ids.fill(buffer))
    else:
        made = [measure.make() for _ in range(COUNT)]
    if measure.what.startswith("snowflake-id"):
        made = [id for id in made if id]  # None if the tick is used up
    assert len(set(made)) == len(made), f"{measure.what}: not unique"
    assert not measure.ordered or made == sorted(made), f"{measure.what}: not in order"
    for id in made if measure.time_ns else ():
        assert (
            begin_ns - 10**6 <= measure.time_ns(id) <= time.time_ns()
        ), f"{measure.what}: wrong time"


def measure_all(measures: List[Measure], clock_program: str) -> Dict[str, List[float]]:
    figures: Dict[str, List[float]] = {m.what: [] for m in measures}
    figures["clock"] = []
    with subprocess.Popen(
        [clock_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as clock:
        assert clock.stdin and clock.stdout
        for round in range(ROUNDS + 1):
            clock.stdin.write("\n")
            reference = float(clock.stdout.readline())
            for measure in measures:
                begin = time.perf_counter_ns()
                measure.loop(measure.make, measure.count)
                span = time.perf_counter_ns() - begin
                if round > 0:  # the first round only warms up
                    figures[measure.what].append(span / measure.count)
            if round > 0:
                figures["clock"].append(reference)
        clock.stdin.close()
    return figures


def report(measures: List[Measure], figures: Dict[str, List[float]]) -> None:
    def median(over: Callable[[int], float]) -> float:
        return statistics.median(over(round) for round in range(ROUNDS))

    clock = median(lambda round: figures["clock"][round])
    print(
        f"snowid {snowid.__version__}, Python {sys.version.split()[0]}, {ROUNDS} rounds; "
        f"one clock_gettime is {clock:.1f} ns"
    )
    print(
        f"\n  {'':30} {'ns':>9} {'x clock':>9} {'of bests':>9}  {'target':8} {'x faster than':>13}"
    )
    for m in measures:
        cost = figures[m.what]
        other = "str(uuid.uuid4())" if "str(" in m.what else "uuid.uuid4()"
        ns = median(lambda round: cost[round])
        ratio = median(lambda round: cost[round] / figures["clock"][round])
        best = min(cost) / min(figures["clock"])
        faster = median(lambda round: figures[other][round] / cost[round])
        print(
            f"  {m.what:30} {ns:9.2f} {ratio:9.3f} {best:9.3f}  {m.target:8} {faster:13.1f} {other}"
        )
    print("\n  other targets: next() and str(ULID()) >= 10 x faster")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clock")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--with-peers", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peers:
        with tempfile.TemporaryDirectory() as directory:
            python = os.path.join(directory, "bin", "python")
            subprocess.run([sys.executable, "-m", "venv", directory], check=True)
            subprocess.run(
                [python, "-m", "pip", "install", "-q", "python-ulid", "uuid_utils", "snowflake-id"],
                check=True,
            )
            subprocess.run([python, __file__, arguments.clock, "--with-peers"], check=True)
        return
    measures = OURS + (peer_measures() if arguments.with_peers else [])
    for measure in measures:
        check_ids(measure)
    gc.disable()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # run on the same CPU as the reference
    report(measures, measure_all(measures, arguments.clock))


if __name__ == "__main__":
    main()
