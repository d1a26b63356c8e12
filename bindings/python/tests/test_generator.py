# SPDX-License-Identifier: MIT
"""Generators on a manual clock."""

import copy
import datetime as dt
import gc
import itertools
import pathlib
import pickle
import sys
import tempfile
import unittest
import uuid
import weakref
from array import array
from decimal import Decimal
from fractions import Fraction

import snowid

START = "2024-01-01T00:00:00Z"
KIND = "time:41,worker:5,sequence:12"


class Drawing(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = snowid.ManualClock(START)
        self.ids = snowid.Generator(KIND, worker=3, clock=self.clock)

    def test_every_way_to_draw_one_id(self) -> None:
        drawn = [
            self.ids.next(),
            self.ids.next(None),
            self.ids.next(timeout=1),
            self.ids.try_next(),
        ]
        drawn += [next(self.ids), next(iter(self.ids))]
        self.assertEqual(drawn, list(range(drawn[0], drawn[0] + 6)))
        parts = self.ids.layout.decode(drawn[0])
        self.assertEqual((parts.worker, parts.sequence), (3, 0))
        self.assertEqual(parts.datetime, self.clock.datetime)

    def test_batch(self) -> None:
        made = self.ids.batch(10000)
        self.assertEqual(made, sorted(set(made)))
        self.assertEqual(len(made), 10000)
        self.assertEqual(self.ids.batch(0), [])
        self.assertEqual(self.ids.stats().issued, 10000)
        self.assertEqual(len(self.ids.batch(count=5, timeout=1)), 5)

    def test_failed_batch_has_partial_results(self) -> None:
        self.ids.next()
        with self.assertRaises(snowid.ExhaustedError) as caught:
            self.ids.batch(5000, timeout=0)
        self.assertEqual(len(caught.exception.partial), 4095)
        self.clock.advance(0.001)
        with self.assertRaises(snowid.ExhaustedError) as caught:
            self.ids.array(5000, timeout=0)
        self.assertEqual(caught.exception.partial, 4096)
        self.assertEqual(self.ids.stats().issued, 1 + 4095 + 4096)

    def test_the_timeout_of_a_batch_is_for_its_total_wait(self) -> None:
        self.ids.next()
        with self.assertRaises(snowid.ExhaustedError) as caught:
            self.ids.batch(100 * 4096, timeout=0.01)
        self.assertIn(len(caught.exception.partial) // 4096, (9, 10, 11))
        self.assertEqual(len(self.ids.batch(9 * 4096, timeout=0.01)), 9 * 4096)

    def test_buffers(self) -> None:
        made = self.ids.array(5000)
        self.assertIsInstance(made, array)
        self.assertEqual(list(made), sorted(set(made)))
        buffer = array("Q", [0]) * 10
        self.assertIs(self.ids.fill(buffer), buffer)
        self.assertGreater(buffer[0], made[-1])
        view = memoryview(buffer)[2:5]
        kept = list(buffer)
        self.ids.fill(view)
        self.assertEqual(list(buffer[:2]) + list(buffer[5:]), kept[:2] + kept[5:])
        self.assertGreater(buffer[2], kept[-1])
        self.assertEqual(len(self.ids.fill(array("Q"))), 0)
        self.assertEqual(len(self.ids.array(0)), 0)
        for wrong in (-1, 10**30):
            self.assertRaises(snowid.InvalidError, self.ids.array, wrong)
        for wrong in (None, 2.5, "5"):
            self.assertRaises(TypeError, self.ids.array, wrong)
        self.assertRaises(MemoryError, self.ids.array, 1 << 58)
        self.assertRaises(MemoryError, self.ids.batch, 1 << 58)

    def test_unsuitable_buffers_are_refused(self) -> None:
        for wrong in (
            array("q", [0]),
            array("d", [0]),
            array("I", [0, 0]),
            bytearray(8),
            5,
            None,
            "x",
        ):
            self.assertRaises(TypeError, self.ids.fill, wrong)
        for read_only in (bytes(8), memoryview(array("Q", [0])).toreadonly()):
            self.assertRaises((TypeError, BufferError), self.ids.fill, read_only)
        self.assertRaises(BufferError, self.ids.fill, memoryview(array("Q", [0] * 4))[::2])
        self.assertEqual(self.ids.stats().issued, 0)

    def test_numpy_without_a_copy(self) -> None:
        try:
            import numpy
        except ImportError:
            # Without numpy, check the memoryview that it would use.
            self.assertEqual(memoryview(self.ids.array(5)).format, "Q")
            return
        made = self.ids.array(100)
        seen = numpy.frombuffer(made, dtype=numpy.uint64)
        self.assertEqual(seen.tolist(), list(made))
        self.assertEqual(seen.ctypes.data, made.buffer_info()[0])
        own = numpy.zeros(100, dtype=numpy.uint64)
        self.assertIs(self.ids.fill(own), own)
        self.assertTrue((numpy.diff(own) == 1).all())
        self.assertRaises(TypeError, self.ids.fill, numpy.zeros(4, dtype=numpy.int64))
        self.assertRaises(TypeError, self.ids.fill, numpy.zeros(4, dtype=">u8"))

    def test_iterators_draw_ids_only_on_demand(self) -> None:
        source = iter(self.ids)
        for _ in range(50):
            next(source)
            issued = self.ids.stats().issued
            self.clock.advance(0.1)
            parts = self.ids.layout.decode(next(source))
            self.assertLess(abs(self.clock.datetime - parts.datetime), dt.timedelta(milliseconds=5))
            self.assertEqual(self.ids.stats().issued, issued + 1)

    def test_available_and_maintain(self) -> None:
        first = self.ids.next()
        self.assertEqual(self.ids.available(), 4095)
        self.ids.batch(95)
        self.assertEqual(self.ids.available(), 4000)
        self.assertIsNone(self.ids.maintain())
        self.assertEqual(self.ids.layout.decode(first).fields["sequence"], 0)

    def test_stats(self) -> None:
        self.ids.batch(3)
        self.clock.step(-0.1)
        self.ids.next()
        stats = self.ids.stats()
        self.assertEqual((stats.issued, stats.regressions, stats.refused), (4, 1, 0))
        self.assertEqual(stats.max_lag_ns, 100_000_000)
        self.assertEqual(stats.removals, 0)
        self.assertIsNone(stats.left_ns)
        self.assertIsNone(stats.lease)
        self.assertEqual((stats.epoch, stats.losses, stats.renewals), (0, 0, 0))
        self.assertIsNone(stats.workers_free)
        self.assertIn("max_lead_ns", stats._asdict())

    def test_time_left_until_the_store_must_be_renewed(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            store = f"file:{directory}/state"
            ids = snowid.Generator("twitter", worker=3, store=store, clock=self.clock)
            ids.next()
            left = ids.stats().left_ns
            assert left is not None
            self.assertTrue(0 < left <= 10_000_000_000)
            self.clock.set(0)
            self.assertEqual(ids.stats().left_ns, 0)

    def test_removals_of_the_file_of_host_are_counted(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            store = f"host:{directory}"
            ids = snowid.Generator(KIND, worker=3, store=store, clock=self.clock)
            first = ids.next()
            for file in pathlib.Path(directory).iterdir():
                file.unlink()
            self.clock.advance(1)
            self.assertGreater(ids.next(), first)
            self.assertEqual(ids.stats().removals, 1)

    def test_close_and_with(self) -> None:
        with self.ids as same:
            self.assertIs(same, self.ids)
            same.next()
        self.assertRaises(snowid.ClosedError, self.ids.next)
        with self.assertRaises(ZeroDivisionError):
            with snowid.Generator("ulid") as ulids:
                raise ZeroDivisionError
        self.assertRaises(snowid.ClosedError, ulids.next)
        self.assertRaises(snowid.ClosedError, lambda: next(ulids))
        self.assertIsNone(snowid.Generator("ulid").close(timeout=0))

    def test_garbage_is_freed(self) -> None:
        handle = weakref.ref(self.ids)
        counts = sys.getrefcount(snowid.ULID)
        ulids = snowid.Generator("ulid")
        del self.ids, ulids
        gc.collect()
        self.assertIsNone(handle())
        self.assertEqual(sys.getrefcount(snowid.ULID), counts)

    def test_generators_cannot_be_copied(self) -> None:
        for call in (pickle.dumps, copy.copy, copy.deepcopy):
            self.assertRaises(TypeError, call, self.ids)


class Kinds(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = snowid.ManualClock(START)

    def test_kinds_of_128_bits(self) -> None:
        for kind, expected in (
            ("ulid", snowid.ULID),
            ("uuid1", snowid.UUID),
            ("uuid6", snowid.UUID),
            ("uuid7", snowid.UUID),
        ):
            ids = snowid.Generator(kind, clock=self.clock)
            self.assertIsNone(ids.layout)
            made = [ids.next(), ids.try_next(), next(ids), ids.next(timeout=1), *ids.batch(1000)]
            self.assertEqual({type(id) for id in made}, {expected})
            self.assertEqual(len(set(made)), len(made))
            if kind != "uuid1":
                self.assertEqual(made, sorted(made))
            if expected is snowid.UUID:
                self.assertEqual({id.version for id in made}, {int(kind[-1])})
                self.assertEqual({id.variant for id in made}, {uuid.RFC_4122})
            self.assertLess(
                abs(made[0].datetime - dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)),
                dt.timedelta(milliseconds=5),
            )
            buffer = bytearray(160)
            self.assertIs(ids.fill(buffer), buffer)
            again = [
                expected is snowid.ULID
                and snowid.ULID(bytes(buffer[i : i + 16]))
                or snowid.UUID(bytes=bytes(buffer[i : i + 16]))
                for i in range(0, 160, 16)
            ]
            self.assertEqual(len(set(again) | set(made)), len(made) + 10)
            self.assertRaises(snowid.InvalidError, ids.fill, bytearray(17))
            with self.assertRaises(snowid.InvalidError) as caught:
                ids.array(5)
            self.assertEqual(caught.exception.code, snowid.E_KIND)

    def test_fields_of_uuids(self) -> None:
        ids = snowid.Generator("uuid6", node=0x010203040506, clock_seq=77)
        self.assertEqual((ids.field("node"), ids.field("clock_seq")), (0x010203040506, 77))
        made = ids.next()
        self.assertEqual((made.node, made.clock_seq), (0x010203040506, 77))

    def test_layouts(self) -> None:
        layout = snowid.Layout("time:40,store:4,wait:8,sequence:10;epoch=2021-01-01")
        ids = snowid.Generator(layout, fields={"store": 3, "wait": 5}, clock=self.clock)
        self.assertEqual(ids.layout, layout)
        parts = layout.decode(ids.next())
        self.assertEqual((parts["store"], parts["wait"]), (3, 5))

    def test_settings(self) -> None:
        ids = snowid.Generator(
            worker=5,
            timeout=dt.timedelta(milliseconds=250),
            wait=0.001,
            hold="3s",
            borrow=2,
            max_jump=dt.timedelta(hours=2),
            mode=0o640,
            spread=True,
            clock=self.clock,
        )
        keys = (
            "kind",
            "timeout",
            "wait",
            "hold",
            "borrow",
            "max_jump",
            "mode",
            "spread",
            "field.worker",
        )
        read = {key: ids.setting(key) for key in keys}
        self.assertEqual(
            read,
            {
                "kind": "snowflake",
                "timeout": "250ms",
                "wait": "1ms",
                "hold": "3s",
                "borrow": "2s",
                "max_jump": "2h",
                "mode": "0640",
                "spread": "true",
                "field.worker": "5",
            },
        )
        self.assertEqual(
            (ids.kind, ids.field("worker"), ids.field("datacenter")), ("snowflake", 5, 0)
        )
        self.assertRaises(snowid.InvalidError, ids.setting, "nothing")
        self.assertRaises(snowid.InvalidError, ids.field, "shard")
        self.assertIn("snowflake", repr(ids))

    def test_every_unit_of_a_timeout(self) -> None:
        for text in ("0", "100ns", "1500us", "250ms", "2s", "3m", "1h"):
            self.assertEqual(snowid.Generator("ulid", timeout=text).setting("timeout"), text)
            ids = snowid.Generator("ulid", timeout=text, clock=self.clock)
            self.clock.advance(0.001)
            self.assertIsInstance(ids.next(), snowid.ULID)

    def test_default_timeout_of_calls(self) -> None:
        # The next tick is up to one second away.
        for timeout, waited in (("500ms", False), ("2s", True)):
            ids = snowid.Generator(
                "time:32,worker:5,sequence:1;unit=1s", worker=1, clock=self.clock, timeout=timeout
            )
            try:
                ids.batch(4)
            except snowid.ExhaustedError:
                self.assertFalse(waited)
            else:
                self.assertTrue(waited)

    def test_spans(self) -> None:
        """Wherever a span is taken, it is seconds, a timedelta or text."""
        same = (
            *(0.25, Decimal("0.25"), Fraction(1, 4), dt.timedelta(milliseconds=250)),
            *("250ms", "250000us", "250000000ns"),
        )
        for span in same:
            ids = snowid.Generator(worker=5, clock=self.clock, timeout=span, open_timeout=span)
            self.assertEqual(ids.setting("timeout"), "250ms")
            self.assertEqual(len([ids.next(span), *ids.batch(1, span), *ids.array(1, span)]), 3)
            self.assertEqual(len(ids.fill(array("Q", [0]), span)), 1)
            ids.close(span)
            elapsed, time = self.clock.elapsed_ns, self.clock.time_ns
            self.clock.advance(span)
            self.clock.step(span)
            self.assertEqual(self.clock.elapsed_ns - elapsed, 250_000_000)
            self.assertEqual(self.clock.time_ns - time, 500_000_000)
        for span in (-0.5, Decimal("-0.5"), dt.timedelta(milliseconds=-500)):
            time = self.clock.time_ns
            self.clock.step(span)
            self.assertEqual(self.clock.time_ns - time, -500_000_000)
        for span in (2, 1e-9, 0.1, 1 / 3, 123456.789, float(1 << 33)):
            ids = snowid.Generator(worker=5, clock=self.clock, timeout=span)
            self.assertEqual(ids.setting("timeout"), self.exact_text(span))

    @staticmethod
    def exact_text(seconds: float) -> str:
        """The shortest decimal number that is this float, in nanoseconds."""
        ns = int(Decimal(repr(seconds)).scaleb(9))
        for unit, size in (
            ("h", 3600 * 10**9),
            ("m", 60 * 10**9),
            ("s", 10**9),
            ("ms", 10**6),
            ("us", 10**3),
        ):
            if ns % size == 0:
                return f"{ns // size}{unit}"
        return f"{ns}ns"

    def test_what_is_not_a_span(self) -> None:
        ids = snowid.Generator(worker=5, clock=self.clock)
        calls = (
            ids.next,
            lambda span: ids.batch(1, span),
            ids.close,
            self.clock.advance,
            lambda span: snowid.Generator(worker=5, timeout=span),
            lambda span: snowid.Generator(worker=5, open_timeout=span),
        )
        for call in calls:
            for wrong in (
                -1,
                -0.5,
                float("nan"),
                float("-inf"),
                1e20,
                1 << 64,
                "5",
                "5 ms",
                "-5ms",
                "",
            ):
                self.assertRaises(snowid.InvalidError, call, wrong)
            for wrong in (True, b"5ms", [], dt.date(2024, 1, 1)):
                self.assertRaises(TypeError, call, wrong)
        self.assertEqual(len(ids.batch(2, float("inf"))), 2)
        ids.close(float("inf"))

    def test_manual_clock(self) -> None:
        self.assertEqual(self.clock.datetime.isoformat(), "2024-01-01T00:00:00+00:00")
        self.clock.advance(dt.timedelta(seconds=1))
        self.clock.step(-3)
        self.assertEqual(self.clock.datetime.isoformat(), "2023-12-31T23:59:58+00:00")
        self.assertEqual(self.clock.elapsed_ns, 1_000_000_000)
        self.assertEqual(self.clock.time_ns, 1704067198 * 10**9)
        self.assertRaises(snowid.InvalidError, self.clock.advance, -1)
        self.assertRaises(snowid.InvalidError, snowid.ManualClock, dt.datetime(2024, 1, 1))
        for wrong in (None, [], b"1s"):
            self.assertRaises(TypeError, self.clock.step, wrong)
        self.clock.set(time_ns=5)
        self.assertEqual(self.clock.time_ns, 5)
        self.assertEqual(snowid.ManualClock(time_ns=5).time_ns, 5)
        self.clock.set(1704067200.5)
        self.assertEqual(self.clock.time_ns, 1704067200_500_000_000)
        self.assertRaises(TypeError, snowid.ManualClock)
        self.assertRaises(TypeError, self.clock.set)


class Stores(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = snowid.ManualClock(START)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = directory.name

    def test_state_file_continues(self) -> None:
        settings = {"store": f"file:{self.path}/state", "clock": self.clock}
        last = 0
        for _ in range(3):
            with snowid.Generator(worker=7, **settings) as ids:
                made = ids.batch(100)
            self.assertGreater(made[0], last)
            last = made[-1]

    def test_slots(self) -> None:
        settings = {"store": f"slots:{self.path}?workers=4-6", "clock": self.clock}
        many = [snowid.Generator(**settings) for _ in range(3)]
        self.assertEqual([ids.field("worker") for ids in many], [4, 5, 6])
        self.assertRaises(snowid.StoreError, snowid.Generator, **settings)

    def test_draws_maintain_the_store(self) -> None:
        """Draws in a loop never reach the limit, because they maintain the store in time."""
        store = f"file:{self.path}/state"
        ids = snowid.Generator(worker=7, store=store, clock=self.clock, reserve=3)
        for draw in (lambda: [ids.next() for _ in range(1024)], lambda: ids.batch(1024)):
            for _ in range(100):
                draw()
                waits = ids.stats().waits
                self.clock.advance(0.1)
                ids.try_next()
                self.assertEqual(ids.stats().waits, waits)

    def test_draws_without_waiting_never_sync(self) -> None:
        store = f"file:{self.path}/state"
        ids = snowid.Generator(worker=7, store=store, clock=self.clock, reserve=3)
        self.clock.advance(0.001)  # the first tick of a new file is the next one
        for draw in (ids.try_next, lambda: ids.next(0), lambda: ids.batch(100, 0)):
            self.assertGreater(ids.maintain(), 0)
            with self.assertRaises(snowid.StoreError) as caught:
                for _ in range(100):
                    for _ in range(40):
                        draw()
                    self.clock.advance(0.1)
            self.assertEqual(caught.exception.code, snowid.E_LIMIT)

    def test_draws_wait_for_the_store_limit(self) -> None:
        store = f"file:{self.path}/state"
        ids = snowid.Generator(worker=7, store=store, clock=self.clock, reserve=3)
        for draw in (ids.next, lambda: next(ids), lambda: ids.batch(2)[0]):
            self.clock.advance(60)
            with self.assertRaises(snowid.StoreError) as caught:
                ids.try_next()
            self.assertEqual(caught.exception.code, snowid.E_LIMIT)
            self.assertGreater(caught.exception.wait_ns, 0)
            parts = ids.layout.decode(draw())
            self.assertLess(abs(parts.datetime - self.clock.datetime), dt.timedelta(milliseconds=5))


class Iterating(unittest.TestCase):
    def test_iteration_is_endless(self) -> None:
        ids = snowid.Generator("time:41,sequence:22;epoch=2024-01-01")
        made = list(itertools.islice(ids, 200000))
        self.assertEqual(made, sorted(set(made)))


if __name__ == "__main__":
    unittest.main()
