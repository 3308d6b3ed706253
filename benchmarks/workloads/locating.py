"""Locating a service for each call."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.processes import Server, server_of
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

PEERS_WITH: Final = ("pycom_tx", "pycom06")


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a server of each peer."""
    steps: Steps = {}
    for name in filter(settings.peers.__contains__, PEERS_WITH):
        server = server_of(name, stack, left_out, "locate")
        key = PEERS[name].title, "locate, call, close"
        if server is not None:
            steps[", ".join(key)] = partial(_measure, settings, server, key)
    return steps


def _measure(settings: Settings, server: Server, key: Case) -> dict[Case, Figures]:
    return {key: server.run(settings)}


WORKLOAD: Final = Workload(
    "locate",
    "locate plus a call, one at a time: each opens a connection and closes it",
    "rate",
    "times/s",
    prepare,
    ratio="own",
)
