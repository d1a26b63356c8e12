# SPDX-License-Identifier: MIT
"""Conversions between Python and C, in particular those that SWIG alone would get wrong."""

import inspect
import os
import pathlib
import re
import subprocess
import unittest
from typing import Any

import snowid
from snowid import _snowid

ALL_BITS = snowid.Layout("time:40,shard:12,sequence:12")
TWICE = (1 << 53) + 1
HUGE = (1 << 64) - 1
HANDLES = (_snowid.Layout, _snowid.Mask, _snowid.Clock, _snowid.Config, _snowid.Generator)


class Integers(unittest.TestCase):
    def test_64_bits_are_exact(self) -> None:
        for id in (0, 1, TWICE, 1 << 63, HUGE):
            self.assertEqual(_snowid.id_parse(_snowid.id_format(id, 0), 0), id)
            self.assertEqual(_snowid.id_format(id, 0), str(id))
        handle = _snowid.layout_new(ALL_BITS.spec)
        self.assertEqual(handle.set_field("sequence", 4095, HUGE - 4095), HUGE)
        self.assertEqual(handle.field(HUGE, "time"), (1 << 40) - 1)

    def test_numbers_out_of_range_are_refused(self) -> None:
        handle = _snowid.layout_new("snowflake")
        for wrong in (-1, 1 << 64, 1 << 200, -(1 << 200)):
            for call in (
                lambda: handle.field(wrong, "time"),
                lambda: handle.set_field("worker", wrong, 0),
                lambda: handle.set_field("worker", 0, wrong),
                lambda: handle.info(wrong),
                lambda: handle.field_at(wrong),
                lambda: handle.fits_until(wrong),
                lambda: handle.first_at(0, wrong),
                lambda: _snowid.id_format(0, wrong),
                lambda: _snowid.id_format(wrong, 0),
                lambda: _snowid.config_new().set_field("worker", wrong),
                lambda: _snowid.uuid_first_at(wrong, 0, 0),
                lambda: snowid.Generator(worker=wrong),
                lambda: snowid.Layout().decode(wrong),
                lambda: snowid.Generator("ulid").batch(wrong),
            ):
                with self.assertRaises(snowid.InvalidError) as caught:
                    call()
                self.assertEqual(caught.exception.code, snowid.E_RANGE)
                self.assertIn(str(wrong), str(caught.exception))

    def test_ids_of_signed_columns(self) -> None:
        for signed, id in ((-1, HUGE), (-(1 << 63), 1 << 63), (-TWICE, (1 << 64) - TWICE)):
            self.assertEqual(ALL_BITS.decode(signed), ALL_BITS.decode(id))
            self.assertEqual(ALL_BITS.decode(signed).id, id)
            self.assertEqual(ALL_BITS.time_ns(signed), ALL_BITS.time_ns(id))
            self.assertEqual(snowid.format_id(signed), str(id))
        for wrong in (-(1 << 63) - 1, 1 << 64):
            for call in (ALL_BITS.decode, ALL_BITS.time_ns, snowid.format_id):
                with self.assertRaises(snowid.InvalidError) as caught:
                    call(wrong)
                self.assertIn(str(wrong), str(caught.exception))

    def test_ranges_of_narrower_types(self) -> None:
        handle = _snowid.layout_new("snowflake")
        for call in (lambda: handle.first_at(0, 1 << 32), lambda: handle.fits_until(1 << 32)):
            self.assertRaises(snowid.InvalidError, call)
        for wrong in (1 << 63, -(1 << 63) - 1, 1 << 200):
            for call in (
                lambda: handle.first_at(wrong, 0),
                lambda: snowid.ManualClock(0)._handle.step(wrong),
            ):
                with self.assertRaises(snowid.InvalidError) as caught:
                    call()
                self.assertEqual(caught.exception.code, snowid.E_RANGE)
                self.assertIn(str(wrong), str(caught.exception))

    def test_non_integers_raise_type_errors(self) -> None:
        handle = _snowid.layout_new("snowflake")
        for wrong in (1.5, None, b"1", [], object()):
            for call in (snowid.Layout().decode, snowid.Layout().time_ns, snowid.format_id):
                self.assertRaisesRegex(TypeError, "id must be an int or a str", call, wrong)
        for wrong in ("12", 1.5, None, b"1", [], object()):
            for call in (
                lambda: handle.field(wrong, "time"),
                lambda: handle.set_field("worker", wrong, 0),
                lambda: handle.set_field("worker", 0, wrong),
                lambda: handle.info(wrong),
                lambda: handle.first_at(wrong, 0),
                lambda: _snowid.id_format(wrong, 0),
                lambda: snowid.Generator(worker=wrong),
                lambda: snowid.Generator("ulid").batch(wrong),
            ):
                self.assertRaises(TypeError, call)

    def test_objects_with_index_are_integers(self) -> None:
        class Five:
            def __index__(self) -> int:
                return 5

        five: Any = Five()
        self.assertEqual(snowid.format_id(five, "decimal"), "5")
        self.assertEqual(snowid.Layout().decode(five).sequence, 5)
        self.assertEqual(snowid.Layout().encode("2024-01-01", worker=five) >> 12 & 31, 5)
        self.assertEqual(snowid.Generator(worker=five, timeout=five).field("worker"), 5)
        self.assertEqual(len(snowid.Generator("ulid").batch(five, five)), 5)
        self.assertEqual(snowid.format_time(five), "1970-01-01T00:00:05.000Z")
        self.assertEqual(snowid.format_time(time_ns=five), "1970-01-01T00:00:00.000000005Z")

    def test_numpy_integers(self) -> None:
        try:
            import numpy
        except ImportError:
            return  # the test above covers the same code
        id = numpy.uint64(1541815603606036480)
        parts = snowid.Layout("twitter").decode(id)
        self.assertEqual((parts.worker, parts.datacenter, type(parts.id)), (26, 11, int))
        self.assertEqual(
            snowid.Generator("ulid", timeout=numpy.float32(0.5)).setting("timeout"), "500ms"
        )


class Text(unittest.TestCase):
    def test_non_strings_raise_type_errors(self) -> None:
        for wrong in (None, 5, b"snowflake", []):
            self.assertRaisesRegex(TypeError, "spec must be a str, not", snowid.Layout, wrong)
            self.assertRaises(TypeError, snowid.Generator, wrong)
            self.assertRaises(TypeError, snowid.parse_id, wrong)
            self.assertRaises(TypeError, snowid.UUID.parse, wrong)
            self.assertRaises(TypeError, snowid.parse_time_ns, wrong)

    def test_text_with_zeros_is_refused(self) -> None:
        for text in ("snowflake\0", "\0", "snow\0flake"):
            self.assertRaises(ValueError, snowid.Layout, text)
        for text in ("12\0", "\x0012", "1\x002"):
            self.assertRaises(snowid.InvalidError, snowid.parse_id, text, "decimal")
        self.assertRaises(snowid.InvalidError, snowid.ULID, "01ARZ3NDEKTSV4RRFFQ69G5FA\0")

    def test_text_that_is_not_utf8(self) -> None:
        self.assertRaises(ValueError, snowid.Layout, "\udc80")
        self.assertRaises(snowid.InvalidError, snowid.Layout, "größe:64")

    def test_long_text(self) -> None:
        self.assertRaises(snowid.InvalidError, snowid.Layout, "x" * 100000)
        self.assertRaises(snowid.InvalidError, snowid.parse_id, "1" * 100000, "decimal")


class Handles(unittest.TestCase):
    def test_none_is_not_a_handle(self) -> None:
        self.assertRaises(TypeError, _snowid.generator_new, None)
        self.assertRaises(TypeError, _snowid.config_new().set_clock, None)
        for kind in HANDLES:
            methods = [m for m in vars(kind).values() if inspect.ismethoddescriptor(m)]
            self.assertGreater(len(methods), 2)
            for method in methods:
                self.assertRaises(TypeError, method, None)

    def test_a_handle_of_another_type(self) -> None:
        self.assertRaises(TypeError, _snowid.generator_new, _snowid.layout_new("twitter"))
        self.assertRaises(TypeError, _snowid.config_new().set_clock, _snowid.config_new())
        self.assertRaises(TypeError, _snowid.Layout.format, _snowid.config_new())

    def test_handles_have_no_constructor(self) -> None:
        for kind in HANDLES:
            self.assertRaises(TypeError, kind)
            self.assertRaises(TypeError, kind.__new__, kind)
            self.assertRaises(TypeError, object.__new__, kind)

    def test_failed_constructors_raise(self) -> None:
        self.assertRaises(snowid.InvalidError, _snowid.layout_new, "nothing")
        self.assertRaises(snowid.InvalidError, _snowid.generator_new, _snowid.config_new())

    def test_uninitialized_generator(self) -> None:
        empty = snowid.Generator.__new__(snowid.Generator)
        for call in (empty.next, empty.try_next, lambda: next(empty), lambda: empty.batch(1)):
            self.assertRaises(TypeError, call)
        self.assertRaises(TypeError, empty.fill, bytearray(8))
        for handle in (None, 5, _snowid.layout_new("twitter")):
            self.assertRaises(TypeError, empty._open, handle, None, 0)
        good = snowid.Generator("ulid")
        self.assertRaises(TypeError, empty._open, good._handle, int, 0)
        self.assertRaises(TypeError, empty._open, good._handle, 5, 0)
        self.assertRaises(TypeError, good.__init__, "ulid")
        self.assertEqual(len(good.batch(3)), 3)

    def test_objects_keep_alive_what_they_use(self) -> None:
        clock = snowid.ManualClock("2024-01-01")
        generator = snowid.Generator("ulid", clock=clock)
        del clock
        self.assertIsInstance(generator.next(), snowid.ULID)
        source = iter(generator)
        del generator
        self.assertIsInstance(next(source), snowid.ULID)


class Bytes(unittest.TestCase):
    def test_only_16_bytes_are_accepted(self) -> None:
        for wrong in (b"", b"1" * 15, b"1" * 17, bytearray(15)):
            self.assertRaises(ValueError, _snowid.uuid_format, wrong)
            self.assertRaises(ValueError, snowid.ULID, wrong)
        for wrong in (None, 5, "1" * 16, []):
            self.assertRaises(TypeError, _snowid.uuid_format, wrong)
        self.assertEqual(
            _snowid.uuid_format(memoryview(bytes(16))),
            "0" * 8 + ("-" + "0" * 4) * 3 + "-" + "0" * 12,
        )
        self.assertRaises(ValueError, _snowid.uuid_set_node, bytes(16), b"12345")


class Interface(unittest.TestCase):
    def test_every_function_is_wrapped(self) -> None:
        # See bindings/snowid.i. The last two are covered by calls with a timeout.
        unused = {
            "snowid_clock_new",
            "snowid_generator_open",
            "snowid_id128_compare",
            *(f"snowid_store_{verb}" for verb in ("inspect", "adopt", "reset", "free_worker")),
            *(f"snowid_store_info_{verb}" for verb in ("at", "count", "free")),
            "snowid_generator_next",
            "snowid_generator_next128",
        }
        symbols = subprocess.run(
            ["nm", "-D", "--undefined-only", _snowid.__file__],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        used = set(re.findall(r" U (snowid_\w+)", symbols))
        source = pathlib.Path(os.environ["top_srcdir"], "libsnowid", "libsnowid.sym").read_text()
        offered = set(re.findall(r"^\t(snowid_\w+);", source, re.M))
        self.assertGreater(len(offered), 60)
        self.assertEqual(offered - used, unused)

    def test_the_module_does_not_link_to_python(self) -> None:
        """A second copy of the interpreter would have its own copy of every type."""
        read = subprocess.run(
            ["readelf", "-d", _snowid.__file__], check=True, capture_output=True, text=True
        )
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", read.stdout)
        self.assertTrue(any(name.startswith("libsnowid.so") for name in needed))
        self.assertFalse([name for name in needed if "python" in name])

    def test_every_setting_is_a_parameter(self) -> None:
        with self.assertRaises(snowid.InvalidError) as caught:
            _snowid.config_new().set("nothing", "")
        settings = set(filter(self.is_setting, re.findall(r"[a-z_]+", str(caught.exception))))
        self.assertGreater(len(settings), 9)
        parameters = set(inspect.signature(snowid.Generator.__init__).parameters)
        others = {"self", "open_timeout", "clock", "fields", "more_fields"}
        self.assertEqual(settings, parameters - others)

    def is_setting(self, word: str) -> bool:
        try:
            _snowid.config_new().get(word)
        except snowid.InvalidError:
            return False
        return True


if __name__ == "__main__":
    unittest.main()
