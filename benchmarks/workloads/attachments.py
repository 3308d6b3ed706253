"""Attachments that go to the server and come back."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.processes import Server, server_of
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

PEERS_WITH: Final = ("pycom_tx", "pyzmq")

KIB: Final = 1024
MIB: Final = 1024 * KIB

CASES: Final = {
    "1 KiB, 1 in flight": (KIB, 1),
    "1 KiB, 8 in flight": (KIB, 8),
    "1 MiB, 1 in flight": (MIB, 1),
    "1 MiB, 8 in flight": (MIB, 8),
    "64 MiB, 1 in flight": (64 * MIB, 1),
}


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a server for each size of each peer."""
    steps: Steps = {}
    for case, (size, in_flight) in CASES.items():
        for name in filter(settings.peers.__contains__, PEERS_WITH):
            server = server_of(name, stack, left_out, "attachments", size=size)
            if server is not None:
                key = PEERS[name].title, case
                steps[", ".join(key)] = partial(_measure, settings, server, key, size, in_flight)
    return steps


def _measure(
    settings: Settings, server: Server, key: Case, size: int, in_flight: int
) -> dict[Case, Figures]:
    figures = server.run(settings, size=size, in_flight=in_flight)
    return {key: {**figures, "megabytes": figures["rate"] * 2 * size / 1e6}}


WORKLOAD: Final = Workload(
    "attachments",
    "attachments to the server and back; the sum of both ways",
    "megabytes",
    "MB/s",
    prepare,
    ratio="own",
)
