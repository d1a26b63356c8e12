# SPDX-License-Identifier: MIT
"""Masks: 64-bit IDs that tell nothing."""

from typing import Any, Optional, Union

from snowid import _snowid
from snowid._layout import Layout
from snowid._values import Id, id64


class Mask:
    """Turns 64-bit IDs into numbers that tell neither when nor in which order they were made.

    ::

        mask = snowid.Mask(key)
        text = mask.format(id)                      # base 58, for a URL
        id = mask.parse(text)

    key
        16 secret bytes, or 32 hexadecimal digits, as ``openssl rand -hex 16`` prints them.
    layout
        A layout or its spec: a masked ID then has no more bits than it, at least 20. Without one,
        it has 64.

    The same ID always becomes the same number, so that equal IDs can be recognised. Masked IDs are
    not authenticated: every number is that of some ID. They are not sorted: store the IDs
    themselves. Without the key they cannot be reverted.
    """

    __slots__ = ("_handle",)

    def __init__(self, key: Union[bytes, str], layout: Union[Layout, str, None] = None) -> None:
        secret = _snowid.mask_key_parse(key) if isinstance(key, str) else key
        if layout is not None and not isinstance(layout, Layout):
            layout = Layout(layout)
        self._handle = _snowid.mask_new(secret, layout._handle if layout else None)

    def apply(self, id: Id) -> int:
        """The masked ID of an ID."""
        return self._handle.apply(id64(id))

    def revert(self, masked: Id) -> int:
        """The ID of a masked one."""
        return self._handle.revert(id64(masked))

    def format(self, id: Id) -> str:
        """The masked ID of an ID as text in base 58."""
        return self._handle.format(id64(id))

    def parse(self, text: str) -> int:
        """The ID of a text that format() has made. Raises InvalidError for any other text."""
        return self._handle.parse(text)

    def __reduce__(self) -> Any:
        raise TypeError("a mask cannot be pickled or copied, because its key is secret")
