# SPDX-License-Identifier: MIT
"""Layouts: what the bits of a 64-bit ID mean."""

import builtins
import datetime as dt
from typing import Any, Dict, List, Literal, Mapping, NamedTuple, Optional, Tuple, Union, overload

from snowid import _errors, _snowid
from snowid._time import (
    WHOLE,
    Instant,
    Whole,
    from_instant,
    from_period,
    to_datetime,
    to_ns,
    to_seconds,
)
from snowid._values import Id, id64


#: The built-in layouts, for type checkers.
Preset = Literal["snowflake", "twitter", "discord", "instagram", "sonyflake", "js53"]


class Field(NamedTuple):
    """A field of a layout: its name, its width in bits, and the position of its lowest bit."""

    name: str
    bits: int
    shift: int


class Parts:
    """The parts of a 64-bit ID.

    Each field can be read as an item, as an attribute (unless its name is ``time`` or one of those
    below), and from ``fields``::

        >>> parts = snowid.Layout("twitter").decode(1541815603606036480)
        >>> parts.worker, parts["datacenter"], parts.datetime.year
        (26, 11, 2022)
    """

    __slots__ = ("id", "time_ns", "fields")
    __iter__ = None

    #: The ID itself.
    id: int
    #: When it was made: the start of its tick, in nanoseconds since 1970.
    time_ns: int
    #: All fields by name, including the time (in ticks) and the sequence.
    fields: Mapping[str, int]

    def __init__(self, id: int, time_ns: int, fields: Mapping[str, int]) -> None:
        self.id = id
        self.time_ns = time_ns
        self.fields = fields

    @property
    def timestamp(self) -> float:
        """When it was made, in seconds since 1970."""
        return to_seconds(self.time_ns)

    @property
    def datetime(self) -> dt.datetime:
        """When it was made, in UTC. Raises OverflowError after the year 9999."""
        return to_datetime(self.time_ns)

    def __getattr__(self, name: str) -> int:
        if name in Parts.__slots__:
            raise AttributeError(name)
        if name == "time":  # would be taken for seconds
            raise AttributeError(
                "the time is in datetime, timestamp and time_ns; ['time'] is ticks"
            )
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"this layout has no field {name!r}") from None

    def __getitem__(self, name: str) -> int:
        return self.fields[name]

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *(name for name in self.fields if name != "time")]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parts):
            return NotImplemented
        return (self.id, self.time_ns, self.fields) == (other.id, other.time_ns, other.fields)

    def __hash__(self) -> int:
        return hash((self.id, self.time_ns))

    def __reduce__(self) -> Tuple[Any, ...]:
        return Parts, (self.id, self.time_ns, dict(self.fields))

    def __repr__(self) -> str:
        try:
            time = self.datetime.isoformat()
        except OverflowError:
            time = "after the year 9999"
        fields = ", ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"<Parts of {self.id}: {time}, {fields}>"


class Layout:
    """What the bits of a 64-bit ID mean: time, sequence and named fields, unit of time and epoch.

    ``spec`` is a preset (see ``Layout.presets()``) or lists the fields from the most significant
    bit down, such as ``"time:41,region:3,worker:7,sequence:12;epoch=2024-01-01;unit=1ms"``.
    Layouts are immutable, and equal if their full specs are equal.
    """

    __slots__ = ("_handle", "_spec", "_fields", "_bits")

    def __init__(self, spec: str = "snowflake") -> None:
        self._handle = _snowid.layout_new(spec)
        self._spec: str = self._handle.format()
        self._bits = self._handle.info(_snowid.LAYOUT_BITS)
        count = self._handle.info(_snowid.LAYOUT_FIELDS)
        self._fields = tuple(Field(*self._handle.field_at(i)) for i in range(count))

    @staticmethod
    def presets() -> Tuple[str, ...]:
        """The names of the built-in layouts."""
        names: List[str] = []
        while (name := _snowid.layout_preset(len(names))) is not None:
            names.append(name)
        return tuple(names)

    def decode(self, id: Id) -> Parts:
        """Splits an ID into its parts. Raises InvalidError if it has more bits than the layout.

        An ID is an int, which may be negative if it comes from a signed column, or decimal text.
        """
        number = id64(id, self._bits)
        time_ns = to_ns(*self._handle.time(number))
        values = {f.name: number >> f.shift & (1 << f.bits) - 1 for f in self._fields}
        return Parts(number, time_ns, values)

    def encode(
        self,
        instant: Optional[Instant] = None,
        /,
        *,
        time_ns: Optional[int] = None,
        fields: Optional[Mapping[str, int]] = None,
        **more_fields: int,
    ) -> int:
        """The ID with this instant and these field values. Fields that are not given are 0.

        If a field has the name of a parameter, set it in ``fields``.
        """
        values = _errors.merge_fields("encode", fields, more_fields)
        id = self.first_at(instant, time_ns=time_ns)
        for name, value in values.items():
            id = self._handle.set_field(name, value, id)
        return id

    def time_ns(self, id: Id) -> int:
        """When an ID was made: the start of its tick, in nanoseconds since 1970."""
        return to_ns(*self._handle.time(id64(id, self._bits)))

    def datetime(self, id: Id) -> dt.datetime:
        """When an ID was made, in UTC. Raises OverflowError after the year 9999."""
        return to_datetime(self.time_ns(id))

    def first_at(self, instant: Optional[Instant] = None, *, time_ns: Optional[int] = None) -> int:
        """The smallest ID of the tick that contains an instant, for range queries.

        Raises InvalidError if the instant is outside the time range of the layout.
        """
        return self._handle.first_at(*from_instant(instant, time_ns))

    def last_at(self, instant: Optional[Instant] = None, *, time_ns: Optional[int] = None) -> int:
        """The largest ID of the tick that contains an instant."""
        return self._handle.last_at(*from_instant(instant, time_ns))

    @overload
    def range(self, start: Union[str, dt.date]) -> "builtins.range":
        ...

    @overload
    def range(self, start: Optional[Instant], before: Optional[Instant]) -> "builtins.range":
        ...

    def range(
        self, start: Optional[Instant], before: Union[Instant, None, Whole] = WHOLE
    ) -> "builtins.range":
        """The IDs from one instant to just before another, for range queries.

        None as the start or the end means that there is none. A date alone, or text alone, means
        all of it: a month, a day, a second. Adjacent ranges neither overlap nor leave a gap::

            >>> january = snowid.Layout("twitter").range("2024-01")
            >>> january == snowid.Layout("twitter").range("2024-01-01", "2024-02-01")
            True

            ids = layout.range(datetime.date(2024, 1, 31))
            db.execute("... WHERE id BETWEEN ? AND ?", (ids.start, ids.stop - 1))
        """
        first, last = self._handle.range(*from_period(start, before))
        return builtins.range(first, last + 1)

    def fits_until(self, bits: int) -> dt.datetime:
        """Until when all IDs fit into this many bits: 63 for signed integers, 53 for JavaScript."""
        return to_datetime(to_ns(*self._handle.fits_until(bits)))

    @property
    def spec(self) -> str:
        """The full spec of the layout, from which the same layout can be made."""
        return self._spec

    @property
    def fields(self) -> Dict[str, Field]:
        """The fields by name, most significant first."""
        return {field.name: field for field in self._fields}

    @property
    def bits(self) -> int:
        """The total number of bits."""
        return self._bits

    @property
    def unit_ns(self) -> int:
        """The length of a tick in nanoseconds."""
        return self._handle.info(_snowid.LAYOUT_UNIT_NS)

    @property
    def ids_per_tick(self) -> int:
        """How many IDs a node can make per tick."""
        return self._handle.info(_snowid.LAYOUT_IDS_PER_TICK)

    @property
    def nodes(self) -> int:
        """How many nodes can be distinguished by the fields other than time and sequence."""
        return self._handle.info(_snowid.LAYOUT_NODES)

    @property
    def last_tick(self) -> int:
        """The last tick of the layout, counted from its epoch."""
        return self._handle.info(_snowid.LAYOUT_LAST_TICK)

    @property
    def fingerprint(self) -> int:
        """A hash of everything that determines the bits: field widths, time unit and epoch."""
        return self._handle.info(_snowid.LAYOUT_FINGERPRINT)

    @property
    def first_time(self) -> dt.datetime:
        """The first instant of the layout: its epoch."""
        return to_datetime(to_ns(*self._handle.first_time()))

    @property
    def last_time(self) -> dt.datetime:
        """The last instant of the layout: the start of its last tick."""
        return to_datetime(to_ns(*self._handle.last_time()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layout):
            return NotImplemented
        return self._spec == other._spec

    def __hash__(self) -> int:
        return hash(self._spec)

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self._spec,)

    def __str__(self) -> str:
        return self._spec

    def __repr__(self) -> str:
        return f"Layout({self._spec!r})"
