# SPDX-License-Identifier: MIT
"""Distributed unique IDs."""

from snowid import _snowid

__version__: str = _snowid.version()
