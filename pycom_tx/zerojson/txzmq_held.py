"""What 0MQ holds of large frames."""

from __future__ import annotations

from collections import deque
from typing import Final
from weakref import ref

HELD: Final = 64 * 1024 * 1024
"""Bytes of large frames that 0MQ holds for one peer before others wait: beside the small
ones, whose number its high-water mark bounds."""


class Held:
    """The large frames that 0MQ has been handed for each peer, and not sent yet.

    :param limit: bytes for one peer. The frame that exceeds it is the last one.

    .. attribute:: frames

        A dict of them, with their sizes, by their peers' names.
    """

    def __init__(self, limit: int = HELD) -> None:
        self._limit = limit
        self.frames: dict[bytes, deque[tuple[ref[memoryview], int]]] = {}
        self._swept = 0

    def add(self, peer: bytes, frame: memoryview) -> None:
        """A frame was handed over. When 0MQ is done with it, nobody has it any more."""
        frames = self.frames.get(peer)
        if frames is None:
            frames = self.frames[peer] = deque()
            # Peers that get nothing more are looked at by nobody else.
            if len(self.frames) > 2 * self._swept + 1:
                self._sweep()
                frames = self.frames[peer] = deque()
        frames.append((ref(frame), frame.nbytes))

    def full(self, peer: bytes) -> bool:
        """Whether no more may be handed over."""
        frames = self.frames.get(peer)
        if frames is None:
            return False
        while frames and frames[0][0]() is None:
            frames.popleft()
        if not frames:
            del self.frames[peer]
        return sum(size for _, size in frames) >= self._limit

    def _sweep(self) -> None:
        for peer in list(self.frames):
            self.full(peer)
        self._swept = len(self.frames)
