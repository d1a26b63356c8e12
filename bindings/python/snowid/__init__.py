# SPDX-License-Identifier: MIT
"""Distributed unique IDs: Snowflake and other 64-bit layouts, ULID and UUID.

A generator never makes the same ID twice: not for two threads, not for a process and its forked
children, not after the clock has stepped back, and, with a state file, not after a crash or a power
cut::

    import snowid

    ids = snowid.Generator("snowflake", worker=5)
    id = ids.next()                              # an int
    for id in ids: ...                           # endless; each ID is made when it is asked for
    many = ids.batch(1000)                       # a list; ids.array(1000) for an array('Q')

    parts = snowid.Layout("snowflake").decode(id)
    parts.datetime, parts.worker, parts.sequence
    month = snowid.Layout("snowflake").range("2024-01")     # all its IDs, for BETWEEN

    snowid.Generator("uuid7").next()             # uuid.UUIDs in increasing order
    str(snowid.ULID()), snowid.uuid7()           # need no generator; unordered within a millisecond
    snowid.uuid5("dns", "example.com")           # also uuid3(), uuid4() and uuid8()

    safe = snowid.Generator(worker=5, store="file:/var/lib/me/worker5")

An instant is a number of seconds since 1970 (an int, a float, a Decimal or a Fraction), an aware
datetime, a date (its midnight in UTC) or text: ISO 8601, ``"@1704067200.5"`` for seconds, or 12 or
13 digits for milliseconds. The argument ``time_ns`` takes nanoseconds instead. A span of time is a
number of seconds, a timedelta, or text such as ``"250us"``.

Errors are raised as subclasses of ``snowid.Error``, whose ``code`` is one of ``snowid.E_*`` or a
negative errno. IDs reveal when they were made; if that must stay secret, use a ``Mask`` or
``uuid4()``.
"""

from snowid import _snowid
from snowid._errors import (
    ClockError,
    ClosedError,
    Error,
    ExhaustedError,
    InvalidError,
    StoreError,
    SystemCallError,
)
from snowid._generator import Generator, ManualClock, Stats
from snowid._layout import Field, Layout, Parts
from snowid._mask import Mask
from snowid._snowid import (
    E_CLOCK,
    E_CLOSED,
    E_ENDED,
    E_EPOCH,
    E_EXHAUSTED,
    E_INVALID,
    E_KIND,
    E_LIMIT,
    E_OVERFLOW,
    E_RANGE,
    E_STORE,
    E_SYNTAX,
    E_UNKNOWN,
    E_WORKER,
)
from snowid._time import format_time, parse_time_ns
from snowid._values import (
    FORMS,
    MAX,
    NIL,
    ULID,
    UUID,
    format_id,
    parse_id,
    uuid3,
    uuid4,
    uuid5,
    uuid7,
    uuid8,
)

#: The version of the C library in use.
__version__: str = _snowid.version()

__all__ = [
    "ClockError",
    "ClosedError",
    "E_CLOCK",
    "E_CLOSED",
    "E_ENDED",
    "E_EPOCH",
    "E_EXHAUSTED",
    "E_INVALID",
    "E_KIND",
    "E_LIMIT",
    "E_OVERFLOW",
    "E_RANGE",
    "E_STORE",
    "E_SYNTAX",
    "E_UNKNOWN",
    "E_WORKER",
    "Error",
    "ExhaustedError",
    "FORMS",
    "Field",
    "Generator",
    "InvalidError",
    "Layout",
    "MAX",
    "ManualClock",
    "Mask",
    "NIL",
    "Parts",
    "Stats",
    "StoreError",
    "SystemCallError",
    "ULID",
    "UUID",
    "format_id",
    "format_time",
    "parse_id",
    "parse_time_ns",
    "uuid3",
    "uuid4",
    "uuid5",
    "uuid7",
    "uuid8",
]

# Messages and pickles should contain the public module name.
for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = "snowid"
