"""The same by PyCOM 0.6.0."""

from __future__ import annotations

from benchmarks.peers.pycom06 import run_client, serve
from benchmarks.tally import Tally

__all__ = ["run", "serve"]


def run(port: int, tally: Tally) -> None:
    """Locate and call, one after the other."""
    run_client(port, tally, "located")
