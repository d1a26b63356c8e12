# SPDX-License-Identifier: MIT
"""Converts instants and spans of time between Python's types and the library's numbers."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from math import floor, inf
from numbers import Rational
from operator import index
from typing import Any, Callable, Optional, Tuple, Union

from snowid import _errors, _snowid

#: A number of seconds.
Number = Union[float, Decimal, Fraction]
Instant = Union[Number, str, date]
Span = Union[Number, str, timedelta]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND = 1_000_000_000
_DAY = 86400
_MAX = (1 << 64) - 1
_NO_BEGIN, _NO_END = (-(1 << 63), 0), ((1 << 63) - 1, 0)


def parse_time_ns(text: str) -> int:
    """Converts text to nanoseconds since 1970.

    The text is ISO 8601, a number of milliseconds since 1970 with 12 or 13 digits, or ``@`` and a
    number of seconds.

    >>> snowid.parse_time_ns("2024-01-03T20:30:00.5+01:00")
    1704310200500000000
    """
    return to_ns(*_snowid.time_parse(text))


def format_time(instant: Optional[Instant] = None, *, time_ns: Optional[int] = None) -> str:
    """Formats an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals as needed.

    >>> snowid.format_time(1704310200.5)
    '2024-01-03T19:30:00.500Z'
    """
    return _snowid.time_format(*from_instant(instant, time_ns))


def to_ns(sec: int, nsec: int) -> int:
    """Nanoseconds since 1970."""
    return sec * _SECOND + nsec


def to_seconds(ns: int) -> float:
    """The float that is nearest to a number of nanoseconds, in seconds."""
    return ns / _SECOND


def to_datetime(ns: int) -> datetime:
    """A datetime in UTC, rounded down to microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _number(value: Any) -> Any:
    """Returns a number that is an int, a float, a Decimal or a Rational; None for anything else."""
    if isinstance(value, (str, bytes, bytearray, bool)):
        return None
    try:
        return index(value)
    except TypeError:
        if isinstance(value, (float, Decimal, Rational)):
            return value
        return float(value) if hasattr(value, "__float__") else None


def _convert(seconds: Any, convert: Callable[[float], Any]) -> Any:
    """Calls one of the library's functions, which check and round doubles.

    What it returns is exact for floats only.
    """
    try:
        return convert(float(seconds))
    except OverflowError:
        return convert(inf if seconds > 0 else -inf)


def _exact_ns(seconds: Any) -> int:
    if isinstance(seconds, int):
        return seconds * _SECOND
    return floor(Fraction(seconds) * _SECOND)


def from_instant(instant: Optional[Instant], time_ns: Optional[int] = None) -> Tuple[int, int]:
    """Converts an instant, or nanoseconds since 1970, to seconds and nanoseconds."""
    if (instant is None) == (time_ns is None):
        raise TypeError("either an instant or time_ns is needed")
    if time_ns is not None:
        return _from_ns(_errors.integer(time_ns, "time_ns"))
    if isinstance(instant, str):
        sec, nsec = _snowid.time_parse(instant)
        return sec, nsec
    if isinstance(instant, date):
        return _from_date(instant)
    number = _number(instant)
    if number is None:
        raise TypeError(
            "an instant is a number of seconds since 1970, an aware datetime, a date or text, "
            f"not {type(instant).__name__}"
        )
    rounded: Tuple[int, int] = _convert(number, _snowid.time_from_seconds)
    return rounded if isinstance(number, float) else _from_ns(_exact_ns(number))


def _from_ns(ns: int) -> Tuple[int, int]:
    sec, nsec = divmod(ns, _SECOND)
    if not _NO_BEGIN[0] <= sec <= _NO_END[0]:
        raise _errors.invalid("this instant is further from 1970 than 64 bits of seconds")
    return sec, nsec


def _from_date(instant: date) -> Tuple[int, int]:
    """Converts an aware datetime, or the midnight that begins a date in UTC."""
    if not isinstance(instant, datetime):
        return (instant.toordinal() - _EPOCH.toordinal()) * _DAY, 0
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise _errors.invalid(
            "this datetime has no time zone; give it one, as in datetime.now(timezone.utc)"
        )
    return _from_ns((instant - _EPOCH) // timedelta(microseconds=1) * 1000)


class Whole:
    """The default of the end of a range: the whole time that its first argument means."""

    def __repr__(self) -> str:
        return "..."


WHOLE = Whole()


def from_period(
    start: Optional[Instant], before: Union[Instant, None, Whole] = WHOLE
) -> Tuple[int, int, int, int]:
    """Converts a period to its first instant and the first instant after it."""
    if not isinstance(before, Whole):
        begin = _NO_BEGIN if start is None else from_instant(start)
        return (*begin, *(_NO_END if before is None else from_instant(before)))
    if isinstance(start, str):
        sec, nsec, end_sec, end_nsec = _snowid.period_parse(start)
        return sec, nsec, end_sec, end_nsec
    if isinstance(start, date) and not isinstance(start, datetime):
        sec, _ = _from_date(start)
        return sec, 0, sec + _DAY, 0
    raise TypeError(
        'a range needs its end as well, unless it is a date or text such as "2024-01" or '
        '"2024-01-31"'
    )


def span_ns(span: Span, what: str) -> int:
    """Converts a number of seconds, a timedelta or text to nanoseconds, which may be negative."""
    if isinstance(span, str):
        ns: int = _snowid.span_parse(span)
        return ns
    if isinstance(span, timedelta):
        return span // timedelta(microseconds=1) * 1000
    number = _number(span)
    if number is None:
        raise TypeError(
            f"{what} is a number of seconds, a timedelta or text such as '250ms', "
            f"not {type(span).__name__}"
        )
    rounded: int = _convert(abs(number), _snowid.span_from_seconds)
    ns = rounded if isinstance(number, float) else _exact_ns(abs(number))
    return -ns if number < 0 else ns


def timeout_ns(span: Span, what: str = "timeout") -> int:
    """Like span_ns(), for a span that must not be negative, but may be infinite."""
    if span == inf:
        return _MAX
    ns = span_ns(span, what)
    if ns < 0:
        raise _errors.invalid(f"{what} must not be negative")
    if ns > _MAX:
        raise _errors.invalid(f"{what} is longer than the 584 years that can be counted")
    return ns


def span_text(span: Span, what: str) -> str:
    """A span as text for the library's settings. Text is passed on unchanged."""
    return span if isinstance(span, str) else f"{timeout_ns(span, what)}ns"
