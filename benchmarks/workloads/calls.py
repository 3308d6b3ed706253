"""The same call of every peer, one at a time and a hundred at once."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.processes import Server, server_of
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

IN_FLIGHT: Final = (1, 100)


def case(in_flight: int) -> str:
    """What so many calls at once are called."""
    return f"{in_flight} in flight"


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a server of each peer."""
    steps: Steps = {}
    for name in settings.peers:
        server = server_of(name, stack, left_out)
        for in_flight in () if server is None else IN_FLIGHT:
            key = PEERS[name].title, case(in_flight)
            steps[", ".join(key)] = partial(_measure, settings, server, key, in_flight)
    return steps


def _measure(settings: Settings, server: Server, key: Case, in_flight: int) -> dict[Case, Figures]:
    return {key: server.run(settings, in_flight=in_flight)}


WORKLOAD: Final = Workload(
    "calls",
    'bar(name="field1", value=42) over TCP on loopback',
    "rate",
    "calls/s",
    prepare,
    ratio="own",
)
