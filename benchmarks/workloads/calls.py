"""The same call of every peer, one at a time and a hundred at once."""

from __future__ import annotations

from math import inf
from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads.by_peer import ByPeer

IN_FLIGHT: Final = (1, 100)


def case(in_flight: int) -> str:
    """What so many calls at once are called."""
    return f"{in_flight} in flight"


WORKLOAD: Final = Workload(
    "calls",
    'bar(name="field1", value=42) over TCP on loopback',
    "rate",
    "calls/s",
    ByPeer("peers", {case(in_flight): {"in_flight": in_flight} for in_flight in IN_FLIGHT}),
    ratio="own",
    most_rounds=inf,
)
