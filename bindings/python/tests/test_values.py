# SPDX-License-Identifier: MIT
"""ULID, UUID, layouts and text forms."""

import copy
import datetime as dt
import pickle
import random
import sys
import unittest
import uuid
from decimal import Decimal
from fractions import Fraction

import snowid

UTC = dt.timezone.utc
# From the ULID specification's example and RFC 9562, appendix A.
ULID_TEXT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
UUID1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846"
UUID6 = "1ec9414c-232a-6b00-b3c8-9f6bdeced846"
UUID7 = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
RFC_INSTANT = dt.datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
# Twitter's example (Wikipedia, "Snowflake ID").
TWEET = 1541815603606036480


class Ulids(unittest.TestCase):
    def test_new(self) -> None:
        before = dt.datetime.now(UTC)
        made = snowid.ULID()
        after = dt.datetime.now(UTC)
        millisecond = dt.timedelta(milliseconds=1)
        self.assertTrue(before - millisecond < made.datetime <= after)
        self.assertEqual(len({snowid.ULID() for _ in range(10000)}), 10000)

    def test_conversions(self) -> None:
        made = snowid.ULID(ULID_TEXT)
        self.assertEqual(str(made), ULID_TEXT)
        self.assertEqual(repr(made), f"ULID('{ULID_TEXT}')")
        self.assertEqual(made.datetime, dt.datetime(2016, 7, 30, 23, 54, 10, 259000, UTC))
        self.assertEqual(made.time_ns, 1469922850259000000)
        self.assertEqual(made.timestamp, 1469922850.259)
        self.assertEqual(made.hex, made.uuid.hex)
        self.assertEqual(f"{made}|{made:>28}|{made:.10}", f"{made}|  {made}|{str(made)[:10]}")
        for same in (
            str(made).lower(),
            made.bytes,
            bytearray(bytes(made)),
            int(made),
            made.uuid,
            made,
        ):
            self.assertEqual(snowid.ULID(same), made)
        self.assertEqual(snowid.ULID(uuid.UUID(bytes=made.bytes)), made)
        self.assertEqual(snowid.ULID(value=ULID_TEXT), made)

    def test_new_ulids_of_another_time(self) -> None:
        instant = dt.datetime(2016, 7, 30, 23, 54, 10, 259999, UTC)
        for many in (
            [snowid.ULID.from_datetime(instant) for _ in range(1000)],
            [snowid.ULID.from_timestamp(instant.timestamp()) for _ in range(1000)],
        ):
            self.assertEqual({made.time_ns for made in many}, {1469922850259000000})
            self.assertEqual(len(set(many)), 1000)
        self.assertEqual(snowid.ULID.from_timestamp(5).time_ns, 5_000_000_000)
        for wrong in (5, 5.0, None, "2016-07-30", dt.date(2016, 7, 30)):
            self.assertRaises(TypeError, snowid.ULID.from_datetime, wrong)
        for wrong in (None, "2016-07-30", instant):
            self.assertRaises(TypeError, snowid.ULID.from_timestamp, wrong)
        self.assertRaises(snowid.InvalidError, snowid.ULID.from_datetime, dt.datetime(2016, 7, 30))
        for wrong in (-1, 1469922850259, float("nan")):
            self.assertRaises(snowid.InvalidError, snowid.ULID.from_timestamp, wrong)

    def test_nil_and_max(self) -> None:
        self.assertEqual((int(snowid.ULID.NIL), int(snowid.ULID.MAX)), (0, (1 << 128) - 1))
        self.assertEqual(snowid.ULID.MAX.time_ns, ((1 << 48) - 1) * 1_000_000)
        self.assertRaises(OverflowError, lambda: snowid.ULID.MAX.datetime)

    def test_invalid_values(self) -> None:
        for wrong in (
            "",
            ULID_TEXT[:-1],
            ULID_TEXT + "0",
            "8" + ULID_TEXT[1:],
            "U" + ULID_TEXT[1:],
            -1,
            1 << 128,
            b"1",
        ):
            self.assertRaises(snowid.InvalidError, snowid.ULID, wrong)
        for wrong in (None, 1.5, [], object()):
            self.assertRaises(TypeError, snowid.ULID, wrong)
        self.assertRaises(TypeError, snowid.ULID, ULID_TEXT, 5)
        self.assertRaises(TypeError, snowid.ULID, text=ULID_TEXT)

    def test_comparison_and_hash(self) -> None:
        values = [snowid.ULID(random.randrange(1 << 128)) for _ in range(1000)]
        self.assertEqual([int(v) for v in sorted(values)], sorted(int(v) for v in values))
        self.assertEqual([str(v) for v in sorted(values)], sorted(str(v) for v in values))
        a, b = sorted(values)[:2]
        self.assertTrue(a < b and a <= b and b > a and b >= a and a != b and not a == b)
        self.assertEqual(hash(a), hash(snowid.ULID(str(a))))
        self.assertEqual(len({a, snowid.ULID(str(a))}), 1)
        self.assertNotEqual(a, str(a))
        self.assertNotEqual(a, a.uuid)
        self.assertRaises(TypeError, lambda: a < str(b))
        with self.assertRaises(AttributeError):
            a.bytes = bytes(16)  # type: ignore[misc]
        with self.assertRaises(AttributeError):
            a.note = 5  # type: ignore[attr-defined]
        self.assertRaises(TypeError, memoryview(a).__setitem__, 0, 1)  # type: ignore[arg-type]

    def test_pickled_and_copied(self) -> None:
        class Mine(snowid.ULID):
            pass

        made = snowid.ULID()
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(made, protocol))
            self.assertEqual((type(again), again), (snowid.ULID, made))
        self.assertEqual(copy.deepcopy(made), made)
        self.assertIs(type(copy.copy(Mine(ULID_TEXT))), Mine)

    def test_ranges(self) -> None:
        made = snowid.ULID(ULID_TEXT)
        first, last = snowid.ULID.first_at(made.datetime), snowid.ULID.last_at(made.timestamp)
        self.assertTrue(first < made < last)
        self.assertEqual(snowid.ULID.first_at(time_ns=made.time_ns), first)
        self.assertEqual(snowid.ULID.last_at(time_ns=made.time_ns), last)
        self.assertEqual(snowid.ULID.range("2016-07-30T23:54:10.259Z"), (first, last))
        self.assertEqual(snowid.ULID.range(None, None), (snowid.ULID.NIL, snowid.ULID.MAX))
        nothing = snowid.ULID.range(made.datetime, made.datetime)
        self.assertGreater(*nothing)
        self.assertEqual(first.time_ns, last.time_ns)
        self.assertEqual(int(first) & (1 << 80) - 1, 0)
        self.assertEqual(made.increment(), snowid.ULID(int(made) + 1))
        self.assertRaises(snowid.InvalidError, last.increment)
        self.assertRaises(snowid.InvalidError, snowid.ULID.first_at, "1969-12-31")


class Uuids(unittest.TestCase):
    def test_new(self) -> None:
        made = snowid.uuid7()
        self.assertIsInstance(made, uuid.UUID)
        self.assertEqual((made.version, made.variant), (7, uuid.RFC_4122))
        self.assertLess(abs(dt.datetime.now(UTC) - made.datetime), dt.timedelta(minutes=1))
        self.assertEqual(len({snowid.uuid7() for _ in range(10000)}), 10000)

    def test_compatibility_with_the_standard_library(self) -> None:
        ours, theirs = snowid.UUID(UUID7), uuid.UUID(UUID7)
        self.assertEqual(ours, theirs)
        self.assertEqual(hash(ours), hash(theirs))
        self.assertEqual(str(ours), str(theirs))
        self.assertEqual(f"{ours}|{ours:>38}", f"{UUID7}|  {UUID7}")
        self.assertEqual(ours.hex, theirs.hex)
        self.assertEqual(str(snowid.UUID(int=5)), str(uuid.UUID(int=5)))
        self.assertEqual(repr(ours), f"UUID('{UUID7}')")
        self.assertRaises(TypeError, snowid.UUID.__str__, 5)
        self.assertRaises(AttributeError, str, snowid.UUID.__new__(snowid.UUID))
        self.assertIs(ours.is_safe, uuid.SafeUUID.unknown)
        self.assertEqual(snowid.UUID.of(theirs), theirs)
        self.assertEqual(snowid.UUID.of(ours.ulid), ours)
        self.assertEqual(snowid.UUID.of(ours.bytes), ours)
        self.assertEqual(snowid.UUID.of(bytearray(ours.bytes)), ours)
        for wrong in (None, 16, UUID7, []):
            self.assertRaises(TypeError, snowid.UUID.of, wrong)
        self.assertRaises(ValueError, snowid.UUID.of, bytes(15))
        made = snowid.uuid7()
        self.assertEqual(uuid.UUID(bytes=made.bytes), made)
        self.assertEqual(uuid.UUID(str(made)), made)
        self.assertEqual(made.int, int.from_bytes(made.bytes, "big"))
        self.assertEqual(sorted([theirs, made, ours]), [ours, theirs, made])
        with self.assertRaises(TypeError):
            made.int = 5  # type: ignore[misc]

    def test_inherited_properties(self) -> None:
        """Python knows the time of versions 6 and 7 since 3.14; the values are of RFC 9562, A."""
        one, six, seven = map(snowid.UUID, (UUID1, UUID6, UUID7))
        self.assertEqual((one.version, six.version, seven.version), (1, 6, 7))
        self.assertEqual((one.time, six.time), (0x1EC9414C232AB00, 0x1EC9414C232AB00))
        self.assertEqual(seven.time, 0x017F22E279B0)
        self.assertEqual(
            snowid.UUID("1e901fca-7a55-6b92-94c5-54e1acf6da7f").time, 0x1E901FCA7A55B92
        )
        self.assertEqual((six.clock_seq, six.node), (0x33C8, 0x9F6BDECED846))
        eight = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"  # RFC 9562, B.1
        for text in (UUID1, UUID6, UUID7, eight, str(uuid.uuid4()), "f" * 32, "0" * 32):
            ours, theirs = snowid.UUID(text), uuid.UUID(text)
            for name in (
                *("bytes", "bytes_le", "clock_seq", "clock_seq_hi_variant", "clock_seq_low"),
                *("fields", "hex", "int", "is_safe", "node", "time_hi_version", "time_low"),
                *("time_mid", "urn", "variant", "version"),
            ):
                self.assertEqual(getattr(ours, name), getattr(theirs, name), name)
            if ours.version not in (6, 7) or sys.version_info >= (3, 14):
                self.assertEqual(ours.time, theirs.time)
        public = {name for name in dir(uuid.UUID) if not name.startswith("_")}
        ours_alone = {name for name in vars(snowid.UUID) if not name.startswith("_")}
        self.assertEqual(public & ours_alone, {"time"})

    def test_parse_is_strict(self) -> None:
        for text in (
            UUID7,
            UUID7.upper(),
            UUID7.replace("-", ""),
            "{" + UUID7 + "}",
            "urn:uuid:" + UUID7,
        ):
            self.assertEqual(snowid.UUID.parse(text), uuid.UUID(UUID7))
        for wrong in (
            "",
            UUID7[:-1],
            UUID7 + "0",
            UUID7.replace("-", "--"),
            UUID7.replace("-", "", 1),
            "{" + UUID7,
        ):
            self.assertRaises(snowid.InvalidError, snowid.UUID.parse, wrong)

    def test_time_and_versions(self) -> None:
        for text in (UUID1, UUID6, UUID7):
            self.assertEqual(snowid.UUID(text).datetime, RFC_INSTANT)
            self.assertEqual(snowid.UUID(text).timestamp, RFC_INSTANT.timestamp())
        one, six = snowid.UUID(UUID1), snowid.UUID(UUID6)
        self.assertEqual((one.to_v6(), six.to_v1()), (six, one))
        self.assertEqual([value.kind for value in (one, six)], ["uuid1", "uuid6"])
        self.assertRaises(snowid.InvalidError, six.to_v6)
        self.assertRaises(snowid.InvalidError, lambda: snowid.UUID(int=0).time_ns)
        changed = one.replace(node=5, clock_seq=16383)
        self.assertEqual(
            (changed.node, changed.clock_seq, changed.time_ns), (5, 16383, one.time_ns)
        )
        self.assertEqual(one.replace(), one)
        for wrong in ({"node": 1 << 48}, {"node": -1}, {"clock_seq": 16384}, {"clock_seq": -1}):
            self.assertRaises(ValueError, one.replace, **wrong)
        self.assertRaises(snowid.InvalidError, snowid.UUID(UUID7).replace, node=1)

    def test_ranges(self) -> None:
        made = snowid.UUID(UUID7)
        self.assertTrue(
            snowid.UUID.first_at(7, RFC_INSTANT) < made < snowid.UUID.last_at(7, RFC_INSTANT)
        )
        self.assertRaises(snowid.InvalidError, snowid.UUID.first_at, 4, RFC_INSTANT)
        first, last = snowid.UUID.range(7, "2022-02-22")
        self.assertEqual(first, snowid.UUID.first_at(7, dt.date(2022, 2, 22)))
        self.assertEqual(last, snowid.UUID.last_at(7, 1645574399.999))
        self.assertEqual(snowid.UUID.range(7, dt.date(2022, 2, 22)), (first, last))
        self.assertEqual(snowid.UUID.range(7, dt.date(2022, 2, 22), "2022-02-23"), (first, last))
        self.assertEqual(
            snowid.UUID.first_at(7, time_ns=made.time_ns), snowid.UUID.first_at(7, RFC_INSTANT)
        )
        self.assertEqual(
            snowid.UUID.last_at(7, time_ns=made.time_ns), snowid.UUID.last_at(7, RFC_INSTANT)
        )
        for version in (1, 4):
            self.assertRaises(snowid.InvalidError, snowid.UUID.range, version, "2022-02-22")

    def test_uuids_of_names(self) -> None:
        name = "www.example.com"  # RFC 9562, A.2 and A.4
        version3 = uuid.UUID("5df41881-3aed-3515-88a7-2f4a814cf09e")
        version5 = uuid.UUID("2ed6657d-e927-568b-95e1-2665a8aea6a2")
        for namespace in (
            "dns",
            uuid.NAMESPACE_DNS,
            str(uuid.NAMESPACE_DNS),
            snowid.UUID.of(uuid.NAMESPACE_DNS),
        ):
            for given in (name, name.encode()):
                self.assertEqual(snowid.uuid3(namespace, given), version3)
                self.assertEqual(snowid.uuid5(namespace, given), version5)
        for text in ("", "größe", "a\0b", "x" * 1000):
            for namespace in (uuid.NAMESPACE_URL, version3):
                self.assertEqual(snowid.uuid3(namespace, text), uuid.uuid3(namespace, text))
                self.assertEqual(snowid.uuid5(namespace, text), uuid.uuid5(namespace, text))
        self.assertIs(type(snowid.uuid5("dns", name)), snowid.UUID)
        self.assertEqual(snowid.uuid5("dns", b"\xff").version, 5)
        for wrong in ("example", "", "DNS", str(version3)[:-1] + "x"):
            self.assertRaises(snowid.InvalidError, snowid.uuid5, wrong, name)
        for wrong in (None, 5, b"dns"):
            for make in (snowid.uuid3, snowid.uuid5):
                self.assertRaisesRegex(TypeError, "namespace is a UUID", make, wrong, name)
        for wrong in (None, 5, ["a"]):
            self.assertRaisesRegex(
                TypeError, "name must be a str or bytes", snowid.uuid5, "dns", wrong
            )

    def test_random_and_own_uuids(self) -> None:
        many = {snowid.uuid4() for _ in range(10000)}
        self.assertEqual(len(many), 10000)
        self.assertEqual(
            {(made.version, made.variant, made.kind) for made in many},
            {(4, uuid.RFC_4122, "uuid4")},
        )
        for made in (snowid.uuid4(), snowid.uuid8(b"\xff" * 16)):
            self.assertIs(type(made), snowid.UUID)
            self.assertRaises(snowid.InvalidError, lambda: made.time_ns)
        self.assertEqual(str(snowid.uuid8(b"\xff" * 16)), "ffffffff-ffff-8fff-bfff-ffffffffffff")
        self.assertEqual(snowid.uuid8(bytearray(16)).kind, "uuid8")
        self.assertRaises(ValueError, snowid.uuid8, bytes(15))
        for wrong in (None, 5, "0" * 32):
            self.assertRaises(TypeError, snowid.uuid8, wrong)

    def test_nil_max_and_kinds(self) -> None:
        self.assertEqual((snowid.NIL.int, snowid.MAX.int), (0, (1 << 128) - 1))
        self.assertEqual((snowid.NIL, snowid.MAX), (snowid.ULID.NIL.uuid, snowid.ULID.MAX.uuid))
        self.assertEqual((snowid.NIL.kind, snowid.MAX.kind), ("nil", "max"))
        for digits, kind in (("0", "ncs"), ("9", "uuid"), ("c", "microsoft"), ("e", "future")):
            version = "9" if kind == "uuid" else "4"
            text = f"12345678-1234-{version}234-{digits}234-123456789abc"
            self.assertEqual(snowid.UUID(text).kind, kind)

    def test_pickled_and_copied(self) -> None:
        made = snowid.uuid7()
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(made, protocol))
            self.assertEqual((type(again), again), (snowid.UUID, made))
        self.assertEqual(copy.deepcopy(made), made)


class Layouts(unittest.TestCase):
    def test_decode(self) -> None:
        parts = snowid.Layout("twitter").decode(TWEET)
        self.assertEqual(parts.id, TWEET)
        self.assertEqual(parts.datetime, dt.datetime(2022, 6, 28, 16, 7, 40, 105000, UTC))
        self.assertEqual(parts.timestamp, 1656432460.105)
        self.assertEqual((parts.datacenter, parts["worker"], parts.sequence), (11, 26, 0))
        self.assertEqual(list(parts.fields), ["time", "datacenter", "worker", "sequence"])
        self.assertRaises(AttributeError, lambda: parts.shard)
        self.assertRaisesRegex(AttributeError, "ticks", lambda: parts.time)
        self.assertEqual(parts["time"], parts.fields["time"])
        self.assertRaises(KeyError, lambda: parts["shard"])
        self.assertEqual(pickle.loads(pickle.dumps(parts)), parts)
        self.assertEqual(copy.copy(parts), parts)
        self.assertIn("worker=26", repr(parts))
        self.assertIn("datacenter", dir(parts))
        self.assertNotIn("time", dir(parts))
        self.assertRaises(TypeError, list, parts)
        self.assertEqual(snowid.Layout("twitter").decode(str(TWEET)), parts)
        for wrong in (1 << 63, "9223372036854775808", "0x15", "", "1ptWyK4WgZU"):
            self.assertRaises(snowid.InvalidError, snowid.Layout("twitter").decode, wrong)

    def test_fields_match_the_library(self) -> None:
        for name in snowid.Layout.presets() + ("time:20,a:7,sequence:9,b:28;unit=1s",):
            layout = snowid.Layout(name)
            for _ in range(200):
                id = random.randrange(1 << layout.bits)
                for field, value in layout.decode(id).fields.items():
                    self.assertEqual(value, layout._handle.field(id, field))

    def test_encode_reverses_decode(self) -> None:
        layout = snowid.Layout("twitter")
        parts = layout.decode(TWEET)
        fields = {k: v for k, v in parts.fields.items() if k != "time"}
        for instant in (parts.datetime, parts.timestamp, parts.datetime.isoformat()):
            self.assertEqual(layout.encode(instant, **fields), TWEET)
            self.assertEqual(layout.encode(instant, fields=fields), TWEET)
        self.assertEqual(layout.encode(time_ns=parts.time_ns, **fields), TWEET)
        self.assertRaises(TypeError, layout.encode, 0, fields={"worker": 1}, worker=1)
        east = parts.datetime.astimezone(dt.timezone(dt.timedelta(hours=9)))
        self.assertEqual(layout.encode(east, **fields), TWEET)
        self.assertRaises(snowid.InvalidError, layout.encode, parts.datetime, worker=32)
        self.assertRaises(snowid.InvalidError, layout.encode, parts.datetime, shard=1)
        self.assertEqual(layout.time_ns(TWEET), parts.time_ns)
        self.assertEqual(layout.datetime(TWEET), parts.datetime)

    def test_instants(self) -> None:
        layout = snowid.Layout("twitter")
        expected = layout.first_at("2024-01-03T19:30:00.5Z")
        for same in (
            1704310200.5,
            Decimal("1704310200.5"),
            Fraction(3408620401, 2),
            dt.datetime(2024, 1, 3, 19, 30, 0, 500999, UTC),
            "2024-01-03T20:30:00.500999+01:00",
            "1704310200500",
            "@1704310200.5",
            "20240103T193000.5Z",
        ):
            self.assertEqual(layout.first_at(same), expected, same)
        midnight = layout.first_at("2024-01-03")
        for same in (1704240000, 1704240000.0, dt.date(2024, 1, 3), "20240103", "@1704240000"):
            self.assertEqual(layout.first_at(same), midnight, same)
        self.assertEqual(layout.first_at(time_ns=1704240000 * 10**9 + 999_999), midnight)
        self.assertEqual(layout.last_at(time_ns=1704240000 * 10**9) - midnight, (1 << 22) - 1)
        self.assertEqual(
            snowid.format_time(Decimal("0.000000001999")), "1970-01-01T00:00:00.000000001Z"
        )
        self.assertEqual(snowid.format_time(Fraction(-1, 3)), "1969-12-31T23:59:59.666666666Z")
        self.assertEqual(snowid.format_time(time_ns=-1), "1969-12-31T23:59:59.999999999Z")
        self.assertEqual(snowid.format_time(dt.date(9999, 12, 31)), "9999-12-31T00:00:00.000Z")

    def test_what_is_not_an_instant(self) -> None:
        layout = snowid.Layout()
        for wrong in (
            dt.datetime(2024, 1, 1),
            "yesterday",
            "2020-12-31",
            "1704067200",
            1 << 100,
            -(1 << 100),
            10**400,
            -(10**400),
            float("nan"),
            float("inf"),
            Decimal("-inf"),
            Decimal("nan"),
            Fraction(10**400),
        ):
            self.assertRaises(snowid.InvalidError, layout.first_at, wrong)
        for wrong in (None, True, b"2024-01-01", [], 1j, dt.time()):
            self.assertRaises(TypeError, layout.first_at, wrong)
        for wrong in (1.5, "5", None, dt.date(2024, 1, 1)):
            self.assertRaises(TypeError, lambda: layout.first_at(time_ns=wrong))
        self.assertRaises(TypeError, lambda: layout.first_at(5, time_ns=5))
        self.assertRaises(snowid.InvalidError, lambda: layout.first_at(time_ns=1 << 100))

    def test_numbers_of_another_unit_are_refused(self) -> None:
        """A number of milliseconds is an error, not a time in another year."""
        for number, unit in (
            (1704067200_000, "milliseconds"),
            (1704067200_000_000_000, "nanoseconds"),
        ):
            for same in (number, float(number), Decimal(number), Fraction(number)):
                for call in (
                    snowid.Layout().first_at,
                    snowid.ULID.first_at,
                    snowid.format_time,
                    snowid.ManualClock,
                ):
                    self.assertRaisesRegex(snowid.InvalidError, unit, call, same)

    def test_timestamps_are_exact(self) -> None:
        """Every millisecond is a float that is below or above it, and comes back as itself."""
        for unit, step in (("1us", 1000), ("1ms", 1000), ("10ms", 10), ("1s", 1)):
            layout = snowid.Layout(f"time:54,sequence:3;unit={unit};epoch=1600-01-01")
            for second in (0, 1, 1288834975, 1704067199, 1704067200, 4102444800, -1, -86400):
                for tick in range(1000):
                    fraction = tick if unit == "1us" else tick * 1000 if unit == "1ms" else 0
                    if unit == "10ms":
                        fraction = tick // 10 * 10000
                    ns = (second * 10**6 + fraction) * 1000
                    id = layout.first_at(time_ns=ns) + 5
                    parts = layout.decode(id)
                    self.assertEqual(parts.time_ns, ns)
                    self.assertEqual(layout.encode(parts.timestamp, sequence=5), id)
                    self.assertTrue(
                        layout.first_at(parts.timestamp) <= id <= layout.last_at(parts.timestamp)
                    )
                    # Others add up seconds and a fraction.
                    self.assertEqual(layout.first_at(second + fraction / 1e6), id - 5)

        for tick in range(1704067200_000, 1704067201_000):
            ulid, id = snowid.ULID.first_at(tick / 1000), snowid.UUID.first_at(7, tick / 1000)
            self.assertEqual((ulid.time_ns, id.time_ns), (tick * 10**6, tick * 10**6))
            self.assertEqual(snowid.ULID.first_at(ulid.timestamp), ulid)
            self.assertEqual(snowid.UUID.first_at(7, id.timestamp), id)

    def test_ranges(self) -> None:
        layout = snowid.Layout("twitter")
        january = layout.range("2024-01")
        self.assertEqual(january, layout.range("2024-01-01", "2024-02-01"))
        self.assertEqual(january.start, layout.first_at("2024-01-01"))
        self.assertEqual(january[-1], layout.last_at("2024-01-31T23:59:59.999Z"))
        days = [layout.range(dt.date(2024, 1, day)) for day in range(1, 32)]
        self.assertEqual(days[0].start, january.start)
        self.assertEqual(days[-1].stop, january.stop)
        for one, next_one in zip(days, days[1:]):
            self.assertEqual(one.stop, next_one.start)
        self.assertEqual(layout.range(dt.date(2024, 1, 31)), layout.range("2024-01-31"))
        self.assertEqual(layout.range(1704067200, before=dt.date(2024, 2, 1)), january)
        self.assertIn(TWEET, layout.range("2022-06-28T16:07:40.105Z"))
        self.assertIn(TWEET, layout.range("@1656432460"))
        self.assertEqual(layout.range(None, None), range(1 << 63))
        self.assertEqual(layout.range(None, "2024-01-01").stop, january.start)
        self.assertEqual(layout.range("2024-02-01", None), range(january.stop, 1 << 63))
        empty = layout.range("2024-01-01", "2024-01-01")
        self.assertEqual((list(empty), empty.start, empty.stop), ([], january.start, january.start))
        self.assertEqual(list(layout.range(1704067200.0001, 1704067200.0009)), [])
        ns100 = snowid.Layout("time:60,sequence:3;unit=100ns")
        self.assertEqual(len(ns100.range("2024-01-01T00:00:00.0000001Z")), 8)
        self.assertEqual(snowid.Layout("time:48,sequence:16").range(None, None), range(1 << 64))

    def test_what_is_not_a_range(self) -> None:
        layout = snowid.Layout("twitter")
        for wrong in (None, 1704067200, 1.5, dt.datetime(2024, 1, 1, tzinfo=UTC), b"2024-01", []):
            self.assertRaisesRegex(TypeError, "needs its end as well", layout.range, wrong)
        for start, before in (
            ("2024-01-02", "2024-01-01"),
            ("2009-01-01", "2024-01-01"),
            ("2024-01-01", "2200-01-01"),
            ("2024-01-01", dt.datetime(2024, 1, 2)),
        ):
            self.assertRaises(snowid.InvalidError, layout.range, start, before)
        self.assertRaises(snowid.InvalidError, layout.range, dt.date(2009, 1, 1))
        self.assertRaises(snowid.InvalidError, layout.range, dt.date(9999, 12, 31))
        self.assertRaises(TypeError, layout.range, "2024-01-01", b"2024-02-01")

    def test_times_after_9999(self) -> None:
        layout = snowid.Layout("time:48,sequence:16")
        parts = layout.decode(-1)
        self.assertEqual((parts["time"], parts.sequence), ((1 << 48) - 1, 65535))
        self.assertEqual(parts.time_ns, ((1 << 48) - 1) * 10**6)
        self.assertRaises(OverflowError, lambda: parts.datetime)
        self.assertRaises(OverflowError, layout.datetime, -1)
        self.assertRaises(snowid.InvalidError, lambda: snowid.format_time(time_ns=parts.time_ns))
        self.assertIn("after the year 9999", repr(parts))
        self.assertRaises(snowid.InvalidError, layout.encode, time_ns=parts.time_ns)

    def test_capacity(self) -> None:
        layout = snowid.Layout("twitter")
        self.assertEqual((layout.bits, layout.unit_ns, layout.ids_per_tick), (63, 1_000_000, 4096))
        self.assertEqual((layout.nodes, layout.last_tick), (1024, (1 << 41) - 1))
        self.assertEqual(layout.last_time, dt.datetime(2080, 7, 10, 17, 30, 30, 208000, UTC))
        self.assertEqual(layout.first_time, dt.datetime(2010, 11, 4, 1, 42, 54, 657000, UTC))
        self.assertEqual(layout.fits_until(63), layout.last_time)
        self.assertLess(layout.fits_until(53), layout.last_time)
        self.assertEqual(layout.fields["worker"], snowid.Field("worker", 5, 12))
        self.assertRaises(snowid.InvalidError, layout.fits_until, 0)

    def test_comparison_and_hash(self) -> None:
        layout = snowid.Layout("twitter")
        self.assertEqual(layout, snowid.Layout(layout.spec))
        self.assertEqual(hash(layout), hash(snowid.Layout(str(layout))))
        self.assertNotEqual(layout, snowid.Layout())
        self.assertNotEqual(layout.fingerprint, snowid.Layout().fingerprint)
        self.assertEqual(pickle.loads(pickle.dumps(layout)), layout)
        self.assertEqual(eval(repr(layout), {"Layout": snowid.Layout}), layout)


class Forms(unittest.TestCase):
    def test_text_forms(self) -> None:
        self.assertEqual(len(snowid.FORMS), 7)
        for form in snowid.FORMS:
            for id in (0, 1, (1 << 53) + 1, (1 << 64) - 1, TWEET):
                self.assertEqual(snowid.parse_id(snowid.format_id(id, form), form), id)
        self.assertEqual(snowid.format_id(TWEET), str(TWEET))
        self.assertEqual(snowid.parse_id(str(TWEET)), TWEET)
        self.assertEqual(snowid.format_id(str(TWEET), "hex"), f"{TWEET:016x}")
        self.assertRaises(snowid.InvalidError, snowid.format_id, 5, "base3")
        self.assertRaises(snowid.InvalidError, snowid.parse_id, "5", "base3")
        self.assertRaises(snowid.InvalidError, snowid.parse_id, "18446744073709551616", "decimal")
        self.assertRaises(TypeError, snowid.format_id, 5, 5)


class Masks(unittest.TestCase):
    KEY = bytes(range(16))

    def test_masked_ids(self) -> None:
        for layout, bits in ((None, 64), ("twitter", 63), (snowid.Layout("js53"), 53)):
            mask = snowid.Mask(self.KEY, layout)
            same = snowid.Mask(self.KEY.hex(), layout)
            ids = [random.randrange(1 << bits) for _ in range(100)] + [0, (1 << bits) - 1]
            masked = [mask.apply(id) for id in ids]
            self.assertTrue(all(0 <= number < 1 << bits for number in masked))
            self.assertEqual([same.revert(number) for number in masked], ids)
            self.assertEqual([mask.parse(mask.format(id)) for id in ids], ids)
            for id, number in zip(ids, masked):
                self.assertEqual(mask.format(id), snowid.format_id(number, "base58"))
                self.assertEqual(mask.apply(str(id)), number)
            other = snowid.Mask(bytes(16), layout)
            self.assertNotEqual([other.apply(id) for id in ids], masked)
        self.assertEqual(
            snowid.Mask(self.KEY).apply(-1), snowid.Mask(self.KEY).apply((1 << 64) - 1)
        )

    def test_wrong_keys_and_ids(self) -> None:
        for wrong in (b"", bytes(15), bytes(32), "", "0" * 31, "0" * 33, "g" * 32):
            with self.assertRaises(snowid.InvalidError) as caught:
                snowid.Mask(wrong)
            self.assertNotIn("g" * 8, str(caught.exception))
        for wrong in (None, 5, ["0"] * 16):
            self.assertRaises(TypeError, snowid.Mask, wrong)
        self.assertRaises(TypeError, snowid.Mask, self.KEY, 5)
        self.assertRaises(snowid.InvalidError, snowid.Mask, self.KEY, "time:19")
        mask = snowid.Mask(self.KEY, "twitter")
        for call in (mask.apply, mask.revert, mask.format):
            for wrong in (1 << 63, 1 << 64, "x"):
                self.assertRaises(snowid.InvalidError, call, wrong)
            self.assertRaises(TypeError, call, None)
        for wrong in ("", "0", "l", "z" * 11, "z" * 12):
            self.assertRaises(snowid.InvalidError, mask.parse, wrong)
        self.assertRaises(TypeError, mask.parse, 5)

    def test_the_key_stays_inside(self) -> None:
        mask = snowid.Mask(self.KEY)
        for call in (pickle.dumps, copy.copy, copy.deepcopy):
            self.assertRaises(TypeError, call, mask)
        self.assertNotIn(self.KEY.hex(), repr(mask))


if __name__ == "__main__":
    unittest.main()
