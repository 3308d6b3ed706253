"""Many requests through the gateway, none of which may fail."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from math import inf
from typing import Final

from benchmarks.workload import LeftOut, Settings, Steps, Workload
from benchmarks.workloads.by_peer import ByPeer
from benchmarks.workloads.clients import CLIENTS

REQUESTS: Final = 20_000
"""In a round of a second or more; a shorter one has fewer."""


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start what is called directly, and what is called through a gateway.

    A round of either ends with its last call, however long that takes.
    """
    whole = settings.scaled(round(REQUESTS * min(1.0, settings.seconds)))
    number = int(min(whole, settings.calls))
    case = f"{number:,} calls on {CLIENTS} connections"
    by_peer = ByPeer("clients", {case: {"clients": CLIENTS}}, ("pycom_tx", "gateway"))
    until_made = replace(settings, seconds=inf, calls=number)
    return by_peer(until_made, stack, left_out)


WORKLOAD: Final = Workload(
    "gateway",
    "calls through twistd pycom-gateway and direct ones, each with an answer that is checked",
    "rate",
    "calls/s",
    prepare,
    ratio="own",
    most_rounds=3,
)
