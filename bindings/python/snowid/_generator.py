# SPDX-License-Identifier: MIT
"""Generators, and the clock that tests drive them by."""

import datetime as dt
from array import array
from operator import index
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Dict,
    Generic,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Type,
    TypeVar,
    Union,
    overload,
)
from snowid import _errors, _snowid
from snowid._layout import Layout
from snowid._time import Instant, Span, from_instant, span_ns, span_text, text_ns, timeout_ns, to_datetime, to_ns
from snowid._values import ULID, UUID, _uuids

_T = TypeVar("_T", int, ULID, UUID)
_MAKERS: Dict[str, Union[Type[ULID], _snowid.Uuids]] = {
    "ulid": ULID,
    "uuid1": _uuids,
    "uuid6": _uuids,
    "uuid7": _uuids,
}
_MAX = (1 << 64) - 1


class ManualClock:
    """A clock that moves only when it is told to, for tests of what uses a generator.

    Its state is shared with children made by fork. A generator that waits moves it on.
    """

    __slots__ = ("_handle",)

    def __init__(self, instant: Instant) -> None:
        self._handle = _snowid.clock_new_manual(*from_instant(instant))

    def advance(self, span: Union[int, float, dt.timedelta]) -> None:
        """Lets time go on, by seconds or a timedelta."""
        self._handle.advance(timeout_ns(span, "span"))

    def step(self, span: Union[int, float, dt.timedelta]) -> None:
        """Sets the wall clock forwards or backwards, while no time passes."""
        self._handle.step(span_ns(span, "span"))

    def set(self, instant: Instant) -> None:
        """Sets the wall clock to an instant, while no time passes."""
        sec, nsec = from_instant(instant)
        self._handle.step(to_ns(sec, nsec) - self.time_ns)

    @property
    def time_ns(self) -> int:
        """What the wall clock shows, in nanoseconds since 1970."""
        sec, nsec, _ = self._handle.read()
        return to_ns(sec, nsec)

    @property
    def elapsed_ns(self) -> int:
        """How much time has passed since the clock was made."""
        return self._handle.read()[2]

    @property
    def datetime(self) -> dt.datetime:
        """What the wall clock shows, in UTC."""
        return to_datetime(self.time_ns)

    def __repr__(self) -> str:
        return f"<ManualClock at {self.datetime.isoformat()}>"


class Stats(NamedTuple):
    """Counters of a generator, over all processes that share it."""

    issued: int  #: IDs handed out
    waits: int  #: times a call slept
    regressions: int  #: times the clock was found to have stepped back
    refused: int  #: calls refused because the clock was too far behind
    max_lead_ns: int  #: furthest an ID was issued ahead of the clock
    max_lag_ns: int  #: furthest the clock was found behind its own highest reading


if TYPE_CHECKING:
    _Source = _snowid.Source
else:

    class _Source(_snowid.Source, Generic[_T]):
        __slots__ = ()


class Generator(_Source[_T]):
    """Makes IDs that nobody else makes: int, ULID or UUID objects, by its kind.

    ::

        ids = Generator("snowflake", worker=5)
        next(ids), ids.next(), ids.batch(100)

    kind
        A preset (``Layout.presets()``), a spec of fields, a ``Layout``; ``"ulid"``, ``"uuid1"``,
        ``"uuid6"`` or ``"uuid7"``.
    store
        Where the state lives: ``"memory:"``, ``"file:/path/state"``, which all processes of a host
        may share and which survives restarts and power cuts, or ``"slots:/directory?workers=0-31"``,
        which gives each process a worker of its own. Default: the environment's SNOWID_STORE, else
        ``"memory:"``.
    timeout
        Longest wait of a call without a timeout of its own (2 s).
    wait, hold
        A clock that is behind by up to ``wait`` (5 ms) is waited for; by up to ``hold`` (1 s), the
        generator goes on in its last tick; beyond, it raises ClockError.
    borrow
        How far IDs may run ahead of the clock when a tick is spent (0).
    block
        How far ahead of the clock a store allows IDs (3 s); each half of it costs one sync.
    jump
        A clock that goes ahead by more than this, beyond the time that has passed, is not recorded
        in a state file (1 h).
    mode
        Of a new state file: 0o600, 0o640 (the group may look at it) or 0o660 (the group shares it).
    spread
        Start the sequence of each tick at a random value.
    clock
        A ManualClock, for tests.
    fields, and any other keyword
        Values of the fields of the layout: ``worker=5, datacenter=1``; for uuid1 and uuid6 ``node``
        and ``clock_seq``. A field that has the name of a parameter goes into ``fields``.

    Spans are seconds, a timedelta, or text such as ``"250us"``.

    A generator may be used by any number of threads, and goes on in children made by fork (and so
    by multiprocessing, gunicorn, uWSGI): no ID is ever made twice. Iterating is endless and draws
    an ID only when it is asked for one. Closing it, or leaving a ``with`` block, ends it; one that
    is garbage is freed without waiting for anything.
    """

    __slots__ = ("_handle", "__weakref__")

    if TYPE_CHECKING:
        # The kind says what the IDs are.
        @overload
        def __init__(
            self: "Generator[ULID]",
            kind: Literal["ulid"],
            *,
            store: Optional[str] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            block: Optional[Span] = ...,
            jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
        ) -> None: ...

        @overload
        def __init__(
            self: "Generator[UUID]",
            kind: Literal["uuid1", "uuid6", "uuid7"],
            *,
            store: Optional[str] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            block: Optional[Span] = ...,
            jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
            node: int = ...,
            clock_seq: int = ...,
        ) -> None: ...

        @overload
        def __init__(
            self: "Generator[int]",
            kind: Union[str, Layout] = ...,
            *,
            store: Optional[str] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            block: Optional[Span] = ...,
            jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            spread: Union[bool, str, None] = ...,
            clock: Optional[ManualClock] = ...,
            fields: Optional[Mapping[str, int]] = ...,
            **more_fields: int,
        ) -> None: ...

    def __init__(
        self,
        kind: Union[str, Layout] = "snowflake",
        *,
        store: Optional[str] = None,
        timeout: Optional[Span] = None,
        wait: Optional[Span] = None,
        hold: Optional[Span] = None,
        borrow: Optional[Span] = None,
        block: Optional[Span] = None,
        jump: Optional[Span] = None,
        mode: Union[int, str, None] = None,
        spread: Union[bool, str, None] = None,
        clock: Optional[ManualClock] = None,
        fields: Optional[Mapping[str, int]] = None,
        **more_fields: int,
    ) -> None:
        name = kind.spec if isinstance(kind, Layout) else kind
        config = _snowid.config_new()
        config.set_kind(name)
        fields = fields or {}
        for field, value in {**fields, **more_fields}.items():
            if field in fields and field in more_fields:
                raise TypeError(f"Generator() got two values for the field {field}")
            config.set_field(field, _errors.unsigned(value, f"the field {field}"))
        if store is not None:
            config.set_store(store)
        if clock is not None:
            if not isinstance(clock, ManualClock):
                raise TypeError(f"clock must be a ManualClock, not {type(clock).__name__}")
            config.set_clock(clock._handle)
        spans = {"timeout": timeout, "wait": wait, "hold": hold, "borrow": borrow, "block": block, "jump": jump}
        for key, span in spans.items():
            if span is not None:
                config.set(key, span_text(span, key))
        if mode is not None:
            config.set("mode", mode if isinstance(mode, str) else f"{index(mode):04o}")
        if spread is not None:
            config.set("spread", str(spread).lower())
        self._handle = _snowid.generator_new(config)
        self._open(self._handle, _MAKERS.get(name), text_ns(self._handle.get("timeout")))


    def array(self, count: int, timeout: Union[int, float, dt.timedelta, None] = None) -> "array[int]":
        """count IDs as an ``array('Q')``, which numpy and others use without a copy.

        As batch(), but for 64-bit IDs alone; see fill() for the others.
        """
        if self.kind in _MAKERS:
            raise _errors.make(_snowid.E_KIND, f"array() is for IDs of 64 bits; fill() takes a {self.kind}", 0)
        return self.fill(array("Q", [0]) * _errors.unsigned(count, "count", _MAX >> 5), timeout)

    def available(self) -> int:
        """How many IDs could be had now without waiting."""
        return self._handle.available()

    def maintain(self) -> Optional[float]:
        """Does what is due for the store, and says in how many seconds to call it again.

        None: never. Nobody needs to call it; who does takes syncs away from the calls that draw IDs.
        """
        again_ns: int = self._handle.maintain()
        return None if again_ns == _MAX else again_ns / 1e9

    def stats(self) -> Stats:
        """Counters since the generator was made."""
        return Stats(*(self._handle.stat(i) for i in range(len(Stats._fields))))

    def field(self, name: str) -> int:
        """The value of a fixed field: ``worker``, ``shard``, ``node``, …"""
        return self._handle.field(name)

    def setting(self, key: str) -> str:
        """A setting that the generator was made with, as text: ``kind``, ``store``, ``timeout``, …"""
        return self._handle.get(key)

    @property
    def kind(self) -> str:
        """What it makes, as it was asked for."""
        return self._handle.get("kind")

    @property
    def layout(self) -> Optional[Layout]:
        """The layout of its IDs; None for ULIDs and UUIDs."""
        return None if self.kind in _MAKERS else Layout(self.kind)

    def close(self, timeout: Union[int, float, dt.timedelta] = 2) -> None:
        """Ends the generator; later calls raise ClosedError. Closing it again does nothing.

        Waits up to timeout for the store to be told.
        """
        self._handle.close(timeout_ns(timeout))

    def __enter__(self: "Generator[_T]") -> "Generator[_T]":
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.kind!r} in {self.setting('store')!r}>"
