"""One and several processes of a service."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from benchmarks.processes import Server, serving
from benchmarks.scaling.work import turns_within
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

PROCESSES: Final = (1, 2)

CLIENTS: Final = 2
"""Processes that call."""

IN_FLIGHT: Final = 32
"""Calls in flight of each of them."""

MILLISECOND: Final = 0.001
"""Seconds that one core takes for a call that computes, if it does nothing else."""

BAR: Final = "bar, which answers at once"
COMPUTE: Final = "a method that computes for about 1 ms"


def case(processes: int) -> str:
    """What so many processes are called."""
    return f"{processes} process{'es' if processes > 1 else ''}"


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start the service with each number of processes, and a nameserver for each."""
    methods = {BAR: 0, COMPUTE: turns_within(MILLISECOND)}
    servers = {processes: _serving(processes, stack) for processes in PROCESSES}
    steps: Steps = {}
    for title, turns in methods.items():
        for processes, server in servers.items():
            key = title, case(processes)
            steps[", ".join(key)] = partial(_measure, settings, server, key, turns)
    return steps


def _serving(processes: int, stack: ExitStack) -> Server:
    """What clients call, who are told where the nameserver is."""
    nameserver = stack.enter_context(serving("nameserver.operations"))
    service = stack.enter_context(
        serving(
            "scaling.pycom_tx", times=processes, nameserver=nameserver.port, processes=processes
        )
    )
    return replace(service, port=nameserver.port)


def _measure(settings: Settings, server: Server, key: Case, turns: int) -> dict[Case, Figures]:
    told = server.run_at_once(settings, CLIENTS, in_flight=IN_FLIGHT, turns=turns)
    return {key: {name: sum(each[name] for each in told) for name in ("made", "calls", "rate")}}


WORKLOAD: Final = Workload(
    "processes",
    f"calls of {CLIENTS} processes with {IN_FLIGHT} in flight each, by processes of the service",
    "rate",
    "calls/s",
    prepare,
    ratio="first",
    most_rounds=5,
)
