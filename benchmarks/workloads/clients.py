"""Fifty clients of one server."""

from __future__ import annotations

from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads.by_peer import ByPeer

CLIENTS: Final = 50

WORKLOAD: Final = Workload(
    "clients",
    f"the same call by {CLIENTS} clients with a connection each, one at a time each",
    "rate",
    "calls/s",
    ByPeer("clients", {f"{CLIENTS} clients": {"clients": CLIENTS}}, ("pycom_tx", "pyzmq", "amp")),
    ratio="own",
)
