"""What the processes serve: a method that answers at once, and one that computes."""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import Final

import pycom_tx as pycom
from benchmarks.services import Example

__all__ = ["COMPUTE", "Compute", "Example", "turns_within"]

COMPUTE: Final = "com.example.compute"


@pycom.interface(COMPUTE)
class Compute(pycom.Service):
    """Uses a core for a while."""

    @pycom.method
    def compute(self, request: pycom.Request, turns: int) -> int:
        """Turn round so often, and tell it."""
        turn_round(turns)
        return turns


def turn_round(turns: int) -> None:
    """Do the same work each time, however long it takes."""
    for _ in range(turns):
        pass


def turns_within(seconds: float) -> int:
    """How often a core that does nothing else turns round in some seconds."""
    fastest = inf
    for _ in range(2_000):
        began = perf_counter()
        turn_round(10_000)
        fastest = min(fastest, perf_counter() - began)
    return int(10_000 * seconds / fastest)
