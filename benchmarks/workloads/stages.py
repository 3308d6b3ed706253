"""Where the time of a call goes."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.processes import Server, serving
from benchmarks.stages.sampler import STAGES
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload
from benchmarks.workloads import calls

SIDES: Final = ("client", "server")


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a server that looks at itself."""
    server = stack.enter_context(serving("stages.pycom_tx"))
    return {
        calls.case(in_flight): partial(_measure, settings, server, in_flight)
        for in_flight in calls.IN_FLIGHT
    }


def _measure(settings: Settings, server: Server, in_flight: int) -> dict[Case, Figures]:
    told = server.do(in_flight=in_flight, milliseconds=round(settings.seconds * 1000))
    return {
        (stage, f"{side}, {calls.case(in_flight)}"): {"microseconds": told[side].get(stage, 0.0)}
        for side in SIDES
        for stage in STAGES
    }


WORKLOAD: Final = Workload(
    "stages",
    "where the time of a call goes, on each side",
    "microseconds",
    "µs",
    prepare,
    most_rounds=3,
)
