# SPDX-License-Identifier: MIT
"""The exceptions of snowid, and the error codes that each stands for."""

from operator import index
from typing import Any, Dict, List, Mapping, Optional, Type, Union

from snowid import _snowid


class Error(Exception):
    """The base class of all errors of snowid.

    ``code`` is the library's error code: one of the constants ``snowid.E_*``, or a negative errno.
    ``wait_ns`` is the number of nanoseconds after which to try again, or 0 if waiting does not help
    or the time is not known. ``partial`` is the list of IDs that a failed batch() had already made,
    or, for fill() and array(), their number.
    """

    code: int = 0
    wait_ns: int = 0
    partial: Union[List[Any], int, None] = None


class InvalidError(Error, ValueError):
    """An argument is invalid, out of range, malformed or unknown: all codes not listed below."""


class ClockError(Error):
    """The clock is wrong (E_CLOCK), or outside the time range of the layout (E_EPOCH, E_ENDED).

    E_CLOCK: it is too far behind the IDs already issued, or has jumped ahead by more than
    ``max_jump``.
    """


class ExhaustedError(Error):
    """The sequence of the current tick is used up (E_EXHAUSTED)."""


class StoreError(Error):
    """The store cannot be relied on (E_STORE), or does not yet allow IDs this late (E_LIMIT)."""


class ClosedError(Error):
    """The generator has been closed (E_CLOSED)."""


class SystemCallError(Error, OSError):
    """A system call failed; ``errno`` says why, and ``code`` is ``-errno``."""


_CLASSES: Dict[int, Type[Error]] = {
    _snowid.E_CLOCK: ClockError,
    _snowid.E_EPOCH: ClockError,
    _snowid.E_ENDED: ClockError,
    _snowid.E_EXHAUSTED: ExhaustedError,
    _snowid.E_STORE: StoreError,
    _snowid.E_LIMIT: StoreError,
    _snowid.E_CLOSED: ClosedError,
}


def make(code: int, detail: str, wait_ns: int) -> Error:
    """The exception for an error of the library."""
    text = detail or _snowid.strerror(code)
    error: Error
    if code > _snowid.E_INVALID:
        error = SystemCallError(-code, text)
    else:
        error = _CLASSES.get(code, InvalidError)(text)
    error.code = code
    error.wait_ns = wait_ns
    return error


def out_of_range(what: str, number: int, minimum: int, maximum: int) -> Error:
    """The exception for an integer that is too small or too large."""
    return make(_snowid.E_RANGE, f"{what} must be from {minimum} to {maximum}, not {number}", 0)


def integer(value: Any, what: str) -> int:
    """Converts an integer of any type to an int."""
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, not {type(value).__name__}") from None


def unsigned(value: Any, what: str, maximum: int = (1 << 64) - 1) -> int:
    """Converts an integer of any type to an int from 0 to maximum."""
    number = integer(value, what)
    if not 0 <= number <= maximum:
        raise out_of_range(what, number, 0, maximum)
    return number


def merge_fields(
    function: str, fields: Optional[Mapping[str, int]], more_fields: Mapping[str, int]
) -> Dict[str, int]:
    """The fields of a call that takes them in a mapping and as keyword arguments."""
    fields = fields or {}
    for name in more_fields:
        if name in fields:
            raise TypeError(f"{function}() got two values for the field {name}")
    return {
        name: unsigned(value, f"the field {name}")
        for name, value in {**fields, **more_fields}.items()
    }


def invalid(text: str) -> Error:
    """The exception for an invalid argument."""
    return make(_snowid.E_INVALID, text, 0)
