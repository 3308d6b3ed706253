"""What is measured: one module each, with the same few names in it.

``NAME``
    What tables call it.
``PACKAGES``
    The distributions that it is made of, whose versions are noted.
``IN_FLIGHT``
    How its own documentation has many calls at once: a line for the table.
``serve(port)``
    Serve at ``127.0.0.1`` until the process is killed, and say so by :func:`announce`.
``run(port, in_flight, tally)``
    Make calls, *in_flight* of them at a time, as long as the tally wants more.

Both run in a process of their own: ``python -m benchmarks.peers``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol

from benchmarks.tally import Tally

READY: Final = "ready"
"""What a server prints when it can be called, unless it logs that it is registered."""

PEERS: Final = ("pycom_tx", "pyzmq", "amp", "grpc")
"""All of them, by the names of their modules."""


class Peer(Protocol):
    """What a peer's module has."""

    NAME: str
    PACKAGES: tuple[str, ...]
    IN_FLIGHT: str

    def serve(self, port: int) -> None:
        """Serve for ever."""

    def run(self, port: int, in_flight: int, tally: Tally) -> None:
        """Make calls."""


def peer(name: str) -> Peer:
    """A peer.

    :raises ImportError: it is not installed.
    """
    return import_module(f"benchmarks.peers.{name}")  # type: ignore[return-value]


def announce() -> None:
    """Tell whoever started this server that it can be called."""
    print(READY, flush=True)
