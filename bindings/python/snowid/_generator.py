# SPDX-License-Identifier: MIT
"""Generators, and a clock to test them with."""

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
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)
from snowid import _errors, _snowid
from snowid._layout import Layout, Preset
from snowid._time import (
    Instant,
    Span,
    from_instant,
    span_ns,
    span_text,
    timeout_ns,
    to_datetime,
    to_ns,
)
from snowid._values import ULID, UUID, _uuids

_T_co = TypeVar("_T_co", bound=Union[int, ULID, UUID], covariant=True)
_MAKERS: Dict[str, Union[Type[ULID], _snowid.Uuids]] = {
    "ulid": ULID,
    "uuid1": _uuids,
    "uuid6": _uuids,
    "uuid7": _uuids,
}
_MAX = (1 << 64) - 1
_Lease = Literal["held", "in doubt", "lost"]
_LEASES: Tuple[Optional[_Lease], ...] = (None, "held", "in doubt", "lost")


class ManualClock:
    """A clock that only moves when told to, for testing programs that use a generator.

    Forked children share its state. When a generator waits, the clock moves on at once.
    """

    __slots__ = ("_handle",)

    def __init__(self, instant: Optional[Instant] = None, *, time_ns: Optional[int] = None) -> None:
        self._handle = _snowid.clock_new_manual(*from_instant(instant, time_ns))

    def advance(self, span: Span) -> None:
        """Lets time pass."""
        self._handle.advance(timeout_ns(span, "span"))

    def step(self, span: Span) -> None:
        """Steps the wall clock forwards or, if the span is negative, backwards; no time passes."""
        self._handle.step(span_ns(span, "span"))

    def set(self, instant: Optional[Instant] = None, *, time_ns: Optional[int] = None) -> None:
        """Sets the wall clock to an instant; no time passes."""
        sec, nsec = from_instant(instant, time_ns)
        self._handle.step(to_ns(sec, nsec) - self.time_ns)

    @property
    def time_ns(self) -> int:
        """The time of the wall clock, in nanoseconds since 1970."""
        sec, nsec, _ = self._handle.read()
        return to_ns(sec, nsec)

    @property
    def elapsed_ns(self) -> int:
        """The time that has passed since the clock was created, in nanoseconds."""
        return self._handle.read()[2]

    @property
    def datetime(self) -> dt.datetime:
        """The time of the wall clock, in UTC."""
        return to_datetime(self.time_ns)

    def __repr__(self) -> str:
        return f"<ManualClock at {self.datetime.isoformat()}>"


class Stats(NamedTuple):
    """Counters of a generator, for all processes that share it.

    The values from ``lease`` on are of a store with a coordinator.
    """

    issued: int  #: number of IDs issued
    waits: int  #: how often a call has slept
    regressions: int  #: how often the clock was found to have stepped back
    refused: int  #: number of calls refused because the clock was too far behind
    max_lead_ns: int  #: the furthest that an ID was issued ahead of the clock
    max_lag_ns: int  #: the furthest that the clock was behind its own highest reading
    removals: int  #: how often the file of host: was removed while it was in use
    left_ns: Optional[int]  #: how long IDs can be made if the store is not renewed; None: for ever
    lease: Optional[_Lease]  #: None: no coordinator, or closed
    epoch: int  #: how often the present worker was claimed, by any process
    losses: int  #: how often the generator lost its worker
    renewals: int  #: how often the coordinator has confirmed a renewal
    renewal_ns: int  #: how long it took to confirm the last one
    workers_free: Optional[int]  #: how many workers could be claimed when last seen; None: unknown


_COUNTERS = frozenset(Stats._fields) - {"left_ns", "lease", "workers_free"}

if TYPE_CHECKING:
    _Source = _snowid.Source
else:

    class _Source(_snowid.Source, Generic[_T_co]):
        __slots__ = ()


class Generator(_Source[_T_co]):
    """Makes unique IDs: ints, ULIDs or UUIDs, depending on its kind.

    ::

        ids = Generator("snowflake", worker=5)
        next(ids), ids.next(), ids.batch(100)

    kind
        The kind of ID to make: a preset (see ``Layout.presets()``), a layout spec or a ``Layout``;
        or ``"ulid"``, ``"uuid1"``, ``"uuid6"`` or ``"uuid7"``.
    store
        Where the generator keeps its state: ``"host:"``, which all processes of a user share until
        the next boot; ``"file:/path/state"``, which survives reboots and power cuts;
        ``"slots:/directory?workers=0-31"``, which gives each process a worker of its own; or
        ``"memory:"``, which only this process and its forked children know. The default is the
        environment variable SNOWID_STORE; without it, ``"host:"`` for layouts, and ``"memory:"``
        for ULIDs, UUIDs and with a clock of your own.
    open_timeout
        How long creating the generator may wait in all. Without it, it waits up to twice the
        reserve for the clock.
    timeout
        How long a call without a timeout argument may wait (2 s).
    wait, hold
        If the clock is behind by up to ``wait`` (5 ms), wait for it to catch up. If it is behind by
        up to ``hold`` (1 s), continue from the last tick. If it is behind by more, raise
        ClockError.
    borrow
        How far IDs may run ahead of the clock when the sequence of a tick is used up (0).
    reserve
        How far ahead of the clock a store allows IDs (3 s). A third of it costs one sync.
    max_jump
        If the clock goes ahead by more than this, beyond the time that has really passed, do not
        record its time in a state file (1 h).
    mode
        The permissions of a new state file: 0o600 for the user only, 0o640 to let the group read
        it, or 0o660 to let the group use it (0o600).
    spread
        Whether to begin the sequence of each tick at a random value (False).
    clock
        A ManualClock, for tests.
    fields, and all other keyword arguments
        The values of fields of the layout, such as ``worker=5, datacenter=1``; for uuid1 and uuid6,
        ``node`` and ``clock_seq``. If a field has the name of a parameter, set it in ``fields``.

    Defaults are in parentheses. A span of time is a number of seconds, a timedelta, or text such as
    ``"250us"``.

    A type checker knows the type of the IDs from the kind: ``Generator("ulid")`` is a
    ``Generator[ULID]``, ``Generator("snowflake")`` and ``Generator(Layout(spec))`` are
    ``Generator[int]``. A spec, or another str that it cannot know, is a ``Generator[int | ULID |
    UUID]``, and takes its fields in ``fields`` only.

    Any number of threads may use a generator. With the default store, so may all processes of one
    user on a host: gunicorn, uvicorn, uWSGI, Celery and multiprocessing, forked or spawned, never
    get the same ID from generators with the same fields. What needs a worker of its own: another
    host, another container, another user, a program that names another store, and a service that
    cannot see /dev/shm. Open all generators before a change of user, or all after it. If the clock
    may be set back across a reboot, use ``"file:"``.

    Iterating over a generator is endless, and makes each ID only when it is asked for. ``close()``
    or the end of a ``with`` block closes it; garbage collection frees it without waiting for
    anything.
    """

    __slots__ = ("_handle", "__weakref__")

    if TYPE_CHECKING:
        # The kind determines the type of the IDs, and which fields there are. Of a str that is not
        # among these, the fields are not known: keyword arguments for them would let ULIDs have a
        # worker.
        @overload
        def __init__(
            self: "Generator[ULID]",
            kind: Literal["ulid"],
            *,
            store: Optional[str] = ...,
            open_timeout: Optional[Span] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            reserve: Optional[Span] = ...,
            max_jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
        ) -> None:
            ...

        @overload
        def __init__(
            self: "Generator[UUID]",
            kind: Literal["uuid7"],
            *,
            store: Optional[str] = ...,
            open_timeout: Optional[Span] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            reserve: Optional[Span] = ...,
            max_jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
        ) -> None:
            ...

        @overload
        def __init__(
            self: "Generator[UUID]",
            kind: Literal["uuid1", "uuid6"],
            *,
            store: Optional[str] = ...,
            open_timeout: Optional[Span] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            reserve: Optional[Span] = ...,
            max_jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
            node: int = ...,
            clock_seq: int = ...,
        ) -> None:
            ...

        @overload
        def __init__(
            self: "Generator[int]",
            kind: Union[Preset, Layout] = ...,
            *,
            store: Optional[str] = ...,
            open_timeout: Optional[Span] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            reserve: Optional[Span] = ...,
            max_jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
            spread: Union[bool, str, None] = ...,
            fields: Optional[Mapping[str, int]] = ...,
            **more_fields: int,
        ) -> None:
            ...

        @overload
        def __init__(
            self: "Generator[Union[int, ULID, UUID]]",
            kind: str,
            *,
            store: Optional[str] = ...,
            open_timeout: Optional[Span] = ...,
            timeout: Optional[Span] = ...,
            wait: Optional[Span] = ...,
            hold: Optional[Span] = ...,
            borrow: Optional[Span] = ...,
            reserve: Optional[Span] = ...,
            max_jump: Optional[Span] = ...,
            mode: Union[int, str, None] = ...,
            clock: Optional[ManualClock] = ...,
            spread: Union[bool, str, None] = ...,
            fields: Optional[Mapping[str, int]] = ...,
        ) -> None:
            ...

    def __init__(
        self,
        kind: Union[str, Layout] = "snowflake",
        *,
        store: Optional[str] = None,
        open_timeout: Optional[Span] = None,
        timeout: Optional[Span] = None,
        wait: Optional[Span] = None,
        hold: Optional[Span] = None,
        borrow: Optional[Span] = None,
        reserve: Optional[Span] = None,
        max_jump: Optional[Span] = None,
        mode: Union[int, str, None] = None,
        spread: Union[bool, str, None] = None,
        clock: Optional[ManualClock] = None,
        fields: Optional[Mapping[str, int]] = None,
        **more_fields: int,
    ) -> None:
        name = kind.spec if isinstance(kind, Layout) else kind
        config = _snowid.config_new()
        config.set_kind(name)
        for field, value in _errors.merge_fields("Generator", fields, more_fields).items():
            if field in more_fields:
                config.set(field, str(value))  # suggests a parameter as well, if it is misspelt
            else:
                config.set_field(field, value)
        if store is not None:
            config.set_store(store)
        if clock is not None:
            if not isinstance(clock, ManualClock):
                raise TypeError(f"clock must be a ManualClock, not {type(clock).__name__}")
            config.set_clock(clock._handle)
        spans = {
            "timeout": timeout,
            "wait": wait,
            "hold": hold,
            "borrow": borrow,
            "reserve": reserve,
            "max_jump": max_jump,
        }
        for key, span in spans.items():
            if span is not None:
                config.set(key, span_text(span, key))
        if mode is not None:
            config.set("mode", mode if isinstance(mode, str) else f"{index(mode):04o}")
        if spread is not None:
            config.set("spread", str(spread).lower())
        if open_timeout is None:
            self._handle = _snowid.generator_new(config)
        else:
            limit = timeout_ns(open_timeout, "open_timeout")
            self._handle = _snowid.generator_new_for(config, limit)
        self._open(self._handle, _MAKERS.get(name), timeout_ns(self._handle.get("timeout")))

    def array(self, count: int, timeout: Optional[Span] = None) -> "array[int]":
        """Makes count IDs, like batch(), as an ``array('Q')``, which numpy can use without a copy.

        It is for 64-bit IDs only. For ULIDs and UUIDs, use fill().
        """
        if self.kind in _MAKERS:
            raise _errors.make(
                _snowid.E_KIND, f"array() is for IDs of 64 bits; fill() takes a {self.kind}", 0
            )
        return self.fill(array("Q", [0]) * _errors.unsigned(count, "count", _MAX >> 5), timeout)

    def available(self) -> int:
        """How many IDs are available now without waiting."""
        return self._handle.available()

    def maintain(self) -> Optional[float]:
        """Renews the store if that is due, and returns after how many seconds to call it again.

        None means never. Calling it is optional: it keeps syncs out of the calls that make IDs.
        """
        again_ns: int = self._handle.maintain()
        return None if again_ns == _MAX else again_ns / 1e9

    def stats(self) -> Stats:
        """Counters since the generator was created, or since its store was, if others share it."""
        read = self._handle.stat
        free = read(_snowid.STAT_WORKERS_FREE)
        return Stats(
            **{name: read(which) for which, name in enumerate(Stats._fields) if name in _COUNTERS},
            left_ns=self._left_ns(),
            lease=_LEASES[read(_snowid.STAT_LEASE)],
            workers_free=None if free == _MAX else free,
        )

    def _left_ns(self) -> Optional[int]:
        try:
            left = self._handle.stat(_snowid.STAT_LEFT_NS)
        except _errors.ClockError:  # it is outside the time of the layout
            return 0
        return None if left == _MAX else left

    def field(self, name: str) -> int:
        """The value of a field that is the same in all IDs, such as ``worker`` or ``node``."""
        return self._handle.field(name)

    def setting(self, key: str) -> str:
        """A setting of the generator as text, such as ``kind``, ``store`` or ``timeout``."""
        return self._handle.get(key)

    @property
    def kind(self) -> str:
        """The kind of ID that it makes."""
        return self._handle.get("kind")

    @property
    def layout(self) -> Optional[Layout]:
        """The layout of its IDs, or None for ULIDs and UUIDs."""
        return None if self.kind in _MAKERS else Layout(self.kind)

    def close(self, timeout: Span = 2) -> None:
        """Closes the generator: later calls raise ClosedError. Closing it again has no effect.

        Waits up to timeout for the store.
        """
        self._handle.close(timeout_ns(timeout))

    def __enter__(self: "Generator[_T_co]") -> "Generator[_T_co]":
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
