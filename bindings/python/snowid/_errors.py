# SPDX-License-Identifier: MIT
"""The exceptions of snowid, and which error of the library is which."""

from typing import Dict, Type

from snowid import _snowid


class Error(Exception):
    """What all errors of snowid have in common.

    ``code`` is the library's number for the error, one of the constants ``snowid.E_*`` or a
    negative errno. ``wait_ns`` says after how many nanoseconds it is worth trying again, and is 0
    where that would not help or is not known.
    """

    code: int = 0
    wait_ns: int = 0


class InvalidError(Error, ValueError):
    """An argument makes no sense, is out of range, malformed or unknown."""


class ClockError(Error):
    """The clock is behind what has been issued, or outside of what the layout can hold."""


class ExhaustedError(Error):
    """The sequence of the current tick is spent."""


class StoreError(Error):
    """The store cannot be relied on, or has not allowed IDs this late yet."""


class ClosedError(Error):
    """The generator has been closed."""


class SystemCallError(Error, OSError):
    """The system refused something; ``errno`` says what."""


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


def out_of_range(what: str, number: int, maximum: int) -> Error:
    """The exception for an integer that is negative or too large."""
    return make(_snowid.E_RANGE, f"{what} must be from 0 to {maximum}, not {number}", 0)


def invalid(text: str) -> Error:
    """The exception for what makes no sense."""
    return make(_snowid.E_INVALID, text, 0)
