"""What a server's memory grows by."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.processes import serving
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

KEPT: Final = {
    "connections": ("a connection of a client", 1_000),
    "open-calls": ("an open call", 10_000),
    "sessions": ("a session", 50_000),
    "services": ("a registered service", 100_000),
}
"""What tables call it, and how many of it there are."""


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Each is measured with a server of its own."""
    steps: Steps = {}
    for what, (title, full) in KEPT.items():
        number = settings.scaled(full)
        key = f"{title}, of {number:,}", ""
        steps[title] = partial(_measure, key, what, number)
    return steps


def _measure(key: Case, what: str, number: int) -> dict[Case, Figures]:
    with serving("memory.growth") as server:
        return {key: server.do(what=what, pid=server.pid, number=number)}


WORKLOAD: Final = Workload(
    "memory",
    "resident memory that a server's process grows by, for each",
    "bytes",
    "bytes",
    prepare,
    most_rounds=1,
)
