"""Fifty clients of one server."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.processes import Server, server_of
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

PEERS_WITH: Final = ("pycom_tx", "pyzmq", "amp")

CLIENTS: Final = 50


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a server of each peer."""
    steps: Steps = {}
    for name in filter(settings.peers.__contains__, PEERS_WITH):
        server = server_of(name, stack, left_out, "clients")
        key = PEERS[name].title, f"{CLIENTS} clients"
        if server is not None:
            steps[", ".join(key)] = partial(_measure, settings, server, key)
    return steps


def _measure(settings: Settings, server: Server, key: Case) -> dict[Case, Figures]:
    return {key: server.run(settings, clients=CLIENTS)}


WORKLOAD: Final = Workload(
    "clients",
    "the same call by 50 clients with a connection each, one at a time each",
    "rate",
    "calls/s",
    prepare,
    ratio="own",
)
