"""How many calls may be made again."""

from __future__ import annotations

from typing import Final

RESERVE: Final = 500.0
"""Calls that may be made again at once, for those in flight to a service that dies."""

SHARE: Final = 0.2
"""How many may be made again for each that was answered, from then on."""


class Budget:
    """Calls that may be made again, of a context: so that they cannot become a storm.

    While services answer it fills up; while they do not, each call costs little more than
    itself, however often it fails.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = RESERVE

    def earn(self) -> None:
        """A call was answered."""
        if self._left < RESERVE:
            self._left += SHARE

    def spend(self) -> bool:
        """Whether a call may be made again; then one less may."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
