# SPDX-License-Identifier: MIT
"""ULIDs, UUIDs, and the text forms of 64-bit IDs."""

import datetime as dt
import uuid
from operator import index
from typing import Any, ClassVar, List, Optional, Tuple, Type, TypeVar, Union, overload

from snowid import _errors, _snowid
from snowid._time import (
    WHOLE,
    Instant,
    Number,
    Whole,
    from_instant,
    from_period,
    to_datetime,
    to_ns,
    to_seconds,
)

#: An ID of 64 bits, as functions take it.
Id = Union[int, str]
_MIN, _MAX = -(1 << 63), (1 << 64) - 1
_U = TypeVar("_U", bound="ULID")
_V = TypeVar("_V", bound="UUID")


class ULID(_snowid.ULID):
    """A ULID (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits.

    ``ULID()`` makes a new one. ``ULID(value)`` converts a str of 26 characters, 16 bytes, an int or
    a ``uuid.UUID``. ULIDs are immutable and hashable, and sort by time::

        >>> u = snowid.ULID("01ARZ3NDEKTSV4RRFFQ69G5FAV")
        >>> str(u), u.datetime.isoformat()
        ('01ARZ3NDEKTSV4RRFFQ69G5FAV', '2016-07-30T23:54:10.259000+00:00')

    Those made by ``ULID()`` are unordered within a millisecond; ``Generator("ulid")`` orders them.
    ``ULID.NIL`` is the smallest, with all bits 0, and ``ULID.MAX`` the largest.
    """

    __slots__ = ()

    NIL: "ClassVar[ULID]"
    MAX: "ClassVar[ULID]"

    @classmethod
    def from_timestamp(cls: Type[_U], seconds: Number) -> _U:
        """A new ULID for another time than now, in seconds since 1970: for data that is older."""
        if isinstance(seconds, (str, dt.date)):
            raise TypeError(f"a number of seconds is needed, not {type(seconds).__name__}")
        return cls._random_at(seconds)

    @classmethod
    def from_datetime(cls: Type[_U], datetime: dt.datetime) -> _U:
        """A new ULID for another time than now: for data that is older."""
        if not isinstance(datetime, dt.datetime):
            raise TypeError(f"a datetime is needed, not {type(datetime).__name__}")
        return cls._random_at(datetime)

    @classmethod
    def _random_at(cls: Type[_U], instant: Instant) -> _U:
        first: bytes = _snowid.ulid_first_at(*from_instant(instant))
        return cls(first[:6] + ULID().bytes[6:])

    @property
    def time_ns(self) -> int:
        """When it was made, in nanoseconds since 1970, with a resolution of 1 ms."""
        return _snowid.ulid_time_ms(self) * 1_000_000

    @property
    def timestamp(self) -> float:
        """When it was made, in seconds since 1970."""
        return to_seconds(self.time_ns)

    @property
    def datetime(self) -> dt.datetime:
        """When it was made, in UTC. Raises OverflowError after the year 9999."""
        return to_datetime(self.time_ns)

    @property
    def hex(self) -> str:
        """The 16 bytes as 32 hexadecimal digits."""
        return self.bytes.hex()

    @property
    def uuid(self) -> "UUID":
        """The UUID with the same 16 bytes."""
        return _uuids.make(self)

    def increment(self: _U) -> _U:
        """The next ULID of the same millisecond.

        Raises InvalidError if the random part is all ones.
        """
        return type(self)(_snowid.ulid_increment(self))

    @classmethod
    def first_at(
        cls: Type[_U], instant: Optional[Instant] = None, *, time_ns: Optional[int] = None
    ) -> _U:
        """The smallest ULID of the millisecond that contains an instant, for range queries."""
        return cls(_snowid.ulid_first_at(*from_instant(instant, time_ns)))

    @classmethod
    def last_at(
        cls: Type[_U], instant: Optional[Instant] = None, *, time_ns: Optional[int] = None
    ) -> _U:
        """The largest ULID of the millisecond that contains an instant."""
        return cls(_snowid.ulid_last_at(*from_instant(instant, time_ns)))

    @overload
    @classmethod
    def range(cls: Type[_U], start: Union[str, dt.date]) -> Tuple[_U, _U]:
        ...

    @overload
    @classmethod
    def range(cls: Type[_U], start: Optional[Instant], before: Optional[Instant]) -> Tuple[_U, _U]:
        ...

    @classmethod
    def range(
        cls: Type[_U], start: Optional[Instant], before: Union[Instant, None, Whole] = WHOLE
    ) -> Tuple[_U, _U]:
        """The first and the last ULID of a period, as of ``Layout.range()``, for BETWEEN.

        The first is above the last if the period is too short to contain any.
        """
        first, last = _snowid.ulid_range(*from_period(start, before))
        return cls(first), cls(last)

    def __bytes__(self) -> bytes:
        return self.bytes

    def __int__(self) -> int:
        return int.from_bytes(self.bytes, "big")

    def __format__(self, spec: str) -> str:
        """Formats the text like a str, as in ``f"{ulid:>30}"``."""
        return format(str(self), spec)


ULID.NIL = ULID(bytes(16))
ULID.MAX = ULID(b"\xff" * 16)


class UUID(uuid.UUID):
    """A ``uuid.UUID`` that knows its time. It equals the standard library's and can replace it.

    ``uuid7()`` and generators of the kinds uuid1, uuid6 and uuid7 make these. The constructor takes
    the same arguments as ``uuid.UUID``; ``UUID.of(other)`` converts another UUID, a ULID or 16
    bytes.
    """

    __slots__ = ()

    @classmethod
    def of(cls: Type[_V], value: Union[uuid.UUID, ULID, bytes]) -> _V:
        """Converts a UUID, a ULID or 16 bytes to this class."""
        raw: Any = getattr(value, "bytes", value)
        return cls(bytes=memoryview(raw).tobytes())

    @classmethod
    def parse(cls: Type[_V], text: str) -> _V:
        """Parses a UUID strictly.

        It has four hyphens, and may be in braces or after ``urn:uuid:``; or it is 32 digits.
        """
        return cls.of(_snowid.uuid_parse(text))

    @property
    def kind(self) -> str:
        """What it is: "uuid1" to "uuid8", "nil" or "max".

        Others are "uuid" (RFC 9562 has no such version), "ncs", "microsoft" or "future" (variants).
        """
        return _snowid.uuid_kind(self.bytes)

    @property
    def time(self) -> int:
        """The time in the unit of its version, as in Python 3.14; see also ``time_ns``.

        That is 100 ns since 15 October 1582 in versions 1 and 6, and milliseconds since 1970 in
        version 7. It means nothing in others.
        """
        # The standard library's knows versions 6 and 7 only since Python 3.14.
        if self.version == 6:  # RFC 9562, section 5.6
            return self.int >> 96 << 28 | self.time_mid << 12 | self.time_hi_version & 0xFFF
        if self.version == 7:  # RFC 9562, section 5.7
            return self.int >> 80
        return super().time

    @property
    def time_ns(self) -> int:
        """When it was made, in nanoseconds since 1970.

        Raises InvalidError unless it is version 1, 6 or 7.
        """
        return to_ns(*_snowid.uuid_time(self.bytes))

    @property
    def timestamp(self) -> float:
        """When it was made, in seconds since 1970."""
        return to_seconds(self.time_ns)

    @property
    def datetime(self) -> dt.datetime:
        """When it was made, in UTC. Raises OverflowError after the year 9999."""
        return to_datetime(self.time_ns)

    @property
    def ulid(self) -> ULID:
        """The ULID with the same 16 bytes."""
        return ULID(self.bytes)

    def replace(self: _V, *, node: Optional[int] = None, clock_seq: Optional[int] = None) -> _V:
        """A copy with another node or clock sequence.

        Raises InvalidError unless it is version 1 or 6.
        """
        value = self.bytes
        if node is not None:
            node = _errors.unsigned(node, "node", (1 << 48) - 1)
            value = _snowid.uuid_set_node(value, node.to_bytes(6, "big"))
        if clock_seq is not None:
            value = _snowid.uuid_set_clock_seq(value, clock_seq)
        return self.of(value)

    def to_v6(self: _V) -> _V:
        """Converts a UUID of version 1 to version 6, which sorts by time."""
        return self.of(_snowid.uuid_1to6(self.bytes))

    def to_v1(self: _V) -> _V:
        """Converts a UUID of version 6 to version 1."""
        return self.of(_snowid.uuid_6to1(self.bytes))

    @classmethod
    def first_at(
        cls: Type[_V],
        version: int,
        instant: Optional[Instant] = None,
        *,
        time_ns: Optional[int] = None,
    ) -> _V:
        """The smallest UUID of a version (1, 6 or 7) and an instant, for range queries."""
        return cls.of(_snowid.uuid_first_at(version, *from_instant(instant, time_ns)))

    @classmethod
    def last_at(
        cls: Type[_V],
        version: int,
        instant: Optional[Instant] = None,
        *,
        time_ns: Optional[int] = None,
    ) -> _V:
        """The largest UUID of a version (1, 6 or 7) and an instant."""
        return cls.of(_snowid.uuid_last_at(version, *from_instant(instant, time_ns)))

    @overload
    @classmethod
    def range(cls: Type[_V], version: int, start: Union[str, dt.date]) -> Tuple[_V, _V]:
        ...

    @overload
    @classmethod
    def range(
        cls: Type[_V], version: int, start: Optional[Instant], before: Optional[Instant]
    ) -> Tuple[_V, _V]:
        ...

    @classmethod
    def range(
        cls: Type[_V],
        version: int,
        start: Optional[Instant],
        before: Union[Instant, None, Whole] = WHOLE,
    ) -> Tuple[_V, _V]:
        """The first and the last UUID of a version and a period, as of ``ULID.range()``."""
        first, last = _snowid.uuid_range(version, *from_period(start, before))
        return cls.of(first), cls.of(last)

    def __format__(self, spec: str) -> str:
        """Formats the text like a str, as in ``f"{id:>40}"``."""
        return format(str(self), spec)


_uuids = _snowid.Uuids(UUID, uuid.SafeUUID.unknown)
setattr(UUID, "__str__", _uuids.text)
uuid4, uuid7 = _uuids.uuid4, _uuids.uuid7
#: The smallest and the largest UUID (RFC 9562, sections 5.9 and 5.10).
NIL, MAX = UUID(int=0), UUID(int=(1 << 128) - 1)


def _namespace_bytes(namespace: Union[uuid.UUID, str]) -> bytes:
    if isinstance(namespace, uuid.UUID):
        return namespace.bytes
    if not isinstance(namespace, str):
        raise TypeError(f"a namespace is a UUID or a str, not {type(namespace).__name__}")
    # The names of namespaces are shorter than the shortest text of a UUID.
    parse = _snowid.uuid_parse if len(namespace) >= 32 else _snowid.uuid_namespace
    return parse(namespace)


def uuid3(namespace: Union[uuid.UUID, str], name: Union[str, bytes]) -> UUID:
    """The UUID of version 3 (MD5) of a name, like uuid5(), which is to be preferred."""
    return _uuids.make(_snowid.uuid3_from_name(_namespace_bytes(namespace), name))


def uuid5(namespace: Union[uuid.UUID, str], name: Union[str, bytes]) -> UUID:
    """The UUID of version 5 (SHA-1) of a name: always the same for the same name.

    The namespace is ``"dns"``, ``"url"``, ``"oid"``, ``"x500"``, a UUID or the text of one.

    >>> snowid.uuid5("dns", "www.example.com")
    UUID('2ed6657d-e927-568b-95e1-2665a8aea6a2')
    """
    return _uuids.make(_snowid.uuid5_from_name(_namespace_bytes(namespace), name))


def uuid8(data: bytes) -> UUID:
    """The UUID of version 8 with 16 bytes of your own, of which 6 bits give way to the version.

    >>> snowid.uuid8(bytes(range(16)))
    UUID('00010203-0405-8607-8809-0a0b0c0d0e0f')
    """
    return _uuids.make(_snowid.uuid8_from_bytes(data))


def _form_names() -> Tuple[str, ...]:
    names: List[str] = []
    while (name := _snowid.form_name(len(names))) is not None:
        names.append(name)
    return tuple(names)


#: The text forms of 64-bit IDs.
FORMS = _form_names()
_FORM = {name: _snowid.form_parse(name) for name in FORMS}
_DECIMAL = _FORM["decimal"]


def _form(name: str) -> int:
    return _FORM[name] if name in _FORM else _snowid.form_parse(name)


def id64(value: Id, bits: int = 64) -> int:
    """Converts an ID to an int: any integer, a negative one of a signed column, or decimal text."""
    if isinstance(value, str):
        return _snowid.id_parse(value, _DECIMAL)
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"id must be an int or a str, not {type(value).__name__}") from None
    minimum = _MIN if bits == 64 else 0
    if not minimum <= number <= _MAX:
        raise _errors.out_of_range("id", number, minimum, (1 << bits) - 1)
    return number & _MAX


def format_id(id: Id, form: str = "decimal") -> str:
    """Formats a 64-bit ID as text, in one of ``snowid.FORMS``.

    >>> snowid.format_id(1541815603606036480, "base62")
    '1ptWyK4WgZU'
    """
    return _snowid.id_format(id64(id), _form(form))


def parse_id(text: str, form: str = "decimal") -> int:
    """Parses text written by format_id(). Raises InvalidError for any other text.

    Decimal text may be negative, as the signed columns of databases have it.
    """
    return _snowid.id_parse(text, _form(form))
