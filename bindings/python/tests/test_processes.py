# SPDX-License-Identifier: MIT
"""Threads, forks, signals and garbage collection."""

import concurrent.futures
import datetime as dt
import faulthandler
import gc
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from array import array
from typing import Any, Callable, List

import snowid

WIDE = "time:41,sequence:22;epoch=2024-01-01"
SLOW = "time:41,worker:5,sequence:1;unit=200ms"
EACH = 20000

shared = snowid.Generator(WIDE)
shared_ulid = snowid.Generator("ulid")


def draw_shared(_: int) -> List[int]:
    return shared.batch(1000) + [shared.next() for _ in range(1000)]


def draw_from_store(url: str) -> List[int]:
    with snowid.Generator(worker=1, store=url, reserve="10ms") as ids:
        return ids.batch(500) + [ids.next() for _ in range(500)]


def in_child(work: Callable[[], array]) -> Callable[[], array]:
    """Runs work in a child. Returns a function that waits for its result."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(end)
            with os.fdopen(start, "wb") as pipe:
                pipe.write(work().tobytes())
            status = 0
        finally:
            os._exit(status)
    os.close(start)

    def collect() -> array:
        with os.fdopen(end, "rb") as pipe:
            made = array("Q", pipe.read())
        _, status = os.waitpid(child, 0)
        assert status == 0
        return made

    return collect


class Interrupted(Exception):
    """Raised by a signal handler."""


class Threads(unittest.TestCase):
    def run_in_threads(
        self, work: Callable[[], List[object]], threads: int = 4
    ) -> List[List[object]]:
        results: List[List[object]] = []
        barrier = threading.Barrier(threads)

        def run() -> None:
            barrier.wait()
            results.append(work())

        workers = [threading.Thread(target=run) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(len(results), threads)
        return results

    def test_threads_share_a_generator(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        self.addCleanup(sys.setswitchinterval, before)
        for work in (
            lambda: list(itertools.islice(shared, EACH)),
            lambda: [shared.next() for _ in range(EACH)],
            lambda: [id for _ in range(20) for id in shared.batch(1000)],
            lambda: list(shared.array(100000)),
            lambda: list(itertools.islice(shared_ulid, EACH)),
        ):
            results = self.run_in_threads(work)
            for made in results:
                self.assertEqual(made, sorted(made))
            made = [id for part in results for id in part]
            self.assertEqual(len(set(made)), len(made))

    def test_threads_share_an_exhausted_generator(self) -> None:
        ids = snowid.Generator("time:41,worker:5,sequence:4", worker=1)
        results = self.run_in_threads(
            lambda: [ids.next(60) for _ in range(200)] + ids.batch(200, 60)
        )
        made = [id for part in results for id in part]
        self.assertEqual(len(set(made)), 1600)

    def test_close_by_another_thread(self) -> None:
        ids = snowid.Generator("ulid")
        drawing = threading.Event()
        errors: List[BaseException] = []

        def draw() -> None:
            try:
                for _ in ids:
                    drawing.set()
            except snowid.ClosedError as error:
                errors.append(error)

        thread = threading.Thread(target=draw)
        thread.start()
        drawing.wait()
        ids.close()
        thread.join()
        self.assertEqual(len(errors), 1)


class Interpreter(unittest.TestCase):
    """With this switch interval, threads only switch when one releases the interpreter."""

    def setUp(self) -> None:
        before = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, before)
        sys.setswitchinterval(1000)

    def ran_during(self, draw: Callable[[], object]) -> bool:
        """Whether this thread could run while another one was in draw()."""
        started = threading.Lock()
        started.acquire()
        over: List[bool] = []

        def work() -> None:
            started.release()
            draw()
            over.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        started.acquire()
        ran = not over
        thread.join()
        return ran

    def test_waits_release_the_interpreter(self) -> None:
        ids = snowid.Generator(SLOW, worker=1)
        for draw in (ids.next, ids.__next__, lambda: ids.batch(2), lambda: ids.array(2)):
            # On a busy machine this thread may not run during a wait, but not every time.
            tries = (self.ran_during(lambda: [draw(), draw()]) for _ in range(10))
            self.assertTrue(any(tries))

    def test_other_draws_keep_the_interpreter(self) -> None:
        ids = snowid.Generator(WIDE)
        ids.next()
        ids.batch(1024)  # so that no maintenance is due
        for draw in (
            ids.next,
            ids.try_next,
            ids.__next__,
            lambda: ids.batch(100),
            snowid.ULID,
            snowid.uuid7,
        ):
            self.assertFalse(self.ran_during(lambda: [draw() for _ in range(100)]))

    def raise_on_alarm(self, most_seconds: int) -> None:
        """Lets SIGALRM raise Interrupted, and ends a test that it does not interrupt."""

        def interrupt(*_: object) -> None:
            raise Interrupted

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, interrupt))
        faulthandler.dump_traceback_later(most_seconds, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)

    def test_signals_interrupt_a_wait(self) -> None:
        self.raise_on_alarm(30)
        ids = snowid.Generator(SLOW, worker=1)
        waiting = threading.Lock()
        waiting.acquire()

        def send() -> None:
            waiting.acquire()
            os.kill(os.getpid(), signal.SIGALRM)

        thread = threading.Thread(target=send)
        thread.start()
        with self.assertRaises(Interrupted):
            # The sender continues when this thread releases the interpreter to wait.
            waiting.release()
            ids.batch(100000, timeout=float("inf"))
        thread.join()

    def test_signals_interrupt_opening(self) -> None:
        self.raise_on_alarm(60)
        with tempfile.TemporaryDirectory(dir=os.getcwd()) as directory:
            options: Any = {"worker": 1, "store": f"file:{directory}/state", "reserve": "1h"}
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with self.assertRaises(Interrupted):
                snowid.Generator(**options)  # would wait for an hour
            with self.assertRaises(snowid.ClockError):
                snowid.Generator(open_timeout=0, **options)
            with self.assertRaises(snowid.ClockError):
                snowid.Generator(open_timeout=dt.timedelta(milliseconds=1), **options)
            self.assertRaises(ValueError, snowid.Generator, open_timeout=-1, **options)
            self.assertRaises(TypeError, snowid.Generator, open_timeout=b"1s", **options)


class Forks(unittest.TestCase):
    def test_children_share_a_generator(self) -> None:
        for draw in (
            lambda: array("Q", itertools.islice(shared, EACH)),
            lambda: shared.array(EACH),
        ):
            children = [in_child(draw) for _ in range(3)]
            made = list(draw())
            for collect in children:
                made += collect()
            self.assertEqual(len(made), 4 * EACH)
            self.assertEqual(len(set(made)), len(made))

    def test_fork_during_iteration(self) -> None:
        source = iter(shared)
        made = list(itertools.islice(source, 1000))
        collect = in_child(lambda: array("Q", itertools.islice(source, 1000)))
        made += itertools.islice(source, 1000)
        made += collect()
        self.assertEqual(len(set(made)), 3000)

    def test_children_share_no_random_bytes(self) -> None:
        def draw() -> array:
            return array(
                "Q",
                b"".join(
                    snowid.ULID().bytes[8:]
                    + snowid.uuid7().bytes[8:]
                    + shared_ulid.next().bytes[8:]
                    for _ in range(1000)
                ),
            )

        snowid.ULID()
        children = [in_child(draw) for _ in range(2)]
        made = list(draw())
        for collect in children:
            made += collect()
        self.assertEqual(len(set(made)), 9000)

    def test_multiprocessing(self) -> None:
        with multiprocessing.get_context("fork").Pool(3) as pool:
            made = [id for part in pool.map(draw_shared, range(12), 1) for id in part]
        made += draw_shared(0)
        self.assertEqual(len(set(made)), 13 * 2000)

    def test_processes_share_a_state_file(self) -> None:
        """Each process opens the store itself, however the pool starts its processes."""
        with tempfile.TemporaryDirectory() as directory:
            urls = [f"file:{directory}/state"] * 8
            made: List[int] = draw_from_store(urls[0])
            for method in ("fork", "spawn", "forkserver"):
                context = multiprocessing.get_context(method)
                with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                    for part in pool.map(draw_from_store, urls):
                        made += part
        self.assertEqual(len(made), 25 * 1000)
        self.assertEqual(len(set(made)), len(made))

    def test_close_in_a_child_only_affects_the_child(self) -> None:
        ids = snowid.Generator("ulid")

        def close() -> array:
            ids.close()
            try:
                ids.next()
            except snowid.ClosedError:
                return array("Q", [1])
            return array("Q", [0])

        self.assertEqual(list(in_child(close)()), [1])
        self.assertIsInstance(ids.next(), snowid.ULID)


class InterpreterExit(unittest.TestCase):
    """Programs that must succeed and print nothing to standard error."""

    def run_program(self, program: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", program],
            env={**os.environ, "PYTHONMALLOC": "malloc"},
            capture_output=True,
            text=True,
        )
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def test_draws_during_finalization(self) -> None:
        said = self.run_program(
            """
import atexit, snowid
ids, ulids = snowid.Generator("uuid7"), snowid.Generator("ulid")
class Late:
    def __del__(self):
        print("late", len({ids.next(), snowid.uuid7()} | set(ulids.batch(5))))
_keep = Late()
atexit.register(lambda: print("atexit", len(ids.batch(5))))
"""
        )
        self.assertEqual(said.split(), ["atexit", "5", "late", "7"])

    def test_exit_while_a_thread_waits(self) -> None:
        self.run_program(
            """
import threading, snowid
drawing = threading.Event()
def wait():
    for _ in snowid.Generator("time:41,worker:5,sequence:1;unit=200ms", worker=1): drawing.set()
threading.Thread(target=wait, daemon=True).start()
drawing.wait()
"""
        )

    def test_subinterpreters(self) -> None:
        """Subinterpreters, as in mod_wsgi, each have their own uuid.UUID."""
        said = self.run_program(
            """
try: import _xxsubinterpreters as interpreters
except ImportError: import _interpreters as interpreters
import snowid
program = '''
import uuid, snowid
made = [snowid.uuid7(), snowid.Generator("uuid6").next(), snowid.ULID().uuid]
for id in made:
    assert type(id) is snowid.UUID and isinstance(id, uuid.UUID) and uuid.UUID(str(id)) == id
assert snowid.ULID(made[0]).uuid == made[0]
assert snowid.Layout().decode(snowid.Generator(worker=5).next()).worker == 5
try: snowid.Layout("nothing")
except snowid.InvalidError: print("raised")
'''
for _ in range(3):
    other = interpreters.create()
    interpreters.run_string(other, program)
    interpreters.destroy(other)
exec(program)
"""
        )
        self.assertEqual(said.split(), ["raised"] * 4)


def resident_bytes() -> int:
    """The resident_bytes memory of this process in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Garbage(unittest.TestCase):
    """Dropped objects are freed: memory does not grow over many rounds."""

    def test_generator_in_a_reference_cycle(self) -> None:
        """Collecting a generator frees its worker."""

        class Mine(snowid.Generator):  # type: ignore[type-arg]
            pass

        with tempfile.TemporaryDirectory() as directory:
            for _ in range(3):
                ids = Mine(store=f"slots:{directory}?workers=7-7", reserve="10ms")
                self.assertEqual(ids.field("worker"), 7)
                ids.itself = ids
                del ids
                gc.collect()

    def expect_no_growth(self, work: Callable[[int], object], count: int) -> None:
        tenth = range(count // 10)
        for i in tenth:
            work(i)
        before = resident_bytes()
        for _ in range(9):
            for i in tenth:
                work(i)
        # Losing one pointer per round would exceed this.
        self.assertLess(resident_bytes() - before, max(8 * count, 1 << 20))

    def test_a_million_values(self) -> None:
        layout = snowid.Layout()
        self.expect_no_growth(
            lambda i: (snowid.ULID(), snowid.uuid7(), shared.next(), shared_ulid.next()), 1_000_000
        )
        self.expect_no_growth(lambda i: str(snowid.ULID(i)), 200_000)
        self.expect_no_growth(lambda i: layout.decode(1 << 62 | i), 100_000)
        self.expect_no_growth(lambda i: snowid.parse_id(snowid.format_id(i)), 100_000)

    def test_lists_and_buffers(self) -> None:
        self.expect_no_growth(
            lambda i: (shared.batch(200), shared_ulid.batch(50), shared.array(200)), 10_000
        )

    def test_objects(self) -> None:
        def work(_: int) -> None:
            ids = snowid.Generator(WIDE, clock=snowid.ManualClock("2024-01-01"))
            ids.next()
            ids.batch(10)
            snowid.Layout("twitter").decode(5)

        self.expect_no_growth(work, 30_000)

    def test_errors(self) -> None:
        ids = snowid.Generator(
            "time:41,worker:5,sequence:2", worker=1, clock=snowid.ManualClock("2024-01-01")
        )
        ids.batch(4)

        def work(_: int) -> None:
            for call in (
                ids.try_next,
                lambda: ids.batch(2, 0),
                lambda: ids.array(2, 0),
                lambda: snowid.ULID("x"),
                lambda: snowid.ULID(-1),
                lambda: snowid.Layout("x"),
                lambda: snowid.Generator("x"),
                lambda: snowid.Layout().decode(-1),
            ):
                self.assertRaises(snowid.Error, call)

        self.expect_no_growth(work, 20_000)


if __name__ == "__main__":
    unittest.main()
