"""The same call of every peer, one at a time and a hundred at once."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.peers import peer
from benchmarks.processes import module, serving, told_by
from benchmarks.workload import Cases, LeftOut, Measured, Settings, Workload

IN_FLIGHT: Final = (1, 100)


def case(in_flight: int) -> str:
    """What a number of calls at once is called."""
    return f"{in_flight} in flight"


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Cases:
    """Start a server of each peer."""
    cases: Cases = {}
    for name in settings.peers:
        try:
            chosen = peer(name)
        except ImportError as error:
            left_out[name] = f"{error}: pip install '.[bench]'"
            continue
        server = stack.enter_context(serving("peers", name, "serve"))
        for in_flight in IN_FLIGHT:
            measure = partial(_measure, settings, name, server.port, in_flight)
            cases[chosen.NAME, case(in_flight)] = measure
    return cases


def _measure(settings: Settings, name: str, port: int, in_flight: int) -> Measured:
    options = ("--in-flight", in_flight, "--seconds", settings.seconds, "--calls", settings.calls)
    warm_up = ("--warm-up", settings.warm_up)
    return told_by(module("peers", name, "run", port, *options, *warm_up))


WORKLOAD: Final = Workload(
    "calls", 'bar(name="field1", value=42) over TCP on loopback', "rate", "calls/s", prepare
)
