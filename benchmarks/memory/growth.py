"""How much a server grows by connections, open calls, sessions and registered services."""

from __future__ import annotations

import resource
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

import pycom_tx as pycom
from benchmarks.bare_client import BareClient, Steps
from benchmarks.in_reactor import in_reactor
from benchmarks.memory.kept import OPEN, SESSIONS
from benchmarks.nameserver import operations
from benchmarks.peers import pycom_tx as peer
from benchmarks.peers.work import HOST
from pycom_tx.zerojson.txzmq_channel import ZmqNetwork

WARM: Final = 2000
"""Calls before the first look: what a server has then, it has anyway."""

SETTLED: Final = 1.0
"""Seconds until new connections have all they get: the one for heartbeats comes later."""

AT_ONCE: Final = 100
"""What is under way at the same time, where nothing stays open."""


def serve(port: int) -> None:
    """Serve, with room for what is kept open."""
    _allow_files()
    room = ("--max-calls", "100000", "--max-per-client", "100000")
    peer.serve(port, "benchmarks.memory.kept", *room)


def do(port: int, what: str, pid: int, number: int) -> dict[str, float]:
    """Have a server keep *number* of something, and see how much it has grown.

    :param what: the name of one of :data:`KEPT`.
    :param pid: the server's process.
    """
    _allow_files()
    _warm_up(port)
    before = resident(pid)
    told: dict[str, float] = {}

    def look() -> None:
        told["bytes"] = (resident(pid) - before) / number

    KEPT[what](port, number, look)
    return told


def resident(pid: int) -> int:
    """The bytes that a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    msg = f"Process {pid} has no memory: it has ended"
    raise RuntimeError(msg)


def _allow_files() -> None:
    """Allow this process as many open files as it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _warm_up(port: int) -> None:
    _bare(port, WARM, OPEN, "ping")


def _bare(port: int, number: int, interface: str, method: str) -> None:
    """Make so many calls, a hundred at a time."""
    left = iter(range(number))

    def steps(numbers: Iterator[int]) -> Steps:
        for _ in numbers:
            yield interface, method, {}

    client = BareClient(port)
    for _ in range(AT_ONCE):
        client.start(steps(left))
    client.run()
    client.close()


def _connections(port: int, number: int, look: Callable[[], None]) -> None:
    async def connect(network: ZmqNetwork) -> None:
        context = pycom.Context(network=network)
        component = await context.connect(f"tcp://{HOST}:{port}", OPEN)
        await component.invoke("ping")

    async def steps() -> None:
        network = ZmqNetwork(reactor)
        for first in range(0, number, AT_ONCE):
            await _all(connect(network) for _ in range(min(AT_ONCE, number - first)))
        await deferLater(reactor, SETTLED)
        look()
        network.close()

    in_reactor(steps)


def _open_calls(port: int, number: int, look: Callable[[], None]) -> None:
    async def steps() -> None:
        context = pycom.Context(wait_when_full=True)
        async with context, context.connect(f"tcp://{HOST}:{port}", OPEN) as component:
            await component.invoke("ping")
            for index in range(number):
                component.invoke("wait", {"number": index}, 60).addErrback(lambda _: None)
            # It arrives behind them.
            await component.invoke("ping")
            look()

    in_reactor(steps)


def _sessions(port: int, number: int, look: Callable[[], None]) -> None:
    # A call without a session opens one.
    _bare(port, number, SESSIONS, "count")
    look()


def _services(port: int, number: int, look: Callable[[], None]) -> None:
    operations.do(port, number)
    look()


def _all(coroutines: Any) -> Awaitable[Any]:
    return gatherResults(map(Deferred.fromCoroutine, coroutines), consumeErrors=True)


KEPT: Final = {
    "connections": _connections,
    "open-calls": _open_calls,
    "sessions": _sessions,
    "services": _services,
}
