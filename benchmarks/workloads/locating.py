"""Locating a service for each call."""

from __future__ import annotations

from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads.by_peer import ByPeer

WORKLOAD: Final = Workload(
    "locate",
    "locate plus a call, one at a time: each opens a connection and closes it",
    "rate",
    "times/s",
    ByPeer("locate", {"locate, call, close": {}}, ("pycom_tx", "pycom06")),
    ratio="own",
)
