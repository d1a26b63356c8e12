# SPDX-License-Identifier: MIT
"""Converts instants and spans of time between Python's types and the library's numbers."""

from datetime import datetime, timedelta, timezone
from math import isfinite, modf
from operator import index
from typing import Any, Optional, Tuple, Union

from snowid import _errors, _snowid

Instant = Union[datetime, str, int]
Span = Union[str, int, float, timedelta]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}


def parse_time(text: str) -> int:
    """Converts ISO 8601 text (RFC 3339), or text with a number of milliseconds since 1970.

    Returns nanoseconds since 1970.

    >>> snowid.parse_time("2024-01-03T20:30:00.5+01:00")
    1704310200500000000
    """
    return to_ns(*_snowid.time_parse(text))


def format_time(instant: Instant) -> str:
    """Formats an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals as needed.

    >>> snowid.format_time(1704310200500000000)
    '2024-01-03T19:30:00.500Z'
    """
    return _snowid.time_format(*from_instant(instant))


def to_ns(sec: int, nsec: int) -> int:
    """Nanoseconds since 1970."""
    return sec * _SECOND + nsec


def to_datetime(ns: int) -> datetime:
    """A datetime in UTC, rounded down to microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def to_seconds(ns: int) -> float:
    """The float that is nearest to a number of nanoseconds, in seconds."""
    return ns / _SECOND


def _integer(value: Any) -> Optional[int]:
    """Converts any integer type, such as numpy's, to an int; returns None for anything else."""
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None


def from_instant(instant: Instant) -> Tuple[int, int]:
    """Converts a datetime, ISO 8601 text or nanoseconds since 1970 to seconds and nanoseconds."""
    if isinstance(instant, str):
        sec, nsec = _snowid.time_parse(instant)
        return sec, nsec
    if isinstance(instant, datetime):
        if instant.tzinfo is None or instant.utcoffset() is None:
            raise _errors.invalid(
                "this datetime has no time zone; give it one, as in datetime.now(timezone.utc)"
            )
        return divmod((instant - _EPOCH) // timedelta(microseconds=1) * 1000, _SECOND)
    number = _integer(instant)
    if number is not None:
        sec, nsec = divmod(number, _SECOND)
        if not -(1 << 63) <= sec < 1 << 63:
            raise _errors.invalid("this instant is further from 1970 than years can say")
        return sec, nsec
    raise TypeError(
        "an instant is an aware datetime, ISO 8601 text or an int of nanoseconds since 1970, "
        f"not {type(instant).__name__}"
    )


def span_ns(span: Union[int, float, timedelta], what: str) -> int:
    """Converts a number of seconds or a timedelta to nanoseconds."""
    if isinstance(span, timedelta):
        return span // timedelta(microseconds=1) * 1000
    seconds = _integer(span)
    if seconds is not None:
        return seconds * _SECOND
    if hasattr(span, "__float__") and not isinstance(span, bool):
        if not isfinite(span):
            raise _errors.invalid(f"{what} must be a finite number of seconds")
        rest, whole = modf(span)
        return int(whole) * _SECOND + round(rest * _SECOND)
    raise TypeError(f"{what} is a number of seconds or a timedelta, not {type(span).__name__}")


def timeout_ns(span: Union[int, float, timedelta], what: str = "timeout") -> int:
    """Like span_ns(), for a span that must be neither negative nor too long for the library."""
    ns = span_ns(span, what)
    if ns < 0:
        raise _errors.invalid(f"{what} must not be negative")
    if ns >= 1 << 64:
        raise _errors.invalid(f"{what} is longer than the 584 years that can be counted")
    return ns


def span_text(span: Span, what: str) -> str:
    """A span as text for the library's settings. Text is passed on unchanged."""
    return span if isinstance(span, str) else f"{timeout_ns(span, what)}ns"


def text_ns(span: str) -> int:
    """Converts a span written by the library to nanoseconds."""
    digits = span.rstrip("nmush")
    return int(digits) * _UNITS.get(span[len(digits) :], 0)
