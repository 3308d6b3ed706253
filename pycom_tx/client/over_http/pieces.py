"""Large bodies, cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

PIECE: Final = 64 * 1024
"""Bytes that are handed over at once."""


def pieces(parts: Sequence[bytes | memoryview]) -> Iterator[bytes]:
    """What follows each other, in pieces that are not too large."""
    for part in parts:
        if len(part) <= PIECE:
            yield bytes(part)
            continue
        view = memoryview(part)
        for start in range(0, len(part), PIECE):
            yield bytes(view[start : start + PIECE])
