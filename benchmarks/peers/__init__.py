"""What is measured: a module each, with a server and a client.

``serve(port)``
    Serve at ``127.0.0.1`` until the process is killed, and say so by :func:`announce`.
``run(port, tally, in_flight)``
    Make calls, *in_flight* of them at a time, as long as the tally wants more.

Both run in a process of their own, see :mod:`benchmarks.process`. Each is written the way the
peer's own documentation does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

READY: Final = "ready"
"""What a server prints when it can be called, unless its log says so."""


@dataclass(frozen=True)
class Peer:
    """What tables say about a peer.

    :ivar title: what they call it.
    :ivar packages: the distributions it is made of, whose versions are noted.
    :ivar in_flight: how it has many calls at once.
    """

    title: str
    packages: tuple[str, ...]
    in_flight: str


PEERS: Final = {
    "pycom_tx": Peer(
        "pycom_tx", ("pycom_tx", "Twisted", "pyzmq", "msgspec"), "coroutines that share a proxy"
    ),
    "pyzmq": Peer("raw pyzmq", ("pyzmq",), "one DEALER socket, a frame tells requests apart"),
    "txzmq": Peer(
        "bare txzmq", ("txzmq", "Twisted", "pyzmq"), "one DEALER socket, as that of raw pyzmq"
    ),
    "gateway": Peer(
        "pycom_tx through its gateway",
        ("Twisted", "aiohttp"),
        "tasks that share a session, 100 connections",
    ),
    "pycom06": Peer("PyCOM 0.6.0", (), "threads with a proxy each"),
    "amp": Peer("Twisted AMP", ("Twisted",), "coroutines that share a connection"),
    "pb": Peer("Perspective Broker", ("Twisted",), "coroutines that share a connection"),
    "zerorpc": Peer(
        "zerorpc", ("zerorpc", "gevent", "msgpack", "pyzmq"), "greenlets that share a client"
    ),
    "pyro5": Peer("Pyro5", ("Pyro5", "serpent"), "threads with a proxy each"),
    "rpyc": Peer("RPyC", ("rpyc",), "asynchronous results on one connection"),
    "grpc": Peer("gRPC, aio, JSON", ("grpcio",), "tasks that share a channel"),
    "aiohttp": Peer(
        "JSON over HTTP, aiohttp", ("aiohttp",), "tasks that share a session, 100 connections"
    ),
}
"""All of them, by the names of their modules."""


def announce() -> None:
    """Tell whoever started this server that it can be called."""
    print(READY, flush=True)
