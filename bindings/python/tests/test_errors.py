# SPDX-License-Identifier: MIT
"""Errors: their classes, codes and texts."""

import datetime as dt
import errno
import pickle
import tempfile
import unittest
from decimal import Decimal

import snowid
from snowid import _errors, _snowid

KIND = "time:41,worker:5,sequence:2"
START = "2024-01-01T00:00:00Z"


class Hierarchy(unittest.TestCase):
    def test_every_code_has_a_class(self) -> None:
        classes = {
            "ClockError": {"E_CLOCK", "E_EPOCH", "E_ENDED"},
            "ExhaustedError": {"E_EXHAUSTED"},
            "StoreError": {"E_STORE", "E_LIMIT"},
            "ClosedError": {"E_CLOSED"},
        }
        codes = [name for name in dir(snowid) if name.startswith("E_")]
        self.assertEqual(sorted(codes), sorted(n for n in dir(_snowid) if n.startswith("E_")))
        for name in codes:
            code = getattr(snowid, name)
            made = _errors.make(code, "", 0)
            expected = [c for c, names in classes.items() if name in names] or ["InvalidError"]
            self.assertEqual(type(made).__name__, expected[0], name)
            self.assertIsInstance(made, snowid.Error)
            self.assertEqual(made.code, code)
            self.assertTrue(str(made))

    def test_invalid_is_a_value_error(self) -> None:
        self.assertTrue(issubclass(snowid.InvalidError, ValueError))

    def test_system_errors(self) -> None:
        with self.assertRaises(snowid.SystemCallError) as caught:
            snowid.Generator(worker=1, store="file:/nonexistent/state")
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(caught.exception.errno, errno.ENOENT)
        self.assertEqual(caught.exception.code, -errno.ENOENT)
        self.assertIn("/nonexistent/state", str(caught.exception))

    def test_errors_can_be_pickled(self) -> None:
        error = _errors.make(snowid.E_CLOCK, "text", 5)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (type(again), again.code, again.wait_ns), (snowid.ClockError, error.code, 5)
        )
        self.assertEqual(str(again), "text")
        error = _errors.make(-errno.ENOSPC, "text", 0)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (again.errno, again.code, str(again)), (errno.ENOSPC, -errno.ENOSPC, str(error))
        )


class Raised(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = snowid.ManualClock(START)

    def generator(self, **settings: object) -> "snowid.Generator[int]":
        return snowid.Generator(KIND, worker=3, clock=self.clock, **settings)  # type: ignore

    def fails(self, kind: type, code: int, call: object, *args: object) -> snowid.Error:
        with self.assertRaises(kind) as caught:
            call(*args)  # type: ignore
        self.assertEqual(caught.exception.code, code)
        self.assertIs(type(caught.exception), kind)
        return caught.exception

    def test_exhausted(self) -> None:
        ids = self.generator()
        ids.batch(4)
        error = self.fails(snowid.ExhaustedError, snowid.E_EXHAUSTED, ids.try_next)
        self.assertEqual(error.wait_ns, 1_000_000)
        self.fails(snowid.ExhaustedError, snowid.E_EXHAUSTED, ids.next, 0)
        self.fails(snowid.ExhaustedError, snowid.E_EXHAUSTED, ids.next, 0.0005)

    def test_clock(self) -> None:
        ids = self.generator()
        ids.next()
        self.clock.step(-10)
        error = self.fails(snowid.ClockError, snowid.E_CLOCK, ids.next)
        self.assertIn("10000", str(error))
        self.assertEqual(error.wait_ns, 0)
        refused = ids.stats().refused
        self.fails(snowid.ClockError, snowid.E_CLOCK, ids.next)
        self.assertEqual(ids.stats().refused, refused + 1)

    def test_outside_of_the_layout(self) -> None:
        self.clock.step(-60 * 365 * 86400)
        self.fails(snowid.ClockError, snowid.E_EPOCH, self.generator)
        self.clock.step(200 * 365 * 86400)
        self.fails(snowid.ClockError, snowid.E_ENDED, self.generator)

    def test_closed(self) -> None:
        ids = self.generator()
        ids.next()
        ids.close()
        ids.close()
        for call in (ids.next, ids.try_next, ids.__next__, lambda: ids.batch(2), ids.available):
            self.fails(snowid.ClosedError, snowid.E_CLOSED, call)
        self.fails(snowid.ClosedError, snowid.E_CLOSED, ids.array, 2)
        self.assertEqual(ids.stats().issued, 1)

    def test_settings(self) -> None:
        for settings in (
            {"wait": "5 parsecs"},
            {"wait": -1},
            {"hold": float("nan")},
            {"borrow": float("inf")},
            {"timeout": -0.5},
            {"reserve": 0},
            {"wait": 3601},
            {"datacenter": 1},
            {"fields": {"nothing": 1}},
            {"store": "nothing:"},
            {"store": "slots:"},
            {"timeout": 1e300},
            {"timeout": 10**30},
            {"max_jump": "1ms"},
            {"mode": 0o777},
            {"mode": "rw"},
        ):
            with self.assertRaises(snowid.Error, msg=str(settings)):
                self.generator(**settings)
        self.assertRaises(TypeError, snowid.Generator, KIND, fields=5, worker=1)
        self.assertRaises(TypeError, snowid.Generator, KIND, worker=1, clock=5)
        self.assertRaises(TypeError, snowid.Generator, KIND, worker=1, mode=0.5)
        with self.assertRaisesRegex(TypeError, "two values for the field worker"):
            snowid.Generator(KIND, fields={"worker": 1}, worker=1)
        for wrong in ([], b"5ms", True):
            self.assertRaises(TypeError, self.generator, wait=wrong)

    def test_worker_is_needed(self) -> None:
        error = self.fails(snowid.InvalidError, snowid.E_WORKER, snowid.Generator)
        self.assertIn("worker", str(error))
        for wrong in (-1, 1 << 64, 32):
            error = self.fails(
                snowid.InvalidError, snowid.E_RANGE, lambda: snowid.Generator(worker=wrong)
            )
            self.assertIn("field worker", str(error))
        with self.assertRaisesRegex(TypeError, "the field worker must be an int, not str"):
            snowid.Generator(worker="5")  # type: ignore[call-overload]

    def test_misspelt_parameters(self) -> None:
        """A parameter that does not exist is taken for a field, but may have been another one."""
        for wrong, meant in (("reserv", "reserve"), ("worker_id", "worker"), ("timout", "timeout")):
            with self.assertRaisesRegex(snowid.InvalidError, f"did you mean {meant}"):
                snowid.Generator(**{"worker": 5, wrong: 3})  # type: ignore[arg-type]
            with self.assertRaisesRegex(snowid.InvalidError, f'no field "{wrong}"'):
                snowid.Generator(worker=5, fields={wrong: 3})

    def test_timeouts(self) -> None:
        ids = self.generator()
        for wrong in (-1, -0.001, float("nan")):
            self.assertRaises(ValueError, ids.next, wrong)
            self.assertRaises(ValueError, ids.batch, 1, wrong)
            self.assertRaises(ValueError, ids.close, wrong)
        for wrong in (10**30, 10**400, 1e300):
            self.assertRaises(snowid.InvalidError, ids.next, wrong)
        for wrong in ("1", "5 ms", "-5ms", ""):
            self.assertRaises(snowid.InvalidError, ids.next, wrong)
        for wrong in (b"1", [], True):
            self.assertRaises(TypeError, ids.next, wrong)
            self.assertRaises(TypeError, ids.array, 1, wrong)
        for bad in (
            lambda: ids.next(1, 2),
            lambda: ids.next(1, timeout=1),
            lambda: ids.next(wait=1),
        ):
            self.assertRaises(TypeError, bad)
        ids.next()
        for good in (0, 0.5, 1, "1s", float("inf"), None, dt.timedelta(seconds=1), Decimal("0.5")):
            self.assertIsInstance(ids.next(good), int)
            self.assertIsInstance(ids.next(timeout=good), int)
            self.clock.advance(1)

    def test_store_of_another_worker(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            url = f"file:{directory}/state"
            snowid.Generator(KIND, worker=3, store=url, clock=self.clock).close()
            with self.assertRaises(snowid.StoreError) as caught:
                snowid.Generator(KIND, worker=4, store=url, clock=self.clock)
            self.assertEqual(caught.exception.code, snowid.E_STORE)


if __name__ == "__main__":
    unittest.main()
