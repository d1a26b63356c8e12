# SPDX-License-Identifier: MIT
"""Instants and spans of time, between Python's types and the library's numbers."""

from datetime import datetime, timedelta, timezone
from typing import Tuple, Union

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
    """Nanoseconds since 1970 of ISO 8601 / RFC 3339 text, or of text that is an int of milliseconds.

    >>> snowid.parse_time("2024-01-03T20:30:00.5+01:00")
    1704310200500000000
    """
    return to_ns(*_snowid.time_parse(text))


def format_time(instant: Instant) -> str:
    """An instant as ISO 8601 in UTC, with 3, 6 or 9 decimals, as many as it needs.

    >>> snowid.format_time(1704310200500000000)
    '2024-01-03T19:30:00.500Z'
    """
    return _snowid.time_format(*from_instant(instant))


def to_ns(sec: int, nsec: int) -> int:
    """Nanoseconds since 1970."""
    return sec * _SECOND + nsec


def to_datetime(ns: int) -> datetime:
    """A datetime in UTC, which has microseconds: what is finer is cut off."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def from_instant(instant: Instant) -> Tuple[int, int]:
    """Seconds and nanoseconds of a datetime, of ISO 8601 text, or of nanoseconds since 1970."""
    if isinstance(instant, str):
        sec, nsec = _snowid.time_parse(instant)
        return sec, nsec
    if isinstance(instant, datetime):
        if instant.tzinfo is None or instant.utcoffset() is None:
            raise _errors.invalid(
                "this datetime has no time zone; give it one, as in datetime.now(timezone.utc)"
            )
        return divmod((instant - _EPOCH) // timedelta(microseconds=1) * 1000, _SECOND)
    if isinstance(instant, int) and not isinstance(instant, bool):
        sec, nsec = divmod(instant, _SECOND)
        if not -(1 << 63) <= sec < 1 << 63:
            raise _errors.invalid("this instant is further from 1970 than years can say")
        return sec, nsec
    raise TypeError(
        "an instant is an aware datetime, ISO 8601 text or an int of nanoseconds since 1970, "
        f"not {type(instant).__name__}"
    )


def span_ns(span: Union[int, float, timedelta], what: str) -> int:
    """Nanoseconds of a number of seconds or of a timedelta."""
    if isinstance(span, timedelta):
        return span // timedelta(microseconds=1) * 1000
    if isinstance(span, int) and not isinstance(span, bool):
        return span * _SECOND
    if isinstance(span, float):
        if span != span or span in (float("inf"), float("-inf")):
            raise _errors.invalid(f"{what} must be a finite number of seconds")
        return round(span * _SECOND)
    raise TypeError(f"{what} is a number of seconds or a timedelta, not {type(span).__name__}")


def span_text(span: Span, what: str) -> str:
    """A span as the library's settings take it; text is handed on as it is."""
    if isinstance(span, str):
        return span
    ns = span_ns(span, what)
    if ns < 0:
        raise _errors.invalid(f"{what} must not be negative")
    return f"{ns}ns"


def text_ns(span: str) -> int:
    """Nanoseconds of a span as the library writes it."""
    digits = span.rstrip("nmush")
    return int(digits) * _UNITS.get(span[len(digits) :], 0)
