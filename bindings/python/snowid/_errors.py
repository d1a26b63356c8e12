# SPDX-License-Identifier: MIT
"""The exceptions of snowid, and which error of the library is which."""

from operator import index
from typing import Any, Dict, List, Type, Union

from snowid import _snowid


class Error(Exception):
    """What all errors of snowid have in common.

    ``code`` is the library's number for the error, one of the constants ``snowid.E_*`` or a
    negative errno. ``wait_ns`` says after how many nanoseconds it is worth trying again, and is 0
    where that would not help or is not known. ``partial`` is what a batch() had made when it failed,
    or how many IDs a fill() or array().
    """

    code: int = 0
    wait_ns: int = 0
    partial: Union[List[Any], int, None] = None


class InvalidError(Error, ValueError):
    """An argument makes no sense, is out of range, malformed or unknown: all codes but those below."""


class ClockError(Error):
    """The clock is behind what has been issued (E_CLOCK), or outside of the layout (E_EPOCH, E_ENDED)."""


class ExhaustedError(Error):
    """The sequence of the current tick is spent (E_EXHAUSTED)."""


class StoreError(Error):
    """The store cannot be relied on (E_STORE), or has not allowed IDs this late yet (E_LIMIT)."""


class ClosedError(Error):
    """The generator has been closed (E_CLOSED)."""


class SystemCallError(Error, OSError):
    """The system refused something; ``errno`` says what, and ``code`` is ``-errno``."""


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


def unsigned(value: Any, what: str, maximum: int = (1 << 64) - 1) -> int:
    """An integer of any type as an int from 0 to maximum."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, not {type(value).__name__}") from None
    if not 0 <= number <= maximum:
        raise out_of_range(what, number, 0, maximum)
    return number


def invalid(text: str) -> Error:
    """The exception for what makes no sense."""
    return make(_snowid.E_INVALID, text, 0)
